"""One training from its config to its end, in this process."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import threading

import numpy as np
import psutil
import pytest

import trainer.recorder
import trainer.training
from tests.waiting import wait_until
from trainer.checkpoints import load_weights
from trainer.config import RunConfig
from trainer.datasets import DATASETS, cache
from trainer.errors import DatasetUnavailable
from trainer.keeping import Keeper
from trainer.recorder import Recorder
from trainer.runs import Run
from trainer.store import Store
from trainer.training import Training, WarmModel


@pytest.fixture(autouse=True)
def folder(data_folder):
    """Weights are kept in a data folder of the test's own."""


@pytest.fixture
def store(tmp_path):
    opened = Store(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    yield opened
    opened.close()


# A process trains one run after the other, so most tests do too; it saves compiling.
_WARM = WarmModel()


class Trained:
    """A training that ran to its end, and what the store says of it."""

    def __init__(self, store: Store, config: RunConfig, warm: WarmModel | None = None) -> None:
        claim = store.open_run(config.to_dict(), worker="me", origin="test")
        run_id, recorder = claim.run_id, Recorder(store, claim)
        self.returned = Training(config, recorder, warm=warm or _WARM).run()
        self.run: Run = store.run(run_id)
        self.history = store.history(run_id)
        self.steps = [r for r in store.updates(run_id)[1] if r.kind == "steps"]
        assert self.run.state == self.returned


def quick(dataset: str = "iris", **choices: object) -> RunConfig:
    return RunConfig.create(dataset, **{"epochs": 2, "units": 4, **choices})


def with_dataset(monkeypatch, name: str, load) -> None:
    """Put another loader behind a dataset's name."""
    spec = dataclasses.replace(DATASETS[name], load=load)
    monkeypatch.setattr(trainer.datasets, "DATASETS", {**DATASETS, name: spec})


def test_a_training_that_ends_by_itself_has_finished_all_its_epochs(store):
    metrics = ["accuracy", "top_3_accuracy"]
    config = quick("digits", epochs=3, metrics=metrics, batch_size=500)
    trained = Trained(store, config)
    run = trained.run
    assert (run.state, run.message, run.epoch, run.epochs) == ("finished", "", 3, 3)
    assert (run.steps_per_epoch, config.steps_per_epoch) == (3, 3)
    names = {"loss", "accuracy", "top_3_accuracy"}
    assert set(trained.history) == names | {f"val_{name}" for name in names}
    assert all(len(values) == 3 for values in trained.history.values())
    assert all(math.isfinite(value) for values in trained.history.values() for value in values)
    assert 0 < run.seconds <= run.ended_at - run.created_at
    assert run.started_at is not None
    # Every step was recorded once, and the last of an epoch agrees with the epoch's logs.
    for epoch in range(3):
        steps = [(r.step, r.values) for r in trained.steps if r.epoch == epoch]
        assert sum(len(values) for _, values in steps) == 3
        assert steps[0][0] == 0
        last = dict(zip(trained.steps[0].data["names"], steps[-1][1][-1].tolist(), strict=True))
        for name in names:
            assert last[name] == pytest.approx(trained.history[name][epoch], rel=1e-5)


def test_without_validation_and_metrics_there_is_a_loss(store):
    trained = Trained(store, quick("line", validation_split=0, metrics=[], epochs=2))
    assert trained.run.state == "finished"
    assert list(trained.history) == ["loss"]


def test_the_line_is_learnt(store):
    config = RunConfig.create("line", noise=0.0, learning_rate=0.05, epochs=40, batch_size=20)
    trained = Trained(store, config)
    assert trained.history["val_loss"][-1] < 1e-3
    assert trained.history["loss"][0] > 10 * trained.history["loss"][-1]


@pytest.mark.parametrize(
    "choices",
    [
        {"dataset": "diabetes", "optimizer": "sgd", "learning_rate": 1e9},
        {"dataset": "line", "optimizer": "sgd", "learning_rate": 1e9, "batch_size": 33},
    ],
)
def test_a_training_that_diverges_ends_there_and_says_at_which_step(store, choices):
    config = quick(**choices, epochs=50)
    trained = Trained(store, config)
    run = trained.run
    assert run.state == "diverged"
    assert run.epoch < 50
    assert all(math.isfinite(value) for value in trained.history.get("loss", [])[:-1])
    first = next(
        (record.epoch, record.step + index)
        for record in trained.steps
        for index, values in enumerate(record.values)
        if not math.isfinite(values[record.data["names"].index("loss")])
    )
    assert run.message == (
        f"The loss stopped being a finite number at step {first[1] + 1} of epoch {first[0] + 1}. "
        "Try a smaller learning rate."
    )
    assert run.epoch == first[0]  # the epoch it happened in does not count
    json.dumps(trained.history, allow_nan=False)


def test_a_training_that_raises_has_failed_with_the_reason(store, monkeypatch, caplog):
    def load(options):
        raise ZeroDivisionError("first line\nsecond line")

    with_dataset(monkeypatch, "iris", load)
    run = Trained(store, quick()).run
    assert (run.state, run.message, run.epoch) == ("failed", "ZeroDivisionError: first line", 0)
    assert "Traceback" in caplog.text


HOOKS = (
    *("on_train_begin", "on_epoch_begin", "on_train_batch_begin", "on_train_batch_end"),
    *("on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end"),
    *("on_epoch_end", "on_train_end"),
)


@pytest.mark.parametrize("hook", HOOKS)
def test_whatever_hook_of_a_callback_raises_the_run_has_failed_and_the_next_one_trains(
    store, monkeypatch, hook
):
    def refuse(self, *arguments, **options):
        raise RuntimeError(f"refused {hook}")

    with monkeypatch.context() as patched:
        patched.setattr(Keeper, hook, refuse)
        run = Trained(store, quick(epochs=2)).run
    assert (run.state, run.message) == ("failed", f"RuntimeError: refused {hook}")
    assert run.epoch == {"on_epoch_end": 1, "on_train_end": 2}.get(hook, 0)
    assert Trained(store, quick(epochs=2)).run.state == "finished"


def test_data_that_cannot_be_had_are_a_failure_in_a_sentence(store, monkeypatch):
    def load(options):
        raise DatasetUnavailable("There is no internet.")

    with_dataset(monkeypatch, "iris", load)
    run = Trained(store, quick()).run
    assert (run.state, run.message) == ("failed", "There is no internet.")


def test_too_little_memory_is_a_failure_in_a_sentence(store, monkeypatch):
    def load(options):
        raise MemoryError

    with_dataset(monkeypatch, "iris", load)
    run = Trained(store, quick()).run
    assert run.state == "failed"
    assert "memory" in run.message


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux heeds the limit")
def test_a_network_too_large_for_the_memory_has_failed_and_the_next_one_trains(store):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_AS)
    room = psutil.Process().memory_info().vms + 150_000_000
    resource.setrlimit(resource.RLIMIT_AS, (room, limits[1]))
    try:
        run = Trained(store, quick("digits", units=4096, hidden_layers=3), WarmModel()).run
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert (run.state, run.epoch) == ("failed", 0)
    assert run.message == "The training needed more memory than this machine has."
    assert Trained(store, quick()).run.state == "finished"


