"""Which run this session looks at: the one in the address, else the one it looked at last.

The navigation along the top leads to a page without a run in its address; what somebody watches
stays theirs on every page.
"""

from __future__ import annotations

import streamlit as st

_PARAMETER = "run"
_KEY = "shown_run"


def shown_run_id() -> str | None:
    """Return the id of the run to show; None if this session has not looked at one."""
    run_id = st.query_params.get(_PARAMETER, st.session_state.get(_KEY))
    if run_id is not None:
        show(run_id)
    return run_id


def show(run_id: str) -> None:
    """Put a run into the page's address and keep it in mind."""
    st.session_state[_KEY] = run_id
    if st.query_params.get(_PARAMETER) != run_id:
        st.query_params[_PARAMETER] = run_id


def show_none() -> None:
    """Look at no run any more."""
    st.session_state.pop(_KEY, None)
    st.query_params.pop(_PARAMETER, None)
