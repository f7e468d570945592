"""Class weights: how much a row counts in the loss, by its class."""

from __future__ import annotations

import numpy as np


def ratio_of(text: str) -> float | None:
    """Return k of "1:k", from 0.001 to 100,000; None if the text is no such ratio."""
    one, separator, k = text.partition(":")
    if one.strip() != "1" or not separator or len(k) > 20:
        return None
    try:
        number = float(k)
    except ValueError:
        return None
    return number if 0.001 <= number <= 100_000 else None


def class_weights(choice: str, y_train: np.ndarray) -> dict[int, float] | None:
    """Return the weight of each class, as `fit(class_weight=...)` takes them; None for none.

    Balanced weights are scikit-learn's: the number of rows by the number of classes by that of the
    class's rows, so that every class has the same weight in all.

    Args:
        choice: "none", "balanced" or "1:k", as in a `RunConfig`.
        y_train: Classes of the rows that are trained on, int, shape `(num_rows,)`.
    """
    if choice == "none":
        return None
    ratio = ratio_of(choice)
    if ratio is not None:
        return {0: 1.0, 1: ratio}
    classes, counts = np.unique(y_train, return_counts=True)
    weights = len(y_train) / (len(classes) * counts)
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


def row_weights(weights: dict[int, float], y_train: np.ndarray) -> np.ndarray:
    """Return each row's weight, float32 of shape `(num_rows,)`; 1 for a class without one."""
    table = np.ones(max(int(y_train.max()), *weights) + 1, "float32")
    table[list(weights)] = list(weights.values())
    return table[y_train]
