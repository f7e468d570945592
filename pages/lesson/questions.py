"""A question: asked until its answer is locked in, and then answered option by option."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from pages.lesson.keeping import answer_key, lock
from pages.lesson.words import explained, markdown, prose
from trainer.lessons import Lesson
from trainer.lessons.lesson import Question


def ask(lesson: Lesson, part: str, text: str, options: Sequence[str], *, button: str) -> None:
    """Draw a question with its options, and the button that locks the answer in."""
    st.html(f'<div class="lesson-question">{explained(text)}</div>')
    chosen = st.radio(
        text,
        range(len(options)),
        index=None,
        format_func=lambda number: markdown(options[number]),
        key=answer_key(lesson, part),
        label_visibility="collapsed",
    )
    st.button(
        button,
        key=f"lock {lesson.name} {part}",
        icon=":material/lock:",
        type="primary",
        disabled=chosen is None,
        on_click=lock,
        args=(lesson, part),
    )


def show_locked(text: str, said: str, *, verb: str) -> None:
    """Draw a question and its answer, without a word on whether it is right."""
    st.html(
        f'<div class="lesson-question">{explained(text)}</div>'
        f'<p class="lesson-locked">{html.escape(verb)}: <strong>{prose(said)}</strong></p>'
    )


def show_options(question: Question) -> None:
    """Draw a question and what can be answered, without a word on which is right."""
    items = "".join(
        f"<li><div><strong>{prose(option.text)}</strong></div></li>" for option in question.options
    )
    st.html(
        f'<div class="lesson-question">{explained(question.text)}</div>'
        f'<ul class="lesson-options">{items}</ul>'
    )


def show_feedback(question: Question, choice: int | None = None, *, with_text: bool = True) -> None:
    """Draw what is to be said of each option; the one that was chosen, if any, stands out."""
    heading = ""
    if with_text:
        heading = f'<div class="lesson-question">{explained(question.text)}</div>'
    st.html(f'{heading}<ul class="lesson-options">{"".join(_items(question, choice))}</ul>')


def _items(question: Question, choice: int | None) -> list[str]:
    items = []
    for number, option in enumerate(question.options):
        kind = "right" if option.is_right else "other"
        mark = "✓" if option.is_right else "–"
        words = "right" if option.is_right else "not so"
        yours = '<span class="lesson-yours">your answer</span>' if number == choice else ""
        items.append(
            f'<li class="{kind}{" yours" if number == choice else ""}">'
            f'<span class="lesson-mark" role="img" aria-label="{words}">{mark}</span>'
            f"<div><strong>{prose(option.text)}</strong> {yours}"
            f"<div>{explained(option.feedback)}</div></div></li>"
        )
    return items
