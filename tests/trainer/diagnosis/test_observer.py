"""A run watched epoch by epoch, from the store."""

from __future__ import annotations

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


class Clock:
    """Seconds that somebody sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


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
    clock = Clock()
    observer = Observer(store, clock=clock)
    said = []
    for place, record in enumerate(epochs(JUMPS)):
        store.write(claim, first_seq=place + 1, records=[record], epoch=place + 1, state="training")
        clock.now += 10
        said.append(observer.observe(store.run(claim.run_id), [record]))
    assert all(one == () for one in said[:7])
    assert [verdict.name for verdict in said[-1]] == ["fluctuating"]
    assert said[-1] == verdicts_on(store, claim.run_id)


def test_a_training_in_a_hurry_is_looked_at_now_and_then_and_in_the_end(store):
    claim = store.open_run(MOONS.to_dict(), worker="a worker", origin="dashboard")
    clock = Clock()
    observer = Observer(store, clock=clock)
    records = epochs(JUMPS)
    store.write(claim, first_seq=1, records=records[:7], epoch=7, state="training")
    assert observer.observe(store.run(claim.run_id), records[:7]) == ()
    store.write(claim, first_seq=8, records=records[7:], epoch=20, state="training")
    assert observer.observe(store.run(claim.run_id), records[7:]) == ()
    store.write(claim, first_seq=21, records=[], state="finished")
    assert len(observer.observe(store.run(claim.run_id), [])) == 1


def test_epochs_that_are_trained_again_count_once(store):
    claim = store.open_run(MOONS.to_dict(), worker="a worker", origin="dashboard")
    records = epochs(JUMPS)
    store.write(claim, first_seq=1, records=records, epoch=20, state="training")
    clock = Clock()
    observer = Observer(store, clock=clock)
    run = store.run(claim.run_id)
    assert len(observer.observe(run, records)) == 1
    clock.now += 10
    assert observer.observe(run, epochs([np.nan], first=4))[0].epochs == (4,)
