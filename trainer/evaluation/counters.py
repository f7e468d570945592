"""Counts the rows of a validation from what the network said of them.

`trainer/counting.py` counts the same within the validation of anybody's own `fit()`, where there
is nothing but a batch at a time, in TensorFlow. Here all rows are at hand, after the validation.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trainer.evaluation.counts import NUM_BINS, THRESHOLDS, ClassCounts, Counts, RegressionCounts

EDGES = THRESHOLDS.astype("float32")
# By a hair too large a factor, the product with a score is never rounded down below its edge.
FACTOR = np.nextafter(np.float32(NUM_BINS - 1), np.float32(NUM_BINS))

# The network's output, shape `(num_rows, units)` -> the counts of these rows.
Counter = Callable[[np.ndarray], Counts]


def class_counter(y_true: np.ndarray, num_classes: int) -> Counter:
    """Return what counts rows of these classes.

    Its output holds one score a class, or a single one for class 1 of two. A row with a score that
    is not finite is only counted as left out.

    Args:
        y_true: Class indices, shape `(num_rows,)`.
        num_classes: Number of classes, K.
    """

    def count(y_pred: np.ndarray) -> ClassCounts:
        scores, predicted, labels = y_pred, y_pred.argmax(axis=1), y_true
        if y_pred.shape[1] == 1:
            scores = np.concatenate([1 - y_pred, y_pred], axis=1)
            predicted = (y_pred[:, 0] >= 0.5).astype(int)
        # A sum is finite only where all of its terms are.
        is_good = np.isfinite(scores.sum(axis=1))
        left_out = len(labels) - np.count_nonzero(is_good)
        if left_out:
            scores, predicted, labels = scores[is_good], predicted[is_good], labels[is_good]
        bins = _bins(scores) + NUM_BINS * np.arange(num_classes)
        shape = (num_classes, NUM_BINS)
        all_rows = _tally(bins.ravel(), shape)
        positives = _tally(bins[np.arange(len(labels)), labels], shape)
        return ClassCounts(
            positives=positives,
            negatives=all_rows - positives,
            confusion=_tally(labels * num_classes + predicted, (num_classes, num_classes)),
            left_out=float(left_out),
        )

    return count


def regression_counter(
    y_true: np.ndarray, low: float, high: float, *, num_bins: int = 40
) -> Counter:
    """Return what counts rows with these targets.

    A row with a prediction that is not finite is only counted as left out.

    Args:
        y_true: Targets, shape `(num_rows,)`.
        low: Smallest target there is, the left edge of the first bin.
        high: Largest target there is, the right edge of the last bin; more than `low`.
        num_bins: Bins along both sides.
    """

    def bins(values: np.ndarray, low: float, span: float, num_bins: int) -> np.ndarray:
        place = np.floor((values - low) / span * num_bins)
        return np.clip(place, 0, num_bins - 1).astype(int)

    def count(y_pred: np.ndarray) -> RegressionCounts:
        predicted, target = y_pred.reshape(-1).astype(float), y_true.astype(float)
        is_good = np.isfinite(predicted)
        predicted, target = predicted[is_good], target[is_good]
        error = predicted - target
        span = high - low
        rows, columns = (bins(part, low, span, num_bins) for part in (target, predicted))
        return RegressionCounts(
            joint=_tally(rows * num_bins + columns, (num_bins, num_bins)),
            residuals=_tally(bins(error, -span, 2 * span, 2 * num_bins), (2 * num_bins,)),
            low=low,
            high=high,
            count=float(len(target)),
            total=float(target.sum()),
            total_squares=float(np.square(target).sum()),
            error=float(error.sum()),
            absolute_error=float(np.abs(error).sum()),
            squared_error=float(np.square(error).sum()),
            left_out=float(len(y_true) - len(target)),
        )

    return count


def _bins(scores: np.ndarray) -> np.ndarray:
    """Return k of the highest k/1000 that is at most the score, which is cut to [0, 1]."""
    scores = np.clip(scores, 0, 1)
    bins = np.minimum((scores * FACTOR).astype(int), NUM_BINS - 1)
    # What was rounded up to an edge is taken back.
    return bins - (scores < EDGES[bins])


def _tally(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.bincount(places, minlength=int(np.prod(shape))).astype(float).reshape(shape)
