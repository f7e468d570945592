"""The table of a classification: every ratio per class and on average, from a confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trainer.evaluation.thresholds import ratio

# Why a ratio has no value, for people.
REASONS: Mapping[str, str] = {
    "accuracy": "there is no row",
    "precision": "no row was predicted to be of this class",
    "recall": "no row is of this class",
    "specificity": "every row is of this class",
    "f1": "no row is of this class, nor predicted to be",
    "mcc": "all rows are of one class, or all predictions are",
    # Of one class against the rest, whose Matthews correlation wants both sides of both.
    "called": "every row was predicted to be of this class",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """Ratios of a classification with K classes; NaN is undefined.

    Definitions are scikit-learn's; averages leave out classes without a value.

    Attributes:
        accuracy: Share of the rows whose class is predicted right.
        balanced_accuracy: Mean recall of the classes that have rows.
        mcc: Matthews correlation of all classes together (Gorodkin 2004).
        precision: Share of the rows predicted as class k that are, shape `(K,)`.
        recall: Share of the rows of class k that are predicted so, shape `(K,)`.
        specificity: Share of the rows of other classes that are predicted so, shape `(K,)`.
        f1: Harmonic mean of precision and recall, shape `(K,)`.
        class_mcc: Matthews correlation of each class against the rest, shape `(K,)`.
        support: Rows of each class, shape `(K,)`.
    """

    accuracy: float
    balanced_accuracy: float
    mcc: float
    precision: np.ndarray
    recall: np.ndarray
    specificity: np.ndarray
    f1: np.ndarray
    class_mcc: np.ndarray
    support: np.ndarray

    def macro(self, name: str) -> float:
        """Return the mean of a ratio over the classes that have one."""
        return self._mean(name, np.ones_like(self.support))

    def weighted(self, name: str) -> float:
        """Return the mean of a ratio over the classes, each with the weight of its support."""
        return self._mean(name, self.support)

    def _mean(self, name: str, weights: np.ndarray) -> float:
        values = getattr(self, name)
        weights = np.where(np.isfinite(values), weights, 0.0)
        total = weights.sum()
        return float(np.nansum(values * weights) / total) if total else float("nan")


def report(matrix: np.ndarray) -> Report:
    """Return the ratios of a confusion matrix.

    Args:
        matrix: Rows by true class (first axis) and predicted class, shape `(K, K)`.
    """
    support, predicted, total = matrix.sum(axis=1), matrix.sum(axis=0), matrix.sum()
    tp = np.diag(matrix)
    fp, fn = predicted - tp, support - tp
    tn = total - tp - fp - fn
    recall = ratio(tp, support)
    has_rows = support > 0
    return Report(
        accuracy=float(tp.sum() / total) if total else float("nan"),
        balanced_accuracy=float(recall[has_rows].mean()) if has_rows.any() else float("nan"),
        mcc=_correlation(tp.sum() * total - support @ predicted, support, predicted, total),
        precision=ratio(tp, predicted),
        recall=recall,
        specificity=ratio(tn, tn + fp),
        f1=ratio(2 * tp, 2 * tp + fp + fn),
        class_mcc=ratio(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))),
        support=support,
    )


def _correlation(
    covariance: float, support: np.ndarray, predicted: np.ndarray, total: float
) -> float:
    spread = (total**2 - predicted @ predicted) * (total**2 - support @ support)
    return float(covariance / np.sqrt(spread)) if spread > 0 else float("nan")
