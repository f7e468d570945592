"""How far people are in the lessons: kept per person, locked, and begun anew."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from trainer import withheld
from trainer.errors import InvalidInput, NotPossible, NotYours
from trainer.inspections import Inspections
from trainer.lessons import LESSONS
from trainer.person import Person
from trainer.progress import (
    CHALLENGE,
    PREDICT,
    LessonProgress,
    mark_of,
    parts_of,
    question_part,
)
from trainer.runs import Parent
from trainer.schema import LESSON_ANSWERS, SCHEMA_VERSION
from trainer.store import Store
from trainer.withheld import RECORD

LESSON = LESSONS["epochs_and_batches"]
QUIZ = LESSONS["quiz"]
ANN, BEN = (Person(owner=f"browser {name}") for name in ("ann", "ben"))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{(tmp_path / 'runs.sqlite').as_posix()}"


@pytest.fixture
def store(url: str):
    store = Store(url)
    yield store
    store.close()


@pytest.fixture
def ann(store: Store) -> LessonProgress:
    return LessonProgress(store.used_by(ANN))


@pytest.fixture
def train(store: Store) -> Callable[..., str]:
    """Add a run of a scenario that ended like this."""

    def add(
        person: Person, scenario: str, state: str = "finished", lesson=LESSON, seed: int = 7
    ) -> str:
        config = lesson.scenario(scenario).config(seed)
        owner = store.used_by(person)
        claim = owner.open_run(config.to_dict(), worker="a worker", origin="dashboard")
        store.write(claim, state=state)
        LessonProgress(owner).note_run(lesson, scenario, claim.run_id)
        return claim.run_id

    return add


def test_at_first_nobody_has_begun_anything(ann: LessonProgress) -> None:
    assert list(ann.marks()) == list(LESSONS)
    assert set(ann.marks().values()) == {"new"}
    assert ann.standing(LESSON).first is None


def test_a_prediction_opens_the_first_run_and_nothing_else(ann: LessonProgress) -> None:
    assert not ann.standing(LESSON).may_start("batch_2")

    ann.lock(LESSON, PREDICT, 1)

    standing = ann.standing(LESSON)
    assert standing.answers == {PREDICT: 1}
    assert [one.name for one in LESSON.scenarios if standing.may_start(one.name)] == ["batch_2"]
    assert ann.marks()[LESSON.name] == "begun"


def test_an_answer_that_is_locked_in_stays_as_it_is(ann: LessonProgress) -> None:
    ann.lock(LESSON, PREDICT, 1)
    ann.lock(LESSON, PREDICT, 2)

    assert ann.standing(LESSON).answers == {PREDICT: 1}


def test_what_an_earlier_release_asked_is_not_answered(store: Store, ann: LessonProgress) -> None:
    gone = ((PREDICT, 99), ("a question", 0))
    with store.transaction(writes=True) as connection:
        for part, choice in gone:
            answer = {"owner": ANN.owner, "lesson": LESSON.name, "part": part, "choice": choice}
            connection.execute(LESSON_ANSWERS.insert().values(**answer, answered_at=0.0))
    assert ann.standing(LESSON).answers == {}
    assert ann.marks()[LESSON.name] == "new"

    ann.lock(LESSON, PREDICT, 1)

    assert ann.standing(LESSON).answers == {PREDICT: 1}


def test_of_two_tabs_that_lock_in_at_the_same_time_one_answer_stays(
    store: Store, ann: LessonProgress
) -> None:
    with ThreadPoolExecutor(8) as tabs:
        list(tabs.map(lambda choice: ann.lock(LESSON, PREDICT, choice % 4), range(16)))

    assert len(ann.standing(LESSON).answers) == 1


def test_the_observation_waits_for_a_run_that_came_to_its_end(
    ann: LessonProgress, train: Callable[..., str]
) -> None:
    ann.lock(LESSON, PREDICT, 1)
    with pytest.raises(NotPossible, match="The run comes first"):
        ann.lock(LESSON, RECORD, 0)
    train(ANN, "batch_2", "stopped")
    with pytest.raises(NotPossible, match="The run comes first"):
        ann.lock(LESSON, RECORD, 0)
    with pytest.raises(NotPossible, match="Record first"):
        ann.lock(LESSON, CHALLENGE, 0)

    train(ANN, "batch_2")
    ann.lock(LESSON, RECORD, len(LESSON.record))

    assert ann.standing(LESSON).is_revealed


def test_what_was_recorded_opens_the_knob_and_the_challenge_its_own_cases(
    ann: LessonProgress, train: Callable[..., str]
) -> None:
    ann.lock(LESSON, PREDICT, 1)
    train(ANN, "batch_2")
    ann.lock(LESSON, RECORD, 0)
    standing = ann.standing(LESSON)
    opened = [one.name for one in LESSON.scenarios if standing.may_start(one.name)]
    assert opened == ["batch_2", "batch_1", "batch_4"]

    ann.lock(LESSON, CHALLENGE, 2)

    standing = ann.standing(LESSON)
    assert all(standing.may_start(one.name) for one in LESSON.scenarios)
    assert ann.marks()[LESSON.name] == "done"


def test_the_first_run_that_came_to_its_end_is_the_one_that_is_observed(
    ann: LessonProgress, train: Callable[..., str]
) -> None:
    stopped = train(ANN, "batch_2", "stopped")
    assert ann.standing(LESSON).first.run.run_id == stopped
    assert not ann.standing(LESSON).has_run
    observed = train(ANN, "batch_2", "diverged")
    train(ANN, "batch_2")
    other = train(ANN, "batch_1")

    standing = ann.standing(LESSON)

    assert standing.first.run.run_id == standing.newest("batch_2").run.run_id == observed
    assert standing.newest("batch_1").run.run_id == other
    assert standing.newest("batch_4") is None
    assert standing.seed == 7


def test_what_one_person_does_another_does_not_see(
    store: Store, ann: LessonProgress, train: Callable[..., str]
) -> None:
    ann.lock(LESSON, PREDICT, 1)
    train(ANN, "batch_2")
    ben = LessonProgress(store.used_by(BEN))

    assert ben.standing(LESSON).answers == {}
    assert ben.standing(LESSON).runs == ()
    ben.lock(LESSON, PREDICT, 0)
    ben.reset()

    assert ann.standing(LESSON).answers == {PREDICT: 1}
    assert len(ann.standing(LESSON).runs) == 1


def test_one_lesson_or_all_are_begun_anew_and_the_runs_stay(
    store: Store, ann: LessonProgress, train: Callable[..., str]
) -> None:
    ann.lock(LESSON, PREDICT, 1)
    ann.lock(QUIZ, question_part(0), 0)
    run_id = train(ANN, "batch_2")

    ann.reset(LESSON)
    assert ann.marks()[LESSON.name] == "new"
    assert ann.standing(LESSON).runs == ()
    assert ann.marks()["quiz"] == "begun"
    ann.lock(LESSON, PREDICT, 3)
    ann.reset()

    assert set(ann.marks().values()) == {"new"}
    assert store.run(run_id).state == "finished"


def test_a_run_that_is_deleted_leaves_the_answers(
    store: Store, ann: LessonProgress, train: Callable[..., str]
) -> None:
    ann.lock(LESSON, PREDICT, 1)
    store.delete(train(ANN, "batch_2"))

    assert ann.standing(LESSON).runs == ()
    assert ann.standing(LESSON).answers == {PREDICT: 1}


def test_a_run_is_part_of_a_lesson_once(
    store: Store, ann: LessonProgress, train: Callable[..., str]
) -> None:
    run_id = train(ANN, "batch_2")
    ann.note_run(LESSON, "batch_2", run_id)

    assert len(ann.standing(LESSON).runs) == 1


def test_progress_outlives_the_program(url: str, ann: LessonProgress) -> None:
    ann.lock(LESSON, PREDICT, 2)

    later = Store(url)

    assert LessonProgress(later.used_by(ANN)).standing(LESSON).answers == {PREDICT: 2}
    later.close()


@pytest.mark.parametrize(
    ("part", "choice", "named"),
    [("guess", 0, "part must be one of"), (PREDICT, 4, "choice"), (PREDICT, -1, "choice")],
)
def test_what_a_lesson_does_not_ask_is_refused(
    part: str, choice: int, named: str, ann: LessonProgress
) -> None:
    with pytest.raises(InvalidInput, match=named):
        ann.lock(LESSON, part, choice)


def test_a_question_of_the_quiz_opens_its_own_case(ann: LessonProgress) -> None:
    ann.lock(QUIZ, question_part(1), 0)

    standing = ann.standing(QUIZ)
    opened = [one.name for one in QUIZ.scenarios if standing.may_start(one.name)]
    assert opened == ["ten_epochs"]


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_done_once_all_it_asks_is_answered(name: str) -> None:
    parts = parts_of(LESSONS[name])
    answers = dict.fromkeys(parts, 0)

    assert mark_of(LESSONS[name], answers) == "done"
    assert mark_of(LESSONS[name], dict(list(answers.items())[:-1])) == "begun"
    assert mark_of(LESSONS[name], {}) == "new"


def test_what_was_seen_in_a_run_that_was_deleted_is_recorded_anew_with_the_next_one(
    store: Store, ann: LessonProgress, train: Callable[..., str]
) -> None:
    ann.lock(LESSON, PREDICT, 1)
    first = train(ANN, "batch_2")
    ann.lock(LESSON, RECORD, 0)
    train(ANN, "batch_1")
    assert not ann.standing(LESSON).has_lost_run

    store.delete(first)

    standing = ann.standing(LESSON)
    assert standing.has_lost_run and standing.is_revealed and standing.may_start("batch_2")
    assert standing.seed == 7  # what is run again is compared with what is still there
    train(ANN, "batch_4")
    assert ann.standing(LESSON).is_revealed
    train(ANN, "batch_2")
    assert ann.standing(LESSON).answers == {PREDICT: 1}
    train(ANN, "batch_2")
    ann.lock(LESSON, RECORD, 1)
    assert ann.standing(LESSON).answers == {PREDICT: 1, RECORD: 1}


def test_runs_are_compared_with_those_of_their_own_seed_alone(
    ann: LessonProgress, train: Callable[..., str]
) -> None:
    for seed in (7, 8):
        train(ANN, "batch_1", seed=seed)
    assert [ann.standing(LESSON).beside(one) for one in ann.standing(LESSON).runs] == [None, None]
    for seed in (7, 8, 9):
        train(ANN, "batch_2", seed=seed)

    standing = ann.standing(LESSON)

    ones = [one for one in standing.runs if one.scenario == "batch_1"]
    beside = [standing.beside(one) for one in ones]
    assert [(one.scenario, one.seed) for one in beside if one] == [("batch_2", 7), ("batch_2", 8)]
    first, newest = standing.first, standing.newest("batch_1")
    assert first is not None and newest is not None
    assert first.seed == newest.seed == standing.seed == 7
    assert standing.beside(first) is None


def test_verdicts_are_silent_until_the_owner_has_recorded_what_they_saw(
    store: Store, ann: LessonProgress, train: Callable[..., str]
) -> None:
    ann.lock(LESSON, PREDICT, 1)
    run_id = train(ANN, "batch_2")
    assert store.is_withheld(run_id)
    LessonProgress(store.used_by(BEN)).lock(LESSON, PREDICT, 1)
    assert store.is_withheld(run_id)

    ann.lock(LESSON, RECORD, 0)

    assert not store.is_withheld(run_id)


def test_a_fork_of_a_lesson_s_run_is_as_silent_as_that_run_whoever_made_it(
    store: Store, ann: LessonProgress, train: Callable[..., str]
) -> None:
    def fork(of: str) -> str:
        parent = Parent(of, "a run", 2, "learning_rate", 0.1, 0.01)
        return store.used_by(BEN).create_run({"dataset": "iris"}, parent=parent)

    ann.lock(LESSON, PREDICT, 1)
    run_id = train(ANN, "batch_2")
    forked = fork(run_id)
    again = fork(forked)
    store.delete(run_id)
    assert store.is_withheld(forked) and store.is_withheld(again)
    assert ann.standing(LESSON).runs == ()  # a fork is no step of the lesson

    train(ANN, "batch_2")
    ann.lock(LESSON, RECORD, 0)

    assert not store.is_withheld(forked) and not store.is_withheld(again)
    assert not store.is_withheld(fork(store.create_run({"dataset": "iris"})))


def test_nobody_breaks_the_seal_of_a_run_that_is_still_to_be_observed(
    store: Store, ann: LessonProgress, train: Callable[..., str]
) -> None:
    ann.lock(LESSON, PREDICT, 1)
    run_id = train(ANN, "batch_2")
    with pytest.raises(NotPossible, match="stay sealed until"):
        Inspections(store).ask(run_id, part="test", which="last")
    assert Inspections(store).ask(run_id, part="validation", which="last")

    ann.lock(LESSON, RECORD, 0)

    assert Inspections(store.used_by(ANN)).ask(run_id, part="test", which="last")


def test_who_shows_the_answers_to_a_class_has_them_said_and_takes_them_back(
    store: Store, train: Callable[..., str]
) -> None:
    teacher = Person(owner="browser of the teacher", is_in_charge=True)
    leading = LessonProgress(store.used_by(teacher))
    run_id, others = train(teacher, "batch_2"), train(ANN, "batch_2")
    assert store.is_withheld(run_id)

    leading.tell(LESSON, is_told=True)
    leading.tell(LESSON, is_told=True)

    assert not store.is_withheld(run_id) and store.is_withheld(others)
    assert leading.standing(LESSON).answers == {}
    leading.tell(LESSON, is_told=False)
    assert store.is_withheld(run_id)


def test_a_student_shows_nobody_the_answers(ann: LessonProgress) -> None:
    with pytest.raises(NotYours, match="Only the teacher"):
        ann.tell(LESSON, is_told=True)


def test_verdicts_on_other_runs_and_on_the_quiz_s_are_never_silent(
    store: Store, train: Callable[..., str]
) -> None:
    assert [lesson.name for lesson in LESSONS.values() if lesson.questions] == [withheld.QUIZ]
    assert not store.is_withheld(store.create_run({"dataset": "iris"}))
    assert not store.is_withheld(train(ANN, "batch_1", lesson=QUIZ))


def test_a_store_of_the_version_before_gets_room_for_progress(url: str, store: Store) -> None:
    run_id = store.create_run({"dataset": "iris"})
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE lesson_answers"))
        connection.execute(sa.text("DROP TABLE lesson_runs"))
        connection.execute(sa.text("UPDATE meta SET value = '5' WHERE key = 'schema_version'"))

    reopened = Store(url)
    LessonProgress(reopened.used_by(ANN)).lock(LESSON, PREDICT, 1)

    assert reopened.run(run_id).state == "queued"
    assert LessonProgress(reopened.used_by(ANN)).marks()[LESSON.name] == "begun"
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT value FROM meta")).scalar_one() == str(
            SCHEMA_VERSION
        )
    engine.dispose()
    reopened.close()


def test_a_run_may_begin_in_slow_motion_and_does_so_once(store: Store) -> None:
    run_id = store.create_run({"dataset": "iris"}, speed=2.0)
    claim = store.claim_next("a worker", slots=1)
    assert claim is not None
    assert store.run(run_id).speed == 2.0
    store.write(claim, state="finished")

    store.reopen(store.run(run_id), worker="a worker")

    assert store.run(run_id).speed is None
