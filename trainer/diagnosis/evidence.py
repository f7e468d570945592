"""What the rules look at: the curves of a training so far, and what its validation counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trainer.choices import NONE
from trainer.config import RunConfig
from trainer.datasets.audit import Finding
from trainer.diagnosis.row_losses import RowLosses, best_constant
from trainer.evaluation.counts import ClassCounts, Counts

# Fewer epochs than these say nothing yet, save that a training runs away.
MIN_EPOCHS = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What is known of a training. Curves have NaN where there is no finite value.

    Attributes:
        loss: Training loss by epoch as `fit()` logs it, shape `(num_epochs,)`.
        val_loss: Validation loss, the same shape; empty without validation.
        fair_loss: Training loss looked at as the validation loss is; empty where it is not.
        counts: What the newest validation counted; None without one.
        config: The set-up; None where the training is somebody's own.
        first_epoch: The 0-based epoch that the curves begin with: those of a fork begin late.
        is_over: Whether nothing more will come.
        broken: Where in the curves a loss was first not finite; None if nowhere.
        has_diverged: Whether it was ended because the loss was not finite any more.
        counts_at: Returns what was counted after a 0-based epoch; None if that is not known.
        leaks: What the auditor says of columns and rows that know too much.
    """

    loss: np.ndarray
    val_loss: np.ndarray
    fair_loss: np.ndarray
    counts: Counts | None = None
    config: RunConfig | None = None
    first_epoch: int = 0
    is_over: bool = False
    broken: int | None = None
    has_diverged: bool = False
    counts_at: Callable[[int], Counts | None] = lambda epoch: None
    leaks: tuple[Finding, ...] = ()

    @property
    def num_epochs(self) -> int:
        """Finished epochs."""
        return len(self.loss)

    @property
    def window(self) -> int:
        """Epochs in a window: a fifth of all, at least 3."""
        return max(3, self.num_epochs // 5)

    @property
    def training(self) -> np.ndarray:
        """The fair training loss, with its gaps filled evenly; without one what `fit()` logs.

        In a hurry epochs go without the fair one; where most do, it is not looked at.
        """
        known = np.flatnonzero(~np.isnan(self.fair_loss))
        if not len(known) or 2 * len(known) < self.num_epochs:
            return self.loss
        return np.interp(np.arange(self.num_epochs), known, self.fair_loss[known])

    @property
    def num_validation(self) -> int:
        """Rows that are validated on; 0 if that is not known."""
        if isinstance(self.counts, ClassCounts):
            return int(self.counts.support.sum())
        return 0 if self.counts is None else int(self.counts.count)

    @property
    def is_plain(self) -> bool:
        """Whether the validation loss is the mean loss of the rows and nothing else."""
        config = self.config
        return config is not None and not (config.label_smoothing or config.l1 or config.l2)

    @property
    def baseline(self) -> float | None:
        """Validation loss of the best constant; None where it is not known or not aimed at."""
        if self.counts is None or self.config is None or not self.is_plain:
            return None
        if self.config.class_weight != NONE:
            return None
        return best_constant(self.counts, self.config.loss)

    @property
    def best(self) -> int:
        """Where in the curves the validation loss is lowest."""
        return int(np.nanargmin(self.val_loss))

    def number(self, place: int) -> int:
        """Return what an epoch is called, counted from 1, by its place in the curves."""
        return self.first_epoch + place + 1

    def rows_at(self, place: int) -> RowLosses | None:
        """Return the losses of the validation rows after an epoch; None if they are not known.

        Args:
            place: Where in the curves the epoch is.
        """
        counts = self.counts_at(self.first_epoch + place)
        if counts is None or self.config is None or self.config.label_smoothing:
            return None
        mean = float(self.val_loss[place]) if self.is_plain else None
        return RowLosses.of(counts, self.config.loss, mean)


def around(values: np.ndarray, epoch: int) -> float:
    """Return the median of an epoch's value and those of its neighbours; NaN if there is none."""
    return middle(values[max(0, epoch - 1) : epoch + 2])


def middle(values: np.ndarray) -> float:
    """Return the median of the values that are there; NaN if none is."""
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")


def roughness(values: np.ndarray, floor: float | None) -> float:
    """Return the median change from value to value over the median, in the last two thirds.

    Args:
        values: By epoch.
        floor: The loss of the best constant, a tenth of which is the least to compare with; None
            if it is not known.
    """
    late = values[len(values) // 3 :]
    late = late[~np.isnan(late)]
    scale = max(middle(late), 0.1 * (floor or 0.0))
    return middle(np.abs(np.diff(late))) / scale if scale > 0 else 0.0


def flips(values: np.ndarray) -> float:
    """Return in which share of the last two thirds a fall follows a rise, or a rise a fall."""
    late = values[len(values) // 3 :]
    signs = np.sign(np.diff(late[~np.isnan(late)]))
    return float((signs[1:] * signs[:-1] < 0).mean()) if len(signs) > 1 else 0.0
