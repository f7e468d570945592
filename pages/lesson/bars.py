"""How a class voted, as bars: both rounds side by side, option by option."""

from __future__ import annotations

import contextlib
import html
from collections.abc import Mapping, Sequence

import streamlit as st

from pages.lesson.voting import polls
from pages.lesson.words import explained, prose
from trainer.errors import NotPossible
from trainer.lessons.lesson import Question
from trainer.poll import Poll

_ROUNDS = ("first vote", "second vote")


def show_bars(poll: Poll, *, mine: Mapping[int, int] | None = None, reveals: bool = False) -> None:
    """Draw how the class voted; nothing if the second round was opened at this moment.

    Args:
        poll: A poll that is closed.
        mine: What whoever looks chose, by round.
        reveals: Whether it is told which option is right.
    """
    with contextlib.suppress(NotPossible):
        bars = polls().bars(poll.number)
        st.html(bars_html(poll.question, bars, mine=mine, reveals=reveals))


def bars_html(
    question: Question,
    bars: Sequence[Sequence[int]],
    *,
    mine: Mapping[int, int] | None = None,
    reveals: bool = False,
) -> str:
    """Return a question with how many chose each of its options, as HTML.

    Args:
        question: What was asked.
        bars: Votes by option, one sequence a round.
        mine: What whoever looks chose, by round.
        reveals: Whether it is told which option is right, and what is to be said of each.
    """
    totals = [sum(counts) for counts in bars]
    items = []
    for number, option in enumerate(question.options):
        rows = "".join(
            _row(round, counts[number], total, is_mine=(mine or {}).get(round) == number)
            for round, (counts, total) in enumerate(zip(bars, totals, strict=True), 1)
        )
        is_right = reveals and option.is_right
        said = f"<div>{explained(option.feedback)}</div>" if reveals else ""
        mark = ' <span class="vote-right">✓ right</span>' if is_right else ""
        items.append(
            f"<li{' class=right' if is_right else ''}><div><strong>{prose(option.text)}</strong>"
            f"{mark}</div>{rows}{said}</li>"
        )
    names = " and ".join(
        f"{_ROUNDS[k]}: {total} vote{'' if total == 1 else 's'}" for k, total in enumerate(totals)
    )
    return (
        f'<div class="lesson-question">{explained(question.text)}</div>'
        f'<ul class="vote-bars" aria-label="How the class voted">{"".join(items)}</ul>'
        f'<p class="vote-total">{html.escape(names)}</p>'
    )


def _row(round: int, votes: int, total: int, *, is_mine: bool) -> str:
    share = 100 * votes / total if total else 0.0
    yours = '<span class="lesson-yours">your vote</span>' if is_mine else ""
    ordinal = ("1st", "2nd")[round - 1]
    return (
        f'<div class="vote-row round-{round}"><span class="vote-round">{ordinal}</span>'
        f'<span class="vote-track"><span class="vote-bar" style="width:{share:.1f}%"></span></span>'
        f'<span class="vote-count" data-testid="votes-{round}">{votes}</span>{yours}</div>'
    )
