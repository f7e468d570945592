"""What a lesson shows beside its steps: its data before a run, then the run, live."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from pages.backend import store
from pages.boundaries import boundary_of
from pages.description import describe
from pages.evaluation.component import live_evaluation
from pages.figures.history import Chart, for_projector, history_charts
from pages.inspections import show_test_set
from pages.lesson.keeping import config_for, shown_key
from pages.lesson.link import Link
from pages.lesson.recorded import show_recorded_run
from pages.live.component import live_charts, live_diagnosis, live_header
from pages.live.reader import summary
from pages.steering import show_pace
from trainer.config import RunConfig, config_of
from trainer.lessons import Lesson
from trainer.losses import LOSSES
from trainer.metrics import METRICS
from trainer.progress import LessonRun, Standing
from trainer.waiting import waiting, waits_in_vain

_PAGES = Path(__file__).parents[1]
_LOOK_SECONDS = 5.0


def show_stage(link: Link, standing: Standing) -> None:
    """Draw the run that was started last, or the one that was chosen; before any, the data."""
    shown = _chosen(standing)
    if shown is None:
        show_data(link, standing)
        return
    reveals = not store().is_withheld(shown.run.run_id)
    # A place of its own, also while it is empty: what lies below stays what it is.
    with st.container():
        if shown.run.state == "queued":
            _show_stand_in(link.lesson, shown, reveals=reveals)
    show_run(standing, shown, reveals=reveals)


@st.fragment(run_every=_LOOK_SECONDS)
def _show_stand_in(lesson: Lesson, waiting: LessonRun, *, reveals: bool) -> None:
    """Draw a recorded run as soon as one's own has waited in vain, until it trains."""
    if waits_in_vain(store(), waiting.run.created_at):
        st.markdown("No worker trains at the moment. Your run stays in the queue.")
        show_recorded_run(lesson, lesson.scenario(waiting.scenario), tells=reveals)


def show_data(link: Link, standing: Standing) -> None:
    """Draw the data that the first run learns from."""
    st.header("The data", anchor=False)
    describe(config_for(link, standing, link.lesson.scenarios[0].name))


def show_run(
    standing: Standing, shown: LessonRun, *, reveals: bool, projected: bool = False
) -> None:
    """Draw a run of a lesson, live, beside the first one where that differs in the knob alone.

    Args:
        standing: How far somebody is.
        shown: Their run.
        reveals: Whether what is to be seen is told: the verdicts, and the seal of the test rows
            where the lesson is about them.
        projected: Whether its charts are to be seen from the last row.
    """
    run = shown.run
    live_header(summary(run, waiting(store(), run)), key="header")
    show_pace(run)
    config = config_of(run)
    if config is None:
        st.caption("This run is of an older version of the program; begin the lesson anew.")
        return
    beside = standing.beside(shown)
    if standing.lesson.shows_matrix:
        _show_matrix(shown, config)
    charts: Sequence[Chart] = history_charts(
        [METRICS[name] for name in config.metrics],
        validation=config.validates,
        fair=config.fair_curve,
        loss=LOSSES[config.loss],
        parent=None if beside is None else standing.lesson.scenario(beside.scenario).title,
    )
    if projected:
        charts = [for_projector(chart) for chart in charts]
    live_charts(
        {"run_id": run.run_id},
        charts,
        key="charts",
        beside=None if beside is None else beside.run.run_id,
        hides_verdicts=not reveals,
    )
    # What to do next is the lesson's affair: here a verdict starts nothing.
    live_diagnosis(run.run_id, key="diagnosis", can_start=False, is_hidden=not reveals)
    if standing.lesson.scenario(shown.scenario).opens_test and reveals:
        show_test_set(run, config)
    st.page_link(
        _PAGES / "train.py",
        label="This run on its own page",
        icon=":material/monitoring:",
        query_params={"run": run.run_id},
    )


def _chosen(standing: Standing) -> LessonRun | None:
    """Draw the choice among the scenarios that were run, where there are several."""
    lesson = standing.lesson
    there = [one.name for one in lesson.scenarios if standing.newest(one.name) is not None]
    if not there:
        return None
    newest = standing.compared[-1].scenario
    if len(there) == 1:
        return standing.newest(newest)
    key = shown_key(lesson)
    if st.session_state.get(key) not in there:
        st.session_state[key] = newest
    name = st.segmented_control(
        "Shown run",
        there,
        format_func=lambda name: lesson.scenario(name).title,
        key=key,
    )
    return standing.newest(name or newest)


def _show_matrix(shown: LessonRun, config: RunConfig) -> None:
    run = shown.run
    live_evaluation(
        run.run_id,
        key="evaluation",
        has_validation=config.validates,
        has_examples=False,
        boundary=boundary_of(config),
    )
    st.page_link(
        _PAGES / "evaluate.py",
        label="What mistakes cost, all curves and the time machine: evaluate in depth",
        icon=":material/analytics:",
        query_params={"run": run.run_id},
    )
