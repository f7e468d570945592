"""The runs page: every run, whoever made it, a click away."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from trainer.config import RunConfig
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
        store.ask_inspection(run_id, part="test", which=which)
    (row,) = rows(open_runs_page())
    assert row["Test set"] == "opened 2 ×"


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
