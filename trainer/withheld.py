"""Of which runs nothing is said yet, as that would give away what somebody is still to observe.

Of a lesson's run, and of what is forked from it, there are no verdicts and no test rows, for
nobody, until whoever started it in the lesson has recorded what they saw, or shows the answers to a
class. The quiz tells at once whether an answer is right.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trainer.schema import LESSON_ANSWERS, LESSON_RUNS

# The parts of a lesson that end it: what was seen is recorded, or the answers are shown.
RECORD, TOLD = "record", "told"
QUIZ = "quiz"
# Stands for the scenario of a run that no lesson has started.
FORK = "a fork"


_TOLD = sa.select(sa.literal(1)).where(
    LESSON_ANSWERS.c.owner == LESSON_RUNS.c.owner,
    LESSON_ANSWERS.c.lesson == LESSON_RUNS.c.lesson,
    LESSON_ANSWERS.c.part.in_((RECORD, TOLD)),
)
# Asked often of runs that are watched, so it is put together once.
_WITHHELD = sa.select(sa.literal(1)).where(
    LESSON_RUNS.c.run_id == sa.bindparam("run_id"), LESSON_RUNS.c.lesson != QUIZ, ~_TOLD.exists()
)


def is_withheld(connection: Connection, run_id: str) -> bool:
    """Return whether nothing is said of a run yet."""
    return connection.execute(_WITHHELD, {"run_id": run_id}).first() is not None


def inherit(connection: Connection, run_id: str, parent: str) -> None:
    """Withhold of a fork what is withheld of the run that it goes on from, and as long."""
    table = LESSON_RUNS.c
    lesson = sa.select(sa.literal(run_id), table.owner, table.lesson, sa.literal(FORK)).where(
        table.run_id == parent
    )
    names = ("run_id", "owner", "lesson", "scenario")
    connection.execute(LESSON_RUNS.insert().from_select(names, lesson))
