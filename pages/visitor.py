"""Who is looking: a browser, as far as it can be told from others."""

from __future__ import annotations

import hashlib
import secrets

import streamlit as st

from pages.live.browser import COOKIE


def this_browser() -> str:
    """Return what all tabs of a browser have in common; where nothing is, a name of the session."""
    session: str = st.session_state.setdefault("session", secrets.token_hex(8))
    name = st.context.cookies.get(COOKIE)
    # Under Streamlit's test harness there are no cookies, only something that stands for them.
    return name if isinstance(name, str) and name else session


def this_owner() -> str:
    """Return as whom this browser owns the files it brings; nobody can find its cookie by that."""
    return owner_of(this_browser())


def owner_of(browser: str) -> str:
    """Return as whom a browser owns files."""
    return f"browser {hashlib.sha256(browser.encode()).hexdigest()}"
