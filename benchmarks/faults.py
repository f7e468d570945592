"""What is left of a training whose worker or server is killed at a random moment."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress

from benchmarks.dashboard import Dashboard
from benchmarks.measure import Measure, judged, quantile, told
from trainer.config import RunConfig
from trainer.continuing import resume
from trainer.runs import ACTIVE, Run
from trainer.steering import steer

_GOAL_SECONDS = 10.0
# Twice as long as it may take: what is later than that is lost.
_GIVE_UP_SECONDS = 2 * _GOAL_SECONDS
# A moment of the second after a worker took the run: importing, compiling, the first epochs.
_LATEST = 1.5
_PAUSE = 0.02
_TAKEN_SECONDS = 60.0

History = dict[str, list[float | None]]


def measure(*, quick: bool) -> Iterator[Measure]:
    """Kill, look, and go on, so many times; every other run goes on with what is left."""
    kills = 20 if quick else 200
    chance = random.Random(20)
    faults: list[str] = []
    noticed: list[float] = []
    ends: Counter[str] = Counter()
    with Dashboard() as dashboard:
        dashboard.wait_for_workers()
        run = _queue(dashboard)
        for number in range(kills):
            run = _wait_for_writer(dashboard, run.run_id)
            time.sleep(chance.uniform(0, _LATEST))
            before = dashboard.store.history(run.run_id)
            victim = "server" if chance.random() < 0.3 else "worker"
            began = time.monotonic()
            if victim == "server":
                dashboard.kill_and_restart()
                dashboard.wait_for_port()
            else:
                # One whose server was killed before ends by itself.
                with suppress(ProcessLookupError):
                    os.kill(_pid(run.worker), signal.SIGKILL)
            after = _settled(dashboard, dashboard.store.run(run.run_id), began)
            if after is None:
                faults.append(f"kill {number}: the run of a killed {victim} is a ghost")
                after = run
            else:
                noticed.append(time.monotonic() - began)
            ends[f"{victim} killed: {after.state if after.is_over else 'trained on'}"] += 1
            faults += [f"kill {number}: {fault}" for fault in _faults(dashboard, run, before)]
            run = _go_on(dashboard, after, anew=number % 2 == 0)
        steer(dashboard.store, run.run_id, "stop")
        dashboard.wait_for_end(run.run_id)
    yield judged(
        f"{kills} random kills of worker and server: epochs lost or twice, unsound store, ghosts",
        "none",
        "; ".join(faults[:5]) or "none",
        not faults,
    )
    yield judged(
        "… killed → the page says what became of the run",
        f"≤ {_GOAL_SECONDS:.0f} s",
        f"median {quantile(noticed, 0.5):.1f} s, at most {max(noticed):.1f} s",
        max(noticed) <= _GOAL_SECONDS,
    )
    yield told("… how they ended", ", ".join(f"{what} {n}" for what, n in sorted(ends.items())))


def _queue(dashboard: Dashboard) -> Run:
    config = RunConfig.create(dataset="digits", batch_size=8, epochs=100_000)
    run_id = dashboard.store.create_run(config.to_dict(), subject=config.subject)
    return dashboard.store.run(run_id)


def _wait_for_writer(dashboard: Dashboard, run_id: str) -> Run:
    deadline = time.monotonic() + _TAKEN_SECONDS
    while (run := dashboard.store.run(run_id)).state not in ACTIVE:
        if time.monotonic() > deadline:
            raise TimeoutError(f"No worker took the run, which is {run.state}: {run.message}")
        time.sleep(_PAUSE)
    return run


def _settled(dashboard: Dashboard, run: Run, began: float) -> Run | None:
    """Return a run once it is over or goes on beyond what it was; None if neither happens."""
    while time.monotonic() - began < _GIVE_UP_SECONDS:
        now = dashboard.store.run(run.run_id)
        if now.is_over or now.pulse > run.pulse + 2:
            return now
        time.sleep(_PAUSE)
    return None


def _faults(dashboard: Dashboard, run: Run, before: History) -> Iterator[str]:
    with closing(sqlite3.connect(dashboard.database)) as connection:
        (answer,) = connection.execute("PRAGMA integrity_check").fetchone()
    if answer != "ok":
        yield f"the store is unsound: {answer}"
    _, records = dashboard.store.updates(run.run_id)
    epochs = [record.epoch for record in records if record.kind == "epoch"]
    if epochs != list(range(len(epochs))):
        yield f"its epochs are {epochs}"
    after = dashboard.store.history(run.run_id)
    for name, values in before.items():
        if after.get(name, [])[: len(values)] != values:
            yield f"committed values of {name} are lost"


def _go_on(dashboard: Dashboard, run: Run, *, anew: bool) -> Run:
    if not run.is_over:
        return run
    if anew or run.epoch == 0:
        return _queue(dashboard)
    resume(dashboard.store, run.run_id)
    return dashboard.store.run(run.run_id)


def _pid(worker: str) -> int:
    return int(worker.split(":")[1])
