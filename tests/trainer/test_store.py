"""The contract of a store. Every test here runs on every kind of store, see `conftest.py`."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sqlalchemy as sa

from tests.waiting import wait_until
from trainer.errors import Fenced, NotPossible, NotYours, RunNotFound, StoreUnusable
from trainer.evaluation.packing import PackedCounts
from trainer.evaluation.surface import PackedSurface
from trainer.inspections import Inspections
from trainer.lessons import LESSONS
from trainer.person import MACHINE, Person
from trainer.progress import LessonProgress, question_part
from trainer.rooms import Rooms
from trainer.runs import (
    ENDED,
    Boundary,
    Claim,
    Command,
    Cursor,
    Parent,
    Record,
    Run,
    finite_or_none,
    record_names,
)
from trainer.schema import METADATA, POLL_RUNS, SCHEMA_VERSION
from trainer.store import Store, new_run_id


def claimed(store: Store, **config: object) -> Claim:
    return store.open_run({"dataset": "digits", **config}, worker="me", origin="dashboard")


def epoch(number: int, **values: float | None) -> Record:
    return Record(kind="epoch", epoch=number, data=values)


# -- runs --------------------------------------------------------------------------------------


def test_the_datasets_of_all_runs_are_known(store):
    for name in ("digits", "upload-0123456789abcdef", "digits"):
        store.create_run({"dataset": name})
    store.create_run({"model": "somebody's own"})
    assert store.datasets() == {"digits", "upload-0123456789abcdef", ""}


def test_a_new_run_is_queued_and_keeps_its_config(store, other):
    config = {"dataset": "iris", "epochs": 7, "metrics": ["accuracy"], "name": "“π” <b>"}
    run_id = store.create_run(config, name="mine")
    run = other.run(run_id)
    assert run.run_id == run_id
    assert run.config == config
    assert (run.name, run.origin, run.state, run.epochs) == ("mine", "dashboard", "queued", 7)
    assert (run.epoch, run.step, run.attempt, run.pulse, run.seconds) == (0, 0, 0, 0, 0)
    assert (run.started_at, run.ended_at) == (None, None)
    assert not run.is_over
    assert other.history(run_id) == {}
    assert other.last_logs(run_id) == {}


def test_a_run_without_a_name_is_called_after_its_dataset(store):
    run_id = store.create_run({"dataset": "iris"})
    assert store.run(run_id).name == f"iris {run_id[:4]}"


def test_a_long_name_is_cut(store):
    assert store.run(store.create_run({}, name="x" * 500)).name == "x" * 80


def test_a_nul_in_a_name_or_message_is_dropped(store):
    claim = store.open_run({"dataset": "iris"}, worker="me", origin="callback", name="a\x00b")
    store.write(claim, message="c\x00d")
    run = store.run(claim.run_id)
    assert (run.name, run.message) == ("ab", "cd")


NAMES = ["a\x00b", "\\u0000", "a\\u0000b", "\\", '"', "\ud800", "</script>", "'; DROP TABLE runs"]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_makes_a_run_or_the_list_of_runs_unreadable(store, name):
    config = {"dataset": "iris", "name": name}
    claim = store.open_run(config, worker="me", origin="callback", name=name)
    run_id = claim.run_id
    store.write(claim, first_seq=1, records=[epoch(0, **{name: 1.0})], message=name)
    assert [run.run_id for run in store.runs()] == [run_id]
    assert "\x00" not in store.run(run_id).name
    assert list(store.history(run_id).values()) == [[1.0]]
    json.dumps(store.run(run_id).config).encode()


def test_the_newest_runs_come_first_and_as_many_as_asked_for(store):
    run_ids = [store.create_run({}) for _ in range(5)]
    assert [run.run_id for run in store.runs()] == run_ids[::-1]
    assert [run.run_id for run in store.runs(limit=2)] == run_ids[:2:-1]


@pytest.mark.parametrize("run_id", ["", "nonsense", "a\x00b", "\udcff", "' OR 1=1 --"])
def test_a_run_that_is_not_there_is_not_found(store, run_id):
    for question in (store.run, store.updates, store.history, store.stop):
        with pytest.raises(RunNotFound, match="There is no run with the id"):
            question(run_id)


def test_what_a_reader_has_never_changes(store):
    claim = claimed(store)
    store.write(claim, first_seq=1, records=[epoch(0, loss=1.0)], epoch=1)
    run, records = store.updates(claim.run_id)
    store.write(claim, first_seq=2, records=[epoch(1, loss=0.5)], epoch=2)
    assert run.epoch == 1
    assert [record.data for record in records] == [{"loss": 1.0}]
    with pytest.raises(AttributeError):
        run.epoch = 3


# -- the queue ---------------------------------------------------------------------------------


def test_the_queue_is_first_come_first_served_and_each_run_knows_its_place(store):
    run_ids = [store.create_run({}) for _ in range(3)]
    assert [store.queue_place(store.run(run_id)) for run_id in run_ids] == [1, 2, 3]
    claims = []
    for expected in run_ids:
        claim = store.claim_next("w", slots=8)
        claims.append(claim)
        assert claim == Claim(expected, 1)
        assert store.run(expected).state == "starting"
        assert store.run(expected).worker == "w"
        assert store.queue_place(store.run(expected)) is None
    assert store.claim_next("w", slots=8) is None


def test_a_run_that_was_stopped_in_the_queue_gives_up_its_place(store):
    first, second, third = (store.create_run({}) for _ in range(3))
    store.stop(first)
    assert store.queue_place(store.run(third)) == 2
    assert store.claim_next("w", slots=1).run_id == second


def served(store: Store, count: int) -> list[str]:
    """Let runs train one after the other, and return whose they were."""
    owners = []
    for _ in range(count):
        claim = store.claim_next("w", slots=1)
        owners.append(store.run(claim.run_id).owner)
        store.write(claim, state="finished")
    return owners


def start(store: Store, owner: str, count: int = 1) -> list[str]:
    return [store.used_by(Person(owner=owner)).create_run({}) for _ in range(count)]


def test_ten_starts_of_one_owner_do_not_keep_others_waiting(store):
    many = start(store, "a", 10)
    claim = store.claim_next("w", slots=1)
    (one,) = start(store, "b")
    (other,) = start(store, "c")
    assert [store.queue_place(store.run(run_id)) for run_id in (one, other, many[1])] == [1, 2, 3]
    store.write(claim, state="finished")
    assert served(store, 11) == ["b", "c", *("a" * 9)]


def test_owners_with_several_runs_take_turns(store):
    for owner, count in (("a", 3), ("b", 2), ("c", 1)):
        start(store, owner, count)
    assert served(store, 6) == ["a", "b", "c", "a", "b", "a"]


def test_whoever_starts_again_and_again_does_not_overtake_those_who_wait(store):
    start(store, "a", 2)
    start(store, "b", 2)
    order = []
    for _ in range(6):
        order += served(store, 1)
        start(store, "a")
    assert order == ["a", "b", "a", "b", "a", "a"]


def test_who_takes_a_run_back_from_the_queue_gives_its_turn_to_their_next(store):
    _, second, third = start(store, "a", 3)
    start(store, "b", 2)
    store.stop(second)
    assert store.queue_place(store.run(third)) == 3
    assert served(store, 4) == ["a", "b", "a", "b"]


def test_a_run_that_is_queued_anew_waits_for_its_owner_s_turn(store):
    start(store, "a")
    claim = store.claim_next("w", slots=1)
    store.write(claim, state="interrupted")
    start(store, "b", 2)
    start(store, "a")
    store.reopen(store.run(claim.run_id))
    assert served(store, 4) == ["b", "a", "b", "a"]


@pytest.mark.parametrize("slots", [1, 2])
def test_no_more_runs_train_at_once_than_there_are_slots(store, slots):
    for _ in range(4):
        store.create_run({})
    claims = [store.claim_next("w", slots=slots) for _ in range(slots)]
    assert all(claims)
    assert store.claim_next("w", slots=slots) is None
    for state in ("training", "paused", "stalled"):
        store.write(claims[0], state=state)
        assert store.claim_next("w", slots=slots) is None
    store.write(claims[0], state="finished")
    assert store.claim_next("w", slots=slots) is not None
    assert store.claim_next("w", slots=slots) is None


def test_no_more_runs_give_way_than_others_wait_for_their_places(store, other):
    for _ in range(2):
        store.create_run({})
    claims = [store.claim_next("w", slots=2) for _ in range(2)]
    assert not store.give_way(claims[0], slots=2)  # nobody waits
    store.create_run({})
    assert not store.give_way(claims[0], slots=3)  # there is a place for it
    gone, stays = claims
    assert store.give_way(gone, slots=2)
    assert not other.give_way(stays, slots=2)
    assert store.take_commands(gone.run_id) == [Command("stop")]
    assert not other.give_way(stays, slots=2)  # taken, but not ended yet
    store.write(gone, state="interrupted")
    assert not other.give_way(stays, slots=2)
    assert store.claim_next("w", slots=2) is not None
    store.reopen(store.run(gone.run_id))
    assert other.give_way(stays, slots=2)
    store.write(stays, state="interrupted")
    # It is back in its place, and what it was told before does not count any more.
    back = store.claim_next("w", slots=2)
    assert back.run_id == gone.run_id
    store.create_run({})
    assert not other.give_way(gone, slots=2)  # somebody else's by now
    assert other.give_way(back, slots=2)


def test_of_many_who_give_way_at_once_one_does(store, other):
    for _ in range(5):
        for _ in range(2):
            store.create_run({})
        claims = [store.claim_next("w", slots=2) for _ in range(2)]
        waiting = store.create_run({})
        start = threading.Barrier(8)

        def give_way(
            number: int, claims: list[Claim] = claims, start: threading.Barrier = start
        ) -> bool:
            start.wait()
            return (store, other)[number % 2].give_way(claims[number // 4], slots=2)

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(give_way, range(8))).count(True) == 1
        for claim in claims:
            store.write(claim, state="interrupted")
        store.stop(waiting)


def test_who_was_just_told_something_does_not_give_way(store):
    store.create_run({})
    claim = store.claim_next("w", slots=1)
    store.create_run({})
    store.send(claim.run_id, Command("resume"))
    assert not store.give_way(claim, slots=1)
    store.take_commands(claim.run_id)
    assert store.give_way(claim, slots=1)


def test_nobody_gives_way_where_another_was_stopped_anyway(store):
    for _ in range(3):
        store.create_run({})
    claims = [store.claim_next("w", slots=2) for _ in range(2)]
    store.stop(claims[0].run_id)
    assert not store.give_way(claims[1], slots=2)


def test_runs_that_were_never_queued_take_no_slot_and_are_not_taken_from_the_queue(store):
    store.open_run({}, worker="me", origin="callback")
    assert store.claim_next("w", slots=1) is None
    queued = store.create_run({})
    assert store.claim_next("w", slots=1).run_id == queued


def test_a_run_that_its_writer_opens_never_waits(store, other):
    queued = store.create_run({})
    claim = store.open_run({"epochs": 5}, worker="me", origin="callback", name="mine")
    run = other.run(claim.run_id)
    assert (run.state, run.worker, run.attempt) == ("starting", "me", claim.attempt)
    assert (run.name, run.origin, run.epochs) == ("mine", "callback", 5)
    assert store.queue_place(run) is None
    assert other.claim_next("w", slots=1).run_id == queued


def test_only_runs_that_will_be_taken_from_the_queue_have_a_place_in_it(store, url):
    # Left by a version that made a run and claimed it in two steps, and died in between.
    ghost = store.open_run({}, worker="me", origin="callback").run_id
    requeue(url, ghost)
    queued = store.create_run({})
    assert store.queue_place(store.run(ghost)) is None
    assert store.queue_place(store.run(queued)) == 1


def test_a_run_is_claimed_once(store, other):
    run_id = store.create_run({})
    assert store.claim_next("me", slots=8).run_id == run_id
    assert other.claim_next("you", slots=8) is None
    assert store.run(run_id).worker == "me"


def test_of_many_threads_that_claim_one_run_one_wins(store):
    for _ in range(5):
        run_id = store.create_run({})
        start = threading.Barrier(8)

        def claim(worker: int, start: threading.Barrier = start) -> bool:
            start.wait()
            return store.claim_next(f"worker {worker}", slots=8) is not None

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(claim, range(8)))
        assert won.count(True) == 1
        assert store.run(run_id).worker == f"worker {won.index(True)}"
        assert store.run(run_id).attempt == 1


_CLAIM_ALL = """
import sys
from trainer.store import Store
store = Store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
while claim := store.claim_next(sys.argv[2], slots=1000):
    print(claim.run_id, flush=True)
