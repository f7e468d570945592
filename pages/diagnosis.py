"""What is said of a run below its charts, and the next step that goes with it."""

from __future__ import annotations

import streamlit as st

from pages.backend import store
from pages.data_fields import is_offered
from pages.forms import escaped
from pages.live.component import live_diagnosis
from pages.pressing import note, taken
from pages.shown import show
from pages.starts import starts
from pages.visitor import this_browser
from trainer.checkpoints import kept
from trainer.config import RunConfig
from trainer.continuing import fork, forkable, resume
from trainer.diagnosis.auditing import Audits
from trainer.diagnosis.observer import verdicts_on
from trainer.diagnosis.verdict import Verdict
from trainer.errors import NotPossible, TrainerError
from trainer.runs import Run

_MAX_NAME = 50
_KEY = "diagnosis"
_KEY_PRESSED = "pressed next_step"


def show_diagnosis(run: Run, config: RunConfig | None) -> None:
    """Show what the diagnosis says of a run, and take the next step that was pressed.

    Args:
        run: The run.
        config: Its set-up; None where no form of today says it.
    """
    live_diagnosis(
        run.run_id,
        key=_KEY,
        can_start=config is not None,
        on_next_step=_note_next_step,
    )
    pressed = taken(_KEY_PRESSED)
    if not pressed or config is None or pressed.get("run_id") != run.run_id:
        return
    # What is to be done is read anew from the run: a browser can send anything.
    said = {verdict.name: verdict for verdict in verdicts_on(store(), run.run_id, audits=_audits())}
    verdict = said.get(str(pressed.get("verdict")))
    if verdict is None or not verdict.choices:
        st.toast("The training went on, and this is not said of it any more.")
        return
    try:
        run_id = take_next_step(run, config, verdict)
    except TrainerError as error:
        st.toast(escaped(str(error)), icon=":material/error:")
        return
    show(run_id)
    st.rerun()


@st.cache_resource(show_spinner=False)
def _audits() -> Audits:
    """Return what the auditor knows, for all sessions."""
    return Audits()


def _note_next_step() -> None:
    note(_KEY_PRESSED, st.session_state[_KEY].next_step)


def take_next_step(run: Run, config: RunConfig, verdict: Verdict) -> str:
    """Start what a verdict proposes, and return the id of the run that shows it.

    Args:
        run: The run that it was said of.
        config: Its set-up.
        verdict: What was said; it changes something.

    Raises:
        TrainerError: It cannot be done, or not by this person.
    """
    changes = dict(verdict.choices)
    if verdict.way == "more":
        resume(store(), run.run_id, epochs=int(str(changes["epochs"])))
        return run.run_id
    can_fork = run.is_over and kept(run.run_id).epochs and changes.keys() <= set(forkable(config))
    if verdict.way == "fork" and can_fork:
        forked = fork(store(), run.run_id, changes)
        assert isinstance(forked, str)
        return forked
    if not is_offered(config.dataset):
        raise NotPossible("Only who brought a file can start a training with it.")
    (parameter, value), *_ = changes.items()
    told = f"{value:g}" if isinstance(value, float) else str(value)
    name = f"{run.name[:_MAX_NAME]}, {parameter.replace('_', ' ')} {told}"
    choices = {**config.to_dict(), **changes, "name": name}
    return starts().start(this_browser(), RunConfig.create(**choices))
