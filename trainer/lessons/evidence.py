"""What a training of a lesson was, in numbers: for whoever recorded what they saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trainer.evaluation.counts import ClassCounts
from trainer.lessons.fit import Fit
from trainer.metrics import METRICS

_THRESHOLDS = (0.1, 0.5, 0.9)


def curve_facts(history: Mapping[str, Sequence[float | None]]) -> list[str]:
    """Return a line on each logged value: where it began, where it ended, its best in between.

    Args:
        history: Each logged value by epoch; None where it is not finite.
    """
    facts = []
    for name, logged in history.items():
        values = np.array(logged, dtype=float)
        known = np.flatnonzero(np.isfinite(values))
        if not len(known):
            facts.append(f"{name}: not one finite number")
            continue
        first, last = values[known[0]], values[known[-1]]
        is_high = _peaks(name)
        best = int(known[(np.argmax if is_high else np.argmin)(values[known])])
        words = f"{name}: {_number(first)} → {_number(last)}"
        if _number(values[best]) not in (_number(first), _number(last)):
            extreme = "highest" if is_high else "lowest"
            words += f", {extreme} {_number(values[best])} after epoch {best + 1}"
        if len(known) < len(values):
            words += f", no finite number from epoch {known[-1] + 2} on"
        facts.append(words)
    return facts


def _peaks(name: str) -> bool:
    metric = METRICS.get(name.removeprefix("val_"))
    return metric is not None and metric.better != "lower"


def threshold_rows(
    fit: Fit, thresholds: Sequence[float] = _THRESHOLDS
) -> list[dict[str, float | int | None]]:
    """Return counts and ratios of the last validation at some thresholds; empty without counts.

    Each row has `threshold`, `TN`, `FP`, `FN`, `TP`, `precision` and `recall`; a ratio that is
    undefined is None.
    """
    if not isinstance(fit.counts, ClassCounts) or fit.config.spec.num_classes != 2:
        return []
    rows = []
    for threshold in thresholds:
        seen = fit.at(threshold)
        (tn, fp), (fn, tp) = seen["confusion_matrix"]
        rows.append(
            {
                "threshold": threshold,
                "TN": int(tn),
                "FP": int(fp),
                "FN": int(fn),
                "TP": int(tp),
                "precision": seen["precision"],
                "recall": seen["recall"],
            }
        )
    return rows


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
