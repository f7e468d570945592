"""A measured goal, and the numbers that describe many measurements of one thing."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Verdict = Literal["met", "missed", "noisy", "-"]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One row of the table.

    Attributes:
        name: What was measured.
        goal: What it should be; empty where the row only tells.
        seen: What it was, with its unit.
        verdict: Whether the goal is met; "noisy" where the same thing measured twice differs by
            more than the goal allows, "-" where there is no goal.
    """

    name: str
    goal: str = ""
    seen: str
    verdict: Verdict = "-"


def judged(name: str, goal: str, seen: str, is_met: bool, *, is_noisy: bool = False) -> Measure:
    """Return a row with a goal."""
    verdict: Verdict = "noisy" if is_noisy else "met" if is_met else "missed"
    return Measure(name=name, goal=goal, seen=seen, verdict=verdict)


def told(name: str, seen: str) -> Measure:
    """Return a row without a goal."""
    return Measure(name=name, seen=seen)


def as_json(measures: Iterable[Measure]) -> str:
    """Return the rows as a JSON array."""
    return json.dumps([asdict(measure) for measure in measures], indent=1, ensure_ascii=False)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return ours over theirs for each round of an interleaved measurement."""
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median with the lowest and the highest value."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def middle_half(values: Sequence[float], digits: int = 3) -> str:
    """Return the median with the quartiles around it."""
    low, high = quantile(values, 0.25), quantile(values, 0.75)
    return f"{statistics.median(values):.{digits}f} (quartiles {low:.{digits}f}–{high:.{digits}f})"


def milliseconds(seconds: Sequence[float]) -> str:
    """Return the median in milliseconds."""
    return f"{statistics.median(seconds) * 1000:.1f} ms"
