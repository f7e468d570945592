from __future__ import annotations

import base64
import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from pages.live.api import MAX_EVALUATION_BYTES, api_routes
from tests.pages.live.live_server import Server, Writer
from trainer.evaluation.counts import ClassCounts
from trainer.evaluation.packing import PackedCounts, pack
from trainer.evaluation.surface import PackedSurface
from trainer.inspections import Inspections
from trainer.process import this_process
from trainer.runs import Boundary, Evaluation, Parent, Record, Scores
from trainer.store import Store


def test_health_tells_the_server_the_store_and_the_workers(shared_server: Server) -> None:
    status, headers, body = shared_server.get("/api/health")

    assert status == 200
    assert body["server"]["state"] == "ok"
    assert body["server"]["version"]
    assert body["server"]["uptime_seconds"] >= 0
    assert body["store"] == {"state": "ok"}
    assert body["workers"] == [{"pid": 1, "running": True, "hangs": False}]
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("workers", "status_later"),
    [
        ([], 503),
        ([{"pid": 1, "running": False}], 503),
        # One that has had its runs is being replaced; the other takes what comes meanwhile.
        ([{"pid": 1, "running": False}, {"pid": 2, "running": True}], 200),
    ],
)
def test_once_it_has_started_a_server_without_a_running_worker_is_not_well(
    worker_store: Store, workers: list[dict[str, Any]], status_later: int
) -> None:
    for start_seconds, status in ((60, 200), (0, status_later)):
        routes = api_routes(worker_store, lambda: workers, start_seconds=start_seconds)
        with TestClient(Starlette(routes=routes)) as client:
            answer = client.get("/api/health")
        told = [{**worker, "hangs": False} for worker in workers]
        assert (answer.status_code, answer.json()["workers"]) == (status, told)


def test_a_worker_that_hangs_is_told_and_counts_as_none(worker_store: Store) -> None:
    claim = worker_store.open_run({}, worker=this_process(), origin="dashboard")
    workers = [{"pid": os.getpid(), "running": True}]
    routes = api_routes(worker_store, lambda: workers, start_seconds=0)
    with TestClient(Starlette(routes=routes)) as client:
        for state, status, hangs in (("training", 200, False), ("stalled", 503, True)):
            worker_store.write(claim, state=state)
            answer = client.get("/api/health")
            assert (answer.status_code, answer.json()["workers"][0]["hangs"]) == (status, hangs)


