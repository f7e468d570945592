"""Leaks that people really make: ways in which the answer gets into the rows that are tuned on.

Each makes validation look better than it is, and none reaches the sealed test rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from trainer.datasets.shaping import Leak, mislabelled
from trainer.datasets.spec import DatasetSpec

# The column gives the answer away so often.
TOLD_SHARE = 0.98
# Rows with about the same value in a column, among which classes are counted.
ROWS_PER_BIN = 3
# So many columns of noise are tried, and so many of them are taken.
TRIED_COLUMNS = 5_000
SELECTED_COLUMNS = 20
_TRIED_AT_ONCE = 250

LEAKS: Mapping[Leak, str] = {
    "none": "Nothing leaks.",
    "target_column": (
        "One more column that was filled in after the fact, like a refund flag: it equals the "
        f"answer in {TOLD_SHARE:.0%} of the rows, and is still empty (0) in the test rows, as it "
        "would be next month."
    ),
    "duplicated_rows": (
        "Every row stands twice before training and validation rows are parted, as when somebody "
        "oversamples too early: most validation rows have a twin among the training rows. The more "
        "a network learns by heart, the more it gains."
    ),
    "scaling": (
        "Columns are rescaled before training and validation rows are parted, by looking at the "
        "answers: a value becomes the share of a class among the rows with about the same value "
        "(target encoding). Each row's own answer is in its share, but for the test rows."
    ),
    "selection": (
        f"Of {TRIED_COLUMNS:,} columns of pure noise, the {SELECTED_COLUMNS} that go best with the "
        "answers were picked and added, looking at training and validation rows alike. In the "
        "test rows they are the noise they always were."
    ),
}


def leaks_for(spec: DatasetSpec) -> tuple[Leak, ...]:
    """Return the leaks that make sense for a dataset, `none` first."""
    if not spec.num_classes:
        return ("none",)
    if not spec.is_table:
        return ("none", "duplicated_rows")
    return tuple(LEAKS)


def told_column(y: np.ndarray, rows: np.ndarray, *, num_classes: int, seed: int) -> np.ndarray:
    """Return a column that equals the target in `TOLD_SHARE` of some rows, and is 0 elsewhere.

    Args:
        y: Class indices of the whole dataset, as they were written down, shape `(num_samples,)`.
        rows: Row numbers of those that are told, each once.
        num_classes: Number of classes.
        seed: Seed of which rows are told wrong, and which class they get.

    Returns:
        The column, float32 of shape `(num_samples,)`.
    """
    # Not the seed of the wrong labels: the same rows would be wrong, and made right again.
    told = mislabelled(y, rows, share=1 - TOLD_SHARE, num_classes=num_classes, seed=seed + 2**32)
    column = np.zeros(len(y), dtype=np.float32)
    column[rows] = told[rows]
    return column


class TargetScaling:
    """Replaces each value by the share of a class among the rows with about the same value.

    Known as target encoding, of binned columns. Fitted on the training rows alone it is a common
    preparation; fitted on training and validation rows it tells each of them a part of its own
    answer. It stands here for all scaling that is fitted too early: plain standardisation is the
    same mistake and leaks next to nothing (docs/decisions.md has figures).

    Args:
        x: The rows that it is fitted on, shape `(num_rows, num_features)`.
        y: Their class indices, shape `(num_rows,)`.
        num_classes: Number of classes.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, *, num_classes: int) -> None:
        is_class = y[:, np.newaxis] == scaled_classes(num_classes)
        self._edges: list[np.ndarray] = []
        self._shares: list[np.ndarray] = []
        for column in x.T:
            # A bin begins with its edge, and equal values are never parted.
            edges = np.unique(np.sort(column)[::ROWS_PER_BIN])
            bins = _bins(edges, column)
            sums = np.zeros((len(edges), is_class.shape[1]))
            np.add.at(sums, bins, is_class)
            self._edges.append(edges)
            self._shares.append(sums / np.bincount(bins)[:, np.newaxis])

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return rows rescaled, float32 of shape `(num_rows, num_features * num_shares)`.

        There is one share a feature with two classes, else one for each class; a feature's shares
        are beside each other.
        """
        columns = [
            shares[_bins(edges, column)]
            for column, edges, shares in zip(x.T, self._edges, self._shares, strict=True)
        ]
        return np.concatenate(columns, axis=1).astype(np.float32)


def selected_columns(y: np.ndarray, rows: np.ndarray, *, num_classes: int, seed: int) -> np.ndarray:
    """Return the columns of noise that go best with the answers of some rows.

    That is the highest correlation, by its size, with being of any one class.

    Args:
        y: Class indices of the whole dataset, shape `(num_samples,)`.
        rows: Row numbers of those whose answers are looked at.
        num_classes: Number of classes.
        seed: Seed of the noise.

    Returns:
        The columns, the best first, float32 of shape `(num_samples, SELECTED_COLUMNS)`.
    """
    rng = np.random.default_rng(seed + 2**33)
    is_class = (y[rows, np.newaxis] == scaled_classes(num_classes)).astype(np.float32)
    is_class -= is_class.mean(axis=0)
    is_class /= np.maximum(is_class.std(axis=0), 1e-6)
    best = np.zeros((len(y), 0), dtype=np.float32)
    scores = np.zeros(0)
    for _ in range(TRIED_COLUMNS // _TRIED_AT_ONCE):
        tried = rng.standard_normal((len(y), _TRIED_AT_ONCE), dtype=np.float32)
        told = tried[rows]
        told = (told - told.mean(axis=0)) / np.maximum(told.std(axis=0), 1e-6)
        scores = np.append(scores, np.abs(is_class.T @ told).max(axis=0))
        best = np.concatenate([best, tried], axis=1)
        order = np.argsort(-scores, kind="stable")[:SELECTED_COLUMNS]
        best, scores = best[:, order], scores[order]
    return best


def scaled_classes(num_classes: int) -> np.ndarray:
    """Return the classes whose shares `TargetScaling` gives: of two, the second tells all."""
    return np.arange(1, 2) if num_classes == 2 else np.arange(num_classes)


def _bins(edges: np.ndarray, column: np.ndarray) -> np.ndarray:
    # What is below all rows that were seen belongs to the lowest of them.
    return np.maximum(np.searchsorted(edges, column, side="right") - 1, 0)


def leaky_spec(spec: DatasetSpec, leak: Leak) -> DatasetSpec:
    """Return what a dataset is once a leak has changed its columns."""
    names = spec.feature_names
    if leak == "target_column":
        names = (*names, spec.told_name)
    elif leak == "selection":
        names = (*names, *(f"picked {number}" for number in range(1, SELECTED_COLUMNS + 1)))
    elif leak == "scaling":
        classes = [spec.class_names[k] for k in scaled_classes(spec.num_classes)]
        names = tuple(f"{name}: share of {one}" for name in names for one in classes)
    else:
        return spec
    return dataclasses.replace(spec, feature_names=names, input_shape=(len(names),))
