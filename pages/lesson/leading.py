"""The room of a class as its teacher has it: the way in, who has voted, the rounds, the CSV."""

from __future__ import annotations

import csv
import html
import io

import streamlit as st

from pages.lesson.keeping import sentences
from pages.lesson.link import LESSONS_PAGE, Link
from pages.lesson.qr import qr_image, this_address
from pages.lesson.voting import close, end, polls, rooms, spoken, vote_again
from pages.pressing import pressed
from trainer.poll import ROUNDS, Poll
from trainer.polls import Polls
from trainer.rooms import Room

_ROUNDS = ("First vote", "Second vote")
_FIELDS = ("lesson", "question", "round", "option", "misconception", "right", "votes")


def show_opening(link: Link, part: str) -> None:
    """Draw the button that opens a room for this question, or takes the open one along to it.

    Args:
        link: The lesson's page.
        part: What of the lesson is voted on.
    """
    room = rooms().mine()
    label = "Vote with the class" if room is None else f"Ask room {spoken(room.code)}"
    help = "Opens a room: students join with a code or a QR code and vote on their phones."
    icon = ":material/how_to_vote:"
    if not pressed(st.button, label, key="open_room", of=part, icon=icon, help=help):
        return
    with sentences():
        rooms().open(link.lesson, part, seed=link.seed)
        if link.view == "presenter":
            st.rerun()
        parameters = {**link.parameters, "view": "presenter"}
        st.switch_page(LESSONS_PAGE, query_params=parameters)


def show_panel(room: Room, poll: Poll) -> None:
    """Draw the room while votes are taken: the way in, how many have voted, what comes next."""
    with st.container(border=True, key="room_panel"):
        _show_way_in(room, poll)
        _show_turnout(poll.number)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Close the vote",
                key="close_vote",
                type="primary",
                icon=":material/bar_chart:",
                on_click=close,
                args=(poll.number, poll.round),
            )
            show_controls(room, poll)


def show_controls(room: Room, poll: Poll) -> None:
    """Draw what leads the room on: the second round, and all about the room."""
    if poll.round < ROUNDS:
        st.button(
            "Talk, then vote again",
            key="vote_again",
            icon=":material/forum:",
            help="Opens the second round; the bars stay hidden until it is closed.",
            on_click=vote_again,
            args=(poll.number,),
        )
    with st.popover(f"Room {spoken(room.code)}", icon=":material/groups:"):
        _show_more(room)


def show_last_votes() -> None:
    """Draw the way to what was voted in one's last room, where there is one that has ended."""
    room = rooms().last()
    if room is not None and room.is_over:
        _show_csv(room, label="Votes of the last room (CSV)")


def votes_csv(asked: Polls, room: int) -> str:
    """Return what was voted in a room as CSV, without names.

    Args:
        asked: The polls as the room's owner has them.
        room: The room's number.

    Raises:
        NotYours: Somebody else opened it.
    """
    file = io.StringIO()
    writer = csv.DictWriter(file, _FIELDS)
    writer.writeheader()
    writer.writerows(asked.counted(room))
    return file.getvalue()


def _show_way_in(room: Room, poll: Poll) -> None:
    address = this_address(room.code)
    # A camera reads nothing from a QR code that leads to the phone itself.
    note = "" if address.is_reachable else "Only this machine reaches this address: see README."
    page = "<wbr>/".join(html.escape(part) for part in address.page.split("/"))
    st.html(
        f'<div class="room-way">{qr_image(address.room)}<div>'
        f'<p class="room-where">Join at <strong>{page}</strong></p>'
        f'<p class="room-code" data-testid="room-code">{html.escape(spoken(room.code))}</p>'
        f'<p class="room-where">{_ROUNDS[poll.round - 1]} · one vote each</p>'
        f'<p class="room-note">{note}</p></div></div>'
    )


def _show_more(room: Room) -> None:
    address = this_address(room.code)
    st.markdown("Who comes late joins here:")
    st.html(f'<div class="room-late">{qr_image(address.room)}</div>')
    st.code(address.room, language=None, wrap_lines=True)
    _show_csv(room, label="Votes as CSV")
    st.button("End the room", key="end_room", icon=":material/logout:", on_click=end)


def _show_csv(room: Room, *, label: str) -> None:
    asked = polls()  # outside a run of the page nobody knows who looks
    st.download_button(
        label,
        # Made when it is asked for, of what is closed by then.
        data=lambda: votes_csv(asked, room.number),
        file_name=f"votes-{room.code}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=f"votes {room.number}",
        on_click="ignore",
        help="A line for each option and round, with its misconception, without names.",
    )


def _show_turnout(number: int) -> None:
    turnout = polls().turnout(number)
    share = 100 * turnout.voted / turnout.members if turnout.members else 0
    st.html(
        f'<div class="room-turnout" role="status"><p><strong data-testid="voted">{turnout.voted}'
        f'</strong> of <span data-testid="members">{turnout.members}</span> have voted</p>'
        f'<div class="vote-track"><span class="vote-bar" style="width:{share:.0f}%"></span></div>'
        "</div>"
    )