"""


def test_of_many_processes_that_empty_the_queue_each_run_goes_to_one(store, url):
    run_ids = [store.create_run({}) for _ in range(60)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _CLAIM_ALL, url, f"worker {number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    claimed_by = [process.communicate()[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert sorted(run_id for taken in claimed_by for run_id in taken) == sorted(run_ids)
    for number, taken in enumerate(claimed_by):
        # Each got its share in the queue's order.
        assert taken == [run_id for run_id in run_ids if run_id in taken]
        assert all(store.run(run_id).worker == f"worker {number}" for run_id in taken)


# -- the writer --------------------------------------------------------------------------------


def test_a_writer_sets_fields_and_appends_records_in_one_go(store, other):
    claim = claimed(store)
    store.write(claim, state="training", epochs=3, steps_per_epoch=44)
    began = other.run(claim.run_id)
    assert (began.state, began.epochs, began.steps_per_epoch) == ("training", 3, 44)
    assert began.created_at <= began.started_at
    assert began.ended_at is None
    store.write(claim, first_seq=1, records=[epoch(0, loss=0.5)], epoch=1, seconds=1.5)
    assert other.progress(claim.run_id) == other.run(claim.run_id).progress == (1, "training", 1)
    store.write(claim, state="finished", message="done")
    run = other.run(claim.run_id)
    assert (run.state, run.message, run.epoch, run.seconds) == ("finished", "done", 1, 1.5)
    assert run.started_at == began.started_at
    assert run.ended_at >= run.started_at
    assert run.is_over
    assert other.history(claim.run_id) == {"loss": [0.5]}


def test_every_write_moves_the_pulse(store):
    claim = claimed(store)
    pulses = []
    for _ in range(3):
        store.write(claim)
        pulses.append(store.run(claim.run_id).pulse)
    assert pulses == sorted(set(pulses))


def test_a_write_that_fails_in_the_middle_leaves_nothing(store):
    claim = claimed(store)
    store.write(claim, first_seq=1, records=[epoch(0, loss=1.0)], epoch=1)
    with pytest.raises(StoreUnusable):  # the second record's number is taken
        store.write(claim, first_seq=0, records=[epoch(1, loss=0.5)] * 2, epoch=3)
    assert store.run(claim.run_id).epoch == 1
    assert store.history(claim.run_id) == {"loss": [1.0]}
    store.write(claim, first_seq=2, records=[epoch(1, loss=0.5)], epoch=2)
    assert store.history(claim.run_id) == {"loss": [1.0, 0.5]}


@pytest.mark.parametrize("state", ENDED)
def test_after_the_end_of_a_run_its_writer_is_fenced(store, state):
    claim = claimed(store)
    store.write(claim, state=state)
    with pytest.raises(Fenced):
        store.write(claim, first_seq=1, records=[epoch(0, loss=1.0)], state="training", epoch=1)
    run, records = store.updates(claim.run_id)
    assert (run.state, run.epoch, records) == (state, 0, [])


def test_an_old_attempt_cannot_write_into_its_successors_run(store, url):
    old = claimed(store)
    store.write(old, first_seq=1, records=[epoch(0, loss=1.0)], epoch=1)
    assert store.interrupt(store.run(old.run_id), "gone")
    requeue(url, old.run_id)
    new = store.claim_next("successor", slots=8)
    assert new.attempt == old.attempt + 1
    store.write(new, state="training")
    with pytest.raises(Fenced):
        store.write(old, first_seq=2, records=[epoch(1, loss=9.0)], epoch=9, state="finished")
    run = store.run(old.run_id)
    assert (run.state, run.epoch, run.worker) == ("training", 1, "successor")
    store.write(new, first_seq=1, records=[epoch(1, loss=0.5)], epoch=2)
    assert store.history(old.run_id) == {"loss": [1.0, 0.5]}
    assert store.last_logs(old.run_id) == {"loss": 0.5}


def requeue(url: str, run_id: str) -> None:
    """Put an ended run back into the queue, as a resume would."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE runs SET state = 'queued' WHERE run_id = :run_id"), {"run_id": run_id}
        )
    engine.dispose()


