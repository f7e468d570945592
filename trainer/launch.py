"""Runs what is queued: on this machine, in worker processes that are kept warm."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from trainer.datasets.uploads import remove_unneeded
from trainer.process import is_running, this_process
from trainer.runs import Run
from trainer.settings import Settings
from trainer.store import Store
from trainer.tidying import remove_leftovers

_LOOK_SECONDS = 0.5
# A run whose writer cannot be looked at (on another machine) is given up after this silence.
_SILENCE_SECONDS = 30.0
# A writer gives a sign of life each second; a store that is locked and a machine that is busy may
# make it wait. One that somebody has told to stop is waited for less long, from then on.
_STALL_SECONDS = 10.0
_UNHEARD_SECONDS = 3.0
# A worker that fails sooner than this after its start is replaced only then.
_YOUNG_SECONDS = 10.0
# Importing TensorFlow takes a core for seconds: the spare waits for those that are needed.
_SPARE_SECONDS = 8.0
_END_SECONDS = 7.0
_UPKEEP_SECONDS = 86_400.0
# Whoever starts the server waits for its first page, not for TensorFlow: the workers come after.
FIRST_PAGE_SECONDS = 3.0

_WORKER = "trainer.worker"

_log = logging.getLogger(__name__)


class LocalLauncher:
    """Keeps worker processes: one for each run that may train at once, then a warm spare.

    It also marks runs as *interrupted* whose process is gone and as *stalled* whose process hangs,
    and once a day, the first time at the start, removes what is older than a day and belongs to no
    run: uploads and checkpoints.

    Args:
        store: Where the queue is.
        settings: How many train at once, and what the workers inherit.
        delay: Seconds before the first worker is started.
    """

    def __init__(self, store: Store, settings: Settings, *, delay: float = 0.0) -> None:
        self._store = store
        self._settings = settings
        self._delay = delay
        self._workers: dict[subprocess.Popen[bytes], float] = {}
        self._stopped = threading.Event()
        self._not_before = 0.0
        self._spare_not_before = 0.0
        self._next_upkeep = 0.0
        self._thread = threading.Thread(target=self._look_after, name="launcher", daemon=True)
        self._abandoned = AbandonedRuns(store)
        self._stalled = StalledRuns(store, kill=kill_worker)

    def start(self) -> None:
        """Start the workers and look after them from a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End the workers; a run in progress becomes *interrupted*. Blocks for some seconds."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        for process in self._workers:
            process.terminate()
        deadline = time.monotonic() + _END_SECONDS
        for process in self._workers:
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.warning("worker %d did not end in time and is killed", process.pid)
                process.kill()
                process.wait()
        self._workers.clear()
        self._abandoned.interrupt()

    def workers(self) -> list[dict[str, object]]:
        """Return the process id of each worker and whether it runs."""
        return [
            {"pid": process.pid, "running": process.poll() is None}
            for process in list(self._workers)
        ]

    def _look_after(self) -> None:
        self._not_before = time.monotonic() + self._delay
        while True:
            # Whatever goes wrong here (no memory for a process, a full table of them) may be over
            # later; without this thread nothing that is queued would ever train.
            try:
                self._replace_workers()
            except Exception:
                _log.exception("no worker could be started; trying again")
                self._not_before = time.monotonic() + _YOUNG_SECONDS
            try:
                self._abandoned.interrupt()
                self._stalled.look()
            except Exception:
                _log.exception("the launcher could not look at the runs; trying again")
            try:
                self._remove_leftovers()
            except Exception:
                _log.exception("leftovers could not be looked for; trying again tomorrow")
            if self._stopped.wait(_LOOK_SECONDS):
                return

    def _remove_leftovers(self) -> None:
        if time.monotonic() < self._next_upkeep:
            return
        self._next_upkeep = time.monotonic() + _UPKEEP_SECONDS
        for name in remove_unneeded(self._store.datasets()):
            _log.info("%s was needed by no run and is removed", name)
        for name in remove_leftovers(self._store):
            _log.info("checkpoints of the run %s, which is gone, are removed", name)

    def _replace_workers(self) -> None:
        for process, began in list(self._workers.items()):
            if process.poll() is not None:
                _log.warning("worker %d ended with %s", process.pid, process.returncode)
                del self._workers[process]
                if process.returncode and time.monotonic() - began < _YOUNG_SECONDS:
                    self._not_before = max(self._not_before, began + _YOUNG_SECONDS)
        now = time.monotonic()
        if now < self._not_before:
            return
        for _ in range(self._settings.slots - len(self._workers)):
            self._add_worker()
            self._spare_not_before = now + _SPARE_SECONDS
        if len(self._workers) == self._settings.slots and now >= self._spare_not_before:
            self._add_worker()

    def _add_worker(self) -> None:
        self._workers[self._start_worker()] = time.monotonic()

    def _start_worker(self) -> subprocess.Popen[bytes]:
        command: Sequence[str] = (
            sys.executable,
            "-m",
            _WORKER,
            "--parent",
            this_process(),
        )
        # A group of its own, so that Ctrl-C reaches the server alone, which then ends its workers.
        return subprocess.Popen(
            command,
            cwd=Path(__file__).parent.parent,
            env=self._settings.environment(),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


class AbandonedRuns:
    """Finds runs that look active but whose process is gone, and marks them *interrupted*."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pulses: dict[str, tuple[int, float]] = {}

    def interrupt(self) -> None:
        """Look once.

        Raises:
            StoreUnusable: The store cannot be read or written.
        """
        for run in self._store.active_runs():
            message = "The process that trained it is gone."
            if self._is_abandoned(run) and self._store.interrupt(run, message):
                _log.warning("run %s was interrupted", run.run_id)

    def _is_abandoned(self, run: Run) -> bool:
        running = is_running(run.worker)
        if running is not None:
            return not running
        pulse, since = self._pulses.get(run.run_id, (-1, 0.0))
        if pulse != run.pulse:
            self._pulses[run.run_id] = (run.pulse, time.monotonic())
            return False
        return time.monotonic() - since > _SILENCE_SECONDS


def kill_worker(name: str) -> None:
    """End a process that hangs, if it is a worker, also one of a server that is gone.

    Args:
        name: What `this_process` called it.
    """
    if not is_running(name):
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(int(name.rsplit(":", 2)[1]))
        if _WORKER in process.cmdline():
            _log.warning("worker %d hangs and is killed", process.pid)
            process.kill()


class StalledRuns:
    """Finds runs whose process is there but silent, and marks them *stalled*.

    The next sign of life takes the mark away. Who hangs hears nothing: where somebody has pressed
    Stop, the run is ended here.

    Args:
        store: Where the runs are.
        kill: Called with the process whose run was ended, as `this_process` names it.
    """

    def __init__(self, store: Store, *, kill: Callable[[str], None]) -> None:
        self._store = store
        self._kill = kill
        self._pulses: dict[str, tuple[tuple[int, int], float]] = {}
        self._told: dict[str, float] = {}  # since when a silent run has been told to stop

    def look(self) -> None:
        """Look once.

        Raises:
            StoreUnusable: The store cannot be read or written.
        """
        now = time.monotonic()
        before, self._pulses = self._pulses, {}
        silent = []
        for run in self._store.active_runs():
            pulse, since = (run.attempt, run.pulse), now
            if run.run_id in before and before[run.run_id][0] == pulse:
                since = before[run.run_id][1]
            self._pulses[run.run_id] = pulse, since
            if now - since > _UNHEARD_SECONDS:
                silent.append((run, now - since))
        told, self._told = self._told, {}
        if silent and self._store_is_free():
            for run, seconds in silent:
                if self._store.has_unheard_stop(run.run_id):
                    self._told[run.run_id] = told.get(run.run_id, now)
                self._judge(run, seconds, now)

    def _store_is_free(self) -> bool:
        """Return whether a writer need not wait for the store; who has to is silent and well."""
        began, is_free = time.monotonic(), False
        try:
            with self._store.transaction(writes=True):
                is_free = time.monotonic() - began < _LOOK_SECONDS
        finally:
            if not is_free:
                self._pulses.clear()
        return is_free

    def _judge(self, run: Run, seconds: float, now: float) -> None:
        if now - self._told.get(run.run_id, now) > _UNHEARD_SECONDS:
            message = "Its process hangs and did not hear Stop: it was given up."
            if self._store.stop_unheard(run, message):
                _log.warning("run %s was stopped: its process hangs", run.run_id)
                self._kill(run.worker)
        elif seconds > _STALL_SECONDS and run.state != "stalled":
            message = "Its process gives no sign of life: wait for it, or press Stop."
            if self._store.stall(run, message):
                _log.warning("run %s is stalled", run.run_id)
