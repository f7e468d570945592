"""`LiveCallback` in anybody's `fit()`: it records what Keras says and does no harm."""

from __future__ import annotations

import contextlib
import logging
import math
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf

import trainer.database
from tests.waiting import wait_until
from trainer import LiveCallback
from trainer.callback import _Call
from trainer.settings import Settings
from trainer.store import Store

ROWS = 20
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


@pytest.fixture
def store(data_folder):
    opened = Store(Settings.from_environment().store_url)
    yield opened
    opened.close()


def new_model(**compile_arguments: object) -> keras.Model:
    """Return a linear network, untrained and compiled."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)], name="linear")
    arguments = {
        "optimizer": keras.optimizers.SGD(0.01),
        "loss": "mse",
        "metrics": ["mae"],
    }
    model.compile(**{**arguments, **compile_arguments})
    return model


@cache
def only_model() -> tuple[keras.Model, list[np.ndarray]]:
    """Return the network that most tests train, and its first weights."""
    model = new_model()
    model.optimizer.build(model.trainable_variables)
    return model, model.get_weights()


def linear_model(*, learning_rate: float = 0.01) -> keras.Model:
    """Return the network as `new_model` does, but the same one each time: compiling takes long."""
    keras.utils.set_random_seed(0)
    model, first = only_model()
    model.set_weights(first)
    model.optimizer.iterations.assign(0)
    model.optimizer.learning_rate = learning_rate
    model.stop_training = False
    return model


class Seen(keras.callbacks.Callback):
    """Keeps what Keras tells a callback."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: dict[tuple[int, int], dict[str, float]] = {}

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.steps[self.epoch, batch] = dict(logs)


class Do(keras.callbacks.Callback):
    """Does something at one of Keras' calls."""

    def __init__(self, hook: str, action: Callable[[int], object]) -> None:
        super().__init__()
        setattr(self, hook, lambda number, logs=None: action(number))


def recorded_steps(store: Store, run_id: str) -> dict[tuple[int, int], dict[str, float]]:
    steps = {}
    for record in store.updates(run_id)[1]:
        if record.kind == "steps":
            for index, values in enumerate(record.values):
                at = record.epoch, record.step + index * record.data.get("stride", 1)
                assert at not in steps
                steps[at] = dict(zip(record.data["names"], values.tolist(), strict=True))
    return steps


def assert_recorded(store: Store, run_id: str, seen: Seen, history: keras.callbacks.History):
    recorded = recorded_steps(store, run_id)
    assert list(recorded) == list(seen.steps)
    for at, logs in seen.steps.items():
        assert recorded[at] == pytest.approx(logs, rel=1e-6)
    assert store.history(run_id) == history.history


# -- what is recorded --------------------------------------------------------------------------


def test_a_fit_on_arrays_is_recorded_as_keras_logged_it(store):
    live, seen = LiveCallback(name="my model"), Seen()
    history = linear_model().fit(
        X, Y, batch_size=8, epochs=3, validation_data=(X, Y), callbacks=[live, seen], verbose=0
    )
    assert_recorded(store, live.run_id, seen, history)
    assert set(history.history) == {"loss", "mae", "val_loss", "val_mae"}
    run = store.run(live.run_id)
    assert (run.name, run.origin, run.state, run.message) == (
        "my model",
        "callback",
        "finished",
        "",
    )
    assert (run.epoch, run.epochs, run.step, run.steps_per_epoch) == (3, 3, 0, 3)
    assert run.config == {"model": "linear", "epochs": 3}
    assert run.created_at <= run.started_at <= run.ended_at
    assert 0 < run.seconds <= run.ended_at - run.created_at
    assert live.diverged is None


def test_a_model_with_two_inputs_is_recorded_without_validation(store):
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    joined = keras.layers.Concatenate()([left, right])
    model = keras.Model([left, right], keras.layers.Dense(1)(joined), name="two_inputs")
    model.compile(optimizer="sgd", loss="mse")
    live, seen = LiveCallback(), Seen()
    history = model.fit(
        {"left": X, "right": X[:, :2]}, Y, batch_size=7, epochs=2, callbacks=[live, seen], verbose=0
    )
    assert_recorded(store, live.run_id, seen, history)
    assert list(history.history) == ["loss"]
    assert store.run(live.run_id).name == "two_inputs"


