"""A run watched epoch by epoch, from the store."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.trainer.diagnosis.curves import MOONS, scored
from trainer.diagnosis.observer import Observer, verdicts_on
from trainer.evaluation.packing import pack
from trainer.runs import Record
from trainer.settings import Settings
from trainer.store import Store

JUMPS = [1.0, 1.4] * 10


@pytest.fixture
def store(data_folder):
    store = Store(Settings.from_environment().store_url)
    yield store
    store.close()


def epochs(losses, *, first=0):
    counts = pack(scored(180, 20))
    return [
        Record(
            kind="epoch",
            epoch=first + place,
            data={"loss": loss, "val_loss": loss},
            evaluation=counts,
        )
        for place, loss in enumerate(losses)
    ]


def test_what_is_said_step_by_step_is_what_is_said_of_the_whole(store):
    claim = store.open_run(MOONS.to_dict(), worker="a worker", origin="dashboard")
    observer = Observer(store)
    said = []
    for place, record in enumerate(epochs(JUMPS)):
        store.write(claim, first_seq=place + 1, records=[record], epoch=place + 1, state="training")
        observer.take([record])
        assert not observer.is_settled
        said.append(observer.diagnose(store.run(claim.run_id)))
        assert observer.is_settled
    assert all(one == () for one in said[:7])
    assert [verdict.name for verdict in said[-1]] == ["fluctuating"]
    assert said[-1] == verdicts_on(store, claim.run_id)


def test_epochs_that_are_trained_again_count_once(store):
    claim = store.open_run(MOONS.to_dict(), worker="a worker", origin="dashboard")
    records = epochs(JUMPS)
    store.write(claim, first_seq=1, records=records, epoch=20, state="training")
    observer = Observer(store)
    run = store.run(claim.run_id)
    observer.take(records)
    assert [verdict.name for verdict in observer.diagnose(run)] == ["fluctuating"]
    observer.take(epochs([np.nan], first=4))
    assert observer.diagnose(run)[0].epochs == (4,)
    observer.take(epochs(JUMPS[4:], first=4))
    assert [verdict.name for verdict in observer.diagnose(run)] == ["fluctuating"]


def test_epochs_that_a_notebook_left_out_are_not_taken_for_a_loss_that_ran_away(store):
    claim = store.open_run({}, worker="a notebook", origin="callback")
    records = epochs(JUMPS)[::2]
    store.write(claim, first_seq=1, records=records, epoch=20, state="training")
    observer = Observer(store)
    observer.take(records)
    assert observer.diagnose(store.run(claim.run_id)) == ()
    observer.take(epochs([np.nan], first=24))
    said = observer.diagnose(store.run(claim.run_id))
    assert [(verdict.name, verdict.epochs) for verdict in said] == [("diverging", (24,))]


@pytest.mark.parametrize("name", ["loss", "val_loss"])
def test_the_epoch_in_which_a_loss_broke_is_said_also_where_the_training_went_on(store, name):
    claim = store.open_run({}, worker="a notebook", origin="callback")
    records = epochs([1.0, 0.9, 0.8])
    broken = dataclasses.replace(records[1], data={**records[1].data, name: None})
    records[1] = broken
    store.write(claim, first_seq=1, records=records, epoch=3, state="diverged")
    (said,) = verdicts_on(store, claim.run_id)
    assert said.sentence == "The loss stopped being a finite number in epoch 2."
    assert said.epochs == (1,)
