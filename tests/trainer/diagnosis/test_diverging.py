"""Diverging: said of losses that run away, and of no others."""

from __future__ import annotations

import pytest

from trainer.diagnosis.diverging import diverging


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_said_at_once_with_its_epoch(broken):
    verdict = diverging([1.0, 5.0, broken], baseline=None, learning_rate=0.5)
    assert verdict.sentence == "The loss stopped being a finite number in epoch 3."
    assert verdict.epochs == (2,)
    assert verdict.choices == {"learning_rate": 0.05}


def test_a_loss_far_above_first_lowest_and_constant_runs_away():
    verdict = diverging([3.0, 2.0, 9.0, 40.0], baseline=4.0, learning_rate=0.1)
    assert verdict.sentence == (
        "The loss runs away: 40 in the end, after 2 in epoch 2; always predicting the same would "
        "cost 4."
    )
    assert verdict.epochs == (1, 3)
    assert verdict.next_step == "Try a learning rate of 0.01."


@pytest.mark.parametrize(
    ("losses", "baseline"),
    [
        ([], 1.0),
        ([50.0, 2.0, 9.0], 4.0),
        ([3.0, 2.0, 7.0], 4.0),
        ([6.0, 5.0, 9.0], 1.0),
        ([3.0, 2.0, 40.0], None),
        ([3.0, 2.0, 1.0], 4.0),
    ],
    ids=[
        "no epoch",
        "below the first",
        "below twice the constant",
        "below twice the lowest",
        "no constant known",
        "falling",
    ],
)
def test_it_is_silent_where_one_of_its_conditions_is_not_so(losses, baseline):
    assert diverging(losses, baseline=baseline, learning_rate=0.1) is None


def test_an_epoch_that_is_not_known_is_no_loss_that_ran_away():
    assert diverging([3.0, None, 2.0, None], baseline=4.0, learning_rate=0.1) is None
    verdict = diverging([None, 3.0, None, 2.0, 40.0], baseline=4.0, learning_rate=0.1)
    assert verdict is not None
    assert verdict.epochs == (3, 4)


def test_from_a_rate_beyond_all_sense_the_next_step_is_one_that_may_work():
    verdict = diverging([float("nan")], baseline=None, learning_rate=1e9)

    assert verdict is not None
    assert verdict.choices == {"learning_rate": 0.1}
