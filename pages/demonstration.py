"""Overfitting at one press, for whoever opens the page in front of a class."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.backend import show_unusable
from pages.shown import show
from pages.starts import starts
from pages.visitor import this_browser
from trainer.errors import StoreUnusable
from trainer.lessons.curves import OVERFITTING

_LESSONS = Path(__file__).parent / "lessons.py"
# Slow enough to see the validation loss turn.
_EPOCHS_PER_SECOND = 10.0


def show_demonstration() -> None:
    """Draw the button that starts it, and the way to its lesson."""
    st.button(
        "Watch a network overfit",
        icon=":material/show_chart:",
        help="40 noisy points and a network with room to learn them by heart: the validation "
        "loss falls, turns and rises within seconds.",
        on_click=_start,
    )
    st.page_link(
        _LESSONS,
        label="Ten lessons and a quiz",
        icon=":material/school:",
    )


def _start() -> None:
    try:
        config = OVERFITTING.config(seed=0)
        show(starts().start(this_browser(), config, speed=_EPOCHS_PER_SECOND))
    except StoreUnusable as error:
        show_unusable(error)
