"""The evaluate page: one run in depth, epoch by epoch; the newest run where none is named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from pages.backend import show_unusable, store
from pages.boundaries import boundary_of
from pages.evaluation.component import EXAMPLES, evaluation_in_depth
from pages.forms import has_examples, has_validation
from pages.inspections import show_examples, show_test_set
from pages.live.component import live_header
from pages.live.reader import summary
from pages.shown import show_none, shown_run_id
from trainer.config import config_of
from trainer.errors import RunNotFound, StoreUnusable
from trainer.runs import Run
from trainer.waiting import waiting

_FOLDER = Path(__file__).parent


def main() -> None:
    """Draw the page."""
    try:
        run = _run()
    except RunNotFound:
        show_none()
        st.warning("There is no such run here. Choose one under Runs, or start a new one.")
        return
    except StoreUnusable as error:
        show_unusable(error)
        return
    if run is None:
        st.title("Evaluate", anchor=False)
        st.markdown("No runs yet. Go to **Train**, press **Start training**, and come back.")
        return
    _show(run)


def _run() -> Run | None:
    run_id = shown_run_id()
    if run_id is not None:
        return store().run(run_id)
    runs = store().runs(limit=1)
    if not runs:
        return None
    # From here on the page is that run's, also when a newer one begins.
    st.query_params["run"] = runs[0].run_id
    return runs[0]


def _show(run: Run) -> None:
    head, link = st.columns([10, 1], vertical_alignment="top")
    with head:
        live_header(summary(run, waiting(store(), run)), key="header")
    with link:
        st.page_link(
            _FOLDER / "train.py",
            label="Curves",
            icon=":material/monitoring:",
            query_params={"run": run.run_id},
        )
    config = config_of(run)
    shown = evaluation_in_depth(
        run.run_id,
        key="evaluation",
        has_validation=has_validation(run),
        has_examples=has_examples(run),
        boundary=boundary_of(config),
    )
    if config is None:
        st.caption("The rows behind a cell are known only for runs of this program's own data.")
        return
    if has_examples(run):
        cell = _chosen_cell(run, shown.cell)
        with st.container(key=EXAMPLES if cell else None):
            show_examples(run, config, cell)
    show_test_set(run, config)


def _chosen_cell(run: Run, pressed: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the cell that was pressed last, here or beside the run's curves."""
    if pressed:
        st.session_state["cell"] = pressed
    cell: Mapping[str, Any] | None = st.session_state.get("cell")
    # What is chosen in another run's matrix says nothing here.
    return cell if cell and cell["run_id"] == run.run_id else None


main()
