"""The loss of some training rows, looked at as that of the validation rows is.

What `fit()` logs as the training loss is a mean over the epoch's steps, in which the network got
better all the while, with dropout on. Beside the validation loss, of the weights at the epoch's end
and without dropout, that compares two different things. This one is fair.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from trainer.feeding import FedModel
from trainer.pace import Pace

# Its name among the values of an epoch.
FAIR_LOSS = "fair_loss"
MAX_ROWS = 512
# Of the training's time that it may take; bookkeeping comes on top of it.
SHARE = 0.03
HEAD_START = 0.5
_SEED = 0


class FairLoss:
    """Computes the loss of a fixed sample of the training rows after the epochs of a training.

    Where that takes more than its share of the time, epochs go without.

    Args:
        model: The network, fed with its rows; hand it over before it compiles.
        x: The rows that are trained on, shape `(num_rows, *input_shape)`.
        y: Their targets as the network's loss takes them, shape `(num_rows, ...)`.
        max_rows: So many of them are looked at; all, where there are fewer.
        pace: What it may take of the time; 3% if not given.
    """

    def __init__(
        self,
        model: FedModel,
        x: np.ndarray,
        y: np.ndarray,
        *,
        max_rows: int = MAX_ROWS,
        pace: Pace | None = None,
    ) -> None:
        rows = np.arange(len(x))
        if len(x) > max_rows:
            rows = np.sort(np.random.default_rng(_SEED).permutation(len(x))[:max_rows])
        self._model = model
        self._rows = tf.constant(x[rows]), tf.constant(y[rows])
        self._pace = pace or Pace(share=SHARE, head_start=HEAD_START)
        model.watch_loss(*self._rows)

    def begin(self) -> None:
        """Say that the training begins now."""
        self._pace.begin()

    def after_epoch(self, *, is_last: bool) -> float | None:
        """Return the loss of the sample, or None if there is no time for it.

        The last epoch always has one.
        """
        if not is_last and not self._pace.affords(self._pace.last):
            return None
        with self._pace.spending():
            return float(self._model.loss_of(*self._rows).numpy())
