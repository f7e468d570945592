"""A worker process: it keeps TensorFlow warm and trains what it claims from the queue.

Started as `python -m trainer.worker`. Its main thread serves the store; `fit()` runs in a
background thread. It ends when the server that started it is gone, after the run in progress.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
from functools import partial
from typing import TYPE_CHECKING

from trainer.config import RunConfig
from trainer.errors import DatasetUnavailable, InvalidInput, StoreUnusable, TrainerError
from trainer.importing import import_training
from trainer.inspections import Inspections
from trainer.log import log_to_standard_error
from trainer.process import is_running, memory_bytes, this_process
from trainer.recorder import Recorder
from trainer.runs import Claim, Inspection
from trainer.settings import MEGABYTE, Settings
from trainer.shutdown import Shutdown
from trainer.store import Store
from trainer.waiting import PAUSE_SECONDS

if TYPE_CHECKING:
    from trainer.training import WarmModel

# How often an idle worker looks whether anything was queued; looking costs microseconds.
_LOOK_SECONDS = 0.02
_PARENT_SECONDS = 1.0
_RETRY_SECONDS = 1.0
# Whoever presses Stop sees the run end; a step or a compilation may take far longer.
_STOP_SECONDS = 1.5

# Run as a program, this module has another name.
_log = logging.getLogger("trainer.worker")


class Worker:
    """Claims runs from the queue and trains them, one after the other.

    Args:
        store: Where the queue is.
        slots: How many queued runs may train at once, all workers together.
        parent: The process that started this one, as `this_process` names it.
        checkpoint_bytes: What the checkpoints of one run may take; None for any number.
        max_runs: After so many runs it ends, to be replaced; None for any number.
        max_bytes: It ends after a run that leaves it with so much memory; None for any.
        shutdown: Makes `work` return soon; a run in progress becomes *interrupted*.
    """

    def __init__(
        self,
        store: Store,
        *,
        slots: int,
        parent: str,
        shutdown: Shutdown,
        checkpoint_bytes: int | None = None,
        max_runs: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self._store = store
        self._inspections = Inspections(store)
        self._slots = slots
        self._parent = parent
        self._checkpoint_bytes = checkpoint_bytes
        self._max_runs = max_runs
        self._max_bytes = max_bytes
        self._num_runs = 0
        self._name = this_process()
        self._shutdown = shutdown

    def work(self) -> None:
        """Work until told to shut down, the parent is gone or this process has to be replaced.

        That is after many runs, with too much memory, or when a stopped `fit()` does not end.

        Raises:
            StoreUnusable: What came of a claimed run or inspection could not be written. While this
                process lives, it counts as active and a run takes up a slot; whoever started this
                process replaces it.
        """
        from trainer.training import WarmModel

        warm = WarmModel()
        warm.warm_up()
        _log.info("ready")
        watcher = self._store.watch()
        is_news = True
        next_look_at_parent = 0.0
        while not self._shutdown.requested:
            if time.monotonic() >= next_look_at_parent:
                if is_running(self._parent) is False:
                    _log.info("the server is gone")
                    break
                next_look_at_parent = time.monotonic() + _PARENT_SECONDS
            claim = asked = None
            try:
                is_news = watcher.changed() or is_news
                if is_news:
                    claim = self._store.claim_next(self._name, slots=self._slots)
                    is_news = False
                    if claim is None:
                        asked = self._inspections.claim(self._name, _is_gone)
            except StoreUnusable:
                _log.exception("the store cannot be used; trying again")
                time.sleep(_RETRY_SECONDS)
            if claim is not None:
                self._num_runs += 1
                if not self._train(claim, warm) or self._is_worn():
                    break
            if asked is not None:
                self._inspect(asked)
            time.sleep(_LOOK_SECONDS)
        watcher.close()

    def _train(self, claim: Claim, warm: WarmModel) -> bool:
        """Train; return False if that left something behind which only this process's end ends."""
        from trainer.training import Training

        _log.info("run %s begins", claim.run_id)
        run = self._store.run(claim.run_id)
        recorder = Recorder(self._store, claim, seconds_before=run.seconds)
        recorder.gate.slow_down(run.speed)
        try:
            config = RunConfig.from_dict(run.config)
        except (InvalidInput, DatasetUnavailable) as error:
            recorder.end("failed", str(error))
            return True
        training = Training(
            config,
            recorder,
            before=run,
            warm=warm,
            shutdown=self._shutdown,
            checkpoint_bytes=self._checkpoint_bytes,
            gives_way=partial(self._gives_way, claim),
            stop_seconds=_STOP_SECONDS,
        )
        state = training.run()
        _log.info("run %s ends: %s", claim.run_id, state)
        return not training.is_left

    def _gives_way(self, claim: Claim, seconds: float) -> bool:
        """Stop a run that nobody has attended to for so long if it keeps others waiting."""
        return seconds > PAUSE_SECONDS and self._store.give_way(claim, slots=self._slots)

    def _is_worn(self) -> bool:
        if self._max_runs is not None and self._num_runs >= self._max_runs:
            _log.info("%d runs are enough for one process", self._num_runs)
            return True
        taken = memory_bytes()
        if self._max_bytes is not None and taken >= self._max_bytes:
            _log.info("%d MB of memory are too much for one process", taken // MEGABYTE)
            return True
        return False

    def _inspect(self, asked: Inspection) -> None:
        from trainer.inspecting import inspect

        _log.info("run %s is inspected", asked.run_id)
        result, message = None, ""
        try:
            run = self._store.run(asked.run_id)
            result = inspect(run, part=asked.part, which=asked.which)
        except TrainerError as error:
            message = str(error)
        except Exception as error:
            # Whatever it was: somebody waits for an answer, and the log keeps the traceback.
            _log.exception("run %s could not be inspected", asked.run_id)
            message = f"The network could not be looked at ({type(error).__name__})."
        self._inspections.end(asked, result, message)


def _is_gone(worker: str) -> bool:
    return is_running(worker) is False


def main() -> None:
    """Work until the parent is gone or the process is told to end."""
    parser = argparse.ArgumentParser(prog="python -m trainer.worker")
    parser.add_argument("--parent", required=True, help="the process that started this one")
    parent = parser.parse_args().parent
    log_to_standard_error("trainer")
    # Takes seconds. Until it is done there is nothing to be lost, and a signal ends this process.
    import_training()
    shutdown = Shutdown()
    settings = Settings.from_environment()
    store = Store(settings.store_url)
    code = 0
    try:
        Worker(
            store,
            slots=settings.slots,
            parent=parent,
            shutdown=shutdown,
            checkpoint_bytes=settings.checkpoint_bytes,
            max_runs=settings.worker_runs,
            max_bytes=settings.worker_bytes,
        ).work()
    except StoreUnusable:
        _log.exception("a run's end could not be written; this worker ends")
        code = 1
    store.close()
    logging.shutdown()
    # TensorFlow takes seconds to take itself apart, and nothing is left to be saved.
    os._exit(code)


if __name__ == "__main__":
    main()
