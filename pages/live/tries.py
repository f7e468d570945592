"""How often a wrong code may be tried."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 60.0
TRIES_OF_ONE = 10
TRIES_OF_ALL = 100


class Tries:
    """Counts wrong codes within the last minute, of each client and of all together.

    For many threads: pages run in one for each viewer.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # At most `TRIES_OF_ALL`, whoever they are of.
        self._wrong: deque[tuple[float, str]] = deque()

    def seconds_to_wait(self, client: str) -> int:
        """Return how long a client has to wait before its next try; 0 if it need not."""
        with self._lock:
            now = self._clock()
            while self._wrong and self._wrong[0][0] <= now - WINDOW_SECONDS:
                self._wrong.popleft()
            of_one = [at for at, who in self._wrong if who == client]
            if len(self._wrong) >= TRIES_OF_ALL:
                first = self._wrong[0][0]
            elif len(of_one) >= TRIES_OF_ONE:
                first = of_one[0]
            else:
                return 0
        return max(1, math.ceil(first + WINDOW_SECONDS - now))

    def note_wrong(self, client: str) -> None:
        """Remember that a client tried a wrong code."""
        with self._lock:
            self._wrong.append((self._clock(), client))
