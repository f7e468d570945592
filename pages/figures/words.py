"""Texts before they are trained on: their lengths, which words tell classes apart, and a few."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pages.figures.preview import spread
from trainer.datasets.downloaded import FIRST_WORD
from trainer.datasets.spec import DatasetSpec
from trainer.looks import Look

_WORDS_SHOWN = 60


def is_text(spec: DatasetSpec) -> bool:
    """Return whether the rows of a dataset are texts."""
    return not spec.is_image and not spec.feature_names


def word_counts(look: Look) -> np.ndarray:
    """Return how many words each row has, shape `(num_rows,)`; of indicators different ones."""
    # Of texts 1 marks the beginning.
    return (look.arrays.x > (1 if look.spec.vocabulary else 0)).sum(axis=1)


def telling_words(look: Look, count: int = 12) -> pd.DataFrame:
    """Return for each class the words that more of its rows have than of the others, most first."""
    has_word = _has_word(look)
    columns: dict[str, list[str]] = {}
    for k, name in enumerate(look.spec.class_names):
        is_class = look.arrays.y == k
        more = has_word[is_class].mean(axis=0) - has_word[~is_class].mean(axis=0)
        columns[name] = [look.words[place] for place in np.argsort(-more, kind="stable")[:count]]
    return pd.DataFrame(columns)


def text_table(look: Look, rows: int = 20) -> pd.DataFrame:
    """Return some texts with their classes, for sets that keep the order of the words."""
    spec = look.spec
    chosen = spread(len(look.arrays.y), rows)
    return pd.DataFrame(
        {
            spec.target_name: [spec.class_names[k] for k in look.arrays.y[chosen]],
            "text": [_text(indices, look.words) for indices in look.arrays.x[chosen]],
        }
    )


def _has_word(look: Look) -> np.ndarray:
    x, num_words = look.arrays.x, len(look.words)
    if not look.spec.vocabulary:
        return x[:, :num_words] > 0
    has_word = np.zeros((len(x), num_words + FIRST_WORD), dtype=bool)
    np.put_along_axis(has_word, np.minimum(x, num_words + FIRST_WORD - 1).astype(int), True, 1)
    return has_word[:, FIRST_WORD:]


def _text(indices: np.ndarray, words: Sequence[str]) -> str:
    # 0 fills up and 1 is the beginning; 2 stands for all rarer words.
    known = [int(index) - FIRST_WORD for index in indices if index > 1]
    shown = [words[place] if 0 <= place < len(words) else "…" for place in known[:_WORDS_SHOWN]]
    return " ".join(shown) + (" …" if len(known) > _WORDS_SHOWN else "")
