"""Asking a kept network once more: for the rows behind a cell, and for the sealed test rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from pages.backend import store
from pages.figures.examples import example_pictures, example_table
from pages.forms import escaped
from trainer.config import RunConfig
from trainer.datasets import LoadOptions, rows
from trainer.datasets.split import split_sizes
from trainer.errors import DatasetUnavailable
from trainer.evaluation.examples import rows_by_outcome, rows_in_cell
from trainer.evaluation.packing import unpack
from trainer.evaluation.summary import summary
from trainer.runs import Inspection, Run, Scores, Which

_MAX_EXAMPLES = 24
_LOOK_SECONDS = 0.5
_EPOCHS: Mapping[Which, str] = {"last": "Last epoch", "best": "Best epoch"}
_COMPARED = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "mcc": "Matthews correlation",
    "roc_auc": "ROC AUC",
    "mean_absolute_error": "Mean absolute error",
    "root_mean_squared_error": "Root mean squared error",
    "r2": "R²",
}


def show_examples(run: Run, config: RunConfig, cell: Mapping[str, Any] | None) -> None:
    """Show the validation rows behind a cell of the confusion matrix.

    Args:
        run: The run.
        config: What it trained.
        cell: `true` and `predicted`, class indices; or, for a class against the rest, `positive`,
            `threshold`, and `true` and `predicted` as 1 for the class and 0 for the rest. None
            before somebody has chosen a cell.
    """
    st.subheader("Examples", anchor=False)
    if cell is None:
        st.caption("Choose a cell of the matrix to see the validation rows behind it.")
        return
    if not run.is_over:
        st.caption("The rows behind a cell can be seen once the training has ended.")
        return
    which = _chosen_epoch("examples_of")
    _examples(run, config, cell, which)


@st.fragment(run_every=_LOOK_SECONDS)
def _waiting(number: int, run_id: str) -> None:
    """Look whether an inspection has ended, and then draw the whole page again."""
    found = [one for one in store().inspections(run_id, "validation") if one.number == number]
    found += [one for one in store().inspections(run_id, "test") if one.number == number]
    if found and found[0].state in ("done", "failed"):
        st.rerun()
    st.caption("The network is looked at once more …")


def _examples(run: Run, config: RunConfig, cell: Mapping[str, Any], which: Which) -> None:
    asked = [one for one in store().inspections(run.run_id, "validation") if one.which == which]
    if not asked:
        _waiting(store().ask_inspection(run.run_id, part="validation", which=which), run.run_id)
        return
    newest = asked[-1]
    if newest.state == "failed":
        st.info(escaped(newest.message))
        return
    if newest.evaluation is None:
        _waiting(newest.number, run.run_id)
        return
    scores = _scores(newest.number)
    names = config.spec.class_names
    places, sentence = _chosen(scores, cell, names)
    epoch = newest.evaluation.epoch + 1
    count = len(places)
    shown = f", the {_MAX_EXAMPLES} most confident first" if count > _MAX_EXAMPLES else ""
    st.markdown(
        f"**{count} validation row{'' if count == 1 else 's'}** {escaped(sentence)}, "
        f"after epoch {epoch}{shown}."
    )
    if count:
        _show_rows(config, scores, places[:_MAX_EXAMPLES])


def _chosen(
    scores: Scores, cell: Mapping[str, Any], names: tuple[str, ...]
) -> tuple[np.ndarray, str]:
    true, predicted = int(cell["true"]), int(cell["predicted"])
    if cell.get("positive") is None:
        places = rows_in_cell(
            scores.y_true, scores.y_score, true_class=true, predicted_class=predicted
        )
        return places, f"of class {names[true]} predicted as {names[predicted]}"
    positive, threshold = int(cell["positive"]), float(cell["threshold"])
    places = rows_by_outcome(
        scores.y_true,
        scores.y_score,
        positive_class=positive,
        threshold=threshold,
        is_positive=true == 1,
        is_called=predicted == 1,
    )
    name = names[positive]
    of_class = f"of class {name}" if true == 1 else f"not of class {name}"
    called = "called so" if predicted == 1 else "not called so"
    return places, f"{of_class} and {called} at the threshold {threshold:.3f}"


def _show_rows(config: RunConfig, scores: Scores, places: np.ndarray) -> None:
    spec = config.spec
    options = LoadOptions(noise=config.noise, seed=config.seed)
    try:
        arrays = rows(config.dataset, scores.rows[places], options)
    except DatasetUnavailable as error:
        st.info(escaped(str(error)))
        return
    best = scores.y_score[places].argmax(axis=1)
    certainty = scores.y_score[places, best]
    predicted = [spec.class_names[k] for k in best]
    if not spec.is_image:
        st.dataframe(
            example_table(spec, arrays, certainty.tolist(), predicted),
            hide_index=True,
            column_config={"score": st.column_config.NumberColumn(format="%.3f")},
        )
        return
    with st.container(horizontal=True, key="examples"):
        pictures = zip(example_pictures(spec, arrays), arrays.y, predicted, certainty, strict=True)
        for picture, true, guess, score in pictures:
            caption = f"{spec.class_names[true]} as {guess} ({score:.2f})"
            st.image(picture, caption=escaped(caption), width=96)


def show_test_set(run: Run, config: RunConfig) -> None:
    """Show the sealed test set: how to break the seal, or what was behind it."""
    st.subheader("Test set", anchor=False)
    _, _, num_test = split_sizes(
        config.spec.num_samples, config.test_split, config.validation_split
    )
    if not num_test:
        st.caption("This run kept no test rows: its test share is 0.")
        return
    openings = [one for one in store().inspections(run.run_id, "test") if one.state != "failed"]
    failed = [one for one in store().inspections(run.run_id, "test") if one.state == "failed"]
    st.caption(seal_words(len(openings), num_test))
    if not run.is_over:
        st.caption("The seal can be broken once the training has ended.")
        return
    if failed and not openings:
        st.info(escaped(failed[-1].message))
    for opening in openings:
        if opening.evaluation is None:
            _waiting(opening.number, run.run_id)
            return
    if openings:
        _show_gap(run, openings[-1])
    _offer_opening(run, is_first=not openings)


def seal_words(openings: int, num_test: int) -> str:
    """Return what is said of a test set that was opened so often."""
    if not openings:
        return f"{num_test:,} rows, sealed: nothing has looked at them yet."
    times = "once" if openings == 1 else f"{openings} times"
    return f"{num_test:,} rows. The seal was broken {times}."


def _offer_opening(run: Run, *, is_first: bool) -> None:
    label = "Break the seal" if is_first else "Open again"
    with st.popover(label, icon=":material/lock_open:"):
        st.markdown(
            "Look only when all tuning is done: whoever tunes on after that, tunes to the test "
            "rows, and their figures stop being honest. Every opening is counted."
        )
        which = _chosen_epoch("test_of")
        if st.button("Test it", type="primary", key="open_test"):
            store().ask_inspection(run.run_id, part="test", which=which)
            st.rerun()


def _chosen_epoch(key: str) -> Which:
    which: Which = st.segmented_control(
        "Network after the",
        list(_EPOCHS),
        format_func=_EPOCHS.__getitem__,
        default="last",
        required=True,
        key=key,
    )
    return which


def _show_gap(run: Run, opening: Inspection) -> None:
    assert opening.evaluation is not None
    tested = summary(unpack(opening.evaluation.counts))
    validation = store().evaluation(run.run_id, opening.evaluation.epoch)
    validated = {} if validation is None else summary(unpack(validation.counts))
    rows_ = []
    for name, title in _COMPARED.items():
        on_test, on_validation = (_number(part, name) for part in (tested, validated))
        if on_test is not None:
            gap = None if on_validation is None else on_test - on_validation
            rows_.append({"": title, "Validation": on_validation, "Test": on_test, "Gap": gap})
    when = datetime.fromtimestamp(opening.asked_at, UTC)
    st.dataframe(
        pd.DataFrame(rows_),
        hide_index=True,
        width="content",
        column_config={
            "Validation": st.column_config.NumberColumn(format="%.4f"),
            "Test": st.column_config.NumberColumn(format="%.4f"),
            "Gap": st.column_config.NumberColumn(format="%+.4f"),
        },
    )
    epoch = opening.evaluation.epoch + 1
    st.caption(f"{_EPOCHS[opening.which]} ({epoch}), opened {when:%Y-%m-%d %H:%M} UTC.")


def _number(part: Mapping[str, Any], name: str) -> float | None:
    value = part.get(name)
    if isinstance(value, list):  # one a class: their mean
        finite = [one for one in value if one is not None and math.isfinite(one)]
        return sum(finite) / len(finite) if finite else None
    return value


@st.cache_data(show_spinner=False, max_entries=20)
def _scores(number: int) -> Scores:
    return store().scores(number)
