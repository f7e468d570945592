"""What a teacher shows to everybody, on every page of the class."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.backend import show_unusable, store
from pages.live.broadcast import broadcast_banner
from pages.visitor import this_role
from trainer.errors import NotPossible, StoreUnusable

_TRAIN = Path(__file__).parent / "train.py"


def show_broadcast() -> None:
    """Draw the banner, and go where it leads; nothing where there is no class."""
    role = this_role()
    if role is None:
        return
    with st.container(key="broadcast"):
        pressed = broadcast_banner(is_teacher=role == "teacher", key="broadcast banner")
    if pressed.end:
        _broadcast(None)
    if isinstance(pressed.watch, str):
        st.switch_page(_TRAIN, query_params={"run": pressed.watch})


def show_broadcasting(run_id: str) -> None:
    """Draw the teacher's button that shows a run to everybody."""
    if this_role() == "teacher" and st.button("Show to all", icon=":material/cast:"):
        _broadcast(run_id)


def _broadcast(run_id: str | None) -> None:
    try:
        store().broadcast(run_id)
    except NotPossible as error:
        st.toast(str(error), icon=":material/error:")
    except StoreUnusable as error:
        show_unusable(error)
