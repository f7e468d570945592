from __future__ import annotations

import json
import math

import numpy as np
import pytest

from pages.live.series import (
    FIRST_GUESS,
    StepAxis,
    series_to_json,
    thin,
    to_marks,
    to_series,
)
from trainer.runs import Cursor, Record

START = Cursor()


def steps(
    epoch: int, first: int, values: list[float], *, stride: int = 1, cursor: Cursor = START
) -> Record:
    column = np.array(values, "f4")[:, None]
    return Record(
        kind="steps",
        epoch=epoch,
        step=first,
        data={"names": ["loss"], "stride": stride} if stride != 1 else {"names": ["loss"]},
        values=column,
        cursor=cursor,
    )


def epoch(number: int, *, cursor: Cursor = START, **logs: float | None) -> Record:
    return Record(kind="epoch", epoch=number, data=logs, cursor=cursor)


def test_an_epoch_lies_at_its_number_and_a_step_at_its_share_of_the_epoch() -> None:
    records = [steps(2, 0, [5, 4]), steps(2, 2, [3, 2]), epoch(2, loss=2.0, val_loss=None)]

    series = to_series(records, steps_per_epoch=4)

    assert {name: (list(x), list(y)) for name, (x, y) in series.items() if name != "val_loss"} == {
        "loss": ([3], [2]),
        "step/loss": ([2.25, 2.5, 2.75, 3], [5, 4, 3, 2]),
    }
    assert list(series["val_loss"][0]) == [3]
    assert math.isnan(series["val_loss"][1][0])


def test_steps_beyond_the_declared_length_stay_within_their_epoch() -> None:
    x, _ = to_series([steps(1, 0, [1, 1, 1])], steps_per_epoch=2)["step/loss"]

    assert list(x) == [1.5, 2, 2]


def test_steps_that_are_logged_several_at_a_time_lie_as_far_apart() -> None:
    # As fit() with steps_per_execution=4 reports ten steps: the last step of each execution.
    records = [steps(2, 3, [5, 4], stride=4), steps(2, 9, [3], stride=4), steps(3, 0, [2, 1])]

    x, y = to_series(records, steps_per_epoch=10)["step/loss"]

    assert list(x) == pytest.approx([2.4, 2.8, 3, 3.1, 3.2])
    assert list(y) == [5, 4, 3, 2, 1]


def test_a_name_that_is_logged_only_at_times_keeps_its_points_in_order() -> None:
    wide = Record(
        kind="steps",
        epoch=1,
        data={"names": ["loss", "accuracy"]},
        values=np.array([[2, 20]], "f4"),
    )

    series = to_series([steps(0, 0, [1]), wide, steps(2, 0, [3])], steps_per_epoch=1)

    assert [list(values) for values in series["step/loss"]] == [[1, 2, 3], [1, 2, 3]]
    assert [list(values) for values in series["step/accuracy"]] == [[2], [20]]


def test_thinning_keeps_the_first_the_last_and_the_outlying_point() -> None:
    x = np.arange(50_000, dtype=float)
    y = np.sin(x / 5_000)
    y[31_234] = 100.0

    thin_x, thin_y = thin(x, y, 2_000)

    assert len(thin_x) <= 2_000
    assert (thin_x[0], thin_x[-1]) == (0, 49_999)
    assert 100.0 in thin_y
    assert np.all(np.diff(thin_x) > 0)
    assert np.array_equal(thin_y, y[thin_x.astype(int)])


def test_thinning_keeps_the_lowest_and_the_highest_point_even_side_by_side() -> None:
    y = np.sin(np.arange(50_000.0))
    y[[0, 31_234, 31_235]] = np.nan, -9, 9

    thin_x, thin_y = thin(np.arange(50_000.0), y, 300)

    assert len(thin_x) <= 300
    assert thin_x[np.nanargmin(thin_y)] == 31_234
    assert thin_x[np.nanargmax(thin_y)] == 31_235


