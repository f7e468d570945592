"""Steering real trainings: by commands in the store, as pages and the command line give them."""

from __future__ import annotations

import math
import threading

import keras
import numpy as np
import pytest

from tests.waiting import wait_until
from trainer.callback import LiveCallback
from trainer.config import RunConfig
from trainer.errors import InvalidInput, NotPossible, RunNotFound
from trainer.recorder import Recorder
from trainer.runs import ENDED, Command, Record, Run
from trainer.settings import Settings
from trainer.steering import steer
from trainer.store import Store
from trainer.training import Training, WarmModel

_WARM = WarmModel()
FOR_EVER = {"epochs": 100_000, "units": 4, "batch_size": 16}


@pytest.fixture
def store(data_folder):
    opened = Store(Settings.from_environment().store_url)
    yield opened
    opened.close()


class Running:
    """A training in the background, told by these commands before its first step."""

    def __init__(self, store: Store, *first: str, **choices: object) -> None:
        self.store = store
        self.config = RunConfig.create("iris", **{**FOR_EVER, **choices})
        claim = store.open_run(self.config.to_dict(), worker="me", origin="test")
        self.run_id = claim.run_id
        for name in first:
            self.tell(name)
        training = Training(self.config, Recorder(store, claim), warm=_WARM)
        self._thread = threading.Thread(target=training.run, daemon=True)
        self._thread.start()

    @property
    def run(self) -> Run:
        return self.store.run(self.run_id)

    def tell(self, name, value: float | None = None) -> None:
        steer(self.store, self.run_id, name, value)

    def wait_for(self, state: str, *, epoch: int, step: int) -> Run:
        def is_there() -> bool:
            run = self.run
            return (run.state, run.epoch, run.step) == (state, epoch, step)

        wait_until(is_there, f"it is {state} after {epoch} epochs and {step} steps")
        return self.run

    def steps(self) -> list[tuple[int, int]]:
        """Return the epoch and the number of every step that was recorded."""
        _, records = self.store.updates(self.run_id)
        return [
            (record.epoch, record.step + place)
            for record in records
            if record.kind == "steps"
            for place in range(len(record.values))
        ]

    def stop(self) -> Run:
        self.tell("stop")
        self._thread.join(timeout=120)
        assert not self._thread.is_alive()
        return self.run


def test_a_paused_training_takes_single_steps_and_epochs_and_can_be_stopped(store):
    running = Running(store, "pause")
    steps = running.config.steps_per_epoch
    assert steps == 6
    run = running.wait_for("paused", epoch=0, step=0)
    assert run.started_at is None
    assert run.message == ""
    running.tell("step")
    running.wait_for("paused", epoch=0, step=1)
    assert running.run.started_at is not None
    for _ in range(2):
        running.tell("step")
    running.wait_for("paused", epoch=0, step=3)
    assert running.steps() == [(0, 0), (0, 1), (0, 2)]
    running.tell("epoch")
    running.wait_for("paused", epoch=1, step=0)
    assert running.steps() == [(0, step) for step in range(steps)]
    assert len(store.history(running.run_id)["val_loss"]) == 1
    running.tell("epoch")
    running.wait_for("paused", epoch=2, step=0)
    run = running.stop()
    assert (run.state, run.epoch) == ("stopped", 2)
    assert all(len(values) == 2 for values in store.history(run.run_id).values())


def test_a_training_that_was_paused_and_stepped_gives_the_history_of_one_that_was_not(store):
    choices = {"epochs": 4, "metrics": ["accuracy"], "dropout": 0.5}
    undisturbed = Running(store, **choices)
    wait_until(lambda: undisturbed.run.is_over, "the run is over")
    running = Running(store, "pause", **choices)
    running.wait_for("paused", epoch=0, step=0)
    for step in (1, 2):
        running.tell("step")
        running.wait_for("paused", epoch=0, step=step)
    running.tell("epoch")
    running.wait_for("paused", epoch=1, step=0)
    running.tell("resume")
    wait_until(lambda: running.run.is_over, "the run is over")
    assert running.run.state == "finished"
    assert store.history(running.run_id) == store.history(undisturbed.run_id)


def test_a_pause_in_full_run_holds_it_and_its_time_until_it_goes_on(store):
    running = Running(store)
    wait_until(lambda: running.run.epoch > 2, "epochs go by")
    running.tell("pause")
    wait_until(lambda: running.run.state == "paused", "it is paused")
    held = running.run
    # A writer that is alive gives its pulse, also while nothing happens.
    wait_until(lambda: running.run.pulse >= held.pulse + 2, "it lives")
    assert (running.run.epoch, running.run.step) == (held.epoch, held.step)
    assert running.run.seconds == pytest.approx(held.seconds, abs=0.01)
    running.tell("resume")
    wait_until(lambda: running.run.epoch > held.epoch + 2, "it goes on")
    assert running.run.state == "training"
    assert running.stop().state == "stopped"


def test_another_learning_rate_is_used_and_marked_where_it_began(store):
    running = Running(store, "pause", learning_rate=0.01)
    running.wait_for("paused", epoch=0, step=0)
    running.tell("epoch")
    running.wait_for("paused", epoch=1, step=0)
    running.tell("step")
    running.wait_for("paused", epoch=1, step=1)
    running.tell("learning_rate", 1e-30)
    wait_until(lambda: running.run.learning_rate == 1e-30, "the learning rate is another one")
    running.tell("epoch")
    running.tell("epoch")
    running.wait_for("paused", epoch=3, step=0)
    running.stop()
    _, records = store.updates(running.run_id)
    (mark,) = [record for record in records if record.kind == "learning_rate"]
    assert (mark.epoch, mark.step, mark.data) == (1, 1, {"learning_rate": 1e-30})
    losses = store.history(running.run_id)["val_loss"]
    assert losses[0] != losses[1] == losses[2]  # nothing moves any more


