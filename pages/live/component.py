"""The live view of one run: a header line and charts that grow, fed by the run's stream.

Python draws, JavaScript only appends: the figures come from `pages/figures`, the points come over
the WebSocket into the scripts here, and a rerun of the page leaves both alone. All mounts of one
run share one connection.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import streamlit as st

from pages.figures.history import Chart
from pages.figures.theme import CLASS_PALETTES, PALETTES
from pages.live.assets import plotly_url
from trainer.runs import Parent

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
    "queue_seconds",
    "epoch",
    "epochs",
    "step",
    "steps_per_epoch",
    "epochs_per_second",
    "seconds_left",
    "seconds",
    "speed",
    "facts",
)

# What the scripts of all components that show a run begin with, and their style.
SHARED_SCRIPT = "\n".join(
    (_FOLDER / name).read_text(encoding="utf-8")
    for name in ("feed.js", "elements.js", "mounting.js")
)
_SCRIPTS = ("diagnosis.js", "header.js", "chart.js", "charts.js", "figure.js", "live.js")
STYLE = (_FOLDER / "live.css").read_text(encoding="utf-8")

_mount = st.components.v2.component(
    "live_run",
    css=STYLE,
    js=SHARED_SCRIPT + "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _SCRIPTS),
    isolate_styles=False,
)


def stream_url(run_id: str) -> str:
    """Return the path of a run's WebSocket, below the server's base path."""
    return f"/api/runs/{run_id}/stream"


def live_header(
    run: Mapping[str, Any],
    *,
    key: str,
) -> ComponentResult:
    """Show a run's name, state and progress in one line that keeps itself up to date.

    Args:
        run: The run as the stream describes it; only `run_id` is needed, the rest is shown until
            the stream's first message.
        key: Identity of the mount; keep it the same while the page shows one run after another.

    Returns:
        A result whose `state` is the one this browser saw last, None before the first change.
    """
    data = {
        "part": "header",
        "run_id": run["run_id"],
        "stream": stream_url(run["run_id"]),
        "run": {field: run[field] for field in _HEADER_FIELDS if field in run},
    }
    return _mount(key=key, data=data, on_state_change=nothing)


def live_charts(
    run: Mapping[str, Any],
    charts: Sequence[Chart],
    *,
    key: str,
    parent: Parent | None = None,
    beside: str | None = None,
    hides_verdicts: bool = False,
) -> ComponentResult:
    """Show a run's charts with their toolbar; points arrive without a rerun of the page.

    Args:
        run: The run; only `run_id` is used.
        charts: What to draw, from `pages.figures.history`.
        key: Identity of the mount; keep it the same while the page shows one run after another.
        parent: What the run was forked from, whose curves are shown beside its own.
        beside: Another run to show like that, by its id, which it was not forked from.
        hides_verdicts: Whether the points of the diagnosis are not marked.

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
        "parent": _other_data(beside) if parent is None else _parent_data(parent),
        "hides_verdicts": hides_verdicts,
    }
    return _mount(key=key, data=data, on_series_change=nothing)


def live_diagnosis(
    run_id: str,
    *,
    key: str,
    can_start: bool,
    is_hidden: bool = False,
    on_next_step: Callable[[], None] | None = None,
) -> ComponentResult:
    """Show what the diagnosis says of a run; without a verdict there is nothing to be seen.

    Args:
        run_id: The run.
        key: Identity of the mount; keep it the same while the page shows one run after another.
        can_start: Whether the page can take the next step that a verdict proposes.
        is_hidden: Whether nothing is said for now.
        on_next_step: Called when the next step of a verdict was pressed;
            `st.session_state[key].next_step` is then `{"run_id": "…", "verdict": "overfitting"}`.
    """
    data = {
        "part": "diagnosis",
        "run_id": run_id,
        "stream": stream_url(run_id),
        "can_start": can_start,
        "is_hidden": is_hidden,
    }
    return _mount(key=key, data=data, on_next_step_change=on_next_step or nothing)


def live_marks(run_id: str, notes: Sequence[Mapping[str, Any]], *, key: str) -> ComponentResult:
    """Mark epochs on the charts of a run, as long as this is mounted.

    Args:
        run_id: The run, whose charts the page shows.
        notes: `{"x": 12, "text": "would stop", "series": "val_loss"}`: a line at the end of epoch
            12 on all charts; with a `series`, also a ring around its value there.
        key: Identity of the mount.
    """
    data = {
        "part": "marks",
        "run_id": run_id,
        "stream": stream_url(run_id),
        "notes": [dict(note) for note in notes],
    }
    return _mount(key=key, data=data)


def figure(drawing: go.Figure, *, label: str, key: str) -> ComponentResult:
    """Show a figure that does not change, in the page's theme and as wide as there is room.

    Args:
        drawing: The figure; `layout.meta["aspect"]`, where it is given, is its height by width.
        label: What it shows, for those who cannot see it.
        key: Identity of the mount.
    """
    data = {
        "part": "figure",
        "plotly": plotly_url(),
        "palettes": {mode: dict(palette) for mode, palette in PALETTES.items()},
        "classes": {mode: list(colours) for mode, colours in CLASS_PALETTES.items()},
        "figure": json.loads(drawing.to_json()),
        "label": label,
    }
    return _mount(key=key, data=data)


def _other_data(run_id: str | None) -> dict[str, Any] | None:
    return None if run_id is None else {"run_id": run_id, "stream": stream_url(run_id)}


def _parent_data(parent: Parent) -> dict[str, Any]:
    return {
        "run_id": parent.run_id,
        "stream": stream_url(parent.run_id),
        "x": parent.epoch + 1,
        "text": f"{parent.parameter.replace('_', ' ')} {parent.after}",
    }


def _as_data(chart: Chart) -> dict[str, Any]:
    return {
        "id": chart.id,
        "title": chart.title,
        "help": chart.help,
        "figure": json.loads(chart.figure.to_json()),
        "bindings": list(chart.bindings),
        "log": chart.log,
    }


def nothing() -> None:
    """A callback must be there for Streamlit to know the state's name."""
