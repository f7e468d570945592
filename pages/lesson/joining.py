"""The way into a room: a short code, typed or in the address; wrong ones are limited."""

from __future__ import annotations

import streamlit as st

from pages.forms import escaped
from pages.lesson.link import LESSONS_PAGE
from pages.lesson.voting import polls, rooms, spoken
from pages.live.tries import Tries
from pages.pressing import pressed
from pages.visitor import this_browser
from trainer.errors import NotPossible, RoomNotFound
from trainer.lessons import find_lesson
from trainer.rooms import Room

ROOM = "room"
_TYPED = "room_code"
_NOTICE = "room_notice"


def entered(code: str) -> Room | None:
    """Return the room with this code, joined if it was not before; None with the reason kept.

    The reason is told by `show_joining`.
    """
    known = rooms().known(code)
    if known is not None:
        return known
    client = _client()
    seconds = _tries().seconds_to_wait(client)
    if seconds:
        _refuse(f"Too many wrong codes were tried. Try again in {seconds} s.")
        return None
    try:
        return rooms().join(code)
    except RoomNotFound as error:
        _tries().note_wrong(client)
        _refuse(str(error))
    except NotPossible as error:
        _refuse(str(error))
    return None


def show_joining() -> None:
    """Draw where one types a room's code, and the way back to the room that one is in."""
    with st.container(border=True, key="joining"):
        notice = st.session_state.pop(_NOTICE, None)
        mine, joined = rooms().mine(), rooms().joined()
        if mine is not None:
            poll = polls().poll(mine.poll)
            st.page_link(
                LESSONS_PAGE,
                label=f"**Your room {spoken(mine.code)} is open:** {escaped(poll.lesson.title)}",
                icon=":material/groups:",
                query_params={"lesson": poll.lesson.name, "view": "presenter"},
            )
        if joined is not None:
            lesson = find_lesson(polls().poll(joined.poll).lesson.name)
            st.page_link(
                LESSONS_PAGE,
                label=f"**Back to room {spoken(joined.code)}:** {escaped(lesson.title)}",
                icon=":material/login:",
                query_params={ROOM: joined.code},
            )
        form, row = st.form("join", border=False), st.container
        with form, row(horizontal=True, vertical_alignment="bottom"):
            typed = st.text_input(
                "Room code",
                key=_TYPED,
                placeholder="Six letters",
                max_chars=20,
                help="Your teacher shows it. No account, no name.",
            )
            is_pressed = pressed(
                st.form_submit_button, "Join the room", key="join_room", type="primary"
            )
        if notice:
            st.warning(escaped(notice))
    if is_pressed and typed and typed.strip():
        room = entered(typed)
        if room is None:
            st.rerun()
        st.switch_page(LESSONS_PAGE, query_params={ROOM: room.code})


def _client() -> str:
    address = st.context.ip_address
    # On the server's own machine there is none, under Streamlit's test harness no text.
    return address if isinstance(address, str) else this_browser()


def _refuse(why: str) -> None:
    st.session_state[_NOTICE] = why


@st.cache_resource(show_spinner=False)
def _tries() -> Tries:
    """Return the one for all sessions of this server."""
    return Tries()
