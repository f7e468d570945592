"""The openings of a run's sealed test set, in plain values, as every view of the run tells them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from trainer.errors import RunNotFound
from trainer.evaluation.packing import unpack
from trainer.evaluation.summary import headline
from trainer.inspections import Inspections
from trainer.runs import Inspection, Run
from trainer.store import Store


def openings(inspections: Iterable[Inspection]) -> list[Inspection]:
    """Return the inspections of the test rows that broke the seal: all but those that failed."""
    return [one for one in inspections if one.part == "test" and one.state != "failed"]


def openings_before(store: Store, run: Run) -> int:
    """Return how often the test set was opened on the runs that a fork comes from.

    They have the same test rows. What was opened on a run that was deleted is not known any more.
    """
    count = 0
    while run.parent is not None:
        count += len(openings(Inspections(store).of_run(run.parent.run_id, "test")))
        try:
            run = store.run(run.parent.run_id)
        except RunNotFound:
            break
    return count


def seal_signs(inspections: Iterable[Inspection]) -> str:
    """Return a text that is another as soon as there is more to tell of a run's test set."""
    return " ".join(f"{one.number}:{one.state}" for one in inspections if one.part == "test")


def told_openings(inspections: Iterable[Inspection]) -> list[dict[str, Any]]:
    """Return each opening of the test set in values for JSON, oldest first.

    Args:
        inspections: A run's inspections of its test rows; those that failed opened nothing.

    Returns:
        `opened_at` in seconds since 1970 in UTC, `which` weights and `state`; once it is done the
        `epoch` of the weights, counted from 1, and the `evaluation.summary.headline`, else both
        None.
    """
    told = []
    for one in openings(inspections):
        found = one.evaluation
        told.append(
            {
                "opened_at": one.asked_at,
                "which": one.which,
                "state": one.state,
                "epoch": None if found is None else found.epoch + 1,
                "evaluation": None if found is None else headline(unpack(found.counts)),
            }
        )
    return told


def moment(seconds: float) -> str:
    """Return a time, in seconds since 1970, for people."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
