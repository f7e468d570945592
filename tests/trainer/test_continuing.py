"""Going on with runs that are over: real fits, interrupted and continued, against whole ones."""

from __future__ import annotations

import dataclasses
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.waiting import wait_until
from trainer.checkpoints import Checkpoint, Checkpoints, kept, load_weights
from trainer.config import RunConfig
from trainer.continuing import FORKABLE, fork, forkable, resume
from trainer.errors import InvalidInput, NotPossible, RunNotFound, WeightsMissing
from trainer.recorder import Recorder
from trainer.runs import Claim, Record, Run
from trainer.settings import Settings
from trainer.steering import steer
from trainer.store import Store
from trainer.training import Training, WarmModel

_WARM = WarmModel()
NOTHING = Checkpoint(epoch=0, weights=[np.zeros(1, "float32")])
# Dropout draws random numbers, adam keeps moments, and a batch of 16 leaves a rest.
DENSE = {"units": 8, "dropout": 0.3, "batch_size": 16, "metrics": ["accuracy"], "epochs": 8}


@pytest.fixture
def store(data_folder):
    opened = Store(Settings.from_environment().store_url)
    yield opened
    opened.close()


def train(store: Store, claim: Claim, warm: WarmModel = _WARM) -> Run:
    """Train a claimed run to its end, as a worker does."""
    run = store.run(claim.run_id)
    recorder = Recorder(store, claim, seconds_before=run.seconds)
    Training(RunConfig.from_dict(run.config), recorder, before=run, warm=warm).run()
    return store.run(claim.run_id)


def trained(store: Store, config: RunConfig, *, until: int | None = None) -> Run:
    """Train a run to its end, or pause it after so many epochs, stop it and train it no more."""
    claim = store.open_run(config.to_dict(), worker="me", origin="test", name="first")
    if until is None:
        return train(store, claim)
    steer(store, claim.run_id, "pause")
    for _ in range(until):
        steer(store, claim.run_id, "epoch")
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(train, store, claim)

        def is_there() -> bool:
            run = store.run(claim.run_id)
            return (run.state, run.epoch) == ("paused", until) or run.is_over

        wait_until(is_there, f"{until} epochs are done")
        store.stop(claim.run_id)
        return ended.result(timeout=120)


def resumed(store: Store, run: Run, *, warm: WarmModel = _WARM, **choices) -> Run:
    claim = resume(store, run.run_id, worker="me again", **choices)
    assert claim is not None
    return train(store, claim, warm)


def epochs_of(store: Store, run: Run) -> list[int]:
    _, records = store.updates(run.run_id)
    return [record.epoch for record in records if record.kind == "epoch"]


def assert_same_weights(ours: str, theirs: str, which: str = "last") -> None:
    mine, its = load_weights(ours, which), load_weights(theirs, which)
    assert mine.epoch == its.epoch
    for one, other in zip(mine.arrays, its.arrays, strict=True):
        np.testing.assert_array_equal(one, other)


# Each of what a training has to be told when it goes on is in one of them: a network of its own
# takes longer to build than to train.
CASES = {
    "batch normalisation, dropout and a schedule": {
        **DENSE,
        "layers": "dense(8) batch_norm dropout(0.2)",
        "schedule": "cosine",
        "warmup_epochs": 2,
    },
    "momentum-free, with dropout": {**DENSE, "optimizer": "sgd"},
    "moments, in XLA, with early stopping": {
        **DENSE,
        "dropout": 0.0,
        "epochs": 12,
        "early_stopping": "val_loss",
        "patience": 3,
    },
}


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_run_equals_one_that_nobody_interrupted(store, case):
    config = RunConfig.create("iris", **CASES[case])
    whole = trained(store, config)
    for warm in (_WARM, WarmModel()):  # another process builds and compiles the network anew
        stopped = trained(store, config, until=3)
        assert (stopped.state, stopped.epoch) == ("stopped", 3)
        run = resumed(store, stopped, warm=warm)
        assert (run.state, run.epoch, run.attempt) == (whole.state, whole.epoch, 2)
        assert run.message == whole.message
        # To the last bit, on the same machine.
        assert store.history(run.run_id) == store.history(whole.run_id)
        assert_same_weights(run.run_id, whole.run_id)
        assert_same_weights(run.run_id, whole.run_id, "best")
        assert epochs_of(store, run) == list(range(whole.epoch))
        evaluated = store.evaluations(run.run_id, limit=100)
        assert [(e.attempt, e.epoch) for e in evaluated.shown] == [
            (1 if epoch < 3 else 2, epoch) for epoch in range(whole.epoch)
        ]
        assert run.seconds > stopped.seconds


