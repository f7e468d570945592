"""The rows of a dataset over what the network says everywhere: a decision boundary, or a curve.

A figure is drawn with its points and without its surface: `pages/evaluation/boundary.js` fills in
the traces whose `meta["role"]` is "surface" and "edge", or "curve", for one epoch after the other,
and sets what differs between a light and a dark page.
"""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import plotly.graph_objects as go

from pages.figures import theme
from pages.figures.theme import CLASS_COLOURS, CLASS_PALETTES
from trainer.datasets.spec import DatasetSpec
from trainer.datasets.split import Split
from trainer.evaluation.surface import Grid

# More would only hide each other, and each takes its time to draw.
MAX_TRAINING_POINTS = 800
MAX_VALIDATION_POINTS = 400

# Shape tells classes apart where colour does not.
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star")
_SIZE = 8.5


def boundary_figure(spec: DatasetSpec, parts: Split) -> go.Figure | None:
    """Return the training and validation rows of a dataset, ready for a surface below them.

    Training rows are filled, validation rows outlined; of very many only some are drawn. The test
    rows have no part in it.

    Returns:
        The figure; None where there is no picture, as with three features. Its `layout.meta` holds
        `kind` (as `Grid.kind`), `classes` (their names) and `colours` (of the classes by mode).
    """
    grid = Grid.over(spec, parts)
    if grid is None:
        return None
    rows = {
        "training": _spread(parts.x_train, parts.y_train, MAX_TRAINING_POINTS),
        "validation": _spread(parts.x_val, parts.y_val, MAX_VALIDATION_POINTS),
    }
    if grid.kind == "curve":
        points = [_targets(x, y, role) for role, (x, y) in rows.items()]
        traces = [*points, _curve()]
    elif grid.kind == "value":
        points = [_valued_points(x, y, role, grid.values) for role, (x, y) in rows.items()]
        traces = [_surface(spec, grid), *points]
    else:
        points = [_class_points(x, y, role, spec) for role, (x, y) in rows.items()]
        edges = [_edge(grid)] if grid.kind == "score" else []
        traces = [_surface(spec, grid), *edges, *points]
    figure = go.Figure(traces)
    _lay_out(figure, spec, grid)
    return figure


