"""What only the embedded store promises: its file survives locks, kills and damage."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import trainer.database
from tests.waiting import wait_until
from trainer.errors import StoreUnusable
from trainer.lock import ProcessLock
from trainer.runs import Record
from trainer.store import Store


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "runs.sqlite"


@pytest.fixture
def store(file):
    opened = Store(f"sqlite:///{file}")
    yield opened
    opened.close()


@contextlib.contextmanager
def locked(file: Path):
    """Hold the file as another process would that writes for long."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def is_sound(file: Path) -> bool:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def epoch(number: int) -> Record:
    return Record(kind="epoch", epoch=number, data={"loss": float(number)})


def test_the_file_is_in_wal_mode(store, file):
    with contextlib.closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_writer_waits_for_a_lock_and_loses_nothing(store, file):
    claim = store.open_run({}, worker="me", origin="callback")
    writer = threading.Thread(
        target=lambda: [
            store.write(claim, first_seq=n + 1, records=[epoch(n)], epoch=n + 1) for n in range(5)
        ]
    )
    with locked(file):
        writer.start()
        writer.join(timeout=2)
        assert writer.is_alive()
        assert store.run(claim.run_id).epoch == 0  # readers need not wait
    writer.join()
    assert store.history(claim.run_id) == {"loss": [0.0, 1.0, 2.0, 3.0, 4.0]}


def test_a_lock_that_never_ends_is_an_error_in_a_sentence(file, monkeypatch):
    monkeypatch.setattr(trainer.database, "BUSY_TIMEOUT_SECONDS", 0)
    store = Store(f"sqlite:///{file}")
    with locked(file), pytest.raises(StoreUnusable, match="database is locked"):
        store.create_run({})
    store.create_run({})
    store.close()


def test_idle_workers_that_look_at_an_empty_queue_do_not_wait_for_a_lock(file, monkeypatch):
    monkeypatch.setattr(trainer.database, "BUSY_TIMEOUT_SECONDS", 0)
    store = Store(f"sqlite:///{file}")
    claim = store.open_run({}, worker="me", origin="callback")
    with locked(file):
        assert store.claim_next("w", slots=1) is None
        assert store.take_commands(claim.run_id) == []
    store.close()


DAMAGE = {
    "text": b"this is no database\n" * 500,
    "zeros": bytes(8192),
    "an old header only": b"SQLite format 3\x00" + b"\xff" * 5000,
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_file_that_is_no_store_is_refused_and_kept(file, kind):
    file.write_bytes(DAMAGE[kind])
    with pytest.raises(StoreUnusable, match="left as it is"):
        Store(f"sqlite:///{file}")
    assert file.read_bytes() == DAMAGE[kind]


def test_a_store_with_flipped_bytes_is_refused_and_kept(store, file):
    claim = store.open_run({}, worker="me", origin="callback")
    for number in range(100):
        store.write(claim, first_seq=number + 1, records=[epoch(number)])
    store.close()
    damaged = bytearray(file.read_bytes())
    page = int.from_bytes(damaged[16:18], "big")
    for start in range(0, len(damaged), page):
        # The head of each page says what it is and how many cells it has.
        head = start + (100 if start == 0 else 0)
        damaged[head : head + 8] = bytes(255 - byte for byte in damaged[head : head + 8])
    file.write_bytes(damaged)
    with pytest.raises(StoreUnusable, match="left as it is"):
        Store(f"sqlite:///{file}")
    assert file.read_bytes() == damaged


def test_a_truncated_store_is_an_error_in_a_sentence_and_kept(store, file):
    claim = store.open_run({}, worker="me", origin="callback")
    for number in range(300):
        store.write(claim, first_seq=number + 1, records=[epoch(number)])
    store.close()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreUnusable, match="left as it is"):
        Store(f"sqlite:///{file}").history(claim.run_id)
    assert file.read_bytes() == whole[: len(whole) // 2]


def test_a_store_of_a_newer_version_is_kept_byte_for_byte(store, file):
    store.create_run({})
    store.close()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE meta SET value = '99'")
        connection.execute("DROP TABLE commands")
        connection.commit()
    before = file.read_bytes()
    with pytest.raises(StoreUnusable, match="newer version"):
        Store(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_a_checkpoint_moves_the_log_into_the_file_unless_another_process_is_at_it(
    store, file, tmp_path
):
    run_id = store.create_run({})

    def holds_the_run() -> bool:
        copy = tmp_path / "copy.sqlite"
        shutil.copy(file, copy)  # without the log
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
            query = "SELECT run_id FROM runs"
            return ("runs",) in tables and connection.execute(query).fetchall() == [(run_id,)]

    another = ProcessLock(Path(f"{file}-checkpoint"))
    assert another.acquire()
    store.checkpoint()
    assert not holds_the_run()
    another.release()
    store.checkpoint()
    assert holds_the_run()


def test_a_checkpoint_waits_for_nobody_and_makes_nobody_wait(store, file, monkeypatch):
    monkeypatch.setattr(trainer.database, "BUSY_TIMEOUT_SECONDS", 0)
    server = Store(f"sqlite:///{file}")
    with locked(file):
        server.checkpoint()
    claim = store.open_run({}, worker="me", origin="callback")
    reader = sqlite3.connect(file, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM runs").fetchall()
    store.write(claim, first_seq=1, records=[epoch(0)])
    server.checkpoint()
    store.write(claim, first_seq=2, records=[epoch(1)])
    reader.close()
    server.close()
    assert store.history(claim.run_id) == {"loss": [0.0, 1.0]}


def test_a_run_that_its_writer_cannot_open_is_not_left_in_the_queue(file):
    store = Store(f"sqlite:///{file}")
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON runs WHEN NEW.state = 'starting' "
            "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    with pytest.raises(StoreUnusable, match="disk full"):
        store.open_run({}, worker="me", origin="callback")
    assert store.runs() == []
    store.close()


_WRITE_FOR_EVER = """
import sys
from trainer.runs import Record
from trainer.store import Store
store = Store(sys.argv[1])
claim, seq = store.open_run({}, worker="me", origin="callback", name=sys.argv[2]), 1
while True:
    store.write(claim, first_seq=seq, records=[Record(kind="epoch", epoch=seq)] * 2, epoch=seq + 1)
    store.checkpoint()
    seq += 2
"""


def test_kills_of_writers_under_checkpoints_leave_a_sound_file(file):
    server = Store(f"sqlite:///{file}")
    for number in range(4):
        command = [sys.executable, "-c", _WRITE_FOR_EVER, server.url, str(number)]
        with subprocess.Popen(command) as process:

            def wrote_enough(number: int = number) -> bool:
                server.checkpoint()
                return any(r.name == str(number) and r.epoch > 40 for r in server.runs())

            wait_until(wrote_enough, "the writer wrote")
            process.kill()
        assert is_sound(file)
    for run in server.runs():
        assert len(server.updates(run.run_id)[1]) == run.epoch
    server.close()
    assert is_sound(file)
