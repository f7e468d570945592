from __future__ import annotations

import asyncio
import base64
import random
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from pages.live import hub, mailbox, stream
from pages.live.mailbox import Mailbox
from pages.live.reader import MAX_DELTA_POINTS, MAX_SNAPSHOT_POINTS, RunReader
from tests.pages.live.live_server import (
    WAIT_SECONDS,
    Chart,
    Server,
    Writer,
    serving,
    wait_until,
)
from tests.waiting import run_async
from trainer.config import RunConfig
from trainer.diagnosis.auditing import Audits
from trainer.evaluation.surface import PackedSurface
from trainer.lessons import LESSONS
from trainer.person import Person
from trainer.progress import PREDICT, LessonProgress
from trainer.runs import Boundary, Record
from trainer.store import Store
from trainer.withheld import RECORD


def receive(websocket: ClientConnection, chart: Chart) -> dict[str, Any]:
    return chart.apply(str(websocket.recv(timeout=WAIT_SECONDS)))


def receive_until(websocket: ClientConnection, chart: Chart, **facts: Any) -> None:
    """Receive until the run is as `facts` say."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        receive(websocket, chart)
        if facts.items() <= chart.run.items():
            return
    pytest.fail(f"gave up waiting for {facts}, the run is {chart.run}")


def close_code(websocket: ClientConnection) -> int:
    """Receive until the server closes, and return the code."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            websocket.recv(timeout=WAIT_SECONDS)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


