"""Start, pressed twice: one wish makes one run."""

from __future__ import annotations

import threading
import time

import streamlit as st

from pages.backend import store
from trainer.config import RunConfig

# Two presses for the same set-up within this time are one wish.
_SAME_WISH_SECONDS = 2.0


class Starts:
    """Makes the runs that people ask for, and remembers for a moment which.

    A double click, the same click in two tabs, and a rerun that cuts off the one before ask for
    the same run; the same set-up from two browsers, or asked for again later, is another run.
    """

    def __init__(self) -> None:
        # Held while a run is made: whoever asks meanwhile waits to hear of it.
        self._lock = threading.Lock()
        self._made: dict[tuple[str, RunConfig, float | None], tuple[float, str]] = {}

    def start(self, browser: str, config: RunConfig, *, speed: float | None = None) -> str:
        """Queue a run, unless this browser has just asked for the same; return the run's id.

        With `speed` it begins in slow motion, with at most so many epochs a second.

        Raises:
            StoreUnusable: The store does not take it.
        """
        with self._lock:
            now = time.monotonic()
            self._made = {
                wish: (made_at, run_id)
                for wish, (made_at, run_id) in self._made.items()
                if now - made_at < _SAME_WISH_SECONDS
            }
            wish = (browser, config, speed)
            if wish in self._made:
                return self._made[wish][1]
            run_id = store().create_run(
                config.to_dict(), name=config.name, subject=config.subject, speed=speed
            )
            self._made[wish] = (time.monotonic(), run_id)
            return run_id


@st.cache_resource(show_spinner=False)
def starts() -> Starts:
    """Return the one for all sessions of this server."""
    return Starts()
