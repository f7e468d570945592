"""How far people are in the lessons: what they answered, and which runs were part of it.

An answer that is locked in stays as it was given until its owner starts the lesson anew; the runs
are runs like any other, and stay then too.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from trainer.errors import InvalidInput, NotPossible, NotYours, RunNotFound
from trainer.lessons import LESSONS, Lesson
from trainer.runs import Run
from trainer.schema import LESSON_ANSWERS, LESSON_RUNS
from trainer.store import Store
from trainer.withheld import RECORD, TOLD

PREDICT, CHALLENGE = "predict", "challenge"
# A run that trained to its end, be that a bad one, has shown something.
SHOWN = ("finished", "diverged")
Mark = Literal["new", "begun", "done"]


def question_part(number: int) -> str:
    """Return the part of the quiz that is one of its questions, counted from 0."""
    return f"question {number}"


@dataclass(frozen=True, kw_only=True)
class LessonRun:
    """A run that somebody started in a lesson, and which of its scenarios it trains."""

    scenario: str
    run: Run

    @property
    def has_shown(self) -> bool:
        """Whether it trained to its end, be that a bad one, so that there is something to see."""
        return self.run.state in SHOWN

    @property
    def seed(self) -> int:
        """With which seed: runs of several are not compared."""
        return int(self.run.config.get("seed", 0))


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far somebody is in one lesson.

    Attributes:
        lesson: Which lesson.
        answers: The number of the option, counted from 0, by part.
        runs: What they started, oldest first.
    """

    lesson: Lesson
    answers: Mapping[str, int]
    runs: tuple[LessonRun, ...] = ()

    @property
    def first(self) -> LessonRun | None:
        """The run that the observation is about: the first of its scenario that came to an end.

        As long as none has, the newest one; None before any.
        """
        return self._first_of(self.runs)

    @property
    def has_run(self) -> bool:
        """Whether there is something to observe."""
        return self.first is not None and self.first.has_shown

    @property
    def is_revealed(self) -> bool:
        """Whether the observation is made, so that nothing is given away any more."""
        return RECORD in self.answers

    @property
    def has_lost_run(self) -> bool:
        """Whether the run that the observation is about was deleted."""
        return self.is_revealed and not self.has_run

    @property
    def seed(self) -> int | None:
        """The seed of the first run, which all others keep; None before any."""
        oldest = self.first or next(iter(self.runs), None)
        return None if oldest is None else oldest.seed

    @property
    def compared(self) -> tuple[LessonRun, ...]:
        """The runs of one seed; whoever also presents the lesson has others, too."""
        return tuple(one for one in self.runs if one.seed == self.seed)

    def newest(self, scenario: str) -> LessonRun | None:
        """Return the newest run of a scenario, of the first one that which was observed."""
        if self.first is not None and scenario == self.first.scenario:
            return self.first
        return next((one for one in self.compared[::-1] if one.scenario == scenario), None)

    def beside(self, shown: LessonRun) -> LessonRun | None:
        """Return the first scenario's run that differs from a run in the knob alone, if any."""
        first = self._first_of([one for one in self.runs if one.seed == shown.seed])
        if first is None or self.lesson.questions or first.scenario == shown.scenario:
            return None
        are_positions = {first.scenario, shown.scenario} <= set(self.lesson.knob.scenarios)
        return first if are_positions else None

    def _first_of(self, runs: Sequence[LessonRun]) -> LessonRun | None:
        of_first = [one for one in runs if one.scenario == self.lesson.scenarios[0].name]
        ended = [one for one in of_first if one.has_shown]
        return next(iter(ended or of_first[::-1]), None)

    def may_start(self, scenario: str) -> bool:
        """Return whether a scenario may be started: a prediction comes before what it is about."""
        lesson = self.lesson
        if lesson.questions:
            parts = [
                question_part(number)
                for number, question in enumerate(lesson.questions)
                if scenario in question.scenarios
            ]
            return any(part in self.answers for part in parts)
        if scenario == lesson.scenarios[0].name:
            return PREDICT in self.answers
        is_on_knob = scenario in lesson.knob.scenarios
        is_challenge = scenario in lesson.challenge.scenarios
        return (is_on_knob and self.is_revealed) or (is_challenge and CHALLENGE in self.answers)


def parts_of(lesson: Lesson) -> dict[str, int]:
    """Return what is answered in a lesson, in order, and among how many options each."""
    if lesson.questions:
        return {
            question_part(number): len(question.options)
            for number, question in enumerate(lesson.questions)
        }
    return {
        PREDICT: len(lesson.predict.options),
        # One more than there are sights: something else, or nothing that could be told.
        RECORD: len(lesson.record) + 1,
        CHALLENGE: len(lesson.challenge.options),
    }


def mark_of(lesson: Lesson, answers: Mapping[str, int]) -> Mark:
    """Return whether all that a lesson asks is answered, something, or nothing."""
    if not answers:
        return "new"
    return "done" if all(part in answers for part in parts_of(lesson)) else "begun"


def _known(lesson: Lesson, answers: Mapping[str, int]) -> dict[str, int]:
    """Return the answers that the lesson still asks for: releases change what is asked."""
    counts = parts_of(lesson)
    return {part: choice for part, choice in answers.items() if 0 <= choice < counts.get(part, 0)}


