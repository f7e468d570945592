"""Rooms and polls: who joins, votes once a round, learns how the class voted, and leads."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from trainer import rooms as rooms_module
from trainer.errors import InvalidInput, NotPossible, NotYours, RoomNotFound
from trainer.lessons import LESSONS
from trainer.person import Person
from trainer.poll import votable
from trainer.polls import ROOM_SECONDS, Polls
from trainer.progress import PREDICT
from trainer.rooms import CODE_LENGTH, KEPT_SECONDS, LETTERS, Room, Rooms, new_code
from trainer.store import Store

LESSON = LESSONS["epochs_and_batches"]
TEACHER = Person(owner="browser teacher", is_in_charge=True)
OTHER_TEACHER = Person(owner="browser other", is_in_charge=True)
ANN, BEN = (Person(owner=f"browser {name}") for name in ("ann", "ben"))


class Clock:
    """Seconds since 1970, as the test has them."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class School:
    """A store, and people in it.

    Attributes:
        room: The room that the teacher opened.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = Clock()
        self.room: Room = self.rooms(TEACHER).open(LESSON, PREDICT, seed=7)

    def rooms(self, person: Person) -> Rooms:
        return Rooms(self.store.used_by(person), self.clock)

    def polls(self, person: Person) -> Polls:
        return Polls(self.store.used_by(person), self.clock)

    def join(self, *people: Person) -> None:
        for person in people:
            self.rooms(person).join(self.room.code)

    def vote(self, person: Person, choice: int, round: int = 1) -> None:
        self.polls(person).vote(self.room.poll, round, choice)

    def start(self, person: Person, state: str | None = None) -> str:
        """Add a run of the poll's scenario and note it."""
        polls = self.polls(person)
        poll = polls.poll(self.room.poll)
        config = poll.scenario.config(poll.seed_of(polls.ballot(poll.number).place)).to_dict()
        store = self.store.used_by(person)
        claim = store.open_run(config, worker="a worker", origin="dashboard")
        if state is not None:
            store.write(claim, state=state)
        polls.note_run(poll.number, claim.run_id)
        return claim.run_id


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{(tmp_path / 'runs.sqlite').as_posix()}"


@pytest.fixture
def school(url: str):
    store = Store(url)
    yield School(store)
    store.close()


def test_a_code_is_six_letters_that_nobody_takes_for_others() -> None:
    codes = {new_code() for _ in range(200)}

    assert len(codes) == 200
    assert all(len(code) == CODE_LENGTH and set(code) <= set(LETTERS) for code in codes)
    assert not set(LETTERS) & set("AEIOULY01")


def test_a_room_is_joined_by_its_code_however_it_is_typed(school: School) -> None:
    code = school.room.code
    for person, typed in ((ANN, code.lower()), (BEN, f" {code[:3]}-{code[3:]} ")):
        assert school.rooms(person).join(typed).number == school.room.number

    assert school.polls(TEACHER).turnout(school.room.poll).members == 2
    assert school.rooms(ANN).joined() == school.room


def test_who_joins_again_keeps_their_place(school: School) -> None:
    school.join(ANN, BEN, ANN)

    assert [school.polls(one).ballot(school.room.poll).place for one in (ANN, BEN)] == [1, 2]


@pytest.mark.parametrize("typed", ["", "BCDFGH", "x" * 10_000, "ÄÖÜ\x00☃"])
def test_no_other_code_opens_a_room(school: School, typed: str) -> None:
    with pytest.raises(RoomNotFound, match="^There is no open room with this code"):
        school.rooms(ANN).join(typed)


def test_only_who_is_in_charge_opens_a_room_and_has_one_at_a_time(school: School) -> None:
    with pytest.raises(NotYours, match="Only the teacher"):
        school.rooms(ANN).open(LESSON, PREDICT, seed=0)

    again = school.rooms(TEACHER).open(LESSON, PREDICT, seed=99)
    theirs = school.rooms(OTHER_TEACHER).open(LESSON, PREDICT, seed=0)

    assert again == school.room
    assert theirs.number != school.room.number and theirs.code != school.room.code


def test_who_opened_a_room_leads_it_and_does_not_join_it(school: School) -> None:
    with pytest.raises(NotPossible, match="your own room"):
        school.rooms(TEACHER).join(school.room.code)


