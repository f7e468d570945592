"""What is said of the data of a set-up in a few words, and the look at them that pages share."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.figures.preview import preview_figure, preview_table
from pages.forms import RunForm, escaped
from pages.live.component import figure
from pages.privacy import ROWS_NOT_SHOWN, shows_rows
from trainer.config import RunConfig
from trainer.datasets.spec import DatasetSpec
from trainer.errors import DatasetUnavailable
from trainer.looks import DECIDE_ROWS, Look, key_of_rows, look


def can_be_looked_at(form: RunForm) -> bool:
    """Return whether what the form says of the data makes sense."""
    return not form.problems.keys() & set(DECIDE_ROWS)


def look_at(config: RunConfig) -> Look:
    """Look at what a set-up will train on; the same set-up is looked at once for all.

    Raises:
        DatasetUnavailable: There is nothing to look at.
    """
    return _look(key_of_rows(config), config)


# One for all sessions: a look never changes after it was made.
@st.cache_resource(show_spinner="Looking at the rows …", max_entries=20)
def _look(of_data: str, _config: RunConfig) -> Look:
    return look(_config)


def summary_of(spec: DatasetSpec) -> str:
    """Return what a dataset is in a sentence, as Markdown."""
    # What is said of an upload has its owner's words in it.
    return escaped(spec.summary) if spec.origin == "uploaded" else spec.summary


def facts_of(config: RunConfig) -> str:
    """Return the size of the data and how they are bent, in one line."""
    spec = config.spec
    facts = [f"{spec.num_samples:,} rows", _shape(spec)]
    if spec.num_classes:
        counts = " : ".join(f"{count:,}" for count in spec.class_counts)
        facts.append(f"{spec.num_classes} classes" + (f" ({counts})" if config.imbalance else ""))
    if config.noise and spec.default_noise is None:
        facts.append(f"noise {config.noise:g}")
    if config.label_noise:
        facts.append(f"{config.label_noise:.0%} wrong labels")
    if config.leak != "none":
        facts.append(f"leak: {config.leak}")
    return " · ".join(facts)


def source_of(spec: DatasetSpec) -> str:
    """Return where a dataset comes from and under which licence, as Markdown."""
    source = f"Source: {spec.source} Licence: {spec.licence}."
    return escaped(source) if spec.origin == "uploaded" else source


def describe(config: RunConfig, *, with_examples: bool = True) -> None:
    """Draw what a dataset is, some of its rows, and where it comes from."""
    st.markdown(summary_of(config.spec))
    st.caption(facts_of(config))
    if with_examples:
        _show_examples(config)
    st.caption(source_of(config.spec))


def days_of(table: pd.DataFrame) -> dict[str, Any]:
    """Return that dates are shown without the time of day where it is always midnight."""
    dates = table.select_dtypes("datetime")
    days = [str(name) for name in dates if _are_days(dates[name].dropna())]
    return dict.fromkeys(days, st.column_config.DateColumn())


def _are_days(moments: pd.Series) -> bool:
    return bool((moments == moments.dt.normalize()).all())


def _show_examples(config: RunConfig) -> None:
    spec = config.spec
    if not shows_rows(spec):
        st.info(ROWS_NOT_SHOWN)
        return
    try:
        arrays = look_at(config).arrays
    except DatasetUnavailable as error:
        st.info(str(error))
        return
    drawing = preview_figure(spec, arrays)
    if drawing is None:
        table = preview_table(spec, arrays)
        st.dataframe(table, hide_index=True, column_config=days_of(table))
    else:
        figure(drawing, label=f"Examples of {spec.title}", key="preview")


def _shape(spec: DatasetSpec) -> str:
    if spec.is_image:
        height, width, channels = spec.input_shape
        return f"{height} × {width} pixels" + (" in colour" if channels == 3 else "")
    (features,) = spec.input_shape
    if spec.vocabulary:
        return f"{features:,} of {spec.vocabulary:,} different words"
    return f"{features:,} feature{'s' if features > 1 else ''}"