def test_a_pipeline_of_unknown_length_is_recorded(store):
    def rows():
        yield from zip(X, Y, strict=True)

    spec = (tf.TensorSpec((3,)), tf.TensorSpec((1,)))
    pipeline = tf.data.Dataset.from_generator(rows, output_signature=spec).batch(6)
    assert pipeline.cardinality() == tf.data.UNKNOWN_CARDINALITY
    live, seen = LiveCallback(), Seen()
    history = linear_model().fit(
        pipeline, epochs=2, validation_data=pipeline, callbacks=[live, seen], verbose=0
    )
    assert_recorded(store, live.run_id, seen, history)
    run = store.run(live.run_id)
    assert (run.state, run.epoch, run.steps_per_epoch) == ("finished", 2, None)
    assert len(seen.steps) == 8


@pytest.mark.parametrize("steps_per_execution", [3, 10, 16])
def test_a_fit_with_several_steps_per_execution_is_recorded_where_keras_reports(
    store, steps_per_execution
):
    live, seen = LiveCallback(), Seen()
    history = new_model(steps_per_execution=steps_per_execution).fit(
        X, Y, batch_size=2, epochs=2, callbacks=[live, seen], verbose=0
    )
    assert_recorded(store, live.run_id, seen, history)


def test_a_long_epoch_is_recorded_step_by_step_before_it_ends(store):
    x, y = np.tile(X, (10, 1)), np.tile(Y, (10, 1))
    live, seen = LiveCallback(), Seen()

    def wait_for_the_first_steps(batch: int) -> None:
        if batch == 150:
            wait_until(lambda: (0, 50) in recorded_steps(store, live.run_id), "steps are stored")
            assert store.run(live.run_id).state == "training"
            assert store.run(live.run_id).step > 50

    wait = Do("on_train_batch_end", wait_for_the_first_steps)
    history = linear_model().fit(x, y, batch_size=1, callbacks=[live, seen, wait], verbose=0)
    assert len(seen.steps) == 200
    assert_recorded(store, live.run_id, seen, history)


def test_without_another_callback_keras_calls_from_its_threads_and_nothing_is_lost(store):
    x, y = np.tile(X, (10, 1)), np.tile(Y, (10, 1))
    live, seen = LiveCallback(), Seen()
    for callback in (live, seen):
        linear_model().fit(
            x, y, batch_size=1, epochs=3, callbacks=[callback], verbose=0, shuffle=False
        )
    recorded = recorded_steps(store, live.run_id)
    assert list(recorded) == list(seen.steps)
    for at, logs in seen.steps.items():
        assert recorded[at] == pytest.approx(logs, rel=1e-5)


def test_a_metric_that_logs_an_array_is_left_out_and_harms_nothing(store):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    model.compile(
        optimizer="sgd", loss="categorical_crossentropy", metrics=[keras.metrics.F1Score()]
    )
    live, y = LiveCallback(), np.eye(2, dtype="float32")[np.arange(ROWS) % 2]
    history = model.fit(X, y, epochs=2, validation_data=(X, y), callbacks=[live], verbose=0).history
    assert set(history) == {"loss", "f1_score", "val_loss", "val_f1_score"}
    assert store.run(live.run_id).state == "finished"
    assert store.history(live.run_id) == {
        "loss": history["loss"],
        "val_loss": history["val_loss"],
    }
    assert all(list(logs) == ["loss"] for logs in recorded_steps(store, live.run_id).values())


def test_numbers_of_numpy_are_numbers(store):
    live = LiveCallback()
    linear_model().fit(
        X, Y, epochs=np.int64(2), steps_per_epoch=np.int64(1), callbacks=[live], verbose=0
    )
    run = store.run(live.run_id)
    assert (run.state, run.epoch, run.epochs, run.steps_per_epoch) == ("finished", 2, 2, 1)


