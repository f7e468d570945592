"""What a press on the page does to somebody's progress: lock an answer, start a run, begin anew."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import streamlit as st

from pages.backend import show_unusable, store
from pages.forms import escaped
from pages.lesson.link import Link
from pages.starts import starts
from pages.visitor import this_browser
from trainer.config import RunConfig
from trainer.errors import InvalidInput, NotPossible, RoomNotFound, StoreUnusable
from trainer.lessons import Lesson
from trainer.progress import LessonProgress, Standing

# A training that is over at once cannot be watched.
_WATCHED_SECONDS = 5.0


def progress() -> LessonProgress:
    """Return the lessons as whoever looks at the page has done them."""
    return LessonProgress(store())


def answer_key(lesson: Lesson, part: str) -> str:
    """Return the key of the widget with which a part of a lesson is answered."""
    return f"answer {lesson.name} {part}"


def shown_key(lesson: Lesson) -> str:
    """Return the key of the widget that says which scenario of a lesson is shown."""
    return f"shown {lesson.name}"


def lock(lesson: Lesson, part: str) -> None:
    """Keep for good what is chosen for a part."""
    choice = st.session_state.get(answer_key(lesson, part))
    if choice is None:
        return
    with sentences():
        progress().lock(lesson, part, choice)


def start(link: Link, scenario: str) -> None:
    """Start a scenario of a lesson, as the form starts a run, and show it."""
    with sentences():
        # All that asks for the session's state comes first: there a callback may be cut short.
        kept, browser = progress(), this_browser()
        standing = kept.standing(link.lesson)
        if not (presents(link) or standing.may_start(scenario)):
            raise NotPossible("Lock in your answer first.")
        config = config_for(link, standing, scenario)
        run_id = starts().start(browser, config, speed=pace(config))
        kept.note_run(link.lesson, scenario, run_id)
        st.session_state[shown_key(link.lesson)] = scenario


def tell(lesson: Lesson, key: str) -> None:
    """Show the answers to the class, or no more, as the switch with this key says."""
    with sentences():
        progress().tell(lesson, is_told=bool(st.session_state.get(key)))


def config_for(link: Link, standing: Standing, scenario: str) -> RunConfig:
    """Return the set-up of a scenario: with the seed of the first run, or before it the link's.

    Whoever presents has the link's seed each time.
    """
    seed = link.seed if standing.seed is None or presents(link) else standing.seed
    return link.lesson.scenario(scenario).config(seed)


def presents(link: Link) -> bool:
    """Return whether a lesson is shown to a class, by whoever may do that."""
    return link.view == "presenter" and store().person.is_in_charge


def pace(config: RunConfig) -> float:
    """Return at how many epochs a second a training can be watched."""
    return round(config.epochs / _WATCHED_SECONDS, 3)


def reset(lesson: Lesson | None = None) -> None:
    """Begin a lesson anew, or all."""
    with sentences():
        progress().reset(lesson)
    for key in [str(key) for key in st.session_state]:
        of_lesson = "" if lesson is None else f"{lesson.name} "
        if f"{key} ".startswith((f"answer {of_lesson}", f"shown {of_lesson}")):
            del st.session_state[key]


@contextlib.contextmanager
def sentences() -> Iterator[None]:
    """Tell in a sentence why what was pressed was not done."""
    try:
        yield
    except (InvalidInput, NotPossible, RoomNotFound) as error:
        st.toast(escaped(str(error)), icon=":material/error:")
    except StoreUnusable as error:
        show_unusable(error)
