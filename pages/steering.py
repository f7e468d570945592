"""The controls of a run: what the row below its header lets somebody do with it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import streamlit as st

from pages.backend import store
from pages.broadcast import show_broadcasting
from pages.forms import escaped
from pages.pressing import pressed
from pages.shown import show
from trainer.checkpoints import Kept, kept
from trainer.choices import NONE, OPTIMIZERS, SCHEDULES, early_stopping_for
from trainer.config import RunConfig, parse_choice
from trainer.continuing import choice_at, fork, forkable, resume
from trainer.errors import DatasetUnavailable, InvalidInput, NotPossible, WeightsMissing
from trainer.losses import losses_for
from trainer.runs import ACTIVE, CommandName, Run
from trainer.steering import refuse_schedule, steer

_SPEEDS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 0.0)


def show_controls(run: Run, config: RunConfig | None) -> None:
    """Draw a run's controls in one row, and do what was pressed.

    Args:
        run: The run.
        config: Its set-up; None where no form of today says it.
    """
    if run.parent is not None:
        parent = run.parent
        st.caption(
            f"Forked from [{escaped(parent.name)}](/?run={parent.run_id}) after epoch "
            f"{parent.epoch + 1}: {_words(parent.parameter)} "
            f"{escaped(str(parent.before))} → {escaped(str(parent.after))}"
        )
    if not store().person.may_change(run.owner):
        _show_to_others(run, config)
        return
    with st.container(horizontal=True, key="steering", gap="small"):
        if run.state in ACTIVE:
            _show_pause(run)
            _button(run, "One epoch", "epoch", icon="skip_next")
            _button(run, "One step", "step", icon="step")
            _show_speed(run)
            _show_learning_rate(run)
        elif run.is_over and config is not None:
            _show_resume(run, config)
            _show_fork(run, config, kept(run.run_id))
        _show_stop(run)
        show_broadcasting(run.run_id)


def show_pace(run: Run) -> None:
    """Draw what changes nothing of a run but how far it goes: pause, one epoch, stop."""
    if run.is_over or not store().person.may_change(run.owner):
        return
    with st.container(horizontal=True, key="steering", gap="small"):
        if run.state in ACTIVE:
            _show_pause(run)
            _button(run, "One epoch", "epoch", icon="skip_next")
            _show_speed(run)
        _show_stop(run)


def _show_to_others(run: Run, config: RunConfig | None) -> None:
    once = "" if run.is_over else " once it is over"
    st.caption(f"Somebody else started this run: you can watch it, and fork it{once}.")
    if run.is_over and config is not None:
        with st.container(horizontal=True, key="steering", gap="small"):
            _show_fork(run, config, kept(run.run_id))


def _show_resume(run: Run, config: RunConfig) -> None:
    if run.state == "diverged":
        return
    if run.epoch < config.epochs and pressed(
        st.button, "Resume", key="go_on", of=run.run_id, icon=":material/play_arrow:"
    ):
        with _sentences():
            resume(store(), run.run_id)
            st.rerun()
    with st.popover("More epochs", icon=":material/add:"), st.form("more", border=False):
        more = st.number_input("Epochs more", min_value=1, value=config.epochs, step=1)
        if pressed(st.form_submit_button, "Train on", key="train_on", of=run.run_id):
            with _sentences():
                resume(store(), run.run_id, epochs=run.epoch + int(more))
                st.rerun()


def _show_fork(run: Run, config: RunConfig, there: Kept) -> None:
    if not there.epochs:
        return
    with st.popover("Fork", icon=":material/fork_right:"), _sentences():
        st.caption("Go on from a checkpoint with one choice changed, beside this run.")
        epoch = st.selectbox(
            "After epoch",
            there.epochs[::-1],
            format_func=lambda epoch: _checkpoint_words(epoch, there),
            key=f"fork epoch {run.run_id}",
        )
        parameter = st.selectbox(
            "Changed choice", forkable(config), format_func=_words, key=f"fork {run.run_id}"
        )
        value = _show_value(run, config, parameter, epoch)
        left = config.epochs if config.epochs > epoch + 1 else epoch + 1 + config.epochs
        epochs = st.number_input(
            "Until epoch",
            min_value=epoch + 2,
            value=left,
            step=1,
            key=f"fork until {run.run_id} {epoch}",
        )
        if pressed(st.button, "Start the fork", key="start_fork", of=run.run_id, type="primary"):
            if isinstance(value, str):
                value = parse_choice(parameter, value)
            change = {parameter: value}
            forked = fork(store(), run.run_id, change, epoch=epoch, epochs=int(epochs))
            assert isinstance(forked, str)
            show(forked)
            st.rerun()


def _show_value(run: Run, config: RunConfig, parameter: str, epoch: int) -> Any:
    now = choice_at(store(), run.run_id, config, parameter, epoch)
    key = f"fork {parameter} {run.run_id} {now}"
    options = _options(config, parameter)
    if options:
        others = [option for option in options if option != now]
        return st.selectbox(f"instead of {now}", others, key=key)
    # As text: a number field would round 1e-5 away.
    return st.text_input(f"instead of {now:g}", value=f"{now:g}", key=key)


def _options(config: RunConfig, parameter: str) -> tuple[str, ...]:
    validation = config.validates
    ratios = ("1:2", "1:5", "1:19") if config.spec.task == "binary" else ()
    return {
        "loss": tuple(loss.name for loss in losses_for(config.spec.task)),
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "class_weight": (NONE, "balanced", *ratios),
        "early_stopping": early_stopping_for(config.metrics, validation=validation),
    }.get(parameter, ())


def _checkpoint_words(epoch: int, there: Kept) -> str:
    notes = [
        *(["last"] if epoch == there.epochs[-1] else []),
        *(["best"] if epoch == there.best else []),
    ]
    return f"{epoch + 1} ({', '.join(notes)})" if notes else str(epoch + 1)


def _words(parameter: str) -> str:
    return parameter.replace("_", " ")


def _show_pause(run: Run) -> None:
    if run.state == "paused":
        _button(run, "Resume", "resume", icon="play_arrow")
    else:
        _button(run, "Pause", "pause", icon="pause")


def _show_stop(run: Run) -> None:
    options = {"disabled": run.is_over, "icon": ":material/stop:"}
    if pressed(st.button, "Stop", key="stop", of=run.run_id, **options):
        with _sentences():
            steer(store(), run.run_id, "stop")
        # A queued run has ended by now, and has no other button any more.
        st.rerun()


def _button(run: Run, label: str, name: CommandName, *, icon: str) -> None:
    if pressed(st.button, label, key=name, of=run.run_id, icon=f":material/{icon}:"):
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
            if pressed(st.form_submit_button, "Set", key="set_rate", of=run.run_id):
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
    except (InvalidInput, NotPossible, WeightsMissing, DatasetUnavailable) as error:
        st.toast(escaped(str(error)), icon=":material/error:")
