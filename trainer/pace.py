"""What may take a small share of a training's time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Pace:
    """Says whether something beside the training has its turn: only so much of the time is its own.

    Attributes:
        last: Seconds that it took the last time; 0 before the first.

    Args:
        share: Of the time since `begin` that all of it may take.
        head_start: Seconds that count as gone by from the beginning, so that the first need not
            wait.
        clock: Returns seconds.
    """

    def __init__(
        self,
        *,
        share: float,
        head_start: float = 0.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.last = 0.0
        self._share = share
        self._head_start = head_start
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        """Count time from now on."""
        self._began = self._clock()
        self._spent = 0.0

    def affords(self, seconds: float) -> bool:
        """Return whether something that takes so long would stay within the share."""
        gone = max(self._clock() - self._began, self._head_start)
        return self._spent + seconds <= self._share * gone

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count the time that is spent within."""
        began = self._clock()
        try:
            yield
        finally:
            self.last = self._clock() - began
            self._spent += self.last
