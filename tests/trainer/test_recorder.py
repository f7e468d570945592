"""The writer of a run: what it is told gets into the store, once, in order, whatever happens."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import math
import sqlite3
import threading
from itertools import pairwise

import numpy as np
import pytest

import trainer.database
import trainer.recorder
from tests.waiting import wait_until
from trainer.errors import StoreUnusable
from trainer.evaluation.surface import Grid, Surface, unpack
from trainer.recorder import MAX_BOUNDARIES, Recorder
from trainer.runs import Boundary, Command, Cursor
from trainer.store import Store


@pytest.fixture
def file(tmp_path):
    return tmp_path / "runs.sqlite"


@pytest.fixture
def store(file):
    opened = Store(f"sqlite:///{file}")
    yield opened
    opened.close()


@pytest.fixture
def recorder(store):
    return new_recorder(store)


def new_recorder(store: Store) -> Recorder:
    return Recorder(store, store.open_run({}, worker="me", origin="callback"))


@contextlib.contextmanager
def serving(recorder: Recorder, **arguments):
    """Serve a recorder in a thread, as a worker's main thread does."""
    done = threading.Event()
    thread = threading.Thread(target=recorder.serve, args=(done,), kwargs=arguments)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def locked(file):
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def test_epochs_and_steps_are_numbered_in_the_order_they_were_learnt(recorder, store):
    run_id = recorder.claim.run_id
    recorder.begin(epochs=2, steps_per_epoch=3)
    recorder.log_steps(0, 0, ["loss"], np.array([[3.0], [2.0]]))
    recorder.flush()
    recorder.log_steps(0, 2, ["loss"], np.array([[1.0]]))
    recorder.log_epoch(0, {"loss": 1.0, "val_loss": 2.0})
    recorder.flush()
    run, records = store.updates(run_id)
    assert [record.cursor for record in records] == [Cursor(1, 1), Cursor(1, 2), Cursor(1, 3)]
    assert [(record.kind, record.epoch, record.step) for record in records] == [
        ("steps", 0, 0),
        ("steps", 0, 2),
        ("epoch", 0, 0),
    ]
    assert (run.state, run.epoch, run.step, run.epochs, run.steps_per_epoch) == (
        "training",
        1,
        0,
        2,
        3,
    )
    assert run.epochs_per_second > 0
    assert run.seconds > 0


def test_the_run_tells_how_many_steps_of_the_epoch_are_done(recorder, store):
    recorder.begin(epochs=1, steps_per_epoch=100)
    recorder.log_steps(0, 7, ["loss"], np.zeros((3, 1)))
    recorder.flush()
    assert store.run(recorder.claim.run_id).step == 10
    recorder.log_steps(0, 19, ["loss"], np.zeros((3, 1)), stride=10)
    recorder.flush()
    assert store.run(recorder.claim.run_id).step == 40
    assert store.updates(recorder.claim.run_id)[1][-1].data == {"names": ["loss"], "stride": 10}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_a_value_that_is_not_finite_is_recorded_as_null(recorder, store, value):
    recorder.log_epoch(0, {"loss": value, "accuracy": np.float32(0.5)})
    recorder.flush()
    assert store.history(recorder.claim.run_id) == {"loss": [None], "accuracy": [0.5]}


def test_the_end_is_recorded_with_everything_before_it(recorder, store):
    recorder.begin(epochs=1, steps_per_epoch=1)
    recorder.log_epoch(0, {"loss": 1.0})
    recorder.end("finished", "well", seconds=12.5)
    run = store.run(recorder.claim.run_id)
    assert (run.state, run.message, run.seconds, run.epoch) == ("finished", "well", 12.5, 1)
    assert run.started_at is not None
    assert run.ended_at >= run.started_at
    recorder.log_epoch(1, {"loss": 0.5})
    recorder.flush()
    assert recorder.is_lost
    assert store.history(recorder.claim.run_id) == {"loss": [1.0]}