def _spread(x: np.ndarray, y: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    chosen = np.unique(np.linspace(0, len(y) - 1, min(limit, len(y))).round().astype(int))
    return x[chosen].astype(float), y[chosen]


def _surface(spec: DatasetSpec, grid: Grid) -> go.Heatmap:
    is_crisp = grid.kind == "winner"
    words = "predicted %{z:.4~g}"
    if grid.kind == "score":
        words = f"score of {_in_template(spec.class_names[1])} %{{z:.2f}}"
    low, high = grid.values if grid.kind == "value" else (0.0, float(max(1, spec.num_classes)))
    return go.Heatmap(
        z=[],
        **_places(grid),
        zmin=low,
        zmax=1.0 if grid.kind == "score" else high,
        # What is smooth is drawn as one small picture that the browser enlarges.
        zsmooth=False if is_crisp else "fast",
        showscale=grid.kind == "value",
        colorscale="Cividis",
        colorbar={"thickness": 12, "tickformat": "~g", "x": 1.01} if grid.kind == "value" else None,
        hoverinfo="skip" if is_crisp else None,
        hovertemplate=None if is_crisp else words + "<extra></extra>",
        meta={"role": "surface"},
    )


def _edge(grid: Grid) -> go.Contour:
    """Return the line where both classes have the same score; its z are the scores' logits."""
    return go.Contour(
        z=[],
        **_places(grid),
        contours={"start": 0, "end": 0, "size": 1, "coloring": "none"},
        line={"width": 2.5, "color": theme.TEXT},
        showscale=False,
        hoverinfo="skip",
        meta={"role": "edge"},
    )


def _places(grid: Grid) -> dict[str, float]:
    (left, bottom), (right, top) = grid.low, grid.high
    steps = grid.size - 1
    return {"x0": left, "dx": (right - left) / steps, "y0": bottom, "dy": (top - bottom) / steps}


def _class_points(x: np.ndarray, y: np.ndarray, role: str, spec: DatasetSpec) -> go.Scatter:
    colours = [CLASS_COLOURS[k % len(CLASS_COLOURS)] for k in y]
    symbols = [_SYMBOLS[k % len(_SYMBOLS)] for k in y]
    names = [html.escape(spec.class_names[k], quote=False) for k in y]
    trace = _points(x, role, colours, symbol=symbols)
    return trace.update(
        customdata=y.tolist(),
        text=names,
        hovertemplate=f"%{{text}}, {role}<br>%{{x:.3~g}}, %{{y:.3~g}}<extra></extra>",
    )


def _valued_points(
    x: np.ndarray, y: np.ndarray, role: str, values: tuple[float, float]
) -> go.Scatter:
    targets = _plain(y)
    trace = _points(x, role, targets)
    scale = {"colorscale": "Cividis", "cmin": values[0], "cmax": values[1]}
    trace.update(marker=scale if role == "training" else {"line": scale})
    return trace.update(
        customdata=targets,
        hovertemplate=f"%{{customdata:.4~g}}, {role}<extra></extra>",
    )


def _points(x: np.ndarray, role: str, colours: list[Any], **marker: Any) -> go.Scatter:
    is_filled = role == "training"
    return go.Scatter(
        x=_plain(x[:, 0]),
        y=_plain(x[:, 1]),
        name=role,
        mode="markers",
        marker={
            "size": _SIZE,
            "opacity": 1,
            "color": colours if is_filled else "white",
            "line": {
                "width": 1 if is_filled else 2,
                "color": "white" if is_filled else colours,
            },
            **marker,
        },
        meta={"role": role},
    )


def _targets(x: np.ndarray, y: np.ndarray, role: str) -> go.Scatter:
    """Return the rows of one feature with their targets."""
    trace = _points(np.column_stack([x[:, 0], y]), role, [])
    colour = theme.TRAINING if role == "training" else theme.VALIDATION
    is_filled = role == "training"
    trace.update(
        marker={
            "color": colour if is_filled else "white",
            "line": {"color": "white" if is_filled else colour},
            "symbol": "circle" if is_filled else "diamond",
        },
        hovertemplate=f"%{{x:.3~g}}: %{{y:.4~g}}, {role}<extra></extra>",
    )
    return trace


def _curve() -> go.Scatter:
    return go.Scatter(
        x=[],
        y=[],
        mode="lines",
        line={"width": 3, "color": theme.TEXT},
        hovertemplate="%{x:.3~g}: predicted %{y:.4~g}<extra></extra>",
        meta={"role": "curve"},
    )


def _lay_out(figure: go.Figure, spec: DatasetSpec, grid: Grid) -> None:
    is_curve = grid.kind == "curve"
    names = list(spec.feature_names) or ["first feature", "second feature"][: len(grid.low)]
    if spec.standardize:
        names = [f"{name} (standardised)" for name in names]
    titles = [*names, spec.target_name] if is_curve else names
    figure.update_layout(theme.base_layout())
    figure.update_layout(
        hovermode="closest",
        showlegend=False,
        dragmode="zoom",
        margin={"l": 48, "r": 60 if grid.kind == "value" else 8, "t": 8, "b": 44},
        meta={
            "kind": grid.kind,
            "classes": list(spec.class_names),
            "colours": {mode: list(colours) for mode, colours in CLASS_PALETTES.items()},
        },
    )
    for axis, text, update in zip(
        "xy", titles, (figure.update_xaxes, figure.update_yaxes), strict=True
    ):
        update(
            title={
                "text": html.escape(text, quote=False),
                "standoff": 4,
                "font": {"size": theme.FONT_SIZE},
            },
            showspikes=False,
            tickformat="~g",
            constrain="domain",
        )
        if is_curve and axis == "y":
            # Fixed, so that one sees the curve move and not the axis.
            low, high = grid.values
            margin = 0.1 * ((high - low) or 1.0)
            update(range=[low - margin, high + margin])
        else:
            at = "xy".index(axis)
            update(range=[grid.low[at], grid.high[at]])
    if spec.origin == "generated" and not is_curve:
        figure.update_yaxes(scaleanchor="x", constraintoward="top")  # rings are round


def _plain(values: np.ndarray) -> list[float]:
    """Return values as numbers for JSON, with as many digits as a screen can show."""
    return [float(f"{value:.5g}") for value in values]


def _in_template(text: str) -> str:
    """Return text that a hover template shows as it is."""
    return html.escape(text, quote=False).replace("%", "&#37;")
