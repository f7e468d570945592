"""The weights of a run's network after its last and its best epoch, as files that only we write.

What was fitted on the training rows to prepare them for the network lies beside them, as JSON.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from trainer.callback import LiveCallback
from trainer.datasets.preprocessing import Preprocessing
from trainer.errors import WeightsMissing
from trainer.home import home
from trainer.runs import Which

# All that NumPy and zipfile raise of a file whose bytes are not those that were written.
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile)
_PREPROCESSING = "preprocessing.json"


class Weights(NamedTuple):
    """The weights of a network after an epoch (0-based), in Keras' order."""

    epoch: int
    arrays: list[np.ndarray]


class WeightsKeeper(keras.callbacks.Callback):
    """Keeps the weights after the last and the best whole epoch in memory.

    The best epoch is the one with the lowest validation loss, or training loss where there is no
    validation, unless somebody says otherwise (`keep_as_best`).

    Args:
        live: Knows whether an epoch was cut short; comes first in the list of callbacks.
        preprocessing: What was fitted on the training rows, kept beside; None without.
    """

    def __init__(self, live: LiveCallback, *, preprocessing: Preprocessing | None = None) -> None:
        super().__init__()
        self._live = live
        self._preprocessing = preprocessing
        self._best_loss = math.inf
        self._kept: dict[Which, Weights] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the weights of this epoch."""
        if self._live.was_cut:
            return
        weights = Weights(epoch, self.model.get_weights())
        self._kept["last"] = weights
        logs = logs or {}
        loss = float(logs.get("val_loss", logs.get("loss", math.nan)))
        if loss < self._best_loss:
            self._best_loss = loss
            self._kept["best"] = weights

    def keep_as_best(self, epoch: int, arrays: list[np.ndarray]) -> None:
        """Keep these weights after this 0-based epoch as the best, at last."""
        self._kept["best"] = Weights(epoch, arrays)

    @property
    def last(self) -> Weights | None:
        """The weights after the last whole epoch; None before the first."""
        return self._kept.get("last")

    def save(self, run_id: str) -> None:
        """Write what was kept to disk; a reader sees all of it or nothing.

        Raises:
            OSError: The disk is full or cannot be written.
        """
        kept = dict(self._kept)  # fit() may go on meanwhile
        if not kept:
            return
        target = _folder(run_id)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{run_id}-"))
        try:
            for which, weights in kept.items():
                with open(temporary / f"{which}.npz", "wb") as file:
                    np.savez(file, *weights.arrays, epoch=weights.epoch)
                    file.flush()
                    os.fsync(file.fileno())
            if self._preprocessing is not None:
                with open(temporary / _PREPROCESSING, "w", encoding="utf-8") as text:
                    json.dump(self._preprocessing.to_dict(), text, allow_nan=False)
                    text.flush()
                    os.fsync(text.fileno())
            shutil.rmtree(target, ignore_errors=True)
            os.replace(temporary, target)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def load_weights(run_id: str, which: Which) -> Weights:
    """Return the weights of a run.

    Raises:
        WeightsMissing: They were never written, or the file is damaged.
    """
    try:
        with np.load(_folder(run_id) / f"{which}.npz", allow_pickle=False) as stored:
            arrays = [stored[f"arr_{index}"] for index in range(len(stored.files) - 1)]
            return Weights(int(stored["epoch"]), arrays)
    except FileNotFoundError:
        raise WeightsMissing("The weights of this run were not kept.") from None
    except _UNREADABLE as error:
        raise WeightsMissing("The weights of this run cannot be read.") from error


def load_preprocessing(run_id: str) -> Preprocessing | None:
    """Return what a run prepared its rows with; None where it read them as they are.

    Raises:
        WeightsMissing: Nothing of the run was kept, or the file is damaged.
    """
    folder = _folder(run_id)
    if not folder.is_dir():
        raise WeightsMissing("The weights of this run were not kept.")
    try:
        text = (folder / _PREPROCESSING).read_text(encoding="utf-8")
        return Preprocessing.from_dict(json.loads(text))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsMissing("The preparation of this run's rows cannot be read.") from error


def _folder(run_id: str) -> Path:
    return home() / "weights" / run_id
