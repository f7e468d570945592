"""A lesson on one sheet of paper: prediction, observation, an empty matrix, the link."""

from __future__ import annotations

import dataclasses
import html

import streamlit as st

from pages.lesson.catalogue import title_of
from pages.lesson.link import LESSONS_PAGE, Link
from pages.lesson.sharing import address
from pages.lesson.words import locked_words, prose
from trainer.lessons import Lesson
from trainer.lessons.lesson import Question

_MATRIX = (
    '<table class="sheet-matrix"><caption>Confusion matrix</caption><thead><tr><td></td>'
    '<th scope="col">called negative</th><th scope="col">called positive</th></tr></thead><tbody>'
    '<tr><th scope="row">is negative</th><td></td><td></td></tr>'
    '<tr><th scope="row">is positive</th><td></td><td></td></tr></tbody></table>'
)


def show_handout(link: Link) -> None:
    """Draw the sheet; on paper nothing else of the page is there."""
    student = dataclasses.replace(link, view="student")
    with st.container(horizontal=True, vertical_alignment="center", key="handout_head"):
        st.markdown("One A4 sheet: print this page (**Ctrl+P**).")
        st.page_link(
            LESSONS_PAGE,
            label="Back to the lesson",
            icon=":material/arrow_back:",
            query_params=student.parameters,
        )
    st.html(sheet(student, address(student)))


def sheet(link: Link, address: str) -> str:
    """Return a lesson's hand-out as HTML.

    Args:
        link: Which lesson, with which seed.
        address: Where it is, as somebody types it.
    """
    lesson = link.lesson
    config = lesson.scenarios[0].config(link.seed)
    set_up = locked_words(config).replace("\\", "")
    sights = [*(prose(sight.text) for sight in lesson.record), "Something else: " + "_" * 30]
    parts = [
        f"<h1>{html.escape(title_of(lesson))}</h1>",
        '<p class="sheet-name">Name <span></span> Date <span></span></p>',
        f"<p>{html.escape(address)}</p>",
        "<h2>Predict, before anything runs</h2>",
        _choices(lesson.predict),
        f"<h2>Run</h2><p>{html.escape(set_up)}</p>",
        f"<h2>Record what you saw</h2><ul>{_boxes(sights)}</ul>",
        _MATRIX if lesson.shows_matrix else _axes(),
        f"<h2>One knob: {html.escape(lesson.knob.label)}</h2>{_knob(lesson)}",
        f"<h2>Challenge</h2>{_choices(lesson.challenge)}",
        '<p class="sheet-line">Because</p>',
    ]
    return f'<article class="sheet">{"".join(parts)}</article>'


def _choices(question: Question) -> str:
    options = _boxes([prose(option.text) for option in question.options])
    return f"<p>{prose(question.text)}</p><ul>{options}</ul>"


def _boxes(texts: list[str]) -> str:
    return "".join(f"<li>☐ {text}</li>" for text in texts)


def _axes() -> str:
    """Return empty axes to draw the curve into."""
    return (
        '<figure class="sheet-axes" role="img" aria-label="Empty axes: loss over epochs">'
        "<span>loss</span><span>epoch</span></figure>"
    )


def _knob(lesson: Lesson) -> str:
    columns: tuple[str, ...]
    if len(lesson.knob.scenarios) == 1:
        titles = ["0.1", "0.5", "0.9"]
        columns = ("precision", "recall")
    else:
        titles = [lesson.scenario(name).title for name in lesson.knob.scenarios]
        columns = ("what I saw",)
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    rows = "".join(
        f'<tr><th scope="row">{html.escape(title)}</th>{"<td></td>" * len(columns)}</tr>'
        for title in titles
    )
    label = html.escape(lesson.knob.label)
    return (
        f'<table class="sheet-knob"><thead><tr><th scope="col">{label}</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
