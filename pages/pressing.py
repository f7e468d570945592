"""Buttons whose press is never lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

_PRESSES = "presses"


def pressed(
    draw: Callable[..., bool], label: str, *, key: str, of: str = "", **options: Any
) -> bool:
    """Draw a button and return, once for each press, that it was pressed.

    The run of a page that a press begins may be cut short by another one (a training that ends, a
    second press) before it reaches the button; a callback of Streamlit's has run by then, so the
    press is kept for the run that follows.

    Args:
        draw: `st.button` or `st.form_submit_button`.
        label: What stands on it.
        key: Identity of the widget.
        of: What it acts on, e.g. a run's id; a press that was meant for something else is none.
        **options: Further arguments of `draw`.
    """
    # A dictionary of its own: asking for the session's state is where a callback may be cut short.
    presses = st.session_state.setdefault(_PRESSES, {})
    is_pressed = draw(label, key=key, on_click=_keep, args=(presses, key, of), **options)
    meant = taken(key)
    return is_pressed if meant is None else bool(meant == of)


def note(key: str, of: Any) -> None:
    """Keep what was pressed for the page that is drawn next."""
    _keep(st.session_state.setdefault(_PRESSES, {}), key, of)


def taken(key: str) -> Any:
    """Return what was kept under this key, and forget it; None where nothing was."""
    return st.session_state.get(_PRESSES, {}).pop(key, None)


def forget_presses() -> None:
    """Forget what a page, drawn to its end, did not ask for: its button is not there any more."""
    st.session_state.get(_PRESSES, {}).clear()


def _keep(presses: dict[str, Any], key: str, of: Any) -> None:
    presses[key] = of
