"""The link to exactly this lesson, to copy; and the ways to present it and to hand it out."""

from __future__ import annotations

import dataclasses
from urllib.parse import urlsplit

import streamlit as st

from pages.backend import store
from pages.lesson.leading import show_opening
from pages.lesson.link import LESSONS_PAGE, Link
from trainer.choices import MAX_SEED
from trainer.poll import votable

_FREE = ""


def show_sharing(link: Link) -> None:
    """Draw the link with what it locks, and the other views of the lesson."""
    with st.popover("Link", icon=":material/link:"):
        # Of this page's own address: another lesson begins with its own.
        seed = st.number_input(
            "Seed", 0, MAX_SEED, value=link.seed, step=1, key=f"link_seed {link.path}"
        )
        knob = link.knob
        if len(link.lesson.knob.scenarios) > 1 and not link.lesson.questions:
            titles = {one.name: one.title for one in link.lesson.scenarios} | {_FREE: "not locked"}
            knob = st.selectbox(
                f"{link.lesson.knob.label} locked at",
                (_FREE, *link.lesson.knob.scenarios),
                index=(_FREE, *link.lesson.knob.scenarios).index(link.knob),
                format_func=lambda name: titles[name],
                key=f"link_knob {link.path}",
            )
        shared = dataclasses.replace(link, seed=int(seed), knob=knob, view="student")
        st.code(address(shared), language=None, wrap_lines=True)
    if store().person.is_in_charge:
        presenting = dataclasses.replace(link, view="presenter")
        _link(presenting, "Present", ":material/slideshow:")
        show_opening(link, next(iter(votable(link.lesson))))
    if not link.lesson.questions:
        _link(dataclasses.replace(link, view="handout"), "Hand-out", ":material/print:")


def address(link: Link) -> str:
    """Return the whole address of a link, as this browser reaches the server."""
    url = st.context.url
    # Under Streamlit's test harness there is only something that stands for the address.
    here = urlsplit(url) if isinstance(url, str) else urlsplit("")
    return f"{here.scheme}://{here.netloc}{link.path}" if here.netloc else link.path


def _link(link: Link, label: str, icon: str) -> None:
    st.page_link(LESSONS_PAGE, label=label, icon=icon, query_params=link.parameters)
