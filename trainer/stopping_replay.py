"""Early stopping replayed on a finished run: where it would have ended, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trainer.errors import InvalidInput

Mode = Literal["min", "max"]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What early stopping would have done with a run. Epochs count from 0.

    Attributes:
        stop_epoch: The last epoch it would have trained; None if it would not have stopped.
        restored_epoch: The epoch whose weights it would have restored; None if it had looked at
            none.
        saved_epochs: Epochs after the stop that would not have been trained.
        lost: By how much the best value of all epochs is better than that of the restored epoch,
            zero or positive; None without a restored epoch, or if its value is not finite.
    """

    stop_epoch: int | None
    restored_epoch: int | None
    saved_epochs: int
    lost: float | None


def replay(
    values: Sequence[float | None],
    *,
    mode: Mode,
    patience: int,
    min_delta: float = 0.0,
    start_from_epoch: int = 0,
) -> Replay:
    """Return what `keras.callbacks.EarlyStopping` would have done with these values.

    Like Keras it compares as float32, so that it stops at the same epoch: a value is better when
    it is so by more than `min_delta`. The first epoch never stops, nor does one without a value.

    Args:
        values: The monitored value by epoch; NaN or infinite where it was not finite, None where
            there was none.
        mode: Whether lower or higher is better.
        patience: Epochs in a row without a better value that end the training; 0 as 1.
        min_delta: What a value must gain at least, in its own unit.
        start_from_epoch: Epochs at the beginning that are not looked at.

    Raises:
        InvalidInput: One of the choices is none.

    Source: `keras/src/callbacks/early_stopping.py` of Keras 3.
    """
    _check(mode, patience, min_delta, start_from_epoch)
    best: float | None = None
    best_epoch: int | None = None
    wait = 0
    for epoch, value in enumerate(values):
        if value is None or epoch < start_from_epoch:
            continue
        wait += 1
        if best is None or _is_better(value, best, mode=mode, min_delta=min_delta):
            best, best_epoch, wait = value, epoch, 0
        elif wait >= patience and epoch > 0:
            return Replay(
                stop_epoch=epoch,
                restored_epoch=best_epoch,
                saved_epochs=len(values) - epoch - 1,
                lost=_lost(values, best, mode=mode),
            )
    return Replay(
        stop_epoch=None,
        restored_epoch=best_epoch,
        saved_epochs=0,
        lost=_lost(values, best, mode=mode),
    )


def _check(mode: str, patience: int, min_delta: float, start_from_epoch: int) -> None:
    if mode not in ("min", "max"):
        raise InvalidInput("mode", "must be min or max", mode)
    for name, value in (("patience", patience), ("start_from_epoch", start_from_epoch)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise InvalidInput(name, "must be zero or a positive integer", value)
    if not (math.isfinite(min_delta) and min_delta >= 0):
        raise InvalidInput("min_delta", "must be zero or a positive number", min_delta)


def _is_better(value: float, best: float, *, mode: Mode, min_delta: float) -> bool:
    with np.errstate(over="ignore"):
        if mode == "min":
            return bool(np.float32(value + min_delta) < np.float32(best))
        return bool(np.float32(value - min_delta) > np.float32(best))


def _lost(values: Sequence[float | None], kept: float | None, *, mode: Mode) -> float | None:
    if kept is None or not math.isfinite(kept):
        return None
    finite = [value for value in values if value is not None and math.isfinite(value)]
    return kept - min(finite) if mode == "min" else max(finite) - kept