def test_a_queued_run_has_no_writer(store):
    run_id = store.create_run({})
    for attempt in (0, 1):
        with pytest.raises(Fenced):
            store.write(Claim(run_id, attempt), state="training")
    assert store.run(run_id).state == "queued"


def test_a_run_whose_writer_moved_is_not_interrupted(store):
    claim = claimed(store)
    seen = store.run(claim.run_id)
    store.write(claim, state="training")
    assert not store.interrupt(seen, "gone")
    assert store.run(claim.run_id).state == "training"
    assert store.interrupt(store.run(claim.run_id), "gone")
    run = store.run(claim.run_id)
    assert (run.state, run.message) == ("interrupted", "gone")
    assert run.ended_at is not None
    assert not store.interrupt(run, "gone again")
    assert store.run(claim.run_id).message == "gone"


def test_the_active_runs_are_those_with_a_writer_oldest_first(store):
    claims = [claimed(store) for _ in range(4)]
    store.create_run({})
    store.write(claims[1], state="finished")
    store.write(claims[2], state="paused")
    assert [run.run_id for run in store.active_runs()] == [
        claims[0].run_id,
        claims[2].run_id,
        claims[3].run_id,
    ]


# -- the readers -------------------------------------------------------------------------------


def test_a_cursor_misses_nothing_and_repeats_nothing_over_attempts(store, url):
    claim = claimed(store)
    seen: list[tuple[Cursor, float]] = []
    cursor = Cursor()

    def read() -> None:
        nonlocal cursor
        _, records = store.updates(claim.run_id, cursor)
        seen.extend((record.cursor, record.data["loss"]) for record in records)
        if records:
            cursor = Cursor.parse(str(records[-1].cursor))

    read()
    store.write(claim, first_seq=1, records=[epoch(0, loss=0.0), epoch(1, loss=1.0)])
    read()
    read()
    store.write(claim, first_seq=3, records=[epoch(2, loss=2.0)])
    store.interrupt(store.run(claim.run_id), "gone")
    requeue(url, claim.run_id)
    claim = store.claim_next("successor", slots=8)
    store.write(claim, first_seq=1, records=[epoch(3, loss=3.0)])
    read()
    store.write(claim, first_seq=2, records=[epoch(number, loss=number) for number in range(4, 15)])
    read()
    assert [loss for _, loss in seen] == list(range(15))
    assert [at for at, _ in seen] == sorted({at for at, _ in seen})
    assert seen[2][0] == Cursor(1, 3)
    assert seen[3][0] == Cursor(2, 1)
    _, everything = store.updates(claim.run_id)
    assert [record.cursor for record in everything] == [at for at, _ in seen]


