"""The store as the pages use it: one for each address, shared by all sessions of the server.

Each session has it as whoever looks at it: what that person may not do, no page does for them.
"""

from __future__ import annotations

import logging

import streamlit as st

from pages.visitor import this_person
from trainer.errors import StoreUnusable
from trainer.settings import Settings
from trainer.store import Store

_log = logging.getLogger(__name__)


def store() -> Store:
    """Return the store that the environment names, as whoever looks at the page may use it.

    Raises:
        TrainerError: The settings make no sense, or the store cannot be used.
    """
    return _store(Settings.from_environment().store_url).used_by(this_person())


def show_unusable(error: StoreUnusable) -> None:
    """Tell that the store does not answer; the log alone keeps why.

    A database's own words may name its host and its user, which is no visitor's business.
    """
    _log.error("a page could not be shown", exc_info=error)
    st.error("The store does not answer at the moment. Nothing is lost; try again.")


@st.cache_resource(show_spinner=False)
def _store(url: str) -> Store:
    return Store(url)
