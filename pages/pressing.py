"""Buttons whose press is never lost."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import streamlit as st

# A run of the page that was cut short is followed by the next one at once.
_SECONDS = 5.0


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
    wish = f"pressed {key}"
    draw(label, key=key, on_click=note, args=(wish, of), **options)
    return taken(wish) == of


def note(wish: str, of: Any) -> None:
    """Keep what was pressed for the page that is drawn next."""
    st.session_state[wish] = (time.monotonic(), of)


def taken(wish: str) -> Any:
    """Return what was kept as `wish` just now, and forget it; None where nothing was."""
    made_at, of = st.session_state.pop(wish, (-math.inf, None))
    return of if time.monotonic() - made_at < _SECONDS else None