def test_runs_do_not_see_each_others_records_or_commands(store):
    mine, yours = claimed(store), claimed(store)
    store.write(mine, first_seq=1, records=[epoch(0, loss=1.0)])
    store.stop(mine.run_id)
    assert store.updates(yours.run_id)[1] == []
    assert store.take_commands(yours.run_id) == []


def test_values_per_step_come_back_as_they_were_even_if_not_finite(store):
    claim = claimed(store)
    values = np.array([[1.5, math.nan], [math.inf, -math.inf], [3e38, 1e-40]], "float32")
    names = {"names": ["loss", "=cmd()"], "stride": 8}
    store.write(
        claim,
        first_seq=1,
        records=[Record(kind="steps", epoch=2, step=40, data=names, values=values)],
    )
    _, (record,) = store.updates(claim.run_id)
    assert (record.kind, record.epoch, record.step, record.data) == ("steps", 2, 40, names)
    np.testing.assert_array_equal(record.values, values)
    assert record.values.dtype == np.float32
    assert not record.values.flags.writeable
    assert store.history(claim.run_id) == {}


def test_other_kinds_of_numbers_and_layouts_are_stored_as_float32_rows(store):
    claim = claimed(store)
    values = np.arange(12, dtype="float64").reshape(2, 6).T
    store.write(
        claim,
        first_seq=1,
        records=[Record(kind="steps", epoch=0, data={"names": ["a", "b"]}, values=values)],
    )
    _, (record,) = store.updates(claim.run_id)
    np.testing.assert_array_equal(record.values, values)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_null_in_an_epochs_logs(store, value):
    claim = claimed(store)
    assert finite_or_none(value) is None
    store.write(claim, first_seq=1, records=[epoch(0, loss=finite_or_none(value), accuracy=0.5)])
    assert store.history(claim.run_id) == {"loss": [None], "accuracy": [0.5]}


def test_a_float_keeps_all_its_digits(store):
    claim = claimed(store)
    values = [0.1 + 0.2, 1e-308, 1.7976931348623157e308, -0.0, 5e-324]
    store.write(
        claim, first_seq=1, records=[epoch(number, loss=v) for number, v in enumerate(values)]
    )
    assert store.history(claim.run_id) == {"loss": values}


def test_the_last_logs_are_those_of_the_newest_epoch(store):
    claim = claimed(store)
    steps = Record(kind="steps", epoch=2, data={"names": ["loss"]}, values=np.zeros((1, 1)))
    store.write(claim, first_seq=1, records=[epoch(0, loss=1.0), epoch(1, loss=0.5), steps])
    assert store.last_logs(claim.run_id) == {"loss": 0.5}


def test_names_come_in_the_order_of_their_first_appearance():
    steps = Record(kind="steps", epoch=0, data={"names": ["loss", "auc"]}, values=np.zeros((1, 2)))
    records = [steps, epoch(0, auc=1.0, val_auc=1.0), epoch(1, loss=1.0)]
    assert record_names(records) == ["loss", "auc", "val_auc"]


def test_a_reader_sees_a_run_and_its_records_as_of_one_moment(store, other):
    claim = claimed(store)
    over = threading.Event()

    def write() -> None:
        try:
            for number in range(200):
                record = epoch(number, loss=float(number))
                store.write(claim, first_seq=number + 1, records=[record], epoch=number + 1)
        finally:
            over.set()

    thread = threading.Thread(target=write)
    thread.start()
    while not over.is_set():
        run, records = other.updates(claim.run_id)
        assert len(records) == run.epoch
    thread.join()
    assert other.run(claim.run_id).epoch == 200


def test_a_watcher_tells_that_another_process_wrote(store, other):
    watcher = other.watch()
    assert watcher.changed()  # the first question
    store.create_run({})
    assert watcher.changed()
    watcher.close()


@pytest.mark.parametrize(
    "text", ["", "1", "1.", ".1", "a.b", "-1.2", "1.2.3", "1.٢", "1,2", " 1.2"]
)
def test_text_that_is_no_cursor_is_none(text):
    assert Cursor.parse(text) is None


def test_a_cursor_survives_being_text():
    assert Cursor.parse(str(Cursor(3, 141))) == Cursor(3, 141)
    assert Cursor(1, 99) < Cursor(2, 1)


def test_a_cursor_of_thousands_of_digits_is_read_without_harm(store):
    claim = claimed(store)
    store.write(claim, first_seq=1, records=[epoch(0, loss=1.0)])
    _, records = store.updates(claim.run_id, Cursor.parse("9" * 5000 + "." + "9" * 5000))
    assert records == []


# -- commands ----------------------------------------------------------------------------------


def test_stop_ends_a_queued_run_here_and_now(store):
    run_id = store.create_run({})
    store.stop(run_id)
    run = store.run(run_id)
    assert run.state == "stopped"
    assert run.ended_at is not None
    assert store.claim_next("w", slots=8) is None


