"""Whether the diagnosis says of known trainings what they show and nothing else, by ten seeds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.measure import Measure, judged
from trainer.diagnosis.scenarios import SCENARIOS, Known

SEEDS = range(60, 70)
# Of what is expected so many tenths must be said.
_MIN_SHARE = 0.9
# Said where they do not belong, these would teach what is wrong.
_NEVER_FALSE = ("overfitting", "accuracy_paradox")


def measure(*, quick: bool) -> Iterator[Measure]:
    """Train each scenario with seed after seed, and count what is said."""
    seeds = SEEDS[:2] if quick else SEEDS
    for name in SCENARIOS:
        yield measure_scenario(name, seeds)


def measure_scenario(name: str, seeds: Sequence[int]) -> Measure:
    """Train one scenario with all seeds."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.diagnosis_case", name, *map(str, seeds)],
            env={**os.environ, "DASHBOARD_HOME": home, "DASHBOARD_STORE": ""},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    said = Counter(verdict for one in json.loads(done.stdout) for verdict in one)
    known = SCENARIOS[name]
    return judged(
        f"said of “{name}”, seeds {seeds[0]} to {seeds[-1]}",
        goal_of(known),
        ", ".join(f"{verdict} {count}" for verdict, count in said.most_common()) or "nothing",
        is_right(known, said, len(seeds)),
    )


def goal_of(known: Known) -> str:
    """Return what is to be said of a training, in words."""
    allowed = f"; may: {', '.join(known.allowed)}" if known.allowed else ""
    return (known.expected or "nothing") + allowed


def is_right(known: Known, said: Counter[str], count: int) -> bool:
    """Return whether what must be said is said often enough, and nothing false too often."""
    few = round((1 - _MIN_SHARE) * count)
    missed = bool(known.expected) and said[known.expected] < count - few
    false = {
        verdict: times
        for verdict, times in said.items()
        if verdict not in (known.expected, *known.allowed)
    }
    worst = max(false.values(), default=0)
    return not missed and worst <= few and not false.keys() & set(_NEVER_FALSE)
