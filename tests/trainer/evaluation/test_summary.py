"""An evaluation in plain values, against scikit-learn and by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn import metrics

from trainer.evaluation.counts import ClassCounts, RegressionCounts
from trainer.evaluation.summary import headline, summary


def drawn(num_classes: int, *, rows: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, and scores that are whole multiples of 1/1000."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, num_classes, rows)
    logits = rng.normal(size=(rows, num_classes)) + 1.5 * np.eye(num_classes)[y_true]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    steps = np.rint(scores * 1000)
    if num_classes == 2:
        steps[:, 0] = 1000 - steps[:, 1]
    return y_true, steps / 1000


def counted(y_true: np.ndarray, y_score: np.ndarray, weight: float = 1.0) -> ClassCounts:
    """Count by NumPy what the Keras metric counts."""
    num_classes = y_score.shape[1]
    bins = np.rint(y_score * 1000).astype(int)
    positives, negatives = np.zeros((2, num_classes, 1001))
    for k in range(num_classes):
        positives[k] = np.bincount(bins[y_true == k, k], minlength=1001)
        negatives[k] = np.bincount(bins[y_true != k, k], minlength=1001)
    confusion = metrics.confusion_matrix(y_true, predicted(y_score), labels=range(num_classes))
    return ClassCounts(
        positives=positives * weight, negatives=negatives * weight, confusion=confusion * weight
    )


def predicted(y_score: np.ndarray) -> np.ndarray:
    if y_score.shape[1] == 2:
        return (y_score[:, 1] >= 0.5).astype(int)
    return y_score.argmax(axis=1)


def assert_one_class(told: dict, is_positive: np.ndarray, score: np.ndarray, step: int) -> None:
    """Compare what is told of one class with scikit-learn's figures for it."""
    is_called = np.rint(score * 1000) >= step
    assert told["threshold"] == step / 1000
    expected = metrics.confusion_matrix(is_positive, is_called, labels=[False, True])
    assert told["confusion_matrix"] == expected.tolist()
    assert told["accuracy"] == pytest.approx(metrics.accuracy_score(is_positive, is_called))
    assert told["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(is_positive, is_called)
    )
    for name, function in (
        ("precision", metrics.precision_score),
        ("recall", metrics.recall_score),
        ("f1", metrics.f1_score),
    ):
        theirs = function(is_positive, is_called, zero_division=np.nan)
        assert told[name] == (None if np.isnan(theirs) else pytest.approx(theirs)), name
    assert told["specificity"] == pytest.approx(
        metrics.recall_score(~is_positive, ~is_called, zero_division=np.nan)
    )
    if is_called.any() and not is_called.all():
        assert told["mcc"] == pytest.approx(metrics.matthews_corrcoef(is_positive, is_called))
    else:
        assert told["mcc"] is None
    assert told["average_precision"] == pytest.approx(
        metrics.average_precision_score(is_positive, score)
    )
    assert told["roc_auc"] == pytest.approx(metrics.roc_auc_score(is_positive, score))
    assert told["support"] == is_positive.sum()
    assert told["rows"] == len(score)
    assert told["left_out"] == 0


@pytest.mark.parametrize("threshold", [0.0, 0.137, 0.5, 0.9, 1.0])
def test_of_two_classes_the_second_is_told_at_the_threshold(threshold):
    y_true, y_score = drawn(2)
    told = summary(counted(y_true, y_score), threshold=threshold)
    assert told["class"] == 1
    assert_one_class(told, y_true == 1, y_score[:, 1], round(threshold * 1000))


