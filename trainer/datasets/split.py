"""The rows in three parts: to train on, to validate on while tuning, and to test on at the end."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trainer.datasets.preprocessing import Preprocessing, number_columns
from trainer.datasets.spec import Arrays, DatasetSpec
from trainer.errors import InvalidInput

# The test rows depend on no run's seed: otherwise one run would learn from another's test rows.
_TEST_SEED = 0


@dataclass(frozen=True, kw_only=True)
class Split:
    """A dataset in three parts; no row is in two of them.

    Attributes:
        x_train: Features to train on, shape `(num_train, *input_shape)`.
        y_train: Targets to train on, shape `(num_train,)`.
        x_val: Features to validate on, shape `(num_validation, *input_shape)`.
        y_val: Targets to validate on, shape `(num_validation,)`.
        x_test: Features to test on, shape `(num_test, *input_shape)`.
        y_test: Targets to test on, shape `(num_test,)`.
        rows_val: Where the validation rows are in the dataset, shape `(num_validation,)`.
        rows_test: Where the test rows are in the dataset, shape `(num_test,)`.
        preprocessing: What was fitted on the training rows and applied to all; None without.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    rows_val: np.ndarray
    rows_test: np.ndarray
    preprocessing: Preprocessing | None = None

    @property
    def y_unsealed(self) -> np.ndarray:
        """Targets of all rows but the test rows, shape `(num_train + num_validation,)`."""
        return np.concatenate([self.y_train, self.y_val])


def split_sizes(
    num_samples: int, test_split: float, validation_split: float
) -> tuple[int, int, int]:
    """Return `(num_train, num_validation, num_test)`, as `split` will make them.

    `test_split` is a share of all rows, `validation_split` one of the others. Shares are rounded to
    whole rows, half a row up; each part has at least one row, unless its share is 0.

    Raises:
        InvalidInput: A share is not in [0, 1), or there are too few rows to share.
    """
    num_test = _share(num_samples, "test_split", test_split)
    num_validation = _share(num_samples - num_test, "validation_split", validation_split)
    return num_samples - num_test - num_validation, num_validation, num_test


def _share(num_rows: int, parameter: str, share: float) -> int:
    if not 0 <= share < 1:
        raise InvalidInput(parameter, "must be at least 0 and less than 1", share)
    if share == 0:
        return 0
    if num_rows < 2:
        raise InvalidInput(parameter, "must be 0 where fewer than two rows are left", share)
    return min(max(math.floor(share * num_rows + 0.5), 1), num_rows - 1)


def split(
    arrays: Arrays,
    spec: DatasetSpec,
    *,
    test_split: float,
    validation_split: float,
    seed: int,
) -> Split:
    """Return the rows in three parts, shuffled; the same seed gives the same parts again.

    The test rows are the same whatever the seed. Classes keep their shares in all parts, where
    each class is common enough for that. With `spec.standardize` each column is centred and scaled
    to unit deviation by the training part's mean and (population) deviation, and the columns of an
    upload are prepared by `Preprocessing`: the model learns nothing of the other parts in advance.
    """
    num_samples = len(arrays.y)
    num_train, num_validation, num_test = split_sizes(num_samples, test_split, validation_split)
    rest, test = _parted(
        np.arange(num_samples), arrays.y, spec, (num_samples - num_test, num_test), _TEST_SEED
    )
    train, validation = _parted(rest, arrays.y, spec, (num_train, num_validation), seed)
    x = [arrays.x[rows] for rows in (train, validation, test)]
    preprocessing = None
    if spec.columns or spec.standardize:
        columns = spec.columns or number_columns(spec.feature_names, x[0].shape[1])
        preprocessing = Preprocessing.fit(x[0], columns)
        x = [preprocessing(part) for part in x]
    x_train, x_val, x_test = x
    return Split(
        x_train=x_train,
        y_train=arrays.y[train],
        x_val=x_val,
        y_val=arrays.y[validation],
        x_test=x_test,
        y_test=arrays.y[test],
        rows_val=validation,
        rows_test=test,
        preprocessing=preprocessing,
    )


def _parted(
    rows: np.ndarray, y: np.ndarray, spec: DatasetSpec, sizes: tuple[int, int], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    if sizes[1] == 0:
        return rows, rows[:0]
    from sklearn.model_selection import train_test_split

    first, second = train_test_split(
        rows,
        train_size=sizes[0],
        test_size=sizes[1],
        random_state=seed,
        stratify=y[rows] if _can_stratify(y[rows], spec, sizes) else None,
    )
    return first, second


def _can_stratify(y: np.ndarray, spec: DatasetSpec, sizes: tuple[int, int]) -> bool:
    if spec.task == "regression":
        return False
    _, counts = np.unique(y, return_counts=True)
    return bool(counts.min() >= 2 and min(sizes) >= len(counts))
