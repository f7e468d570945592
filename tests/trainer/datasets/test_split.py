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
@pytest.mark.parametrize(
    ("test_share", "share"), [(0.0, 0.0), (0.2, 0.0), (0.0, 0.25), (0.01, 1 / 3), (0.5, 0.9)]
)
def test_a_split_has_the_sizes_that_were_told_before_loading(name, test_share, share):
    spec = DATASETS[name]
    parts = split(load(name), spec, test_split=test_share, validation_split=share, seed=0)
    num_train, num_validation, num_test = split_sizes(spec.num_samples, test_share, share)
    assert num_train + num_validation + num_test == spec.num_samples
    assert parts.x_test.shape == (num_test, *spec.input_shape)
    assert parts.y_test.shape == parts.rows_test.shape == (num_test,)
    assert parts.rows_val.shape == (num_validation,)
    assert parts.x_train.shape == (num_train, *spec.input_shape)
    assert parts.y_train.shape == (num_train,)
    assert parts.x_val.shape == (num_validation, *spec.input_shape)
    assert parts.y_val.shape == (num_validation,)
    assert parts.x_train.dtype == np.float32 and parts.x_val.dtype == np.float32


@pytest.mark.parametrize(
    ("num_samples", "test_share", "share", "expected"),
    [
        (10, 0.0, 0.0, (10, 0, 0)),
        (10, 0.0, 0.2, (8, 2, 0)),
        (10, 0.0, 0.25, (7, 3, 0)),  # half a row up
        (10, 0.0, 0.24, (8, 2, 0)),
        (10, 0.0, 0.001, (9, 1, 0)),
        (10, 0.0, 0.999, (1, 9, 0)),
        (10, 0.2, 0.25, (6, 2, 2)),  # a quarter of the eight that are left
        (10, 0.2, 0.0, (8, 0, 2)),
        (4, 0.5, 0.5, (1, 1, 2)),
        (2, 0.0, 0.2, (1, 1, 0)),
        (1797, 0.2, 0.2, (1150, 288, 359)),
        (1, 0.0, 0.0, (1, 0, 0)),
    ],
)
def test_sizes_by_hand(num_samples, test_share, share, expected):
    assert split_sizes(num_samples, test_share, share) == expected


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(InvalidInput, match="validation_split must be at least 0 and less than 1"):
        split_sizes(100, 0.2, share)
    with pytest.raises(InvalidInput, match="test_split must be at least 0 and less than 1"):
        split_sizes(100, share, 0.2)


@pytest.mark.parametrize(
    ("num_samples", "test_share", "share", "parameter"),
    [(1, 0.0, 0.2, "validation_split"), (1, 0.2, 0.0, "test_split"), (2, 0.2, 0.2, "validation")],
)
def test_a_single_row_cannot_be_shared(num_samples, test_share, share, parameter):
    with pytest.raises(InvalidInput, match=f"{parameter}.* must be 0 where fewer than two rows"):
        split_sizes(num_samples, test_share, share)


def test_the_test_rows_are_the_same_whatever_the_seed_and_the_validation_share():
    y = np.arange(100, dtype=np.int32) % 3
    parts = [
        split(numbered(y), PLAIN, test_split=0.2, validation_split=share, seed=seed)
        for seed, share in ((0, 0.2), (1, 0.2), (1, 0.0), (2, 0.5))
    ]
    for other in parts[1:]:
        np.testing.assert_array_equal(other.x_test, parts[0].x_test)
    assert set(parts[0].x_val[:, 0]) != set(parts[1].x_val[:, 0])


