"""The database that the store is kept in: its connections, its locks, what is SQLite's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from trainer import schema
from trainer.errors import StoreFull, StoreUnusable
from trainer.lock import ProcessLock
from trainer.reserve import Reserve

# A writer waits this long for another process that holds the lock.
BUSY_TIMEOUT_SECONDS = 30


class Database:
    """A database with the tables of `trainer.schema`, in anything SQLAlchemy speaks to.

    Args:
        url: SQLAlchemy URL, e.g. `sqlite:////home/me/data/runs.sqlite`.

    Raises:
        StoreUnusable: The database is corrupt, made by a newer version, or out of reach.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            # What somebody wrote belongs into no error, and so into no log.
            self._engine = sa.create_engine(url, hide_parameters=True)
        except (SQLAlchemyError, ImportError, ValueError) as error:
            raise StoreUnusable(f"The store's URL cannot be used: {error}.") from error
        self._checkpointing: ProcessLock | None = None
        self._reserve: Reserve | None = None
        if self.is_sqlite:
            path = self._engine.url.database
            self._checkpointing = ProcessLock(Path(f"{path}-checkpoint"))
            self._reserve = Reserve(Path(f"{path}-reserve"))
            sa.event.listen(self._engine, "connect", self._configure_sqlite)
            sa.event.listen(self._engine, "begin", self._begin_sqlite)
        with self.transaction(writes=True) as connection:
            schema.prepare(connection)
        if self._reserve is not None:
            self._reserve.set_aside()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is an SQLite file."""
        return self._engine.dialect.name == "sqlite"

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def transaction(self, *, writes: bool = False) -> Iterator[Connection]:
        """Return a transaction. One that writes has the store to itself from its beginning on.

        Raises:
            StoreFull: The disk is full.
            StoreUnusable: Anything else is wrong, in the database's own words.
        """
        try:
            with self._engine.connect().execution_options(writes=writes) as connection:
                if writes:
                    with connection.begin():
                        yield connection
                else:
                    yield connection
        except SQLAlchemyError as error:
            reason = getattr(error, "orig", error)
            if getattr(reason, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise StoreFull from error
            raise StoreUnusable(
                f"The store cannot be used ({reason}); it was left as it is."
            ) from error

    def watch(self) -> ChangeWatcher:
        """Return a cheap way to ask, from one thread, whether anything was written."""
        return ChangeWatcher(self._engine if self.is_sqlite else None)

    def checkpoint(self) -> None:
        """Move SQLite's log into its main file, without making anybody wait.

        Only one process does so at a time: SQLite before 3.51.3 can corrupt the file when two do.
        """
        if self._checkpointing is None or not self._checkpointing.acquire():
            return
        try:
            with self.transaction() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            self._checkpointing.release()

    def make_room(self) -> None:
        """Give up the room that was set aside on the disk, for the last words of a run."""
        if self._reserve is not None:
            self._reserve.give_up()

    def _configure_sqlite(self, connection: Any, record: Any) -> None:
        # SQLAlchemy's documented recipe: the driver begins nothing by itself, `_begin_sqlite` does.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA wal_autocheckpoint=0")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @staticmethod
    def _begin_sqlite(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class ChangeWatcher:
    """Tells whether something was written since the last question, for one thread.

    On SQLite this is one pragma of a few microseconds; elsewhere the answer is always yes.
    """

    def __init__(self, engine: sa.Engine | None) -> None:
        self._connection = engine.connect() if engine else None
        self._version = -1

    def changed(self) -> bool:
        """Return whether anything may have been written since the last call."""
        if self._connection is None:
            return True
        driver = self._connection.connection.driver_connection
        assert driver is not None
        (version,) = driver.execute("PRAGMA data_version").fetchone()
        changed = version != self._version
        self._version = version
        return changed

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
