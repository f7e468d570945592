"""Ratios at every threshold, against scikit-learn and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics

from trainer.evaluation.thresholds import OneVersusRest, step_of


def histograms(y_true: np.ndarray, y_score: np.ndarray) -> OneVersusRest:
    """Return the outcomes of scores that are whole multiples of 1/1000, counted by NumPy."""
    bins = np.rint(y_score * 1000).astype(int)
    return OneVersusRest(
        np.bincount(bins[y_true == 1], minlength=1001).astype(float),
        np.bincount(bins[y_true == 0], minlength=1001).astype(float),
    )


def drawn(seed: int, *, steps: int = 1000, rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y_true = (rng.random(rows) < 0.3).astype(int)
    scores = np.clip(rng.normal(0.35 + 0.25 * y_true, 0.2), 0, 1)
    return y_true, np.rint(scores * steps) / steps


def at_every_threshold(y_true: np.ndarray, bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the truth and what is called positive, a column for each of the 1,001 thresholds."""
    is_positive = np.tile(y_true[:, np.newaxis], 1001)
    return is_positive, (bins[:, np.newaxis] >= np.arange(1001)).astype(int)


@pytest.mark.parametrize("steps", [1000, 20, 1], ids=["fine", "many ties", "all or nothing"])
def test_counts_and_ratios_are_scikit_learns_at_every_threshold(steps):
    y_true, y_score = drawn(steps, steps=steps)
    one = histograms(y_true, y_score)
    is_positive, called = at_every_threshold(y_true, np.rint(y_score * 1000))
    expected = metrics.multilabel_confusion_matrix(is_positive, called)
    np.testing.assert_array_equal([one.matrix(step) for step in range(1001)], expected)
    expected = metrics.precision_recall_fscore_support(is_positive, called, zero_division=np.nan)
    np.testing.assert_allclose([one.precision, one.recall, one.f1], expected[:3], rtol=1e-12)


@pytest.mark.parametrize(("steps", "scale"), [(1000, 0.01), (1000, 1), (20, 100)])
def test_weighted_counts_and_ratios_are_scikit_learns_at_every_threshold(steps, scale):
    y_true, y_score = drawn(steps + int(scale), steps=steps)
    weights = scale * np.random.default_rng(steps).random(len(y_true))
    bins = np.rint(y_score * 1000).astype(int)
    positives, negatives = (
        np.bincount(bins[y_true == side], weights[y_true == side], minlength=1001)
        for side in (1, 0)
    )
    one = OneVersusRest(positives, negatives)
    assert one.recall.max() == one.false_positive_rate.max() == 1
    is_positive, called = at_every_threshold(y_true, bins)
    expected = metrics.multilabel_confusion_matrix(is_positive, called, sample_weight=weights)
    found = np.array([one.matrix(step) for step in range(1001)])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * scale)
    assert found.min() >= 0
    expected = metrics.precision_recall_fscore_support(
        is_positive, called, sample_weight=weights, zero_division=np.nan
    )
    np.testing.assert_allclose([one.precision, one.recall, one.f1], expected[:3], rtol=1e-9)
    area = metrics.average_precision_score(y_true, y_score, sample_weight=weights)
    assert one.average_precision == pytest.approx(area)
    area = metrics.roc_auc_score(y_true, y_score, sample_weight=weights)
    assert one.roc_auc == pytest.approx(area)
    assert math.isnan(one.average_precision_bound)


@pytest.mark.parametrize("steps", [1000, 50, 3])
def test_areas_are_scikit_learns_for_scores_in_steps(steps):
    y_true, y_score = drawn(steps + 1, steps=steps)
    one = histograms(y_true, y_score)
    assert one.average_precision == pytest.approx(metrics.average_precision_score(y_true, y_score))
    assert one.roc_auc == pytest.approx(metrics.roc_auc_score(y_true, y_score))