def test_a_room_goes_along_to_the_next_lesson_and_back_with_all_that_was_voted(
    school: School,
) -> None:
    school.join(ANN)
    school.vote(ANN, 1)
    fraud = school.rooms(TEACHER).open(LESSONS["fraud"], PREDICT, seed=3)

    assert (fraud.number, fraud.code) == (school.room.number, school.room.code)
    with pytest.raises(NotPossible, match="closed"):
        school.vote(ANN, 1)
    with pytest.raises(NotPossible, match="gone on"):
        school.polls(TEACHER).close(school.room.poll, 1)
    school.polls(ANN).vote(fraud.poll, 1, 0)

    assert school.rooms(TEACHER).open(LESSON, PREDICT, seed=0).poll == school.room.poll
    assert school.polls(ANN).ballot(school.room.poll).choices == {1: 1}
    assert school.polls(TEACHER).poll(school.room.poll).seed == 7


def test_each_question_of_the_quiz_is_a_poll_of_its_own(school: School) -> None:
    quiz = LESSONS["quiz"]
    parts = list(votable(quiz))
    polls = [school.rooms(TEACHER).open(quiz, part, seed=0).poll for part in parts]

    assert len(set(polls)) == len(quiz.questions)
    asked = [school.polls(TEACHER).poll(poll) for poll in polls]
    assert [poll.question for poll in asked] == list(quiz.questions)
    assert [poll.scenario.name for poll in asked] == [one.scenarios[0] for one in quiz.questions]
    with pytest.raises(InvalidInput, match="^part must be one of question 0"):
        school.rooms(TEACHER).open(quiz, PREDICT, seed=0)


def test_a_vote_stays_and_a_second_one_of_the_round_is_refused(school: School) -> None:
    school.join(ANN)
    school.vote(ANN, 1)

    with pytest.raises(NotPossible, match="is in already"):
        school.vote(ANN, 2)

    assert school.polls(ANN).ballot(school.room.poll).choices == {1: 1}


def test_of_many_presses_at_the_same_moment_one_counts(school: School) -> None:
    school.join(ANN)

    def press(choice: int) -> bool:
        try:
            school.vote(ANN, choice % 4)
        except NotPossible:
            return False
        return True

    with ThreadPoolExecutor(8) as tabs:
        assert sum(tabs.map(press, range(16))) == 1
    assert school.polls(TEACHER).turnout(school.room.poll).voted == 1


@pytest.mark.parametrize("choice", [-1, 4, 10**9])
def test_an_option_that_there_is_not_is_refused(school: School, choice: int) -> None:
    school.join(ANN)
    with pytest.raises(InvalidInput, match="^choice must be an option from 0 to 3"):
        school.vote(ANN, choice)


def test_who_has_not_joined_neither_votes_nor_sees_bars(school: School) -> None:
    poll = school.room.poll
    for forbidden in (
        lambda: school.vote(ANN, 1),
        lambda: school.polls(ANN).ballot(poll),
        lambda: school.polls(ANN).bars(poll),
        lambda: school.polls(OTHER_TEACHER).bars(poll),
    ):
        with pytest.raises(NotYours):
            forbidden()


def test_bars_are_nobody_s_until_the_vote_is_closed_the_teacher_s_neither(school: School) -> None:
    school.join(ANN, BEN)
    school.vote(ANN, 1)
    school.vote(BEN, 3)
    poll = school.room.poll
    for person in (ANN, BEN, TEACHER):
        with pytest.raises(NotPossible, match="told once the vote is closed"):
            school.polls(person).bars(poll)
    assert dataclasses.astuple(school.polls(TEACHER).turnout(poll)) == (2, 2)
    assert school.polls(TEACHER).counted(school.room.number) == []

    school.polls(TEACHER).close(poll, 1)

    for person in (ANN, BEN, TEACHER):
        assert school.polls(person).bars(poll) == [[0, 1, 0, 1]]


def test_after_talking_the_class_votes_once_more_and_sees_both_rounds(school: School) -> None:
    school.join(ANN, BEN)
    poll, teacher = school.room.poll, school.polls(TEACHER)
    school.vote(ANN, 0)
    school.vote(BEN, 1)
    teacher.close(poll, 1)
    with pytest.raises(NotPossible, match="closed"):
        school.vote(ANN, 1)
    teacher.vote_again(poll)

    with pytest.raises(NotPossible):
        school.polls(ANN).bars(poll)
    with pytest.raises(NotPossible, match="closed"):  # a page that still shows the first round
        school.vote(ANN, 1, round=1)
    school.vote(ANN, 1, round=2)
    assert dataclasses.astuple(teacher.turnout(poll)) == (2, 1)
    with pytest.raises(NotPossible, match="second vote already"):  # the teacher's other tab
        teacher.close(poll, 1)
    school.vote(BEN, 1, round=2)
    teacher.close(poll, 2)

    assert school.polls(BEN).bars(poll) == [[1, 1, 0, 0], [0, 2, 0, 0]]
    with pytest.raises(NotPossible, match="second vote already"):
        teacher.vote_again(poll)