def test_an_epoch_without_validation_among_others_with_it_has_no_such_value(store):
    live = LiveCallback()
    linear_model().fit(
        X,
        Y,
        epochs=4,
        initial_epoch=1,
        validation_data=(X, Y),
        validation_freq=[2, 4],
        callbacks=[live],
        verbose=0,
    )
    epochs = [record for record in store.updates(live.run_id)[1] if record.kind == "epoch"]
    assert [(record.epoch, "val_loss" in record.data) for record in epochs] == [
        (1, True),
        (2, False),
        (3, True),
    ]


def test_early_stopping_counts_the_epoch_it_ends_after(store):
    live = LiveCallback()
    early = keras.callbacks.EarlyStopping(monitor="loss", mode="max", patience=1)
    history = linear_model().fit(X, Y, epochs=50, callbacks=[live, early], verbose=0).history
    run = store.run(live.run_id)
    assert (run.state, run.epoch, run.epochs) == ("finished", len(history["loss"]), 50)
    assert run.epoch < 50


@pytest.mark.parametrize("live_is_first", [True, False])
def test_an_epoch_that_another_callback_ends_early_is_recorded_as_keras_logs_it(
    store, live_is_first
):
    live = LiveCallback()
    model = linear_model()

    def stop(batch: int) -> None:
        model.stop_training = batch == 1

    callbacks = [live, Do("on_train_batch_end", stop)]
    history = model.fit(
        X,
        Y,
        batch_size=8,
        epochs=3,
        validation_data=(X, Y),
        callbacks=callbacks if live_is_first else callbacks[::-1],
        verbose=0,
    )
    assert len(history.history["loss"]) == 1
    assert store.history(live.run_id) == history.history
    assert store.run(live.run_id).state == "finished"


def test_a_fit_with_the_same_callback_again_makes_another_run(store):
    live, model = LiveCallback(name="twice"), linear_model()
    run_ids = []
    for epochs in (1, 2):
        model.fit(X, Y, epochs=epochs, callbacks=[live], verbose=0)
        run_ids.append(live.run_id)
    assert [run.run_id for run in store.runs()] == run_ids[::-1]
    assert [store.run(run_id).epoch for run_id in run_ids] == [1, 2]
    assert [store.run(run_id).state for run_id in run_ids] == ["finished"] * 2


def test_the_callback_does_not_change_what_is_learnt():
    histories = [
        linear_model().fit(X, Y, epochs=2, callbacks=callbacks, verbose=0, shuffle=False).history
        for callbacks in ([], [LiveCallback()])
    ]
    assert histories[0] == histories[1]


def test_evaluate_with_the_callback_makes_no_run(store):
    linear_model().evaluate(X, Y, callbacks=[LiveCallback()], verbose=0)
    assert store.runs() == []


# -- how it ends -------------------------------------------------------------------------------


def endless() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(4).repeat()


def test_stop_ends_the_fit_within_the_epoch_and_keeps_what_was_logged(store):
    live, seen = LiveCallback(), Seen()
    stop = Do("on_train_batch_end", lambda batch: batch == 40 and store.stop(live.run_id))
    history = linear_model().fit(
        endless(),
        epochs=3,
        steps_per_epoch=10**9,
        validation_data=(X, Y),
        callbacks=[live, seen, stop],
        verbose=0,
    )
    run = store.run(live.run_id)
    assert (run.state, run.epoch, run.epochs) == ("stopped", 0, 3)
    assert len(history.epoch) == 1
    recorded = recorded_steps(store, live.run_id)
    assert list(recorded) == list(seen.steps)
    assert run.step == len(recorded) > 40
    assert store.history(live.run_id) == {}