def test_a_writer_whose_run_was_taken_over_stops_and_writes_nothing_more(recorder, store):
    run_id = recorder.claim.run_id
    recorder.begin(epochs=5, steps_per_epoch=1)
    recorder.flush()
    store.interrupt(store.run(run_id), "gone")
    recorder.log_epoch(0, {"loss": 1.0})
    recorder.flush()
    assert recorder.is_lost
    assert recorder.gate.is_stopped
    recorder.end("finished")
    assert store.run(run_id).state == "interrupted"
    assert store.history(run_id) == {}


def test_while_it_is_served_everything_is_recorded_and_the_pulse_is_given(recorder, store):
    run_id = recorder.claim.run_id
    looks = threading.Semaphore(0)
    with serving(recorder, each_look=looks.release):
        recorder.begin(epochs=3, steps_per_epoch=1)
        for number in range(3):
            recorder.log_epoch(number, {"loss": float(number)})
            wait_until(lambda: store.run(run_id).epoch == number + 1, "the epoch is in the store")  # noqa: B023
        pulse = store.run(run_id).pulse
        assert looks.acquire(timeout=60)
        # With nothing to record it still shows that it lives.
        wait_until(lambda: store.run(run_id).pulse > pulse, "the pulse moved")
        assert looks.acquire(timeout=60)
    assert store.history(run_id) == {"loss": [0.0, 1.0, 2.0]}


def test_the_next_sign_of_life_takes_the_mark_of_a_silence_away(recorder, store):
    run_id = recorder.claim.run_id
    recorder.begin(epochs=9, steps_per_epoch=None)
    for state, message, learn in (
        ("starting", "Preparing the network", lambda: None),
        ("training", "", lambda: recorder.log_epoch(0, {"loss": 0.5})),
        ("paused", "", lambda: recorder._pause(True)),
    ):
        learn()
        recorder.flush()
        assert store.stall(store.run(run_id), "silent")
        assert (store.run(run_id).state, store.run(run_id).message) == ("stalled", "silent")
        recorder.flush()
        assert (store.run(run_id).state, store.run(run_id).message) == (state, message)
        assert not store.stall(dataclasses.replace(store.run(run_id), pulse=0), "silent")


def test_a_training_began_once_however_often_it_was_paused(recorder, store):
    recorder.begin(epochs=9, steps_per_epoch=None)
    recorder.log_epoch(0, {"loss": 0.5})
    recorder.flush()
    began = store.run(recorder.claim.run_id).started_at
    for is_paused in (True, False):
        recorder._pause(is_paused)
        recorder.flush()
    assert began is not None
    assert store.run(recorder.claim.run_id).started_at == began


def test_while_it_is_served_a_stop_is_heard(recorder, store):
    with serving(recorder):
        assert not recorder.gate.is_stopped
        store.stop(recorder.claim.run_id)
        wait_until(lambda: recorder.gate.is_stopped, "the stop is heard")


def test_many_threads_may_record_at_once(recorder, store):
    def record(name: str) -> None:
        for number in range(50):
            recorder.log_epoch(number, {name: float(number)})

    threads = [threading.Thread(target=record, args=(name,)) for name in "abcd"]
    with serving(recorder):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    recorder.flush()
    _, records = store.updates(recorder.claim.run_id)
    assert [record.cursor.seq for record in records] == list(range(1, 201))
    for name in "abcd":
        own = [record.data[name] for record in records if name in record.data]
        assert own == [float(number) for number in range(50)]


def test_what_could_not_be_written_is_kept_and_written_later_in_order(file, monkeypatch):
    monkeypatch.setattr(trainer.database, "BUSY_TIMEOUT_SECONDS", 0)
    store = Store(f"sqlite:///{file}")
    recorder = new_recorder(store)
    recorder.begin(epochs=3, steps_per_epoch=1)
    with locked(file):
        recorder.log_epoch(0, {"loss": 0.0})
        with pytest.raises(StoreUnusable):
            recorder.flush()
        recorder.log_epoch(1, {"loss": 1.0})
        with pytest.raises(StoreUnusable):
            recorder.flush()
        recorder.log_epoch(2, {"loss": 2.0})
    recorder.end("finished")
    run, records = store.updates(recorder.claim.run_id)
    assert (run.state, run.epoch) == ("finished", 3)
    assert [record.cursor.seq for record in records] == [1, 2, 3]
    assert store.history(run.run_id) == {"loss": [0.0, 1.0, 2.0]}
    store.close()


