"""What a training of a lesson was, in numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from trainer.config import RunConfig
from trainer.evaluation.counts import ClassCounts
from trainer.lessons import LESSONS, Fit
from trainer.lessons.evidence import curve_facts, threshold_rows


def fit_of(history: dict[str, list[float | None]], counts: ClassCounts | None = None) -> Fit:
    dataset = "four_points" if counts is None else "two_sides"
    return Fit(
        run_id="a",
        state="finished",
        message="",
        config=RunConfig.create(dataset),
        epochs=3,
        steps_per_epoch=2,
        history=history,
        counts=counts,
        test_counts=None,
        weights=(),
    )


def test_each_value_is_told_from_its_beginning_to_its_end() -> None:
    facts = curve_facts({"loss": [26.0, 2.0, 0.2812], "val_loss": [1.0, 0.4, 0.5]})

    assert facts == ["loss: 26 → 0.281", "val_loss: 1 → 0.5, lowest 0.4 after epoch 2"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.5, 0.9, 0.7], "0.5 → 0.7, highest 0.9 after epoch 2"),
        ([0.5, 0.9, 0.9], "0.5 → 0.9"),
        ([0.5, 0.9004, 0.9], "0.5 → 0.9"),  # told as the same number
        ([0.9, 0.1, 0.5], "0.9 → 0.5"),
    ],
)
@pytest.mark.parametrize("name", ["val_accuracy", "area_under_line"])
def test_of_what_is_better_high_or_has_no_direction_the_highest_is_told(
    name, values, expected
) -> None:
    assert curve_facts({name: values}) == [f"{name}: {expected}"]


def test_of_an_error_the_lowest_is_told() -> None:
    facts = curve_facts({"val_mean_absolute_error": [3.0, 1.0, 2.0]})
    assert facts == ["val_mean_absolute_error: 3 → 2, lowest 1 after epoch 2"]


def test_a_loss_that_ran_away_is_told_with_the_epoch() -> None:
    assert curve_facts({"loss": [2.0, 1e6, None]}) == [
        "loss: 2 → 1,000,000, no finite number from epoch 3 on"
    ]
    assert curve_facts({"loss": [None]}) == ["loss: not one finite number"]


def test_without_two_classes_there_is_nothing_by_threshold() -> None:
    assert threshold_rows(fit_of({"loss": [1.0]})) == []


def test_the_matrix_at_three_thresholds_is_that_of_the_counts() -> None:
    # 50 and 5 rows have the score 0.0905, 10 and 35 the score 0.7805, as in the lesson.
    positives, negatives = np.zeros((2, 1001)), np.zeros((2, 1001))
    positives[1, [90, 780]], negatives[1, [90, 780]] = (5, 35), (50, 10)
    positives[0, [909, 219]], negatives[0, [909, 219]] = (50, 10), (5, 35)
    confusion = np.array([[50.0, 10.0], [5.0, 35.0]])
    counts = ClassCounts(positives=positives, negatives=negatives, confusion=confusion)

    rows = threshold_rows(fit_of({}, counts))

    assert [row["threshold"] for row in rows] == [0.1, 0.5, 0.9]
    assert [rows[1][name] for name in ("TN", "FP", "FN", "TP")] == [50, 10, 5, 35]
    assert rows[1]["precision"] == pytest.approx(35 / 45)
    assert [rows[2][name] for name in ("TN", "FP", "FN", "TP")] == [60, 0, 40, 0]
    assert rows[2]["precision"] is None


@pytest.mark.parametrize("name", LESSONS)
def test_a_training_that_ended_before_its_first_epoch_shows_nothing(name: str) -> None:
    ended = dataclasses.replace(fit_of({}), state="diverged", epochs=0)

    assert LESSONS[name].seen_in(ended) == []
