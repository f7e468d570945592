"""Texts: the words that tell classes apart, and texts as they can be read."""

from __future__ import annotations

import numpy as np
import pytest

from pages.figures.words import telling_words, text_table, word_counts
from trainer.config import RunConfig
from trainer.datasets import cache
from trainer.datasets.downloaded import encode_reviews, encode_texts
from trainer.looks import Look, look

WORDS = ("the", "film", "dull", "lovely", "plot")
# "the film dull" and "the film lovely … plot lovely", after the mark of the beginning.
DULL, LOVELY = [1, 4, 5, 6], [1, 4, 5, 7, 2, 8, 7]


def look_at_reviews(name: str) -> Look:
    """Look at reviews that are dull or lovely, as Keras has them."""
    y = (np.arange(25_000) % 2).astype(np.int32)
    reviews = np.empty(len(y), dtype=object)
    reviews[:] = [LOVELY if k else DULL for k in y]
    x = (encode_texts if name == "imdb_words" else encode_reviews)(reviews)
    cache.write(
        name,
        {"x_train": x, "y_train": y, "x_test": x[:2], "y_test": y[:2], "words": np.array(WORDS)},
    )
    return look(RunConfig.create(name))


@pytest.mark.parametrize("name", ["imdb", "imdb_words"])
def test_the_words_that_tell_the_classes_apart_come_first(name: str) -> None:
    found = look_at_reviews(name)

    table = telling_words(found, count=2)

    assert list(table.columns) == ["negative", "positive"]
    assert table["negative"][0] == "dull"
    assert list(table["positive"]) == ["lovely", "plot"]
    # Of indicators the different words are counted; of texts all, the unknown one as well.
    lengths = (3, 6) if name == "imdb_words" else (3, 4)
    assert word_counts(found).tolist() == [lengths[k] for k in found.arrays.y]


def test_texts_are_read_in_their_order_with_a_mark_for_rarer_words() -> None:
    table = text_table(look_at_reviews("imdb_words"), rows=40)

    assert len(table) == 40
    texts = {"negative": "the film dull", "positive": "the film lovely … plot lovely"}
    assert [texts[opinion] for opinion in table["opinion"]] == list(table["text"])


def test_of_a_copy_without_its_words_none_are_told() -> None:
    y = (np.arange(25_000) % 2).astype(np.int32)
    x = np.zeros((25_000, 200), dtype=np.uint16)
    cache.write("imdb_words", {"x_train": x, "y_train": y, "x_test": x[:2], "y_test": y[:2]})

    assert look(RunConfig.create("imdb_words")).words == ()
