"""Loss and metrics over the epochs: one chart each, empty, which chart.js fills.

A binding names a trace of the figure and the series that fills it.

    {"trace": 1, "kind": "raw", "series": "loss"}
    {"trace": 6, "kind": "best", "best_of": "val_loss", "fallback": "loss", "better": "lower"}

Kinds are `step` (Keras' running mean since the epoch's start), `raw` (the value of each epoch),
`smooth` (its moving average), `best` (the best epoch), `parent` (the value of each epoch in the
run that this one was forked from) and `verdict` (the points among its curves that the diagnosis
rests on).
"""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from pages.figures import theme
from trainer.losses import LossSpec
from trainer.metrics import METRICS, MetricSpec

Direction = Literal["higher", "lower"]

STEP_PREFIX = "step/"
VALIDATION_PREFIX = "val_"
# The charts on which guessing without looking makes a fair comparison, by Keras' names.
MAJORITY_CHARTS = frozenset(
    {
        "accuracy",
        "acc",
        "binary_accuracy",
        "categorical_accuracy",
        "sparse_categorical_accuracy",
    }
)
FAIR_LOSS = "fair_loss"
STEP_LABEL = "per step: running mean of the epoch"

# How much larger all is drawn for a projector.
_PROJECTED = 1.5
_LOSS_HELP = "What training minimises; lower is better."
_LOWER_WORDS = (
    *("loss", "error", "mae", "mse", "mape", "msle"),
    *("crossentropy", "hinge", "divergence", "perplexity", "poisson", "log_cosh"),
)
_UNIT_INTERVAL_WORDS = ("accuracy", "precision", "recall", "auc", "iou", "f1", "sensitivity")
_NEITHER_BETTER = ("learning_rate", "lr")


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart of a run.

    Attributes:
        id: The series' name in the history, e.g. "loss".
        title: Shown above the chart.
        help: One sentence for a learner.
        figure: Traces and layout without points.
        bindings: Which trace shows which series.
        log: Whether a logarithmic axis makes sense.
    """

    id: str
    title: str
    help: str
    figure: go.Figure
    bindings: tuple[dict[str, Any], ...]
    log: bool


def history_charts(
    metrics: Sequence[MetricSpec],
    *,
    validation: bool,
    loss: LossSpec | None = None,
    parent: str | None = None,
    fair: bool = False,
) -> tuple[Chart, ...]:
    """Return the loss chart and one chart per metric.

    Args:
        metrics: What is watched beside the loss, in the order to show.
        validation: Whether the run has validation data, i.e. `val_…` series.
        loss: Which loss it is; None where that is not known.
        parent: What the run is called that this one was forked from; None if it was not.
        fair: Whether the run has a fair training curve.
    """
    help = _LOSS_HELP if loss is None else f"{_LOSS_HELP} {loss.title}: {loss.help}"
    return (
        _chart(
            "loss",
            "Loss",
            help,
            "lower",
            unit_interval=False,
            validation=validation,
            parent=parent,
            fair=fair,
        ),
        *(
            _chart(
                metric.name,
                metric.title,
                metric.help,
                metric.better,
                unit_interval=metric.unit_interval,
                validation=validation,
                parent=parent,
            )
            for metric in metrics
        ),
    )


def history_charts_for_series(names: Sequence[str]) -> tuple[Chart, ...]:
    """Return the charts for the series of a run whose metrics were not known ahead.

    Pairs `x` with `val_x` and `step/x`. Names in `trainer.metrics` get that table's words; of
    others the direction is guessed from the name, as Keras names them. The loss comes first, and is
    there even when no series is yet.
    """
    bases = list(dict.fromkeys(["loss", *(_base_name(name) for name in names)]))
    return tuple(
        _chart_for_name(base, validation=VALIDATION_PREFIX + base in names) for base in bases
    )


def for_projector(chart: Chart) -> Chart:
    """Return a chart with letters, lines and points that are seen from the last row."""
    drawn = _enlarged(chart.figure.to_plotly_json())
    margin = drawn["layout"]["margin"]
    sides = {side: round(margin[side] * _PROJECTED) for side in ("l", "t", "b")}
    drawn["layout"]["margin"] = {**margin, **sides}
    return dataclasses.replace(chart, figure=go.Figure(drawn))


def _enlarged(part: Any, parent: str = "") -> Any:
    """Return part of a figure with all sizes of fonts and markers and widths of lines enlarged."""
    if isinstance(part, list | tuple):
        return [_enlarged(one, parent) for one in part]
    if not isinstance(part, dict):
        return part
    sized = {"marker": "size", "line": "width"}.get(parent, "size" if "font" in parent else "")
    return {
        name: value * _PROJECTED if name == sized else _enlarged(value, name)
        for name, value in part.items()
    }


def _base_name(name: str) -> str:
    return name.removeprefix(STEP_PREFIX).removeprefix(VALIDATION_PREFIX)


def _chart_for_name(name: str, *, validation: bool) -> Chart:
    if name == "loss":
        return history_charts((), validation=validation)[0]
    if name in METRICS:
        return history_charts((METRICS[name],), validation=validation)[1]
    return _chart(
        name,
        name.replace("_", " ").capitalize(),
        "",
        _direction(name),
        unit_interval=any(word in name for word in _UNIT_INTERVAL_WORDS),
        validation=validation,
    )


def _direction(name: str) -> Direction | None:
    if name in _NEITHER_BETTER:
        return None
    return "lower" if any(word in name.lower() for word in _LOWER_WORDS) else "higher"


def _chart(
    name: str,
    title: str,
    help: str,
    better: Direction | None,
    *,
    unit_interval: bool,
    validation: bool,
    parent: str | None = None,
    fair: bool = False,
) -> Chart:
    roles = {"training": name}
    if validation:
        roles["validation"] = VALIDATION_PREFIX + name

    traces = [_step_trace()]
    bindings: list[dict[str, Any]] = [{"kind": "step", "series": STEP_PREFIX + name}]
    for kind in ("raw", "smooth"):
        for role, series_name in roles.items():
            traces.append(_curve(role, kind))
            bindings.append({"kind": kind, "series": series_name})
    if fair:
        traces.append(_fair_curve())
        bindings.append({"kind": "raw", "series": FAIR_LOSS})
    if parent is not None:
        for role, series_name in roles.items():
            traces.append(_parent_curve(role, parent))
            bindings.append({"kind": "parent", "series": series_name})
    traces.append(_verdict_trace("bottom center" if name in MAJORITY_CHARTS else "top center"))
    bindings.append({"kind": "verdict", "among": [*roles.values(), *([FAIR_LOSS] if fair else [])]})
    if better is not None:
        traces.append(_best_trace("validation" if validation else "training"))
        bindings.append(
            {
                "kind": "best",
                "best_of": list(roles.values())[-1],
                "fallback": name,
                "better": better,
            }
        )

    return Chart(
        id=name,
        title=title,
        help=help,
        figure=go.Figure(
            data=traces,
            layout=_layout(unit_interval=unit_interval, majority=name in MAJORITY_CHARTS),
        ),
        bindings=tuple({"trace": trace, **binding} for trace, binding in enumerate(bindings)),
        log=better == "lower" or name in _NEITHER_BETTER,
    )


def _layout(*, unit_interval: bool, majority: bool) -> dict[str, Any]:
    layout = theme.base_layout()
    layout["xaxis"] |= {
        "title": {"text": "epoch", "standoff": 4, "font": {"size": theme.FONT_SIZE}},
        "tickformat": "~r",
        "unifiedhovertitle": {"text": "epoch %{x:.6~g}"},
        "autorangeoptions": {"minallowed": 0},
    }
    layout["yaxis"] |= {"tickformat": "~g", "hoverformat": ".4~g"}
    if unit_interval:
        # A hair outside, so that a curve at 1.0 is not cut in half by the frame.
        layout["yaxis"]["autorangeoptions"] = {"clipmin": -0.01, "clipmax": 1.01}
    layout["shapes"] = [*([_majority_line()] if majority else []), _mark(), _span()]
    return layout


def _mark() -> dict[str, Any]:
    """Return the line where the learning rate was changed; chart.js draws one a change."""
    return {
        "name": "mark",
        "type": "line",
        "visible": False,
        "layer": "below",
        "yref": "paper",
        "x0": 0,
        "x1": 0,
        "y0": 0,
        "y1": 1,
        "line": {"color": theme.TEXT, "width": 1.5, "dash": "dot"},
        "label": {
            "text": "learning rate",
            "textposition": "end",
            "textangle": -90,
            "xanchor": "right",
            "yanchor": "bottom",
            "font": {"size": 13},
        },
    }


def _span() -> dict[str, Any]:
    """Return the ground of the epochs that a verdict is about; chart.js draws one a verdict."""
    return {
        "name": "span",
        "type": "rect",
        "visible": False,
        "layer": "below",
        "yref": "paper",
        "x0": 0,
        "x1": 0,
        "y0": 0,
        "y1": 1,
        "fillcolor": theme.TEXT,
        "opacity": 0.12,
        "line": {"width": 0},
    }


def _majority_line() -> dict[str, Any]:
    """Return the line that always guessing the most frequent class would reach.

    Its height and its words are known with the run's facts; chart.js fills them in.
    """
    return {
        "name": "majority",
        "type": "line",
        "visible": False,
        "layer": "below",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": 0,
        "y1": 0,
        "line": {"color": theme.TEXT, "width": 1.5, "dash": "dash"},
        "label": {"text": "", "textposition": "end", "yanchor": "bottom", "font": {"size": 13}},
    }


def _step_trace() -> go.Scatter:
    return go.Scatter(
        x=[],
        y=[],
        name=STEP_LABEL,
        mode="lines",
        line={"color": theme.TRAINING, "width": 1},
        opacity=0.6,
        # Steps lie between epochs: among epochs they would only clutter the hover box.
        hoverinfo="skip",
        legendgroup="step",
        legendrank=1003,
        showlegend=False,
        # Where it does not fit, chart.js gives it a line of its own.
        meta={"role": "step", "color": "training", "name": STEP_LABEL},
    )


def _curve(role: str, kind: str) -> go.Scatter:
    color = theme.TRAINING if role == "training" else theme.VALIDATION
    return go.Scatter(
        x=[],
        y=[],
        name=role,
        mode="lines",
        line={"color": color, "width": 2.5},
        # Shape tells the two apart where colour does not.
        marker={"color": color, "size": 6, "symbol": "circle" if role == "training" else "diamond"},
        hovertemplate=None if kind == "raw" else "%{y:.4~g} smoothed",
        legendgroup=role,
        legendrank=1000 if role == "training" else 1001,
        showlegend=kind == "raw",
        meta={"role": role, "color": role},
    )


def _fair_curve() -> go.Scatter:
    return go.Scatter(
        x=[],
        y=[],
        name="fair training",
        mode="lines",
        line={"color": theme.TRAINING, "width": 2, "dash": "dot"},
        legendgroup="fair",
        legendrank=1003,
        showlegend=True,
        # As of a parent, chart.js shortens the name.
        meta={"role": "fair", "color": "training", "name": "fair training"},
    )


def _parent_curve(role: str, parent: str) -> go.Scatter:
    color = theme.TRAINING if role == "training" else theme.VALIDATION
    return go.Scatter(
        x=[],
        y=[],
        # Plotly would take <a> and <b> for markup.
        name=html.escape(parent, quote=False),
        mode="lines",
        line={"color": color, "width": 1.75, "dash": "dash"},
        opacity=0.75,
        hovertemplate=f"%{{y:.4~g}} {role} there",
        legendgroup="parent",
        legendrank=1004,
        showlegend=role == "training",
        # chart.js shortens the name to the room that there is.
        meta={"role": "parent", "color": role, "name": parent},
    )


def _verdict_trace(number_at: str) -> go.Scatter:
    return go.Scatter(
        x=[],
        y=[],
        text=[],
        name="diagnosis",
        mode="markers+text",
        # A ring leaves the curve in sight; its number is that of the sentence.
        marker={"color": theme.TEXT, "size": 20, "symbol": "circle-open", "line": {"width": 3}},
        textposition=number_at,
        # In sight also upon a curve.
        textfont={"size": theme.FONT_SIZE, "weight": 700, "shadow": "auto"},
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
        meta={"role": "verdict", "color": "neutral"},
    )


def _best_trace(role: str) -> go.Scatter:
    color = theme.TRAINING if role == "training" else theme.VALIDATION
    return go.Scatter(
        x=[],
        y=[],
        name="best",
        mode="markers",
        marker={"color": color, "size": 15, "symbol": "star", "line": {"width": 1.5}},
        hovertemplate="best epoch %{x:.6~g}<extra></extra>",
        legendgroup="best",
        legendrank=1002,
        showlegend=True,
        meta={"role": "best", "color": role},
    )