def test_stop_of_a_training_run_reaches_its_writer_once(store, other):
    claim = claimed(store)
    assert store.take_commands(claim.run_id) == []
    other.stop(claim.run_id)
    assert store.run(claim.run_id).state == "starting"
    assert store.take_commands(claim.run_id) == [Command("stop")]
    assert store.take_commands(claim.run_id) == []


def test_stop_twice_is_stop(store):
    queued, claim = store.create_run({}), claimed(store)
    for _ in range(2):
        store.stop(queued)
        store.stop(claim.run_id)
    assert store.run(queued).state == "stopped"
    assert set(store.take_commands(claim.run_id)) == {Command("stop")}


@pytest.mark.parametrize("state", ENDED)
def test_stop_after_the_end_changes_nothing(store, state):
    claim = claimed(store)
    store.write(claim, state=state, message="as it was")
    before = store.run(claim.run_id)
    store.stop(claim.run_id)
    assert store.run(claim.run_id) == before
    assert store.take_commands(claim.run_id) == []


def test_a_stop_meant_for_an_earlier_attempt_does_not_stop_the_next(store, url):
    claim = claimed(store)
    store.stop(claim.run_id)
    store.interrupt(store.run(claim.run_id), "gone before it heard")
    requeue(url, claim.run_id)
    assert store.claim_next("successor", slots=8).run_id == claim.run_id
    assert store.take_commands(claim.run_id) == []


def test_commands_reach_the_writer_in_their_order_with_their_values(store, other):
    claim = claimed(store)
    told = [Command("pause"), Command("speed", 0.5), Command("learning_rate", 1e-7)]
    for command in told:
        other.send(claim.run_id, command)
    assert store.take_commands(claim.run_id) == told
    assert store.take_commands(claim.run_id) == []


@pytest.mark.parametrize("state", ["queued", *ENDED])
def test_a_run_without_a_writer_takes_no_commands(store, state):
    if state == "queued":
        run_id = store.create_run({})
    else:
        claim = claimed(store)
        store.write(claim, state=state)
        run_id = claim.run_id
    with pytest.raises(NotPossible, match=f"It is {state}."):
        store.send(run_id, Command("pause"))
    assert store.take_commands(run_id) == []


# -- launched again ----------------------------------------------------------------------------


def test_what_a_later_attempt_trains_again_counts_no_more(store):
    claim = claimed(store)
    records = [counted(number, epoch_=number, loss=float(number)) for number in range(5)]
    store.write(
        claim,
        first_seq=1,
        records=[*records, changed(1), changed(3)],
        boundaries=[dataclasses.replace(bounded(number), epoch=number) for number in range(5)],
        epoch=5,
        state="interrupted",
    )
    second = store.reopen(store.run(claim.run_id), worker="me")
    assert second == Claim(claim.run_id, 2)
    assert len(store.history(claim.run_id)["loss"]) == 5  # until it is known where it begins
    store.write(second, first_epoch=2, epoch=2)
    assert store.history(claim.run_id) == {"loss": [0.0, 1.0]}
    assert store.last_logs(claim.run_id) == {"loss": 1.0}
    store.write(second, first_seq=1, records=[epoch(2, loss=20.0)], epoch=3)
    assert store.history(claim.run_id) == {"loss": [0.0, 1.0, 20.0]}
    assert [record.epoch for record in store.learning_rates(claim.run_id)] == [1]
    _, records = store.updates(claim.run_id)
    assert [(r.cursor.attempt, r.kind, r.epoch) for r in records] == [
        (1, "epoch", 0),
        (1, "epoch", 1),
        (1, "learning_rate", 1),
        (2, "epoch", 2),
    ]
    shown = store.evaluations(claim.run_id, limit=10).shown
    assert [(one.attempt, one.epoch) for one in shown] == [(1, 0), (1, 1)]
    assert store.evaluation(claim.run_id).epoch == 1
    assert store.evaluation(claim.run_id, 4) is None
    assert [one.epoch for one in store.boundaries(claim.run_id, limit=10)] == [0, 1]


def changed(epoch: int) -> Record:
    return Record(kind="learning_rate", epoch=epoch, step=0, data={"learning_rate": 0.5})


def test_only_what_is_over_is_launched_again_and_by_one(store, other):
    claim = claimed(store)
    with pytest.raises(NotPossible, match="The run must be over for that. It is starting."):
        store.reopen(store.run(claim.run_id))
    store.write(claim, state="stopped", message="why", seconds=3.0)
    seen = store.run(claim.run_id)
    store.reopen(seen, {**seen.config, "epochs": 9})
    run = store.run(claim.run_id)
    assert (run.state, run.message, run.epochs, run.config["epochs"]) == ("queued", "", 9, 9)
    assert (run.ended_at, run.seconds, run.attempt) == (None, 3.0, 1)
    with pytest.raises(NotPossible, match="It is queued."):
        other.reopen(seen, worker="me")
    assert store.claim_next("me", slots=9) == Claim(claim.run_id, 2)
    store.write(Claim(claim.run_id, 2), state="finished")
    with pytest.raises(NotPossible, match="It is finished."):
        other.reopen(seen)  # of an attempt that is not the newest


def test_a_fork_keeps_what_it_goes_on_from(store):
    parent = Parent("abc", "“π” <b>", 4, "dropout", 0.0, 0.5)
    run_id = new_run_id()
    assert store.create_run({}, name="a fork", run_id=run_id, parent=parent) == run_id
    claim = store.open_run({}, worker="me", origin="command line", parent=parent)
    assert store.run(run_id).parent == store.run(claim.run_id).parent == parent
    assert store.run(claimed(store).run_id).parent is None


# -- tidying -----------------------------------------------------------------------------------


