"""Trainings of which it is known what is to be said: those of the lessons, and some more.

`python -m benchmarks diagnosis` trains them and counts which verdicts are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainer.lessons import LESSONS, Scenario


@dataclass(frozen=True, kw_only=True)
class Known:
    """A training, and what is to be said of it.

    Attributes:
        scenario: The training.
        expected: The verdict that must be given, by its name; empty where none must.
        allowed: Others that are right too.
    """

    scenario: Scenario
    expected: str = ""
    allowed: tuple[str, ...] = ()


def _lesson(name: str, scenario: str, expected: str = "", *allowed: str) -> Known:
    found = LESSONS[name].scenario(scenario)
    return Known(scenario=found, expected=expected, allowed=allowed)


def _own(
    title: str, dataset: str, choices: Mapping[str, object], expected: str, *allowed: str
) -> Known:
    scenario = Scenario(name=title, title=title, dataset=dataset, choices=choices)
    return Known(scenario=scenario, expected=expected, allowed=allowed)


SCENARIOS: Mapping[str, Known] = {
    "diverging": _lesson("reading_curves", "diverging", "diverging"),
    "barely moving": _lesson("reading_curves", "stuck", "barely_moving"),
    "fluctuating": _lesson("reading_curves", "fluctuating", "fluctuating"),
    "good": _lesson("reading_curves", "good"),
    "overfitting": _lesson("reading_curves", "overfitting", "overfitting", "confident_mistakes"),
    "cured": _lesson("reading_curves", "cured"),
    "sure mistakes": _own(
        "breast cancer for too long",
        "breast_cancer",
        {"epochs": 150, "learning_rate": 0.01, "validation_split": 0.5},
        "confident_mistakes",
        "overfitting",
    ),
    "coin flips": _lesson("validation", "validated", "overfitting", "confident_mistakes"),
    "paradox": _lesson("accuracy_paradox", "plain", "accuracy_paradox", "stuck", "underfitting"),
    "paradox cured": _lesson("accuracy_paradox", "weighted"),
    "fraud": _lesson("fraud", "risk_levels", "accuracy_paradox", "underfitting"),
    "two clouds": _lesson("precision_and_recall", "clouds"),
    "leak": _lesson("leakage", "leaky", "leakage", "confident_mistakes"),
    "no leak": _lesson("leakage", "clean", "underfitting"),
    "too simple": _own(
        "a line through circles",
        "circles",
        {"num_samples": 1000, "hidden_layers": 0, "epochs": 40, "learning_rate": 0.05},
        "stuck",
        "validation_too_small",
    ),
    "underfitting": _own(
        "a line through noisy moons",
        "moons",
        {
            "num_samples": 2000,
            "noise": 0.3,
            "label_noise": 0.15,
            "hidden_layers": 0,
            "learning_rate": 0.05,
            "epochs": 40,
            "fair_curve": True,
            "test_split": 0.0,
            "validation_split": 0.5,
        },
        "underfitting",
    ),
    "few validation rows": _own(
        "a tenth of iris validates",
        "iris",
        {"validation_split": 0.2, "epochs": 40, "learning_rate": 0.01},
        "validation_too_small",
        "validation_noisy",
    ),
    "noisy validation": _own(
        "20 rows of noisy moons validate",
        "moons",
        {
            "num_samples": 1000,
            "noise": 0.25,
            "test_split": 0.0,
            "validation_split": 0.02,
            "hidden_layers": 2,
            "batch_size": 8,
            "learning_rate": 0.03,
            "epochs": 40,
            "fair_curve": True,
        },
        "validation_noisy",
        "validation_too_small",
        "confident_mistakes",
    ),
    "too short": _own(
        "twelve epochs of digits",
        "digits",
        {"epochs": 12, "learning_rate": 0.0005},
        "still_improving",
        "unfair_gap",
    ),
    "dropout": _own(
        "digits with dropout 0.5",
        "digits",
        {"epochs": 60, "units": 64, "dropout": 0.5, "fair_curve": True},
        "unfair_gap",
        "still_improving",
    ),
}