def test_a_learning_rate_that_somebody_set_outlives_an_interruption(store):
    config = RunConfig.create("iris", **DENSE)
    claim = store.open_run(config.to_dict(), worker="me", origin="test")
    steer(store, claim.run_id, "learning_rate", 1e-30)
    steer(store, claim.run_id, "pause")
    steer(store, claim.run_id, "epoch")
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(train, store, claim)
        wait_until(lambda: store.run(claim.run_id).epoch == 1, "an epoch is done")
        store.stop(claim.run_id)
        run = resumed(store, ended.result(timeout=120))
    assert run.state == "finished"
    assert run.learning_rate == pytest.approx(1e-30)
    losses = store.history(run.run_id)["val_loss"]
    assert losses == [losses[0]] * 8
    assert len(store.learning_rates(run.run_id)) == 1


def test_more_epochs_after_the_end_equal_a_run_that_had_them_from_the_beginning(store):
    config = RunConfig.create("iris", **DENSE)
    whole = trained(store, config)
    short = trained(store, dataclasses.replace(config, epochs=5))
    assert short.state == "finished"
    run = resumed(store, short, epochs=8)
    assert (run.state, run.epoch, run.epochs, run.config["epochs"]) == ("finished", 8, 8, 8)
    assert store.history(run.run_id) == store.history(whole.run_id)
    assert_same_weights(run.run_id, whole.run_id)


def test_more_epochs_after_an_early_end_have_their_patience_again(store):
    stop = {"early_stopping": "val_loss", "patience": 1, "min_delta": 10.0, "epochs": 6}
    config = RunConfig.create("iris", **{**DENSE, **stop})
    early = trained(store, config)
    assert (early.state, early.epoch) == ("finished", 2)
    run = resumed(store, early)
    assert (run.state, run.epoch) == ("finished", 3)
    assert "Stopped early after epoch 3" in run.message


def test_every_nth_epoch_can_be_gone_on_from(store):
    config = RunConfig.create("iris", **{**DENSE, "checkpoint_every": 3})
    run = trained(store, config)
    assert {2, 5, 7} <= set(kept(run.run_id).epochs)


def test_a_damaged_checkpoint_costs_an_epoch_and_is_told(store, data_folder):
    config = RunConfig.create("iris", **{**DENSE, "checkpoint_every": 1})
    whole = trained(store, config)
    stopped = trained(store, config, until=4)
    for file in (data_folder / "checkpoints" / stopped.run_id).glob("*000003.npz"):
        os.truncate(file, 100)
    run = resumed(store, stopped)
    sentence = (
        "The checkpoint after epoch 4 was damaged: the training went on from the one after epoch 3."
    )
    assert (run.state, run.message) == ("finished", sentence)
    assert store.history(run.run_id) == store.history(whole.run_id)
    assert epochs_of(store, run) == list(range(8))
    shown = store.evaluations(run.run_id, limit=100).shown
    assert [(e.attempt, e.epoch) for e in shown] == [(1, 0), (1, 1), (1, 2)] + [
        (2, epoch) for epoch in range(3, 8)
    ]


