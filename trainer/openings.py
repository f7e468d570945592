"""The openings of a run's sealed test set, in plain values, as every view of the run tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from trainer.errors import RunNotFound
from trainer.evaluation.packing import unpack
from trainer.evaluation.summary import headline
from trainer.runs import Inspection, Run


def openings(inspections: Iterable[Inspection]) -> list[Inspection]:
    """Return the inspections of the test rows that broke the seal: all but those that failed."""
    return [one for one in inspections if one.part == "test" and one.state != "failed"]


def openings_before(run: Run, opened: Callable[[str], int], find: Callable[[str], Run]) -> int:
    """Return how often the test set was opened on the runs that a fork comes from.

    They have the same test rows. What was opened on a run that was deleted is not known any more.

    Args:
        run: Any run; 0 for one that is no fork.
        opened: Returns how often on a run, by its id, as `Inspections.num_openings` does.
        find: Returns a run by its id, or raises `RunNotFound`, as `Store.run` does.
    """
    count = 0
    while run.parent is not None:
        count += opened(run.parent.run_id)
        try:
            run = find(run.parent.run_id)
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
