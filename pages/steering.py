"""The controls of a run: what its header's line lets somebody do while it trains."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import streamlit as st

from pages.backend import store
from pages.forms import escaped
from trainer.errors import InvalidInput, NotPossible
from trainer.runs import ACTIVE, CommandName, Run
from trainer.steering import refuse_schedule, steer

_SPEEDS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 0.0)


def show_controls(run: Run) -> None:
    """Draw a run's controls in one row, and do what was pressed."""
    with st.container(horizontal=True, key="steering", gap="small"):
        if run.state in ACTIVE:
            _show_pause(run)
            _button(run, "One epoch", "epoch", icon="skip_next")
            _button(run, "One step", "step", icon="step")
            _show_speed(run)
            _show_learning_rate(run)
        if st.button("Stop", disabled=run.is_over, key="stop", icon=":material/stop:"):
            with _sentences():
                steer(store(), run.run_id, "stop")
            # A queued run has ended by now, and has no other button any more.
            st.rerun()


def _show_pause(run: Run) -> None:
    if run.state == "paused":
        _button(run, "Resume", "resume", icon="play_arrow")
    else:
        _button(run, "Pause", "pause", icon="pause")


def _button(run: Run, label: str, name: CommandName, *, icon: str) -> None:
    if st.button(label, key=name, icon=f":material/{icon}:"):
        with _sentences():
            steer(store(), run.run_id, name)


def _show_speed(run: Run) -> None:
    with st.popover("Speed", icon=":material/slow_motion_video:"):
        # A widget of its own for each speed that was set, wherever that was.
        key = f"speed {run.run_id} {run.speed}"
        speeds = sorted({*_SPEEDS, run.speed or 0.0}, key=lambda speed: speed or float("inf"))
        st.select_slider(
            "Slow motion: at most so many epochs a second",
            speeds,
            value=run.speed or 0.0,
            key=key,
            format_func=lambda speed: f"{speed:g}" if speed else "full speed",
            on_change=_set_speed,
            args=(run.run_id, key),
        )


def _set_speed(run_id: str, key: str) -> None:
    with _sentences():
        steer(store(), run_id, "speed", st.session_state[key])


def _show_learning_rate(run: Run) -> None:
    try:
        refuse_schedule(run)
    except NotPossible as error:
        st.popover("Learning rate", icon=":material/speed:", disabled=True, help=str(error))
        return
    with st.popover("Learning rate", icon=":material/speed:"):
        known = run.learning_rate or run.config.get("learning_rate") or 0.001
        # As text: a number field would round 1e-5 away.
        with st.form("learning rate", border=False):
            typed = st.text_input("Go on with the learning rate", value=f"{known:g}")
            if st.form_submit_button("Set"):
                with _sentences():
                    steer(store(), run.run_id, "learning_rate", _number(typed))


def _number(typed: str) -> float:
    try:
        return float(typed)
    except ValueError:
        raise InvalidInput("learning_rate", "must be a positive number", typed) from None


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    """Tell why something is not done."""
    try:
        yield
    except (InvalidInput, NotPossible) as error:
        st.toast(escaped(str(error)), icon=":material/error:")
