"""The rows in three parts: to train on, to validate on while tuning, and to test on at the end."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from trainer.datasets.leaks import TargetScaling, leaky_spec, selected_columns, told_column
from trainer.datasets.preprocessing import Preprocessing, number_columns
from trainer.datasets.shaping import (
    Bend,
    Leak,
    chosen_rows,
    kept_counts,
    mislabelled,
    shaken_columns,
    shaken_pictures,
)
from trainer.datasets.spec import Arrays, DatasetSpec
from trainer.errors import InvalidInput

# The test rows depend on no run's seed: otherwise one run would learn from another's test rows.
_TEST_SEED = 0


@dataclass(frozen=True, kw_only=True)
class Split:
    """A dataset in three parts; no row is in two of them, unless a leak puts it there.

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
    num_samples: int, test_split: float, validation_split: float, leak: Leak = "none"
) -> tuple[int, int, int]:
    """Return `(num_train, num_validation, num_test)`, as `split` will make them.

    `test_split` is a share of all rows, `validation_split` one of the others, which stand twice
    where that is the leak. Shares are rounded to whole rows, half a row up; each part has at least
    one row, unless its share is 0.

    Raises:
        InvalidInput: A share is not in [0, 1), or there are too few rows to share.
    """
    num_test = _share(num_samples, "test_split", test_split)
    num_others = (num_samples - num_test) * (2 if leak == "duplicated_rows" else 1)
    num_validation = _share(num_others, "validation_split", validation_split)
    return num_others - num_validation, num_validation, num_test


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
    bend: Bend | None = None,
) -> Split:
    """Return the rows in three parts, shuffled; the same seed gives the same parts again.

    The test rows are the same whatever the seed. Classes keep their shares in all parts, where
    each class is common enough for that. With `spec.standardize` each column is centred and scaled
    to unit deviation by the training part's mean and (population) deviation, and the columns of an
    upload are prepared by `Preprocessing`: the model learns nothing of the other parts in advance,
    save what `bend` lets leak.
    """
    bend = bend or Bend()
    parts = part_rows(
        arrays,
        spec,
        test_split=test_split,
        validation_split=validation_split,
        seed=seed,
        bend=bend,
    )
    spec = bent_spec(spec, bend)
    train, validation, test = parts.rows_train, parts.rows_val, parts.rows_test
    x = [parts.x[rows] for rows in (train, validation, test)]
    preprocessing = None
    if spec.columns or spec.standardize:
        columns = spec.columns or number_columns(spec.feature_names, x[0].shape[1])
        preprocessing = Preprocessing.fit(x[0], columns)
        x = [preprocessing(part) for part in x]
    x_train, x_val, x_test = x
    return Split(
        x_train=x_train,
        y_train=parts.y[train],
        x_val=x_val,
        y_val=parts.y[validation],
        x_test=x_test,
        y_test=parts.y[test],
        rows_val=validation,
        rows_test=test,
        preprocessing=preprocessing,
    )


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A dataset as it is bent and parted, before anything is scaled or encoded.

    Attributes:
        x: Features of all rows that were loaded; of those in no part they say nothing.
        y: Targets of all rows that were loaded; those that are learnt from may be wrong.
        rows_train: Row numbers to train on, shape `(num_train,)`.
        rows_val: Row numbers to validate on, shape `(num_validation,)`; a leak may have doubled a
            row, which then has the same number among those to train on.
        rows_test: Row numbers that are sealed away, shape `(num_test,)`.
    """

    x: np.ndarray
    y: np.ndarray
    rows_train: np.ndarray
    rows_val: np.ndarray
    rows_test: np.ndarray

    @classmethod
    def undivided(cls, arrays: Arrays) -> Parts:
        """Return a dataset all of whose rows are to train on."""
        none = np.arange(0)
        rows = np.arange(len(arrays.y))
        return cls(x=arrays.x, y=arrays.y, rows_train=rows, rows_val=none, rows_test=none)

    @property
    def rows_unsealed(self) -> np.ndarray:
        """Row numbers to train and to validate on, shape `(num_train + num_validation,)`."""
        return np.concatenate([self.rows_train, self.rows_val])


def part_rows(
    arrays: Arrays,
    spec: DatasetSpec,
    *,
    test_split: float,
    validation_split: float,
    seed: int,
    bend: Bend,
) -> Parts:
    """Return which rows `split` trains, validates and tests on, and the rows as they are bent."""
    bent = bend_rows(arrays, spec, bend=bend, test_split=test_split)
    rest, test = bent.rows_rest, bent.rows_test
    sizes = split_sizes(len(rest) + len(test), test_split, validation_split, bend.leak)
    if bend.leak == "duplicated_rows":
        rest = np.repeat(rest, 2)
    spec = bent_spec(spec, bend)
    strata = bent.y
    if spec.few_kinds:
        kinds = row_kinds(bent.x, bent.y)
        strata = kinds if _can_stratify(kinds[rest], spec, sizes[:2]) else bent.y
    train, validation = _parted(rest, strata, spec, sizes[:2], seed)
    return Parts(x=bent.x, y=bent.y, rows_train=train, rows_val=validation, rows_test=test)


def row_kinds(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a number for each row, the same for rows with equal features and target.

    Args:
        x: Features, shape `(num_rows, num_features)`.
        y: Targets, shape `(num_rows,)`.
    """
    return np.unique(np.column_stack([x, y]), axis=0, return_inverse=True)[1].reshape(-1)


