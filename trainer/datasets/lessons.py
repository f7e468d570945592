"""Made-up sets for the lessons: small, and each with one thing to see.

Those with a few kinds of rows have exact counts: what a fit shows can be worked out by hand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from trainer.datasets.shaping import apportioned
from trainer.datasets.spec import Arrays, DatasetSpec, LoadOptions
from trainer.errors import InvalidInput

_LICENCE = "None needed: made up by this program"
_SOURCE = "Generated"
_LINEAR = {"hidden_layers": 0, "test_split": 0.0, "validation_split": 0.5}

_FOUR = 4
_FLIPS = (300, 300)
_FLIP_COLUMNS = 20
_GUESSES = (575, 575)
_PLANE_ROWS = 400
_PLANE_COLUMNS = 5
_PLANE_SLOPE = 2.0
# Rows of each kind by class: what is in the first half is in the second half too.
_SIDES = ((100, 20), (10, 70))
_SIDE_VALUES = np.array([[-1.0], [1.0]])
_RISKS = ((32, 768, 2_900, 15_900), (48, 192, 100, 60))
_RISK_VALUES = np.eye(4)
_CLOUDS = (2_800, 1_200)
_RARE = (3_800, 200)
_PURCHASES = (3_000, 3_000)
_SHIFTS = {"clouds": (1.7, 1.7), "rare": (0.8,), "purchases": (1.28, 0.0, 0.0)}


def _load_four_points(options: LoadOptions) -> Arrays:
    x = np.linspace(1.0, 4.0, options.num_samples or _FOUR)
    return Arrays(x=x[:, np.newaxis].astype(np.float32), y=(2 * x).astype(np.float32))


def _load_plane(options: LoadOptions) -> Arrays:
    if not (math.isfinite(options.noise) and options.noise >= 0):
        raise InvalidInput("noise", "must be zero or a positive number", options.noise)
    rng = np.random.default_rng(options.seed)
    slope = rng.normal(size=_PLANE_COLUMNS)
    slope *= _PLANE_SLOPE / np.linalg.norm(slope)
    x = rng.normal(size=(options.num_samples or _PLANE_ROWS, _PLANE_COLUMNS))
    y = x @ slope + rng.normal(0.0, options.noise, size=len(x))
    return Arrays(x=x.astype(np.float32), y=y.astype(np.float32))


def _load_coin_flips(options: LoadOptions) -> Arrays:
    return _load_shifted(_FLIPS, (0.0,) * _FLIP_COLUMNS, options)


def _load_guesses(options: LoadOptions) -> Arrays:
    return _load_shifted(_GUESSES, (0.0,), options)


def _load_shifted(counts: Sequence[int], shifts: Sequence[float], options: LoadOptions) -> Arrays:
    """Return normal columns of deviation 1; in class 1 their means are higher by `shifts`."""
    rng = np.random.default_rng(options.seed)
    shares = apportioned(options.num_samples, counts) if options.num_samples else counts
    y = rng.permutation(np.repeat([0, 1], shares))
    x = rng.normal(size=(len(y), len(shifts))) + (y[:, np.newaxis] - 0.5) * np.array(shifts)
    return Arrays(x=x.astype(np.float32), y=y.astype(np.int32))


def _load_kinds(
    counts: Sequence[Sequence[int]], values: np.ndarray, options: LoadOptions
) -> Arrays:
    """Return rows of a few kinds, as many of each as `counts` says by class and kind."""
    classes = [sum(of_class) for of_class in counts]
    if options.num_samples:
        classes = apportioned(options.num_samples, classes)
    y, kind = [], []
    for k, (total, of_class) in enumerate(zip(classes, counts, strict=True)):
        y.append(np.full(total, k))
        kind.append(np.repeat(np.arange(len(of_class)), apportioned(total, of_class, least=0)))
    order = np.random.default_rng(options.seed).permutation(sum(classes))
    x = values[np.concatenate(kind)[order]]
    return Arrays(x=x.astype(np.float32), y=np.concatenate(y)[order].astype(np.int32))


SPECS = (
    DatasetSpec(
        name="four_points",
        title="Four points",
        summary="The points 1, 2, 3, 4 and their doubles; predict y from x.",
        task="regression",
        num_samples=_FOUR,
        input_shape=(1,),
        feature_names=("x",),
        target_name="y",
        origin="generated",
        source=f"{_SOURCE}: y = 2x.",
        licence=_LICENCE,
        defaults={
            **_LINEAR,
            "validation_split": 0.0,
            "optimizer": "sgd",
            "learning_rate": 0.01,
            "batch_size": 2,
            "epochs": 3,
        },
        load=_load_four_points,
    ),
    DatasetSpec(
        name="coin_flips",
        title="Coin flips",
        summary="Twenty columns of noise and a coin for each row; there is nothing to be learnt.",
        task="binary",
        num_samples=sum(_FLIPS),
        input_shape=(_FLIP_COLUMNS,),
        class_names=("heads", "tails"),
        class_counts=_FLIPS,
        feature_names=tuple(f"noise {number}" for number in range(1, _FLIP_COLUMNS + 1)),
        target_name="coin",
        origin="generated",
        source=f"{_SOURCE}: normal columns, and as many heads as tails in any order.",
        licence=_LICENCE,
        told_name="coin as noted",
        defaults={
            "units": 128,
            "learning_rate": 0.01,
            "epochs": 30,
            "test_split": 0.0,
            "validation_split": 2 / 3,
        },
        load=_load_coin_flips,
    ),
    DatasetSpec(
        name="guesses",
        title="Coins and one column of noise",
        summary=(
            "One column of noise and a coin for each row: for what is picked from more noise."
        ),
        task="binary",
        num_samples=sum(_GUESSES),
        input_shape=(1,),
        class_names=("heads", "tails"),
        class_counts=_GUESSES,
        feature_names=("noise",),
        target_name="coin",
        origin="generated",
        source=f"{_SOURCE}: a normal column, and as many heads as tails in any order.",
        licence=_LICENCE,
        told_name="coin as noted",
        defaults={
            **_LINEAR,
            "learning_rate": 0.01,
            "epochs": 15,
            "initializer": "zeros",
            "test_split": 0.5,
        },
        load=_load_guesses,
    ),
    DatasetSpec(
        name="plane",
        title="A noisy plane",
        summary="Five columns, and a target that is a weighted sum of them plus noise.",
        task="regression",
        num_samples=_PLANE_ROWS,
        input_shape=(_PLANE_COLUMNS,),
        feature_names=tuple(f"x{number}" for number in range(1, _PLANE_COLUMNS + 1)),
        target_name="y",
        origin="generated",
        source=f"{_SOURCE}: y = Xw + noise, normal X, w of length 2 in any direction.",
        licence=_LICENCE,
        default_noise=0.5,
        defaults={**_LINEAR, "optimizer": "sgd", "learning_rate": 0.02, "epochs": 30},
        load=_load_plane,
    ),
    DatasetSpec(
        name="two_sides",
        title="Two sides",
        summary=(
            "Rows are left (−1) or right (+1), and nothing else. Of a hundred, 50 of the left are "
            "negative and 5 positive, 10 of the right negative and 35 positive."
        ),
        task="binary",
        num_samples=sum(map(sum, _SIDES)),
        input_shape=(1,),
        class_names=("negative", "positive"),
        class_counts=tuple(map(sum, _SIDES)),
        feature_names=("side",),
        target_name="class",
        origin="generated",
        source=f"{_SOURCE}, with exact counts in each half.",
        licence=_LICENCE,
        few_kinds=True,
        defaults={
            **_LINEAR,
            "learning_rate": 0.1,
            "batch_size": 20,
            "epochs": 20,
            "metrics": ("accuracy", "precision", "recall"),
        },
        load=partial(_load_kinds, _SIDES, _SIDE_VALUES),
    ),
    DatasetSpec(
        name="clouds",
        title="Two clouds",
        summary="Two clouds of points that overlap; three rows in ten are positive.",
        task="binary",
        num_samples=sum(_CLOUDS),
        input_shape=(2,),
        class_names=("negative", "positive"),
        class_counts=_CLOUDS,
        feature_names=("x", "y"),
        target_name="class",
        origin="generated",
        source=f"{_SOURCE}: normal columns, their means 1.7 apart.",
        licence=_LICENCE,
        defaults={
            **_LINEAR,
            "learning_rate": 0.05,
            "batch_size": 64,
            "epochs": 12,
            "metrics": ("accuracy", "precision", "recall"),
        },
        load=partial(_load_shifted, _CLOUDS, _SHIFTS["clouds"]),
    ),
    DatasetSpec(
        name="rare",
        title="A rare class",
        summary="One measured number, and one row in twenty is positive; tell which.",
        task="binary",
        num_samples=sum(_RARE),
        input_shape=(1,),
        class_names=("negative", "positive"),
        class_counts=_RARE,
        feature_names=("measured",),
        target_name="class",
        origin="generated",
        source=f"{_SOURCE}: a normal column, its means 0.8 apart.",
        licence=_LICENCE,
        defaults={
            **_LINEAR,
            "learning_rate": 0.05,
            "batch_size": 64,
            "epochs": 15,
            "metrics": ("accuracy", "recall"),
        },
        load=partial(_load_shifted, _RARE, _SHIFTS["rare"]),
    ),
    DatasetSpec(
        name="risk_levels",
        title="Fraud by risk level",
        summary=(
            "Payments with one of four risk levels, two in a hundred a fraud. Of ten thousand, the "
            "frauds and the others of each level are 24 and 16, 96 and 384, 50 and 1,450, 30 and "
            "7,950."
        ),
        task="binary",
        num_samples=sum(map(sum, _RISKS)),
        input_shape=(4,),
        class_names=("legitimate", "fraud"),
        class_counts=tuple(map(sum, _RISKS)),
        feature_names=("very high risk", "high risk", "medium risk", "low risk"),
        target_name="payment",
        origin="generated",
        source=f"{_SOURCE}, with exact counts in each half.",
        licence=_LICENCE,
        few_kinds=True,
        told_name="refunded",
        defaults={
            **_LINEAR,
            "learning_rate": 0.05,
            "batch_size": 128,
            "epochs": 12,
            "metrics": ("accuracy", "precision", "recall"),
        },
        load=partial(_load_kinds, _RISKS, _RISK_VALUES),
    ),
    DatasetSpec(
        name="purchases",
        title="Purchases, some returned",
        summary=(
            "Three columns known at the purchase, of which the first tells a little; predict "
            "whether it comes back. The test rows are next month's."
        ),
        task="binary",
        num_samples=sum(_PURCHASES),
        input_shape=(3,),
        class_names=("kept", "returned"),
        class_counts=_PURCHASES,
        feature_names=("price for its kind", "hour", "basket"),
        target_name="purchase",
        origin="generated",
        source=f"{_SOURCE}: normal columns, the means of the first 1.28 apart.",
        licence=_LICENCE,
        told_name="refunded",
        defaults={
            "units": 16,
            "learning_rate": 0.01,
            "epochs": 15,
            "test_split": 1 / 3,
            "validation_split": 0.5,
        },
        load=partial(_load_shifted, _PURCHASES, _SHIFTS["purchases"]),
    ),
)
