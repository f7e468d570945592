from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.pages.live.live_server import Server, Writer
from trainer.store import Store


def test_health_tells_the_server_the_store_and_the_workers(shared_server: Server) -> None:
    status, headers, body = shared_server.get("/api/health")

    assert status == 200
    assert body["server"]["state"] == "ok"
    assert body["server"]["version"]
    assert body["server"]["uptime_seconds"] >= 0
    assert body["store"] == {"state": "ok"}
    assert body["workers"] == [{"pid": 1, "running": True}]
    assert headers["Cache-Control"] == "no-store"


def test_a_store_that_cannot_be_read_is_told_without_its_secrets(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _hide_table(tmp_path, "runs")

    status, _, health = server.get("/api/health")
    assert (status, health["store"], health["server"]["state"]) == (503, {"state": "failed"}, "ok")
    status, _, runs = server.get("/api/runs")
    assert (status, runs) == (503, {"error": "The store cannot be read at the moment."})
    assert "no such table" in caplog.text


def test_the_runs_come_newest_first_with_what_was_done_and_what_was_asked_for(
    server: Server, worker_store: Store
) -> None:
    older, newer = Writer(worker_store, epochs=5), Writer(worker_store, epochs=7)
    older.start()
    older.write_epoch()
    older.write_epoch()

    status, headers, body = server.get("/api/runs")

    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert [run["run_id"] for run in body["runs"]] == [newer.run_id, older.run_id]
    told = body["runs"][1]
    assert (told["state"], told["epochs"], told["config"]) == (
        "training",
        2,
        {"dataset": "digits", "epochs": 5},
    )
    assert set(told) >= {"name", "message", "seconds", "created_at", "origin"}


def test_the_number_of_runs_can_be_limited(server: Server) -> None:
    for _ in range(3):
        server.store.create_run({"dataset": "digits"})

    assert len(server.get("/api/runs?limit=2")[2]["runs"]) == 2


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "", "1e3", "٣", "0000000000001"])
def test_a_limit_that_makes_no_sense_is_refused(shared_server: Server, limit: str) -> None:
    status, _, body = shared_server.get(f"/api/runs?limit={quote(limit)}")

    assert status == 400
    assert body == {"error": f"limit must be an integer from 1 to 1000. Got {limit!r}."}


def test_a_run_comes_with_its_history(server: Server, worker_store: Store) -> None:
    writer = Writer(worker_store)
    writer.start()
    writer.write_epoch()
    writer.write_epoch(loss=float("nan"))
    writer.finish("diverged", "The loss is NaN.")

    status, _, run = server.get(f"/api/runs/{writer.run_id}")

    assert status == 200
    assert (run["state"], run["message"], run["epochs"]) == ("diverged", "The loss is NaN.", 2)
    assert run["history"] == {"loss": [1.0, None], "val_loss": [1.0, None]}
    assert run["queue_place"] is None


def test_a_queued_run_tells_its_place(server: Server) -> None:
    run_ids = [server.store.create_run({"dataset": "digits"}) for _ in range(2)]

    places = [server.get(f"/api/runs/{run_id}")[2]["queue_place"] for run_id in run_ids]

    assert places == [1, 2]


@pytest.mark.parametrize("run_id", ["nobody", "a%00b", "..", "%2e%2e%2f", "a'--", "x" * 500])
def test_an_unknown_run_is_told_in_a_sentence(shared_server: Server, run_id: str) -> None:
    status, _, body = shared_server.get(f"/api/runs/{run_id}")

    assert status == 404
    assert body["error"].startswith(("There is no run with the id", "There is nothing at this"))


def test_an_unknown_address_below_the_api_is_no_page(shared_server: Server) -> None:
    status, _, body = shared_server.get("/api/nonsense")

    assert (status, body) == (404, {"error": "There is nothing at this address."})


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/api/runs", "/api/runs/some", "/api/health"])
def test_nothing_can_be_changed(shared_server: Server, method: str, path: str) -> None:
    assert shared_server.get(path, method=method)[0] == 405


def _hide_table(folder: Path, table: str) -> None:
    connection = sqlite3.connect(folder / "runs.sqlite")
    connection.execute(f"ALTER TABLE {table} RENAME TO hidden")
    connection.close()
