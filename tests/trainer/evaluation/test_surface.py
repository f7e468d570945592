"""Surfaces: where their points lie, and what is left of scores in a byte."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from trainer.datasets import DATASETS
from trainer.datasets.split import Split
from trainer.evaluation.surface import Grid, Surface, pack, surface_kind, unpack

MOONS = DATASETS["moons"]


def split_of(x: np.ndarray, y: np.ndarray) -> Split:
    """Half of the rows to train on, a quarter each to validate and to test on."""
    train, validation, test = np.split(np.arange(len(y)), [len(y) // 2, 3 * len(y) // 4])
    return Split(
        x_train=x[train],
        y_train=y[train],
        x_val=x[validation],
        y_val=y[validation],
        x_test=x[test],
        y_test=y[test],
        rows_val=validation,
        rows_test=test,
    )


def spec_of(task: str, num_classes: int = 0, shape: tuple[int, ...] = (2,)):
    names = tuple(f"class {k}" for k in range(num_classes))
    return dataclasses.replace(MOONS, task=task, class_names=names, input_shape=shape)


def grid_of(kind: str, size: int = 3, values: tuple[float, float] = (0.0, 1.0)) -> Grid:
    inputs = 1 if kind == "curve" else 2
    return Grid(kind=kind, low=(0.0,) * inputs, high=(1.0,) * inputs, size=size, values=values)


def test_the_grid_spans_the_rows_one_sees_and_a_tenth_around_them_but_no_test_row():
    x = np.array([[0, 5], [10, 5], [2, 5], [3, 25], [99, -99], [0, 0], [4, 6], [900, 900]])
    x = x[[0, 1, 2, 6, 3, 2, 4, 7]].astype(np.float32)
    grid = Grid.over(MOONS, split_of(x, np.zeros(8, np.int32)))
    assert grid is not None
    np.testing.assert_allclose(grid.low, [-1, 3])
    np.testing.assert_allclose(grid.high, [11, 27])


def test_the_points_run_along_the_first_input_first():
    grid = Grid(kind="score", low=(0.0, 10.0), high=(2.0, 14.0), size=3)
    points = grid.points()
    assert points.dtype == np.float32
    np.testing.assert_array_equal(points[:4], [[0, 10], [1, 10], [2, 10], [0, 12]])
    np.testing.assert_array_equal(points[-1], [2, 14])


def test_rows_that_are_all_the_same_have_a_grid_around_them():
    grid = Grid.over(MOONS, split_of(np.ones((8, 2), np.float32), np.zeros(8, np.int32)))
    assert grid is not None
    np.testing.assert_allclose([grid.low, grid.high], [[0.9, 0.9], [1.1, 1.1]])


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (MOONS, "score"),
        (spec_of("multiclass", 5), "winner"),
        (spec_of("multiclass", 257), None),
        (spec_of("regression"), "value"),
        (DATASETS["line"], "curve"),
        (spec_of("binary", 2, (1,)), None),
        (DATASETS["iris"], None),
        (DATASETS["digits"], None),
    ],
)
def test_a_picture_is_of_two_inputs_or_of_one_with_a_number_to_predict(spec, kind):
    assert surface_kind(spec) == kind


def test_a_score_keeps_its_side_and_is_at_most_half_a_level_off():
    scores = np.concatenate([np.linspace(0, 1, 98), [0.5, np.nan]]).astype(np.float32)
    grid = grid_of("score", size=10)
    packed = pack(Surface(grid=grid, outputs=scores[:, None]))
    assert packed.header["kind"] == "score"
    back = unpack(packed).ravel()
    np.testing.assert_allclose(back[:-1], scores[:-1], atol=0.5 / 254 + 1e-7)
    assert back[-2] == 0.5
    assert np.isnan(back[-1])


def test_of_many_classes_the_winner_is_kept_with_its_score():
    outputs = np.random.default_rng(0).dirichlet(np.ones(7), 9)
    winner, score = unpack(pack(Surface(grid=grid_of("winner"), outputs=outputs)))
    np.testing.assert_array_equal(winner.ravel(), outputs.argmax(axis=1))
    np.testing.assert_allclose(score.ravel(), outputs.max(axis=1), atol=0.5 / 254)


def test_a_predicted_number_is_kept_within_the_targets_range():
    outputs = np.array([-30, -20, 0, 7, 20, 45, np.inf, -np.inf, np.nan])[:, None]
    values = unpack(pack(Surface(grid=grid_of("value", values=(-20.0, 20.0)), outputs=outputs)))
    expected = [-20, -20, 0, 7, 20, 20, np.nan, np.nan, np.nan]
    np.testing.assert_allclose(values.ravel(), expected, atol=20 / 254)


def test_a_curve_is_kept_as_it_is():
    outputs = np.array([1e9, -0.123456, np.inf, np.nan], np.float32)[:, None]
    curve = unpack(pack(Surface(grid=grid_of("curve", size=4), outputs=outputs)))
    np.testing.assert_array_equal(curve, [np.float32(1e9), np.float32(-0.123456), np.nan, np.nan])
