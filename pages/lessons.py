"""The lessons page: the list of all, or the one that the address names."""

from __future__ import annotations

import streamlit as st

from pages.backend import show_unusable, store
from pages.forms import escaped
from pages.lesson.catalogue import show_catalogue, title_of
from pages.lesson.handout import show_handout
from pages.lesson.joining import ROOM, entered
from pages.lesson.keeping import presents, progress, reset
from pages.lesson.link import LESSONS_PAGE, Link, linked
from pages.lesson.presenter import show_presenter
from pages.lesson.quiz import show_quiz
from pages.lesson.room import show_own_room, show_room
from pages.lesson.sharing import show_sharing
from pages.lesson.stage import show_stage
from pages.lesson.steps import show_steps
from trainer.errors import InvalidInput, RoomNotFound, RunNotFound, StoreUnusable
from trainer.lessons import LESSONS
from trainer.progress import Standing, mark_of


def main() -> None:
    """Draw the page."""
    # A link from this page to itself leaves the browser's address as it was, and the next press
    # would come from there; so the browser is told where it is.
    st.query_params.update()
    try:
        try:
            link = linked()
        except InvalidInput as error:
            st.warning(escaped(str(error)))
            link = None
        code = st.query_params.get(ROOM)
        room = None if code is None else entered(code)
        if code is not None and room is None:
            # Otherwise each run of this page would be one more try.
            st.query_params.pop(ROOM, None)
        if room is not None:
            is_own = room.owner == store().person.owner
            show_own_room(room) if is_own else show_room(room)
        elif link is None:
            show_catalogue(progress().marks())
        elif link.view == "handout" and not link.lesson.questions:
            show_handout(link)
        elif presents(link):
            show_presenter(link, progress().standing(link.lesson))
        else:
            _show_lesson(link)
    except RunNotFound:
        st.warning("A run of this lesson was deleted just now. Load the page again.")
    except RoomNotFound as error:
        st.warning(str(error))
    except StoreUnusable as error:
        show_unusable(error)


def _show_lesson(link: Link) -> None:
    standing = progress().standing(link.lesson)
    with st.container(horizontal=True, vertical_alignment="center", key="lesson_head"):
        st.title(title_of(link.lesson), anchor=False)
        show_sharing(link)
        st.page_link(LESSONS_PAGE, label="All lessons", icon=":material/list:")
    if "seed" in st.query_params and standing.seed not in (None, link.seed):
        st.caption(
            f"You began this lesson with seed {standing.seed}. Begin it anew for seed {link.seed} "
            "of this link."
        )
    key = "lesson_with_run" if standing.runs else "lesson_without_run"
    with st.container(key=key):
        steps, stage = st.columns([2, 3], gap="large")
        with steps:
            if link.lesson.questions:
                show_quiz(link, standing)
            else:
                show_steps(link, standing)
            _show_end(link, standing)
        with stage:
            show_stage(link, standing)


def _show_end(link: Link, standing: Standing) -> None:
    if mark_of(link.lesson, standing.answers) == "done":
        names = list(LESSONS)
        following = names[(names.index(link.lesson.name) + 1) % len(names)]
        st.page_link(
            LESSONS_PAGE,
            label=f"Next: {LESSONS[following].title}",
            icon=":material/arrow_forward:",
            query_params={"lesson": following},
        )
    if standing.answers or standing.runs:
        with st.popover("Begin anew", icon=":material/restart_alt:"):
            st.markdown("Your answers in this lesson go. Your runs stay under Runs.")
            st.button("Begin this lesson anew", on_click=reset, args=(link.lesson,))


main()