def test_the_second_round_may_follow_without_a_look_at_the_first(school: School) -> None:
    school.join(ANN)
    school.vote(ANN, 0)
    school.polls(TEACHER).vote_again(school.room.poll)

    school.vote(ANN, 1, round=2)

    assert school.polls(ANN).ballot(school.room.poll).choices == {1: 0, 2: 1}


@pytest.mark.parametrize("person", [ANN, OTHER_TEACHER, Person(owner=TEACHER.owner)])
def test_nobody_but_the_owner_leads_a_room(school: School, person: Person) -> None:
    if person is ANN:
        school.join(ANN)
    polls, poll = school.polls(person), school.room.poll
    for forbidden in (
        lambda: polls.close(poll, 1),
        lambda: polls.vote_again(poll),
        lambda: polls.show_recorded(poll, is_shown=True),
        lambda: polls.turnout(poll),
        lambda: polls.runs(poll),
        lambda: polls.counted(school.room.number),
    ):
        with pytest.raises(NotYours):
            forbidden()

    assert school.polls(TEACHER).poll(poll).is_open
    if person is not ANN:
        return
    school.rooms(person).end()
    assert not school.rooms(TEACHER).open(LESSON, PREDICT, seed=0).is_over


def test_everybody_runs_it_with_a_seed_of_their_own_once_the_vote_is_closed(
    school: School,
) -> None:
    school.join(ANN, BEN)
    with pytest.raises(NotPossible, match="The vote comes first"):
        school.start(ANN)
    school.polls(TEACHER).close(school.room.poll, 1)
    stopped, ben = school.start(ANN, "stopped"), school.start(BEN)
    ann = school.start(ANN, "finished")

    board = school.polls(TEACHER).runs(school.room.poll)

    assert [(one.run_id, one.seed, one.is_over) for one in board] == [
        (ann, 8, True),
        (ben, 9, False),
    ]
    assert school.polls(ANN).ballot(school.room.poll).run_id == ann
    assert school.store.run(ann).config["seed"] == 8
    school.store.delete(ann)
    assert [one.run_id for one in school.polls(TEACHER).runs(school.room.poll)] == [stopped, ben]


def test_somebody_else_s_run_is_not_brought_to_the_board(school: School) -> None:
    school.join(ANN, BEN)
    school.polls(TEACHER).close(school.room.poll, 1)
    run_id = school.start(ANN)

    with pytest.raises(NotYours):
        school.polls(BEN).note_run(school.room.poll, run_id)


def test_seeds_start_anew_behind_the_largest(school: School) -> None:
    poll = dataclasses.replace(school.polls(TEACHER).poll(school.room.poll), seed=2**31 - 1)

    assert poll.seed_of(1) == 0
    assert poll.scenario.config(poll.seed_of(1)).seed == 0


def test_signs_change_with_what_one_sees_and_are_nobody_else_s(school: School) -> None:
    school.join(ANN, BEN)
    code, poll = school.room.code, school.room.poll

    def signs(*people: Person) -> list[str | None]:
        return [school.rooms(one).signs(code) for one in people]

    assert signs(OTHER_TEACHER) == [None]
    seen = signs(TEACHER, ANN, BEN)
    assert seen == signs(TEACHER, ANN, BEN)
    school.vote(ANN, 1)
    changed = signs(TEACHER, ANN, BEN)
    assert [a != b for a, b in zip(seen, changed, strict=True)] == [True, True, False]
    school.polls(TEACHER).close(poll, 1)
    closed = signs(TEACHER, ANN, BEN)
    assert all(a != b for a, b in zip(changed, closed, strict=True))
    school.start(ANN)
    started = signs(TEACHER, ANN, BEN)
    assert [a != b for a, b in zip(closed, started, strict=True)] == [True, True, False]
    school.rooms(TEACHER).end()
    assert all(a != b for a, b in zip(started, signs(TEACHER, ANN, BEN), strict=True))