def test_a_store_that_cannot_be_read_is_told_without_its_secrets(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _hide_table(tmp_path, "runs")

    status, _, health = server.get("/api/health")
    assert (status, health["store"], health["server"]["state"]) == (503, {"state": "failed"}, "ok")
    status, _, runs = server.get("/api/runs")
    assert (status, runs) == (503, {"error": "The store cannot be read at the moment."})
    assert "no such table" in caplog.text


def test_what_is_shown_to_everybody_is_told(server: Server, worker_store: Store) -> None:
    assert server.get("/api/broadcast")[2] == {"run": None}
    run_id = worker_store.create_run({}, name="</script><b>watch")
    worker_store.broadcast(run_id)

    told = {"run": {"run_id": run_id, "name": "</script><b>watch"}}
    assert server.get("/api/broadcast")[2] == told


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
    assert (told["parent"], told["note"]) == (None, "")


def test_a_fork_tells_its_parent(server: Server) -> None:
    parent = Parent("abc", "theirs", 2, "l2", 0.0, 0.1)
    run_id = server.store.create_run({"dataset": "digits"}, parent=parent)
    server.store.describe(run_id, note="try more")

    _, _, told = server.get(f"/api/runs/{run_id}")

    assert (told["parent"], told["note"]) == (parent._asdict(), "try more")


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


def evaluated(number: int, size: int = 1) -> Record:
    """Return an epoch with the number as its count of entries, and so many bytes."""
    header = {"kind": "classes", "entries": number}
    packed = PackedCounts(header=header, data=bytes(range(number % 250, number % 250 + 1)) * size)
    return Record(kind="epoch", epoch=number, data={"loss": 1.0}, evaluation=packed)


def epochs_of(answer: dict[str, Any]) -> list[int]:
    return [evaluation["epoch"] for evaluation in answer["evaluations"]]


def test_the_evaluations_of_a_run_come_in_order_as_they_were_counted(
    server: Server, worker_store: Store
) -> None:
    writer = Writer(worker_store)
    writer.start()
    writer.write(*(evaluated(number) for number in range(5)), epoch=5)

    status, headers, answer = server.get(f"/api/runs/{writer.run_id}/evaluations")

    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert epochs_of(answer) == [0, 1, 2, 3, 4]
    assert (answer["epochs_total"], answer["every"]) == (5, 1)
    third = answer["evaluations"][3]
    assert (third["kind"], third["entries"]) == ("classes", 3)
    assert base64.b64decode(third["data"]) == b"\x03"


def test_some_of_a_run_s_evaluations_can_be_asked_for(server: Server, worker_store: Store) -> None:
    writer = Writer(worker_store)
    writer.start()
    writer.write(*(evaluated(number) for number in range(10)), epoch=10)

    def told(query: str) -> list[int]:
        return epochs_of(server.get(f"/api/runs/{writer.run_id}/evaluations?{query}")[2])

    assert told("first=7") == [7, 8, 9]
    assert told("last=2") == [0, 1, 2]
    assert told("first=3&last=5") == [3, 4, 5]
    assert told("first=10") == told("first=5&last=3") == []


def test_of_many_epochs_every_nth_is_told_and_how_many_there_are(
    server: Server, worker_store: Store
) -> None:
    writer = Writer(worker_store)
    writer.start()
    writer.write(*(evaluated(number) for number in range(1001)), epoch=1001)
    path = f"/api/runs/{writer.run_id}/evaluations"

    answer = server.get(path)[2]

    assert epochs_of(answer) == [*range(0, 1001, 3), 1000]
    assert (answer["epochs_total"], answer["every"]) == (1001, 3)
    assert epochs_of(server.get(f"{path}?first=100&last=110")[2]) == list(range(100, 111))


def test_large_evaluations_are_thinned_by_their_bytes(server: Server, worker_store: Store) -> None:
    writer = Writer(worker_store)
    writer.start()
    size = MAX_EVALUATION_BYTES // 20
    writer.write(*(evaluated(number, size) for number in range(50)), epoch=50)

    answer = server.get(f"/api/runs/{writer.run_id}/evaluations")[2]

    assert epochs_of(answer) == [*range(0, 50, 3), 49]
    assert (answer["epochs_total"], answer["every"]) == (50, 3)
    sizes = [len(base64.b64decode(one["data"])) for one in answer["evaluations"]]
    assert sum(sizes) <= MAX_EVALUATION_BYTES


@pytest.mark.parametrize("parameter", ["first", "last"])
@pytest.mark.parametrize("value", ["-1", "x", "", "1.5", "٣", "99999999999"])
def test_an_epoch_that_makes_no_sense_is_refused(
    shared_server: Server, shared_worker_store: Store, parameter: str, value: str
) -> None:
    run_id = shared_worker_store.create_run({"dataset": "digits"})

    path = f"/api/runs/{run_id}/evaluations?{parameter}={quote(value)}"
    status, _, body = shared_server.get(path)

    assert status == 400
    assert body == {"error": f"{parameter} must be an integer of at least 0. Got {value!r}."}


def test_a_run_without_evaluations_has_none(
    shared_server: Server, shared_worker_store: Store
) -> None:
    run_id = shared_worker_store.create_run({"dataset": "digits"})

    status, _, answer = shared_server.get(f"/api/runs/{run_id}/evaluations")

    assert (status, answer) == (200, {"evaluations": [], "epochs_total": 0, "every": 1})


@pytest.mark.parametrize("run_id", ["nobody", "a%00b", "a'--"])
def test_the_evaluations_of_an_unknown_run_are_told_in_a_sentence(
    shared_server: Server, run_id: str
) -> None:
    status, _, body = shared_server.get(f"/api/runs/{run_id}/evaluations")

    assert status == 404
    assert body["error"].startswith("There is no run with the id")


def test_a_run_tells_every_opening_of_its_test_set(server: Server, worker_store: Store) -> None:
    writer = Writer(worker_store)
    writer.start()
    writer.finish()
    path = f"/api/runs/{writer.run_id}"
    assert server.get(path)[2]["test_openings"] == []
    signs = [server.get(f"{path}/seal")[2]["signs"]]
    inspections = Inspections(worker_store)
    inspections.ask(writer.run_id, part="test", which="best")
    (asked,) = server.get(path)[2]["test_openings"]
    signs.append(server.get(f"{path}/seal")[2]["signs"])
    assert (asked["state"], asked["epoch"], asked["evaluation"]) == ("asked", None, None)

    nothing, matrix = np.zeros((2, 1001)), np.array([[50.0, 10.0], [5.0, 35.0]])
    counts = ClassCounts(positives=nothing, negatives=nothing, confusion=matrix)
    scores = Scores(rows=np.arange(1), y_true=np.arange(1), y_score=np.ones((1, 2), "float32"))
    claimed = inspections.claim("a worker", lambda worker: False)
    inspections.end(claimed, (Evaluation(epoch=6, counts=pack(counts)), scores))

    (opening,) = server.get(path)[2]["test_openings"]
    signs.append(server.get(f"{path}/seal")[2]["signs"])
    assert len(set(signs)) == 3
    assert (opening["which"], opening["state"], opening["epoch"]) == ("best", "done", 7)
    assert opening["opened_at"] == asked["opened_at"]
    assert opening["evaluation"] == pytest.approx(
        {
            "accuracy": 0.85,
            "balanced_accuracy": (50 / 60 + 35 / 40) / 2,
            "mcc": 0.6975,
            "rows": 100,
        },
        abs=1e-4,
    )


def test_a_run_tells_its_boundaries_thinned_and_from_epoch_to_epoch(
    server: Server, worker_store: Store
) -> None:
    writer = Writer(worker_store)
    writer.start()
    surface = PackedSurface(header={"kind": "score", "size": 3}, data=b"deflated")
    writer.write(boundaries=[Boundary(epoch=2 * k, surface=surface) for k in range(1000)])
    address = f"/api/runs/{writer.run_id}/boundaries"

    status, _, body = server.get(address)
    epochs = [one["epoch"] for one in body["boundaries"]]
    assert status == 200
    assert len(epochs) == 334
    assert (epochs[0], epochs[-1]) == (0, 1998)

    body = server.get(f"{address}?first=5&last=9")[2]
    data = base64.b64encode(b"deflated").decode()
    assert body["boundaries"] == [
        {"epoch": epoch, "kind": "score", "size": 3, "data": data} for epoch in (6, 8)
    ]
    assert server.get(f"{address}?first=x")[0] == 400
    assert server.get("/api/runs/nobody/boundaries")[0] == 404


def test_a_queued_run_tells_its_place(server: Server) -> None:
    run_ids = [server.store.create_run({"dataset": "digits"}) for _ in range(2)]

    answers = [server.get(f"/api/runs/{run_id}")[2] for run_id in run_ids]

    assert [answer["queue_place"] for answer in answers] == [1, 2]
    # Nothing trains, so the first begins at once; how long a run takes nobody knows yet.
    assert [answer["queue_seconds"] for answer in answers] == [0, None]
    server.store.write(server.store.claim_next("a worker", slots=1), state="paused")
    told = server.get(f"/api/runs/{run_ids[1]}")[2]
    assert (told["queue_place"], told["queue_seconds"]) == (1, None)
    assert told["message"].startswith("It waits for a run that is paused")


@pytest.mark.parametrize("run_id", ["nobody", "a%00b", "..", "%2e%2e%2f", "a'--", "x" * 500])
def test_an_unknown_run_is_told_in_a_sentence(shared_server: Server, run_id: str) -> None:
    status, _, body = shared_server.get(f"/api/runs/{run_id}")

    assert status == 404
    assert body["error"].startswith(("There is no run with the id", "There is nothing at this"))


def test_an_unknown_address_below_the_api_is_no_page(shared_server: Server) -> None:
    status, _, body = shared_server.get("/api/nonsense")

    assert (status, body) == (404, {"error": "There is nothing at this address."})


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/api/runs", "/api/runs/some", "/api/runs/some/evaluations", "/api/health"]
)
def test_nothing_can_be_changed(shared_server: Server, method: str, path: str) -> None:
    assert shared_server.get(path, method=method)[0] == 405


def _hide_table(folder: Path, table: str) -> None:
    connection = sqlite3.connect(folder / "runs.sqlite")
    connection.execute(f"ALTER TABLE {table} RENAME TO hidden")
    connection.close()
