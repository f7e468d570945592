"""The runs page: every run, whoever made it, a click away."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from trainer.checkpoints import Checkpoint, Checkpoints, disk_use
from trainer.config import RunConfig
from trainer.inspections import Inspections
from trainer.runs import Parent
from trainer.store import Store

OpenRunsPage = Callable[[], AppTest]


def rows(page: AppTest) -> list[dict[str, Any]]:
    assert not page.exception
    (table,) = page.dataframe
    return table.value.to_dict("records")


def test_without_runs_the_page_says_how_to_get_one(open_runs_page: OpenRunsPage) -> None:
    page = open_runs_page()

    assert not page.exception
    assert "**Start training**" in page.markdown[-1].value
    assert not page.dataframe


def test_a_store_that_does_not_answer_is_a_sentence_and_the_reason_is_in_the_log(
    open_runs_page: OpenRunsPage,
    store: Store,
    data_folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with contextlib.closing(sqlite3.connect(data_folder / "runs.sqlite")) as another:
        another.execute("ALTER TABLE runs RENAME COLUMN name TO title")

    page = open_runs_page()

    assert not page.exception
    assert [error.value for error in page.error] == [
        "The store does not answer at the moment. Nothing is lost; try again."
    ]
    assert "no such column" in caplog.text


def test_runs_are_listed_newest_first_with_a_link_to_each(
    open_runs_page: OpenRunsPage, store: Store
) -> None:
    config = RunConfig.create("moons", epochs=8)
    claim = store.open_run(config.to_dict(), worker="a worker", origin="dashboard", name="first")
    store.write(claim, epoch=2, seconds=1.5, state="stopped")
    second = store.open_run(
        RunConfig.create().to_dict(), worker="me", origin="command line", name="second"
    ).run_id

    newest, oldest = rows(open_runs_page())

    assert newest["Name"] == "second"
    assert newest["State"] == "starting"
    assert newest["From"] == "command line"
    assert newest["Open"] == f"/?dataset=digits&run={second}"
    assert oldest["Name"] == "first"
    assert oldest["State"] == "stopped"
    assert oldest["Epochs"] == 2
    assert oldest["Progress"] == pytest.approx(0.25)
    assert oldest["Seconds"] == pytest.approx(1.5)
    assert oldest["Open"] == f"/?dataset=moons&epochs=8&run={claim.run_id}"
    assert oldest["Test set"] == newest["Test set"] == ""


def test_a_run_whose_seal_was_broken_says_how_often(
    open_runs_page: OpenRunsPage, store: Store
) -> None:
    run_id = store.create_run(RunConfig.create("moons").to_dict())
    for which in ("last", "best"):
        Inspections(store).ask(run_id, part="test", which=which)
    (row,) = rows(open_runs_page())
    assert row["Test set"] == "opened 2 ×"


def test_a_fork_says_how_often_its_test_rows_were_looked_at_before(
    open_runs_page: OpenRunsPage, store: Store
) -> None:
    config = RunConfig.create("moons").to_dict()
    first = store.create_run(config)
    parent = Parent(first, "moons", 0, "learning_rate", 0.001, 0.01)
    fork = store.create_run(config, parent=parent)
    parent = Parent(fork, "a fork", 0, "learning_rate", 0.01, 0.1)
    store.create_run(config, parent=parent)
    for run_id in (first, fork):
        Inspections(store).ask(run_id, part="test", which="last")

    told = [row["Test set"] for row in rows(open_runs_page())]

    assert told == ["2 × on its parent", "opened 1 ×, 1 × on its parent", "opened 1 ×"]


def test_a_run_has_started_when_it_trains_and_not_while_it_waits(
    open_runs_page: OpenRunsPage, store: Store
) -> None:
    claim = store.open_run({}, worker="a worker", origin="dashboard")
    waiting = open_runs_page()
    assert [row["Started"] for row in rows(waiting)] == [None]
    store.create_run({})
    store.write(claim, state="training", started_at=1_000_000_000.0)

    queued, training = rows(open_runs_page())

    assert pd.isna(queued["Started"])
    assert training["Started"].timestamp() == 1_000_000_000


@pytest.mark.parametrize(("count", "captions"), [(99, []), (101, ["The newest 100 runs."])])
def test_a_list_that_leaves_runs_out_says_so(
    count: int, captions: list[str], open_runs_page: OpenRunsPage, store: Store
) -> None:
    for _ in range(count):
        store.create_run({})

    page = open_runs_page()

    assert len(rows(page)) == min(count, 100)
    assert [caption.value for caption in page.caption] == captions


@pytest.mark.parametrize(
    "config",
    [
        {"model": "functional_1", "epochs": 5},
        {"model": "functional_1", "epochs": None},
        {"dataset": "of another time"},
        {},
    ],
)
def test_a_run_that_no_form_describes_is_listed_and_linked(
    config: dict[str, Any], open_runs_page: OpenRunsPage, store: Store
) -> None:
    run_id = store.open_run(config, worker="me", origin="callback", name="my fit()").run_id

    (row,) = rows(open_runs_page())

    assert row["Name"] == "my fit()"
    assert row["From"] == "callback"
    assert row["Open"] == f"/?run={run_id}"


@pytest.mark.parametrize(("code", "leads"), [("", False), ("sunny-tensors", True)])
def test_who_is_in_a_class_is_led_to_where_they_sign_out(
    open_runs_page: OpenRunsPage, monkeypatch: pytest.MonkeyPatch, code: str, leads: bool
) -> None:
    monkeypatch.setenv("DASHBOARD_CLASS_CODE", code)
    page = open_runs_page()

    assert not page.exception
    words = [element.proto.body for element in page.main.get("html")]
    assert any('<a href="/sign-in"' in text for text in words) == leads


def test_hostile_names_stay_cells_of_the_table(open_runs_page: OpenRunsPage, store: Store) -> None:
    names = ["<img src=x onerror=alert(1)>", "![](http://example.invalid/x.png)", "=cmd()", "../.."]
    for name in names:
        store.create_run(RunConfig.create(name=name).to_dict(), name=name)

    page = open_runs_page()

    assert [row["Name"] for row in rows(page)] == names[::-1]
    for row in rows(page):
        assert row["Open"].startswith("/?dataset=digits&")
        assert not set(row["Open"]) & set("<>!()[] ")
    assert not any(name in markdown.value for name in names for markdown in page.markdown)


# -- tidying -------------------------------------------------------------------------------------


def chosen(page: AppTest, run_id: str) -> AppTest:
    (box,) = [box for box in page.selectbox if box.label == "Run"]
    return box.set_value(run_id).run()


def press(page: AppTest, label: str) -> None:
    (button,) = [button for button in page.button if button.label == label]
    button.click().run()
    assert not page.exception


def test_a_run_is_renamed_and_annotated(open_runs_page: OpenRunsPage, store: Store) -> None:
    run_id = store.create_run({}, name="old")
    page = chosen(open_runs_page(), run_id)
    page.text_input[0].set_value("<b>new</b>")
    page.text_area[0].set_value("=why() **not**")

    press(page, "Save")

    run = store.run(run_id)
    assert (run.name, run.note) == ("<b>new</b>", "=why() **not**")
    assert page.selectbox[0].value == run_id
    other = store.create_run({}, name="other")
    assert chosen(page.run(), other).selectbox[0].value == other
    store.stop(other)
    store.delete(other)
    (row,) = rows(open_runs_page())
    assert (row["Name"], row["Note"]) == ("<b>new</b>", "=why() **not**")


def test_a_name_that_is_none_is_refused_in_a_sentence(
    open_runs_page: OpenRunsPage, store: Store
) -> None:
    run_id = store.create_run({}, name="old")
    page = chosen(open_runs_page(), run_id)
    page.text_input[0].set_value(" ")

    press(page, "Save")

    assert "name must be 1 to 80 printable characters" in page.error[0].value
    assert store.runs()[0].name == "old"


def test_a_run_is_deleted_with_its_files(open_runs_page: OpenRunsPage, store: Store) -> None:
    claim = store.open_run({}, worker="me", origin="callback", name="gone")
    store.write(claim, state="finished")
    Checkpoints(claim.run_id).save(Checkpoint(epoch=0, weights=[np.zeros(300_000, "float32")]))
    stays = store.create_run({}, name="stays")
    page = open_runs_page()
    assert [round(row["MB"], 1) for row in rows(page)] == [0.0, 1.2]

    press(chosen(page, claim.run_id), "Delete for good")

    assert [run.run_id for run in store.runs()] == [stays]
    assert disk_use(claim.run_id) == 0


def test_a_run_that_trains_is_not_deleted(open_runs_page: OpenRunsPage, store: Store) -> None:
    claim = store.open_run({}, worker="me", origin="callback", name="busy")
    page = chosen(open_runs_page(), claim.run_id)

    press(page, "Delete for good")

    assert "must be over" in page.error[0].value
    assert store.run(claim.run_id).name == "busy"


def test_a_fork_names_its_parent(open_runs_page: OpenRunsPage, store: Store) -> None:
    parent = Parent("abc", "=theirs()", 2, "l2", 0.0, 0.1)
    store.create_run({}, name="mine", parent=parent)
    (row,) = rows(open_runs_page())
    assert row["Forked from"] == "=theirs()"
