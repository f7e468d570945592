"""Early stopping as Keras does it, for a training that also may be stopped in mid-epoch."""

from __future__ import annotations

from typing import Any

import keras

from trainer.callback import LiveCallback
from trainer.weights import WeightsKeeper


class EarlyStopping(keras.callbacks.Callback):
    """Hands every whole epoch to Keras' early stopping, and says afterwards what it did.

    Where that restores the best weights, those are what is kept of the best epoch.

    Args:
        stopping: Keras' callback, with its monitored value, patience and direction.
        live: Knows whether an epoch was cut short; comes first in the list of callbacks.
        keeper: Keeps the weights; comes before this one.
    """

    def __init__(
        self, stopping: keras.callbacks.EarlyStopping, live: LiveCallback, keeper: WeightsKeeper
    ) -> None:
        super().__init__()
        self._stopping = stopping
        self._live = live
        self._keeper = keeper

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
        """Begin anew."""
        self._stopping.on_train_begin(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Look at the epoch, unless it was cut short."""
        if not self._live.was_cut:
            self._stopping.on_epoch_end(epoch, logs)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the best weights, where that is wanted."""
        self._stopping.on_train_end(logs)
        if self._stopping.restore_best_weights and self._stopping.best_weights is not None:
            self._keeper.keep_as_best(self._stopping.best_epoch, self._stopping.best_weights)
