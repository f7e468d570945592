"""The store as the pages use it: one for each address, shared by all sessions of the server."""

from __future__ import annotations

import streamlit as st

from trainer.settings import Settings
from trainer.store import Store


def store() -> Store:
    """Return the store that the environment names.

    Raises:
        TrainerError: The settings make no sense, or the store cannot be used.
    """
    return _store(Settings.from_environment().store_url)


@st.cache_resource(show_spinner=False)
def _store(url: str) -> Store:
    return Store(url)
