"""A poll: a question of a lesson that a class votes on, in two rounds, and then runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.engine import Row

from trainer.choices import MAX_SEED
from trainer.lessons import Lesson, Scenario, find_lesson
from trainer.lessons.lesson import Question
from trainer.progress import PREDICT, question_part
from trainer.runs import ENDED

ROUNDS = 2


def votable(lesson: Lesson) -> dict[str, Question]:
    """Return what a class can vote on, by part: a prediction, or the questions of the quiz."""
    if lesson.questions:
        return {question_part(number): one for number, one in enumerate(lesson.questions)}
    return {PREDICT: lesson.predict}


@dataclass(frozen=True, kw_only=True)
class Poll:
    """A question that a class votes on.

    Attributes:
        number: Its key.
        room: The room's number.
        lesson: Which lesson.
        part: Which part of it, as `votable` has them.
        seed: From which the seeds of the members' runs are counted.
        round: The round that is, or was, voted in last: 1 or 2.
        is_open: Whether votes are taken.
        shows_recorded: Whether a recorded run is shown instead of waiting for live ones.
    """

    number: int
    room: int
    lesson: Lesson
    part: str
    seed: int
    round: int
    is_open: bool
    shows_recorded: bool

    @property
    def question(self) -> Question:
        """What is asked."""
        return votable(self.lesson)[self.part]

    @property
    def scenario(self) -> Scenario:
        """What is run after the vote."""
        lesson = self.lesson
        named = self.question.scenarios if lesson.questions else ()
        return lesson.scenario(named[0]) if named else lesson.scenarios[0]

    @property
    def signs(self) -> tuple[int, int, bool, bool]:
        """What is another once the poll has gone on."""
        return self.number, self.round, self.is_open, self.shows_recorded

    def seed_of(self, place: int) -> int:
        """Return the seed of whoever joined the room as its n-th: everybody has another one."""
        return (self.seed + place) % (MAX_SEED + 1)


@dataclass(frozen=True, kw_only=True)
class Ballot:
    """What one member of the room did in a poll.

    Attributes:
        place: As the how many-th they joined the room.
        choices: The number of the option, by round.
        run_id: Their newest run of it; None before there is one.
    """

    place: int
    choices: Mapping[int, int]
    run_id: str | None


@dataclass(frozen=True)
class Turnout:
    """How many are in the room, and how many of them have voted in the round that is on."""

    members: int
    voted: int


@dataclass(frozen=True, kw_only=True)
class ClassRun:
    """One member's run of what the class voted on, as far as a board needs it."""

    run_id: str
    place: int
    seed: int
    state: str
    attempt: int
    epoch: int
    created_at: float

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more, unless somebody has it go on."""
        return self.state in ENDED


def to_poll(row: Row) -> Poll:
    """Return the poll that a row of the table is about."""
    return Poll(
        number=row.number,
        room=row.room,
        lesson=find_lesson(row.lesson),
        part=row.part,
        seed=row.seed,
        round=row.round,
        is_open=row.is_open,
        shows_recorded=row.shows_recorded,
    )
