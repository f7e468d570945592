"""The quiz: its questions one below the other, each with the case that runs live."""

from __future__ import annotations

import streamlit as st

from pages.lesson.link import Link
from pages.lesson.questions import ask, show_feedback
from pages.lesson.steps import show_tries
from trainer.progress import Standing, question_part


def show_quiz(link: Link, standing: Standing) -> None:
    """Draw all questions: each answered one with what is to be said of every option."""
    lesson = link.lesson
    for number, question in enumerate(lesson.questions):
        st.header(f"Question {number + 1} of {len(lesson.questions)}", anchor=False)
        part = question_part(number)
        if part not in standing.answers:
            texts = [option.text for option in question.options]
            ask(lesson, part, question.text, texts, button="Lock in my answer")
            continue
        show_feedback(question, standing.answers[part])
        show_tries(link, standing, question, key=part)
    if all(question_part(k) in standing.answers for k in range(len(lesson.questions))):
        st.markdown(f"**{score(standing)} of {len(lesson.questions)} right.**")


def score(standing: Standing) -> int:
    """Return how many questions of the quiz are answered right."""
    return sum(
        question.options[standing.answers[question_part(number)]].is_right
        for number, question in enumerate(standing.lesson.questions)
        if question_part(number) in standing.answers
    )