@contextmanager
def in_background(work: Any) -> Iterator[None]:
    """Run a writer's work in a thread; its error is the test's."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join(WAIT_SECONDS)
    assert not thread.is_alive()
    assert not errors, errors


def expected_points(store: Store, run_id: str) -> dict[str, Any]:
    """Return what the store holds, laid out by hand."""
    run, records = store.updates(run_id)
    assert run.steps_per_epoch
    points: dict[str, Any] = {}
    for record in records:
        if record.kind == "epoch":
            for name, value in record.data.items():
                points.setdefault(name, []).append((record.epoch + 1, value))
        else:
            assert record.values is not None
            for name, column in zip(record.data["names"], record.values.T, strict=True):
                points.setdefault(f"step/{name}", []).extend(
                    (record.epoch + (record.step + place + 1) / run.steps_per_epoch, value)
                    for place, value in enumerate(column.tolist())
                )
    return {
        name: (
            [pytest.approx(x, rel=1e-5) for x, _ in pairs],
            [None if y is None else pytest.approx(y, rel=1e-5) for _, y in pairs],
        )
        for name, pairs in points.items()
    }


def test_the_first_message_is_a_snapshot_of_the_run(
    shared_server: Server, shared_worker_store: Store
) -> None:
    writer = Writer(shared_worker_store, num_steps=4)
    writer.start()
    writer.write_epoch()
    writer.write(writer.steps(2), step=2, epochs_per_second=0.5)

    chart = Chart()
    with connect(shared_server.url(writer.run_id)) as websocket:
        message = receive(websocket, chart)

    assert (message["type"], message["cursor"]) == ("snapshot", "1.3")
    assert message["series"]["step/loss"]["x"] == [0.25, 0.5, 0.75, 1, 1.25, 1.5]
    assert message["series"]["val_loss"] == {"x": [1], "y": [1]}
    assert message["run"] == {
        "run_id": writer.run_id,
        "name": shared_worker_store.run(writer.run_id).name,
        "state": "training",
        "message": "",
        "queue_place": None,
        "queue_seconds": None,
        "epoch": 1,
        "epochs": 100,
        "step": 2,
        "steps_per_epoch": 4,
        "epochs_per_second": 0.5,
        "seconds_left": 197,
        "seconds": 0,
        "speed": None,
        "facts": {},
    }


def test_deltas_bring_what_comes_later_and_the_end_closes(
    shared_server: Server, shared_worker_store: Store
) -> None:
    writer = Writer(shared_worker_store)
    writer.start()
    chart = Chart()
    with connect(shared_server.url(writer.run_id)) as websocket:
        receive(websocket, chart)
        writer.write_epoch()
        receive_until(websocket, chart, epoch=1)
        writer.write_epoch()
        writer.finish("failed", "Out of memory.")
        receive_until(websocket, chart, state="failed", message="Out of memory.", epoch=2)
        assert close_code(websocket) == 1000

    assert set(chart.kinds[1:]) == {"delta"}
    assert chart.points == expected_points(shared_worker_store, writer.run_id)


def test_a_run_that_is_over_comes_in_one_message(
    shared_server: Server, shared_worker_store: Store
) -> None:
    writer = Writer(shared_worker_store)
    writer.start()
    writer.write_epoch(loss=float("nan"))
    writer.finish("diverged")
    chart = Chart()
    with connect(shared_server.url(writer.run_id)) as websocket:
        receive(websocket, chart)
        assert close_code(websocket) == 1000

    assert chart.run["state"] == "diverged"
    assert chart.points["loss"] == ([1], [None])


def test_the_newest_boundary_comes_once_and_the_last_with_the_end(
    shared_server: Server, shared_worker_store: Store
) -> None:
    writer = Writer(shared_worker_store)
    writer.start()

    def bounded(epoch: int) -> Boundary:
        surface = PackedSurface(header={"kind": "score", "size": 2}, data=bytes([epoch, 7]))
        return Boundary(epoch=epoch, surface=surface)

    def write_epoch(*boundaries: Boundary) -> None:
        loss = Record(kind="epoch", epoch=writer.epoch, data={"loss": 1.0})
        writer.epoch += 1
        writer.write(loss, epoch=writer.epoch, boundaries=boundaries)

    def told(message: dict[str, Any]) -> tuple[int, bytes] | None:
        boundary = message.get("boundary")
        return boundary and (boundary["epoch"], base64.b64decode(boundary["data"]))

    chart, seen = Chart(), []
    write_epoch(bounded(0))
    with connect(shared_server.url(writer.run_id)) as websocket:
        first = receive(websocket, chart)
        assert first["boundary"]["kind"] == "score"
        assert told(first) == (0, b"\x00\x07")
        for boundaries in ((bounded(1),), (), (bounded(3),)):
            write_epoch(*boundaries)
            while chart.run["epoch"] < writer.epoch:
                seen.append(told(receive(websocket, chart)))
        writer.write(boundaries=[bounded(2)], outdated_boundaries=[3])
        writer.finish("stopped")
        while chart.run["state"] != "stopped":
            seen.append(told(receive(websocket, chart)))
    assert [one for one in seen if one] == [(1, b"\x01\x07"), (3, b"\x03\x07"), (2, b"\x02\x07")]


@pytest.mark.parametrize("run_id", ["nobody", "a%00b", "x" * 300, "%27--"])
def test_an_unknown_run_closes_with_a_code_of_its_own(shared_server: Server, run_id: str) -> None:
    with connect(shared_server.url(run_id)) as websocket:
        assert close_code(websocket) == hub.UNKNOWN_RUN == 4404


def test_no_point_is_lost_or_doubled_however_often_a_viewer_reconnects(
    shared_server: Server, shared_worker_store: Store
) -> None:
    choose = random.Random(0)
    num_epochs, pause = 450, threading.Event()
    writer = Writer(shared_worker_store, epochs=num_epochs)
    writer.start()

    def train() -> None:
        for _ in range(num_epochs):
            writer.write_epoch()
            # Slow enough that no message has to be thinned: 300 points are 150 epochs here.
            pause.wait(0.002)
        writer.finish()

    chart = Chart()
    first_kinds = []
    with in_background(train):
        while chart.run.get("state") != "finished":
            with connect(shared_server.url(writer.run_id, chart.cursor)) as websocket:
                first_kinds.append(receive(websocket, chart)["type"])
                with suppress(ConnectionClosed):
                    for _ in range(choose.randrange(3)):
                        receive(websocket, chart)

    assert first_kinds[0] == "snapshot"
    assert set(first_kinds[1:]) == {"delta"}
    assert len(first_kinds) > 5
    assert chart.points == expected_points(shared_worker_store, writer.run_id)


@pytest.mark.parametrize(
    "after", ["", "x", "1", "1.", "9.1", "1.999", "0.0", "-1.1", "1.1~64", "٣.٣"]
)
def test_a_cursor_that_fits_to_nothing_gets_a_snapshot(shared_server: Server, after: str) -> None:
    writer = Writer(shared_server.store)
    writer.start()
    writer.write_epoch()
    chart = Chart()
    with connect(shared_server.url(writer.run_id, after)) as websocket:
        receive(websocket, chart)

    assert chart.kinds == ["snapshot"]
    assert chart.points == expected_points(shared_server.store, writer.run_id)


def test_a_viewer_who_missed_too_much_gets_a_snapshot(
    shared_server: Server, shared_worker_store: Store
) -> None:
    writer = Writer(shared_worker_store, num_steps=MAX_SNAPSHOT_POINTS + 1)
    writer.start()
    chart = Chart()
    writer.write_epoch()
    with connect(shared_server.url(writer.run_id)) as websocket:
        receive(websocket, chart)
    writer.write_epoch()
    with connect(shared_server.url(writer.run_id, chart.cursor)) as websocket:
        assert receive(websocket, chart)["type"] == "snapshot"


def test_a_hundred_viewers_of_a_run_see_the_same(
    shared_server: Server, shared_worker_store: Store
) -> None:
    writer = Writer(shared_worker_store)

    async def view(joined: asyncio.Semaphore) -> list[str]:
        texts = []
        async with connect_async(shared_server.url(writer.run_id)) as websocket:
            with suppress(ConnectionClosed):
                while True:
                    texts.append(str(await asyncio.wait_for(websocket.recv(), WAIT_SECONDS)))
                    if len(texts) == 1:
                        joined.release()
        return texts

    def train() -> None:
        began = time.monotonic()
        writer.start()
        for _ in range(60):
            writer.write_epoch()
            time.sleep(0.02)
        writer.finish()
        seconds.append(time.monotonic() - began)

    async def view_all() -> list[list[str]]:
        joined = asyncio.Semaphore(0)
        viewers = [asyncio.create_task(view(joined)) for _ in range(100)]
        for _ in viewers:
            await asyncio.wait_for(joined.acquire(), WAIT_SECONDS)
        await asyncio.to_thread(train)
        return await asyncio.gather(*viewers)

    seconds: list[float] = []
    seen = run_async(view_all())

    assert len(seen) == 100
    assert all(texts == seen[0] for texts in seen)
    # The first, the start and the end come when they come, the others five times a second.
    assert len(seen[0]) <= 4 + seconds[0] / 0.2
    chart = Chart()
    for text in seen[0]:
        chart.apply(text)
    assert chart.run["state"] == "finished"
    assert chart.points == expected_points(shared_worker_store, writer.run_id)


def test_messages_stay_few_and_small_however_fast_the_training_is(
    shared_server: Server, shared_worker_store: Store
) -> None:
    writer = Writer(shared_worker_store, num_steps=440, names=["loss", "accuracy"])
    stop = threading.Event()

    def train() -> None:
        writer.start()
        while not stop.is_set():
            writer.write_epoch()
        writer.finish()

    chart = Chart()
    times: list[float] = []
    with in_background(train), connect(shared_server.url(writer.run_id)) as websocket:
        try:
            while len(times) < 20:
                text = str(websocket.recv(timeout=WAIT_SECONDS))
                times.append(time.monotonic())
                if chart.apply(text)["type"] == "delta":
                    assert len(text) < 16 * MAX_DELTA_POINTS * 5 + 1_000
                    for series in chart.apply(text)["series"].values():
                        assert len(series["x"]) <= MAX_DELTA_POINTS
        finally:
            stop.set()

    # The first delta may follow the snapshot at once.
    assert 18 / (times[-1] - times[1]) <= 10.5
    assert writer.epoch * writer.num_steps > 5 * MAX_SNAPSHOT_POINTS
    with connect(shared_server.url(writer.run_id)) as websocket:
        series = receive(websocket, Chart())["series"]
    assert set(series) == {"loss", "accuracy", "val_loss", "step/loss", "step/accuracy"}
    for points in series.values():
        assert len(points["x"]) <= MAX_SNAPSHOT_POINTS
        assert points["x"] == sorted(points["x"])
    assert series["step/loss"]["x"][0] == pytest.approx(1 / 440, rel=1e-5)
    assert series["step/loss"]["x"][-1] == writer.epoch
    assert series["step/loss"]["y"][0] == 0


def test_a_viewer_who_cannot_keep_up_costs_no_memory_and_gets_all_in_the_end(
    store_url: str, worker_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mailbox.MAILBOX_SIZE == 20
    monkeypatch.setattr(mailbox, "MAILBOX_SIZE", 6)
    # Wide messages and small buffers, so that the way to the client is soon full.
    names = [f"metric {number} {'x' * 200}" for number in range(100)]
    writer = Writer(worker_store, names=names)
    writer.start()
    stop = threading.Event()

    def train() -> None:
        while not stop.is_set():
            writer.write_epoch()
            stop.wait(0.03)
        writer.finish()

    def lags(box: Mailbox, sizes: list[int]) -> bool:
        sizes.append(len(box))
        return box.overflowed

    def lag(server: Server) -> list[int]:
        (box,) = wait_until(
            lambda: [box for feed in server.hub._feeds.values() for box in feed.members],
            "the viewer is registered",
        )
        sizes: list[int] = []
        try:
            wait_until(lambda: lags(box, sizes), "it lags behind")
        finally:
            stop.set()
        return sizes

    async def view(server: Server, chart: Chart) -> list[int]:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        client.connect(("127.0.0.1", server.port))
        client.setblocking(False)
        async with connect_async(server.url(writer.run_id), sock=client, max_queue=1) as websocket:
            sizes = await asyncio.to_thread(lag, server)
            with suppress(ConnectionClosed):
                while True:
                    chart.apply(str(await asyncio.wait_for(websocket.recv(), WAIT_SECONDS)))
        return sizes

    chart = Chart()
    with serving(store_url, send_buffer=16_384) as server, in_background(train):
        sizes = run_async(view(server, chart))

    assert max(sizes) <= mailbox.MAILBOX_SIZE
    assert chart.run["state"] == "finished"
    assert chart.points == expected_points(worker_store, writer.run_id)


@contextmanager
def deaf_viewer(server: Server, store: Store) -> Iterator[None]:
    """Open a stream on which nothing is ever read, and fill all buffers on the way."""
    writer = Writer(store, names=[f"{number} {'x' * 1_000}" for number in range(500)])
    writer.start()
    writer.write_epoch()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        client.connect(("127.0.0.1", server.port))
        client.sendall(
            f"GET /api/runs/{writer.run_id}/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        (box,) = wait_until(
            lambda: [box for feed in server.hub._feeds.values() for box in feed.members],
            "the viewer is registered",
        )

        def is_full() -> bool:
            writer.write_epoch()
            # Or was: who takes nothing is soon let go.
            return len(box) > 0 or not server.hub._feeds

        wait_until(is_full, "the way to it is full")
        yield


def test_a_viewer_who_takes_nothing_is_let_go(
    store_url: str, worker_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SEND_SECONDS", 0.3)
    with serving(store_url, send_buffer=16_384) as server, deaf_viewer(server, worker_store):
        wait_until(lambda: not server.hub._feeds, "the viewer is let go")


def test_a_viewer_who_takes_nothing_cannot_keep_the_server_from_stopping(
    store_url: str, worker_store: Store
) -> None:
    # The viewer's connection outlives `serving`, which fails if the server does not stop.
    with ExitStack() as connections, serving(store_url, send_buffer=16_384) as server:
        connections.enter_context(deaf_viewer(server, worker_store))


def test_a_change_of_state_alone_is_told(server: Server, worker_store: Store) -> None:
    first, second = Writer(worker_store), Writer(worker_store)
    chart = Chart()
    with connect(server.url(second.run_id)) as websocket:
        receive_until(websocket, chart, state="queued", queue_place=2)
        worker_store.stop(first.run_id)
        receive_until(websocket, chart, state="queued", queue_place=1)
        second.claim = worker_store.claim_next("a worker", slots=8)
        receive_until(websocket, chart, state="starting", queue_place=None)
        second.write(state="paused")
        receive_until(websocket, chart, state="paused")
    assert chart.points == {}


def test_each_of_many_watched_runs_is_told_its_own(server: Server, worker_store: Store) -> None:
    writers = [Writer(worker_store) for _ in range(hub.FEW_FEEDS + 4)]
    charts = [Chart() for _ in writers]
    with ExitStack() as connections:
        sockets = [
            connections.enter_context(connect(server.url(writer.run_id))) for writer in writers
        ]
        _follow_many(writers, charts, sockets)
    wait_until(lambda: not server.hub._feeds, "all viewers have left")


def _follow_many(
    writers: list[Writer], charts: list[Chart], sockets: list[ClientConnection]
) -> None:
    for websocket, chart, place in zip(sockets, charts, range(1, 99), strict=False):
        receive_until(websocket, chart, queue_place=place)
    for writer in writers[:3]:
        writer.start()
        writer.write_epoch()
    for websocket, chart in list(zip(sockets, charts, strict=True))[:3]:
        receive_until(websocket, chart, epoch=1)
    for writer in writers[:3]:
        writer.finish()
    for websocket, chart in list(zip(sockets, charts, strict=True))[:3]:
        receive_until(websocket, chart, state="finished")
    for websocket, chart, place in zip(sockets[3:], charts[3:], range(1, 99), strict=False):
        if chart.run["queue_place"] != place:
            receive_until(websocket, chart, queue_place=place)


def test_an_epoch_of_unknown_length_is_drawn_in_order_and_redrawn_when_it_is_known(
    shared_server: Server, shared_worker_store: Store
) -> None:
    writer = Writer(shared_worker_store, num_steps=100, declared=False)
    writer.start()
    chart = Chart()
    with connect(shared_server.url(writer.run_id)) as websocket:
        for first in range(0, 100, 20):
            writer.write(writer.steps(20, first=first), step=first + 20)
            receive_until(websocket, chart, step=first + 20)
            x, _ = chart.points["step/loss"]
            assert x == sorted(x) and x[0] > 0 and x[-1] <= 1
        assert chart.points["step/loss"][0][-1] == 100 / 128
    guessed = chart.cursor
    writer.write(writer.steps(0), epoch=1)
    writer.epoch = 1
    writer.write(writer.steps(100), step=100)
    with connect(shared_server.url(writer.run_id, guessed)) as websocket:
        assert receive(websocket, chart)["type"] == "snapshot"
    x, y = chart.points["step/loss"]
    assert x == pytest.approx([(place + 1) / 100 for place in range(200)], rel=1e-5)
    assert y[99:101] == pytest.approx([0.099, 1.0])
    with connect(shared_server.url(writer.run_id, chart.cursor)) as websocket:
        assert receive(websocket, chart)["type"] == "delta"


def test_values_that_are_not_finite_are_null(
    shared_server: Server, shared_worker_store: Store
) -> None:
    writer = Writer(shared_worker_store, num_steps=3)
    writer.start()
    record = writer.steps()
    assert record.values is not None
    record.values[:, 0] = [float("inf"), float("nan"), float("-inf")]
    writer.write(record)
    writer.write_epoch(loss=float("nan"))
    chart = Chart()
    with connect(shared_server.url(writer.run_id)) as websocket:
        receive(websocket, chart)
    assert chart.points["step/loss"][1][:3] == [None, None, None]
    assert chart.points["val_loss"] == ([1], [None])


def test_points_come_first_and_what_is_said_of_them_after(
    shared_server: Server, shared_worker_store: Store
) -> None:
    writer = Writer(shared_worker_store)
    writer.start()
    writer.write_epoch()
    chart = Chart()
    with connect(shared_server.url(writer.run_id)) as websocket:
        assert receive(websocket, chart)["verdicts"] == []
        writer.write_epoch(loss=float("nan"))
        told = [message := receive(websocket, chart)]
        while "verdicts" not in message:
            told.append(message := receive(websocket, chart))
    assert chart.points["loss"] == ([1, 2], [1, None])
    assert any("loss" in message["series"] for message in told[:-1])
    assert told[-1]["series"] == {}
    assert [verdict["name"] for verdict in told[-1]["verdicts"]] == ["diverging"]


def test_of_a_run_that_is_over_all_is_said_at_once(
    shared_server: Server, shared_worker_store: Store
) -> None:
    writer = Writer(shared_worker_store)
    writer.start()
    writer.write_epoch(loss=float("nan"))
    writer.finish("diverged")
    with connect(shared_server.url(writer.run_id)) as websocket:
        message = receive(websocket, Chart())
        assert [verdict["name"] for verdict in message["verdicts"]] == ["diverging"]
        assert close_code(websocket) == stream.NORMAL


def test_a_run_that_is_over_stays_open_until_its_data_are_audited(worker_store: Store) -> None:
    config = RunConfig.create("moons", leak="duplicated_rows")
    claim = worker_store.open_run(config.to_dict(), worker="a worker", origin="dashboard")
    losses = [1 / epoch for epoch in range(1, 11)]
    epochs = [
        Record(kind="epoch", epoch=place, data={"loss": loss, "val_loss": loss})
        for place, loss in enumerate(losses)
    ]
    worker_store.write(claim, first_seq=1, records=epochs, epoch=10, state="finished")
    audits = Audits()
    reader = RunReader(worker_store, claim.run_id, audits=audits)
    assert reader.head.is_over != reader.wants_diagnosis

    def is_over() -> bool:
        reader.diagnose()
        return reader.head.is_over

    wait_until(is_over, "the data are audited")
    audits.close()
    assert "leakage" in reader.head.verdicts


def observed_run(store: Store, owner: str) -> tuple[Writer, Callable[[], None]]:
    """Return a lesson's run that has diverged, and how its owner records that."""
    kept, lesson = LessonProgress(store.used_by(Person(owner=owner))), LESSONS["reading_curves"]
    kept.lock(lesson, PREDICT, 0)
    writer = Writer(store)
    kept.note_run(lesson, lesson.scenarios[0].name, writer.run_id)
    writer.start()
    writer.write_epoch(loss=float("nan"))
    writer.finish("diverged")
    return writer, lambda: kept.lock(lesson, RECORD, 0)


