"""What the address of a lesson says."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from pages.lesson.link import Link
from trainer.lessons import LESSONS

LESSON = LESSONS["epochs_and_batches"]


def test_a_link_names_the_lesson_its_seed_and_what_is_locked() -> None:
    link = Link(lesson=LESSON, seed=7, knob="batch_4", view="presenter")

    assert link.path == "/lessons?lesson=epochs_and_batches&seed=7&knob=batch_4&view=presenter"
    assert link.positions == ("batch_4",)


def test_a_plain_link_leaves_out_what_is_as_usual() -> None:
    assert Link(lesson=LESSON).path == "/lessons?lesson=epochs_and_batches&seed=0"
    assert Link(lesson=LESSON).positions == ("batch_1", "batch_2", "batch_4")


@pytest.mark.parametrize("name", LESSONS)
def test_what_a_link_says_is_what_its_address_says(name: str) -> None:
    link = Link(lesson=LESSONS[name], seed=3)

    said = {key: value[0] for key, value in parse_qs(urlsplit(link.path).query).items()}
    assert said == link.parameters