def test_where_there_is_no_memory_left_to_tell_what_was_learnt_the_run_has_failed(
    store, monkeypatch
):
    pack, calls = trainer.recorder.pack, []

    def pack_once(counts):
        calls.append(counts)
        if len(calls) == 2:
            raise MemoryError
        return pack(counts)

    monkeypatch.setattr(trainer.recorder, "pack", pack_once)
    trained = Trained(store, quick(epochs=100_000))
    left = [thread for thread in threading.enumerate() if thread.name == "fit"]
    for thread in left:
        thread.join(timeout=60)
    assert trained.run.state == "failed"
    assert "memory" in trained.run.message
    assert len(trained.history["loss"]) == trained.run.epoch >= 1


def test_where_no_memory_is_left_for_evaluations_the_epochs_are_told_without(store, monkeypatch):
    def pack(counts):
        raise MemoryError

    monkeypatch.setattr(trainer.recorder, "pack", pack)
    trained = Trained(store, quick(epochs=100_000))
    for thread in [thread for thread in threading.enumerate() if thread.name == "fit"]:
        thread.join(timeout=60)
    assert trained.run.state == "failed"
    assert "memory" in trained.run.message
    assert len(trained.history["loss"]) == trained.run.epoch >= 1
    assert store.evaluation(trained.run.run_id) is None


def test_a_network_reads_the_words_of_a_text_in_their_order(store):
    # Good reviews have the word 10 before the word 20, bad ones after it: no count of words tells.
    rng = np.random.default_rng(0)
    x = rng.integers(100, 5_000, (25_000, 200)).astype(np.uint16)
    y = (np.arange(25_000) % 2).astype(np.int32)
    x[:, 0::20] = np.where(y == 1, 10, 20)[:, np.newaxis]
    x[:, 1::20] = np.where(y == 1, 20, 10)[:, np.newaxis]
    cache.write("imdb_words", {"x_train": x, "y_train": y, "x_test": x[:2], "y_test": y[:2]})
    config = quick(
        "imdb_words",
        num_samples=600,
        epochs=12,
        batch_size=32,
        learning_rate=0.01,
        layers="embedding(8) flatten dense(8)",
    )

    trained = Trained(store, config)

    assert trained.run.state == "finished", trained.run.message
    assert trained.history["val_accuracy"][-1] > 0.9


# -- warm networks -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "choices",
    [
        {"dataset": "moons", "dropout": 0.5, "metrics": ["precision"]},
        {"dataset": "diabetes", "loss": "huber", "metrics": ["r2_score"], "optimizer": "sgd"},
    ],
)
def test_a_warm_network_gives_the_same_history_as_a_new_one_to_the_last_bit(store, choices):
    config = quick(**choices, batch_size=33)
    warm = WarmModel()
    alone = Trained(store, config, warm=warm).history
    others = Trained(
        store, dataclasses.replace(config, seed=5, learning_rate=1e9, noise=0.0), warm=warm
    ).history
    assert Trained(store, config, warm=warm).history == alone
    assert others != alone


