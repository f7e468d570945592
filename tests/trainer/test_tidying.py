"""Runs are deleted, named and annotated, and nothing of them is left behind."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from trainer import checkpoints
from trainer.checkpoints import Checkpoint, Checkpoints
from trainer.errors import InvalidInput, NotPossible, RunNotFound
from trainer.settings import Settings
from trainer.store import Store
from trainer.tidying import DAY_SECONDS, annotate, delete, remove_leftovers, rename


@pytest.fixture
def store(data_folder):
    opened = Store(Settings.from_environment().store_url)
    yield opened
    opened.close()


def keep(run_id: str) -> None:
    Checkpoints(run_id).save(Checkpoint(epoch=0, weights=[np.zeros(3, "float32")]))


def test_a_run_is_deleted_with_its_files_once_it_is_over(store):
    claim = store.open_run({}, worker="me", origin="test")
    keep(claim.run_id)
    with pytest.raises(NotPossible):
        delete(store, claim.run_id)
    assert checkpoints.disk_use(claim.run_id) > 0
    store.write(claim, state="finished")
    delete(store, claim.run_id)
    assert (store.runs(), checkpoints.disk_use(claim.run_id)) == ([], 0)
    with pytest.raises(RunNotFound):
        delete(store, claim.run_id)


def test_files_that_belong_to_no_run_are_removed_after_a_day(store, data_folder):
    run_id = store.create_run({})
    for name in (run_id, "gone", "new"):
        keep(name)
    for name in (run_id, "gone"):
        past = time.time() - 2 * DAY_SECONDS
        os.utime(data_folder / "checkpoints" / name, (past, past))
    assert remove_leftovers(store) == ["gone"]
    left = {path.name for path in (data_folder / "checkpoints").iterdir()}
    assert left == {run_id, "new"}
    assert remove_leftovers(store) == []


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x00b", "two\nlines"])
def test_a_name_that_cannot_be_shown_is_refused(store, name):
    run_id = store.create_run({}, name="before")
    with pytest.raises(InvalidInput, match="name must be 1 to 80 printable characters. Got"):
        rename(store, run_id, name)
    assert store.run(run_id).name == "before"


def test_names_and_notes_are_kept_as_they_are(store):
    run_id = store.create_run({})
    rename(store, run_id, " <b>π</b> ")
    annotate(store, run_id, "=1+1\n**two lines**")
    run = store.run(run_id)
    assert (run.name, run.note) == ("<b>π</b>", "=1+1\n**two lines**")
    with pytest.raises(InvalidInput, match="note must be at most 2000 characters"):
        annotate(store, run_id, "x" * 2001)