def test_a_deleted_run_is_gone_with_all_that_was_known_of_it(store, url):
    gone, stays = claimed(store), claimed(store)
    teacher = store.used_by(Person(owner="a teacher", is_in_charge=True))
    room = Rooms(teacher).open(LESSONS["quiz"], question_part(0), seed=0)
    for claim in (gone, stays):
        store.stop(claim.run_id)
        Inspections(store).ask(claim.run_id, part="test", which="last")
        LessonProgress(store).note_run(LESSONS["quiz"], "batch_1", claim.run_id)
        with store.transaction(writes=True) as connection:
            run = {"run_id": claim.run_id, "poll": room.poll, "owner": "a member"}
            connection.execute(POLL_RUNS.insert().values(**run))
        records = [counted(1)]
        store.write(claim, first_epoch=0, first_seq=1, records=records, boundaries=[bounded(0)])
        store.write(claim, state="finished")
    store.delete(gone.run_id)
    with pytest.raises(RunNotFound):
        store.run(gone.run_id)
    with pytest.raises(RunNotFound):
        store.delete(gone.run_id)
    assert [run.run_id for run in store.runs()] == [stays.run_id]
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        for table in METADATA.sorted_tables:
            if "run_id" in table.columns:
                found = connection.execute(sa.select(table.c.run_id).distinct()).scalars().all()
                assert found == [stays.run_id], table.name
    engine.dispose()


@pytest.mark.parametrize("state", ["queued", "training", "paused"])
def test_a_run_that_is_not_over_cannot_be_deleted(store, state):
    if state == "queued":
        run_id = store.create_run({})
    else:
        claim = claimed(store)
        store.write(claim, state=state)
        run_id = claim.run_id
    with pytest.raises(NotPossible, match=f"The run must be over for that. It is {state}."):
        store.delete(run_id)
    assert store.run(run_id).state == state


def test_a_run_has_another_name_and_a_note_whoever_writes_it_meanwhile(store, other):
    claim = claimed(store)
    assert store.run(claim.run_id).note == ""
    other.describe(claim.run_id, name="mine\x00" + "x" * 100)
    other.describe(claim.run_id, note="“π”\nand more")
    store.write(claim, epoch=3)
    run = store.run(claim.run_id)
    assert (run.name, run.note, run.epoch) == ("mine" + "x" * 76, "“π”\nand more", 3)
    other.describe(claim.run_id, note="")
    assert (store.run(claim.run_id).note, store.run(claim.run_id).name) == ("", run.name)
    with pytest.raises(RunNotFound):
        store.describe("nonsense", name="x")


def test_many_threads_use_one_store_at_once(store):
    def one_run(number: int) -> tuple[Run, dict[str, list[float | None]]]:
        claim = claimed(store)
        for at in range(10):
            store.write(claim, first_seq=at + 1, records=[epoch(at, loss=number)], epoch=at + 1)
        store.write(claim, state="finished")
        return store.run(claim.run_id), store.history(claim.run_id)

    with ThreadPoolExecutor(12) as pool:
        for number, (run, history) in enumerate(pool.map(one_run, range(24))):
            assert (run.state, run.epoch) == ("finished", 10)
            assert history == {"loss": [number] * 10}


# -- faults ------------------------------------------------------------------------------------

_WRITE_FOR_EVER = """
import sys
import numpy as np
from trainer.runs import Claim, Record
from trainer.store import Store
store, claim, seq = Store(sys.argv[1]), Claim(sys.argv[2], 1), 1
while True:
    records = [Record(kind="epoch", epoch=seq - 1 + n, data={"loss": seq + n}) for n in range(3)]
    store.write(claim, first_seq=seq, records=records, epoch=seq + 2)
    seq += 3
"""


@pytest.mark.parametrize("records_before_the_kill", [1, 40, 300])
def test_after_a_kill_the_history_is_whole_up_to_the_last_commit(
    store, url, records_before_the_kill
):
    claim = claimed(store)
    with subprocess.Popen([sys.executable, "-c", _WRITE_FOR_EVER, url, claim.run_id]) as process:
        wait_until(
            lambda: store.run(claim.run_id).epoch >= records_before_the_kill, "the writer wrote"
        )
        process.kill()
    reopened = Store(url)
    run, records = reopened.updates(claim.run_id)
    assert run.epoch == len(records) >= records_before_the_kill
    assert run.epoch % 3 == 0
    assert [record.cursor for record in records] == [Cursor(1, n + 1) for n in range(run.epoch)]
    assert [record.data["loss"] for record in records] == list(range(1, run.epoch + 1))
    reopened.write(claim, first_seq=run.epoch + 1, records=[epoch(run.epoch, loss=0.0)])
    reopened.close()


def test_a_store_of_a_newer_version_is_refused_in_a_sentence(store, url):
    run_id = store.create_run({})
    set_version(url, str(SCHEMA_VERSION + 1))
    with pytest.raises(StoreUnusable, match="made by a newer version of this program"):
        Store(url)
    set_version(url, str(SCHEMA_VERSION))
    reopened = Store(url)
    assert reopened.run(run_id).state == "queued"
    reopened.close()


def test_a_store_of_the_first_version_is_brought_up_to_date_and_keeps_its_runs(store, url):
    run_id = store.create_run({"dataset": "digits"})
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for table in ("evaluations", "inspections", "boundaries"):
            connection.execute(sa.text(f"DROP TABLE {table}"))
        connection.execute(sa.text("ALTER TABLE runs DROP COLUMN facts"))
    engine.dispose()
    set_version(url, "1")
    for _ in range(2):
        reopened = Store(url)
        run = reopened.run(run_id)
        assert (run.state, run.facts, run.config) == ("queued", {}, {"dataset": "digits"})
        assert reopened.evaluation(run_id) is None
        reopened.close()


def test_a_store_of_the_third_version_can_be_steered_and_keeps_its_runs(store, url):
    claim = claimed(store)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE attempts"))
        columns = ("speed", "learning_rate", "queue_number", "parent", "note")
        for column in (*(f"runs.{name}" for name in columns), "commands.value"):
            table, name = column.split(".")
            connection.execute(sa.text(f"ALTER TABLE {table} DROP COLUMN {name}"))
    engine.dispose()
    set_version(url, "3")
    for _ in range(2):
        reopened = Store(url)
        run = reopened.run(claim.run_id)
        assert (run.state, run.speed, run.learning_rate) == ("starting", None, None)
        assert (run.parent, run.note, run.queue_number) == (None, "", 0)
        reopened.send(claim.run_id, Command("speed", 2.0))
        assert reopened.take_commands(claim.run_id) == [Command("speed", 2.0)]
        reopened.close()


