"""Which rows are behind one cell of a confusion matrix, the most confident first.

As in the counts, a row with a score that is not finite is in no cell.
"""

from __future__ import annotations

import numpy as np

# A score of exactly this counts as positive, as in the counts.
_HALF = np.float32(0.5)


def rows_in_cell(
    y_true: np.ndarray, y_score: np.ndarray, *, true_class: int, predicted_class: int
) -> np.ndarray:
    """Return the places of the rows of a class that are predicted as another, or as the same.

    Args:
        y_true: Class indices, shape `(num_rows,)`.
        y_score: Scores of all classes, shape `(num_rows, K)`.
        true_class: The class they are of.
        predicted_class: The class with their highest score; of two classes the second where its
            score is at least 0.5.

    Returns:
        Places in `y_true`, the highest score of the predicted class first.
    """
    if y_score.shape[1] == 2:
        predicted = (y_score[:, 1] >= _HALF).astype(int)
    else:
        predicted = y_score.argmax(axis=1)
    is_here = (y_true == true_class) & (predicted == predicted_class)
    found = np.flatnonzero(is_here & _is_finite(y_score))
    return _descending(found, y_score[found, predicted_class])


def rows_by_outcome(
    y_true: np.ndarray,
    y_score: np.ndarray,
    *,
    positive_class: int,
    threshold: float,
    is_positive: bool,
    is_called: bool,
) -> np.ndarray:
    """Return the places of the rows with one outcome of a class against the rest.

    Args:
        y_true: Class indices, shape `(num_rows,)`.
        y_score: Scores of all classes, shape `(num_rows, K)`.
        positive_class: The class that counts as positive.
        threshold: A row is called positive where its score is at least this.
        is_positive: Whether the rows are of the class.
        is_called: Whether they are called positive.

    Returns:
        Places in `y_true`, those first whose score is furthest on the called side.
    """
    score = y_score[:, positive_class]
    called = score >= np.float32(threshold)
    is_here = ((y_true == positive_class) == is_positive) & (called == is_called)
    found = np.flatnonzero(is_here & _is_finite(y_score))
    return _descending(found, score[found] if is_called else -score[found])


def _is_finite(y_score: np.ndarray) -> np.ndarray:
    is_finite: np.ndarray = np.isfinite(y_score).all(axis=1)
    return is_finite


def _descending(places: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    return places[np.argsort(-confidence, kind="stable")]
