"""The words in one sentence each, and where they stand in a text."""

from __future__ import annotations

import pytest

from pages.data_fields import DATA_HELP
from pages.model_fields import MODEL_HELP
from trainer.glossary import GLOSSARY, find_terms, sentence
from trainer.lessons import LESSONS


def words_in(text: str) -> list[str]:
    return [text[first:last] for first, last, _ in find_terms(text)]


@pytest.mark.parametrize("name", GLOSSARY)
def test_a_word_means_one_thing_said_in_a_sentence(name: str) -> None:
    term = GLOSSARY[name]

    assert term.sentence.endswith(".")
    assert term.sentence[0].isupper()
    forms = [form for other in GLOSSARY.values() for form in (other.word, *other.forms)]
    assert len(set(forms)) == len(forms)


def test_a_term_is_found_once_in_any_form_and_the_longer_one_wins() -> None:
    text = "Batches of 2, a batch size of 3: the learning rate, the Confusion matrix, no batcher."

    assert words_in(text) == ["Batches", "learning rate", "Confusion matrix"]


def test_code_is_no_place_for_a_term() -> None:
    assert words_in("fit(x, epochs=3), `epochs` and loss() and val_loss") == []


@pytest.mark.parametrize("name", [name for name in LESSONS if name != "quiz"])
def test_each_lesson_explains_words_of_the_glossary(name: str) -> None:
    lesson = LESSONS[name]

    assert find_terms(lesson.predict.text) + find_terms(lesson.explain)


def test_the_form_s_help_is_the_glossary_s_where_a_field_is_a_term() -> None:
    for name in ("leak", "test_split", "validation_split"):
        assert DATA_HELP[name] == sentence(name)
    for name in ("units", "fair_curve", "patience", "early_stopping"):
        assert MODEL_HELP[name] == sentence(name)
