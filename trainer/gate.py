"""The gate between two calls of a training: whether it goes on, how far, and how fast."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# In slow motion steps are let through in groups, so that curves move evenly.
_GROUP_SECONDS = 0.05
# What a validation or a slow machine has cost is made up for, but never in a long rush.
_CATCH_UP_SECONDS = 0.1


class Gate:
    """Lets a training through, or makes it wait; it is steered from other threads.

    A paused training may be given single steps or epochs, and waits again after them. Slow motion
    holds back what goes faster than so many epochs a second.

    Args:
        on_pause: Called in the training's thread when it begins to wait for somebody (True) and
            when it goes on (False); single steps in between count as waiting.
    """

    def __init__(self, on_pause: Callable[[bool], None] = lambda is_paused: None) -> None:
        self._on_pause = on_pause
        self._changed = threading.Condition()
        self._is_stopped = self._is_paused = self._is_told = False
        self._steps = self._epochs = 0  # that a paused training may still take
        self._speed: float | None = None  # epochs a second
        self._learning_rate: float | None = None
        # When slow motion was where, in epochs.
        self._anchor: tuple[float, float] | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether the training should end."""
        return self._is_stopped

    # -- those who steer ---------------------------------------------------------------------

    def stop(self) -> None:
        """End the training, also a paused one."""
        with self._change():
            self._is_stopped = True

    def pause(self) -> None:
        """Make the training wait before its next steps."""
        with self._change():
            self._is_paused = True
            self._steps = self._epochs = 0

    def resume(self) -> None:
        """Let the training go on."""
        with self._change():
            self._is_paused = False
            self._steps = self._epochs = 0
            self._anchor = None

    def step(self) -> None:
        """Let it take one step (more) and wait then."""
        with self._change():
            self._is_paused = True
            self._steps += 1

    def epoch(self) -> None:
        """Let it go on to the end of the epoch, or one epoch further, and wait then."""
        with self._change():
            self._is_paused = True
            self._epochs += 1
            self._anchor = None

    def slow_down(self, epochs_per_second: float | None) -> None:
        """Let it make at most so many epochs a second; None for full speed."""
        with self._change():
            self._speed = epochs_per_second
            self._anchor = None

    def set_learning_rate(self, learning_rate: float) -> None:
        """Have the learning rate changed before the next steps, also while paused."""
        with self._change():
            self._learning_rate = learning_rate

    @contextmanager
    def _change(self) -> Iterator[None]:
        with self._changed:
            yield
            self._changed.notify_all()

    # -- the training's thread ---------------------------------------------------------------

    def admit(
        self,
        epoch: int,
        step: int,
        most: int,
        *,
        steps_per_epoch: int | None,
        set_learning_rate: Callable[[float], None],
    ) -> int:
        """Wait for leave to go on, and return how many of the next steps may be taken.

        Args:
            epoch: 0-based epoch that is running.
            step: 0-based next step within it.
            most: How many steps would be taken in the next call.
            steps_per_epoch: None where nobody knows; then only whole epochs are slowed down.
            set_learning_rate: Changes the learning rate.

        Returns:
            From 1 to `most`; 0 if the training should end.
        """
        while True:
            with self._changed:
                wish, self._learning_rate = self._learning_rate, None
                waits = self._is_paused and not self._epochs
                tells = waits != self._is_told and not self._is_stopped
                self._is_told = waits
                if wish is None and not tells:
                    if self._is_stopped:
                        return 0
                    if waits and self._steps:
                        taken = min(most, self._steps)
                        self._steps -= taken
                        return taken
                    if not waits:
                        share = 0.0 if steps_per_epoch is None else step / steps_per_epoch
                        seconds = self._seconds_until(epoch + share)
                        if seconds <= 0:
                            return self._group(most, steps_per_epoch)
                        self._changed.wait(seconds)
                    else:
                        self._changed.wait()
                    continue
            if tells:
                self._on_pause(waits)
            if wish is not None:
                set_learning_rate(wish)

    def end_epoch(self) -> None:
        """Say that an epoch, its validation too, is done."""
        with self._changed:
            self._epochs = max(0, self._epochs - 1)

    def _seconds_until(self, position: float) -> float:
        if self._speed is None:
            return 0.0
        now = time.monotonic()
        if self._anchor is None:
            self._anchor = (now, position)
        moment, anchored = self._anchor
        due = moment + (position - anchored) / self._speed
        if now - due > _CATCH_UP_SECONDS:
            self._anchor = (now - _CATCH_UP_SECONDS, position)
        return due - now

    def _group(self, most: int, steps_per_epoch: int | None) -> int:
        if self._speed is None or steps_per_epoch is None:
            return most
        return max(1, min(most, int(_GROUP_SECONDS * self._speed * steps_per_epoch)))
