"""The banner that tells a class which run its teacher shows to everybody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.live.component import SHARED_SCRIPT, STYLE, nothing

if TYPE_CHECKING:
    from streamlit.components.v2.bidi_component.state import ComponentResult

_FOLDER = Path(__file__).parent

_mount = st.components.v2.component(
    "broadcast",
    css=STYLE + (_FOLDER / "broadcast.css").read_text(encoding="utf-8"),
    js=SHARED_SCRIPT + (_FOLDER / "broadcast.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def broadcast_banner(*, is_teacher: bool, key: str) -> ComponentResult:
    """Show the banner as long as a run is shown to everybody; it asks the server by itself.

    Args:
        is_teacher: Whether it also has a button that ends the broadcast.
        key: Identity of the mount.

    Returns:
        A result whose `watch` is the run's id, and whose `end` is True, in the one run of the page
        after that button was pressed, else None.
    """
    data = {"part": "broadcast", "is_teacher": is_teacher}
    return _mount(key=key, data=data, on_watch_change=nothing, on_end_change=nothing)