def test_without_any_checkpoint_a_run_begins_anew_in_place_of_what_it_was(store, data_folder):
    config = RunConfig.create("iris", **DENSE)
    whole = trained(store, config)
    stopped = trained(store, config, until=2)
    Checkpoints(stopped.run_id).begin_after(-1)
    run = resumed(store, stopped)
    assert run.message == "There was no checkpoint to go on from: the training began anew."
    assert store.history(run.run_id) == store.history(whole.run_id)
    assert epochs_of(store, run) == list(range(8))


def test_of_two_who_recover_a_run_at_once_one_wins(store):
    others = [Store(store.url) for _ in range(4)]
    for _ in range(5):
        claim = store.open_run(RunConfig.create("iris").to_dict(), worker="me", origin="test")
        store.write(claim, state="training")
        store.interrupt(store.run(claim.run_id), "gone")
        start = threading.Barrier(len(others))

        def recover(other: Store, run_id=claim.run_id, start=start) -> Claim | str | None:
            start.wait()
            try:
                return resume(other, run_id, worker="me")
            except NotPossible as error:
                return str(error)

        with ThreadPoolExecutor(len(others)) as pool:
            answers = list(pool.map(recover, others))
        assert answers.count(Claim(claim.run_id, 2)) == 1
        assert answers.count("The run must be over for that. It is starting.") == 3
    for other in others:
        other.close()


def test_a_run_that_is_queued_again_waits_behind_those_that_wait(store):
    first, second = (store.create_run(RunConfig.create("iris").to_dict()) for _ in range(2))
    store.stop(first)
    assert resume(store, first) is None
    run = store.run(first)
    assert (run.state, run.ended_at, store.queue_place(run)) == ("queued", None, 2)
    assert [store.claim_next("me", slots=9).run_id for _ in range(2)] == [second, first]
    assert store.run(first).attempt == 1


# -- what cannot go on ----------------------------------------------------------------------------


def over(store: Store, state: str, *, epoch: int = 8, **choices) -> str:
    config = RunConfig.create("iris", **{**DENSE, **choices})
    claim = store.open_run(config.to_dict(), worker="me", origin="test")
    store.write(claim, state=state, epoch=epoch)
    return claim.run_id


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("training", "The run must be over for that. It is training."),
        ("finished", "The run has had all its 8 epochs; give it more."),
        ("diverged", "smaller learning rate"),
    ],
)
def test_a_run_that_cannot_go_on_says_why(store, state, sentence):
    run_id = over(store, state)
    with pytest.raises(NotPossible, match=sentence):
        resume(store, run_id, epochs=None if state != "training" else 9)
    assert store.run(run_id).state == state


def test_somebody_s_own_fit_cannot_go_on_or_be_forked(store):
    claim = store.open_run({"model": "mine"}, worker="me", origin="callback")
    store.write(claim, state="finished")
    with pytest.raises(NotPossible, match="somebody's own"):
        resume(store, claim.run_id, epochs=5)
    with pytest.raises(NotPossible, match="somebody's own"):
        fork(store, claim.run_id, {"learning_rate": 0.1})
    with pytest.raises(RunNotFound):
        fork(store, "nonsense", {"learning_rate": 0.1})


@pytest.mark.parametrize("epochs", [0, 8, 100_001, True, 9.5, "9"])
def test_a_number_of_epochs_that_makes_no_sense_is_refused(store, epochs):
    run_id = over(store, "finished")
    with pytest.raises(InvalidInput, match="epochs must be an integer from 9 to 100000. Got"):
        resume(store, run_id, epochs=epochs)


# -- forks ----------------------------------------------------------------------------------------


def forked(store: Store, run: Run, change: dict, **choices) -> Run:
    claim = fork(store, run.run_id, change, worker="me too", **choices)
    return train(store, claim)


