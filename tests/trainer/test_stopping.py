"""Early stopping in a real training: when it ends it, what it keeps, and what it says."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.checkpoints import Weights, load_weights
from trainer.config import RunConfig
from trainer.recorder import Recorder
from trainer.runs import Run
from trainer.store import Store
from trainer.training import Training, WarmModel


@pytest.fixture(scope="module")
def warm() -> WarmModel:
    return WarmModel()


@pytest.fixture
def store(tmp_path):
    opened = Store(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    yield opened
    opened.close()


class Trained:
    """A training that ran to its end, with its history and weights."""

    def __init__(self, store: Store, config: RunConfig, warm: WarmModel) -> None:
        claim = store.open_run(config.to_dict(), worker="me", origin="test")
        run_id, recorder = claim.run_id, Recorder(store, claim)
        Training(config, recorder, warm=warm).run()
        self.run: Run = store.run(run_id)
        self.history = store.history(run_id)
        self.best: Weights = load_weights(run_id, "best")
        self.last: Weights = load_weights(run_id, "last")


def expected_stop(values: list[float], *, patience: int, rising: bool) -> tuple[int, int]:
    """Return the epoch (0-based) that Keras' rule stops after, and the best one."""
    best, best_epoch, wait = None, 0, 0
    for epoch, value in enumerate(values):
        wait += 1
        if best is None or (value > best if rising else value < best):
            best, best_epoch, wait = value, epoch, 0
        elif wait >= patience and epoch > 0:
            return epoch, best_epoch
    return len(values) - 1, best_epoch


def test_an_area_that_nobody_minimises_can_end_a_training_in_either_direction(store, warm):
    choices = {
        "metrics": ["area_under_line"],
        "optimizer": "sgd",
        "learning_rate": 0.05,
        "batch_size": 128,
        "epochs": 20,
    }
    free = Trained(store, RunConfig.create("line", **choices), warm)
    area = free.history["area_under_line"]
    assert area == pytest.approx(free.history["val_area_under_line"], rel=1e-5)
    for direction, rising in (("max", True), ("min", False)):
        stop = {"early_stopping": "area_under_line", "direction": direction, "patience": 2}
        stopped = Trained(store, RunConfig.create("line", **choices, **stop), warm)
        last, best = expected_stop(area, patience=2, rising=rising)
        assert stopped.run.state == "finished"
        assert stopped.history["area_under_line"] == area[: last + 1]
        assert (stopped.last.epoch, stopped.best.epoch) == (last, best)


def test_watching_the_area_changes_nothing_that_is_learnt(store, warm):
    choices = {"optimizer": "sgd", "batch_size": 128, "epochs": 5}
    watched, unwatched = (
        Trained(store, RunConfig.create("line", metrics=metrics, **choices), warm)
        for metrics in (["area_under_line"], [])
    )
    assert watched.history["loss"] == unwatched.history["loss"]
    weights, bias = watched.last.arrays
    area = float(weights[0, 0] / 2 + bias[0])
    assert watched.history["area_under_line"][-1] == pytest.approx(area, rel=1e-6)


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy", "accuracy"])
def test_a_training_stops_where_keras_would_and_keeps_what_keras_restores(store, warm, monitor):
    choices = {"noise": 0.4, "learning_rate": 0.05, "epochs": 30, "units": 8}
    free = Trained(store, RunConfig.create("moons", **choices), warm)
    stop = {"early_stopping": monitor, "patience": 3}
    stopped = Trained(store, RunConfig.create("moons", **choices, **stop), warm)
    rising = monitor.endswith("accuracy")
    last, best = expected_stop(free.history[monitor], patience=3, rising=rising)
    assert last < 29
    for name, values in free.history.items():
        assert stopped.history[name] == values[: last + 1]
    assert stopped.run.epoch == last + 1
    assert stopped.run.message == (
        f"Stopped early after epoch {last + 1}: {monitor} had not improved for 3 epochs; "
        f"the weights of epoch {best + 1} were restored."
    )
    assert (stopped.last.epoch, stopped.best.epoch) == (last, best)
    # What was kept is the network as it was after that epoch.
    again = Trained(store, RunConfig.create("moons", **{**choices, "epochs": best + 1}), warm)
    for ours, theirs in zip(stopped.best.arrays, again.last.arrays, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_restoring_the_best_epoch_stays_the_one_of_the_lowest_validation_loss(store, warm):
    choices = {"noise": 0.4, "learning_rate": 0.05, "epochs": 30, "units": 8}
    stop = {"early_stopping": "loss", "patience": 1, "min_delta": 0.01, "restore_best": False}
    stopped = Trained(store, RunConfig.create("moons", **choices, **stop), warm)
    assert stopped.run.epoch < 30
    assert stopped.best.epoch == int(np.argmin(stopped.history["val_loss"]))
    assert stopped.run.message.endswith("loss had not improved for 1 epoch.")


def test_a_training_that_goes_on_improving_is_not_stopped(store, warm):
    choices = {"noise": 0.4, "learning_rate": 0.05, "units": 8}
    stop = {"early_stopping": "val_loss", "patience": 5}
    config = RunConfig.create("moons", epochs=3, **choices, **stop)
    trained = Trained(store, config, warm)
    assert (trained.run.state, trained.run.epoch, trained.run.message) == ("finished", 3, "")