def test_a_service_that_meets_a_locked_store_goes_on_when_the_lock_is_gone(
    file, monkeypatch, caplog
):
    monkeypatch.setattr(trainer.database, "BUSY_TIMEOUT_SECONDS", 0)
    store = Store(f"sqlite:///{file}")
    recorder = new_recorder(store)
    with serving(recorder), caplog.at_level(logging.ERROR):
        with locked(file):
            recorder.log_epoch(0, {"loss": 0.0})
            wait_until(lambda: "trying again" in caplog.text, "the failure is logged")
        run_id = recorder.claim.run_id
        wait_until(lambda: store.run(run_id).epoch == 1, "the epoch is in the store")
        store.stop(run_id)
        wait_until(lambda: recorder.gate.is_stopped, "the stop is heard")
    store.close()


def test_the_end_of_a_run_waits_for_a_lock(recorder, store, file):
    recorder.begin(epochs=1, steps_per_epoch=1)
    recorder.log_epoch(0, {"loss": 0.0})
    ending = threading.Thread(target=recorder.end, args=("finished",))
    with locked(file):
        ending.start()
        ending.join(timeout=1)
        assert ending.is_alive()
    ending.join()
    assert store.run(recorder.claim.run_id).state == "finished"
    assert store.history(recorder.claim.run_id) == {"loss": [0.0]}


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets: one second after the other."""
    now = [1000.0]
    monkeypatch.setattr(trainer.recorder.time, "monotonic", lambda: now[0])
    return now


def test_a_pause_is_attended_to_by_whoever_says_anything(recorder, store, clock):
    recorder.begin(epochs=10, steps_per_epoch=4)
    clock[0] += 60
    assert recorder.seconds_unattended() == 0
    recorder._pause(True)
    clock[0] += 60
    assert recorder.seconds_unattended() == 60
    store.send(recorder.claim.run_id, Command("step"))
    recorder._take_commands()
    assert recorder.seconds_unattended() == 0
    clock[0] += 7
    assert recorder.seconds_unattended() == 7
    recorder._pause(False)
    assert recorder.seconds_unattended() == 0


def test_the_speed_is_that_of_training_without_the_time_it_took_to_begin(recorder, store, clock):
    recorder.begin(epochs=10, steps_per_epoch=4)
    clock[0] += 60  # compiling
    recorder.log_steps(0, 0, ["loss"], np.zeros((1, 1)))
    for number in range(3):
        clock[0] += 1.5 if number == 0 else 2
        recorder.log_steps(number, 1, ["loss"], np.zeros((3, 1)))
        recorder.log_epoch(number, {"loss": 1.0})
        recorder.flush()
        run = store.run(recorder.claim.run_id)
        assert run.epochs_per_second == pytest.approx(0.5)
        assert run.seconds_left == pytest.approx((10 - number - 1) * 2)


def test_the_speed_is_not_known_when_an_epoch_s_steps_come_all_at_its_end(recorder, store, clock):
    run_id = recorder.claim.run_id
    recorder.begin(epochs=10, steps_per_epoch=4)
    for number, speed in enumerate((None, 0.5, 0.5)):
        clock[0] += 2
        recorder.log_steps(number, 0, ["loss"], np.zeros((4, 1)))
        clock[0] += 0.001
        recorder.log_epoch(number, {"loss": 1.0})
        recorder.flush()
        if speed is None:
            assert store.run(run_id).epochs_per_second is None
        else:
            assert store.run(run_id).epochs_per_second == pytest.approx(speed, rel=0.01)


@pytest.mark.parametrize("steps_per_epoch", [None, 4])
def test_without_steps_the_speed_counts_from_the_beginning(recorder, store, clock, steps_per_epoch):
    recorder.begin(epochs=10, steps_per_epoch=steps_per_epoch)
    clock[0] += 2
    recorder.log_epoch(5, {"loss": 1.0})  # fit(initial_epoch=5)
    recorder.flush()
    assert store.run(recorder.claim.run_id).epochs_per_second == pytest.approx(0.5)


def test_durations_do_not_follow_the_wall_clock(recorder, store, monkeypatch):
    recorder.begin(epochs=1, steps_per_epoch=1)
    monkeypatch.setattr("time.time", lambda: 0.0)
    recorder.log_epoch(0, {"loss": 0.0})
    recorder.end("finished")
    run = store.run(recorder.claim.run_id)
    assert 0 < run.seconds < 1000
    assert run.epochs_per_second > 0


def test_a_writer_that_is_alone_moves_the_log_into_the_file(recorder, file, monkeypatch):
    monkeypatch.setattr(trainer.recorder, "CHECKPOINT_SECONDS", 0.05)
    size = file.stat().st_size
    with serving(recorder):
        for epoch in range(200):
            recorder.log_epoch(epoch, {f"metric {number}": 1.0 for number in range(20)})
        wait_until(lambda: file.stat().st_size > size + 50_000, "the records are in the file")


# -- surfaces ----------------------------------------------------------------------------------


def surface(value: float) -> Surface:
    grid = Grid(kind="score", low=(0.0, 0.0), high=(1.0, 1.0), size=2)
    return Surface(grid=grid, outputs=np.full((4, 1), value, "float32"))


def level(boundary: Boundary) -> float:
    return float(unpack(boundary.surface)[0, 0])


def test_a_surface_is_committed_with_its_epoch(recorder, store):
    recorder.log_epoch(0, {"loss": 1.0}, None, surface(0.25))
    recorder.log_epoch(1, {"loss": 1.0})
    recorder.flush()
    recorder.log_surface(1, surface(0.75))
    recorder.end("stopped")
    found = store.boundaries(recorder.claim.run_id, limit=5)
    assert [one.epoch for one in found] == [0, 1]
    assert [level(one) for one in found] == pytest.approx([0.25, 0.75], abs=0.005)
    assert found[0].surface.header == {
        "kind": "score",
        "low": [0, 0],
        "high": [1, 1],
        "size": 2,
        "values": [0, 1],
    }


@pytest.mark.parametrize("epochs_per_flush", [1, 7, 2000])
def test_however_long_a_training_goes_on_the_store_keeps_some_hundred_surfaces(
    recorder, store, epochs_per_flush
):
    for number in range(2000):
        recorder.log_epoch(number, {"loss": 1.0}, None, surface(number / 2000))
        if number % epochs_per_flush == 0:
            recorder.flush()
    recorder.end("finished")
    found = store.boundaries(recorder.claim.run_id, limit=10_000)
    assert MAX_BOUNDARIES / 2 <= len(found) <= MAX_BOUNDARIES + 1
    assert (found[0].epoch, found[-1].epoch) == (0, 1999)
    assert {b.epoch - a.epoch for a, b in pairwise(found[:-1])} == {8}
    assert all(level(one) == pytest.approx(one.epoch / 2000, abs=0.005) for one in found)


def test_surfaces_that_could_not_be_written_are_kept_and_those_to_go_still_go(file, monkeypatch):
    monkeypatch.setattr(trainer.database, "BUSY_TIMEOUT_SECONDS", 0)
    monkeypatch.setattr(trainer.recorder, "MAX_BOUNDARIES", 2)
    store = Store(f"sqlite:///{file}")
    recorder = new_recorder(store)
    recorder.log_epoch(0, {"loss": 1.0}, None, surface(0.0))
    recorder.log_epoch(1, {"loss": 1.0}, None, surface(0.1))
    recorder.flush()
    with locked(file):
        recorder.log_epoch(2, {"loss": 1.0}, None, surface(0.2))
        with pytest.raises(StoreUnusable):
            recorder.flush()
        recorder.log_epoch(3, {"loss": 1.0}, None, surface(0.3))
        with pytest.raises(StoreUnusable):
            recorder.flush()
    recorder.end("finished")
    found = store.boundaries(recorder.claim.run_id, limit=10)
    assert [one.epoch for one in found] == [0, 2, 3]
    store.close()
