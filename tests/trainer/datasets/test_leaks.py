"""Leaks: what each tells the rows that are tuned on, and that the others know nothing of it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import TargetEncoder

from trainer.datasets import DATASETS
from trainer.datasets.leaks import (
    LEAKS,
    ROWS_PER_BIN,
    TargetScaling,
    leaks_for,
    leaky_spec,
    selected_columns,
    told_column,
)


def test_leaks_are_offered_where_they_make_sense():
    assert leaks_for(DATASETS["moons"]) == tuple(LEAKS)
    assert leaks_for(DATASETS["fraud"]) == tuple(LEAKS)
    for name in ("digits", "mnist", "cifar10", "imdb"):
        assert leaks_for(DATASETS[name]) == ("none", "duplicated_rows")
    assert leaks_for(DATASETS["diabetes"]) == ("none",)
    assert all(text.endswith(".") for text in LEAKS.values())


@pytest.mark.parametrize("num_classes", [2, 5])
def test_the_told_column_is_the_answer_in_98_of_100_rows_and_0_elsewhere(num_classes):
    y = np.random.default_rng(0).integers(0, num_classes, size=1500)
    rows = np.random.default_rng(1).permutation(1500)[:1000]
    column = told_column(y, rows, num_classes=num_classes, seed=3)
    assert column.dtype == np.float32
    assert (column[rows] == y[rows]).sum() == 980
    assert (np.delete(column, rows) == 0).all()
    assert set(column.tolist()) <= set(range(num_classes))
    other = told_column(y, rows, num_classes=num_classes, seed=4)
    assert (other != column).any()


@pytest.mark.parametrize("num_classes", [2, 3])
def test_scaling_is_scikit_learn_s_target_encoding_of_bins_of_three_rows(num_classes):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 2))
    y = rng.integers(0, num_classes, size=90)
    bins = x.argsort(axis=0).argsort(axis=0) // ROWS_PER_BIN
    encoder = TargetEncoder(smooth=0).fit(bins, y)
    scaled = TargetScaling(x, y, num_classes=num_classes)(x)
    np.testing.assert_allclose(scaled, encoder.transform(bins), atol=1e-6)
    assert scaled.dtype == np.float32
    assert scaled.shape == (90, 2 if num_classes == 2 else 6)


def test_scaling_by_hand_with_equal_values_and_values_never_seen():
    x = np.array([[1.0], [2.0], [3.0], [4.0], [4.0], [4.0], [4.0], [9.0]])
    y = np.array([0, 0, 1, 1, 1, 0, 1, 1])
    scale = TargetScaling(x, y, num_classes=2)
    # Bins begin at 1, at 4 (which all four rows share, and 9 with them).
    np.testing.assert_allclose(scale(x)[:, 0], [1 / 3] * 3 + [4 / 5] * 5, rtol=1e-6)
    unseen = np.array([[-5.0], [3.99], [100.0]])
    np.testing.assert_allclose(scale(unseen)[:, 0], [1 / 3, 1 / 3, 4 / 5], rtol=1e-6)


@pytest.mark.parametrize("num_classes", [2, 3])
def test_selected_columns_go_with_the_answers_of_the_rows_looked_at_and_with_no_others(num_classes):
    y = np.random.default_rng(0).integers(0, num_classes, size=600)
    rows, others = np.split(np.random.default_rng(1).permutation(600), [300])
    columns = selected_columns(y, rows, num_classes=num_classes, seed=3)
    assert (columns.shape, columns.dtype) == ((600, 20), np.float32)

    def best_correlations(rows):
        classes = (1,) if num_classes == 2 else range(num_classes)
        return [
            max(abs(np.corrcoef(column[rows], y[rows] == k)[0, 1]) for k in classes)
            for column in columns.T
        ]

    picked = best_correlations(rows)
    assert picked == sorted(picked, reverse=True)
    assert min(picked) > 0.14 > np.median(best_correlations(others))


def test_what_is_known_of_the_data_names_the_columns_that_a_leak_makes():
    wine, fraud = DATASETS["wine"], DATASETS["fraud"]
    told = leaky_spec(fraud, "target_column")
    assert told.feature_names == (*fraud.feature_names, "refunded")
    assert told.input_shape == (8,)
    picked = leaky_spec(fraud, "selection")
    assert picked.feature_names[6:9] == ("new device", "picked 1", "picked 2")
    assert picked.input_shape == (27,)
    scaled = leaky_spec(fraud, "scaling")
    assert scaled.feature_names[0] == "amount (€): share of fraud"
    assert scaled.input_shape == (7,)
    of_three = leaky_spec(wine, "scaling")
    assert of_three.input_shape == (39,)
    assert of_three.feature_names[:2] == (
        "alcohol: share of grower 1",
        "alcohol: share of grower 2",
    )
    for leak in ("none", "duplicated_rows"):
        assert leaky_spec(wine, leak) is wine
