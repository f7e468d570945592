"""The lessons' sets: exact counts in both halves, and means as far apart as they promise."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.config import RunConfig
from trainer.datasets import LoadOptions, load


def halves(name: str, seed: int):
    config = RunConfig.create(name, seed=seed)
    parts = config.split(load(name, config.load_options()))
    return (parts.x_train, parts.y_train), (parts.x_val, parts.y_val)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_both_halves_of_two_sides_have_the_same_hundred_rows(seed):
    for x, y in halves("two_sides", seed):
        counts = [[int(((x[:, 0] == side) & (y == k)).sum()) for side in (-1, 1)] for k in (0, 1)]
        assert counts == [[50, 10], [5, 35]]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_both_halves_of_the_risk_levels_have_the_same_ten_thousand_rows(seed):
    for x, y in halves("risk_levels", seed):
        assert (x.sum(axis=1) == 1).all()
        assert x[y == 1].sum(axis=0).tolist() == [24, 96, 50, 30]
        assert x[y == 0].sum(axis=0).tolist() == [16, 384, 1450, 7950]


def test_sets_of_few_kinds_can_be_shaken_and_then_keep_the_classes_shares():
    config = RunConfig.create("two_sides", noise=0.5)
    parts = config.split(load("two_sides", config.load_options()))
    assert np.bincount(parts.y_val).tolist() == [60, 40]


def test_four_points_lie_on_y_equals_2x():
    arrays = load("four_points")
    assert arrays.x[:, 0].tolist() == [1, 2, 3, 4]
    assert arrays.y.tolist() == [2, 4, 6, 8]


def test_the_plane_has_slopes_of_length_2_in_any_direction_and_the_noise_asked_for():
    clean = load("plane", LoadOptions(noise=0.0, seed=3))
    slopes, *_ = np.linalg.lstsq(clean.x, clean.y, rcond=None)
    assert np.linalg.norm(slopes) == pytest.approx(2, rel=1e-5)
    noisy = load("plane", LoadOptions(noise=0.5, seed=3, num_samples=4000))
    slopes, residuals, *_ = np.linalg.lstsq(noisy.x, noisy.y, rcond=None)
    assert np.sqrt(residuals[0] / 4000) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(
    ("name", "apart"),
    [
        ("clouds", [1.7, 1.7]),
        ("rare", [0.8]),
        ("purchases", [1.28, 0, 0]),
        ("coin_flips", [0] * 20),
        ("guesses", [0]),
    ],
)
def test_the_means_of_the_classes_are_as_far_apart_as_promised(name, apart):
    arrays = load(name, LoadOptions(num_samples=20_000, seed=1))
    means = [arrays.x[arrays.y == k].mean(axis=0) for k in (0, 1)]
    np.testing.assert_allclose(means[1] - means[0], apart, atol=0.1)
    np.testing.assert_allclose(arrays.x[arrays.y == 0].std(axis=0), 1, atol=0.05)
