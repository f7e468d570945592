"""Who is looking: a browser, as far as it can be told from others."""

from __future__ import annotations

import secrets

import streamlit as st

from pages.live.badge import COOKIE as BADGE_COOKIE
from pages.live.badge import Role, badges_of
from pages.live.browser import COOKIE, owner_of
from trainer.person import Person
from trainer.settings import Settings


def this_browser() -> str:
    """Return what all tabs of a browser have in common; where nothing is, a name of the session."""
    session: str = st.session_state.setdefault("session", secrets.token_hex(8))
    return _cookie(COOKIE) or session


def this_owner() -> str:
    """Return as whom this browser owns its runs and files."""
    return owner_of(this_browser())


def this_role() -> Role | None:
    """Return what whoever looks is in the class; None where there is no class.

    Raises:
        InvalidInput: The settings make no sense.
    """
    badges = badges_of(Settings.from_environment())
    if badges is None:
        return None
    # Nobody comes here without a badge; what cannot be told gives the lesser rights.
    return badges.role_of(_cookie(COOKIE), _cookie(BADGE_COOKIE)) or "student"


def this_person() -> Person:
    """Return whoever looks, as the store knows people: alone, or as a teacher, they may do all.

    Raises:
        InvalidInput: The settings make no sense.
    """
    return Person(owner=this_owner(), is_in_charge=this_role() != "student")


def _cookie(name: str) -> str | None:
    value = st.context.cookies.get(name)
    # Under Streamlit's test harness there are no cookies, only something that stands for them.
    return value if isinstance(value, str) else None
