"""Bends a dataset: fewer rows, rarer classes, shaken features, wrong labels. Arrays in and out.

Everything is drawn by row number, so that turning a knob up adds to what was there: more rows, more
wrong labels; and whoever asks for a few rows gets the very ones that were trained with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Leak = Literal["none", "target_column", "duplicated_rows", "scaling", "selection"]

# What is drawn with one seed for different ends must not be the same draw.
_NOISE, _LABELS, _ROWS = 1, 2, 3


@dataclass(frozen=True, kw_only=True)
class Bend:
    """How a dataset is bent before a training gets it.

    Attributes:
        num_samples: Rows that are taken, classes in the shares they have; 0 for all of them.
        noise: Standard deviation of what is added to the features, in units of their own
            deviation. Not of generated sets, which make noise of their own.
        label_noise: Share of wrong labels among the training and validation rows.
        imbalance: Share of the largest class in a pair with any other; 0 for as it is.
        leak: What of the answer reaches the training and validation rows.
        seed: Seed of all of this, save of which rows are test rows.
    """

    num_samples: int = 0
    noise: float = 0.0
    label_noise: float = 0.0
    imbalance: float = 0.0
    leak: Leak = "none"
    seed: int = 0


def kept_counts(
    class_counts: Sequence[int], *, num_samples: int, imbalance: float
) -> tuple[int, ...]:
    """Return how many rows of each class are kept.

    First `num_samples` rows are taken in the classes' own shares, then classes are thinned: each
    but the largest keeps `(1 - imbalance) / imbalance` as many rows as the largest one, and where
    a class has not so many, the largest is thinned too. With two classes `imbalance` is thus the
    share of the larger one; with more it is that share in a pair with any other class, and 0.5 is
    as many rows of each. Every class keeps at least one row.

    Args:
        class_counts: Rows of each class there are.
        num_samples: Rows to take; 0 for all of them.
        imbalance: From 0.5 to less than 1; 0 for as it is.
    """
    counts = list(class_counts)
    if num_samples:
        counts = apportioned(num_samples, counts)
    if imbalance:
        largest = counts.index(max(counts))
        ratio = imbalance / (1 - imbalance)
        others = min([counts[largest] / ratio, *counts[:largest], *counts[largest + 1 :]])
        majority = min(_rounded(others * ratio), counts[largest])
        counts = [max(1, _rounded(others))] * len(counts)
        counts[largest] = majority
    return tuple(counts)


def apportioned(total: int, weights: Sequence[int], *, least: int = 1) -> list[int]:
    """Return `total` shared out by weight in whole numbers, the largest remainders rounded up.

    Every share is at least `least`, 0 or 1, where `total` is large enough for that.
    """
    ideal = [total * weight / sum(weights) for weight in weights]
    shares = [math.floor(share) for share in ideal]
    by_remainder = sorted(range(len(ideal)), key=lambda k: shares[k] - ideal[k])
    for k in by_remainder[: total - sum(shares)]:
        shares[k] += 1
    while least and total >= len(shares) and 0 in shares:
        shares[shares.index(max(shares))] -= 1
        shares[shares.index(0)] += 1
    return shares


def chosen_rows(
    classes: np.ndarray,
    counts: Sequence[int],
    *,
    sealed: np.ndarray,
    num_sealed: int,
    seed: int,
    seal_seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the row numbers that are kept: those to learn from, and those to seal away.

    Sealed rows are chosen among those that the whole dataset seals, and the others among the
    others, as long as there are enough: what one run learns from is no other's test.

    Args:
        classes: Class index of each row, shape `(num_samples,)`.
        counts: How many rows of each class to keep.
        sealed: Row numbers that the whole dataset seals.
        num_sealed: How many of the kept rows to seal; classes have their shares in them.
        seed: Seed of which of the other rows are kept.
        seal_seed: Seed of which of the sealed rows are kept.

    Returns:
        Two arrays of row numbers, in ascending order.
    """
    is_sealed = np.zeros(len(classes), dtype=bool)
    is_sealed[sealed] = True
    seal_turn = np.random.default_rng([_ROWS, seal_seed]).random(len(classes))
    turn = np.random.default_rng([_ROWS, seed]).random(len(classes))
    there_are = np.bincount(classes, minlength=len(counts))
    sealed_are = np.bincount(classes[sealed], minlength=len(counts))
    seal_counts = _bounded(
        apportioned(num_sealed, counts, least=0),
        np.maximum(np.asarray(counts) - (there_are - sealed_are), 0),
        np.minimum(counts, sealed_are),
    )
    rest, test = [], []
    for k, (count, seal_count) in enumerate(zip(counts, seal_counts, strict=True)):
        rows = np.flatnonzero(classes == k)
        rows = rows[np.lexsort((seal_turn[rows], ~is_sealed[rows]))]
        test.append(rows[:seal_count])
        rows = rows[seal_count:]
        rows = rows[np.lexsort((turn[rows], is_sealed[rows]))]
        rest.append(rows[: count - seal_count])
    return np.sort(np.concatenate(rest)), np.sort(np.concatenate(test))


