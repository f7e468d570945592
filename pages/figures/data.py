"""What will be trained on: how the rows are parted, the answers, a column by class, two columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import plotly.graph_objects as go

from pages.figures import theme
from pages.figures.preview import column_values, lay_out, plain, spread
from pages.figures.theme import CLASS_COLOURS
from trainer.looks import Look

# More classes than these cannot be told apart by colour, nor read below their bars.
MAX_COLOURS = 8
MAX_BARS = 30
# Of more, names and shares stand side by side on a phone only where they are small.
_ROOMY_BARS = 6
_MAX_CATEGORIES = 20
_MAX_BINS = 40
_MAX_POINTS = 2_000
_NAME_CHARACTERS = 32
_HEIGHT = 300
# A smaller part of the bar has no room for its share.
_WRITTEN_SHARE = 0.08

Values = np.ndarray


def split_figure(look: Look) -> go.Figure:
    """Return one bar: rows to train on, to validate on, and those that are sealed away."""
    parts = (
        ("training", len(look.y_train), "training"),
        ("validation", len(look.y_val), "validation"),
        ("test", look.num_test, "neutral"),
    )
    total = sum(count for _, count, _ in parts)
    figure = go.Figure()
    for name, count, role in parts:
        if count:
            figure.add_bar(
                x=[count],
                y=[""],
                orientation="h",
                name=f"{name} {count:,}",
                **_in_role(role),
                text=f"{count / total:.0%}" if count / total >= _WRITTEN_SHARE else "",
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                # Large and bold: white on vermilion needs it. Whoever shows it takes the ground's.
                textfont={"color": "#FFFFFF", "size": 19, "weight": 700},
                hoverinfo="skip",
            )
    lay_out(figure, height=88, top=36)
    figure.update_layout(barmode="stack", bargap=0.1, showlegend=True)
    _fix_axes(figure)
    figure.update_xaxes(visible=False, range=[0, total])
    figure.update_yaxes(visible=False)
    return figure


def target_figure(look: Look) -> go.Figure:
    """Return how often each answer is among the rows to train and to validate on."""
    return _classes_figure(look) if look.spec.num_classes else _numbers_figure(look)


def _classes_figure(look: Look) -> go.Figure:
    spec = look.spec
    train, validation = (
        np.bincount(y, minlength=spec.num_classes) for y in (look.y_train, look.y_val)
    )
    total = train + validation
    chosen = np.arange(spec.num_classes)
    if spec.num_classes > MAX_BARS:
        chosen = np.argsort(-total, kind="stable")[:MAX_BARS]
    shares = total / max(1, int(total.sum()))
    labels = [f"{_short(spec.class_names[k])}<br>{_percent(shares[k])}" for k in chosen]
    figure = go.Figure()
    for name, counts in _parts(train[chosen], validation[chosen]):
        figure.add_bar(
            x=np.arange(len(chosen)),
            y=counts,
            name=name,
            **_in_role(name),
            customdata=[plain(spec.class_names[k]) for k in chosen],
            hovertemplate="%{customdata}: %{y:,} rows<extra>%{fullData.name}</extra>",
        )
    lay_out(figure, height=_HEIGHT, top=36)
    figure.update_layout(barmode="stack", bargap=0.25, showlegend=True)
    _fix_axes(figure)
    figure.update_xaxes(tickvals=np.arange(len(chosen)), ticktext=labels, showgrid=False)
    if len(chosen) > _ROOMY_BARS:
        figure.update_xaxes(tickfont={"size": 11})
    figure.update_yaxes(title_text="rows", tickformat=",")
    return figure


def _numbers_figure(look: Look) -> go.Figure:
    edges = _edges(np.concatenate([look.y_train, look.y_val]))
    figure = go.Figure()
    train, validation = (np.histogram(y, edges)[0] for y in (look.y_train, look.y_val))
    for name, counts in _parts(train, validation):
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=np.diff(edges),
            name=name,
            **_in_role(name),
            hovertemplate="%{x:.4g}: %{y:,} rows<extra>%{fullData.name}</extra>",
        )
    lay_out(figure, height=_HEIGHT, top=36)
    figure.update_layout(barmode="stack", bargap=0, showlegend=True)
    _fix_axes(figure)
    figure.update_xaxes(title_text=_short(look.spec.target_name), showgrid=False)
    figure.update_yaxes(title_text="rows", tickformat=",")
    return figure


def column_figure(look: Look, place: int) -> go.Figure:
    """Return how the values of a column of a table are distributed, by class where there are some.

    Of each class it is the share of its own rows, so that rare classes are seen as well.
    """
    spec = look.spec
    values = look.arrays.x[:, place]
    kind = spec.columns[place].kind if spec.columns else "number"
    title = _short(spec.feature_names[place])
    if kind in ("category", "boolean"):
        return _categories_figure(look, column_values(spec, look.arrays.x, place), title)
    return distribution_figure(look, values, title, is_date=kind == "date")


def distribution_figure(
    look: Look, values: Values, title: str, *, is_date: bool = False
) -> go.Figure:
    """Return how numbers are distributed, one for each row of `look.arrays`, by class.

    Args:
        look: The rows.
        values: The numbers, NaN where one is missing.
        title: What they are, as Plotly takes it.
        is_date: Whether they are days since 2000-01-01.
    """
    edges = _edges(values)
    figure = go.Figure()
    for name, rows, place in _classes(look):
        counts, _ = np.histogram(values[rows], edges)
        shares = counts / max(1, counts.sum())
        # The line goes on to the last edge, so that the last step is as wide as the others.
        figure.add_scatter(
            x=_as_dates(edges) if is_date else edges,
            y=[*shares, shares[-1]],
            name=name,
            mode="lines",
            line={"shape": "hv", "color": CLASS_COLOURS[place], "width": 2},
            fill="tozeroy",
            fillcolor=_faded(CLASS_COLOURS[place]),
            meta={"class": place},
            hovertemplate="%{x}: %{y:.1%}<extra>%{fullData.name}</extra>",
        )
    _lay_out_shares(figure, look, title)
    return figure


def _categories_figure(look: Look, values: Values, title: str) -> go.Figure:
    shown = np.array(["missing" if value is None else str(value) for value in values], dtype=object)
    names, counts = np.unique(shown.astype(str), return_counts=True)
    frequent = names[np.argsort(-counts, kind="stable")][:_MAX_CATEGORIES]
    figure = go.Figure()
    for name, rows, place in _classes(look):
        total = max(1, int(rows.sum()))
        figure.add_bar(
            x=np.arange(len(frequent)),
            y=[float((shown[rows] == category).sum()) / total for category in frequent],
            name=name,
            marker={"color": CLASS_COLOURS[place]},
            meta={"class": place},
            customdata=[plain(str(category)) for category in frequent],
            hovertemplate="%{customdata}: %{y:.1%}<extra>%{fullData.name}</extra>",
        )
    _lay_out_shares(figure, look, title)
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(
        tickvals=np.arange(len(frequent)), ticktext=[_short(str(name)) for name in frequent]
    )
    return figure


def scatter_figure(look: Look, across: int, up: int) -> go.Figure:
    """Return rows by two columns of a table, coloured by class, or by the number to predict.

    Args:
        look: The rows.
        across: Which column lies along the x axis; the number of columns for the target.
        up: Which one along the y axis.
    """
    spec = look.spec
    chosen = spread(len(look.arrays.y), _MAX_POINTS)
    horizontal, vertical = (_axis(look, chosen, place) for place in (across, up))
    figure = go.Figure()
    if spec.num_classes:
        for name, is_of_class, place in _classes(look):
            rows = is_of_class[chosen]
            _add_points(figure, horizontal[rows], vertical[rows], name=name, place=place)
    else:
        _add_points(figure, horizontal, vertical, name=_short(spec.target_name), place=0)
        if len(spec.feature_names) not in (across, up):
            _colour_by_target(figure, look.arrays.y[chosen])
    lay_out(figure, height=_HEIGHT, top=36)
    figure.update_layout(showlegend=bool(spec.num_classes))
    names = (*spec.feature_names, spec.target_name)
    for update, place, axis in (
        (figure.update_xaxes, across, horizontal),
        (figure.update_yaxes, up, vertical),
    ):
        update(title_text=_short(names[place]))
        if _holds_texts(axis):
            update(type="category")
    return figure


def _axis(look: Look, chosen: Values, place: int) -> Values:
    if place == len(look.spec.feature_names):
        return look.arrays.y[chosen]
    values = column_values(look.spec, look.arrays.x[chosen], place)
    if not _holds_texts(values):
        return values
    shown = [None if one is None else plain(str(one)) for one in values]
    return np.array(shown, dtype=object)


def _add_points(figure: go.Figure, x: Values, y: Values, *, name: str, place: int) -> None:
    figure.add_scatter(
        x=x,
        y=y,
        name=name,
        mode="markers",
        marker={"color": CLASS_COLOURS[place], "size": 6, "opacity": 0.75},
        meta={"class": place},
    )


def _colour_by_target(figure: go.Figure, targets: Values) -> None:
    (points,) = figure.data
    bar = {"title": {"text": points.name}, "thickness": 12}
    points.update(marker={"color": targets, "colorscale": "Viridis", "colorbar": bar}, meta=None)


def _holds_texts(axis: Values) -> bool:
    return axis.dtype == object and any(isinstance(one, str | bool) for one in axis)


def _parts(train: Values, validation: Values) -> Iterator[tuple[str, Values]]:
    yield "training", train
    if validation.any():
        yield "validation", validation


def _in_role(role: str) -> dict[str, object]:
    return {"marker": {"color": theme.PALETTES["light"][role]}, "meta": {"color": role}}


def _classes(look: Look) -> Iterator[tuple[str, Values, int]]:
    """Yield the name and the rows of each class that is drawn, and the place of its colour."""
    y, spec = look.arrays.y, look.spec
    if not spec.num_classes:
        yield "all rows", np.ones(len(y), dtype=bool), 0
        return
    counts = np.bincount(y, minlength=spec.num_classes)
    frequent = np.sort(np.argsort(-counts, kind="stable")[:MAX_COLOURS])
    for place, k in enumerate(frequent):
        yield _short(spec.class_names[k]), y == k, place


def _lay_out_shares(figure: go.Figure, look: Look, title: str) -> None:
    lay_out(figure, height=_HEIGHT, top=36)
    figure.update_layout(showlegend=bool(look.spec.num_classes))
    _fix_axes(figure)
    figure.update_xaxes(title_text=title, showgrid=False)
    share = "share of the class" if look.spec.num_classes else "share of the rows"
    figure.update_yaxes(title_text=share, tickformat=".0%", rangemode="tozero")


def _fix_axes(figure: go.Figure) -> None:
    figure.update_layout(dragmode=False)
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True)


def _edges(values: Values) -> np.ndarray:
    """Return the edges of bins of equal width; whole numbers of few values get a bin each."""
    known = values[np.isfinite(values)].astype(np.float64)
    if not len(known):
        return np.array([0.0, 1.0])
    low, high = float(known.min()), float(known.max())
    if high - low < _MAX_BINS and (known == np.round(known)).all():
        return np.arange(low - 0.5, high + 1)
    # Freedman and Diaconis would give skewed columns thousands of bins.
    bins = min(_MAX_BINS, max(10, int(np.sqrt(len(known)))))
    return np.histogram_bin_edges(known, bins)


def _as_dates(days: np.ndarray) -> Sequence[str]:
    seconds = (days * 86_400).round().astype("timedelta64[s]")
    return [str(moment) for moment in np.datetime64("2000-01-01T00:00:00") + seconds]


def _faded(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.15)"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 or share == 0 else f"{share:.1%}"


def _short(text: str) -> str:
    shown = text if len(text) <= _NAME_CHARACTERS else text[: _NAME_CHARACTERS - 1] + "…"
    return plain(shown)
