"""Which lesson the address names, with which seed and in which view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlencode

import streamlit as st

from trainer.errors import InvalidInput
from trainer.lessons import Lesson, find_lesson

View = Literal["student", "presenter", "handout"]
PAGE = "lessons"


@dataclass(frozen=True, kw_only=True)
class Link:
    """What an address says: all that decides what somebody sees who opens it.

    Attributes:
        lesson: Which lesson; its scenarios and its knob say what is set and what is locked.
        seed: Of its trainings.
        view: How it is shown.
    """

    lesson: Lesson
    seed: int = 0
    view: View = "student"

    def path(self, view: View | None = None) -> str:
        """Return the address below the server's, in this view or another."""
        view = view or self.view
        said: dict[str, object] = {"lesson": self.lesson.name, "seed": self.seed}
        if view != "student":
            said["view"] = view
        return f"/{PAGE}?{urlencode(said)}"


def linked() -> Link | None:
    """Return what the page's address says; None where it names no lesson.

    Raises:
        InvalidInput: There is no such lesson, its seed is none, or there is no such view.
    """
    said = st.query_params
    if "lesson" not in said:
        return None
    lesson = find_lesson(said["lesson"])
    seed = _seed(said.get("seed", "0"))
    link = Link(lesson=lesson, seed=seed, view=_view(said.get("view", "student")))
    lesson.scenarios[0].config(link.seed)  # says so where no training takes the seed
    return link


def _view(text: str) -> View:
    for view in get_args(View):
        if view == text:
            known: View = view
            return known
    raise InvalidInput("view", f"must be one of {', '.join(get_args(View))}", text)


def _seed(text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text[:20])
    raise InvalidInput("seed", "must be zero or a positive integer", text)
