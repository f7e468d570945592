"""A room as its members have it on their phones: vote, wait, see the bars, run it."""

from __future__ import annotations

import html

import streamlit as st

from pages.backend import store
from pages.figures.history import history_charts
from pages.lesson.bars import show_bars
from pages.lesson.link import LESSONS_PAGE
from pages.lesson.recorded import show_recorded_run
from pages.lesson.voting import may_run, polls, rooms, run_it, spoken, vote
from pages.lesson.words import explained, markdown, prose
from pages.live.component import live_charts, live_header
from pages.live.reader import summary
from pages.live.signs import watch_signs
from trainer.losses import LOSSES
from trainer.metrics import METRICS
from trainer.poll import ROUNDS, Ballot, Poll
from trainer.progress import SHOWN
from trainer.rooms import Room
from trainer.waiting import waiting, waits_in_vain


def show_room(room: Room) -> None:
    """Draw the room for one of its members.

    Args:
        room: A room that whoever looks has joined.
    """
    signs = rooms().signs(room.code)
    poll = polls().poll(room.poll)
    with st.container(key="room"):
        st.html(
            f'<p class="room-name">Room {html.escape(spoken(room.code))}</p>'
            f"<h1>{html.escape(poll.lesson.title)}</h1>"
        )
        if room.is_over:
            st.markdown("This room has ended. Your runs and what you did in lessons are kept.")
            st.page_link(LESSONS_PAGE, label="All lessons", icon=":material/list:")
            return  # nothing of it changes any more
        ballot = polls().ballot(poll.number)
        # New bars come first, and later what one has started oneself.
        has_seen_bars = poll.round == 1 and ballot.run_id is not None
        if poll.is_open:
            _show_vote(poll, ballot)
        elif not has_seen_bars:
            _show_closed(poll, ballot)
        if ballot.run_id is not None and not (poll.is_open and poll.round not in ballot.choices):
            _show_own_run(poll, ballot.run_id)
        if has_seen_bars and not poll.is_open:
            _show_closed(poll, ballot)
        if poll.shows_recorded or _waits_in_vain(ballot):
            show_recorded_run(poll.lesson, poll.scenario)
    watch_signs(f"/api/rooms/{room.code}", signs, key="room_watch")


def _show_vote(poll: Poll, ballot: Ballot) -> None:
    mine = ballot.choices.get(poll.round)
    question = poll.question
    st.html(f'<div class="lesson-question">{explained(question.text)}</div>')
    if mine is not None:
        st.html(
            '<div class="vote-in" role="status"><span aria-hidden="true">✓</span><div>'
            f"<strong>Your vote is in</strong><div>{prose(question.options[mine].text)}</div>"
            "</div></div><p>The bars appear when your teacher closes the vote.</p>"
        )
        return
    if poll.round == ROUNDS:
        before = ballot.choices.get(1)
        said = "" if before is None else f" You said: **{markdown(question.options[before].text)}**"
        st.markdown(f"**Second vote:** have you talked? Vote once more.{said}")
    else:
        st.markdown("**Vote for yourself first.** One press; it stays.")
    with st.container(key="vote_options"):
        for number, option in enumerate(question.options):
            st.button(
                markdown(option.text),
                key=f"vote {poll.number} {poll.round} {number}",
                width="stretch",
                on_click=vote,
                args=(poll.number, poll.round, number),
            )


def _show_closed(poll: Poll, ballot: Ballot) -> None:
    show_bars(poll, mine=ballot.choices)
    if not ballot.choices:
        st.caption("The vote is closed; yours was not in.")
    if may_run(ballot):
        seed = poll.seed_of(ballot.place)
        st.button(
            f"Run it, with my seed {seed}",
            key=f"run_it {poll.number}",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            on_click=run_it,
            args=(poll.number,),
        )


def _show_own_run(poll: Poll, run_id: str) -> None:
    """Draw one's run with what the lesson is about; all else is on the lesson's own page."""
    run = store().run(run_id)
    st.header("Your run", anchor=False)
    live_header(summary(run, waiting(store(), run)), key="header")
    config = poll.scenario.config(poll.seed)
    wanted = {name.removeprefix("val_") for name in poll.lesson.board}
    charts = history_charts(
        [METRICS[name] for name in config.metrics],
        validation=config.validates,
        loss=LOSSES[config.loss],
    )
    shown = [chart for chart in charts if chart.id in wanted]
    live_charts({"run_id": run_id}, shown, key="charts", hides_verdicts=True)
    if run.state in SHOWN:
        st.page_link(
            LESSONS_PAGE,
            label="Go on: what did you see?",
            icon=":material/arrow_forward:",
            query_params={"lesson": poll.lesson.name, "seed": str(run.config.get("seed", 0))},
        )


def _waits_in_vain(ballot: Ballot) -> bool:
    if ballot.run_id is None:
        return False
    run = store().run(ballot.run_id)
    return run.state == "queued" and waits_in_vain(store(), run.created_at)


def show_own_room(room: Room) -> None:
    """Say to whoever opened the room that this is where its members are."""
    if room.is_over:
        st.markdown(f"Your **room {spoken(room.code)}** has ended: nobody can join it any more.")
        st.page_link(LESSONS_PAGE, label="All lessons", icon=":material/list:")
        return
    poll = polls().poll(room.poll)
    st.markdown(f"**Room {spoken(room.code)}** is yours: here its members vote.")
    st.page_link(
        LESSONS_PAGE,
        label="Lead it",
        icon=":material/slideshow:",
        query_params={"lesson": poll.lesson.name, "view": "presenter"},
    )
