"""Curves of an evaluation: empty to be filled live, or filled here from the same counts.

`…_points` and its like return what a curve is made of, as plain lists; `…_figure` draws it. Without
data a figure has its traces and axes only: `pages/evaluation/curves.js` fills each trace by its
`meta["role"]`, from the same definitions. What moves with the threshold (the operating point, the
threshold's line) is laid over the figures there and no part of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from pages.figures import theme
from trainer.evaluation.counts import NUM_BINS, THRESHOLDS, RegressionCounts
from trainer.evaluation.thresholds import OneVersusRest, ratio

Points = Mapping[str, list[float]]

NUM_BARS = 50
NUM_RELIABILITY_BINS = 10

# A hair outside, so that a curve along an edge is not cut in half by the frame.
_SHARES = [-0.015, 1.015]


def precision_recall_points(outcomes: OneVersusRest) -> Points:
    """Return recall (x), precision (y) and threshold from the highest threshold down.

    Points that are where the one before is are left out, and thresholds that call no row. The
    curve begins at no recall with the first precision, so that the area below its steps is the
    average precision.
    """
    recall, precision = outcomes.recall[::-1], outcomes.precision[::-1]
    is_drawn = np.isfinite(recall) & np.isfinite(precision)
    x, y, threshold = (values[is_drawn] for values in (recall, precision, THRESHOLDS[::-1]))
    is_new = _differs_from_before(x, y)
    x, y, threshold = x[is_new], y[is_new], threshold[is_new]
    first = slice(0, 1)
    return {
        "x": [*(0.0 for _ in x[first]), *x.tolist()],
        "y": [*y[first].tolist(), *y.tolist()],
        "threshold": [*threshold[first].tolist(), *threshold.tolist()],
    }


def roc_points(outcomes: OneVersusRest) -> Points:
    """Return false positive rate (x), recall (y) and threshold from the highest threshold down.

    The curve begins where no row is called; points that are where the one before is are left out.
    """
    x = np.append(0.0, outcomes.false_positive_rate[::-1])
    y = np.append(0.0, outcomes.recall[::-1])
    threshold = np.append(1.0, THRESHOLDS[::-1])
    is_drawn = np.isfinite(x) & np.isfinite(y)
    if not is_drawn[1:].any():
        return {"x": [], "y": [], "threshold": []}
    is_new = _differs_from_before(x, y)
    return {
        "x": x[is_new].tolist(),
        "y": y[is_new].tolist(),
        "threshold": threshold[is_new].tolist(),
    }


def prevalence(outcomes: OneVersusRest) -> float:
    """Return the share of positive rows: the precision of calling all of them."""
    positives, negatives = outcomes.positives.sum(), outcomes.negatives.sum()
    return float(ratio(positives, positives + negatives))


def score_shares(histogram: np.ndarray) -> list[float]:
    """Return the share of a histogram's rows in each of 50 equal parts of the scores.

    Args:
        histogram: Rows by the bin of their score, shape `(1001,)`.
    """
    bars = np.bincount(
        np.minimum(np.arange(NUM_BINS) * NUM_BARS // (NUM_BINS - 1), NUM_BARS - 1),
        weights=histogram,
    )
    shares: list[float] = ratio(bars, np.full_like(bars, bars.sum())).tolist()
    return shares


def reliability_points(outcomes: OneVersusRest) -> Points:
    """Return mean score (x), share of positives (y) and rows of each tenth that has rows.

    A score counts as the middle of its bin, which is at most 0.0005 away.
    """
    rows = outcomes.positives + outcomes.negatives
    tenth = np.minimum(
        np.arange(NUM_BINS) * NUM_RELIABILITY_BINS // (NUM_BINS - 1), NUM_RELIABILITY_BINS - 1
    )
    middles = np.minimum(THRESHOLDS + 0.0005, 1.0)
    count = np.bincount(tenth, weights=rows)
    has_rows = count > 0
    x = ratio(np.bincount(tenth, weights=rows * middles), count)[has_rows]
    y = ratio(np.bincount(tenth, weights=outcomes.positives), count)[has_rows]
    return {"x": x.tolist(), "y": y.tolist(), "rows": count[has_rows].tolist()}


def precision_recall_figure(outcomes: OneVersusRest | None = None) -> go.Figure:
    """Return precision over recall, with the line of calling every row."""
    points = precision_recall_points(outcomes) if outcomes else _NOTHING
    share = [prevalence(outcomes)] * 2 if outcomes else []
    return _figure(
        [
            _line("no_skill", [0, 1] if outcomes else [], share, color="neutral", dash="dash"),
            _curve("curve", points, color="validation", shape="vh"),
        ],
        x="recall",
        y="precision",
    )


def roc_figure(outcomes: OneVersusRest | None = None) -> go.Figure:
    """Return recall over the false positive rate, with the diagonal of guessing."""
    points = roc_points(outcomes) if outcomes else _NOTHING
    figure = _figure(
        [_curve("curve", points, color="validation")], x="false positive rate", y="recall"
    )
    return _with_diagonal(figure)


def scores_figure(outcomes: OneVersusRest | None = None) -> go.Figure:
    """Return the scores of the positive rows and of all others, as shares of each."""
    traces = []
    for role, name in (("negative", "negatives"), ("positive", "positives")):
        y = score_shares(getattr(outcomes, name)) if outcomes else []
        x = [k / NUM_BARS for k in range(NUM_BARS + 1)] if outcomes else []
        trace = _line(role, x, [*y, *y[-1:]], color=role, shape="hv")
        # Filled lines take a third of the time of as many bars.
        traces.append(trace.update(fill="tozeroy", hoverinfo="skip"))
    figure = _figure(traces, x="score", y="share of the rows")
    figure.update_yaxes(range=None, rangemode="tozero", autorange=True, tickformat=".0%")
    return figure


def reliability_figure(outcomes: OneVersusRest | None = None) -> go.Figure:
    """Return the share of positives among rows of like score, with the line of honest scores."""
    points = reliability_points(outcomes) if outcomes else {"x": [], "y": [], "rows": []}
    trace = go.Scatter(
        x=points["x"],
        y=points["y"],
        customdata=points["rows"],
        mode="lines+markers",
        line={"color": theme.VALIDATION, "width": 2.5},
        marker={"color": theme.VALIDATION, "size": 8},
        hovertemplate="score %{x:.3f}: %{y:.1%} of %{customdata} rows<extra></extra>",
        meta={"role": "curve", "color": "validation"},
    )
    return _with_diagonal(_figure([trace], x="mean score", y="share of positives"))


def cost_figure(
    outcomes: OneVersusRest | None = None, *, false_alarm: float = 1.0, miss: float = 1.0
) -> go.Figure:
    """Return the mean cost of a row over the threshold."""
    cost = outcomes.cost(false_alarm=false_alarm, miss=miss).tolist() if outcomes else []
    trace = _line("curve", THRESHOLDS.tolist() if outcomes else [], cost, color="validation")
    trace.update(hovertemplate="threshold %{x:.3f}: %{y:.4~g}<extra></extra>", hoverinfo=None)
    figure = _figure([trace], x="threshold", y="cost per row")
    figure.update_yaxes(range=None, rangemode="tozero", autorange=True)
    return figure


def agreement_figure(counts: RegressionCounts | None = None) -> go.Figure:
    """Return how many rows have which target and prediction, with the line of perfect ones."""
    trace = go.Heatmap(
        colorscale=[[0, theme.TRANSPARENT], [1, theme.VALIDATION]],
        showscale=False,
        zmin=0,
        hoverongaps=False,
        hovertemplate="actual %{x:.4~g}, predicted %{y:.4~g}: %{z} rows<extra></extra>",
        meta={"role": "joint", "color": "validation"},
    )
    if counts is not None:
        middles = _middles(counts.low, counts.high, len(counts.joint))
        # Predictions go upwards; where no row is, nothing is drawn.
        z, most = _without_zeros(counts.joint.T), float(counts.joint.max())
        # Without the upper end Plotly takes no lower one either.
        trace.update(x=middles, y=middles, z=z, zmax=most)
    figure = _figure([trace], x="actual", y="predicted")
    edges = [counts.low, counts.high] if counts else None
    figure.update_xaxes(range=edges)
    figure.update_yaxes(range=edges)
    return _with_diagonal(figure, *(edges or (0.0, 1.0)))


def residuals_figure(counts: RegressionCounts | None = None) -> go.Figure:
    """Return how many rows are how far off."""
    trace = go.Bar(
        x=[],
        y=[],
        marker={"color": theme.VALIDATION},
        hovertemplate="off by %{x:.4~g}: %{y} rows<extra></extra>",
        meta={"role": "residuals", "color": "validation"},
    )
    if counts is not None:
        span = counts.high - counts.low
        trace.update(x=_middles(-span, span, len(counts.residuals)), y=counts.residuals.tolist())
    figure = _figure([trace], x="predicted minus actual", y="rows")
    figure.update_layout(bargap=0)
    figure.update_xaxes(range=None)
    figure.update_yaxes(range=None, rangemode="tozero", autorange=True)
    return figure


_NOTHING: Points = {"x": [], "y": [], "threshold": []}


def _figure(traces: list[Any], *, x: str, y: str) -> go.Figure:
    figure = go.Figure(traces)
    figure.update_layout(theme.base_layout())
    figure.update_layout(
        hovermode="closest",
        showlegend=False,
        dragmode=False,
        margin={"l": 56, "r": 12, "t": 12, "b": 44},
    )
    axis = {"range": list(_SHARES), "fixedrange": True, "nticks": 6, "tickformat": "~g"}
    title = {"standoff": 4, "font": {"size": theme.FONT_SIZE}}
    figure.update_xaxes(**axis, showspikes=False, title={**title, "text": x})
    figure.update_yaxes(**axis, title={**title, "text": y})
    return figure


def _with_diagonal(figure: go.Figure, low: float = 0.0, high: float = 1.0) -> go.Figure:
    return figure.add_shape(
        name="diagonal",
        type="line",
        layer="below",
        x0=low,
        y0=low,
        x1=high,
        y1=high,
        line={"color": theme.TEXT, "width": 1.5, "dash": "dash"},
    )


def _curve(role: str, points: Points, *, color: str, shape: str = "linear") -> go.Scatter:
    trace = _line(role, points["x"], points["y"], color=color, shape=shape)
    template = "threshold %{customdata}<br>x %{x:.3f}, y %{y:.3f}<extra></extra>"
    return trace.update(customdata=points["threshold"], hovertemplate=template, hoverinfo=None)


def _line(
    role: str, x: Any, y: Any, *, color: str, shape: str = "linear", dash: str = "solid"
) -> go.Scatter:
    is_curve = dash == "solid"
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        line={
            "color": theme.PALETTES["light"][color],
            "width": 2.5 if is_curve else 1.5,
            "dash": dash,
            "shape": shape,
        },
        hoverinfo="skip",
        meta={"role": role, "color": color},
    )


def _differs_from_before(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    is_new = np.ones(len(x), dtype=bool)
    is_new[1:] = (np.diff(x) != 0) | (np.diff(y) != 0)
    return is_new


def _middles(low: float, high: float, num_bins: int) -> list[float]:
    middles: list[float] = (low + (high - low) * (np.arange(num_bins) + 0.5) / num_bins).tolist()
    return middles


def _without_zeros(matrix: np.ndarray) -> list[list[float | None]]:
    return [[value or None for value in row] for row in matrix.tolist()]
