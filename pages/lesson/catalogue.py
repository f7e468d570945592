"""The list of lessons, with how far whoever looks is in each."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.forms import escaped
from pages.lesson.joining import show_joining
from pages.lesson.keeping import reset
from pages.lesson.link import LESSONS_PAGE
from pages.lesson.words import markdown
from trainer.glossary import GLOSSARY
from trainer.lessons import LESSONS, Lesson
from trainer.progress import Mark

_ICONS: Mapping[Mark, str] = {
    "new": ":material/radio_button_unchecked:",
    "begun": ":material/contrast:",
    "done": ":material/check_circle:",
}
_WORDS: Mapping[Mark, str] = {"new": "", "begun": " · begun", "done": " · done"}


def show_catalogue(marks: Mapping[str, Mark]) -> None:
    """Draw all lessons in order; each can be opened at any time."""
    st.title("Lessons", anchor=False)
    done = sum(mark == "done" for mark in marks.values())
    st.markdown(
        "Predict, then run a real training, and see. Two to five minutes each, in any order. "
        f"**{done} of {len(marks)} done.**"
    )
    show_joining()
    with st.container(key="catalogue"):
        for number, lesson in enumerate(LESSONS.values(), 1):
            _show_entry(number, lesson, marks[lesson.name])
    with st.expander("All words", icon=":material/menu_book:"):
        st.markdown(
            "\n\n".join(
                f"**{escaped(term.word)}**: {escaped(term.sentence)}"
                for term in sorted(GLOSSARY.values(), key=lambda term: term.word.lower())
            )
        )
    if any(mark != "new" for mark in marks.values()):
        with st.popover("Begin all anew", icon=":material/restart_alt:"):
            st.markdown("All your answers go. Your runs stay under Runs.")
            st.button("Begin all lessons anew", type="primary", on_click=reset)


def title_of(lesson: Lesson) -> str:
    """Return a lesson's title with its number in the table."""
    number = list(LESSONS).index(lesson.name) + 1
    return lesson.title if lesson.questions else f"{number} · {lesson.title}"


def _show_entry(number: int, lesson: Lesson, mark: Mark) -> None:
    with st.container(border=True, key=f"entry {lesson.name}"):
        st.page_link(
            LESSONS_PAGE,
            label=f"**{markdown(title_of(lesson))}**{_WORDS[mark]}",
            icon=_ICONS[mark],
            query_params={"lesson": lesson.name},
        )
        st.caption(markdown(lesson.predict.text if not lesson.questions else lesson.explain))
