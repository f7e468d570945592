"""A lesson for a projector: large, one knob, Start, pause, one epoch; answers shown when asked."""

from __future__ import annotations

import dataclasses

import streamlit as st

from pages.forms import escaped
from pages.lesson.bars import show_bars
from pages.lesson.board import show_board
from pages.lesson.keeping import config_for, start, tell
from pages.lesson.leading import show_controls, show_last_votes, show_opening, show_panel
from pages.lesson.link import LESSONS_PAGE, Link
from pages.lesson.questions import show_feedback, show_options
from pages.lesson.recorded import show_recorded_run
from pages.lesson.stage import show_data, show_run
from pages.lesson.voting import leads, rooms, show_recorded
from pages.lesson.words import explained, locked_words
from pages.live.signs import watch_signs
from trainer.lessons import Lesson
from trainer.lessons.lesson import Question
from trainer.poll import Poll, votable
from trainer.progress import PREDICT, Standing
from trainer.rooms import Room

# A root of this size makes all text larger: what is read from the last row.
_PROJECTED = 1.3
_SIDE, _BOARD, _OWN = "presenter_side", "Class board", "My run"
_STYLE = """<style>
html { font-size: 22px; }
.lr-grid { grid-template-columns: 1fr; }
</style>"""


def show_presenter(link: Link, standing: Standing) -> None:
    """Draw the knob and Start, and below them the question beside the run started last."""
    st.html(_STYLE)
    lesson = link.lesson
    reveals = _head(link)
    room = rooms().mine()
    # Before what they are signs of: what changes meanwhile is drawn at the next look.
    signs = None if room is None else rooms().signs(room.code)
    poll = leads(lesson)
    part = _part(link, poll) if lesson.questions else PREDICT
    if poll is not None and poll.part != part:
        poll = None  # the room is at another question
    if room is not None and poll is not None and poll.is_open:
        _show_vote(room, poll)
    else:
        _show_run(link, standing, part, room, poll, reveals=reveals)
    if room is not None and poll is not None:
        watch_signs(f"/api/rooms/{room.code}", signs, key="room_watch")


def _show_run(
    link: Link,
    standing: Standing,
    part: str,
    room: Room | None,
    poll: Poll | None,
    *,
    reveals: bool,
) -> None:
    """Draw what can be started, the question or how the class voted, and what was run."""
    lesson = link.lesson
    question = votable(lesson)[part]
    with st.container(horizontal=True, vertical_alignment="bottom", key="presenter_knob"):
        scenario = _knob(link, question)
        st.button(
            "Start training",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_start,
            args=(link, scenario),
        )
        if room is not None and poll is not None:
            show_controls(room, poll)
        else:
            show_opening(link, part)
        shows_recorded = _recorded_switch(link, poll)
    left, right = st.columns([2, 3], gap="large")
    with left:
        if poll is None:
            _show_question(question, reveals)
            show_last_votes()
        else:
            show_bars(poll, reveals=reveals)
        if reveals and not lesson.questions:
            st.html(f'<div class="lesson-explanation">{explained(lesson.explain)}</div>')
            with st.expander("Challenge"):
                show_feedback(lesson.challenge)
        st.caption(f":material/lock: {locked_words(config_for(link, standing, scenario))}")
    with right:
        if poll is not None and _shows_board(standing):
            show_board(poll)
        elif shows_recorded:
            show_recorded_run(lesson, lesson.scenario(scenario), scale=_PROJECTED)
        elif standing.runs:
            show_run(standing, standing.runs[-1], reveals=reveals, projected=True)
        else:
            show_data(link, standing)


def _show_vote(room: Room, poll: Poll) -> None:
    """Draw the question, and beside it the way into the room, while votes are taken."""
    left, right = st.columns([3, 4], gap="large")
    with left:
        show_options(poll.question)
    with right:
        show_panel(room, poll)


def _start(link: Link, scenario: str) -> None:
    """Start a scenario, and show it instead of the class board, where there is one."""
    # A switch that was left on in an earlier session is off in this one.
    tell(link.lesson, _reveal_key(link.lesson))
    start(link, scenario)
    if leads(link.lesson) is not None:
        st.session_state[_SIDE] = _OWN


def _shows_board(standing: Standing) -> bool:
    """Draw the choice between the board and one's own run, where there is one."""
    if not standing.runs:
        return True
    chosen = st.segmented_control(
        "Shown", (_BOARD, _OWN), default=_BOARD, key=_SIDE, label_visibility="collapsed"
    )
    return chosen != _OWN


def _recorded_switch(link: Link, poll: Poll | None) -> bool:
    """Draw the switch that shows a recorded run; the class sees it, too, where there is one."""
    label = "Show a recorded run"
    if poll is None:
        return st.toggle(label, key=f"recorded {link.lesson.name}")
    key = f"recorded {poll.number}"
    st.session_state[key] = poll.shows_recorded
    return st.toggle(label, key=key, on_change=show_recorded, args=(poll.number, key))


def _head(link: Link) -> bool:
    with st.container(horizontal=True, vertical_alignment="center", key="presenter_head"):
        st.title(link.lesson.title, anchor=False)
        key = _reveal_key(link.lesson)
        reveals = st.toggle("Show the answers", key=key, on_change=tell, args=(link.lesson, key))
        st.page_link(
            LESSONS_PAGE,
            label="Leave",
            icon=":material/close:",
            query_params=dataclasses.replace(link, view="student").parameters,
        )
    return reveals


def _reveal_key(lesson: Lesson) -> str:
    return f"reveal {lesson.name}"


def _part(link: Link, poll: Poll | None) -> str:
    """Draw the choice of the quiz's question, at first the one that the room is at."""
    parts = list(votable(link.lesson))
    chosen = st.segmented_control(
        "Question",
        parts,
        default=parts[0] if poll is None else poll.part,
        format_func=lambda part: str(parts.index(part) + 1),
        key=f"question {link.lesson.name}",
        required=True,
    )
    return str(chosen or parts[0])


def _show_question(question: Question, reveals: bool) -> None:
    if reveals:
        show_feedback(question)
    else:
        show_options(question)


def _knob(link: Link, question: Question) -> str:
    """Draw the knob, and return the scenario at its position."""
    lesson = link.lesson
    first = lesson.scenarios[0].name
    if lesson.questions:
        return question.scenarios[0] if question.scenarios else first
    positions = link.positions if link.knob else tuple(dict.fromkeys((first, *link.positions)))
    if len(positions) == 1:
        return positions[0]
    chosen = st.segmented_control(
        lesson.knob.label,
        positions,
        default=positions[0],
        format_func=lambda name: escaped(lesson.scenario(name).title),
        key=f"knob {lesson.name}",
        required=True,
    )
    return str(chosen or positions[0])