@dataclass(frozen=True, kw_only=True)
class BentRows:
    """A dataset as it is bent, before it is parted for training and validation, and scaled.

    Attributes:
        x: Features of all rows that were loaded; of those that are not kept they say nothing.
        y: Targets of all rows that were loaded; those that are kept to learn from may be wrong.
        rows_rest: Row numbers that are kept for training and validation.
        rows_test: Row numbers that are kept and sealed away.
    """

    x: np.ndarray
    y: np.ndarray
    rows_rest: np.ndarray
    rows_test: np.ndarray


def bent_spec(spec: DatasetSpec, bend: Bend) -> DatasetSpec:
    """Return what is known of a dataset, once it is bent, without loading it."""
    if bend.num_samples or bend.imbalance:
        classes = kept_counts(
            spec.class_counts or (spec.num_samples,),
            num_samples=bend.num_samples,
            imbalance=bend.imbalance,
        )
        spec = dataclasses.replace(
            spec, num_samples=sum(classes), class_counts=classes if spec.class_counts else ()
        )
    return leaky_spec(spec, bend.leak)


def bend_rows(arrays: Arrays, spec: DatasetSpec, *, bend: Bend, test_split: float) -> BentRows:
    """Return a dataset's rows as `bend` leaves them.

    The test rows are shaken like all others and know of no leak; their labels stay right.
    """
    y, rest, test = bend_targets(arrays.y, spec, bend=bend, test_split=test_split)
    x = arrays.x
    if bend.noise and spec.default_noise is None:
        if spec.is_image:
            kept = np.concatenate([rest, test])
            x = x.copy()
            x[kept] = shaken_pictures(
                x[kept], kept, noise=bend.noise, seed=bend.seed, highest=spec.pixel_scale
            )
        else:
            x = shaken_columns(x, noise=bend.noise, seed=bend.seed)
    if bend.leak == "target_column":
        told = told_column(y, rest, num_classes=spec.num_classes, seed=bend.seed)
        x = np.column_stack([x, told])
    elif bend.leak == "selection":
        picked = selected_columns(y, rest, num_classes=spec.num_classes, seed=bend.seed)
        x = np.concatenate([x, picked], axis=1)
    elif bend.leak == "scaling":
        x = TargetScaling(x[rest], y[rest], num_classes=spec.num_classes)(x)
    return BentRows(x=x, y=y, rows_rest=rest, rows_test=test)


def bend_targets(
    y: np.ndarray, spec: DatasetSpec, *, bend: Bend, test_split: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the targets as `bend` leaves them, and which rows are kept.

    Args:
        y: Targets of the whole dataset, shape `(num_samples,)`.
        spec: The dataset.
        bend: How it is bent.
        test_split: Share of the kept rows that are sealed away.

    Returns:
        Targets of the whole dataset; the row numbers to learn from, and those that are sealed away.
    """
    num_samples = len(y)
    _, _, num_test = split_sizes(num_samples, test_split, 0)
    sizes = (num_samples - num_test, num_test)
    rest, test = _parted(np.arange(num_samples), y, spec, sizes, _TEST_SEED)
    classes = y if spec.num_classes else np.zeros(num_samples, dtype=int)
    there_are = tuple(np.bincount(classes, minlength=max(spec.num_classes, 1)).tolist())
    counts = kept_counts(
        there_are, num_samples=min(bend.num_samples, num_samples), imbalance=bend.imbalance
    )
    if counts != there_are:
        _, _, num_test = split_sizes(sum(counts), test_split, 0)
        rest, test = chosen_rows(
            classes,
            counts,
            sealed=test,
            num_sealed=num_test,
            seed=bend.seed,
            seal_seed=_TEST_SEED,
        )
    if bend.label_noise:
        y = mislabelled(
            y, rest, share=bend.label_noise, num_classes=spec.num_classes, seed=bend.seed
        )
    return y, rest, test


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
