"""Keeps what a training needs to go on later: in memory after each epoch, on disk now and then."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from trainer.callback import LiveCallback
from trainer.checkpoints import Checkpoint, Checkpoints
from trainer.datasets.preprocessing import Preprocessing
from trainer.feeding import FedModel, Values, reader
from trainer.pace import Pace
from trainer.runs import finite_or_none
from trainer.stopping import EarlyStopping

# Between two writings at least; and all of them take this share of the training's time.
_SECONDS = 2.0
_SHARE = 0.02

_log = logging.getLogger(__name__)


class Keeper(keras.callbacks.Callback):
    """Keeps checkpoints after the last, the best and every n-th whole epoch.

    The best epoch is the one whose weights early stopping would restore; without it the one with
    the lowest validation loss, or training loss where there is no validation.

    Args:
        live: Knows whether an epoch was cut short; comes first in the list of callbacks.
        files: Where checkpoints go.
        every: After every so many epochs one is written at once, in the training's own time; 0 for
            none.
        stopping: Comes before this one in the list of callbacks; None without.
        preprocessing: What was fitted on the training rows, kept beside; None without.

    Attributes:
        problem: Why the newest writing failed, in a word or two; empty if it did not.
    """

    def __init__(
        self,
        live: LiveCallback,
        files: Checkpoints,
        *,
        every: int = 0,
        stopping: EarlyStopping | None = None,
        preprocessing: Preprocessing | None = None,
    ) -> None:
        super().__init__()
        self.problem = ""
        self._live = live
        self._files = files
        self._every = every
        self._stopping = stopping
        self._preprocessing = preprocessing
        self._last: _Taken | None = None
        self._best: _Taken | None = None
        self._best_epoch, self._best_loss = -1, math.inf
        self._read: Callable[[], Values] | None = None
        self._written = self._written_best = -1
        self._lock = threading.Lock()
        self._pace = Pace(share=_SHARE, head_start=_SECONDS)
        self._not_before = time.monotonic() + _SECONDS

    def go_on(self, checkpoint: Checkpoint, best: Checkpoint | None) -> None:
        """Count on from a checkpoint.

        Args:
            checkpoint: After the epoch before the first one that is trained now.
            best: The best one until then, where it is still there.
        """
        self._written = checkpoint.epoch
        told = checkpoint.state.get("best")
        if told is None or best is None or told["epoch"] != best.epoch:
            return
        self._best_epoch, self._best_loss = best.epoch, told["loss"]
        if self._stopping is not None and "stopping" in checkpoint.state:
            self._stopping.go_on(checkpoint.state["stopping"], list(best.weights))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the network as it is after this epoch."""
        if self._live.was_cut:
            return
        logs = logs or {}
        loss = finite_or_none(logs.get("val_loss", logs.get("loss", math.nan)))
        is_best = loss is not None and loss < self._best_loss
        if self._stopping is not None and self._stopping.restores:
            is_best = self._stopping.best_epoch == epoch
        if is_best:
            self._best_epoch = epoch
            self._best_loss = math.inf if loss is None else loss
        taken = self._take(epoch)
        if is_best:
            self._best = taken
        self._last = taken
        if self._every and (epoch + 1) % self._every == 0:
            self._save(taken, self._best)

    @property
    def last(self) -> Checkpoint | None:
        """What was kept after the last whole epoch of this training; None before the first."""
        return None if self._last is None else self._last.checkpoint()

    def save_if_due(self, commit: Callable[[], bool]) -> None:
        """Write what is new, where that is no burden; for another thread than the training's.

        Args:
            commit: Brings the history to the store, or says that it cannot: nobody could go on from
                a checkpoint after an epoch that the history lacks.
        """
        now = time.monotonic()
        if now < self._not_before or not self._pace.affords(self._pace.last):
            return
        self._not_before = now + _SECONDS
        best, last = self._best, self._last
        if last is not None and last.epoch > self._written and commit():
            with self._pace.spending():
                self._save(last, best)

    def save(self) -> None:
        """Write what is new; a failure is logged and told by `problem`."""
        # fit() may go on meanwhile: the best first, which is never newer than the last then.
        best, last = self._best, self._last
        if last is not None and last.epoch > self._written:
            self._save(last, best)

    def _save(self, last: _Taken, best: _Taken | None) -> None:
        with self._lock:
            try:
                if self._written < 0 and self._preprocessing is not None:
                    self._files.save_preprocessing(self._preprocessing)
                is_new = best is not None and best.epoch != self._written_best
                self._files.save(
                    last.checkpoint(), best=best.checkpoint() if best and is_new else None
                )
            except (OSError, MemoryError) as error:
                if not self.problem:
                    _log.warning("a checkpoint could not be written: %s", error)
                reason = error.strerror if isinstance(error, OSError) else "too little memory"
                self.problem = reason or type(error).__name__
            else:
                self.problem = ""
                self._written = max(self._written, last.epoch)
                if best is not None:
                    self._written_best = best.epoch

    def _take(self, epoch: int) -> _Taken:
        if self._read is None:
            model = self.model
            self._read = model.values if isinstance(model, FedModel) else reader(model)
        state: dict[str, Any] = {}
        if self._best_epoch >= 0:
            loss = finite_or_none(self._best_loss)
            state["best"] = {"epoch": self._best_epoch, "loss": loss}
        if self._stopping is not None:
            state["stopping"] = self._stopping.state
        return _Taken(epoch, self._read(), state)


class _Taken(NamedTuple):
    """What was read after an epoch; made a checkpoint of only where somebody wants it."""

    epoch: int
    values: Values
    state: dict[str, Any]

    def checkpoint(self) -> Checkpoint:
        weights, optimizer, seeds, rate = self.values
        learning_rate = None if rate is None else finite_or_none(float(rate))
        return Checkpoint(
            epoch=self.epoch,
            weights=[tensor.numpy() for tensor in weights],
            optimizer=[tensor.numpy() for tensor in optimizer],
            seeds=[tensor.numpy() for tensor in seeds],
            state={"learning_rate": learning_rate, **self.state},
        )
