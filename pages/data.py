"""The data page: what will be trained on, by what the form at the side says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.backend import show_unusable
from pages.description import can_be_looked_at, facts_of, look_at, source_of, summary_of
from pages.figures.data import (
    MAX_BARS,
    MAX_COLOURS,
    column_figure,
    distribution_figure,
    is_text,
    scatter_figure,
    split_figure,
    target_figure,
    word_counts,
)
from pages.figures.preview import preview_figure, preview_table
from pages.forms import RunForm, escaped
from pages.live.component import figure
from pages.privacy import ROWS_NOT_SHOWN, shows_rows
from pages.shown import show
from pages.side import side
from pages.uploading import PREVIEWED_ROWS, first_rows, reading_of, show_uploader
from trainer.config import RunConfig
from trainer.datasets import uploads
from trainer.datasets.columns import FeatureKind
from trainer.datasets.spec import DatasetSpec
from trainer.errors import DatasetUnavailable, StoreUnusable
from trainer.looks import ColumnLook, Look

_KINDS: Mapping[FeatureKind, str] = {
    "number": "number",
    "boolean": "yes or no",
    "date": "date",
    "category": "category",
}
_FOLDER = Path(__file__).parent


def main() -> None:
    """Draw the page."""
    try:
        form, started = side()
    except StoreUnusable as error:
        show_unusable(error)
        return
    if started is not None:
        show(started)
        st.switch_page(_FOLDER / "train.py", query_params={"run": started})
    spec = form.config.spec
    about, bring = st.columns([2, 1], gap="large")
    with about:
        st.title(escaped(spec.title), anchor=False)
        st.markdown(summary_of(spec))
        st.caption(facts_of(form.config))
    with bring:
        show_uploader()
    _show(form)
    st.caption(source_of(spec))


def _show(form: RunForm) -> None:
    config = form.config
    if not can_be_looked_at(form):
        st.info("There is nothing to see before what the form says of the data makes sense.")
        return
    if not shows_rows(config.spec):
        st.info(ROWS_NOT_SHOWN)
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
    if config.spec.origin == "uploaded":
        _show_file(config.spec)
    _show_rows(look)


def _show_findings(look: Look) -> None:
    st.subheader("Before you train", anchor=False)
    if not look.findings:
        st.markdown(":green[:material/check_circle:] Nothing noteworthy was found.")
    for finding in look.findings:
        icon = ":orange[:material/warning:]"
        if finding not in look.warnings:
            icon = ":gray[:material/info:]"
        st.markdown(f"{icon} {escaped(finding.sentence)}")


def _show_answers(look: Look) -> None:
    spec = look.spec
    st.subheader("Classes" if spec.num_classes else "Target", anchor=False)
    _figure(target_figure(look), f"How often each {spec.target_name} is there", "answers")
    if spec.num_classes > MAX_BARS:
        st.caption(f"The {MAX_BARS} most frequent of {spec.num_classes:,} classes.")


def _show_split(config: RunConfig, look: Look) -> None:
    st.subheader("Split", anchor=False)
    _figure(split_figure(look), "Rows to train on, to validate on and to test on", "split")
    by_class = "Each class has its share in every part. " if look.spec.num_classes else ""
    st.caption(
        f"{by_class}Seed {config.seed} parts training and validation rows; the test rows are the "
        "same for every seed. Everything else on this page leaves them out: they stay sealed."
    )


def _show_file(spec: DatasetSpec) -> None:
    upload = uploads.upload(spec.name)
    st.subheader("File", anchor=False)
    st.caption(reading_of(upload))
    st.dataframe(first_rows(upload), height=320)
    if upload.num_rows > PREVIEWED_ROWS:
        st.caption(f"The first {PREVIEWED_ROWS} rows.")


def _show_rows(look: Look) -> None:
    spec = look.spec
    if spec.is_image:
        st.subheader("Pictures", anchor=False)
        drawing = preview_figure(spec, look.arrays)
        if drawing is not None:
            _figure(drawing, f"Examples of {spec.title}", "pictures")
        return
    if is_text(spec):
        st.subheader("Words", anchor=False)
        drawing = distribution_figure(look, word_counts(look), "different words in a row")
        _figure(drawing, "How many words a row has, by class", "words")
        return
    if look.columns:
        _show_columns(look)
    if spec.origin != "uploaded":
        st.subheader("Rows", anchor=False)
        st.dataframe(preview_table(spec, look.arrays, PREVIEWED_ROWS), hide_index=True, height=320)


def _show_columns(look: Look) -> None:
    names = [column.name for column in look.columns]
    places = range(len(names))
    st.subheader("Columns", anchor=False)
    number = st.column_config.NumberColumn(format="%.4g")
    st.dataframe(
        pd.DataFrame([_facts(column, look.num_unsealed) for column in look.columns]),
        hide_index=True,
        height="content" if len(names) <= 12 else 440,
        column_config={
            "Missing": st.column_config.NumberColumn(format="percent"),
            **dict.fromkeys(("Minimum", "Mean", "Maximum"), number),
        },
    )
    left, right = st.columns(2, gap="large")
    with left:
        place = _chosen_column("Distribution of", places, names, "column")
        _figure(column_figure(look, place), f"Distribution of {names[place]}", "distribution")
    if len(names) > 1:
        with right:
            one, other = st.columns(2)
            with one:
                across = _chosen_column("Across", places, names, "across")
            with other:
                up = _chosen_column("Up", places, names, "up", default=1)
            label = f"{names[up]} over {names[across]}"
            _figure(scatter_figure(look, across, up), label, "scatter")
    if look.spec.num_classes > MAX_COLOURS:
        st.caption(f"The {MAX_COLOURS} most frequent of {look.spec.num_classes:,} classes.")
    if len(look.arrays.y) < look.num_unsealed:
        st.caption(f"Drawn from {len(look.arrays.y):,} rows, evenly chosen.")


def _chosen_column(
    label: str, places: range, names: list[str], key: str, *, default: int = 0
) -> int:
    # By place: two sets have different columns at the same place.
    chosen: int = st.selectbox(
        label,
        places,
        index=min(default, len(places) - 1),
        format_func=names.__getitem__,
        key=f"{key} of {'|'.join(names)}",
    )
    return chosen


def _facts(column: ColumnLook, num_rows: int) -> dict[str, object]:
    bounds = (column.minimum, column.mean, column.maximum)
    if column.kind == "date":
        bounds = (None, None, None)
    return {
        "Column": column.name,
        "Type": _KINDS[column.kind],
        "Missing": column.num_missing / num_rows,
        "Different": column.num_distinct,
        **dict(zip(("Minimum", "Mean", "Maximum"), bounds, strict=True)),
    }


def _figure(drawing: go.Figure, label: str, key: str) -> None:
    figure(drawing, label=label, key=key)


main()
