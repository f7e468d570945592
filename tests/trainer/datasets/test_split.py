"""Splitting: sizes known in advance, no row twice, classes kept, nothing learnt in advance."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from trainer.datasets import DATASETS, Arrays, LoadOptions, load
from trainer.datasets.split import split, split_sizes
from trainer.errors import InvalidInput

LOCAL = [name for name, spec in DATASETS.items() if spec.origin != "downloaded"]


def numbered(y: np.ndarray) -> Arrays:
    """Return rows whose only feature is their number, so that they can be told apart."""
    return Arrays(x=np.arange(len(y), dtype=np.float32)[:, np.newaxis], y=y)


PLAIN = dataclasses.replace(DATASETS["iris"], standardize=False)


@pytest.mark.parametrize("name", LOCAL)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.25, 1 / 3, 0.5, 0.9])
def test_a_split_has_the_sizes_that_were_told_before_loading(name, share):
    spec = DATASETS[name]
    parts = split(load(name), spec, validation_split=share, seed=0)
    num_train, num_validation = split_sizes(spec.num_samples, share)
    assert num_train + num_validation == spec.num_samples
    assert parts.x_train.shape == (num_train, *spec.input_shape)
    assert parts.y_train.shape == (num_train,)
    assert parts.x_val.shape == (num_validation, *spec.input_shape)
    assert parts.y_val.shape == (num_validation,)
    assert parts.x_train.dtype == np.float32 and parts.x_val.dtype == np.float32


@pytest.mark.parametrize(
    ("num_samples", "share", "expected"),
    [
        (10, 0.0, (10, 0)),
        (10, 0.2, (8, 2)),
        (10, 0.25, (7, 3)),  # half a row up
        (10, 0.24, (8, 2)),
        (10, 0.001, (9, 1)),
        (10, 0.999, (1, 9)),
        (2, 0.2, (1, 1)),
        (1797, 0.2, (1438, 359)),
        (1, 0.0, (1, 0)),
    ],
)
def test_sizes_by_hand(num_samples, share, expected):
    assert split_sizes(num_samples, share) == expected


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(InvalidInput, match="validation_split must be at least 0 and less than 1"):
        split_sizes(100, share)


def test_a_single_row_cannot_be_shared():
    with pytest.raises(InvalidInput, match="validation_split must be 0 where there are fewer"):
        split_sizes(1, 0.2)


def test_every_row_is_in_exactly_one_part_with_its_own_target():
    y = np.arange(100, dtype=np.int32) % 3
    parts = split(numbered(y), PLAIN, validation_split=0.3, seed=4)
    rows = np.concatenate([parts.x_train[:, 0], parts.x_val[:, 0]]).astype(int)
    assert sorted(rows) == list(range(100))
    np.testing.assert_array_equal(np.concatenate([parts.y_train, parts.y_val]), y[rows])


def test_the_same_seed_gives_the_same_parts_and_another_seed_gives_others():
    y = np.arange(100, dtype=np.int32) % 3
    first, again, other = (
        split(numbered(y), PLAIN, validation_split=0.3, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.x_train, again.x_train)
    np.testing.assert_array_equal(first.x_val, again.x_val)
    assert set(first.x_val[:, 0]) != set(other.x_val[:, 0])


def test_classes_keep_their_shares_in_both_parts():
    y = np.repeat([0, 1, 2], [70, 20, 10]).astype(np.int32)
    parts = split(numbered(y), PLAIN, validation_split=0.2, seed=0)
    assert np.bincount(parts.y_val).tolist() == [14, 4, 2]
    assert np.bincount(parts.y_train).tolist() == [56, 16, 8]


@pytest.mark.parametrize(
    ("counts", "share"),
    [([50, 49, 1], 0.2), ([40, 40, 40], 0.01), ([40, 40, 40], 0.99)],
    ids=["a class with one row", "fewer validation rows than classes", "fewer training rows"],
)
def test_rows_are_split_at_random_where_classes_cannot_keep_their_shares(counts, share):
    y = np.repeat([0, 1, 2], counts).astype(np.int32)
    parts = split(numbered(y), PLAIN, validation_split=share, seed=0)
    assert (len(parts.y_train), len(parts.y_val)) == split_sizes(len(y), share)
    rows = np.concatenate([parts.x_train[:, 0], parts.x_val[:, 0]])
    assert len(set(rows)) == len(y)


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris", "diabetes"])
def test_columns_are_standardised_with_the_training_part_alone(name):
    spec = DATASETS[name]
    raw = dataclasses.replace(spec, standardize=False)
    arrays = load(name)
    plain = split(arrays, raw, validation_split=0.2, seed=0)
    parts = split(arrays, spec, validation_split=0.2, seed=0)
    scaler = StandardScaler().fit(plain.x_train.astype(np.float64))
    np.testing.assert_allclose(parts.x_train, scaler.transform(plain.x_train), atol=1e-5)
    np.testing.assert_allclose(parts.x_val, scaler.transform(plain.x_val), atol=1e-5)
    np.testing.assert_array_equal(parts.y_train, plain.y_train)


def test_a_constant_column_becomes_zero_and_stays_finite():
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(size=60), np.full(60, 0.1)], axis=1).astype(np.float32)
    arrays = Arrays(x=x, y=np.arange(60, dtype=np.int32) % 3)
    parts = split(arrays, DATASETS["iris"], validation_split=0.2, seed=0)
    np.testing.assert_allclose(parts.x_train[:, 1], 0, atol=1e-6)
    np.testing.assert_allclose(parts.x_val[:, 1], 0, atol=1e-6)
    assert parts.x_train[:, 0].std() == pytest.approx(1, abs=1e-5)


def test_splitting_leaves_the_loaded_arrays_alone():
    arrays = load("wine", LoadOptions())
    before = arrays.x.copy()
    split(arrays, DATASETS["wine"], validation_split=0.0, seed=0)
    split(arrays, DATASETS["wine"], validation_split=0.2, seed=0)
    np.testing.assert_array_equal(arrays.x, before)