def _bounded(shares: Sequence[int], lows: np.ndarray, highs: np.ndarray) -> list[int]:
    """Return shares with the same sum and within the bounds, where there are any such."""
    bounded = np.clip(shares, lows, highs)
    while bounded.sum() != sum(shares):
        step = np.sign(sum(shares) - bounded.sum())
        room = highs - bounded if step > 0 else bounded - lows
        if not room.any():
            return list(shares)
        bounded[room.argmax()] += step
    return bounded.tolist()


def shaken_columns(x: np.ndarray, *, noise: float, seed: int) -> np.ndarray:
    """Return a table with normal noise added to each column, in units of its own deviation.

    Args:
        x: All rows of the dataset, shape `(num_samples, num_features)`.
        noise: Standard deviation of the noise in units of each column's (population) deviation.
        seed: Seed of the noise.
    """
    deviation = x.std(axis=0, dtype=np.float64)
    shift = np.random.default_rng([_NOISE, seed]).normal(size=x.shape)
    return (x + noise * deviation * shift).astype(x.dtype)


def shaken_pictures(
    x: np.ndarray, rows: np.ndarray, *, noise: float, seed: int, highest: float
) -> np.ndarray:
    """Return pictures with normal noise added to each pixel, cut off at black and white.

    A picture's noise depends on its row number alone, so a few can be shaken without the others.

    Args:
        x: Pictures of floats, or of uint8, which stay whole numbers.
        rows: Their row numbers in the dataset, shape `(num_pictures,)`.
        noise: Standard deviation of the noise in units of the deviation of the picture's pixels.
        seed: Seed of the noise.
        highest: The value of white; black is 0.
    """
    shaken = np.empty_like(x)
    for place, row in enumerate(rows):
        picture = x[place].astype(np.float32)
        shift = np.random.default_rng([_NOISE, seed, row]).standard_normal(
            picture.shape, dtype=np.float32
        )
        moved = np.clip(picture + noise * picture.std() * shift, 0, highest)
        shaken[place] = moved if x.dtype.kind == "f" else moved.round()
    return shaken


def mislabelled(
    y: np.ndarray, rows: np.ndarray, *, share: float, num_classes: int, seed: int
) -> np.ndarray:
    """Return labels of which a share, of some rows, is wrong: any other class, all as likely.

    Exactly `share` of the rows become wrong, half a row rounded up.

    Args:
        y: Class indices of the whole dataset, shape `(num_samples,)`.
        rows: Row numbers of those that may become wrong, each once.
        share: From 0 to 1.
        num_classes: Number of classes, at least 2.
        seed: Seed of which rows become wrong, and which class they get.
    """
    rng = np.random.default_rng([_LABELS, seed])
    turn = rng.random(len(y))
    shift = rng.integers(1, num_classes, size=len(y))
    wrong = rows[np.argsort(turn[rows], kind="stable")[: _rounded(share * len(rows))]]
    labels = y.copy()
    labels[wrong] = (y[wrong] + shift[wrong]) % num_classes
    return labels


def _rounded(number: float) -> int:
    return math.floor(number + 0.5)