def test_every_row_is_in_exactly_one_part_with_its_own_target():
    y = np.arange(100, dtype=np.int32) % 3
    parts = split(numbered(y), PLAIN, test_split=0.2, validation_split=0.3, seed=4)
    x = [parts.x_train[:, 0], parts.x_val[:, 0], parts.x_test[:, 0]]
    rows = np.concatenate(x).astype(int)
    assert sorted(rows) == list(range(100))
    targets = np.concatenate([parts.y_train, parts.y_val, parts.y_test])
    np.testing.assert_array_equal(targets, y[rows])
    np.testing.assert_array_equal(parts.rows_val, parts.x_val[:, 0])
    np.testing.assert_array_equal(parts.rows_test, parts.x_test[:, 0])


def test_the_same_seed_gives_the_same_parts_and_another_seed_gives_others():
    y = np.arange(100, dtype=np.int32) % 3
    first, again, other = (
        split(numbered(y), PLAIN, test_split=0.0, validation_split=0.3, seed=seed)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.x_train, again.x_train)
    np.testing.assert_array_equal(first.x_val, again.x_val)
    assert set(first.x_val[:, 0]) != set(other.x_val[:, 0])


def test_classes_keep_their_shares_in_both_parts():
    y = np.repeat([0, 1, 2], [70, 20, 10]).astype(np.int32)
    parts = split(numbered(y), PLAIN, test_split=0.0, validation_split=0.2, seed=0)
    assert np.bincount(parts.y_val).tolist() == [14, 4, 2]
    assert np.bincount(parts.y_train).tolist() == [56, 16, 8]


@pytest.mark.parametrize(
    ("counts", "share"),
    [([50, 49, 1], 0.2), ([40, 40, 40], 0.01), ([40, 40, 40], 0.99)],
    ids=["a class with one row", "fewer validation rows than classes", "fewer training rows"],
)
def test_rows_are_split_at_random_where_classes_cannot_keep_their_shares(counts, share):
    y = np.repeat([0, 1, 2], counts).astype(np.int32)
    parts = split(numbered(y), PLAIN, test_split=0.0, validation_split=share, seed=0)
    assert (len(parts.y_train), len(parts.y_val), 0) == split_sizes(len(y), 0.0, share)
    rows = np.concatenate([parts.x_train[:, 0], parts.x_val[:, 0]])
    assert len(set(rows)) == len(y)


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris", "diabetes"])
def test_columns_are_standardised_with_the_training_part_alone(name):
    spec = DATASETS[name]
    raw = dataclasses.replace(spec, standardize=False)
    arrays = load(name)
    plain = split(arrays, raw, test_split=0.2, validation_split=0.2, seed=0)
    parts = split(arrays, spec, test_split=0.2, validation_split=0.2, seed=0)
    scaler = StandardScaler().fit(plain.x_train.astype(np.float64))
    np.testing.assert_allclose(parts.x_train, scaler.transform(plain.x_train), atol=1e-5)
    np.testing.assert_allclose(parts.x_val, scaler.transform(plain.x_val), atol=1e-5)
    np.testing.assert_allclose(parts.x_test, scaler.transform(plain.x_test), atol=1e-5)
    np.testing.assert_array_equal(parts.y_train, plain.y_train)


def test_a_constant_column_becomes_zero_and_stays_finite():
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(size=60), np.full(60, 0.1)], axis=1).astype(np.float32)
    arrays = Arrays(x=x, y=np.arange(60, dtype=np.int32) % 3)
    parts = split(arrays, DATASETS["iris"], test_split=0.0, validation_split=0.2, seed=0)
    np.testing.assert_allclose(parts.x_train[:, 1], 0, atol=1e-6)
    np.testing.assert_allclose(parts.x_val[:, 1], 0, atol=1e-6)
    assert parts.x_train[:, 0].std() == pytest.approx(1, abs=1e-5)


def test_splitting_leaves_the_loaded_arrays_alone():
    arrays = load("wine", LoadOptions())
    before = arrays.x.copy()
    split(arrays, DATASETS["wine"], test_split=0.0, validation_split=0.0, seed=0)
    split(arrays, DATASETS["wine"], test_split=0.0, validation_split=0.2, seed=0)
    np.testing.assert_array_equal(arrays.x, before)
