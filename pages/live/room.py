"""What has a page of a room drawn anew: the server is asked every two seconds if it has gone on."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.live.component import SHARED_SCRIPT, nothing

_mount = st.components.v2.component(
    "room_watch",
    js=SHARED_SCRIPT + (Path(__file__).parent / "room.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def watch_room(code: str, signs: str | None, *, key: str) -> None:
    """Have the page run again as soon as somebody sees the room otherwise.

    It is the browser that asks, in one short request: a fragment that runs by itself costs more,
    and where its turn comes while the page is drawn, Streamlit may lose the page's end.

    Args:
        code: The room's code.
        signs: The room's signs as they were before the page was drawn.
        key: Identity of the mount.
    """
    data = {"part": "room", "address": f"/api/rooms/{code}", "signs": signs}
    _mount(key=key, data=data, on_changed_change=nothing)
