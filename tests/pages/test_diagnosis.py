"""The next step of a verdict, as the page takes it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pages import diagnosis
from trainer.checkpoints import Checkpoint, Checkpoints
from trainer.config import RunConfig
from trainer.diagnosis.verdict import Verdict
from trainer.errors import NotPossible
from trainer.runs import Record, State
from trainer.store import Store

CONFIG = RunConfig.create("moons", epochs=8, name="moons")
VERDICT = Verdict(
    name="fluctuating", sentence="", rule="", next_step="", choices={"learning_rate": 0.001}
)


@pytest.fixture
def over(store: Store, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run that is over, in the store that the page uses."""
    monkeypatch.setattr("pages.visitor.this_browser", lambda: "a browser")
    return ended(store, "finished")


def ended(store: Store, state: State) -> str:
    claim = store.open_run(CONFIG.to_dict(), worker="a worker", origin="dashboard", name="moons")
    record = Record(kind="epoch", epoch=0, data={"loss": 1.0})
    store.write(claim, first_seq=1, records=[record], epoch=8, state=state)
    return claim.run_id


def take(store: Store, run_id: str, verdict: Verdict) -> str:
    return diagnosis.take_next_step(store.run(run_id), CONFIG, verdict)


def test_a_changed_set_up_becomes_a_run_of_its_own(store: Store, over: str) -> None:
    made = store.run(take(store, over, VERDICT))
    assert made.parent is None
    assert made.name == "moons, learning rate 0.001"
    expected = dataclasses.replace(CONFIG, learning_rate=0.001, name=made.name)
    assert RunConfig.from_dict(made.config) == expected


def test_where_there_is_a_checkpoint_the_change_goes_on_from_it(store: Store, over: str) -> None:
    Checkpoints(over).save(Checkpoint(epoch=7, weights=[np.zeros(3, "float32")]))
    made = store.run(take(store, over, dataclasses.replace(VERDICT, way="fork")))
    assert made.parent is not None
    assert (made.parent.run_id, made.parent.epoch, made.epochs) == (over, 7, 16)


def test_more_epochs_are_those_of_the_same_run(store: Store, over: str) -> None:
    Checkpoints(over).save(Checkpoint(epoch=7, weights=[np.zeros(3, "float32")]))
    more = dataclasses.replace(VERDICT, way="more", choices={"epochs": 16})
    assert take(store, over, more) == over
    assert (store.run(over).state, store.run(over).epochs) == ("queued", 16)


def test_what_cannot_be_done_is_said_in_a_sentence(store: Store) -> None:
    more = dataclasses.replace(VERDICT, way="more", choices={"epochs": 16})
    with pytest.raises(NotPossible, match="has diverged"):
        take(store, ended(store, "diverged"), more)
