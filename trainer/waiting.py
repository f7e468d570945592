"""What somebody whose run is queued wants to know: how many come first, and how long it takes."""

from __future__ import annotations

import heapq
import math
import statistics
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from trainer.runs import Run
from trainer.schema import RUNS
from trainer.settings import Settings
from trainer.store import Store

# A worker that lives takes the first run of the queue far sooner, also right after the start.
VAIN_SECONDS = 30.0
# Whoever pauses a run and leaves keeps its place for so long, where others wait.
PAUSE_SECONDS = 300.0


class Waiting(NamedTuple):
    """How a queued run stands.

    Attributes:
        place: How many queued runs come first, counting this one.
        seconds: Expected time until it begins; None where nobody can know.
        reason: Why nobody can know, in a sentence; empty where there is nothing to say.
    """

    place: int
    seconds: float | None
    reason: str = ""


def waiting(store: Store, run: Run) -> Waiting | None:
    """Return how a run stands in the queue; None if it is not queued.

    Each run before it is expected to take its epochs times what an epoch took in the median of the
    newest runs on its dataset, or of all where there was none; one that trains, what its own pace
    says.

    Raises:
        StoreUnusable: The store cannot be read.
    """
    ahead = store.queue_ahead(run)
    if ahead is None:
        return None
    place = len(ahead) + 1
    active = [other for other in store.active_runs() if other.origin == "dashboard"]
    paces = store.paces()
    left = [_seconds_left(other, paces) for other in active]
    before = [_seconds(dataset, epochs, paces) for dataset, epochs in ahead]
    slots = Settings.from_environment().slots
    seconds = seconds_until_free(left, before, slots)
    if math.isfinite(seconds):
        return Waiting(place, _rounded(seconds))
    return Waiting(place, None, _reason(active))


def _reason(active: Iterable[Run]) -> str:
    states = {run.state for run in active}
    if "paused" in states:
        return (
            "It waits for a run that is paused, and that gives up its place when nobody attends to "
            f"it for {PAUSE_SECONDS / 60:.0f} minutes."
        )
    if "stalled" in states:
        return "It waits for a run whose process gives no sign of life; Stop would end that one."
    return ""


def waits_in_vain(store: Store, queued_at: float) -> bool:
    """Return whether a run waits since then, for half a minute or more, and no worker trained.

    Between two runs none trains for a moment either: that alone is no reason to give up.

    Args:
        store: Where the runs are.
        queued_at: When it was queued, in seconds since 1970.
    """
    since = time.time() - VAIN_SECONDS
    if queued_at > since or any(run.origin == "dashboard" for run in store.active_runs()):
        return False
    # What was stopped in the queue no worker had.
    was_trained = (RUNS.c.origin == "dashboard") & (RUNS.c.attempt > 0)
    ended = sa.select(RUNS.c.run_id).where(was_trained, RUNS.c.ended_at > since).limit(1)
    with store.transaction() as connection:
        return connection.execute(ended).first() is None


def seconds_until_free(left: Sequence[float], ahead: Iterable[float], slots: int) -> float:
    """Return when a slot is free for the next run.

    Args:
        left: Seconds that each run has left that trains now; infinite where nobody knows.
        ahead: Seconds that each run takes that comes first, in order.
        slots: How many train at once.
    """
    free_at = [*left, *([0.0] * (slots - len(left)))]
    # More may train than there are slots, after a restart with fewer: the last to end free nothing.
    free_at = sorted(free_at)[len(free_at) - slots :]
    heapq.heapify(free_at)
    for seconds in ahead:
        heapq.heappush(free_at, heapq.heappop(free_at) + seconds)
    return free_at[0]


def _seconds_left(run: Run, paces: Sequence[tuple[str, float]]) -> float:
    if run.state in ("paused", "stalled"):
        return math.inf
    if run.seconds_left is not None:
        return run.seconds_left
    epochs = None if run.epochs is None else run.epochs - run.epoch
    return _seconds(str(run.config.get("dataset", "")), epochs, paces)


def _seconds(dataset: str, epochs: int | None, paces: Sequence[tuple[str, float]]) -> float:
    """Return how long epochs on a dataset are expected to take; infinite where nobody knows."""
    like_it = [pace for other, pace in paces if other == dataset]
    known = like_it or [pace for _, pace in paces]
    if epochs is None or not known:
        return math.inf
    return max(0, epochs) * statistics.median(known)


def _rounded(seconds: float) -> float:
    """Return what an estimate can promise: to 5 s, to 15 s from a minute on, then to a minute."""
    unit = 5 if seconds < 60 else 15 if seconds < 600 else 60
    return float(math.ceil(seconds / unit) * unit)
