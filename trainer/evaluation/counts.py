"""What an evaluation is made of: counts of one epoch, small enough to keep for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# A threshold is k/1000; bin b of a histogram holds the scores from b/1000 to below (b + 1)/1000,
# the last one those of 1 and above.
NUM_BINS = 1001
THRESHOLDS = np.arange(NUM_BINS) / 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassCounts:
    """The counts of a classification with K classes.

    All counts are sums of sample weights, so they are whole numbers unless somebody gave weights.

    Attributes:
        positives: Rows of class k by the score they got for it, shape `(K, 1001)`, float64.
        negatives: Rows of other classes by the score they got for class k, shape `(K, 1001)`.
        confusion: Rows by true and predicted class, shape `(K, K)`: predicted is the class with the
            highest score, for a single sigmoid output class 1 where its score is at least 0.5.
        left_out: Rows counted nowhere else, because a score was not finite or the label is none
            of the classes.
    """

    positives: np.ndarray
    negatives: np.ndarray
    confusion: np.ndarray
    left_out: float = 0.0

    @property
    def num_classes(self) -> int:
        """Number of classes, K."""
        return len(self.confusion)

    @property
    def support(self) -> np.ndarray:
        """Rows of each class, shape `(K,)`."""
        return self.positives.sum(axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class RegressionCounts:
    """The counts of a regression, in a grid over the range of the target.

    Attributes:
        joint: Rows by the bins of target and prediction, shape `(num_bins, num_bins)`, float64;
            what lies outside of the range is counted in the bin at its edge.
        residuals: Rows by the bin of prediction minus target, shape `(2 * num_bins,)`, from
            `-(high - low)` to `high - low`.
        low: Left edge of the first bin.
        high: Right edge of the last bin.
        count: Sum of the sample weights.
        total: Sum of the targets.
        total_squares: Sum of the squared targets.
        error: Sum of the errors, prediction minus target.
        absolute_error: Sum of the errors' sizes.
        squared_error: Sum of the squared errors.
        left_out: Rows counted nowhere else, because target or prediction was not finite.
    """

    joint: np.ndarray
    residuals: np.ndarray
    low: float
    high: float
    count: float
    total: float
    total_squares: float
    error: float
    absolute_error: float
    squared_error: float
    left_out: float = 0.0


Counts = ClassCounts | RegressionCounts


def majority(support: np.ndarray) -> dict[str, float]:
    """Return the class that most rows have, and their share: what always guessing it would score.

    Args:
        support: Rows of each class, shape `(K,)`; at least one row.
    """
    return {"class": int(support.argmax()), "share": float(support.max() / support.sum())}
