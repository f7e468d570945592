"""Several ways to train that take turns within their one `fit()`, each in a process of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.process import Case, CaseFailed

EPOCHS_PER_TURN = {"digits": 4, "cnn": 1, "table": 4, "many": 1, "moons": 40}


@dataclass
class Turns:
    """What one side's turns took, in seconds of the clock and of the processor."""

    seconds: list[float] = field(default_factory=list)
    processor_seconds: list[float] = field(default_factory=list)


def take_turns(
    problem: str, sides: Sequence[str], seconds: float, *, optional: Sequence[str] = ()
) -> dict[str, Turns]:
    """Return what each side's turns took; one side runs at a time.

    Args:
        problem: What to train.
        sides: Which sides take turns.
        seconds: After which no other round begins; there are at least three.
        optional: Sides that are left out where they fail.
    """
    turns = {side: Turns() for side in sides}
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        cases: dict[str, Case] = {}
        for side in sides:
            arguments = (problem, side, "--turn", EPOCHS_PER_TURN[problem])
            environment = {"DASHBOARD_HOME": home, "DASHBOARD_STORE": ""}
            case = Case("fit_case", *arguments, environment=environment)
            stack.callback(case.close)
            try:
                case.hear()
                case.ask()  # Compiles, and is not counted.
            except CaseFailed as failure:
                if side not in optional:
                    raise
                print(f"{side} could not be measured:\n{failure}")
                continue
            cases[side] = case
        order = list(cases)
        began = time.monotonic()
        while len(turns[sides[0]].seconds) < 3 or time.monotonic() - began < seconds:
            for side in order:
                answer = cases[side].ask()
                turns[side].seconds.append(answer["seconds"])
                turns[side].processor_seconds.append(answer["processor_seconds"])
            # Nobody always comes after the same neighbour's warm caches.
            order = [*order[1:], order[0]]
    return {side: turns[side] for side in cases}