def test_stop_during_validation_ends_the_fit_and_does_not_count_the_epoch(store):
    live = LiveCallback()
    stop = Do(
        "on_test_batch_end",
        lambda batch: (
            batch == 5 and live.model.optimizer.iterations > 5 and store.stop(live.run_id)
        ),
    )
    linear_model().fit(
        X,
        Y,
        batch_size=4,
        epochs=9,
        validation_data=endless(),
        # The first validation ends by itself, the second would not.
        validation_steps=100_000_000,
        validation_freq=[2],
        callbacks=[live, stop],
        verbose=0,
    )
    run = store.run(live.run_id)
    assert (run.state, run.epoch) == ("stopped", 1)
    assert list(store.history(live.run_id)) == ["loss", "mae"]


def test_a_loss_that_is_not_finite_is_null_and_the_run_has_diverged(store):
    live, seen = LiveCallback(), Seen()
    model = linear_model(learning_rate=1e15)
    model.fit(X, Y, batch_size=4, epochs=3, callbacks=[live, seen], verbose=0)
    run = store.run(live.run_id)
    # Whether such a fit goes on is not for a callback that only watches.
    assert (run.state, run.epoch) == ("diverged", 3)
    assert store.history(live.run_id)["loss"] == [None, None, None]
    first = next(at for at, logs in seen.steps.items() if not math.isfinite(logs["loss"]))
    assert live.diverged == first
    recorded = recorded_steps(store, live.run_id)
    assert list(recorded) == list(seen.steps)
    assert not math.isfinite(recorded[first]["loss"])


def test_a_fit_may_be_ended_where_it_diverges(store):
    live = LiveCallback(terminate_on_nan=True)
    model = linear_model(learning_rate=1e15)
    model.fit(X, Y, batch_size=4, epochs=100, callbacks=[live], verbose=0)
    run = store.run(live.run_id)
    assert run.state == "diverged"
    assert run.epoch < 3
    # The next fit of the same callback is judged anew.
    linear_model().fit(X, Y, callbacks=[live], verbose=0)
    assert store.run(live.run_id).state == "finished"


class Refusal(Exception):
    """What the callback of somebody else raises."""


def fit_that_raises(live: LiveCallback, error: BaseException, hook: str) -> None:
    def refuse(number: int) -> None:
        raise error

    # Keras keeps what a validation that was left had still to read: nobody else has that network.
    model = new_model() if hook == "on_test_batch_end" else linear_model()
    with pytest.raises(type(error)):
        model.fit(
            X, Y, epochs=3, callbacks=[live, Do(hook, refuse)], verbose=0, validation_data=(X, Y)
        )


@pytest.mark.parametrize(
    ("error", "hook"),
    [
        (Refusal(), "on_epoch_begin"),
        (Refusal(), "on_epoch_end"),
        (KeyboardInterrupt(), "on_train_batch_end"),
        (SystemExit(), "on_test_batch_end"),
    ],
)
def test_a_fit_that_raises_leaves_the_run_failed(store, error, hook):
    live = LiveCallback()
    fit_that_raises(live, error, hook)
    run = wait_until(lambda: (r := store.run(live.run_id)).is_over and r, "the run is over")
    assert run.state == "failed"
    assert run.message == "fit() ended with an error; the program that called it shows it."
    assert run.epoch == (1 if hook == "on_epoch_end" else 0)


def test_after_a_fit_that_raised_the_same_callback_records_the_next_one(store):
    live = LiveCallback()
    fit_that_raises(live, Refusal(), "on_epoch_end")
    raised = live.run_id
    history = linear_model().fit(X, Y, epochs=2, callbacks=[live], verbose=0).history
    assert live.run_id != raised
    assert store.run(live.run_id).state == "finished"
    assert store.history(live.run_id) == history
    assert store.run(raised).state == "failed"


def test_a_fit_that_raised_is_not_taken_for_the_next_one(store):
    first, second = LiveCallback(), LiveCallback()
    fit_that_raises(first, Refusal(), "on_epoch_begin")
    look = Do(
        "on_epoch_begin",
        lambda epoch: wait_until(lambda: store.run(first.run_id).is_over, "the first run is over"),
    )
    linear_model().fit(X, Y, callbacks=[second, look], verbose=0)
    assert store.run(first.run_id).state == "failed"
    assert store.run(second.run_id).state == "finished"