def test_thinning_leaves_what_is_short_enough_alone() -> None:
    x, y = np.arange(300.0), np.full(300, np.nan)

    assert thin(x, y, 300)[1] is y


@pytest.mark.parametrize("missing", [[0], [9_999], [5_000], range(2_000, 4_000), [0, 9_999]])
def test_thinning_keeps_the_fact_that_a_value_was_not_finite(missing: object) -> None:
    x, y = np.arange(10_000.0), np.linspace(1, 0, 10_000)
    y[list(missing)] = np.nan  # type: ignore[call-overload]

    thin_x, thin_y = thin(x, y, 300)

    assert len(thin_x) <= 300
    assert (thin_x[0], thin_x[-1]) == (0, 9_999)
    assert thin_x[np.isnan(thin_y)][0] == min(missing)  # type: ignore[call-overload]


@pytest.mark.parametrize("y", [np.full(5_000, np.nan), np.where(np.arange(5_000) % 2, np.nan, 1)])
def test_thinning_bounds_a_trace_that_is_full_of_gaps(y: np.ndarray) -> None:
    thin_x, thin_y = thin(np.arange(5_000.0), y, 300)

    assert len(thin_x) <= 300
    assert np.isnan(thin_y).any()


def test_json_has_null_for_what_is_not_finite_and_six_digits_for_the_rest() -> None:
    series = {'a "name"': (np.array([1.0, 2.0, 3.0]), np.array([0.123456789, np.nan, 1e-30]))}

    assert json.loads(series_to_json(series, steps_per_epoch=1)) == {
        'a "name"': {"x": [1, 2, 3], "y": [0.123457, None, 1e-30]}
    }


def test_json_tells_each_step_of_a_long_run_from_the_next() -> None:
    x = 99_998 + (np.arange(2_000) + 1) / 2_000

    written = json.loads(series_to_json({"step/loss": (x, x)}, steps_per_epoch=2_000))

    assert np.all(np.diff(written["step/loss"]["x"]) > 0)


def test_an_unknown_epoch_length_is_guessed_then_measured_by_the_first_finished_epoch() -> None:
    axis = StepAxis()
    lengths = []
    for records in (
        [steps(0, 0, [1.0] * FIRST_GUESS)],
        [steps(0, FIRST_GUESS, [1.0])],
        [epoch(0, loss=1.0)],
        [steps(1, 0, [1.0] * 500)],
    ):
        axis.observe(None, records)
        lengths.append(axis.steps_per_epoch)

    assert lengths == [FIRST_GUESS, 2 * FIRST_GUESS, FIRST_GUESS + 1, FIRST_GUESS + 1]
    assert axis.is_guess


def test_an_epoch_of_steps_logged_several_at_a_time_is_measured_in_steps() -> None:
    axis = StepAxis()
    axis.observe(None, [steps(0, 3, [1.0] * 25, stride=4), epoch(0, loss=1.0)])

    assert axis.steps_per_epoch == 100


def test_a_declared_epoch_length_is_taken_as_it_is() -> None:
    axis = StepAxis()
    axis.observe(7, [steps(0, 0, [1.0])])

    assert (axis.steps_per_epoch, axis.is_guess) == (7, False)


def test_a_changed_learning_rate_is_marked_before_the_step_that_it_is_for() -> None:
    def changed(epoch: int, step: int, rate: float) -> Record:
        return Record(kind="learning_rate", epoch=epoch, step=step, data={"learning_rate": rate})

    records = [epoch(0, loss=1.0), changed(1, 0, 0.5), changed(1, 3, 1e-7), changed(2, 9, 1.0)]

    assert to_marks(records, steps_per_epoch=4) == [
        {"x": 1, "learning_rate": 0.5},
        {"x": 1.75, "learning_rate": 1e-7},
        {"x": 3, "learning_rate": 1.0},
    ]
    assert list(to_series(records, steps_per_epoch=4)) == ["loss"]