def test_votes_are_told_by_misconception_and_name_nobody(school: School) -> None:
    school.join(ANN, BEN)
    school.vote(ANN, 0)
    school.vote(BEN, 1)
    school.polls(TEACHER).close(school.room.poll, 1)

    lines = school.polls(TEACHER).counted(school.room.number)

    assert [line["votes"] for line in lines] == [1, 1, 0, 0]
    assert lines[0] == {
        "lesson": "epochs_and_batches",
        "question": LESSON.predict.text,
        "round": 1,
        "option": "3",
        "misconception": "An epoch is one update.",
        "right": "no",
        "votes": 1,
    }
    assert (lines[1]["misconception"], lines[1]["right"]) == ("", "yes")
    assert "browser" not in str(lines)


def test_an_ended_room_takes_nobody_and_no_vote_and_its_owner_still_has_the_votes(
    school: School,
) -> None:
    school.join(ANN)
    school.vote(ANN, 1)

    school.rooms(TEACHER).end()

    with pytest.raises(NotPossible, match="This room has ended."):
        school.join(BEN)
    with pytest.raises(NotPossible):
        school.vote(ANN, 1, round=1)
    assert school.rooms(ANN).joined() is None
    known = school.rooms(ANN).known(school.room.code)
    assert known is not None and known.is_over
    assert school.rooms(BEN).known(school.room.code) is None
    assert school.rooms(TEACHER).mine() is None
    last = school.rooms(TEACHER).last()
    assert last is not None and len(school.polls(TEACHER).counted(last.number)) == 4
    assert school.rooms(TEACHER).open(LESSON, PREDICT, seed=0).number != school.room.number


def test_a_forgotten_room_is_over_after_half_a_day_and_gone_after_a_month(school: School) -> None:
    school.join(ANN)
    school.vote(ANN, 1)
    school.polls(TEACHER).close(school.room.poll, 1)
    school.start(ANN, "finished")
    fraud = school.rooms(TEACHER).open(LESSONS["fraud"], PREDICT, seed=3)
    school.polls(ANN).vote(fraud.poll, 1, 0)
    assert len(school.polls(TEACHER).counted(school.room.number)) == 4
    school.clock.now += ROOM_SECONDS
    with pytest.raises(NotPossible, match="This room has ended."):
        school.join(BEN)
    # Nobody can close what was still open by then, and nobody votes in it any more.
    late = school.polls(TEACHER).counted(school.room.number)[4:]
    assert (late[0]["lesson"], late[0]["votes"]) == ("fraud", 1)

    school.clock.now += KEPT_SECONDS
    school.rooms(TEACHER).open(LESSON, PREDICT, seed=0)

    with pytest.raises(RoomNotFound):
        school.polls(TEACHER).counted(school.room.number)
    assert len(school.store.runs()) == 1  # the run stays


def test_rooms_and_their_members_are_limited(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms_module, "MAX_ROOMS", 1)
    monkeypatch.setattr(rooms_module, "MAX_MEMBERS", 1)
    school.join(ANN)

    with pytest.raises(NotPossible, match="The room is full"):
        school.join(BEN)
    school.join(ANN)
    with pytest.raises(NotPossible, match="There are 1 open rooms already"):
        school.rooms(OTHER_TEACHER).open(LESSON, PREDICT, seed=0)


@pytest.mark.parametrize("name", LESSONS)
def test_each_wrong_option_that_a_class_can_choose_names_its_misconception(name: str) -> None:
    for question in votable(LESSONS[name]).values():
        beliefs = [option.belief for option in question.options]
        assert [not belief for belief in beliefs] == [one.is_right for one in question.options]
        assert len(set(beliefs)) == len(beliefs)


def test_a_store_of_the_version_before_gets_room_for_rooms(url: str) -> None:
    store = Store(url)
    run_id = store.create_run({"dataset": "iris"})
    store.close()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for table in ("poll_runs", "votes", "polls", "room_members", "rooms"):
            connection.execute(sa.text(f"DROP TABLE {table}"))
        connection.execute(sa.text("UPDATE meta SET value = '6' WHERE key = 'schema_version'"))
    engine.dispose()

    reopened = Store(url)
    school = School(reopened)
    school.join(ANN)
    school.vote(ANN, 1)

    assert reopened.run(run_id).state == "queued"
    assert school.polls(ANN).ballot(school.room.poll).choices == {1: 1}
    reopened.close()
