"""An evaluation in plain values, as the command line and the API tell it; undefined is None."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from trainer.evaluation.counts import ClassCounts, Counts
from trainer.evaluation.regression import regression_report
from trainer.evaluation.report import REASONS, report
from trainer.evaluation.thresholds import OneVersusRest, step_of

_AVERAGED = ("precision", "recall", "specificity", "f1")
_ERRORS = ("mean_absolute_error", "root_mean_squared_error", "bias")

# Why a figure of a summary is undefined, for people, by its name.
WHY_UNDEFINED: Mapping[str, str] = {
    **REASONS,
    "balanced_accuracy": REASONS["accuracy"],
    "average_precision": REASONS["recall"],
    "roc_auc": f"{REASONS['recall']}, or every row is",
    **dict.fromkeys(_ERRORS, REASONS["accuracy"]),
    "r2": f"all targets are the same, or {REASONS['accuracy']}",
}


def summary(
    counts: Counts, *, threshold: float = 0.5, class_index: int | None = None
) -> dict[str, Any]:
    """Return what an evaluation says.

    Of two classes, and of one class against the rest where `class_index` is given, every ratio is a
    number and `confusion_matrix` is `[[TN, FP], [FN, TP]]` at the threshold. Otherwise they are
    lists by class, and the matrix has true classes as rows and predicted ones as columns.

    Args:
        counts: What was counted.
        threshold: A row is called positive where its score is at least this, to 1/1000.
        class_index: The positive class; of two classes the second one by default.
    """
    if not isinstance(counts, ClassCounts):
        errors = dataclasses.asdict(regression_report(counts))
        whole = {"support": _counted(counts.count), "left_out": _counted(counts.left_out)}
        return _plain({**errors, **whole})
    if class_index is None and counts.num_classes == 2:
        class_index = 1
    if class_index is None:
        return _of_all(counts)
    return _of_one(counts, class_index, step_of(threshold))


def headline(counts: Counts) -> dict[str, Any]:
    """Return the few figures that stand for an evaluation, the main one first, and its rows."""
    if not isinstance(counts, ClassCounts):
        errors = regression_report(counts)
        names = ("mean_absolute_error", "root_mean_squared_error", "r2")
        figures = {name: getattr(errors, name) for name in names}
        return _plain({**figures, "rows": _counted(errors.support)})
    table = report(counts.confusion)
    figures = {name: getattr(table, name) for name in ("accuracy", "balanced_accuracy", "mcc")}
    return _plain({**figures, "rows": _counted(table.support.sum())})


def _of_one(counts: ClassCounts, class_index: int, step: int) -> dict[str, Any]:
    one = OneVersusRest.of(counts, class_index)
    matrix = one.matrix(step)
    table = report(matrix)
    return _plain(
        {
            "class": class_index,
            "threshold": step / 1000,
            "confusion_matrix": _counted(matrix),
            "accuracy": table.accuracy,
            "balanced_accuracy": table.balanced_accuracy,
            "precision": one.precision[step],
            "recall": one.recall[step],
            "specificity": table.specificity[1],
            "f1": one.f1[step],
            "mcc": table.mcc,
            "average_precision": one.average_precision,
            "roc_auc": one.roc_auc,
            "support": _counted(table.support[1]),
            "rows": _counted(table.support.sum()),
            "left_out": _counted(counts.left_out),
        }
    )


def _of_all(counts: ClassCounts) -> dict[str, Any]:
    table = report(counts.confusion)
    classes = [OneVersusRest.of(counts, index) for index in range(counts.num_classes)]
    return _plain(
        {
            "confusion_matrix": _counted(counts.confusion),
            "accuracy": table.accuracy,
            "balanced_accuracy": table.balanced_accuracy,
            **{name: getattr(table, name) for name in _AVERAGED},
            "mcc": table.mcc,
            "average_precision": np.array([one.average_precision for one in classes]),
            "roc_auc": np.array([one.roc_auc for one in classes]),
            "support": _counted(table.support),
            "macro": {name: table.macro(name) for name in _AVERAGED},
            "weighted": {name: table.weighted(name) for name in _AVERAGED},
            "rows": _counted(table.support.sum()),
            "left_out": _counted(counts.left_out),
        }
    )


def _counted(value: Any) -> Any:
    """Return counts as whole numbers, which they are unless somebody gave weights."""
    value = np.asarray(value)
    return (value.astype(int) if np.array_equal(value, np.rint(value)) else value).tolist()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, np.ndarray | list):
        return [_plain(part) for part in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
