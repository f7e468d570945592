"""The classroom sets: made-up rows with the class shares and columns that they promise."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from trainer.datasets import DATASETS, LoadOptions, load

NAMES = ("fraud", "spam", "screening")


@pytest.mark.parametrize(("name", "share"), [("fraud", 0.02), ("spam", 0.4), ("screening", 0.08)])
def test_the_classes_have_their_shares_whatever_the_seed(name, share):
    for seed in (0, 1):
        y = load(name, LoadOptions(seed=seed)).y
        assert y.mean() == pytest.approx(share)
        assert np.bincount(y).tolist() == list(DATASETS[name].class_counts)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_makes_the_same_rows_and_another_seed_makes_others(name):
    first, again, other = (load(name, LoadOptions(seed=seed)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.x, other.x)


RANGES = {
    "amount (€)": (0, 20_000),
    "hour": (0, 23),
    "country risk": (0, 1),
    "account age (days)": (0, 100_000),
    "purchases today": (0, 30),
    "distance from home (km)": (0, 20_000),
    "new device": (0, 1),
    "“free” (% of words)": (0, 30),
    "“money” (% of words)": (0, 30),
    "“meeting” (% of words)": (0, 30),
    "links": (0, 60),
    "exclamation marks": (0, 60),
    "capitals (% of letters)": (0, 60),
    "words": (1, 10_000),
    "sender known": (0, 1),
    "age": (30, 80),
    "body mass index": (8, 50),
    "smoker": (0, 1),
    "ill relatives": (0, 1),
    "marker A (ng/ml)": (0, 60),
    "marker B (U/ml)": (0, 300),
    "blood pressure": (60, 220),
    "haemoglobin (g/dl)": (7, 21),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_columns_are_plausible_and_each_tells_something_but_none_tells_all(name, seed):
    arrays = load(name, LoadOptions(seed=seed))
    for column, feature in zip(arrays.x.T, DATASETS[name].feature_names, strict=True):
        low, high = RANGES[feature]
        assert low <= column.min() and column.max() <= high, feature
        area = roc_auc_score(arrays.y, column)
        assert 0.05 < abs(area - 0.5) < 0.35, feature


def test_counts_and_flags_are_whole_numbers():
    fraud, spam = load("fraud").x, load("spam").x
    for column in (*fraud[:, [1, 3, 4, 6]].T, *spam[:, [3, 4, 6, 7]].T):
        np.testing.assert_array_equal(column, column.round())
