"""The chosen data before anything is trained: example pictures, a scatter plot or a table."""

from __future__ import annotations

import base64
import html
import io

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.figures import theme
from pages.figures.theme import CLASS_COLOURS
from trainer.datasets.spec import Arrays, DatasetSpec

_COLUMNS = 10
_ROWS = 4
_MAX_POINTS = 2000


def preview_figure(spec: DatasetSpec, arrays: Arrays) -> go.Figure | None:
    """Return a picture of a dataset, or None where a table (`preview_table`) tells more.

    Pictures become a mosaic of examples by class, two features a scatter plot coloured by class,
    and one feature with a number to predict a scatter plot of the one against the other.
    It is made for a width of about 900 px, and for light and dark pages alike.
    """
    if spec.is_image and spec.num_classes:
        return _mosaic_figure(spec, arrays)
    shape = arrays.x.shape[1:]  # a category is one column here and several to the network
    if shape == (2,) and spec.num_classes:
        return _classes_figure(spec, arrays)
    if shape == (1,) and spec.task == "regression":
        return _line_figure(spec, arrays)
    return None


def preview_table(spec: DatasetSpec, arrays: Arrays, rows: int = 8) -> pd.DataFrame:
    """Return some rows, spread over the whole dataset: the target first, then the features.

    Classes appear by name, each at least once where there is room. Of a text only the number of its
    (different) words is shown.
    """
    chosen = spread(len(arrays.y), rows)
    if 0 < spec.num_classes < rows:
        missing = np.setdiff1d(arrays.y, arrays.y[chosen])
        first = [np.flatnonzero(arrays.y == k)[0] for k in missing]
        chosen = np.sort([*chosen[: len(chosen) - len(first)], *first])
    return row_table(spec, Arrays(x=arrays.x[chosen], y=arrays.y[chosen]))


def row_table(spec: DatasetSpec, arrays: Arrays) -> pd.DataFrame:
    """Return rows as a table: the target first, then the features, as people know them."""
    x, y = arrays.x, arrays.y
    columns: dict[str, object] = {
        spec.target_name: [spec.class_names[k] for k in y] if spec.num_classes else y
    }
    if spec.feature_names:
        for j, feature in enumerate(spec.feature_names):
            # A column may bear the target's name; a table needs different ones.
            shown = column_values(spec, x, j)
            columns[f"{feature} (feature)" if feature in columns else feature] = shown
    elif spec.vocabulary:
        columns["words"] = (x > 0).sum(axis=1)
    elif x.ndim == 2 and x.dtype == np.uint8:
        columns["different words"] = x.sum(axis=1, dtype=np.int64)
    return pd.DataFrame(columns)


def column_values(spec: DatasetSpec, x: np.ndarray, place: int) -> np.ndarray:
    """Return a column of a table as people know it: of an upload categories, dates and yes or no.

    Args:
        spec: The dataset.
        x: Rows of it, shape `(num_rows, num_columns)`.
        place: Which column.
    """
    values = x[:, place]
    if not spec.columns or spec.columns[place].kind == "number":
        return values
    column = spec.columns[place]
    shown = np.full(len(values), None, dtype=object)
    known = np.flatnonzero(~np.isnan(values))
    if column.kind == "date":
        days = (values[known] * 86_400).round().astype("timedelta64[s]")
        shown[known] = (np.datetime64("2000-01-01T00:00:00") + days).astype(object)
    else:
        names = column.categories if column.kind == "category" else (False, True)
        shown[known] = [names[int(code)] for code in values[known]]
    return shown


