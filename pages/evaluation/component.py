"""The evaluation of a run in the browser: beside the live charts, or in depth on its own page.

The counts come over the run's stream, and those of earlier epochs from the server's API; all
numbers and curves are computed from them in `counts.js`, by the definitions of
`trainer.evaluation`, so that a slider asks no server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import streamlit as st

from pages.figures import evaluation as figures
from pages.figures.theme import PALETTES
from pages.live.assets import plotly_url
from pages.live.component import SHARED_SCRIPT, STYLE, nothing, stream_url
from trainer.evaluation.report import REASONS

if TYPE_CHECKING:
    from streamlit.components.v2.bidi_component.state import ComponentResult

# The key of the container that holds the rows behind a cell.
EXAMPLES = "examples_of_cell"

_FOLDER = Path(__file__).parent
# In the order in which they stand in the component's script.
SCRIPTS: Mapping[str, str] = {
    name: (_FOLDER / f"{name}.js").read_text(encoding="utf-8")
    for name in (
        "counts",
        "history",
        "matrix",
        "curves",
        "controls",
        "report",
        "boundary",
        "evaluation",
    )
}

_FIGURES: Mapping[str, Callable[[], go.Figure]] = {
    "precision_recall": figures.precision_recall_figure,
    "roc": figures.roc_figure,
    "scores": figures.scores_figure,
    "reliability": figures.reliability_figure,
    "cost": figures.cost_figure,
    "agreement": figures.agreement_figure,
    "residuals": figures.residuals_figure,
}
_LIVE_FIGURES = ("precision_recall", "agreement", "residuals")

_mount = st.components.v2.component(
    "evaluation",
    css=STYLE + (_FOLDER / "evaluation.css").read_text(encoding="utf-8"),
    js=SHARED_SCRIPT + "\n".join(SCRIPTS.values()),
    isolate_styles=False,
)


def evaluations_url(run_id: str) -> str:
    """Return the path of a run's evaluations, below the server's base path."""
    return f"/api/runs/{run_id}/evaluations"


def boundaries_url(run_id: str) -> str:
    """Return the path of a run's decision boundaries, below the server's base path."""
    return f"/api/runs/{run_id}/boundaries"


def live_evaluation(
    run_id: str,
    *,
    key: str,
    has_validation: bool | None,
    has_examples: bool,
    boundary: Mapping[str, Any] | None = None,
    on_visit: Callable[[], None] | None = None,
) -> ComponentResult:
    """Show the newest evaluation of a run: the matrix, the threshold and a curve.

    Args:
        run_id: The run.
        key: Identity of the mount; keep it the same while the page shows one run after another.
        has_validation: Whether the run has validation data; None if that is not known.
        has_examples: Whether the page can show the rows behind a cell of the matrix; without that
            cells are text, nothing to press.
        boundary: The figure of the run's rows, to show the decision boundary below them; None where
            there is no picture of it.
        on_visit: Called when a cell was pressed; `st.session_state[key].visit` is then that cell as
            in `evaluation_in_depth`.
    """
    return _show("live", run_id, key, has_validation, has_examples, boundary, on_visit)


def evaluation_in_depth(
    run_id: str,
    *,
    key: str,
    has_validation: bool | None,
    has_examples: bool,
    boundary: Mapping[str, Any] | None = None,
) -> ComponentResult:
    """Show the evaluations of a run with all curves, the table and the time machine.

    Args:
        run_id: The run.
        key: Identity of the mount; keep it the same while the page shows one run after another.
        has_validation: Whether the run has validation data; None if that is not known.
        has_examples: As for `live_evaluation`.
        boundary: The figure of the run's rows, to show the decision boundary below them; None where
            there is no picture of it.

    Returns:
        A result whose `cell` is the cell of the matrix that was chosen last, None before:
        `{"run_id": "…", "epoch": 36, "true": 3, "predicted": 5, "positive": None, "threshold":
        None}`, or with one class against the rest `positive` is that class, `threshold` the one it
        is predicted at, and `true` and `predicted` are 1 for the class and 0 for the rest. The
        epoch counts from 0.
    """
    return _show("page", run_id, key, has_validation, has_examples, boundary)


def _show(
    part: str,
    run_id: str,
    key: str,
    has_validation: bool | None,
    has_examples: bool,
    boundary: Mapping[str, Any] | None,
    on_visit: Callable[[], None] | None = None,
) -> ComponentResult:
    names = _LIVE_FIGURES if part == "live" else tuple(_FIGURES)
    data = {
        "part": part,
        "run_id": run_id,
        "stream": stream_url(run_id),
        # Beside the live charts the newest is enough.
        "evaluations": None if part == "live" else evaluations_url(run_id),
        "boundaries": None if part == "live" or not boundary else boundaries_url(run_id),
        "boundary": boundary,
        "has_validation": has_validation,
        "has_examples": has_examples,
        "examples": EXAMPLES,
        "plotly": plotly_url(),
        "palettes": {mode: dict(palette) for mode, palette in PALETTES.items()},
        "figures": {name: json.loads(_figure(name)) for name in names},
        "reasons": dict(REASONS),
    }
    return _mount(key=key, data=data, on_cell_change=nothing, on_visit_change=on_visit or nothing)


# Without points they never change, and making them takes a tenth of a second.
@cache
def _figure(name: str) -> str:
    drawn: str = _FIGURES[name]().to_json()
    return drawn
