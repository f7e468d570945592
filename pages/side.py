"""The side of the pages that show a set-up: its form, and Start below it.

The shell draws it, so that it stays as it is while somebody goes from one to the other.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.backend import show_unusable, store
from pages.forms import RunForm, escaped, fill
from pages.pressing import pressed
from pages.shown import show, shown_run_id
from pages.starts import starts
from pages.visitor import this_browser
from trainer.config import config_of
from trainer.errors import RunNotFound, StoreUnusable

TRAIN = Path(__file__).parent / "train.py"

_FORM = "form"
# The run whose set-up the form was filled with, or was started from the form.
_FILLED = "filled_from"


def show_side(*, has_run: bool) -> None:
    """Draw the form and Start; a press on Start leads to the new run.

    Args:
        has_run: Whether the page shows a run, whose set-up fills the form where it is another's.
    """
    if has_run:
        _fill()
    with st.sidebar:
        form = RunForm()
        st.session_state[_FORM] = form
        start = st.container(key="start")
    with start:
        if not pressed(
            st.button, "Start training", key="start_training", type="primary", width="stretch"
        ):
            return
        for problem in form.problems.values():
            st.error(escaped(str(problem)))
            return
    try:
        run_id = starts().start(this_browser(), form.config)
    except StoreUnusable as error:
        show_unusable(error)
        return
    st.session_state[_FILLED] = run_id
    if not has_run:
        st.switch_page(TRAIN, query_params={"run": run_id})
    show(run_id)


def form() -> RunForm:
    """Return the form as it was drawn in this run of the page."""
    drawn: RunForm = st.session_state[_FORM]
    return drawn


def _fill() -> None:
    run_id = shown_run_id()
    if run_id is None or st.session_state.get(_FILLED) == run_id:
        return
    try:
        config = config_of(store().run(run_id))
    except (RunNotFound, StoreUnusable):
        return  # the page tells
    if config is not None:
        fill(config)
    st.session_state[_FILLED] = run_id