def test_of_a_lesson_s_run_nothing_is_said_until_it_is_recorded_and_then_at_once(
    shared_server: Server, shared_worker_store: Store
) -> None:
    writer, record = observed_run(shared_worker_store, "ann")
    with connect(shared_server.url(writer.run_id)) as websocket:
        chart = Chart()
        assert receive(websocket, chart)["verdicts"] == []
        assert chart.run["state"] == "diverged"
        record()
        while "verdicts" not in (message := receive(websocket, chart)):
            pass  # it says that it is still there
        assert [verdict["name"] for verdict in message["verdicts"]] == ["diverging"]
        assert close_code(websocket) == stream.NORMAL


def test_a_run_that_trains_again_is_told_of_where_there_was_still_something_to_observe(
    shared_server: Server, shared_worker_store: Store
) -> None:
    writer, _ = observed_run(shared_worker_store, "ben")
    with connect(shared_server.url(writer.run_id)) as websocket:
        chart = Chart()
        receive(websocket, chart)
        shared_worker_store.reopen(shared_worker_store.run(writer.run_id))
        receive_until(websocket, chart, state="queued")
    shared_worker_store.stop(writer.run_id)


def test_a_viewer_can_ask_for_a_snapshot(shared_server: Server, shared_worker_store: Store) -> None:
    writer = Writer(shared_worker_store)
    writer.start()
    writer.write_epoch()
    chart = Chart()
    with connect(shared_server.url(writer.run_id)) as websocket:
        receive(websocket, chart)
        for _ in range(50):
            websocket.send("snapshot")
        receive(websocket, chart)
        writer.write_epoch()
        receive_until(websocket, chart, epoch=2)
    # Fifty wishes within a second are one.
    assert chart.kinds.count("snapshot") == 2
    assert chart.points == expected_points(shared_worker_store, writer.run_id)


