"""The runs page: the newest runs, each a click away."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from pages.backend import show_unusable, store
from pages.forms import escaped, form_link
from pages.pressing import pressed
from pages.visitor import this_role
from trainer.checkpoints import disk_use
from trainer.config import config_of
from trainer.errors import InvalidInput, NotPossible, RunNotFound, StoreUnusable
from trainer.inspections import Inspections
from trainer.openings import openings_before
from trainer.runs import Run
from trainer.settings import MEGABYTE
from trainer.tidying import MAX_NAME, MAX_NOTE, annotate, delete, rename

# How often the open page looks for what is new.
_LOOK_SECONDS = 2.0
_LIMIT = 100
# The run to change. Under another name it is another option, which has to be chosen anew.
_CHOSEN, _RENAMED = "run_to_change", "renamed_run"


def main() -> None:
    """Draw the page."""
    st.title("Runs", anchor=False)
    _show_runs()
    _show_tidying()
    if (role := this_role()) is not None:
        st.html(
            f"<p>You are in this class as a {role}, on this browser. On a computer that others use "
            'too, <a href="/sign-in" style="color: inherit">sign out</a> when you leave.</p>'
        )


@st.fragment(run_every=_LOOK_SECONDS)
def _show_runs() -> None:
    try:
        runs = store().runs(limit=_LIMIT)
        seals = _seals(runs)
        mine = store().person.owner if this_role() else None
    except StoreUnusable as error:
        show_unusable(error)
        return
    if not runs:
        st.markdown("No runs yet. Go to **Train**, press **Start training**, and find it here.")
        return
    st.dataframe(
        pd.DataFrame([_row(run, seal, mine) for run, seal in zip(runs, seals, strict=True)]),
        hide_index=True,
        placeholder="",
        column_config={
            "Open": st.column_config.LinkColumn(display_text="open"),
            "Started": st.column_config.DatetimeColumn(format="distance"),
            "Progress": st.column_config.ProgressColumn(format="percent"),
            "Seconds": st.column_config.NumberColumn(format="%.1f"),
            "MB": st.column_config.NumberColumn(format="%.1f", help="What its checkpoints take."),
        },
    )
    if len(runs) == _LIMIT:
        st.caption(f"The newest {_LIMIT} runs.")


def _show_tidying() -> None:
    try:
        person = store().person
        found = store().runs(limit=_LIMIT)
        runs = {run.run_id: run for run in found if person.may_change(run.owner)}
    except StoreUnusable:
        return  # the list has said so
    if not runs:
        return
    if _RENAMED in st.session_state:
        st.session_state[_CHOSEN] = st.session_state.pop(_RENAMED)
    with st.expander("Rename, annotate or delete a run", icon=":material/edit:"):
        run_id = st.selectbox(
            "Run",
            runs,
            index=None,
            format_func=lambda run_id: f"{runs[run_id].name} ({run_id})",
            placeholder="Choose a run",
            key=_CHOSEN,
        )
        if run_id is not None:
            _show_form(runs[run_id])


def _show_form(run: Run) -> None:
    with st.form(f"tidy {run.run_id}", border=False):
        name = st.text_input("Name", value=run.name, max_chars=MAX_NAME)
        note = st.text_area("Note", value=run.note, max_chars=MAX_NOTE)
        if pressed(st.form_submit_button, "Save", key="save", of=run.run_id):
            with _sentences():
                rename(store(), run.run_id, name)
                annotate(store(), run.run_id, note)
                st.session_state[_RENAMED] = run.run_id
                st.rerun()
    size = disk_use(run.run_id) / MEGABYTE
    st.caption(f"Its checkpoints take {size:.1f} MB.")
    with st.popover("Delete", icon=":material/delete:", disabled=not run.is_over):
        st.markdown("Its history and its checkpoints go with it. Nothing brings them back.")
        if pressed(st.button, "Delete for good", key="delete", of=run.run_id, type="primary"):
            with _sentences():
                delete(store(), run.run_id)
                st.rerun()


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except (InvalidInput, NotPossible, RunNotFound) as error:
        st.error(escaped(str(error)))
    except StoreUnusable as error:
        show_unusable(error)


def _row(run: Run, seal: str, mine: str | None) -> dict[str, object]:
    return {
        "Open": _link(run),
        "Name": run.name,
        # Alone, all are.
        **({} if mine is None else {"Whose": "yours" if run.owner == mine else ""}),
        "State": run.state,
        "Epochs": run.epoch,
        "Progress": run.epoch / run.epochs if run.epochs else None,
        "Seconds": run.seconds,
        "Started": None if run.started_at is None else datetime.fromtimestamp(run.started_at, UTC),
        "From": run.origin,
        "Forked from": "" if run.parent is None else run.parent.name,
        "Note": run.note,
        "MB": disk_use(run.run_id) / MEGABYTE,
        "Test set": seal,
    }


def _seals(runs: Sequence[Run]) -> list[str]:
    """Return what is said of each run's test set."""
    counts = Inspections(store()).openings()
    known = {run.run_id: run for run in runs}

    def opened(run_id: str) -> int:
        return counts.get(run_id, 0)

    def find(run_id: str) -> Run:
        return known.get(run_id) or store().run(run_id)

    told = []
    for run in runs:
        here, before = opened(run.run_id), openings_before(run, opened, find)
        words = (
            f"opened {here} ×" if here else "",
            f"{before} × on its parent" if before else "",
        )
        told.append(", ".join(filter(None, words)))
    return told


def _link(run: Run) -> str:
    config = config_of(run)
    return form_link(config, run=run.run_id) if config else f"/?run={run.run_id}"


main()