def test_slow_motion_is_told_and_taken_back(store):
    running = Running(store)
    running.tell("speed", 0.001)
    wait_until(lambda: running.run.speed == 0.001, "slow motion is told")
    running.tell("speed", 0)
    wait_until(lambda: running.run.speed is None, "it is over")
    before = running.run.epoch
    wait_until(lambda: running.run.epoch > before + 5, "it goes on at full speed")
    running.stop()


SCHEDULED = [{"schedule": "cosine"}, {"schedule": "exponential"}, {"warmup_epochs": 2}]


@pytest.mark.parametrize("choices", SCHEDULED)
def test_a_schedule_gives_the_learning_rate_alone(store, choices):
    config = RunConfig.create("iris", **choices)
    claim = store.open_run(config.to_dict(), worker="me", origin="test")
    with pytest.raises(NotPossible, match="follows a schedule"):
        steer(store, claim.run_id, "learning_rate", 0.1)
    assert store.take_commands(claim.run_id) == []


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, None, True, "0.1"])
def test_a_learning_rate_that_makes_no_sense_is_refused(store, value):
    claim = store.open_run({}, worker="me", origin="test")
    with pytest.raises(InvalidInput, match="learning_rate must be a positive number. Got"):
        steer(store, claim.run_id, "learning_rate", value)


@pytest.mark.parametrize("value", [-1, 1e-9, 1e9, math.nan, None])
def test_a_speed_that_makes_no_sense_is_refused(store, value):
    claim = store.open_run({}, worker="me", origin="test")
    with pytest.raises(InvalidInput, match=r"speed must be 0 \(full speed\) or a number"):
        steer(store, claim.run_id, "speed", value)


@pytest.mark.parametrize("state", ["queued", *ENDED])
@pytest.mark.parametrize("name", ["pause", "resume", "step", "epoch"])
def test_only_a_training_can_be_steered(store, state, name):
    if state == "queued":
        run_id = store.create_run({})
    else:
        claim = store.open_run({}, worker="me", origin="test")
        store.write(claim, state=state)
        run_id = claim.run_id
    with pytest.raises(NotPossible, match=f"must be training for that. It is {state}."):
        steer(store, run_id, name)
    assert store.run(run_id).state == state


def test_what_is_not_there_cannot_be_steered(store):
    with pytest.raises(RunNotFound):
        steer(store, "nonsense", "pause")


# -- somebody's own fit() ------------------------------------------------------------------------


class Foreign(threading.Thread):
    """A script's own `fit()`, which waits for a pause in its first epoch."""

    def __init__(self, store: Store, learning_rate=0.01) -> None:
        super().__init__(daemon=True)
        self.store = store
        self.live = LiveCallback(name="mine")
        self.learning_rate = learning_rate
        self.paused = threading.Event()

    def run(self) -> None:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(optimizer=keras.optimizers.SGD(self.learning_rate), loss="mse")
        self.model = model
        x = np.random.default_rng(0).normal(size=(4000, 2)).astype("float32")
        begin = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: self._pause())
        callbacks = [self.live, begin]
        model.fit(x, x[:, :1], batch_size=10, epochs=50, callbacks=callbacks, verbose=0)

    def _pause(self) -> None:
        self.tell("pause")
        self.paused.set()

    def tell(self, name, value=None) -> None:
        steer(self.store, self.live.run_id, name, value)

    @property
    def told(self) -> Run:
        return self.store.run(self.live.run_id)

    @property
    def marks(self) -> list[Record]:
        _, records = self.store.updates(self.live.run_id)
        return [record for record in records if record.kind == "learning_rate"]


def test_somebody_s_own_fit_is_paused_stepped_and_stopped_between_two_batches(store):
    fit = Foreign(store)
    fit.start()
    assert fit.paused.wait(timeout=120)
    wait_until(lambda: fit.told.state == "paused", "it is paused")
    before = int(fit.model.optimizer.iterations)
    for k in (1, 2):
        fit.tell("step")
        wait_until(lambda: int(fit.model.optimizer.iterations) == before + k, "a step is taken")  # noqa: B023
    fit.tell("learning_rate", 0.5)
    wait_until(lambda: fit.marks, "the learning rate is another one")
    assert float(fit.model.optimizer.learning_rate) == 0.5
    assert int(fit.model.optimizer.iterations) == before + 2
    fit.tell("epoch")
    wait_until(lambda: fit.told.epoch == 1, "the epoch is over")
    wait_until(lambda: fit.told.state == "paused", "it is paused again")
    assert int(fit.model.optimizer.iterations) == 400
    fit.tell("stop")
    fit.join(timeout=60)
    assert not fit.is_alive()
    assert (fit.told.state, fit.told.epoch) == ("stopped", 1)


def test_a_schedule_in_somebody_s_own_fit_is_left_as_it_is_in_a_sentence(store):
    fit = Foreign(store, keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5))
    fit.start()
    assert fit.paused.wait(timeout=120)
    fit.tell("learning_rate", 0.5)
    sentence = "The learning rate follows a schedule and was left as it is."
    wait_until(lambda: fit.told.message == sentence, "it is said")
    assert fit.marks == []
    fit.tell("stop")
    fit.join(timeout=60)


def test_commands_keep_their_order_and_their_numbers(store):
    claim = store.open_run({}, worker="me", origin="test")
    for name, value in (("pause", None), ("speed", 0.5), ("learning_rate", 1e-7), ("resume", None)):
        steer(store, claim.run_id, name, value)
    assert store.take_commands(claim.run_id) == [
        Command("pause"),
        Command("speed", 0.5),
        Command("learning_rate", 1e-7),
        Command("resume"),
    ]
