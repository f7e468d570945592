"""Keeping the list of runs in order: deleting, naming and annotating them, and their disk use."""

from __future__ import annotations

from trainer import checkpoints
from trainer.errors import InvalidInput
from trainer.store import Store

MAX_NAME, MAX_NOTE = 80, 2_000
DAY_SECONDS = 86_400


def delete(store: Store, run_id: str) -> None:
    """Remove a run that is over, with its history and its files; nothing brings it back.

    Raises:
        RunNotFound: There is no such run.
        NotPossible: It is not over.
    """
    store.delete(run_id)
    checkpoints.remove(run_id)


def remove_leftovers(store: Store) -> list[str]:
    """Remove checkpoints that are older than a day and belong to no run; return whose they were.

    A program that ends while it makes a fork or deletes a run may leave some behind.
    """
    found = checkpoints.older_than(DAY_SECONDS)
    leftovers = sorted(set(found) - store.run_ids())
    for run_id in leftovers:
        checkpoints.remove(run_id)
    return leftovers


def rename(store: Store, run_id: str, name: str) -> None:
    """Give a run another name.

    Raises:
        RunNotFound: There is no such run.
        InvalidInput: The name is empty, too long or cannot be printed.
    """
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidInput("name", f"must be 1 to {MAX_NAME} printable characters", name)
    store.describe(run_id, name=name)


def annotate(store: Store, run_id: str, note: str) -> None:
    """Write about a run; an empty text takes back what was written.

    Raises:
        RunNotFound: There is no such run.
        InvalidInput: The text is too long.
    """
    if len(note) > MAX_NOTE:
        raise InvalidInput("note", f"must be at most {MAX_NOTE} characters", note)
    store.describe(run_id, note=note.strip())