def test_a_store_of_the_fourth_version_has_runs_of_nobody_in_particular(store, url):
    run_id = store.create_run({"dataset": "digits"})
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for column in ("owner", "turn"):
            connection.execute(sa.text(f"ALTER TABLE runs DROP COLUMN {column}"))
    engine.dispose()
    set_version(url, "4")
    for _ in range(2):
        reopened = Store(url)
        assert reopened.run(run_id).owner == ""
        assert reopened.queue_place(reopened.run(run_id)) == 1
        reopened.close()


# -- owners ------------------------------------------------------------------------------------


ONE, OTHER = Person(owner="one"), Person(owner="other")
CHANGES = {
    "stop": lambda store, run_id: store.stop(run_id),
    "send": lambda store, run_id: store.send(run_id, Command("pause")),
    "rename": lambda store, run_id: store.describe(run_id, name="taken over"),
    "annotate": lambda store, run_id: store.describe(run_id, note="taken over"),
    "delete": lambda store, run_id: store.delete(run_id),
    "reopen": lambda store, run_id: store.reopen(store.run(run_id), {"dataset": "wine"}),
    "open the test set": lambda store, run_id: Inspections(store).ask(
        run_id, part="test", which="last"
    ),
}


@pytest.mark.parametrize("state", ["queued", "training", "finished"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("owner", ["one", ""])
def test_nobody_changes_another_s_run_or_one_of_nobody_s(store, owner, change, state):
    run_id = store.used_by(Person(owner=owner)).create_run({"dataset": "digits"})
    if state != "queued":
        store.write(store.claim_next("a worker", slots=1), state=state)
    before = store.run(run_id)
    for stranger in (OTHER, Person()):
        with pytest.raises(NotYours, match="^Only whoever started this run may do that, or the"):
            change(store.used_by(stranger), run_id)
    assert store.run(run_id) == before
    assert store.take_commands(run_id) == []
    assert Inspections(store).openings() == {}


@pytest.mark.parametrize("person", [ONE, Person(owner="teacher", is_in_charge=True), MACHINE])
def test_owner_teacher_and_machine_may_change_a_run(store, person):
    run_id = store.used_by(ONE).create_run({"dataset": "digits"})
    theirs = store.used_by(person)
    theirs.describe(run_id, name="renamed")
    claim = store.claim_next("a worker", slots=1)
    theirs.send(run_id, Command("pause"))
    store.write(claim, state="finished")
    Inspections(theirs).ask(run_id, part="test", which="last")
    theirs.reopen(store.run(run_id))
    assert store.run(run_id).owner == "one"
    theirs.stop(run_id)
    theirs.delete(run_id)
    assert store.runs() == []


def test_everybody_may_read_and_look_at_everybody_s_runs(store):
    run_id = store.used_by(ONE).create_run({"dataset": "digits"})
    theirs = store.used_by(OTHER)
    assert theirs.run(run_id) == store.run(run_id)
    Inspections(theirs).ask(run_id, part="validation", which="last")


def test_a_teacher_shows_one_run_to_everybody_until_they_end_it(store, other):
    first, second = (store.create_run({"dataset": "digits"}) for _ in range(2))
    assert other.broadcast_run() is None
    for run_id in (first, second):
        store.broadcast(run_id)
        assert other.broadcast_run().run_id == run_id
    store.broadcast(None)
    assert other.broadcast_run() is None
    with pytest.raises(RunNotFound):
        store.broadcast("0")


def test_nobody_but_a_teacher_shows_or_ends_anything(store):
    run_id = store.used_by(ONE).create_run({"dataset": "digits"})
    store.broadcast(run_id)
    for asked in (run_id, None):
        with pytest.raises(NotYours, match="^Only the teacher may show a run to everybody.$"):
            store.used_by(ONE).broadcast(asked)
    assert store.broadcast_run().run_id == run_id


def test_a_run_that_is_gone_is_shown_to_nobody(store):
    run_id = store.create_run({"dataset": "digits"})
    store.broadcast(run_id)
    store.stop(run_id)
    store.delete(run_id)
    assert store.broadcast_run() is None


def test_a_store_of_the_second_version_gets_room_for_boundaries_and_keeps_the_rest(store, url):
    claim = claimed(store)
    store.write(claim, first_seq=1, records=[counted(7)], epoch=1, facts={"target_name": "moon"})
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE boundaries"))
    engine.dispose()
    set_version(url, "2")
    for k in range(2):
        reopened = Store(url)
        assert reopened.run(claim.run_id).facts == {"target_name": "moon"}
        assert reopened.evaluation(claim.run_id).counts.header["count"] == 7
        assert len(reopened.boundaries(claim.run_id, limit=10)) == k
        reopened.write(claim, boundaries=[bounded(k)])
        reopened.close()
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        version = connection.execute(sa.text("SELECT value FROM meta")).scalar_one()
    engine.dispose()
    assert version == str(SCHEMA_VERSION)


# -- evaluations -------------------------------------------------------------------------------


def counted(count: int, *, epoch_: int = 0, loss: float = 1.0) -> Record:
    packed = PackedCounts(header={"kind": "classes", "count": count}, data=bytes([count]))
    return dataclasses.replace(epoch(epoch_, loss=loss), evaluation=packed)


def test_evaluations_are_stored_with_their_epochs_and_read_by_epoch(store, other):
    claim = claimed(store)
    records = [counted(k, epoch_=k) for k in range(10)]
    store.write(claim, first_seq=1, records=records, epoch=10, facts={"class_names": ["a", "b"]})
    assert other.run(claim.run_id).facts == {"class_names": ["a", "b"]}
    newest = other.evaluation(claim.run_id)
    assert (newest.epoch, newest.counts.header["count"], newest.counts.data) == (9, 9, b"\x09")
    assert other.evaluation(claim.run_id, 3).epoch == 3
    assert other.evaluation(claim.run_id, 10) is None
    everything, total, every = other.evaluations(claim.run_id, limit=100)
    assert [one.epoch for one in everything] == list(range(10))
    assert (total, every) == (10, 1)
    few, total, every = other.evaluations(claim.run_id, first=2, last=8, limit=4)
    assert [one.epoch for one in few] == [2, 4, 6, 8]
    assert [one.counts.header["count"] for one in few] == [2, 4, 6, 8]
    assert (total, every) == (7, 2)


def test_a_run_without_evaluations_has_none_and_no_run_is_not_found(store):
    run_id = store.create_run({})
    assert store.evaluation(run_id) is None
    assert store.evaluations(run_id, limit=5) == ([], 0, 1)
    for question in (store.evaluation, lambda run_id: store.evaluations(run_id, limit=5)):
        with pytest.raises(RunNotFound):
            question("nonsense")


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 99, 100])
@pytest.mark.parametrize("max_bytes", [None, 1, 20, 99, 100, 1000])
def test_of_too_many_evaluations_every_nth_and_the_last_are_told(store, limit, max_bytes):
    claim = claimed(store)
    store.write(claim, first_seq=1, records=[counted(k, epoch_=k) for k in range(100)])
    shown, total, every = store.evaluations(claim.run_id, limit=limit, max_bytes=max_bytes)
    epochs = [one.epoch for one in shown]
    assert total == 100
    assert epochs == sorted({*range(0, 100, every), 99})
    # Each weighs one byte.
    most = min(limit, max_bytes or 100)
    assert len(epochs) <= max(2, most)
    fewer = every - 1
    assert fewer == 0 or len({*range(0, 100, fewer), 99}) > most


