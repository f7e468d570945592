"""What a queued run expects."""

from __future__ import annotations

import math
import time

import pytest
import sqlalchemy as sa

from trainer.schema import RUNS
from trainer.settings import Settings
from trainer.store import Store
from trainer.waiting import VAIN_SECONDS, Waiting, seconds_until_free, waiting, waits_in_vain


@pytest.fixture
def store():
    opened = Store(Settings.from_environment().store_url)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("left", "ahead", "slots", "seconds"),
    [
        ([], [], 1, 0),
        ([10], [], 1, 10),
        ([10], [5, 7], 1, 22),
        ([10], [], 2, 0),
        ([10, 3], [], 2, 3),
        ([10, 3], [5, 7], 2, 10),
        ([10, 3], [], 1, 10),
        ([math.inf], [], 1, math.inf),
        ([math.inf, 3], [5], 2, 8),
    ],
)
def test_a_slot_is_free_when_those_before_have_had_theirs(left, ahead, slots, seconds):
    assert seconds_until_free(left, ahead, slots) == seconds


def test_a_run_that_waits_for_others_knows_its_place_and_about_how_long(store):
    for pace in (0.1, 0.2, 9.0):
        store.create_run({"epochs": 10})
        store.write(store.claim_next("w", slots=1), epoch=10, seconds=10 * pace, state="finished")
    store.create_run({"epochs": 100})
    claim = store.claim_next("w", slots=1)
    second, third, last = (store.create_run({"epochs": epochs}) for epochs in (400, 50, 50))
    # 40 of 100 epochs are left, at 2 a second.
    store.write(claim, state="training", epoch=60, epochs_per_second=2.0)

    assert waiting(store, store.run(claim.run_id)) is None
    assert waiting(store, store.run(second)) == Waiting(1, 20)
    # 400 epochs at the median's 0.2 s each come before it.
    assert waiting(store, store.run(third)) == Waiting(2, 105)
    assert waiting(store, store.run(last)) == Waiting(3, 120)


def test_a_run_is_expected_to_be_as_fast_as_others_on_its_dataset(store):
    for dataset, pace in (("iris", 0.01), ("mnist", 6.0), ("iris", 0.01), ("iris", 0.01)):
        store.create_run({"epochs": 10, "dataset": dataset})
        store.write(store.claim_next("w", slots=1), epoch=10, seconds=10 * pace, state="finished")
    first, second, third, last = (
        store.create_run({"epochs": 10, "dataset": dataset})
        for dataset in ("mnist", "iris", "moons", "iris")
    )

    assert waiting(store, store.run(first)) == Waiting(1, 0)
    assert waiting(store, store.run(second)) == Waiting(2, 60)
    assert waiting(store, store.run(third)) == Waiting(3, 75)  # 60.1 s
    # Nobody has trained on the moons yet: the median of all, 0.01 s, is as good as any.
    assert waiting(store, store.run(last)) == Waiting(4, 75)


def test_nobody_knows_how_long_somebody_pauses_or_the_first_run_takes(store):
    store.create_run({"epochs": 5})
    claim = store.claim_next("w", slots=1)
    waits = store.run(store.create_run({"epochs": 5}))
    assert waiting(store, waits) == Waiting(1, None)
    store.write(claim, state="training", epoch=1, epochs_per_second=1.0)
    assert waiting(store, waits) == Waiting(1, 5)
    for state, words in (("paused", "a run that is paused"), ("stalled", "no sign of life")):
        store.write(claim, state=state)
        told = waiting(store, waits)
        assert (told.place, told.seconds) == (1, None)
        assert words in told.reason


def test_a_run_waits_in_vain_once_no_worker_has_trained_for_half_a_minute(store):
    now = time.time()
    long_ago = now - 2 * VAIN_SECONDS
    assert not waits_in_vain(store, now)
    assert waits_in_vain(store, long_ago)
    stopped = store.create_run({"dataset": "iris"})
    store.stop(stopped)
    assert waits_in_vain(store, long_ago)  # no worker had that one

    store.create_run({"dataset": "iris"})
    claim = store.claim_next("a worker", slots=1)
    assert not waits_in_vain(store, long_ago)
    store.write(claim, state="finished")
    assert not waits_in_vain(store, long_ago)  # the next one is about to begin
    with store.transaction(writes=True) as connection:
        connection.execute(sa.update(RUNS).values(ended_at=long_ago))
    assert waits_in_vain(store, long_ago)
