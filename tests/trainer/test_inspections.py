"""Inspections: asked for once, taken by one worker, and answered for good.

Every test here runs on every kind of store, see `conftest.py`.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from trainer.evaluation.packing import PackedCounts
from trainer.inspections import Inspections
from trainer.runs import Evaluation, Scores

FOUND = (
    Evaluation(epoch=0, counts=PackedCounts(header={}, data=b"")),
    Scores(rows=np.arange(1), y_true=np.arange(1), y_score=np.ones((1, 2), "float32")),
)


@pytest.fixture
def inspections(store):
    return Inspections(store)


@pytest.fixture
def elsewhere(other):
    """The same inspections as another process has them."""
    return Inspections(other)


def test_an_inspection_is_taken_once_and_its_result_kept(store, inspections, elsewhere):
    run_id = store.create_run({})
    first = inspections.ask(run_id, part="validation", which="last")
    second = inspections.ask(run_id, part="test", which="best")
    taken = [inspections.claim("worker 1", lambda worker: False) for _ in range(3)]
    of_validation, of_test, none = taken
    assert (of_validation.number, of_test.number, none) == (first, second, None)
    scores = Scores(
        rows=np.array([4, 2]),
        y_true=np.array([1, 0]),
        y_score=np.array([[0.1, 0.9], [0.5, 0.5]], "float32"),
    )
    packed = PackedCounts(header={"kind": "classes"}, data=b"counts")
    inspections.end(of_test, (Evaluation(epoch=7, counts=packed), scores))
    inspections.end(of_validation, None, "The weights of this run were not kept.")
    (failed,) = elsewhere.of_run(run_id, "validation")
    assert (failed.state, failed.message) == ("failed", "The weights of this run were not kept.")
    (done,) = elsewhere.of_run(run_id, "test")
    assert (done.state, done.which, done.evaluation.epoch) == ("done", "best", 7)
    assert (done.evaluation.counts.header, done.evaluation.counts.data) == (
        {"kind": "classes"},
        b"counts",
    )
    read = elsewhere.scores(second)
    np.testing.assert_array_equal(read.rows, scores.rows)
    np.testing.assert_array_equal(read.y_true, scores.y_true)
    np.testing.assert_array_equal(read.y_score, scores.y_score)
    assert inspections.openings() == {run_id: 1}


def test_who_asks_again_before_there_is_an_answer_gets_the_same_inspection(
    store, inspections, elsewhere
):
    run_id, another_run = store.create_run({}), store.create_run({})
    number = inspections.ask(run_id, part="test", which="last")
    assert elsewhere.ask(run_id, part="test", which="last") == number
    assert inspections.claim("worker 1", lambda worker: False).number == number
    assert elsewhere.ask(run_id, part="test", which="last") == number
    assert inspections.openings() == {run_id: 1}
    others = [
        inspections.ask(run_id, part="test", which="best"),
        inspections.ask(run_id, part="validation", which="last"),
        inspections.ask(another_run, part="test", which="last"),
    ]
    assert len({number, *others}) == 4


@pytest.mark.parametrize("answer", ["done", "failed"])
def test_who_asks_again_after_the_answer_opens_another_inspection(store, inspections, answer):
    run_id = store.create_run({})
    number = inspections.ask(run_id, part="test", which="last")
    asked = inspections.claim("worker 1", lambda worker: False)
    inspections.end(asked, FOUND if answer == "done" else None, "why not")
    assert inspections.ask(run_id, part="test", which="last") > number
    states = [one.state for one in inspections.of_run(run_id, "test")]
    assert states == [answer, "asked"]


def test_of_many_who_break_the_seal_at_once_one_does(store, inspections, elsewhere):
    run_id = store.create_run({})
    start = threading.Barrier(8)

    def ask(place: int) -> int:
        start.wait()
        return (inspections, elsewhere)[place % 2].ask(run_id, part="test", which="last")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert inspections.openings() == {run_id: 1}


def test_an_inspection_whose_worker_is_gone_is_taken_by_another(store, inspections):
    run_id = store.create_run({})
    number = inspections.ask(run_id, part="validation", which="last")
    assert inspections.claim("worker 1", lambda worker: False).number == number
    assert inspections.claim("worker 2", lambda worker: False) is None
    again = inspections.claim("worker 2", lambda worker: worker == "worker 1")
    assert again.number == number


def test_what_was_seen_of_a_network_is_let_go_of_when_it_is_trained_on(store, inspections):
    claim = store.open_run({"epochs": 1}, worker="a worker", origin="dashboard")
    store.write(claim, epoch=1, state="finished")
    for part in ("validation", "test"):
        inspections.ask(claim.run_id, part=part, which="last")
    store.reopen(store.run(claim.run_id), {"epochs": 2}, worker="a worker")
    assert inspections.of_run(claim.run_id, "validation") == []
    # How often the seal was broken is never forgotten.
    assert inspections.openings() == {claim.run_id: 1}


@pytest.mark.parametrize("answer", ["done", "failed"])
def test_an_answer_about_a_network_that_trained_on_is_nobody_s(store, inspections, answer):
    claim = store.open_run({"epochs": 1}, worker="a worker", origin="dashboard")
    store.write(claim, epoch=1, state="finished")
    inspections.ask(claim.run_id, part="validation", which="last")
    late = inspections.claim("worker 1", lambda worker: False)
    claim = store.reopen(store.run(claim.run_id), {"epochs": 2}, worker="a worker")
    store.write(claim, epoch=2, state="finished")
    # In SQLite it has the number of the one that is gone.
    inspections.ask(claim.run_id, part="validation", which="last")
    inspections.claim("worker 2", lambda worker: False)

    inspections.end(late, FOUND if answer == "done" else None, "why not")

    (one,) = inspections.of_run(claim.run_id, "validation")
    assert (one.state, one.evaluation, one.message) == ("running", None, "")
