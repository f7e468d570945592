"""What has a page drawn anew: the server is asked every two seconds if it has more to tell."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.live.component import SHARED_SCRIPT, nothing

_mount = st.components.v2.component(
    "signs_watch",
    js=SHARED_SCRIPT + (Path(__file__).parent / "signs.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def watch_signs(address: str, signs: str | None, *, key: str, near: bool = False) -> None:
    """Have the page run again as soon as the server tells other signs.

    It is the browser that asks, in one short request: a fragment that runs by itself costs more,
    and where its turn comes while the page is drawn, Streamlit may lose the page's end.

    Args:
        address: The path that tells `{"signs": "…"}`, below the server's base path.
        signs: The signs as they were before the page was drawn.
        key: Identity of the mount.
        near: Whether only those are kept up to date who have this place of the page in sight, or
            close to it.
    """
    data = {"part": "signs", "address": address, "signs": signs, "near": near}
    _mount(key=key, data=data, on_changed_change=nothing)