def test_what_was_left_out_can_be_asked_for(store):
    claim = claimed(store)
    store.write(claim, first_seq=1, records=[counted(k, epoch_=k) for k in range(100)])
    shown = store.evaluations(claim.run_id, first=21, last=29, limit=10, max_bytes=10).shown
    assert [one.epoch for one in shown] == list(range(21, 30))


def test_large_evaluations_count_with_their_size_among_small_ones(store):
    claim = claimed(store)
    sizes = [1000 if number % 4 == 1 else 1 for number in range(40)]
    records = [
        dataclasses.replace(
            epoch(number, loss=1.0), evaluation=PackedCounts(header={}, data=bytes(size))
        )
        for number, size in enumerate(sizes)
    ]
    store.write(claim, first_seq=1, records=records)
    shown, total, every = store.evaluations(claim.run_id, limit=40, max_bytes=1000)
    assert (total, every) == (40, 2)
    assert sum(len(one.counts.data) for one in shown) <= 1000


def test_an_epoch_that_a_later_attempt_trained_again_is_told_once(store, url):
    claim = claimed(store)
    store.write(claim, first_seq=1, records=[counted(k, epoch_=k) for k in range(4)])
    store.interrupt(store.run(claim.run_id), "gone")
    requeue(url, claim.run_id)
    again = store.claim_next("successor", slots=8)
    store.write(again, first_seq=1, records=[counted(50 + k, epoch_=k) for k in (2, 3)])
    shown, total, _ = store.evaluations(claim.run_id, limit=10)
    assert [one.counts.header["count"] for one in shown] == [0, 1, 52, 53]
    assert total == 4


def test_a_writer_that_is_fenced_leaves_no_evaluation(store):
    claim = claimed(store)
    store.write(claim, state="finished")
    with pytest.raises(Fenced):
        store.write(claim, first_seq=1, records=[counted(1)])
    assert store.evaluation(claim.run_id) is None


# -- boundaries --------------------------------------------------------------------------------


def bounded(epoch_: int, data: bytes = b"surface") -> Boundary:
    return Boundary(
        epoch=epoch_, surface=PackedSurface(header={"kind": "score", "size": 3}, data=data)
    )


def test_boundaries_are_stored_and_read_by_epoch(store, other):
    claim = claimed(store)
    store.write(claim, boundaries=[bounded(3 * k, bytes([k])) for k in range(10)])
    newest = other.boundary(claim.run_id)
    assert (newest.epoch, newest.surface.data) == (27, b"\x09")
    assert newest.surface.header == {"kind": "score", "size": 3}
    assert other.boundary(claim.run_id, 3).surface.data == b"\x01"
    assert other.boundary(claim.run_id, 4) is None
    few = other.boundaries(claim.run_id, first=4, last=20, limit=3)
    assert [(one.epoch, one.surface.data[0]) for one in few] == [(6, 2), (12, 4), (18, 6)]
    for question in (store.boundary, lambda run_id: store.boundaries(run_id, limit=5)):
        with pytest.raises(RunNotFound):
            question("nonsense")


def test_boundaries_that_are_wanted_no_more_go_in_the_same_write(store):
    claim, another = claimed(store), claimed(store)
    store.write(another, boundaries=[bounded(k) for k in range(4)])
    store.write(claim, boundaries=[bounded(k) for k in range(4)])
    store.write(claim, boundaries=[bounded(4)], outdated_boundaries={1, 3})
    assert [one.epoch for one in store.boundaries(claim.run_id, limit=10)] == [0, 2, 4]
    assert len(store.boundaries(another.run_id, limit=10)) == 4


def test_a_writer_that_is_fenced_neither_leaves_nor_takes_a_boundary(store):
    claim = claimed(store)
    store.write(claim, boundaries=[bounded(0)], state="finished")
    with pytest.raises(Fenced):
        store.write(claim, boundaries=[bounded(1)], outdated_boundaries=[0])
    assert [one.epoch for one in store.boundaries(claim.run_id, limit=10)] == [0]


def set_version(url: str, version: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE meta SET value = :value WHERE key = 'schema_version'"),
            {"value": version},
        )
    engine.dispose()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "nonsense://x",
        "sqlite:////nowhere/to/be/found/runs.sqlite",
        "postgresql+nonsense://x/y",
        "postgresql+psycopg://localhost:port/runs",
    ],
)
def test_an_address_that_leads_nowhere_is_refused_in_a_sentence(address):
    with pytest.raises(StoreUnusable, match="cannot be used") as caught:
        Store(address)
    assert "\n" not in str(caught.value)
