"""Made-up sets with plausible columns, for lessons on rare classes, thresholds and their costs.

Each row has its class first and gets its columns then, independently of each other. Nothing of it
was measured anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from trainer.datasets.shaping import apportioned
from trainer.datasets.spec import Arrays, DatasetSpec, LoadOptions

_LICENCE = "None needed: made up by this program"
_DEFAULTS = {
    "units": 16,
    "learning_rate": 0.01,
    "epochs": 20,
    "batch_size": 64,
    "metrics": ("accuracy", "precision", "recall"),
}
_FRAUD = (7840, 160)
_SPAM = (2400, 1600)
_SCREENING = (3680, 320)

_Columns = Callable[[np.random.Generator, np.ndarray], list[np.ndarray]]


def _fraud(rng: np.random.Generator, y: np.ndarray) -> list[np.ndarray]:
    n = len(y)
    is_night = rng.random(n) < np.where(y, 0.40, 0.10)
    by_day = np.clip(rng.normal(15, 4, n), 6, 23)
    return [
        np.exp(rng.normal(np.where(y, 4.3, 3.4), np.where(y, 1.1, 0.9))).round(2),
        np.where(is_night, rng.integers(0, 6, n), by_day.astype(int)),
        rng.beta(np.where(y, 2.6, 1.6), np.where(y, 4.5, 6.0)).round(2),
        np.exp(rng.normal(np.where(y, 5.6, 6.4), 1.1)).round(),
        rng.poisson(np.where(y, 2.2, 1.2)),
        np.exp(rng.normal(np.where(y, 3.1, 2.2), 1.3)).round(1),
        rng.random(n) < np.where(y, 0.30, 0.08),
    ]


def _spam(rng: np.random.Generator, y: np.ndarray) -> list[np.ndarray]:
    n = len(y)
    return [
        100 * rng.beta(np.where(y, 1.1, 0.6), np.where(y, 70, 150)).round(3),
        100 * rng.beta(np.where(y, 1.1, 0.7), np.where(y, 80, 130)).round(3),
        100 * rng.beta(np.where(y, 0.6, 1.0), np.where(y, 170, 90)).round(3),
        rng.poisson(rng.gamma(np.where(y, 1.6, 1.0), np.where(y, 1.6, 1.2))),
        rng.poisson(rng.gamma(np.where(y, 1.2, 0.8), np.where(y, 1.8, 1.0))),
        100 * rng.beta(3, np.where(y, 34, 55)).round(3),
        np.exp(rng.normal(np.where(y, 4.5, 4.8), np.where(y, 0.6, 0.8))).round(),
        rng.random(n) < np.where(y, 0.15, 0.65),
    ]


def _screening(rng: np.random.Generator, y: np.ndarray) -> list[np.ndarray]:
    n = len(y)
    return [
        np.clip(rng.normal(np.where(y, 60, 52), 9), 30, 80).round(),
        rng.normal(np.where(y, 28.0, 26.5), 4.2).round(1),
        rng.random(n) < np.where(y, 0.34, 0.20),
        rng.random(n) < np.where(y, 0.24, 0.10),
        np.exp(rng.normal(np.where(y, 1.3, 0.7), 0.55)).round(2),
        np.exp(rng.normal(np.where(y, 3.4, 3.0), 0.5)).round(1),
        rng.normal(np.where(y, 135, 128), 15).round(),
        rng.normal(np.where(y, 13.5, 14.1), 1.2).round(1),
    ]


def _load(counts: tuple[int, int], columns: _Columns, options: LoadOptions) -> Arrays:
    rng = np.random.default_rng(options.seed)
    shares = apportioned(options.num_samples, counts) if options.num_samples else counts
    y = rng.permutation(np.repeat([0, 1], shares))
    x = np.stack(columns(rng, y), axis=1)
    return Arrays(x=x.astype(np.float32), y=y.astype(np.int32))


SPECS = (
    DatasetSpec(
        name="fraud",
        title="Card fraud",
        summary=(
            "Payments by card, one in fifty of them a fraud; tell which. Whoever always says "
            "legitimate is right in 98% of the cases."
        ),
        task="binary",
        num_samples=sum(_FRAUD),
        input_shape=(7,),
        class_names=("legitimate", "fraud"),
        class_counts=_FRAUD,
        feature_names=(
            "amount (€)",
            "hour",
            "country risk",
            "account age (days)",
            "purchases today",
            "distance from home (km)",
            "new device",
        ),
        target_name="payment",
        origin="generated",
        source="Generated: each column drawn by class, from distributions that overlap.",
        licence=_LICENCE,
        standardize=True,
        told_name="refunded",
        defaults=_DEFAULTS,
        load=partial(_load, _FRAUD, _fraud),
    ),
    DatasetSpec(
        name="spam",
        title="Spam",
        summary=(
            "Mails, by words, links and sender; tell which are spam. A wanted mail that is thrown "
            "away costs more than a spam that comes through: a case for a high threshold."
        ),
        task="binary",
        num_samples=sum(_SPAM),
        input_shape=(8,),
        class_names=("wanted", "spam"),
        class_counts=_SPAM,
        feature_names=(
            "“free” (% of words)",
            "“money” (% of words)",
            "“meeting” (% of words)",
            "links",
            "exclamation marks",
            "capitals (% of letters)",
            "words",
            "sender known",
        ),
        target_name="mail",
        origin="generated",
        source="Generated: each column drawn by class, from distributions that overlap.",
        licence=_LICENCE,
        standardize=True,
        told_name="moved to spam",
        defaults=_DEFAULTS,
        load=partial(_load, _SPAM, _spam),
    ),
    DatasetSpec(
        name="screening",
        title="Screening",
        summary=(
            "People at a check-up, one in twelve of them ill; tell who should be examined. A case "
            "that is missed costs more than an examination for nothing: one for a low threshold."
        ),
        task="binary",
        num_samples=sum(_SCREENING),
        input_shape=(8,),
        class_names=("healthy", "ill"),
        class_counts=_SCREENING,
        feature_names=(
            "age",
            "body mass index",
            "smoker",
            "ill relatives",
            "marker A (ng/ml)",
            "marker B (U/ml)",
            "blood pressure",
            "haemoglobin (g/dl)",
        ),
        target_name="state",
        origin="generated",
        source="Generated: each column drawn by class, from distributions that overlap.",
        licence=_LICENCE,
        standardize=True,
        told_name="treated",
        defaults=_DEFAULTS,
        load=partial(_load, _SCREENING, _screening),
    ),
)
