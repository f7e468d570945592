"""What the log tells, and what it keeps to itself."""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3

import pytest

from trainer.errors import StoreUnusable
from trainer.log import JsonLines
from trainer.settings import Settings
from trainer.store import Store


def line(message: str, *arguments: object, error: BaseException | None = None) -> dict:
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord(
        "trainer.worker", logging.INFO, __file__, 1, message, arguments, exc_info
    )
    text = JsonLines().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_an_event_is_one_line_with_the_run_s_id():
    told = line("run %s ends: %s", "0123456789ab", "finished")
    assert told.pop("at").endswith("+00:00")
    assert isinstance(told.pop("process"), int)
    assert told == {
        "level": "info",
        "logger": "trainer.worker",
        "event": "run 0123456789ab ends: finished",
        "run": "0123456789ab",
    }
    assert "run" not in line("ready\nand\nwaiting")


def test_an_error_is_told_with_its_place_and_without_the_data_in_it():
    try:
        try:
            float("Alice, 12 years")
        except ValueError as cause:
            raise OSError(28, "No space left on device") from cause
    except OSError as error:
        told = line("a checkpoint could not be written", error=error)["error"]
    assert [one["type"] for one in told] == ["ValueError", "OSError"]
    assert told[1]["message"] == "[Errno 28] No space left on device"
    assert all("test_log.py" in one["frames"][0] for one in told)
    assert "Alice" not in json.dumps(told)


def test_what_a_database_refuses_is_told_without_what_it_was_given(data_folder):
    store = Store(Settings.from_environment().store_url)
    with contextlib.closing(sqlite3.connect(data_folder / "runs.sqlite")) as connection:
        connection.execute("DROP TABLE runs")
    with pytest.raises(StoreUnusable) as refused:
        store.create_run({}, name="Alice, 12 years")
    store.close()
    told = json.dumps(line("the store cannot be used", error=refused.value))
    assert "no such table" in told
    assert "Alice" not in told
