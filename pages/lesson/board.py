"""The class board: everybody's run of the same training, each with a seed of its own."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence

import streamlit as st

from pages.backend import store
from pages.figures.spread import Curves, spread, spread_figure, words
from pages.lesson.recorded import recorded_curves, recorded_html
from pages.lesson.voting import polls
from pages.lesson.words import prose
from pages.live.component import figure
from trainer.errors import InvalidInput, RunNotFound
from trainer.lessons import Fit, find_lesson
from trainer.poll import ClassRun, Poll, Turnout
from trainer.progress import SHOWN
from trainer.waiting import waits_in_vain

_PROJECTED = 1.3


def show_board(poll: Poll) -> None:
    """Draw the board of a poll as it is now.

    Args:
        poll: One in a room of whoever looks, that is closed.
    """
    turnout = polls().turnout(poll.number)
    runs = polls().runs(poll.number)
    names = poll.lesson.board
    curves = [Curves(seed=run.seed, history=_history_of(run)) for run in runs]
    recorded = None
    waiting = [run.created_at for run in runs if run.state == "queued"]
    is_stuck = bool(waiting) and waits_in_vain(store(), min(waiting))
    if poll.shows_recorded or is_stuck:
        recorded = recorded_curves(poll.lesson, poll.scenario)
    st.html(_head(poll, runs, turnout, is_stuck=is_stuck))
    if recorded is not None:
        st.html(recorded_html(poll.lesson, poll.scenario))
        curves = [*curves, recorded]
    if any(run.history for run in curves):
        drawing = spread_figure(names, curves, scale=_PROJECTED)
        label = f"{poll.lesson.title}: the curves of {len(runs)} runs, each with its own seed"
        figure(drawing, label=label, key="class_board")
    told = _figures(poll, runs, curves)
    if told:
        st.html(told)


def _head(poll: Poll, runs: Sequence[ClassRun], turnout: Turnout, *, is_stuck: bool) -> str:
    counts = Counter(_kind(run) for run in runs)
    told = [f"{counts[kind]} {kind}" for kind in _KINDS if counts[kind]]
    stuck = "<p>No worker trains at the moment.</p>" if is_stuck else ""
    said = ", ".join(told) or "nobody has pressed <em>Run it</em> yet"
    there = f"{turnout.members} in the room, {turnout.voted} voted"
    return (
        f'<div class="board-head"><h2>Everybody’s run: {html.escape(poll.scenario.title)}</h2>'
        f'<p data-testid="board-runs" data-finished="{counts["finished"]}">{said}'
        f" · {there}</p>{stuck}</div>"
    )


_KINDS = ("finished", "training", "waiting", "ended early")


def _kind(run: ClassRun) -> str:
    if run.state in SHOWN:
        return "finished"
    if run.is_over:
        return "ended early"
    return "waiting" if run.state == "queued" else "training"


def _figures(poll: Poll, runs: Sequence[ClassRun], curves: Sequence[Curves]) -> str:
    """Return how far the runs lie apart in the end, and what of the lesson they showed, as HTML."""
    done = [run for run in runs if _kind(run) == "finished"]
    ended = {run.seed for run in done}
    rows = []
    for name in poll.lesson.board:
        there = spread(name, [one for one in curves if one.seed in ended])
        if there is not None:
            cells = "".join(
                f"<td>{value:.4g}</td>" for value in (there.lowest, there.median, there.highest)
            )
            rows.append(f'<tr><th scope="row">{html.escape(words(name))}</th>{cells}</tr>')
    if not rows:
        return ""
    seen = Counter(number for run in done for number in _sights_of(run, poll))
    sights = "".join(
        f"<li><strong>{seen[number]} of {len(done)}</strong> {prose(sight.text)}</li>"
        for number, sight in enumerate(poll.lesson.record)
    )
    exact = "Same lesson, another seed: exact numbers vary." if len(done) > 1 else ""
    return (
        '<div class="lesson-table"><table><thead><tr><td></td><th scope="col">lowest</th>'
        '<th scope="col">median</th><th scope="col">highest</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        f'<ul class="lesson-facts">{sights}</ul><p class="board-exact">{exact}</p>'
    )


def _history_of(run: ClassRun) -> Mapping[str, Sequence[float | None]]:
    try:
        return _history(store().url, run.run_id, run.attempt, run.epoch, run.state)
    except RunNotFound:  # somebody deletes it at this moment
        return {}


def _sights_of(run: ClassRun, poll: Poll) -> Sequence[int]:
    try:
        return _sights(store().url, run.run_id, run.attempt, run.epoch, poll.lesson.name)
    except (RunNotFound, InvalidInput):
        return ()


@st.cache_data(max_entries=1_000, show_spinner=False)
def _history(
    url: str, run_id: str, attempt: int, epoch: int, state: str
) -> Mapping[str, Sequence[float | None]]:
    """Return a run's history, kept as long as the run is as it was."""
    return store().history(run_id)


@st.cache_data(max_entries=1_000, show_spinner=False)
def _sights(url: str, run_id: str, attempt: int, epoch: int, lesson: str) -> Sequence[int]:
    """Return which of a lesson's sights a run showed that has ended, by their numbers."""
    return find_lesson(lesson).seen_in(Fit.of(store(), run_id))