_SCRIPT_THAT_RAISES = """
import keras, numpy as np
from trainer import LiveCallback

class Refuse(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise RuntimeError("refused")

model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
model.compile(optimizer="sgd", loss="mse")
x = np.zeros((4, 1))
model.fit(x, x, callbacks=[LiveCallback(name="script"), Refuse()], verbose=0)
"""


def test_a_program_that_ends_with_an_error_leaves_its_run_failed(store):
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT_THAT_RAISES], capture_output=True, text=True, check=False
    )
    assert "RuntimeError: refused" in done.stderr
    (run,) = store.runs()
    assert (run.name, run.state, run.epoch) == ("script", "failed", 1)


# -- a store that cannot be written ------------------------------------------------------------


def no_database(data_folder):
    data_folder.mkdir()
    (data_folder / "runs.sqlite").write_bytes(b"no database\n" * 500)


def no_folder(data_folder):
    data_folder.write_text("a file is in the way")


@pytest.mark.parametrize("damage", [no_database, no_folder])
def test_without_a_usable_store_a_fit_trains_as_if_nothing_was_attached(
    data_folder, damage, caplog
):
    damage(data_folder)
    live = LiveCallback()
    with caplog.at_level(logging.ERROR):
        history = (
            linear_model()
            .fit(X, Y, epochs=2, validation_data=(X, Y), callbacks=[live], verbose=0)
            .history
        )
    assert len(history["val_loss"]) == 2
    assert live.run_id is None
    assert "this fit() is not recorded" in caplog.text


@pytest.fixture
def lock(data_folder, monkeypatch):
    """A lock on the store, as another process would hold it; nobody waits for it."""
    monkeypatch.setattr(trainer.database, "BUSY_TIMEOUT_SECONDS", 0)
    data_folder.mkdir()
    # It comes after what is just being written, which a busy disk may take long for.
    connection = sqlite3.connect(data_folder / "runs.sqlite", timeout=60, isolation_level=None)
    with contextlib.closing(connection):
        yield connection


def test_a_store_that_is_locked_for_some_epochs_loses_nothing(lock, store, caplog):
    def lock_and_unlock(epoch: int) -> None:
        if epoch == 1:
            lock.execute("BEGIN EXCLUSIVE")
        if epoch == 3:
            wait_until(lambda: "trying again" in caplog.text, "the failure is logged")
            lock.execute("ROLLBACK")

    live, seen = LiveCallback(), Seen()
    history = linear_model().fit(
        X, Y, epochs=5, callbacks=[live, seen, Do("on_epoch_begin", lock_and_unlock)], verbose=0
    )
    assert store.run(live.run_id).state == "finished"
    assert_recorded(store, live.run_id, seen, history)


def test_a_store_that_stays_locked_does_not_end_the_training(lock, store, caplog):
    live = LiveCallback()
    hold = Do("on_epoch_begin", lambda epoch: epoch == 1 and lock.execute("BEGIN EXCLUSIVE"))
    history = linear_model().fit(X, Y, epochs=4, callbacks=[live, hold], verbose=0).history
    assert len(history["loss"]) == 4
    assert "its end could not be recorded" in caplog.text
    lock.execute("ROLLBACK")
    assert not store.run(live.run_id).is_over


def test_a_fit_that_goes_on_is_never_taken_for_one_that_has_ended() -> None:
    calls: list[_Call] = []
    is_over = threading.Event()

    def numbers() -> Iterator[int]:
        while not is_over.is_set():
            yield abs(-1)

    def fit() -> None:
        call = _Call.of_fit()
        assert call is not None
        calls.append(call)
        for _ in numbers():
            pass

    thread = threading.Thread(target=fit)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that it is often looked at just when a generator yields
    try:
        thread.start()
        wait_until(lambda: bool(calls), "fit() runs")
        assert all(calls[0].is_running_in(thread.ident or 0) for _ in range(30_000))
    finally:
        sys.setswitchinterval(interval)
        is_over.set()
        thread.join()
    assert not calls[0].is_running_in(thread.ident or 0)
