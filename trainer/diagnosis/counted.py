"""What the counts of a validation tell: the accuracy paradox, and too few rows to tell."""

from __future__ import annotations

import math

import numpy as np

from trainer.diagnosis.verdict import Verdict
from trainer.evaluation.counts import ClassCounts

# The standard normal's 97.5 % point.
_Z = 1.96
_MAJORITY = 0.8
_RECALL = 0.5
_HALF_WIDTH = 0.05


def accuracy_paradox(counts: ClassCounts) -> Verdict | None:
    """Return the verdict that accuracy is no better than always naming one class; None if it is.

    Predicted is the class with the highest score, with two classes at the threshold of 0.5.

    Args:
        counts: What a validation counted.
    """
    support = counts.confusion.sum(axis=1)
    rows = float(support.sum())
    if not rows or (support > 0).sum() < 2:
        return None
    share = float(support.max() / rows)
    accuracy = float(np.trace(counts.confusion) / rows)
    rarest = int(np.argmin(np.where(support > 0, support, np.inf)))
    recall = float(counts.confusion[rarest, rarest] / support[rarest])
    bound = share + _Z * math.sqrt(share * (1 - share) / rows)
    if share < _MAJORITY or accuracy > bound or recall >= _RECALL:
        return None
    return Verdict(
        name="accuracy_paradox",
        sentence=(
            f"Accuracy is {accuracy:.3f}, and always naming the most frequent class has "
            f"{share:.3f}; of the {support[rarest]:.0f} rows of the rarest class "
            f"{counts.confusion[rarest, rarest]:.0f} were found (recall {recall:.3f})."
        ),
        rule=(
            f"One class has at least {_MAJORITY:.0%} of the rows, accuracy is at most its share "
            f"plus {_Z} standard errors, and the rarest class has a recall below {_RECALL}."
        ),
        next_step="Try balanced class weights.",
        choices={"class_weight": "balanced"},
        series="val_accuracy",
    )


def wilson(correct: float, rows: float) -> tuple[float, float]:
    """Return the 95 % Wilson interval of an accuracy.

    Args:
        correct: Rows that were right.
        rows: All rows; at least one.

    Source: Wilson, 1927, "Probable inference, the law of succession, and statistical inference".
    """
    share = correct / rows
    middle = (share + _Z**2 / (2 * rows)) / (1 + _Z**2 / rows)
    half = _Z / (1 + _Z**2 / rows) * math.sqrt(share * (1 - share) / rows + _Z**2 / (4 * rows**2))
    return middle - half, middle + half


def validation_too_small(counts: ClassCounts) -> Verdict | None:
    """Return the verdict that an accuracy is too uncertain to compare by; None if it is not.

    Args:
        counts: What a validation counted.
    """
    rows, correct = float(counts.confusion.sum()), float(np.trace(counts.confusion))
    if not rows:
        return None
    low, high = wilson(correct, rows)
    if (high - low) / 2 <= _HALF_WIDTH:
        return None
    return Verdict(
        name="validation_too_small",
        sentence=(
            f"Accuracy is {correct / rows:.3f} on {rows:.0f} rows, which may be anything from "
            f"{low:.3f} to {high:.3f} on new ones."
        ),
        rule=f"Half of the 95 % Wilson interval of the accuracy is wider than {_HALF_WIDTH}.",
        next_step="Validate on more rows, or repeat with other seeds before comparing.",
        choices={},
        series="val_accuracy",
    )
