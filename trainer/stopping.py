"""Early stopping as Keras does it, for a training that also may be stopped in mid-epoch."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from trainer.callback import LiveCallback
from trainer.runs import finite_or_none


class EarlyStopping(keras.callbacks.Callback):
    """Hands every whole epoch to Keras' early stopping, and says afterwards what it did.

    Args:
        stopping: Keras' callback, with its monitored value, patience and direction.
        live: Knows whether an epoch was cut short; comes first in the list of callbacks.
    """

    def __init__(self, stopping: keras.callbacks.EarlyStopping, live: LiveCallback) -> None:
        super().__init__()
        self._stopping = stopping
        self._live = live
        self._gone_on: tuple[dict[str, Any], list[np.ndarray]] | None = None

    @property
    def restores(self) -> bool:
        """Whether the best epoch's weights are restored in the end."""
        return bool(self._stopping.restore_best_weights)

    @property
    def best_epoch(self) -> int:
        """The 0-based epoch whose weights those would be by now."""
        return int(self._stopping.best_epoch)

    @property
    def state(self) -> dict[str, Any]:
        """What it has counted, as plain values for JSON."""
        best = self._stopping.best
        return {
            "wait": self._stopping.wait,
            "best_epoch": self._stopping.best_epoch,
            "best": None if best is None else finite_or_none(best),
        }

    def go_on(self, state: dict[str, Any], best_weights: list[np.ndarray]) -> None:
        """Count on from a `state`, when the training begins.

        Where the patience had come to an end, it begins anew: somebody wants more epochs.
        """
        self._gone_on = state, best_weights

    @property
    def sentence(self) -> str:
        """When it ended the training and why; empty if it did not."""
        if not self._stopping.stopped_epoch:
            return ""
        epochs = "epoch" if self._stopping.patience == 1 else "epochs"
        text = (
            f"Stopped early after epoch {self._stopping.stopped_epoch + 1}: "
            f"{self._stopping.monitor} had not improved for {self._stopping.patience} {epochs}"
        )
        if self._stopping.restore_best_weights:
            text += f"; the weights of epoch {self._stopping.best_epoch + 1} were restored"
        return f"{text}."

    def set_model(self, model: keras.Model) -> None:
        """Keep the network."""
        super().set_model(model)
        self._stopping.set_model(model)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin anew, or where an earlier training has left off."""
        self._stopping.on_train_begin(logs)
        if self._gone_on is None:
            return
        state, best_weights = self._gone_on
        if state["best"] is not None:
            self._stopping.best = state["best"]
            self._stopping.best_epoch = state["best_epoch"]
            self._stopping.best_weights = best_weights if self.restores else None
        if state["wait"] < self._stopping.patience:
            self._stopping.wait = state["wait"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Look at the epoch, unless it was cut short."""
        if not self._live.was_cut:
            self._stopping.on_epoch_end(epoch, logs)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the best weights, where that is wanted."""
        self._stopping.on_train_end(logs)
