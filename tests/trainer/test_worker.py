"""A worker process, without the launcher that replaces it."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

import trainer.datasets
import trainer.worker
from tests.waiting import wait_until
from trainer.config import RunConfig
from trainer.continuing import resume
from trainer.datasets import DATASETS
from trainer.launch import AbandonedRuns
from trainer.process import memory_bytes, this_process
from trainer.settings import Settings
from trainer.shutdown import Shutdown
from trainer.steering import steer
from trainer.store import Store
from trainer.training import WarmModel
from trainer.worker import Worker


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store(Settings.from_environment().store_url)
    yield opened
    opened.close()


@contextlib.contextmanager
def a_worker() -> Iterator[subprocess.Popen[bytes]]:
    command = (sys.executable, "-m", "trainer.worker", "--parent", this_process())
    with subprocess.Popen(command) as worker:
        try:
            yield worker
        finally:
            worker.kill()


def refuse(data_folder, state: str) -> None:
    """Let the database take anything but a run's entry into this state."""
    with contextlib.closing(sqlite3.connect(data_folder / "runs.sqlite")) as connection:
        connection.execute(
            f"CREATE TRIGGER refuse BEFORE UPDATE ON runs WHEN NEW.state = '{state}' "
            "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )


def test_a_worker_that_cannot_write_a_runs_end_ends_itself_so_that_the_slot_is_free(
    store, data_folder
):
    refuse(data_folder, "failed")
    run_id = store.create_run({**RunConfig.create("iris").to_dict(), "epochs": 0})
    with a_worker() as worker:
        wait_until(lambda: worker.poll() is not None, "the worker has ended")
        assert worker.returncode == 1
    assert store.run(run_id).state == "starting"
    AbandonedRuns(store).interrupt()
    assert store.run(run_id).state == "interrupted"


@pytest.fixture
def shutdown() -> Iterator[Shutdown]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield Shutdown()
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def test_a_worker_whose_fit_does_not_hear_stop_ends_the_run_and_itself(
    store, shutdown, monkeypatch
):
    is_loading, go_on = threading.Event(), threading.Event()

    def load(options):
        is_loading.set()
        go_on.wait()
        raise AssertionError("nobody waits for this any more")

    spec = dataclasses.replace(DATASETS["iris"], load=load)
    monkeypatch.setattr(trainer.datasets, "DATASETS", {**DATASETS, "iris": spec})
    run_id = store.create_run(RunConfig.create("iris").to_dict())
    waiting = store.create_run(RunConfig.create("iris").to_dict())
    worker = Worker(store, slots=1, parent=this_process(), shutdown=shutdown)
    thread = threading.Thread(target=worker.work)
    thread.start()
    assert is_loading.wait(timeout=120)
    store.stop(run_id)
    thread.join(timeout=60)
    has_ended = not thread.is_alive()
    shutdown.requested = True
    go_on.set()
    thread.join()
    assert has_ended
    assert store.run(run_id).state == "stopped"
    assert store.run(waiting).state == "queued"


def test_a_run_that_is_paused_and_left_gives_its_place_to_those_who_wait(
    store, shutdown, monkeypatch
):
    monkeypatch.setattr(trainer.worker, "PAUSE_SECONDS", 0.5)
    config = RunConfig.create("iris", epochs=100_000)
    paused = store.create_run(config.to_dict())
    thread = threading.Thread(
        target=Worker(store, slots=1, parent=this_process(), shutdown=shutdown).work
    )
    thread.start()
    wait_until(lambda: store.run(paused).epoch > 1, "it trains")
    steer(store, paused, "pause")
    pulse = wait_until(lambda: (r := store.run(paused)).state == "paused" and r, "it waits").pulse
    wait_until(lambda: store.run(paused).pulse > pulse + 2, "it waits as long as nobody else does")
    assert store.run(paused).state == "paused"
    waiting = store.create_run(RunConfig.create("iris", epochs=2).to_dict())
    wait_until(lambda: store.run(waiting).state == "finished", "the other one has had its turn")

    run = store.run(paused)
    assert run.state == "interrupted"
    assert run.message == (
        "It was paused while others waited, and gave its place to them; Resume goes on after its "
        "last whole epoch."
    )
    resume(store, paused)
    wait_until(lambda: store.run(paused).epoch > run.epoch, "it goes on where it was")
    shutdown.requested = True
    thread.join()
    records = [record for record in store.updates(paused)[1] if record.kind == "epoch"]
    assert [record.epoch for record in records] == list(range(store.run(paused).epoch))


def test_a_worker_ends_after_so_many_runs(store, shutdown):
    config = RunConfig.create(epochs=1).to_dict()  # the network that a worker warms up with
    run_ids = [store.create_run(config) for _ in range(3)]
    Worker(store, slots=1, parent=this_process(), shutdown=shutdown, max_runs=2).work()
    assert [store.run(run_id).state for run_id in run_ids] == ["finished", "finished", "queued"]


def test_a_worker_ends_after_a_run_that_leaves_it_with_too_much_memory(
    store, shutdown, monkeypatch
):
    leaked: list[bytes] = []
    load_digits = DATASETS["digits"].load

    def load(options):
        if store.run(run_ids[1]).state == "starting":
            leaked.append(b"x" * 400_000_000)
        return load_digits(options)

    spec = dataclasses.replace(DATASETS["digits"], load=load)
    monkeypatch.setattr(trainer.datasets, "DATASETS", {**DATASETS, "digits": spec})
    config = RunConfig.create(epochs=1).to_dict()
    run_ids = [store.create_run(config) for _ in range(3)]
    WarmModel().warm_up()
    most = memory_bytes() + 300_000_000
    Worker(store, slots=1, parent=this_process(), shutdown=shutdown, max_bytes=most).work()
    assert [store.run(run_id).state for run_id in run_ids] == ["finished", "finished", "queued"]
