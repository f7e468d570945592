"""The losses of single validation rows, as far as the counts of an evaluation tell them.

Of each row the counts know the score of its own class to 1/1000, or the residual to one bin. So the
cross-entropy, the squared and the absolute error of rows are known without having been recorded,
save of rows whose class got a score below 1/1000: of those only the sum is, from the mean of all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trainer.evaluation.counts import NUM_BINS, ClassCounts, Counts, RegressionCounts

CROSS_ENTROPIES = ("binary_crossentropy", "sparse_categorical_crossentropy")
_SQUARED, _ABSOLUTE = "mean_squared_error", "mean_absolute_error"


@dataclass(frozen=True, kw_only=True, eq=False)
class RowLosses:
    """How many rows have which loss.

    Attributes:
        values: Losses, shape `(num_bins,)`; of classes bin `b` is that of the score
            `(b + 0.5) / 1000`.
        rows: Rows with each, shape `(num_bins,)`.
        spread: Variance among the rows of the first bin, which holds all scores below 1/1000.
    """

    values: np.ndarray
    rows: np.ndarray
    spread: float = 0.0

    @classmethod
    def of(cls, counts: Counts, loss: str, mean: float | None = None) -> RowLosses | None:
        """Return the losses of counted rows; None if the counts do not tell losses of this kind.

        Args:
            counts: What a validation counted.
            loss: Key of `LOSSES`.
            mean: Mean loss of the rows, where it is known to be nothing else.
        """
        if isinstance(counts, ClassCounts):
            return _of_scores(counts, mean) if loss in CROSS_ENTROPIES else None
        return _of_residuals(counts, loss)

    @property
    def num_rows(self) -> float:
        """Number of rows."""
        return float(self.rows.sum())

    @property
    def mean(self) -> float:
        """Mean loss of a row."""
        return float(self.values @ self.rows / self.num_rows)

    @property
    def variance(self) -> float:
        """Variance of the loss among rows."""
        spread = self.spread * float(self.rows[0])
        squares = float((self.values - self.mean) ** 2 @ self.rows)
        return (squares + spread) / self.num_rows

    def mistakes(self, score: float) -> tuple[float, float]:
        """Return how many rows gave their class less than a score, and their share of the loss.

        Args:
            score: To 1/1000; of a regression this means nothing.
        """
        few = slice(0, round(score * 1000))
        total = float(self.values @ self.rows)
        share = float(self.values[few] @ self.rows[few]) / total if total else 0.0
        return float(self.rows[few].sum()), share


def z_of_rise(before: RowLosses, after: RowLosses) -> float:
    """Return by how many standard errors the mean loss is higher after than before.

    Which row is which is not known, so the two are taken as independent. As a row that is hard is
    so in both, the standard error of the paired difference is smaller: this z is a cautious one.
    """
    variance = before.variance / before.num_rows + after.variance / after.num_rows
    if variance == 0:
        return math.inf if after.mean > before.mean else 0.0
    return (after.mean - before.mean) / math.sqrt(variance)


def best_constant(counts: Counts, loss: str) -> float | None:
    """Return the mean loss of always predicting what is best for all rows; None if not known.

    Args:
        counts: What a validation counted.
        loss: Key of `LOSSES`.
    """
    if isinstance(counts, ClassCounts):
        support = counts.support[counts.support > 0]
        if loss not in CROSS_ENTROPIES or not len(support):
            return None
        share = support / support.sum()
        return float(-(share * np.log(share)).sum())
    if loss != _SQUARED or not counts.count:
        return None
    return counts.total_squares / counts.count - (counts.total / counts.count) ** 2


def _of_scores(counts: ClassCounts, mean: float | None) -> RowLosses | None:
    rows = counts.positives.sum(axis=0)
    total = float(rows.sum())
    if not total:
        return None
    score = (np.arange(NUM_BINS) + 0.5) / 1000
    values = -np.log(score)
    values[-1] = 0.0
    floor = -math.log(0.001)
    if mean is not None and rows[0]:
        others = float(values[1:] @ rows[1:])
        values[0] = max(floor, (mean * total - others) / rows[0])
    # Beyond the floor losses fall off about exponentially, whose deviation is its mean.
    return RowLosses(values=values, rows=rows, spread=(values[0] - floor) ** 2)


def _of_residuals(counts: RegressionCounts, loss: str) -> RowLosses | None:
    if loss not in (_SQUARED, _ABSOLUTE) or not counts.residuals.sum():
        return None
    bins = len(counts.residuals)
    width = 2 * (counts.high - counts.low) / bins
    middle = (np.arange(bins) - bins / 2 + 0.5) * width
    values = middle**2 if loss == _SQUARED else np.abs(middle)
    return RowLosses(values=values, rows=counts.residuals)
