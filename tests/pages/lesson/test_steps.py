"""Where somebody is in a lesson, and what is said of what they saw."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType

import pytest

from pages.lesson.steps import SOMETHING_ELSE, STEPS, current_step, told_sight
from trainer.config import RunConfig
from trainer.lessons import LESSONS, Fit
from trainer.progress import CHALLENGE, PREDICT, Standing
from trainer.withheld import RECORD

LESSON = LESSONS["epochs_and_batches"]


@pytest.fixture
def fit() -> Fit:
    return Fit(
        run_id="a",
        state="finished",
        message="",
        config=RunConfig.create("four_points"),
        epochs=3,
        steps_per_epoch=2,
        history=MappingProxyType({"loss": [3.0, 2.0, 1.0]}),
        counts=None,
        test_counts=None,
        weights=(),
    )


def test_the_steps_come_one_after_the_other() -> None:
    assert current_step(Standing(lesson=LESSON, answers={})) == STEPS.index("Predict")
    assert current_step(Standing(lesson=LESSON, answers={PREDICT: 0})) == STEPS.index("Run")


def test_a_run_that_is_gone_leads_back_to_the_run() -> None:
    answers = {PREDICT: 0, RECORD: 0, CHALLENGE: 0}

    assert current_step(Standing(lesson=LESSON, answers=answers)) == STEPS.index("Run")


def test_whoever_saw_what_was_there_is_told_so(fit: Fit) -> None:
    assert "Well seen" in told_sight(LESSON, 0, fit)
    assert "Well seen" in told_sight(LESSON, 2, fit)


@pytest.mark.parametrize("choice", [1, len(LESSON.record)])
def test_whoever_saw_something_else_is_told_what_it_was(choice: int, fit: Fit) -> None:
    said = told_sight(LESSON, choice, fit)

    assert "It was: The loss fell in every epoch. An epoch had two steps." in said
    assert SOMETHING_ELSE not in said


def test_a_run_that_shows_none_of_it_is_nobody_s_fault(fit: Fit) -> None:
    lesson = LESSONS["loss_and_metric"]
    flat = dataclasses.replace(fit, history={"area_under_line": [1.0, 1.0, 1.0]})

    assert "exact values vary" in told_sight(lesson, 0, flat)
