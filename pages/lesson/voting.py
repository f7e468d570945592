"""What a press does in the room of a class: vote, run it, close the vote, vote again."""

from __future__ import annotations

import streamlit as st

from pages.backend import store
from pages.lesson.keeping import progress, sentences, shown_key
from pages.starts import starts
from pages.visitor import this_browser
from trainer.config import RunConfig
from trainer.errors import NotPossible
from trainer.lessons import Lesson
from trainer.poll import Ballot, Poll
from trainer.polls import Polls
from trainer.progress import SHOWN
from trainer.rooms import Rooms
from trainer.runs import ENDED

# The first one's run takes so long, so that it can be watched, the second one's half of it, and so
# on: one worker trains for all, who want to see theirs soon.
_WATCHED_SECONDS = 1.5


def rooms() -> Rooms:
    """Return the rooms as whoever looks at the page may use them."""
    return Rooms(store())


def polls() -> Polls:
    """Return the polls as whoever looks at the page may use them."""
    return Polls(store())


def leads(lesson: Lesson) -> Poll | None:
    """Return the poll on a lesson that is on in the open room of whoever looks; None without."""
    room = rooms().mine()
    poll = None if room is None else polls().poll(room.poll)
    return poll if poll is not None and poll.lesson.name == lesson.name else None


def spoken(code: str) -> str:
    """Return a room's code as it is read out: in halves."""
    half = len(code) // 2
    return f"{code[:half]} {code[half:]}"


def vote(number: int, round: int, choice: int) -> None:
    """Give a vote in a poll."""
    with sentences():
        polls().vote(number, round, choice)


def run_it(number: int) -> None:
    """Start one's own run of what the class voted on, as a lesson's run is started."""
    with sentences():
        browser, kept, asked = this_browser(), progress(), polls()
        poll, ballot = asked.poll(number), asked.ballot(number)
        if poll.is_open:
            raise NotPossible("The vote comes first: it is still open.")
        if ballot.run_id is not None and not may_run(ballot):
            return  # in another tab, or by a double click
        config = poll.scenario.config(poll.seed_of(ballot.place))
        run_id = starts().start(browser, config, speed=_pace(config, ballot.place))
        if ballot.choices:
            kept.lock(poll.lesson, poll.part, ballot.choices[max(ballot.choices)])
        kept.note_run(poll.lesson, poll.scenario.name, run_id)
        asked.note_run(number, run_id)
        st.session_state[shown_key(poll.lesson)] = poll.scenario.name


def may_run(ballot: Ballot) -> bool:
    """Return whether somebody may start their run: they have none, or it came to no good end."""
    if ballot.run_id is None:
        return True
    state = store().run(ballot.run_id).state
    return state in ENDED and state not in SHOWN


def close(number: int, round: int) -> None:
    """Close a vote."""
    with sentences():
        polls().close(number, round)


def vote_again(number: int) -> None:
    """Open the second round."""
    with sentences():
        polls().vote_again(number)


def show_recorded(number: int, key: str) -> None:
    """Show a recorded run to the class, or no more, as the switch with this key says."""
    with sentences():
        polls().show_recorded(number, is_shown=bool(st.session_state.get(key)))


def end() -> None:
    """End one's room."""
    with sentences():
        rooms().end()


def _pace(config: RunConfig, place: int) -> float:
    """Return at how many epochs a second a run of the class can be watched and is soon over."""
    return round(config.epochs * place / _WATCHED_SECONDS, 3)
