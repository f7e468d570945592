"""The part of the rows to train on and the part to validate on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trainer.datasets.spec import Arrays, DatasetSpec
from trainer.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class Split:
    """A dataset in two parts; no row is in both.

    Attributes:
        x_train: Features to train on, shape `(num_train, *input_shape)`.
        y_train: Targets to train on, shape `(num_train,)`.
        x_val: Features to validate on, shape `(num_validation, *input_shape)`.
        y_val: Targets to validate on, shape `(num_validation,)`.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray


def split_sizes(num_samples: int, validation_split: float) -> tuple[int, int]:
    """Return `(num_train, num_validation)`, as `split` will make them.

    The share is rounded to whole rows, half a row up; each part has at least one row, unless the
    share is 0, which leaves no rows for validation.

    Raises:
        InvalidInput: The share is not in [0, 1), or there are too few rows to share.
    """
    if not 0 <= validation_split < 1:
        raise InvalidInput(
            "validation_split", "must be at least 0 and less than 1", validation_split
        )
    if validation_split == 0:
        return num_samples, 0
    if num_samples < 2:
        raise InvalidInput(
            "validation_split", "must be 0 where there are fewer than two rows", validation_split
        )
    rounded = math.floor(validation_split * num_samples + 0.5)
    num_validation = min(max(rounded, 1), num_samples - 1)
    return num_samples - num_validation, num_validation


def split(arrays: Arrays, spec: DatasetSpec, *, validation_split: float, seed: int) -> Split:
    """Return the rows in two parts, shuffled; the same seed gives the same parts again.

    Classes keep their shares in both parts, where each class is common enough for that. With
    `spec.standardize` each column is centred and scaled to unit deviation by the training part's
    mean and (population) deviation: the model learns nothing of the validation part in advance.
    """
    num_samples = len(arrays.y)
    num_train, num_validation = split_sizes(num_samples, validation_split)
    if num_validation == 0:
        x_train, y_train = arrays.x, arrays.y
        x_val, y_val = arrays.x[:0], arrays.y[:0]
    else:
        from sklearn.model_selection import train_test_split

        train, validation = train_test_split(
            np.arange(num_samples),
            train_size=num_train,
            test_size=num_validation,
            random_state=seed,
            stratify=arrays.y if _can_stratify(arrays.y, spec, num_train, num_validation) else None,
        )
        x_train, y_train = arrays.x[train], arrays.y[train]
        x_val, y_val = arrays.x[validation], arrays.y[validation]
    if spec.standardize:
        x_train, x_val = _standardize(x_train, x_val)
    return Split(x_train=x_train, y_train=y_train, x_val=x_val, y_val=y_val)


def _can_stratify(y: np.ndarray, spec: DatasetSpec, num_train: int, num_validation: int) -> bool:
    if spec.task == "regression":
        return False
    _, counts = np.unique(y, return_counts=True)
    return bool(counts.min() >= 2 and min(num_train, num_validation) >= len(counts))


def _standardize(x_train: np.ndarray, x_val: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = x_train.mean(axis=0, dtype=np.float64)
    deviation = x_train.std(axis=0, dtype=np.float64)
    # A constant column says nothing; its deviation may be a rounding error instead of 0.
    constant = x_train.max(axis=0) == x_train.min(axis=0)
    deviation[constant] = 1.0
    return (
        ((x_train - mean) / deviation).astype(np.float32),
        ((x_val - mean) / deviation).astype(np.float32),
    )