def test_a_fork_goes_on_from_any_checkpoint_and_names_its_parent(store):
    run = trained(store, RunConfig.create("iris", **{**DENSE, "checkpoint_every": 3}))
    before = store.history(run.run_id)
    for epoch in (2, 5, 7):
        one = forked(store, run, {"learning_rate": 0.1}, epoch=epoch)
        assert one.state == "finished"
        parent = (run.run_id, "first", epoch, "learning_rate", run.config["learning_rate"], 0.1)
        assert one.parent == parent
        assert epochs_of(store, one) == list(range(epoch + 1, 8 if epoch < 7 else 16))
        assert one.name == "first, learning rate 0.1"
        assert one.config == {**run.config, "learning_rate": 0.1, "epochs": one.epochs}
    assert store.history(run.run_id) == before


def test_a_fork_with_nothing_but_more_weight_on_old_ways_would_be_its_parent(store):
    # A learning rate changed by less than a float can tell changes nothing but the set-up.
    run = trained(store, RunConfig.create("iris", **{**DENSE, "checkpoint_every": 3}))
    rate = run.config["learning_rate"]
    one = forked(store, run, {"learning_rate": rate * (1 + 1e-12)}, epoch=2)
    whole = store.history(run.run_id)
    assert store.history(one.run_id) == {name: values[3:] for name, values in whole.items()}
    assert_same_weights(one.run_id, run.run_id)


def test_a_fork_of_a_learning_rate_is_told_from_what_it_was_at_that_epoch(store):
    run = trained(store, RunConfig.create("iris", **{**DENSE, "checkpoint_every": 1}))
    set_up = run.config["learning_rate"]
    record = Record(kind="learning_rate", epoch=5, data={"learning_rate": 0.25})
    claim = store.reopen(run, worker="me")
    store.write(claim, first_seq=1, records=[record], state="finished")
    for epoch, before, after in ((4, set_up, 0.25), (5, 0.25, set_up)):
        one = forked(store, run, {"learning_rate": after}, epoch=epoch)
        assert (one.parent.before, one.parent.after) == (before, after)
        with pytest.raises(InvalidInput, match="must be another one than in the run"):
            fork(store, run.run_id, {"learning_rate": before}, epoch=epoch)


def test_a_fork_of_a_fork_is_told_from_the_rate_that_its_parent_began_with(store):
    choices = RunConfig.create("iris", **{**DENSE, "checkpoint_every": 1})
    claim = store.open_run(choices.to_dict(), worker="me", origin="test")
    steer(store, claim.run_id, "learning_rate", 0.25)
    assert Training(choices, Recorder(store, claim)).run() == "finished"
    run = store.run(claim.run_id)
    one = forked(store, run, {"batch_size": 40}, epoch=3)
    assert store.learning_rates(one.run_id) == []

    other = forked(store, one, {"learning_rate": run.config["learning_rate"]})

    assert (other.parent.before, other.parent.after) == (0.25, run.config["learning_rate"])
    with pytest.raises(InvalidInput, match="must be another one than in the run"):
        fork(store, one.run_id, {"learning_rate": 0.25})


CHANGES = [
    {"batch_size": 40},
    {"dropout": 0.0},
    {"loss": "categorical_focal_crossentropy"},
    {"optimizer": "sgd"},
    {"schedule": "cosine"},
]


def test_any_one_choice_that_leaves_the_network_s_shape_can_be_changed(store):
    run = trained(store, RunConfig.create("iris", **{**DENSE, "epochs": 3}))
    first = {}
    for change in CHANGES:
        one = forked(store, run, change, epochs=5)
        assert (one.state, one.epoch) == ("finished", 5), one.message
        assert {one.parent.parameter: one.parent.after} == change
        first[next(iter(change))] = store.history(one.run_id)["loss"][0]
    assert {*first} <= {*FORKABLE}
    assert len({*first.values()}) == len(first)


