"""The picture under which a run's decision boundary is drawn: its rows, by its own config."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from pages.figures.boundary import boundary_figure
from trainer.config import RunConfig
from trainer.datasets import load
from trainer.errors import DatasetUnavailable
from trainer.evaluation.surface import surface_kind


def boundary_of(config: RunConfig | None) -> dict[str, Any] | None:
    """Return the figure of a run's rows, as plain values; None where there is no picture of them.

    Args:
        config: What is trained; None if that is not known.
    """
    if config is None or surface_kind(config.spec) is None:
        return None
    try:
        drawn: dict[str, Any] = json.loads(_figure(json.dumps(config.to_dict())))
    except DatasetUnavailable:
        return None
    return drawn


@st.cache_data(show_spinner=False, max_entries=30)
def _figure(config_json: str) -> str:
    # By the config's text, whose every part may bend the rows.
    config = RunConfig.from_dict(json.loads(config_json))
    arrays = load(config.unbent_spec, config.load_options())
    figure = boundary_figure(config.spec, config.split(arrays))
    assert figure is not None
    text: str = figure.to_json()
    return text