@pytest.mark.parametrize("message", ["", "Snapshot", '{"a": 1}', b"snapshot", "s" * 1_025])
def test_a_viewer_may_say_nothing_else(shared_server: Server, message: str | bytes) -> None:
    run_id = shared_server.store.create_run({"dataset": "digits"})
    with connect(shared_server.url(run_id)) as websocket:
        websocket.send(message)
        assert close_code(websocket) == 1008


def test_a_viewer_hears_something_even_when_nothing_happens(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hub.HEARTBEAT_SECONDS < 5
    monkeypatch.setattr(hub, "HEARTBEAT_SECONDS", 0.2)
    run_id = server.store.create_run({"dataset": "digits"})
    chart = Chart()
    with connect(server.url(run_id)) as websocket:
        messages = [receive(websocket, chart) for _ in range(3)]
    assert chart.kinds == ["snapshot", "delta", "delta"]
    assert messages[1] == messages[2]
    assert messages[2]["series"] == {}


def test_viewers_stay_while_the_store_cannot_be_read(
    server: Server,
    worker_store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(hub, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(stream, "RETRY_SECONDS", 0.1)
    writer = Writer(worker_store)
    writer.start()
    writer.write_epoch()
    fault = sqlite3.connect(tmp_path / "runs.sqlite", isolation_level=None)
    chart, newcomer = Chart(), Chart()
    with connect(server.url(writer.run_id)) as websocket:
        receive(websocket, chart)
        fault.execute("ALTER TABLE records RENAME TO hidden")
        wait_until(lambda: "cannot be read; trying again" in caplog.text, "the fault is logged")
        assert "Traceback" in caplog.text
        with connect(server.url(writer.run_id)) as second:
            fault.execute("ALTER TABLE hidden RENAME TO records")
            writer.write_epoch()
            receive_until(websocket, chart, epoch=2)
            receive(second, newcomer)
            if newcomer.run["epoch"] < 2:
                receive_until(second, newcomer, epoch=2)
    fault.close()
    assert chart.points == newcomer.points == expected_points(worker_store, writer.run_id)


def test_a_server_that_stops_lets_its_viewers_go(store_url: str, worker_store: Store) -> None:
    writer = Writer(worker_store)
    with ExitStack() as connections:
        with serving(store_url) as server:
            websocket = connections.enter_context(connect(server.url(writer.run_id)))
            receive(websocket, Chart())
        assert close_code(websocket) == hub.SERVICE_RESTART == 1012
