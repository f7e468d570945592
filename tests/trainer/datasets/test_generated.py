"""Generated datasets: clean without noise, blurred with it, the same again for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.datasets
from sklearn.neighbors import KNeighborsClassifier

from trainer.datasets import DATASETS, LoadOptions, load
from trainer.errors import InvalidInput

GENERATED = [name for name, spec in DATASETS.items() if spec.default_noise is not None]
CLASSES = [name for name in GENERATED if DATASETS[name].num_classes]


@pytest.mark.parametrize("name", GENERATED)
def test_the_same_seed_gives_the_same_rows_and_another_seed_gives_others(name):
    first, again, other = (load(name, LoadOptions(noise=0.1, seed=s)) for s in (7, 7, 8))
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.x, other.x)


@pytest.mark.parametrize("name", CLASSES)
def test_without_noise_the_nearest_other_row_is_always_of_the_same_class(name):
    arrays = load(name, LoadOptions(noise=0.0))
    model = KNeighborsClassifier(n_neighbors=1).fit(arrays.x, arrays.y)
    neighbours = model.kneighbors(return_distance=False)[:, 0]
    np.testing.assert_array_equal(arrays.y[neighbours], arrays.y)


@pytest.mark.parametrize("name", CLASSES)
def test_much_noise_mixes_the_classes(name):
    arrays = load(name, LoadOptions(noise=1.0))
    model = KNeighborsClassifier(n_neighbors=1).fit(arrays.x, arrays.y)
    neighbours = model.kneighbors(return_distance=False)[:, 0]
    assert (arrays.y[neighbours] == arrays.y).mean() < 0.8


@pytest.mark.parametrize("name", CLASSES)
def test_both_classes_have_as_many_rows(name):
    assert np.bincount(load(name, LoadOptions(noise=0.1)).y).tolist() == [200, 200]


def test_the_line_is_y_equals_2x_and_the_noise_has_the_deviation_asked_for():
    clean = load("line", LoadOptions(noise=0.0))
    np.testing.assert_allclose(clean.y, 2 * clean.x[:, 0], rtol=1e-6)
    assert clean.x.min() >= -1 and clean.x.max() <= 1
    noisy = load("line", LoadOptions(noise=0.5))
    assert np.std(noisy.y - 2 * noisy.x[:, 0]) == pytest.approx(0.5, rel=0.15)


def test_moons_and_circles_are_those_of_scikit_learn():
    options = LoadOptions(noise=0.2, seed=5)
    for name, expected in (
        ("moons", sklearn.datasets.make_moons(400, noise=0.2, random_state=5)),
        ("circles", sklearn.datasets.make_circles(400, noise=0.2, factor=0.5, random_state=5)),
    ):
        arrays = load(name, options)
        np.testing.assert_array_equal(arrays.x, expected[0].astype(np.float32))
        np.testing.assert_array_equal(arrays.y, expected[1])


def test_class_names_say_where_the_rows_lie():
    moons = load("moons", LoadOptions(noise=0.0))
    upper, lower = (moons.x[moons.y == k, 1].mean() for k in (0, 1))
    assert upper > lower
    circles = load("circles", LoadOptions(noise=0.0))
    radius = np.hypot(*circles.x.T)
    np.testing.assert_allclose(radius, np.where(circles.y == 0, 1.0, 0.5), rtol=1e-6)


def test_without_noise_xor_is_whether_the_signs_differ():
    arrays = load("xor", LoadOptions(noise=0.0))
    np.testing.assert_array_equal(arrays.y, arrays.x[:, 0] * arrays.x[:, 1] < 0)


@pytest.mark.parametrize("name", GENERATED)
@pytest.mark.parametrize("noise", [-0.1, float("nan"), float("inf")])
def test_noise_that_is_no_deviation_is_refused(name, noise):
    with pytest.raises(InvalidInput, match="noise must be zero or a positive number. Got"):
        load(name, LoadOptions(noise=noise))
