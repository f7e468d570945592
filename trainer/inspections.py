"""Inspections: what somebody asks of a run's kept network once more, and what was found.

A page asks, an idle worker answers. Those of the sealed test rows stay with the run for good, see
`trainer.openings`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from trainer.errors import NotPossible
from trainer.rows import clean, scores_from_bytes, scores_to_bytes, to_inspection, to_json
from trainer.runs import Evaluation, Inspection, Part, Scores, Which
from trainer.schema import INSPECTIONS, RUNS
from trainer.store import Store
from trainer.withheld import is_withheld

_IS_OPENING = (INSPECTIONS.c.part == "test") & (INSPECTIONS.c.state != "failed")


class Inspections:
    """The inspections as the person who uses the store may ask for and see them.

    Args:
        store: Where they are kept, as that person has it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def ask(self, run_id: str, *, part: Part, which: Which) -> int:
        """Ask the workers to look at a run's kept network once more, and return the number.

        Whoever asks again for what is not answered yet, as with a double click, gets the number of
        the first question.

        Raises:
            RunNotFound: There is no such run.
            NotYours: Of another's run only the validation rows can be asked for.
            NotPossible: The test rows would tell what is still to be observed, see `is_withheld`.
        """
        unanswered = (
            sa.select(INSPECTIONS.c.number)
            .where(
                INSPECTIONS.c.run_id == run_id,
                INSPECTIONS.c.part == part,
                INSPECTIONS.c.which == which,
                INSPECTIONS.c.state.in_(("asked", "running")),
            )
            .order_by(INSPECTIONS.c.number)
            .limit(1)
        )
        with self._store.transaction(writes=True) as connection:
            # An opening of the seal stays on the run for good.
            find = self._store.find_to_change if part == "test" else self._store.find
            find(connection, run_id)
            if part == "test" and is_withheld(connection, run_id):
                raise NotPossible(
                    "The test rows stay sealed until what this run shows is recorded in its lesson."
                )
            # Where writers do not wait for one another anyway, those who ask of one run do.
            connection.execute(
                sa.select(RUNS.c.number).where(RUNS.c.run_id == run_id).with_for_update()
            )
            number = connection.execute(unanswered).scalar()
            if number is not None:
                return int(number)
            asked = connection.execute(
                INSPECTIONS.insert().values(
                    run_id=run_id, part=part, which=which, state="asked", asked_at=time.time()
                )
            )
            assert asked.inserted_primary_key is not None
            return int(asked.inserted_primary_key[0])

    def claim(self, worker: str, is_gone: Callable[[str], bool]) -> Inspection | None:
        """Take the oldest inspection that waits, or whose worker is gone; None if there is none."""
        open_ones = (
            sa.select(INSPECTIONS)
            .where(INSPECTIONS.c.state.in_(("asked", "running")))
            .order_by(INSPECTIONS.c.number)
        )
        with self._store.transaction() as connection:
            if connection.execute(open_ones).first() is None:
                return None
        with self._store.transaction(writes=True) as connection:
            for row in connection.execute(open_ones).mappings().all():
                if row["state"] == "running" and not is_gone(row["worker"]):
                    continue
                connection.execute(
                    INSPECTIONS.update()
                    .where(INSPECTIONS.c.number == row["number"])
                    .values(state="running", worker=worker)
                )
                return to_inspection(row)
        return None

    def end(
        self, asked: Inspection, result: tuple[Evaluation, Scores] | None, message: str = ""
    ) -> None:
        """Write down what an inspection found, or in a sentence why it found nothing.

        Nothing is written where nobody asks that any more: the run was deleted, or trains on.
        """
        values: dict[str, Any] = {"state": "failed", "message": clean(message)}
        if result is not None:
            evaluation, scores = result
            values = {
                "state": "done",
                "epoch": evaluation.epoch,
                "header": to_json(evaluation.counts.header),
                "data": evaluation.counts.data,
                "scores": scores_to_bytes(scores),
            }
        with self._store.transaction(writes=True) as connection:
            connection.execute(
                INSPECTIONS.update()
                .where(
                    # Another question may have its number by now.
                    INSPECTIONS.c.number == asked.number,
                    INSPECTIONS.c.run_id == asked.run_id,
                    INSPECTIONS.c.asked_at == asked.asked_at,
                    INSPECTIONS.c.state == "running",
                )
                .values(**values)
            )

    def of_run(self, run_id: str, part: Part) -> list[Inspection]:
        """Return a run's inspections of a part of its rows, oldest first."""
        columns = [column for column in INSPECTIONS.c if column.name != "scores"]
        wanted = (
            sa.select(*columns)
            .where(INSPECTIONS.c.run_id == run_id, INSPECTIONS.c.part == part)
            .order_by(INSPECTIONS.c.number)
        )
        with self._store.transaction() as connection:
            return [to_inspection(row) for row in connection.execute(wanted).mappings()]

    def scores(self, number: int) -> Scores:
        """Return what an inspection that is done says of each row."""
        wanted = sa.select(INSPECTIONS.c.scores).where(INSPECTIONS.c.number == number)
        with self._store.transaction() as connection:
            return scores_from_bytes(connection.execute(wanted).scalar_one())

    def num_openings(self, run_id: str) -> int:
        """Return how often the sealed test rows of a run were looked at."""
        counted = sa.select(sa.func.count()).where(INSPECTIONS.c.run_id == run_id, _IS_OPENING)
        with self._store.transaction() as connection:
            return int(connection.execute(counted).scalar_one())

    def openings(self) -> dict[str, int]:
        """Return how often those of each run were, by run id."""
        counted = (
            sa.select(INSPECTIONS.c.run_id, sa.func.count())
            .where(_IS_OPENING)
            .group_by(INSPECTIONS.c.run_id)
        )
        with self._store.transaction() as connection:
            return {row[0]: row[1] for row in connection.execute(counted)}
