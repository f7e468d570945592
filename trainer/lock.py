"""A lock between processes, on every platform; the system gives it back when its holder dies."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class ProcessLock:
    """A lock that one process at a time holds, whatever thread of it asks.

    It is an exclusive transaction on an SQLite file that stays empty.

    Args:
        path: The file; made when somebody first asks for the lock. Its folder must exist.
        timeout: Seconds that `acquire` waits for another holder.
    """

    def __init__(self, path: Path, *, timeout: float = 0.0) -> None:
        self._path = path
        self._timeout = timeout
        self._connection: sqlite3.Connection | None = None

    def acquire(self) -> bool:
        """Take the lock; return False if somebody else, here or in another process, has it."""
        if self._connection is not None:
            return False
        connection = sqlite3.connect(
            self._path, timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            connection.close()
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            return False
        self._connection = connection
        return True

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
