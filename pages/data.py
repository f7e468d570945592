"""The data page: what will be trained on, by what the form at the side says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.description import can_be_looked_at, days_of, facts_of, look_at, source_of, summary_of
from pages.figures.data import (
    MAX_BARS,
    MAX_COLOURS,
    column_figure,
    distribution_figure,
    scatter_figure,
    split_figure,
    target_figure,
)
from pages.figures.preview import preview_figure, preview_table
from pages.figures.words import is_text, telling_words, text_table, word_counts
from pages.forms import RunForm, escaped
from pages.live.component import figure
from pages.privacy import ROWS_NOT_SHOWN, shows_rows
from pages.side import form
from pages.uploading import PREVIEWED_ROWS, first_rows, reading_of, show_uploader
from trainer.config import RunConfig
from trainer.datasets import uploads
from trainer.datasets.columns import FeatureKind
from trainer.datasets.spec import DatasetSpec
from trainer.errors import DatasetUnavailable
from trainer.looks import ColumnLook, Look

_KINDS: Mapping[FeatureKind, str] = {
    "number": "number",
    "boolean": "yes or no",
    "date": "date",
    "category": "category",
}


def main() -> None:
    """Draw the page."""
    drawn = form()
    spec = drawn.config.spec
    about, bring = st.columns([2, 1], gap="large")
    with about:
        st.title(escaped(spec.title), anchor=False)
        st.markdown(summary_of(spec))
        st.caption(facts_of(drawn.config))
    with bring:
        show_uploader()
    _show(drawn)
    st.caption(source_of(spec))


def _show(drawn: RunForm) -> None:
    config = drawn.config
    if not shows_rows(config.spec):
        st.info(ROWS_NOT_SHOWN)
        return
    if config.spec.origin == "uploaded":
        _show_file(config.spec)
    if not can_be_looked_at(drawn):
        st.info("There is nothing to see before what the form says of the data makes sense.")
        return
    try:
        look = look_at(config)
    except DatasetUnavailable as error:
        st.info(escaped(str(error)))
        return
    _show_findings(look)
    left, right = st.columns(2, gap="large")
    with left:
        _show_answers(look)
    with right:
        _show_split(config, look)
    _show_rows(look)


def _show_findings(look: Look) -> None:
    st.header("Before you train", anchor=False)
    if not look.findings:
        st.markdown(":green[:material/check_circle:] Nothing noteworthy was found.")
    for finding in look.findings:
        icon = ":orange[:material/warning:]"
        if finding not in look.warnings:
            icon = ":gray[:material/info:]"
        st.markdown(f"{icon} {escaped(finding.sentence)}")


def _show_answers(look: Look) -> None:
    spec = look.spec
    st.header("Classes" if spec.num_classes else "Target", anchor=False)
    _figure(target_figure(look), f"How often each {spec.target_name} is there", "answers")
    if spec.num_classes > MAX_BARS:
        st.caption(f"The {MAX_BARS} most frequent of {spec.num_classes:,} classes.")


def _show_split(config: RunConfig, look: Look) -> None:
    st.header("Split", anchor=False)
    _figure(split_figure(look), "Rows to train on, to validate on and to test on", "split")
    by_class = "Each class has its share in every part. " if look.spec.num_classes else ""
    st.caption(
        f"{by_class}Seed {config.seed} parts training and validation rows. The test rows are the "
        "same for every seed, and sealed: no figure here shows more of them than their number."
    )


def _show_file(spec: DatasetSpec) -> None:
    upload = uploads.upload(spec.name)
    st.header("File", anchor=False)
    st.caption(reading_of(upload))
    if upload.recognised.picture:
        return  # they are shown as pictures
    rows = first_rows(upload)
    st.dataframe(rows, hide_index=True, height=320, column_config=days_of(rows))
    if upload.num_rows > PREVIEWED_ROWS:
        st.caption(f"The first {PREVIEWED_ROWS} rows.")


def _show_rows(look: Look) -> None:
    spec = look.spec
    if spec.is_image:
        st.header("Pictures", anchor=False)
        drawing = preview_figure(spec, look.arrays)
        if drawing is not None:
            _figure(drawing, f"Examples of {spec.title}", "pictures")
        return
    if is_text(spec):
        _show_words(look)
        return
    if look.columns:
        _show_columns(look)
    if spec.origin != "uploaded":
        st.header("Rows", anchor=False)
        st.dataframe(preview_table(spec, look.arrays, PREVIEWED_ROWS), hide_index=True, height=320)


def _show_words(look: Look) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.header("Length", anchor=False)
        heading = "words" if look.spec.vocabulary else "different words"
        drawing = distribution_figure(look, word_counts(look), heading)
        _figure(drawing, "How many words a text has, by class", "length")
    if not look.words:
        return
    with right:
        st.header("Words that tell the classes apart", anchor=False)
        st.dataframe(telling_words(look), hide_index=True, height=320)
    if look.spec.vocabulary:
        st.header("Texts", anchor=False)
        st.dataframe(
            text_table(look),
            hide_index=True,
            height=320,
            column_config={look.spec.target_name: st.column_config.TextColumn(width="small")},
        )


def _show_columns(look: Look) -> None:
    names = [column.name for column in look.columns]
    st.header("Columns", anchor=False)
    # Texts, for a date has bounds as a number has.
    bound = st.column_config.TextColumn(alignment="right")
    st.dataframe(
        pd.DataFrame([_facts(column, look.num_unsealed) for column in look.columns]),
        hide_index=True,
        height="content" if len(names) <= 12 else 440,
        column_config={
            "Missing": st.column_config.NumberColumn(format="percent"),
            **dict.fromkeys(("Minimum", "Mean", "Maximum"), bound),
        },
    )
    left, right = st.columns(2, gap="large")
    with left:
        place = _chosen_column("Distribution of", names, "column")
        _figure(column_figure(look, place), f"Distribution of {names[place]}", "distribution")
    with right:
        _show_scatter(look, names)
    if look.spec.num_classes > MAX_COLOURS:
        st.caption(f"The {MAX_COLOURS} most frequent of {look.spec.num_classes:,} classes.")
    if len(look.arrays.y) < look.num_unsealed:
        st.caption(f"Drawn from {len(look.arrays.y):,} rows, evenly chosen.")


def _show_scatter(look: Look, names: list[str]) -> None:
    if not look.spec.num_classes:
        # A number to predict makes an axis; classes make colours.
        names = [*names, f"{look.spec.target_name} (target)"]
    if len(names) < 2:
        return
    one, other = st.columns(2)
    with one:
        across = _chosen_column("Across", names, "across")
    with other:
        default = 1 if look.spec.num_classes else len(names) - 1
        up = _chosen_column("Up", names, "up", default=default)
    _figure(scatter_figure(look, across, up), f"{names[up]} over {names[across]}", "scatter")


def _chosen_column(label: str, names: list[str], key: str, *, default: int = 0) -> int:
    # By place, and of these columns: other sets have others there.
    chosen: int = st.selectbox(
        label,
        range(len(names)),
        index=default,
        format_func=names.__getitem__,
        key=f"{key} of {hash(tuple(names))}",
    )
    return chosen


def _facts(column: ColumnLook, num_rows: int) -> dict[str, object]:
    shown = _as_date if column.kind == "date" else _as_number
    return {
        "Column": column.name,
        "Type": _KINDS[column.kind],
        "Missing": column.num_missing / num_rows,
        "Different": column.num_distinct,
        "Minimum": shown(column.minimum),
        "Mean": shown(column.mean),
        "Maximum": shown(column.maximum),
    }


def _as_number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e12 else f"{value:.4g}"


def _as_date(days: float | None) -> str:
    if days is None:
        return ""
    return str(np.datetime64("2000-01-01") + np.timedelta64(round(days), "D"))


def _figure(drawing: go.Figure, label: str, key: str) -> None:
    figure(drawing, label=label, key=key)


main()
