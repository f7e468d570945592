"""The side of the pages that show a set-up: its form, and Start below it."""

from __future__ import annotations

import streamlit as st

from pages.forms import RunForm, escaped
from pages.starts import starts
from pages.visitor import this_browser


def side() -> tuple[RunForm, str | None]:
    """Draw the form and Start; return the form, and the run that Start has just made.

    Raises:
        StoreUnusable: The store does not take the run.
    """
    with st.sidebar:
        form = RunForm()
        start = st.container(key="start")
    with start:
        if not st.button("Start training", type="primary", width="stretch"):
            return form, None
        for problem in form.problems.values():
            st.error(escaped(str(problem)))
            return form, None
    return form, starts().start(this_browser(), form.config)
