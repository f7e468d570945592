"""The hand-out of a lesson: what is to be filled in, and nothing that gives it away."""

from __future__ import annotations

import html
import re

import pytest

from pages.lesson.handout import sheet
from pages.lesson.link import Link
from trainer.lessons import LESSONS

NAMES = [name for name in LESSONS if name != "quiz"]


def text_of(name: str) -> str:
    drawn = sheet(Link(lesson=LESSONS[name], seed=7), "http://lab.example/lessons?lesson=x&seed=7")
    return html.unescape(re.sub("<[^>]+>", " ", drawn))


@pytest.mark.parametrize("name", NAMES)
def test_a_sheet_asks_all_that_the_lesson_asks(name: str) -> None:
    lesson, text = LESSONS[name], text_of(name)

    assert lesson.title in text
    assert lesson.predict.text in text
    assert lesson.challenge.text in text
    options = [*lesson.predict.options, *lesson.challenge.options]
    assert all(option.text in text for option in options)
    assert all(sight.text in text for sight in lesson.record)
    assert "http://lab.example/lessons?lesson=x&seed=7" in text
    assert "seed 7" in text


@pytest.mark.parametrize("name", NAMES)
def test_a_sheet_gives_no_answer_away(name: str) -> None:
    lesson, text = LESSONS[name], text_of(name)

    assert lesson.explain not in text
    options = [*lesson.predict.options, *lesson.challenge.options]
    assert not any(option.feedback in text for option in options)


def test_a_lesson_about_the_matrix_has_an_empty_one_and_others_have_axes() -> None:
    assert "called positive" in text_of("confusion_matrix")
    assert "called positive" not in text_of("epochs_and_batches")
    assert "epoch" in text_of("epochs_and_batches")
