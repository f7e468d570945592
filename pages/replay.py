"""Early stopping replayed on a run that is over: where it would have ended, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.backend import store
from pages.live.component import live_marks
from trainer.metrics import METRICS
from trainer.runs import Run
from trainer.stopping_replay import Mode, Replay, replay

_MIN_EPOCHS = 3
_MAX_PATIENCE = 50
_PATIENCE = 5
_NONE = 0.0
_DELTAS = (_NONE, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)

History = Mapping[str, Sequence[float | None]]


def show_replay(run: Run) -> None:
    """Offer the sliders of early stopping for a run that is over, marked on its charts."""
    if not run.is_over or run.epoch < _MIN_EPOCHS:
        return
    if not st.toggle(
        "Replay early stopping",
        key=f"replay {run.run_id}",
        help="Marks on the curves where early stopping would have ended this run.",
    ):
        return
    history = store().history(run.run_id)
    # A fork has the epochs since its parent's only.
    names = [name for name in watchable(history) if len(history[name]) >= _MIN_EPOCHS]
    if names:
        _replay(run, history, names)


@st.fragment
def _replay(run: Run, history: History, names: Sequence[str]) -> None:
    first_epoch = run.parent.epoch + 1 if run.parent is not None else 0
    watched, patience_at, delta_at = st.columns(3)
    with watched:
        name = st.selectbox("Watched", names, format_func=words, key=f"watched {run.run_id}")
    mode = mode_of(name)
    assert mode is not None
    values = history[name]
    most = min(_MAX_PATIENCE, len(values) - 1)
    with patience_at:
        start = min(most, _PATIENCE)
        patience = st.slider("Patience, in epochs", 1, most, start, key=f"patience {run.run_id}")
    with delta_at:
        delta = st.select_slider(
            "Minimum change", _DELTAS, format_func="{:g}".format, key=f"delta {run.run_id}"
        )
    result = replay(values, mode=mode, patience=patience, min_delta=delta)
    st.markdown(told(result, history, name, seconds=run.seconds, first_epoch=first_epoch))
    live_marks(run.run_id, notes(result, name, first_epoch=first_epoch), key="replay_marks")


def watchable(history: History) -> tuple[str, ...]:
    """Return the logged values that early stopping could watch, the validation loss first."""
    names = [name for name in ("val_loss", *history) if name in history and mode_of(name)]
    return tuple(dict.fromkeys(names))


def mode_of(name: str) -> Mode | None:
    """Return whether a logged value is to fall or to rise; None if nobody knows."""
    base = name.removeprefix("val_")
    if base == "loss":
        return "min"
    better = METRICS[base].better if base in METRICS else None
    return {"lower": "min", "higher": "max"}.get(better or "")  # type: ignore[return-value]


def words(name: str) -> str:
    """Return what a logged value is called, e.g. "validation accuracy"."""
    base = name.removeprefix("val_")
    part = "training" if base == name else "validation"
    title = METRICS[base].title if base in METRICS else base
    return f"{part} {title if title.isupper() else title[:1].lower() + title[1:]}"


def told(
    result: Replay, history: History, name: str, *, seconds: float, first_epoch: int = 0
) -> str:
    """Return what early stopping would have done, in sentences with their numbers, as Markdown.

    Args:
        result: What it would have done.
        history: The run's logged values by epoch.
        name: The one that was watched.
        seconds: How long the run took.
        first_epoch: The 0-based epoch that the history begins with.
    """
    count = len(history[name])
    if result.stop_epoch is None:
        ended = f"It would not have ended before the last epoch, {first_epoch + count}."
    else:
        share = result.saved_epochs / count
        ended = (
            f"It would have ended after epoch **{first_epoch + result.stop_epoch + 1}** of "
            f"{first_epoch + count}: {result.saved_epochs} epoch"
            f"{'' if result.saved_epochs == 1 else 's'} saved, {share:.0%} of the time "
            f"({share * seconds:.1f} s)."
        )
    if result.restored_epoch is None or result.lost is None:
        return ended
    value = history[name][result.restored_epoch]
    assert value is not None
    lost = "which no epoch beats" if result.lost == 0 else f"{result.lost:.3g} behind the best"
    kept = (
        f"The weights of epoch **{first_epoch + result.restored_epoch + 1}** would have been "
        f"restored: {words(name)} {value:.4g}, {lost}."
    )
    return f"{ended} {kept}{_beside(history, name, result.restored_epoch)}"


def _beside(history: History, name: str, epoch: int) -> str:
    """Return how the other validated values are there, and how they are in the end."""
    others = [one for one in history if one.startswith("val_") and one != name and mode_of(one)]
    told = [
        f"{words(one)} {then:.4g}, in the end {last:.4g}"
        for one in others
        if (then := history[one][epoch]) is not None and (last := history[one][-1]) is not None
    ]
    return f" There: {'; '.join(told)}." if told else ""


def notes(result: Replay, name: str, *, first_epoch: int = 0) -> list[dict[str, Any]]:
    """Return what to mark on the charts: the end, and the epoch whose weights are restored."""
    found: list[dict[str, Any]] = []
    if result.stop_epoch is not None:
        found.append({"x": first_epoch + result.stop_epoch + 1, "text": "would stop"})
    if result.restored_epoch is not None:
        place = {"x": first_epoch + result.restored_epoch + 1, "text": "restored"}
        found.append({**place, "series": name})
    return found
