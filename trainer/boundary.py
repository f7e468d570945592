"""What a network in training says everywhere over its data: the decision boundary, or the curve."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from trainer.evaluation.surface import Grid, Surface
from trainer.feeding import FedModel
from trainer.pace import Pace

# Of the training's time that all surfaces may take. Writing them down takes some too, and both
# together shall stay below 5%. At the very beginning there is the most to see.
SHARE = 0.03
HEAD_START = 0.5
# What the first surface takes is guessed from so many of its points, and as something else may
# have had the processor meanwhile, the guess is the least of some.
_PROBE = 250
_PROBES = 3


class BoundaryScores:
    """Computes the surface of a network after some of its epochs.

    Args:
        model: The network, with as many inputs as the grid; hand it over before it compiles.
        grid: Where.
        pace: What it may take of the time; 3% if not given.

    Attributes:
        epoch: The 0-based epoch of the newest surface; None before the first.
    """

    def __init__(self, model: FedModel, grid: Grid, *, pace: Pace | None = None) -> None:
        self.epoch: int | None = None
        self._model = model
        self._grid = grid
        points = grid.points()
        self._points, self._probe = tf.constant(points), tf.constant(points[:_PROBE])
        self._pace = pace or Pace(share=SHARE, head_start=HEAD_START)
        self._seconds = math.inf  # that a surface takes: guessed, then measured
        self._probes = 0
        model.watch(self._points)

    def begin(self) -> None:
        """Say that the training begins now."""
        self._pace.begin()

    def after_epoch(self, epoch: int, *, is_last: bool) -> Surface | None:
        """Return the surface after an epoch (0-based), or None if there is no time for it.

        The last epoch always has one.
        """
        if is_last or self._is_affordable():
            return self._surface(epoch)
        return None

    def of_weights(self, epoch: int, weights: Sequence[np.ndarray]) -> Surface:
        """Return the surface of the network with the weights that it had after an epoch."""
        own = self._model.get_weights()
        self._model.set_weights(weights)
        try:
            return self._surface(epoch)
        finally:
            self._model.set_weights(own)

    def _is_affordable(self) -> bool:
        if self._pace.affords(self._seconds):
            return True
        # The first probe is free; the others come when there is time for them.
        may_probe = self.epoch is None and self._probes < _PROBES
        if may_probe and (self._probes == 0 or self._pace.affords(self._pace.last)):
            self._probes += 1
            with self._pace.spending():
                self._model.output_of(self._probe).numpy()
            guess = self._pace.last * max(1.0, len(self._points) / _PROBE)
            self._seconds = min(self._seconds, guess)
        return self._pace.affords(self._seconds)

    def _surface(self, epoch: int) -> Surface:
        with self._pace.spending():
            outputs = self._model.output_of(self._points).numpy()
        self._seconds = self._pace.last
        self.epoch = epoch
        return Surface(grid=self._grid, outputs=outputs)
