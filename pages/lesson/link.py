"""Which lesson the address names, with which seed and in which view."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlencode

import streamlit as st

from trainer.errors import InvalidInput
from trainer.lessons import Lesson, find_lesson

View = Literal["student", "presenter", "handout"]
PAGE = "lessons"
LESSONS_PAGE = Path(__file__).parents[1] / "lessons.py"


@dataclass(frozen=True, kw_only=True)
class Link:
    """What an address says: all that decides what somebody sees who opens it.

    Attributes:
        lesson: Which lesson; its scenarios and its knob say what is set and what is locked.
        seed: Of its trainings.
        knob: The one scenario at which the knob is locked; empty where it can be turned.
        view: How it is shown.
    """

    lesson: Lesson
    seed: int = 0
    knob: str = ""
    view: View = "student"

    @property
    def positions(self) -> tuple[str, ...]:
        """The scenarios that the knob can be turned to."""
        return (self.knob,) if self.knob else self.lesson.knob.scenarios

    @property
    def parameters(self) -> dict[str, str]:
        """What the address says after the question mark."""
        said = {"lesson": self.lesson.name, "seed": str(self.seed)}
        if self.knob:
            said["knob"] = self.knob
        if self.view != "student":
            said["view"] = self.view
        return said

    @property
    def path(self) -> str:
        """The address below the server's."""
        return f"/{PAGE}?{urlencode(self.parameters)}"


def linked() -> Link | None:
    """Return what the page's address says; None where it names no lesson.

    Raises:
        InvalidInput: There is no such lesson, seed, position of its knob, or view.
    """
    said = st.query_params
    if "lesson" not in said:
        return None
    lesson = find_lesson(said["lesson"])
    link = Link(
        lesson=lesson,
        seed=_seed(said.get("seed", "0")),
        knob=_knob(lesson, said.get("knob", "")),
        view=_view(said.get("view", "student")),
    )
    lesson.scenarios[0].config(link.seed)  # says so where no training takes the seed
    return link


def _knob(lesson: Lesson, text: str) -> str:
    if text and text not in lesson.knob.scenarios:
        raise InvalidInput("knob", f"must be one of {', '.join(lesson.knob.scenarios)}", text)
    return text


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