@pytest.mark.parametrize(
    "change",
    [{}, {"learning_rate": 0.1, "l2": 0.1}, {"units": 9}, {"seed": 1}, {"dataset": "wine"}],
)
def test_a_fork_changes_exactly_one_choice_of_those_it_may(store, change):
    run_id = over(store, "finished")
    Checkpoints(run_id).save(dataclasses.replace(NOTHING, epoch=7))
    with pytest.raises(InvalidInput, match="^change must be"):
        fork(store, run_id, change)
    assert len(store.runs()) == 1


def test_a_fork_must_differ_and_make_sense(store):
    run_id = over(store, "finished", checkpoint_every=2)
    with pytest.raises(NotPossible, match="The run has no checkpoint to go on from."):
        fork(store, run_id, {"l2": 0.1})
    for epoch in (5, 7):
        Checkpoints(run_id).save(dataclasses.replace(NOTHING, epoch=epoch))
    with pytest.raises(InvalidInput, match="l2 must be another one than in the run. Got 0."):
        fork(store, run_id, {"l2": 0})
    with pytest.raises(InvalidInput, match="learning_rate must be a positive number"):
        fork(store, run_id, {"learning_rate": -1})
    with pytest.raises(InvalidInput, match="epoch must be one of the kept checkpoints: 6, 8. Got"):
        fork(store, run_id, {"l2": 0.1}, epoch=6)
    with pytest.raises(InvalidInput, match="epochs must be an integer from 9"):
        fork(store, run_id, {"l2": 0.1}, epochs=8)
    assert len(store.runs()) == 1


def test_a_fork_from_a_damaged_checkpoint_is_refused_and_leaves_nothing(store, data_folder):
    run_id = over(store, "finished")
    Checkpoints(run_id).save(dataclasses.replace(NOTHING, epoch=7))
    os.truncate(data_folder / "checkpoints" / run_id / "000007.npz", 50)
    with pytest.raises(WeightsMissing, match="cannot be read"):
        fork(store, run_id, {"l2": 0.1})
    assert [path.name for path in (data_folder / "checkpoints").iterdir()] == [run_id]


def test_a_fork_whose_checkpoint_is_gone_has_failed_and_never_trains_anything_else(store):
    run_id = over(store, "finished")
    Checkpoints(run_id).save(dataclasses.replace(NOTHING, epoch=7))
    claim = fork(store, run_id, {"l2": 0.1}, worker="me")
    Checkpoints(claim.run_id).begin_after(-1)
    one = train(store, claim)
    assert (one.state, one.epoch) == ("failed", 0)
    assert one.message == "The checkpoint that this fork goes on from is not there."


def test_a_checkpoint_of_another_network_is_a_failure_in_a_sentence(store):
    run_id = over(store, "finished")
    Checkpoints(run_id).save(dataclasses.replace(NOTHING, epoch=7))
    one = train(store, fork(store, run_id, {"l2": 0.1}, worker="me"))
    assert (one.state, one.message) == (
        "failed",
        "The checkpoint of this run fits another network.",
    )


def test_what_says_nothing_cannot_be_forked():
    plain = RunConfig.create("iris")
    assert {"patience", "decay_rate"}.isdisjoint(forkable(plain))
    stack = RunConfig.create("iris", layers="dense(4)", schedule="step", early_stopping="loss")
    assert "dropout" not in forkable(stack)
    assert {"patience", "decay_rate"} <= {*forkable(stack)}
    assert "class_weight" not in forkable(RunConfig.create("line"))


def test_a_fork_outlives_its_parent_and_can_itself_be_resumed(store):
    run = trained(store, RunConfig.create("iris", **DENSE))
    one = forked(store, run, {"learning_rate": 0.1}, epochs=10)
    Checkpoints(run.run_id).begin_after(-1)
    more = resumed(store, one, epochs=12)
    assert (more.state, more.epoch) == ("finished", 12)
    assert epochs_of(store, more) == [8, 9, 10, 11]
    assert more.parent == one.parent
