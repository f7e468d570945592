"""Whether each lesson shows what it states, with ten seeds that no test uses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.measure import Measure, judged, spread
from trainer.lessons import LESSONS

SEEDS = range(30, 40)
_GOAL_SECONDS = 30.0


def measure(*, quick: bool) -> Iterator[Measure]:
    """Run each lesson with seed after seed."""
    seeds = SEEDS[:2] if quick else SEEDS
    for name in LESSONS:
        yield measure_lesson(name, seeds)


def measure_lesson(name: str, seeds: Sequence[int]) -> Measure:
    """Run one lesson with all seeds; the first one imports Keras too."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.lessons_case", name, *map(str, seeds)],
            env={**os.environ, "DASHBOARD_HOME": home, "DASHBOARD_STORE": ""},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    told: list[dict[str, Any]] = json.loads(done.stdout)
    held = sum(one["holds"] for one in told)
    missed = Counter(
        figure["name"] for one in told for figure in one["figures"] if not figure["holds"]
    )
    words = "".join(f"; {times} × not: {figure}" for figure, times in missed.items())
    first, *others = (one["seconds"] for one in told)
    took = f"{first:.1f} s with Python's start, then {spread(others, 1)} s"
    return judged(
        f"lesson {name}, seeds {seeds[0]} to {seeds[-1]}",
        f"all hold, ≤ {_GOAL_SECONDS:.0f} s",
        f"{held} of {len(seeds)}; {took}{words}",
        held == len(seeds) and max(first, *others) <= _GOAL_SECONDS,
    )