def mosaic(spec: DatasetSpec, arrays: Arrays) -> tuple[np.ndarray, list[float]]:
    """Return examples of every class side by side, and where each class is.

    Returns:
        The picture, uint8 of shape `(height, width, 4)`: red, green, blue and alpha, transparent
        between the examples. Each class takes as many columns of `_ROWS` examples as fit into
        `_COLUMNS`, at least one; they are filled row by row with the first examples there are.
        And the middle of each class on the horizontal axis, in pixels of the picture.
    """
    side_y, side_x, _ = spec.input_shape
    gap = max(1, side_x // 8)
    per_class = max(1, _COLUMNS // spec.num_classes)
    columns = per_class * spec.num_classes
    canvas = np.zeros(
        (_ROWS * (side_y + gap) - gap, columns * (side_x + gap) - gap, 4), dtype=np.uint8
    )
    for k in range(spec.num_classes):
        examples = np.flatnonzero(arrays.y == k)[: _ROWS * per_class]
        for place, index in enumerate(examples):
            row, column = divmod(place, per_class)
            top = row * (side_y + gap)
            left = (k * per_class + column) * (side_x + gap)
            tile = canvas[top : top + side_y, left : left + side_x]
            tile[..., :3] = as_bytes(arrays.x[index])
            tile[..., 3] = 255
    width = per_class * (side_x + gap)
    middles = [k * width + (width - gap - 1) / 2 for k in range(spec.num_classes)]
    return canvas, middles


def _mosaic_figure(spec: DatasetSpec, arrays: Arrays) -> go.Figure:
    canvas, middles = mosaic(spec, arrays)
    height, width, _ = canvas.shape
    figure = go.Figure(go.Image(source=png(canvas), hoverinfo="skip"))
    # As high as the mosaic is where it fills 900 px, plus the line of names above it.
    lay_out(figure, height=round(900 * height / width) + 36, top=32)
    figure.update_layout(dragmode=False, meta={"aspect": height / width + 0.04})
    figure.update_xaxes(
        range=[-0.5, width - 0.5],
        side="top",
        tickvals=middles,
        ticktext=[plain(name) for name in spec.class_names],
        showgrid=False,
        fixedrange=True,
        constrain="domain",
    )
    figure.update_yaxes(
        range=[height - 0.5, -0.5],
        visible=False,
        fixedrange=True,
        scaleanchor="x",
        constrain="domain",
        constraintoward="top",
    )
    return figure


def _classes_figure(spec: DatasetSpec, arrays: Arrays) -> go.Figure:
    chosen = spread(len(arrays.y), _MAX_POINTS)
    x, y = arrays.x[chosen], arrays.y[chosen]
    figure = go.Figure()
    for k, name in enumerate(spec.class_names):
        _add_points(figure, x[y == k, 0], x[y == k, 1], name=plain(name), place=k)
    lay_out(figure, height=420, top=36)
    figure.update_layout(showlegend=True)
    figure.update_xaxes(title_text=plain(spec.feature_names[0]))
    figure.update_yaxes(title_text=plain(spec.feature_names[1]))
    if spec.origin == "generated":
        figure.update_yaxes(scaleanchor="x")  # rings are round
    return figure


def _line_figure(spec: DatasetSpec, arrays: Arrays) -> go.Figure:
    chosen = spread(len(arrays.y), _MAX_POINTS)
    figure = go.Figure()
    _add_points(
        figure,
        arrays.x[chosen, 0],
        arrays.y[chosen],
        name=plain(spec.target_name),
        place=0,
    )
    lay_out(figure, height=420, top=12)
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title_text=plain(spec.feature_names[0]))
    figure.update_yaxes(title_text=plain(spec.target_name))
    return figure


def _add_points(figure: go.Figure, x: np.ndarray, y: np.ndarray, *, name: str, place: int) -> None:
    colour = CLASS_COLOURS[place % len(CLASS_COLOURS)]
    figure.add_scatter(
        x=x,
        y=y,
        name=name,
        mode="markers",
        marker={"color": colour, "size": 7, "opacity": 0.85},
        meta={"class": place},
    )


def lay_out(figure: go.Figure, *, height: int, top: int) -> None:
    """Give a figure the layout of all, without margins.

    Args:
        figure: Is changed.
        height: Its height in pixels.
        top: Room above the axes in pixels, for a legend of one line.
    """
    figure.update_layout(theme.base_layout())
    figure.update_layout(
        height=height,
        hovermode="closest",
        margin={"l": 0, "r": 0, "t": top, "b": 0, "autoexpand": True},
    )
    figure.update_layout(legend_traceorder="normal")
    # Without a distance of its own a title lies on the numbers beside it.
    figure.update_xaxes(automargin=True, title_standoff=8)
    figure.update_yaxes(automargin=True, title_standoff=20)


def plain(text: str) -> str:
    """Return text that Plotly shows as it is: it would take `<a>` and `<b>` for markup."""
    return html.escape(text, quote=False)


def spread(num_samples: int, rows: int) -> np.ndarray:
    """Return at most `rows` row numbers, evenly spread: files are often sorted by class."""
    return np.unique(np.linspace(0, num_samples - 1, min(rows, num_samples)).round().astype(int))


def as_bytes(picture: np.ndarray) -> np.ndarray:
    """Return a picture as 0 to 255; pictures that are no bytes have values from 0 to 1."""
    if picture.dtype == np.uint8:
        return picture
    return (picture * 255).round().astype(np.uint8)


def png(canvas: np.ndarray) -> str:
    """Return a picture, uint8 of shape `(height, width, 3 or 4)`, as an address of its own."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(canvas).save(file, format="png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
