"""A lesson for a projector: large, one knob, Start, pause, one epoch; answers shown when asked."""

from __future__ import annotations

import dataclasses

import streamlit as st

from pages.forms import escaped
from pages.lesson.catalogue import LESSONS_PAGE
from pages.lesson.keeping import config_for, start
from pages.lesson.link import Link
from pages.lesson.questions import show_feedback, show_options
from pages.lesson.stage import show_data, show_run
from pages.lesson.words import explained, locked_words
from trainer.lessons.lesson import Question
from trainer.progress import Standing

# A root of this size makes all text larger: what is read from the last row.
_STYLE = """<style>
html { font-size: 22px; }
.lr-grid { grid-template-columns: 1fr; }
</style>"""


def show_presenter(link: Link, standing: Standing) -> None:
    """Draw the knob and Start, and below them the question beside the run started last."""
    st.html(_STYLE)
    lesson = link.lesson
    reveals = _head(link)
    with st.container(horizontal=True, vertical_alignment="bottom", key="presenter_knob"):
        question = lesson.questions[_number(link)] if lesson.questions else lesson.predict
        scenario = _knob(link, question)
        st.button(
            "Start training",
            type="primary",
            icon=":material/play_arrow:",
            on_click=start,
            args=(link, scenario),
        )
    left, right = st.columns([2, 3], gap="large")
    with left:
        _show_question(question, reveals)
        if reveals and not lesson.questions:
            st.html(f'<div class="lesson-explanation">{explained(lesson.explain)}</div>')
            with st.expander("Challenge"):
                show_feedback(lesson.challenge)
        st.caption(f":material/lock: {locked_words(config_for(link, standing, scenario))}")
    with right:
        if standing.runs:
            show_run(standing, standing.runs[-1], reveals=reveals, projected=True)
        else:
            show_data(link, standing)


def _head(link: Link) -> bool:
    with st.container(horizontal=True, vertical_alignment="center", key="presenter_head"):
        st.title(link.lesson.title, anchor=False)
        reveals = st.toggle("Show the answers", key=f"reveal {link.lesson.name}")
        st.page_link(
            LESSONS_PAGE,
            label="Leave",
            icon=":material/close:",
            query_params=dataclasses.replace(link, view="student").parameters,
        )
    return reveals


def _number(link: Link) -> int:
    count = len(link.lesson.questions)
    chosen = st.segmented_control(
        "Question",
        range(count),
        default=0,
        format_func=lambda number: str(number + 1),
        key=f"question {link.lesson.name}",
        required=True,
    )
    return int(chosen or 0)


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
        return question.scenario or first
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
