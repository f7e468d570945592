"""Hears that this process should end."""

from __future__ import annotations

import signal


class Shutdown:
    """Remembers a SIGTERM or a Ctrl-C; to be made in the main thread.

    A signal can interrupt the main thread anywhere, also where it holds a lock, so nothing is done
    but to set a flag that loops look at.

    Attributes:
        requested: Whether this process should end.
        insisted: Whether it was told so more than once.
    """

    def __init__(self) -> None:
        self.requested = self.insisted = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)

    def _hear(self, number: int, frame: object) -> None:
        self.insisted = self.requested
        self.requested = True
