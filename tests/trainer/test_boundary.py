"""Decision boundaries within real trainings: what the network says, and how often it is asked."""

from __future__ import annotations

import threading

import keras
import numpy as np
import pytest

from tests.waiting import wait_until
from trainer.boundary import BoundaryScores
from trainer.callback import LiveCallback
from trainer.checkpoints import load_weights
from trainer.config import RunConfig
from trainer.datasets import LoadOptions, load
from trainer.evaluation.surface import Grid, unpack
from trainer.feeding import FedModel
from trainer.models import build, shaped_targets
from trainer.pace import Pace
from trainer.recorder import Recorder
from trainer.settings import Settings
from trainer.store import Store
from trainer.training import Training, WarmModel

HALF_A_LEVEL = 0.5 / 254 + 1e-6


@pytest.fixture
def store(data_folder):
    opened = Store(Settings.from_environment().store_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def warm() -> WarmModel:
    return WarmModel()


class Clock:
    """Shows the seconds that somebody has set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def grid_of(config: RunConfig) -> Grid:
    arrays = load(config.dataset, LoadOptions(noise=config.noise, seed=config.seed))
    grid = Grid.over(config.spec, config.split(arrays))
    assert grid is not None
    return grid


def network(config: RunConfig) -> tuple[FedModel, keras.utils.Sequence]:
    """Return the network of a config with the orders of its rows, as a training prepares them."""
    arrays = load(config.dataset, LoadOptions(noise=config.noise, seed=config.seed))
    parts = config.split(arrays)
    keras.utils.set_random_seed(config.seed)
    model = build(config)
    orders = model.feed(
        parts.x_train,
        shaped_targets(parts.y_train, config.spec.task),
        batch_size=config.batch_size,
        seed=config.seed,
        num_logs=1 + len(config.metrics),
    )
    return model, orders


def opened(store: Store, config: RunConfig) -> Recorder:
    return Recorder(store, store.open_run(config.to_dict(), worker="me", origin="dashboard"))


def train(store: Store, config: RunConfig, warm: WarmModel | None = None) -> str:
    """Train as a worker does, and return the run's id."""
    recorder = opened(store, config)
    Training(config, recorder, warm=warm).run()
    return recorder.claim.run_id


@pytest.mark.parametrize("dataset", ["moons", "line"])
def test_each_surface_is_what_the_network_predicts_on_the_grid_after_that_epoch(store, dataset):
    config = RunConfig.create(dataset, epochs=6, hidden_layers=2, dropout=0.3, units=8)
    grid = grid_of(config)
    model, orders = network(config)
    boundary = BoundaryScores(model, grid, pace=Pace(share=1.0, head_start=60))
    predicted = []

    class Predicting(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            predicted.append(self.model.predict(grid.points(), verbose=0)[:, 0])

    recorder = opened(store, config)
    model.fit(
        orders,
        epochs=6,
        steps_per_epoch=1,
        callbacks=[LiveCallback(recorder=recorder, boundary=boundary), Predicting()],
        verbose=0,
        shuffle=False,
    )
    recorder.end("finished")

    found = store.boundaries(recorder.claim.run_id, limit=10)
    assert [one.epoch for one in found] == list(range(6))
    for one in found:
        shown = unpack(one.surface).ravel()
        tolerance = 1e-5 if dataset == "line" else HALF_A_LEVEL
        np.testing.assert_allclose(shown, predicted[one.epoch], atol=tolerance)
    assert not np.array_equal(unpack(found[0].surface), unpack(found[-1].surface))


def test_a_training_has_one_after_its_last_epoch_and_the_same_history_as_without(store, warm):
    config = RunConfig.create("circles", epochs=12, units=8)
    run_id = train(store, config, warm)
    again = train(store, config, warm)
    newest = store.boundary(run_id)
    assert newest.epoch == 11
    model = build(config)
    model.set_weights(load_weights(run_id, "last").arrays)
    expected = model.predict(grid_of(config).points(), verbose=0)[:, 0]
    np.testing.assert_allclose(unpack(newest.surface).ravel(), expected, atol=HALF_A_LEVEL)
    assert store.history(run_id) == store.history(again)
    # The warm network is asked for another run's surfaces just as well.
    assert store.boundary(again).epoch == 11
    assert store.boundary(again).surface.data == newest.surface.data


def test_a_training_that_is_stopped_has_one_after_its_last_whole_epoch(store, warm):
    config = RunConfig.create("circles", epochs=100_000, units=8)
    recorder = opened(store, config)
    run_id = recorder.claim.run_id
    training = Training(config, recorder, warm=warm)
    thread = threading.Thread(target=training.run)
    thread.start()
    wait_until(lambda: store.run(run_id).epoch >= 3, "some epochs are finished")
    store.stop(run_id)
    thread.join()
    run, newest = store.run(run_id), store.boundary(run_id)
    assert run.state == "stopped"
    assert newest.epoch == run.epoch - 1
    model = build(config)
    model.set_weights(load_weights(run_id, "last").arrays)
    expected = model.predict(grid_of(config).points(), verbose=0)[:, 0]
    np.testing.assert_allclose(unpack(newest.surface).ravel(), expected, atol=HALF_A_LEVEL)


def test_data_without_a_picture_have_no_boundary(store):
    run_id = train(store, RunConfig.create("iris", epochs=1))
    assert store.run(run_id).state == "finished"
    assert store.boundary(run_id) is None
    for config in (RunConfig.create("digits"), RunConfig.create("diabetes")):
        assert Grid.over(config.spec, config.split(load(config.dataset))) is None


def test_a_network_that_diverged_says_no_number_anywhere(store):
    config = RunConfig.create(
        "line", optimizer="sgd", learning_rate=1e30, epochs=3, batch_size=128, metrics=[]
    )
    run_id = train(store, config)
    assert store.run(run_id).state == "diverged"
    for one in store.boundaries(run_id, limit=5):
        assert unpack(one.surface).shape == (101,)


class Slow(FedModel):
    """A network that takes its time for each row it is asked about, by the test's clock."""

    seconds_per_row = 0.0
    clock: Clock

    def output_of(self, rows):
        self.clock.now += len(rows) * self.seconds_per_row
        return super().output_of(rows)


@pytest.mark.parametrize("seconds", [0.0001, 0.004, 0.3, 30.0])
def test_all_surfaces_together_take_no_more_than_their_share_of_the_time(seconds):
    """`seconds` is what one of them takes; an epoch takes 0.02 s, and there are 5,000 of them."""
    inputs = keras.Input((2,))
    model = Slow(inputs, keras.layers.Dense(1, activation="sigmoid")(inputs))
    clock = Clock()
    object.__setattr__(model, "clock", clock)
    grid = Grid(kind="score", low=(0.0, 0.0), high=(1.0, 1.0), size=50)
    boundary = BoundaryScores(model, grid, pace=Pace(share=0.05, clock=clock))
    model.seconds_per_row = seconds / 2500
    boundary.begin()
    epochs, spent = [], 0.0
    for epoch in range(5000):
        clock.now += 0.02
        before = clock.now
        if boundary.after_epoch(epoch, is_last=False) is not None:
            epochs.append(epoch)
        spent += clock.now - before
        # What it takes is not known before it was tried with a tenth of the points.
        assert spent <= 0.05 * clock.now + seconds / 10
    possible = min(5000, 0.05 * clock.now / seconds)
    assert len(epochs) >= 0.7 * possible - 1
    assert boundary.after_epoch(5000, is_last=True) is not None
    assert boundary.epoch == 5000
