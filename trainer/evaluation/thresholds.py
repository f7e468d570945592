"""One class against the rest, at each of the 1,001 thresholds: the counts and their ratios.

A row is called positive where `score >= threshold`. A ratio whose denominator is zero is NaN:
it is undefined, not zero. Definitions are scikit-learn's (`precision_score`, `recall_score`,
`f1_score`, `average_precision_score`, `roc_auc_score`), with scores in steps of 1/1000.

What the steps cost: every ratio at a threshold is exact. Average precision and ROC AUC are those
of the scores rounded down to 1/1000; rows that share a step count as tied. How far they may be from
those of the scores themselves, as sums over the steps, with p of P positives and n of N negatives
in a step and TP and FP called at it:

- ROC AUC: `sum(p * n) / (2 * P * N)` (`roc_auc_bound`);
- average precision: `sum(p / P * (TP / (TP + FP - n) - (TP - p + 1) / (TP - p + 1 + FP)))`
  (`average_precision_bound`), where every row counts as one. Fractional weights leave it unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trainer.evaluation.counts import THRESHOLDS, ClassCounts


@dataclass(frozen=True, eq=False)
class OneVersusRest:
    """The outcomes of one class against the rest by threshold; every array has shape `(1001,)`.

    Args:
        positives: Rows of the class by the bin of their score, shape `(1001,)`.
        negatives: All other rows by the bin of their score, shape `(1001,)`.
    """

    positives: np.ndarray
    negatives: np.ndarray

    @classmethod
    def of(cls, counts: ClassCounts, class_index: int) -> OneVersusRest:
        """Return the outcomes of a class."""
        return cls(counts.positives[class_index], counts.negatives[class_index])

    @cached_property
    def true_positives(self) -> np.ndarray:
        """Rows of the class that are called positive."""
        return _from_above(self.positives)

    @cached_property
    def false_positives(self) -> np.ndarray:
        """Rows of other classes that are called positive."""
        return _from_above(self.negatives)

    @property
    def num_positives(self) -> float:
        """Rows of the class: what is called at threshold 0."""
        # Not the histogram's own sum: added up in another order, weights give another last digit,
        # and a recall beyond 1.
        return float(self.true_positives[0])

    @property
    def num_negatives(self) -> float:
        """Rows of other classes."""
        return float(self.false_positives[0])

    @cached_property
    def false_negatives(self) -> np.ndarray:
        """Rows of the class that are missed."""
        return self.num_positives - self.true_positives

    @cached_property
    def true_negatives(self) -> np.ndarray:
        """Rows of other classes that are rightly not called positive."""
        return self.num_negatives - self.false_positives

    @cached_property
    def precision(self) -> np.ndarray:
        """Share of the called rows that are positive; NaN where none is called."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    @cached_property
    def recall(self) -> np.ndarray:
        """Share of the positive rows that are called; NaN where there is none."""
        return ratio(self.true_positives, np.full_like(self.positives, self.num_positives))

    @cached_property
    def false_positive_rate(self) -> np.ndarray:
        """Share of the negative rows that are called; NaN where there is none."""
        return ratio(self.false_positives, np.full_like(self.negatives, self.num_negatives))

    @cached_property
    def f1(self) -> np.ndarray:
        """Harmonic mean of precision and recall; NaN where no row is positive nor called."""
        wrong = self.false_positives + self.false_negatives
        return ratio(2 * self.true_positives, 2 * self.true_positives + wrong)

    def matrix(self, step: int) -> np.ndarray:
        """Return `[[TN, FP], [FN, TP]]` at the threshold `step / 1000`."""
        return np.array(
            [
                [self.true_negatives[step], self.false_positives[step]],
                [self.false_negatives[step], self.true_positives[step]],
            ]
        )

    def step_for_precision(self, at_least: float) -> int | None:
        """Return the step with the highest recall whose precision is at least this; None if none.

        Of several, the highest threshold.
        """
        return _best(self.recall, self.precision >= at_least)

    def step_for_recall(self, at_least: float) -> int | None:
        """Return the step with the highest precision whose recall is at least this; None if none.

        Of several, the highest threshold.
        """
        return _best(self.precision, self.recall >= at_least)

    def cost(self, *, false_alarm: float, miss: float) -> np.ndarray:
        """Return the mean cost of a row by threshold; NaN where there are no rows."""
        costs = self.false_positives * false_alarm + self.false_negatives * miss
        return ratio(costs, np.full_like(costs, self.num_positives + self.num_negatives))

    @property
    def average_precision(self) -> float:
        """Sum of precision times the step in recall, from the highest threshold down.

        NaN where there is no positive row.
        """
        recall = self.recall[::-1]
        steps = np.diff(recall, prepend=0.0)
        precision = np.where(steps > 0, self.precision[::-1], 0.0)
        return float(np.sum(steps * precision)) if self.num_positives else float("nan")

    @property
    def average_precision_bound(self) -> float:
        """How far `average_precision` may be from that of the unrounded scores.

        NaN where weights leave counts that are no whole numbers, or no row is positive.
        """
        counts = np.concatenate([self.positives, self.negatives])
        if not self.num_positives or not np.array_equal(counts, np.rint(counts)):
            return float("nan")
        tp, fp = self.true_positives, self.false_positives
        tp_above, fp_above = tp - self.positives, fp - self.negatives
        highest = ratio(tp, tp + fp_above)
        lowest = ratio(tp_above + 1, tp_above + 1 + fp)
        shares = self.positives / self.num_positives
        spread = np.where(self.positives > 0, np.maximum(highest - lowest, 0.0), 0.0)
        return float(np.sum(shares * spread))

    @property
    def roc_auc(self) -> float:
        """Area under the ROC curve by the trapezoidal rule; NaN where a side has no row."""
        x = np.append(self.false_positive_rate[::-1], 1.0)
        y = np.append(self.recall[::-1], 1.0)
        return float(np.trapezoid(np.insert(y, 0, 0.0), np.insert(x, 0, 0.0)))

    @property
    def roc_auc_bound(self) -> float:
        """How far `roc_auc` may be from that of the unrounded scores."""
        pairs = 2 * self.num_positives * self.num_negatives
        return float(np.sum(self.positives * self.negatives) / pairs) if pairs else float("nan")


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Return the quotient, NaN where the denominator is zero."""
    quotient = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=quotient, where=np.asarray(denominator) != 0)
    return quotient


def step_of(threshold: float) -> int:
    """Return k of the threshold k/1000 nearest to this one in [0, 1]."""
    return round(threshold * (len(THRESHOLDS) - 1))


def _from_above(histogram: np.ndarray) -> np.ndarray:
    return histogram[::-1].cumsum()[::-1]


def _best(value: np.ndarray, is_allowed: np.ndarray) -> int | None:
    steps = np.flatnonzero(is_allowed & np.isfinite(value))
    if not len(steps):
        return None
    best = value[steps].max()
    return int(steps[value[steps] == best][-1])