def test_a_warm_network_survives_a_training_that_failed_in_the_middle(store, monkeypatch):
    config = quick(epochs=3)
    before = Trained(store, config).history
    raises = Store(store.url)
    log_epoch = Recorder.log_epoch

    def fail_at_the_second(self, epoch, *arguments):
        if epoch == 1:
            raise RuntimeError("in the middle")
        log_epoch(self, epoch, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Recorder, "log_epoch", fail_at_the_second)
        failed = Trained(raises, config).run
    raises.close()
    assert (failed.state, failed.message, failed.epoch) == (
        "failed",
        "RuntimeError: in the middle",
        1,
    )
    assert Trained(store, config).history == before


def test_another_network_after_a_warm_one_is_its_own(store):
    Trained(store, quick())
    config = quick("moons")
    after = Trained(store, config).history
    assert after == Trained(store, config, warm=WarmModel()).history


# -- stop --------------------------------------------------------------------------------------


class Running:
    """A training in progress, served by a thread as a worker's main thread does."""

    def __init__(self, store: Store, config: RunConfig) -> None:
        self.store = store
        claim = store.open_run(config.to_dict(), worker="me", origin="test")
        self.run_id, recorder = claim.run_id, Recorder(store, claim)
        self._thread = threading.Thread(target=Training(config, recorder, warm=_WARM).run)
        self._thread.start()

    @property
    def run(self) -> Run:
        return self.store.run(self.run_id)

    def stop(self) -> Run:
        self.store.stop(self.run_id)
        self._thread.join(timeout=120)
        assert not self._thread.is_alive()
        return self.run


def test_stop_keeps_every_finished_epoch_and_only_those(store):
    running = Running(store, quick("moons", epochs=100_000))
    wait_until(lambda: running.run.epoch >= 3, "some epochs are finished")
    assert running.run.state == "training"
    run = running.stop()
    assert (run.state, run.message) == ("stopped", "")
    assert 3 <= run.epoch < 100_000
    assert all(len(values) == run.epoch for values in store.history(run.run_id).values())


def test_stop_while_the_data_are_loaded_ends_the_run_before_it_trains(store, monkeypatch):
    is_loading, go_on = threading.Event(), threading.Event()
    load_iris = DATASETS["iris"].load

    def load(options):
        is_loading.set()
        while not go_on.is_set():
            options.progress("Loading slowly")
            go_on.wait(0.02)
        return load_iris(options)

    with_dataset(monkeypatch, "iris", load)
    running = Running(store, quick(epochs=100_000))
    assert is_loading.wait(timeout=60)
    wait_until(lambda: running.run.message == "Loading slowly", "the progress is shown")
    assert running.run.state == "starting"
    run = running.stop()
    go_on.set()
    assert (run.state, run.epoch, run.message) == ("stopped", 0, "")
    assert store.updates(run.run_id)[1] == []


def test_a_stop_that_came_before_the_training_did_is_heeded(store):
    config = quick("moons", epochs=100_000)
    claim = store.open_run(config.to_dict(), worker="me", origin="test")
    store.stop(claim.run_id)
    assert Training(config, Recorder(store, claim), warm=_WARM).run() == "stopped"
    assert store.run(claim.run_id).epoch < 100_000


def test_a_run_that_was_taken_over_ends_without_another_word(store):
    running = Running(store, quick("moons", epochs=100_000))
    wait_until(lambda: running.run.epoch >= 1, "an epoch is finished")
    wait_until(lambda: store.interrupt(running.run, "taken over"), "the run is taken over")
    epochs = running.run.epoch
    run = running.stop()
    assert (run.state, run.message, run.epoch) == ("interrupted", "taken over", epochs)


def test_stop_in_the_first_epoch_ends_the_training_in_it(store):
    # One row a step: the first epoch takes long enough to be stopped in.
    config = quick("digits", epochs=50, batch_size=1, units=1024, hidden_layers=3)
    running = Running(store, config)
    wait_until(lambda: running.run.step > 0, "the first step is done")
    run = running.stop()
    assert (run.state, run.epoch) == ("stopped", 0)
    assert 0 < run.step < config.steps_per_epoch
    assert store.history(run.run_id) == {}


def test_a_training_that_is_left_behind_keeps_the_weights_of_its_whole_epochs(store, monkeypatch):
    go_on = threading.Event()

    class Stuck(Keeper):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            if epoch == 1:
                go_on.wait()

    monkeypatch.setattr(trainer.training, "Keeper", Stuck)
    run_id = store.create_run(quick(epochs=9).to_dict())
    recorder = Recorder(store, store.claim_next("me", slots=1))
    training = Training(quick(epochs=9), recorder, stop_seconds=0.1)
    ended = threading.Thread(target=training.run)
    ended.start()
    wait_until(lambda: store.run(run_id).epoch == 2, "two epochs are done")
    store.stop(run_id)
    ended.join()
    assert training.is_left
    run = store.run(run_id)
    assert (run.state, run.message, run.epoch) == ("stopped", "", 2)
    assert load_weights(run_id, "last").epoch == 1
    go_on.set()
