"""The live view of one run: a header line and charts that grow, fed by the run's stream.

Python draws, JavaScript only appends: the figures come from `pages/figures`, the points come over the
WebSocket into `live.js`, and a rerun of the page leaves both alone. All mounts of one run share one connection.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.figures.history import Chart
from pages.figures.theme import PALETTES
from pages.live.assets import plotly_url

if TYPE_CHECKING:
    from streamlit.components.v2.bidi_component.state import ComponentResult

_FOLDER = Path(__file__).parent

# What the header shows before the stream's first message.
_HEADER_FIELDS = (
    "run_id",
    "name",
    "state",
    "message",
    "queue_place",
    "epoch",
    "epochs",
    "step",
    "steps_per_epoch",
    "epochs_per_second",
    "seconds_left",
    "seconds",
)

_mount = st.components.v2.component(
    "live_run",
    css=(_FOLDER / "live.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "live.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def stream_url(run_id: str) -> str:
    """Return the path of a run's WebSocket, below the server's base path."""
    return f"/api/runs/{run_id}/stream"


def live_header(
    run: Mapping[str, Any],
    *,
    key: str,
    on_state_change: Callable[[], None] | None = None,
) -> ComponentResult:
    """Show a run's name, state and progress in one line that keeps itself up to date.

    Args:
        run: The run as the stream describes it; `run_id` is needed, what else is there is shown at once.
        key: Identity of the mount; keep it the same while the page shows one run after another.
        on_state_change: Called when the run has changed to another state, before the page runs again.

    Returns:
        A result whose `state` is the latest state seen by this browser, None before the first change.
    """
    data = {
        "part": "header",
        "run_id": run["run_id"],
        "stream": stream_url(run["run_id"]),
        "run": {field: run[field] for field in _HEADER_FIELDS if field in run},
    }
    return _mount(key=key, data=data, on_state_change=on_state_change or _nothing)


def live_charts(
    run: Mapping[str, Any],
    charts: Sequence[Chart],
    *,
    key: str,
    on_series_change: Callable[[], None] | None = None,
) -> ComponentResult:
    """Show a run's charts with their toolbar; points arrive without a rerun of the page.

    Args:
        run: The run; only `run_id` is used.
        charts: What to draw, from `pages.figures.history`.
        key: Identity of the mount; keep it the same while the page shows one run after another.
        on_series_change: Called when the run has series that no chart shows, before the page runs again,
            so that it can pass charts for them (`history_charts_for_series`).

    Returns:
        A result whose `series` is the list of all the run's series in that case, None before.
    """
    data = {
        "part": "charts",
        "run_id": run["run_id"],
        "stream": stream_url(run["run_id"]),
        "plotly": plotly_url(),
        "palettes": {mode: dict(palette) for mode, palette in PALETTES.items()},
        "charts": [_as_data(chart) for chart in charts],
    }
    return _mount(key=key, data=data, on_series_change=on_series_change or _nothing)


def _as_data(chart: Chart) -> dict[str, Any]:
    return {
        "id": chart.id,
        "title": chart.title,
        "help": chart.help,
        "figure": json.loads(chart.figure.to_json()),
        "bindings": list(chart.bindings),
        "log": chart.log,
    }


def _nothing() -> None:
    """A callback must be there for Streamlit to know the state's name."""