@pytest.mark.parametrize("threshold", [0.0, 0.137, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(("num_classes", "chosen"), [(2, 0), (3, 0), (3, 2), (10, 4)])
def test_one_class_against_the_rest_is_scikit_learns(num_classes, chosen, threshold):
    y_true, y_score = drawn(num_classes)
    told = summary(counted(y_true, y_score), threshold=threshold, class_index=chosen)
    assert told["class"] == chosen
    assert_one_class(told, y_true == chosen, y_score[:, chosen], round(threshold * 1000))


@pytest.mark.parametrize("num_classes", [3, 10])
def test_of_many_classes_each_is_told_and_their_averages(num_classes):
    y_true, y_score = drawn(num_classes)
    told = summary(counted(y_true, y_score))
    y_pred, labels = predicted(y_score), range(num_classes)
    assert "threshold" not in told and "class" not in told
    expected = metrics.confusion_matrix(y_true, y_pred, labels=labels)
    assert told["confusion_matrix"] == expected.tolist()
    assert told["accuracy"] == pytest.approx(metrics.accuracy_score(y_true, y_pred))
    assert told["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(y_true, y_pred)
    )
    assert told["mcc"] == pytest.approx(metrics.matthews_corrcoef(y_true, y_pred))
    ratios = metrics.precision_recall_fscore_support(y_true, y_pred, labels=labels)
    for name, theirs in zip(("precision", "recall", "f1", "support"), ratios, strict=True):
        assert told[name] == pytest.approx(theirs.tolist()), name
    for average in ("macro", "weighted"):
        theirs = metrics.precision_recall_fscore_support(y_true, y_pred, average=average)
        mine = [told[average][name] for name in ("precision", "recall", "f1")]
        assert mine == pytest.approx(theirs[:3])
    for k in labels:
        is_class = y_true == k
        assert told["specificity"][k] == pytest.approx(metrics.recall_score(~is_class, y_pred != k))
        score = y_score[:, k]
        assert told["average_precision"][k] == pytest.approx(
            metrics.average_precision_score(is_class, score)
        )
        assert told["roc_auc"][k] == pytest.approx(metrics.roc_auc_score(is_class, score))
    assert (told["rows"], told["left_out"]) == (len(y_true), 0)


def test_a_summary_by_hand():
    # TN 50, FP 10, FN 5, TP 35.
    y_true = np.repeat([0, 0, 1, 1], [50, 10, 5, 35])
    positive = np.repeat([0.2, 0.8, 0.2, 0.8], [50, 10, 5, 35])
    told = summary(counted(y_true, np.stack([1 - positive, positive], axis=1)))
    assert told["confusion_matrix"] == [[50, 10], [5, 35]]
    assert told["accuracy"] == 0.85
    assert told["precision"] == pytest.approx(0.778, abs=5e-4)
    assert told["recall"] == 0.875


def test_what_is_undefined_is_none_and_survives_json():
    y_true = np.zeros(10, dtype=int)
    y_score = np.tile([0.9, 0.1, 0.0], (10, 1))
    of_all = summary(counted(y_true, y_score))
    assert of_all["precision"] == [1, None, None]
    assert of_all["recall"] == [1, None, None]
    assert of_all["roc_auc"] == [None, None, None]
    of_one = summary(counted(y_true, y_score), class_index=1)
    assert (of_one["precision"], of_one["recall"], of_one["roc_auc"]) == (None, None, None)
    nothing = np.zeros((3, 1001))
    of_nothing = summary(
        ClassCounts(positives=nothing, negatives=nothing, confusion=np.zeros((3, 3)))
    )
    assert (of_nothing["accuracy"], of_nothing["rows"]) == (None, 0)
    for told in (of_all, of_one, of_nothing):
        json.dumps(told, allow_nan=False)


def test_counts_are_whole_numbers_unless_rows_were_weighted():
    y_true, y_score = drawn(3)
    whole = summary(counted(y_true, y_score))
    assert {type(cell) for row in whole["confusion_matrix"] for cell in row} == {int}
    assert type(whole["rows"]) is int
    weighted = summary(counted(y_true, y_score, weight=0.25))
    assert weighted["rows"] == len(y_true) / 4
    assert weighted["precision"] == pytest.approx(whole["precision"])
    assert sum(map(sum, weighted["confusion_matrix"])) == pytest.approx(len(y_true) / 4)


def regression(y_true: np.ndarray, y_pred: np.ndarray) -> RegressionCounts:
    error = y_pred - y_true
    return RegressionCounts(
        joint=np.zeros((2, 2)),
        residuals=np.zeros(4),
        low=0.0,
        high=1.0,
        count=float(len(y_true)),
        total=float(y_true.sum()),
        total_squares=float((y_true**2).sum()),
        error=float(error.sum()),
        absolute_error=float(np.abs(error).sum()),
        squared_error=float((error**2).sum()),
    )


def test_of_a_regression_the_errors_are_told():
    rng = np.random.default_rng(0)
    y_true = rng.normal(10, 3, 50)
    y_pred = y_true + rng.normal(0, 1, 50)
    told = summary(regression(y_true, y_pred))
    assert told["mean_absolute_error"] == pytest.approx(metrics.mean_absolute_error(y_true, y_pred))
    assert told["r2"] == pytest.approx(metrics.r2_score(y_true, y_pred))
    assert told["support"] == 50
    assert summary(regression(y_true[:0], y_pred[:0]))["r2"] is None


@pytest.mark.parametrize("num_classes", [2, 3])
def test_the_headline_is_of_all_classes_with_the_accuracy_first(num_classes):
    y_true, y_score = drawn(num_classes)
    counts = counted(y_true, y_score)
    told = headline(counts)
    assert list(told) == ["accuracy", "balanced_accuracy", "mcc", "rows"]
    assert told == {name: summary(counts)[name] for name in told}


def test_the_headline_of_a_regression_begins_with_the_mean_absolute_error():
    y_true, y_pred = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    told = headline(regression(y_true, y_pred))
    assert list(told) == ["mean_absolute_error", "root_mean_squared_error", "r2", "rows"]
    assert told["mean_absolute_error"] == 0.5
    assert told["rows"] == 3