class LessonProgress:
    """The lessons as the person who uses the store has done them.

    Args:
        store: Where it is kept, as that person has it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._owner = store.person.owner

    def marks(self) -> dict[str, Mark]:
        """Return how far the person is, by the lesson's name, in the order of the table."""
        wanted = sa.select(LESSON_ANSWERS).where(LESSON_ANSWERS.c.owner == self._owner)
        with self._store.transaction() as connection:
            rows = connection.execute(wanted).all()
        answers: dict[str, dict[str, int]] = {name: {} for name in LESSONS}
        for row in rows:
            answers.setdefault(row.lesson, {})[row.part] = row.choice
        return {
            name: mark_of(lesson, _known(lesson, answers[name])) for name, lesson in LESSONS.items()
        }

    def standing(self, lesson: Lesson) -> Standing:
        """Return how far the person is in a lesson."""
        wanted = (
            sa.select(LESSON_RUNS.c.scenario, LESSON_RUNS.c.run_id)
            .where(LESSON_RUNS.c.owner == self._owner, LESSON_RUNS.c.lesson == lesson.name)
            .distinct()
        )
        with self._store.transaction() as connection:
            answers = self._answers(connection, lesson)
            rows = connection.execute(wanted).all()
        runs = []
        known = {scenario.name for scenario in lesson.scenarios}
        for scenario, run_id in rows:
            if scenario not in known:  # of an earlier release
                continue
            try:
                runs.append(LessonRun(scenario=scenario, run=self._store.run(run_id)))
            except RunNotFound:  # somebody deletes it at this moment
                continue
        runs.sort(key=lambda one: one.run.number)
        return Standing(lesson=lesson, answers=answers, runs=tuple(runs))

    def lock(self, lesson: Lesson, part: str, choice: int) -> None:
        """Keep an answer for good; where there is one already, e.g. by another tab, that stays.

        Raises:
            InvalidInput: The lesson asks no such thing, or has no such option.
            NotPossible: What comes before it in the lesson is still to be done.
        """
        counts = parts_of(lesson)
        if part not in counts:
            raise InvalidInput("part", f"must be one of {', '.join(counts)}", part)
        if not 0 <= choice < counts[part]:
            raise InvalidInput("choice", f"must be an option from 0 to {counts[part] - 1}", choice)
        standing = self.standing(lesson)
        if part == RECORD and not standing.has_run:
            raise NotPossible("The run comes first: record what it has shown.")
        if part == CHALLENGE and not standing.is_revealed:
            raise NotPossible("Record first what the run has shown.")
        answer = {"owner": self._owner, "lesson": lesson.name, "part": part, "choice": choice}
        table = LESSON_ANSWERS.c
        is_outdated = (table.part == part) & (table.choice >= counts[part])
        mine = (table.owner == self._owner) & (table.lesson == lesson.name)
        with self._store.transaction(writes=True) as connection:
            connection.execute(LESSON_ANSWERS.delete().where(mine & is_outdated))
            try:
                with connection.begin_nested():
                    connection.execute(
                        LESSON_ANSWERS.insert().values(**answer, answered_at=time.time())
                    )
            except IntegrityError:
                return  # it was answered before

    def note_run(self, lesson: Lesson, scenario: str, run_id: str) -> None:
        """Remember that a run is part of a lesson; saying so twice changes nothing.

        Where it stands in for the first run, which was deleted, what is seen is recorded anew.
        """
        is_first = scenario == lesson.scenarios[0].name and not self.standing(lesson).has_run
        mine = (LESSON_ANSWERS.c.owner == self._owner) & (LESSON_ANSWERS.c.lesson == lesson.name)
        run = {"owner": self._owner, "lesson": lesson.name, "scenario": scenario}
        known = sa.select(LESSON_RUNS.c.run_id).where(LESSON_RUNS.c.run_id == run_id)
        with self._store.transaction(writes=True) as connection:
            if connection.execute(known).first() is None:
                if is_first:
                    recorded = mine & (LESSON_ANSWERS.c.part == RECORD)
                    connection.execute(LESSON_ANSWERS.delete().where(recorded))
                connection.execute(LESSON_RUNS.insert().values(**run, run_id=run_id))

    def tell(self, lesson: Lesson, *, is_told: bool) -> None:
        """Have said of the person's runs of a lesson what is to be seen in them, or no more.

        Raises:
            NotYours: Whoever asks is not in charge.
        """
        if not self._store.person.is_in_charge:
            raise NotYours("Only the teacher may show the answers.")
        told = {"owner": self._owner, "lesson": lesson.name, "part": TOLD}
        with self._store.transaction(writes=True) as connection:
            is_meant = [LESSON_ANSWERS.c[name] == value for name, value in told.items()]
            connection.execute(LESSON_ANSWERS.delete().where(*is_meant))
            if is_told:
                now = {**told, "choice": 0, "answered_at": time.time()}
                connection.execute(LESSON_ANSWERS.insert().values(now))

    def reset(self, lesson: Lesson | None = None) -> None:
        """Begin a lesson anew, or all of them; the runs stay under Runs."""
        with self._store.transaction(writes=True) as connection:
            for table in (LESSON_ANSWERS, LESSON_RUNS):
                is_meant = table.c.owner == self._owner
                if lesson is not None:
                    is_meant &= table.c.lesson == lesson.name
                connection.execute(table.delete().where(is_meant))

    def _answers(self, connection: Connection, lesson: Lesson) -> dict[str, int]:
        wanted = sa.select(LESSON_ANSWERS.c.part, LESSON_ANSWERS.c.choice).where(
            LESSON_ANSWERS.c.owner == self._owner, LESSON_ANSWERS.c.lesson == lesson.name
        )
        return _known(lesson, {row.part: row.choice for row in connection.execute(wanted)})