@pytest.mark.parametrize("spread", [0.2, 0.004, 0.0005])
def test_areas_of_any_scores_are_within_the_bound_that_is_told(spread):
    rng = np.random.default_rng(int(spread * 10_000))
    y_true = (rng.random(500) < 0.4).astype(int)
    y_score = np.clip(rng.normal(0.5 + 0.2 * spread * y_true, spread), 0, 1)
    one = histograms(y_true, np.floor(y_score * 1000) / 1000)
    off = abs(one.roc_auc - metrics.roc_auc_score(y_true, y_score))
    assert off <= one.roc_auc_bound + 1e-12
    off = abs(one.average_precision - metrics.average_precision_score(y_true, y_score))
    assert off <= one.average_precision_bound + 1e-12


def test_ratios_by_hand():
    # TN 50, FP 10, FN 5, TP 35 at every threshold from 0.001 on.
    positives, negatives = np.zeros(1001), np.zeros(1001)
    positives[[0, 1000]] = 5, 35
    negatives[[0, 1000]] = 50, 10
    one = OneVersusRest(positives, negatives)
    np.testing.assert_array_equal(one.matrix(500), [[50, 10], [5, 35]])
    assert one.precision[500] == pytest.approx(0.778, abs=5e-4)
    assert one.recall[500] == 0.875
    assert one.f1[500] == pytest.approx(2 * 35 / (2 * 35 + 10 + 5))
    np.testing.assert_array_equal(one.matrix(0), [[0, 60], [0, 40]])


def test_the_threshold_for_a_precision_is_the_one_with_the_highest_recall():
    y_true, y_score = drawn(5)
    one = histograms(y_true, y_score)
    step = one.step_for_precision(0.8)
    allowed = [k for k in range(1001) if one.precision[k] >= 0.8]
    assert one.recall[step] == max(one.recall[k] for k in allowed)
    assert step == max(k for k in allowed if one.recall[k] == one.recall[step])


def test_the_threshold_for_a_recall_is_the_one_with_the_highest_precision():
    y_true, y_score = drawn(6)
    one = histograms(y_true, y_score)
    step = one.step_for_recall(0.8)
    allowed = [k for k in range(1001) if one.recall[k] >= 0.8 and math.isfinite(one.precision[k])]
    assert one.precision[step] == max(one.precision[k] for k in allowed)


def test_a_precision_that_no_threshold_gives_is_not_reachable():
    positives, negatives = np.zeros(1001), np.zeros(1001)
    positives[300], negatives[700] = 5, 5
    one = OneVersusRest(positives, negatives)
    assert one.step_for_precision(0.9) is None
    assert one.step_for_recall(1.0) == 300


@pytest.mark.parametrize("has", ["no positive row", "no negative row", "no row"])
def test_what_a_missing_side_leaves_undefined_is_nan_and_nothing_crashes(has):
    positives, negatives = np.zeros(1001), np.zeros(1001)
    positives[400] = 3 if has == "no negative row" else 0
    negatives[400] = 3 if has == "no positive row" else 0
    one = OneVersusRest(positives, negatives)
    assert math.isnan(one.roc_auc)
    assert math.isnan(one.average_precision) == (has != "no negative row")
    assert math.isnan(one.recall[0]) == (has != "no negative row")
    assert math.isnan(one.precision[401])
    assert math.isnan(one.cost(false_alarm=1, miss=1)[0]) == (has == "no row")


def test_the_cost_moves_the_best_threshold():
    one = histograms(*drawn(7))
    spam = int(one.cost(false_alarm=10, miss=1).argmin())
    screening = int(one.cost(false_alarm=1, miss=10).argmin())
    assert spam > screening
    at = one.matrix(500)
    expected = (10 * at[0, 1] + at[1, 0]) / at.sum()
    assert one.cost(false_alarm=10, miss=1)[500] == pytest.approx(expected)


def test_a_threshold_is_taken_to_the_nearest_step():
    assert [step_of(t) for t in (0, 0.5, 0.7, 0.0014, 1)] == [0, 500, 700, 1, 1000]
