"""Many runs of the same training in one figure: how far their curves lie apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from pages.figures import theme

# From so many runs on their median is drawn.
_MEDIAN_FROM = 3
# Of so few epochs each is marked.
_FEW_EPOCHS = 10
_HEIGHT = 430
_UNIT_INTERVAL = ("accuracy", "precision", "recall")


@dataclass(frozen=True, kw_only=True)
class Curves:
    """What one run logged.

    Attributes:
        seed: Its seed.
        history: Each logged value by epoch; None where it is not finite.
        is_recorded: Whether it was not trained here and now.
    """

    seed: int
    history: Mapping[str, Sequence[float | None]]
    is_recorded: bool = False


@dataclass(frozen=True)
class Spread:
    """How far apart a value of the last epoch is among runs: three numbers, and of how many."""

    lowest: float
    median: float
    highest: float
    runs: int


def words(name: str) -> str:
    """Return a logged value's name for people, e.g. "validation loss" for `val_loss`."""
    plain = name.removeprefix("val_").replace("_", " ")
    if name.startswith("val_"):
        return f"validation {plain}"
    return f"training {plain}" if name in ("loss", *_UNIT_INTERVAL) else plain


def spread(name: str, runs: Sequence[Curves]) -> Spread | None:
    """Return how far apart the last values of a series are; None where no run has one."""
    ends = [
        values[-1]
        for run in runs
        if (values := run.history.get(name)) and values[-1] is not None and not run.is_recorded
    ]
    if not ends:
        return None
    return Spread(float(min(ends)), float(np.median(ends)), float(max(ends)), len(ends))


def spread_figure(names: Sequence[str], runs: Sequence[Curves], *, scale: float = 1.0) -> go.Figure:
    """Return a thin line for each run and series, and a thick one for their median.

    Args:
        names: The series, as the history names them.
        runs: The runs; a recorded one is dashed.
        scale: How much larger letters and lines are, for a projector.
    """
    live = [run for run in runs if not run.is_recorded]
    traces = []
    for place, name in enumerate(names):
        color = _color(name, names[:place])
        for run in live:
            traces.append(_line(name, run, color, scale, is_first=run is live[0]))
        if len(live) >= _MEDIAN_FROM:
            traces.append(_median(name, live, color, scale, is_first=place == 0))
        recorded = [run for run in runs if run.is_recorded]
        # Where it is alone its line needs the series' name.
        traces += [
            _recorded(name, run, color, scale, is_alone=not live, is_first=place == 0)
            for run in recorded
        ]
    layout = _layout(names, scale)
    if all(len(trace.x) <= _FEW_EPOCHS for trace in traces):
        layout["xaxis"]["dtick"] = 1  # whole epochs only
    return go.Figure(data=traces, layout=layout)


def _line(name: str, run: Curves, color: str, scale: float, *, is_first: bool) -> go.Scatter:
    values = run.history.get(name, ())
    return go.Scatter(
        x=list(range(1, len(values) + 1)),
        y=list(values),
        name=words(name),
        mode="lines+markers" if len(values) <= _FEW_EPOCHS else "lines",
        line={"color": theme.TEXT, "width": 1.4 * scale},
        marker={"size": 4 * scale},
        opacity=0.55,
        hovertemplate=f"seed {run.seed}, epoch %{{x}}: %{{y:.4~g}}<extra></extra>",
        legendgroup=name,
        showlegend=is_first,
        meta={"color": color, "seed": run.seed, "series": name},
    )


def _median(
    name: str, runs: Sequence[Curves], color: str, scale: float, *, is_first: bool
) -> go.Scatter:
    """Return the median of all runs that have come so far, as long as half of them have."""
    columns = [list(run.history.get(name, ())) for run in runs]
    longest = max(map(len, columns), default=0)
    medians = []
    for epoch in range(longest):
        there = [
            column[epoch] for column in columns if epoch < len(column) and column[epoch] is not None
        ]
        if len(there) * 2 < len(runs):
            break
        medians.append(float(f"{np.median(np.array(there, dtype=float)):.6g}"))
    return go.Scatter(
        x=list(range(1, len(medians) + 1)),
        y=medians,
        name="median",
        mode="lines",
        line={"color": theme.TEXT, "width": 4 * scale},
        hovertemplate="median, epoch %{x}: %{y:.4~g}<extra></extra>",
        legendgroup=f"median {name}",
        showlegend=is_first,
        meta={"color": color, "series": name, "role": "median"},
    )


def _recorded(
    name: str, run: Curves, color: str, scale: float, *, is_alone: bool, is_first: bool
) -> go.Scatter:
    values = run.history.get(name, ())
    return go.Scatter(
        x=list(range(1, len(values) + 1)),
        y=list(values),
        name=f"{words(name)}, recorded" if is_alone else "recorded",
        mode="lines+markers" if len(values) <= _FEW_EPOCHS else "lines",
        line={"color": theme.TEXT, "width": 2.5 * scale, "dash": "dash"},
        marker={"size": 6 * scale},
        hovertemplate=f"recorded, seed {run.seed}, epoch %{{x}}: %{{y:.4~g}}<extra></extra>",
        legendgroup=f"recorded {name}",
        showlegend=is_alone or is_first,
        meta={"color": color, "series": name, "role": "recorded"},
    )


def _color(name: str, before: Sequence[str]) -> str:
    """Return the palette's colour of a series: training and validation as everywhere."""
    if not name.startswith("val_"):
        return "training"
    return "positive" if any(one.startswith("val_") for one in before) else "validation"


def _layout(names: Sequence[str], scale: float) -> dict[str, Any]:
    layout = theme.base_layout()
    font = {"size": theme.FONT_SIZE * scale}
    margin = layout["margin"]
    layout |= {
        "height": round(_HEIGHT * (1 + (scale - 1) / 3)),
        "font": {**layout["font"], **font},
        "hovermode": "closest",
        "margin": {**margin, **{side: round(margin[side] * scale) for side in ("l", "t", "b")}},
    }
    layout["legend"] |= {"font": font}
    layout["xaxis"] |= {
        "title": {"text": "epoch", "standoff": 4, "font": font},
        "tickformat": "~r",
        "autorangeoptions": {"minallowed": 0},
    }
    layout["yaxis"] |= {"tickformat": "~g"}
    if all(any(word in name for word in _UNIT_INTERVAL) for name in names):
        layout["yaxis"]["autorangeoptions"] = {"clipmin": -0.01, "clipmax": 1.01}
    return layout
