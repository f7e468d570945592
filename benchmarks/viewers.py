"""What viewers cost: the training's time and the server's processor time with 0 to 300 of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import psutil

from benchmarks.dashboard import Dashboard
from benchmarks.measure import Measure, judged, middle_half, ratios, told
from benchmarks.process import Case

_COUNTS = (0, 1, 30, 100, 300)
_GOAL = 1.05
# The first epochs compile.
_WARM_UP = 5


@dataclass
class _Seen:
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    messages: list[float] = field(default_factory=list)


def measure(*, quick: bool) -> Iterator[Measure]:
    """Train the same run with each number of viewers in turn, all in one process."""
    epochs, seconds = (250, 40) if quick else (500, 150)
    seen = {count: _Seen() for count in _COUNTS}
    with Dashboard() as dashboard:
        dashboard.wait_for_workers()
        arguments = ("--epochs", epochs)
        with Case("run_case", *arguments, environment=dashboard.environment) as case:
            run_id = _train(case, case.hear()["run_id"], dashboard, 0, _Seen())
            order = list(_COUNTS)
            began = time.monotonic()
            while len(seen[0].seconds) < 2 or time.monotonic() - began < seconds:
                for count in order:
                    run_id = _train(case, run_id, dashboard, count, seen[count])
                order = [*order[1:], order[0]]
    none = seen[0].seconds
    yield told(
        "training with no viewer",
        f"{statistics.median(none):.2f} s for {epochs - _WARM_UP} epochs; server "
        f"{statistics.median(seen[0].server):.1%} of a core",
    )
    for count in _COUNTS[1:]:
        share = ratios(seen[count].seconds, none)
        yield judged(
            f"training with {count} viewer{'s' if count > 1 else ''}, against none",
            f"≤ {_GOAL} ×",
            f"{middle_half(share)} ×; the training's processor time "
            f"{statistics.median(ratios(seen[count].processor, seen[0].processor)):.3f} ×; "
            f"server {statistics.median(seen[count].server):.1%} of a core, "
            f"{statistics.median(seen[count].messages):.0f} messages a second",
            statistics.median(share) <= _GOAL,
        )


def _train(case: Case, run_id: str, dashboard: Dashboard, count: int, seen: _Seen) -> str:
    """Train the run that waits with `count` viewers; return the next one's id."""
    with ExitStack() as stack:
        viewers = None
        if count:
            url = dashboard.stream_url(run_id)
            viewers = stack.enter_context(Case("viewer", url, count, environment={}))
            viewers.hear()
        before = psutil.Process(dashboard.pid).cpu_times()
        answer = case.ask()
        after = psutil.Process(dashboard.pid).cpu_times()
        seen.seconds.append(sum(answer["epoch_seconds"][_WARM_UP:]))
        seen.processor.append(answer["processor_seconds"])
        busy = after.user + after.system - before.user - before.system
        seen.server.append(busy / answer["seconds"])
        if viewers is not None:
            seen.messages.append(viewers.ask()["messages"] / answer["seconds"])
    next_run_id: str = case.hear()["run_id"]
    return next_run_id
