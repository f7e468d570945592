"""Asking a kept network once more: for the rows behind a cell, and for the sealed test rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from pages.backend import store
from pages.figures.examples import example_pictures, example_table
from pages.forms import escaped
from pages.live.signs import watch_signs
from pages.pressing import pressed
from pages.privacy import ROWS_NOT_SHOWN, shows_rows
from trainer.config import RunConfig
from trainer.datasets import rows
from trainer.errors import DatasetUnavailable
from trainer.evaluation.examples import rows_by_outcome, rows_in_cell
from trainer.evaluation.packing import unpack
from trainer.evaluation.summary import summary
from trainer.inspections import Inspections
from trainer.openings import moment, openings, openings_before, seal_signs, told_openings
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
    "root_mean_squared_error": "RMS error",
    "r2": "R²",
}

# An error is in the target's unit, which may be small.
_IN_UNITS = ".5g"

# What of two classes is said of one of them.
_OF_ONE_CLASS = ("precision", "recall", "f1")


def show_examples(run: Run, config: RunConfig, cell: Mapping[str, Any] | None) -> None:
    """Show the validation rows behind a cell of the confusion matrix.

    Args:
        run: The run.
        config: What it trained.
        cell: The 0-based `epoch` it was chosen at, and `true` and `predicted`, class indices; or,
            for a class against the rest, `positive`, `threshold`, and `true` and `predicted` as 1
            for the class and 0 for the rest. None before somebody has chosen a cell.
    """
    st.header("Examples", anchor=False)
    if not run.is_over:
        st.caption("The rows behind a cell can be seen once the training has ended.")
        return
    if cell is None:
        st.caption("Choose a cell of the matrix to see the validation rows behind it.")
        return
    which = _chosen_epoch("examples_of")
    _examples(run, config, cell, which)


def _inspections() -> Inspections:
    return Inspections(store())


@st.fragment(run_every=_LOOK_SECONDS)
def _waiting(number: int, run_id: str) -> None:
    """Look whether an inspection has ended, and then draw the whole page again."""
    found = [one for one in _inspections().of_run(run_id, "validation") if one.number == number]
    found += [one for one in _inspections().of_run(run_id, "test") if one.number == number]
    # None is left where the run was taken up again elsewhere: then it trains on.
    if not found or found[0].state in ("done", "failed"):
        st.rerun()
    st.caption("The network is looked at once more …")


def _examples(run: Run, config: RunConfig, cell: Mapping[str, Any], which: Which) -> None:
    asked = [one for one in _inspections().of_run(run.run_id, "validation") if one.which == which]
    if not asked:
        _waiting(_inspections().ask(run.run_id, part="validation", which=which), run.run_id)
        return
    newest = asked[-1]
    if newest.state == "failed":
        st.info(escaped(newest.message))
        icon = ":material/refresh:"
        if pressed(st.button, "Try again", key="examples_again", of=run.run_id, icon=icon):
            _inspections().ask(run.run_id, part="validation", which=which)
            st.rerun()
        return
    if newest.evaluation is None:
        _waiting(newest.number, run.run_id)
        return
    scores = _scores(newest.number, newest.asked_at, store().url)
    names = config.spec.class_names
    places, sentence = _chosen(scores, cell, names)
    epoch = newest.evaluation.epoch + 1
    count = len(places)
    shown = ", the most confident first" if count > 1 else ""
    shown += f"; of them the first {_MAX_EXAMPLES}" if count > _MAX_EXAMPLES else ""
    st.markdown(
        f"**{count} validation row{'' if count == 1 else 's'}** {escaped(sentence)}, "
        f"after epoch {epoch}{shown}."
    )
    if cell["epoch"] + 1 != epoch:
        st.caption(
            f"The cell was chosen at epoch {cell['epoch'] + 1}; rows can be shown as the network "
            "of the last or the best epoch sees them."
        )
    if count:
        shown_places = places[:_MAX_EXAMPLES]
        verdicts = _verdicts(scores, shown_places, cell, names)
        _show_rows(config, scores.rows[shown_places], verdicts)


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


class _Verdicts(NamedTuple):
    """What the network says of some rows, in words, and the scores it says so by."""

    heading: str
    words: list[str]
    scores: list[float]


def _verdicts(
    scores: Scores, places: np.ndarray, cell: Mapping[str, Any], names: Sequence[str]
) -> _Verdicts:
    y_score = scores.y_score[places]
    if cell.get("positive") is None:
        best = y_score.argmax(axis=1)
        best_scores = y_score.max(axis=1).tolist()
        return _Verdicts("predicted", [names[k] for k in best], best_scores)
    # The rows were chosen by this class's score, whichever class has the highest one.
    positive = int(cell["positive"])
    words = f"{'called' if int(cell['predicted']) == 1 else 'not called'} {names[positive]}"
    return _Verdicts("outcome", [words] * len(places), y_score[:, positive].tolist())


def _show_rows(config: RunConfig, indices: np.ndarray, verdicts: _Verdicts) -> None:
    spec = config.spec
    if not shows_rows(spec):
        st.info(ROWS_NOT_SHOWN)
        return
    try:
        arrays = rows(
            config.unbent_spec,
            indices,
            config.load_options(),
            bend=config.bend,
            test_split=config.test_split,
        )
    except DatasetUnavailable as error:
        st.info(escaped(str(error)))
        return
    heading, words, scores = verdicts
    if not spec.is_image:
        st.dataframe(
            example_table(spec, arrays, scores, words, heading=heading),
            hide_index=True,
            column_config={"score": st.column_config.NumberColumn(format="%.3f")},
        )
        return
    between = " as " if heading == "predicted" else ", "
    with st.container(horizontal=True, key="examples"):
        pictures = zip(example_pictures(spec, arrays), arrays.y, words, scores, strict=True)
        for picture, true, said, score in pictures:
            caption = f"{spec.class_names[true]}{between}{said} ({score:.3f})"
            st.image(picture, caption=escaped(caption), width=96)


def show_test_set(run: Run, config: RunConfig) -> None:
    """Show the sealed test set: how to break the seal, or what was behind it."""
    st.header("Test set", anchor=False)
    _, _, num_test = config.split_sizes
    if not num_test:
        st.caption("This run kept no test rows: its test share is 0.")
        return
    asked = _inspections().of_run(run.run_id, "test")
    before = _openings_before(run)
    st.caption(seal_words(len(openings(asked)), num_test, before))
    if not run.is_over:
        st.caption("The seal can be broken once the training has ended.")
        return
    _show_openings(run, config, asked)
    # Somebody else may break it, or the same person in another tab.
    watch_signs(f"/api/runs/{run.run_id}/seal", seal_signs(asked), key="seal", near=True)


def _show_openings(run: Run, config: RunConfig, asked: Sequence[Inspection]) -> None:
    opened = openings(asked)
    if asked and asked[-1].state == "failed":
        st.info(escaped(asked[-1].message))
    done = [one for one in opened if one.evaluation is not None]
    if done:
        _show_gap(run, config, done[-1])
    if len(done) > 1:
        _list_openings(done)
    for opening in opened:
        if opening.evaluation is None:
            _waiting(opening.number, run.run_id)
            return
    if store().is_withheld(run.run_id):
        st.caption("The seal stays until what this run shows is recorded in its lesson.")
    elif store().person.may_change(run.owner):
        _offer_opening(run, is_first=not opened)
    else:
        st.caption("Only whoever started the run may break the seal, or the teacher.")


def show_seal(run: Run) -> None:
    """Say of a run whose test set was opened how often, wherever the run is shown."""
    opened = _inspections().num_openings(run.run_id)
    before = _openings_before(run)
    if opened or before:
        st.caption(f"Test set: {_broken_words(opened, before)}")


def _openings_before(run: Run) -> int:
    return openings_before(run, _inspections().num_openings, store().run)


def seal_words(count: int, num_test: int, before: int) -> str:
    """Return what is said of a test set.

    Args:
        count: How often it was opened on this run.
        num_test: Its rows.
        before: How often it was opened on the runs that this one was forked from.
    """
    if not count and not before:
        return f"{num_test:,} rows, sealed: no figure of this run comes from them."
    broken = _broken_words(count, before)
    return f"{num_test:,} rows. {broken[0].upper()}{broken[1:]}"


def _broken_words(count: int, before: int) -> str:
    origin = "on what it was forked from"
    if not count:
        return f"sealed on this run, but the seal was broken {_times(before)} {origin}."
    there = f", and {_times(before)} {origin}" if before else ""
    return f"the seal was broken {_times(count)}{there}."


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _offer_opening(run: Run, *, is_first: bool) -> None:
    label = "Break the seal" if is_first else "Open again"
    with st.popover(label, icon=":material/lock_open:"):
        st.markdown(
            "Look only when all tuning is done: whoever tunes on after that, tunes to the test "
            "rows, and their figures stop being honest. Every opening is counted."
        )
        which = _chosen_epoch("test_of")
        if pressed(st.button, "Test it", key="open_test", of=run.run_id, type="primary"):
            _inspections().ask(run.run_id, part="test", which=which)
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


def _show_gap(run: Run, config: RunConfig, opening: Inspection) -> None:
    assert opening.evaluation is not None
    tested = summary(unpack(opening.evaluation.counts))
    validation = store().evaluation(run.run_id, opening.evaluation.epoch)
    validated = {} if validation is None else summary(unpack(validation.counts))
    positive = config.spec.class_names[tested["class"]] if "class" in tested else None
    rows_ = []
    for name, title in _COMPARED.items():
        on_test, on_validation = (_number(part, name) for part in (tested, validated))
        if on_test is None:
            continue
        gap = None if on_validation is None else on_test - on_validation
        if isinstance(tested[name], list):
            title = f"{title} (mean)"
        elif positive is not None and name in _OF_ONE_CLASS:
            title = f"{title} of {positive}"
        rows_.append({"": title, "Validation": on_validation, "Test": on_test, "Gap": gap})
    digits = ".4f" if "accuracy" in tested else _IN_UNITS
    shown = st.column_config.NumberColumn(format=f"%{digits}")
    st.dataframe(
        pd.DataFrame(rows_),
        hide_index=True,
        width="content",
        column_config={
            "Validation": shown,
            "Test": shown,
            "Gap": st.column_config.NumberColumn(format=f"%+{digits}"),
        },
    )
    at = ""
    if positive is not None:
        at = f", at threshold {tested['threshold']:.3f} for {positive}"
    elif "accuracy" in tested:
        at = ", each mean is the mean of the classes"
    epoch = f"{_EPOCHS[opening.which]} ({opening.evaluation.epoch + 1})"
    st.caption(escaped(f"{epoch}{at}; opened {moment(opening.asked_at)}."))


def _list_openings(done: Sequence[Inspection]) -> None:
    """List every opening with its main figure, the newest first."""
    rows_ = []
    for opening in reversed(told_openings(done)):
        name, value = next(iter(opening["evaluation"].items()))
        rows_.append(
            {
                "Opened": moment(opening["opened_at"]),
                "Network after the": f"{_EPOCHS[opening['which']].lower()} ({opening['epoch']})",
                _COMPARED[name]: value,
            }
        )
    digits = ".4f" if name == "accuracy" else _IN_UNITS
    st.caption("Every opening:")
    st.dataframe(
        pd.DataFrame(rows_),
        hide_index=True,
        width="content",
        column_config={_COMPARED[name]: st.column_config.NumberColumn(format=f"%{digits}")},
    )


def _number(part: Mapping[str, Any], name: str) -> float | None:
    value = part.get(name)
    if isinstance(value, list):  # one a class: their mean
        finite = [one for one in value if one is not None and math.isfinite(one)]
        return sum(finite) / len(finite) if finite else None
    return value


@st.cache_data(show_spinner=False, max_entries=20)
def _scores(number: int, asked_at: float, url: str) -> Scores:
    # Numbers are unique within one store only, and one that was deleted gives its number away.
    return _inspections().scores(number)
