"""Runs with evaluations, the page that shows them, and what is read there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from playwright.sync_api import Locator, expect

from tests.browser.program import Program
from tests.browser.viewer import Viewer
from trainer.evaluation.counts import NUM_BINS, ClassCounts, Counts
from trainer.evaluation.packing import pack, unpack
from trainer.runs import Record, State
from trainer.store import Store


def with_counts(
    store: Store,
    epochs: Sequence[Counts | None],
    *,
    facts: dict[str, Any] | None = None,
    state: State = "finished",
) -> str:
    """Add a run with these counts, None for an epoch without, as a writer of others would."""
    claim = store.open_run(
        {"model": "somebody's"}, worker="a worker", origin="callback", name="counts"
    )
    records = [
        Record(
            kind="epoch",
            epoch=epoch,
            data={"loss": 1.0},
            evaluation=None if counts is None else pack(counts),
        )
        for epoch, counts in enumerate(epochs)
    ]
    store.write(
        claim,
        first_seq=1,
        records=records,
        epoch=len(epochs),
        facts=facts or {},
        state=state,
    )
    return claim.run_id


def counted(
    num_classes: int, rows: int, seed: int = 0, *, is_weighted: bool = False
) -> ClassCounts:
    """Count random scores, the way the worker does."""
    random = np.random.default_rng(seed)
    y_true = random.integers(0, num_classes, rows)
    scores = random.dirichlet(np.ones(num_classes), rows)
    scores[np.arange(rows), y_true] += 1
    scores /= 2
    weights = random.random(rows) if is_weighted else np.ones(rows)
    bins = np.floor(scores * 1000).astype(int)
    positives = np.zeros((num_classes, NUM_BINS))
    negatives = np.zeros((num_classes, NUM_BINS))
    confusion = np.zeros((num_classes, num_classes))
    for row, true in enumerate(y_true):
        for k in range(num_classes):
            (positives if k == true else negatives)[k, bins[row, k]] += weights[row]
        # One in five is taken for another class.
        confusion[true, (true + (row % 5 == 0)) % num_classes] += weights[row]
    return ClassCounts(positives=positives, negatives=negatives, confusion=confusion)


def newest_counts(program: Program, run_id: str) -> Any:
    """Return what was counted after a run's last epoch."""
    evaluation = program.store.evaluation(run_id)
    assert evaluation is not None
    return unpack(evaluation.counts)


def words(value: float) -> str:
    """Return a ratio as the page writes it."""
    if not np.isfinite(value):
        return "undefined"
    if 0 < abs(value) < 0.001:
        return np.format_float_positional(float(f"{value:.3g}"), trim="-")
    return f"{value:.3f}"


def cells_of(matrix: np.ndarray) -> list[str]:
    """Return whole counts as the cells of a matrix show them."""
    return [f"{count:g}" for count in matrix.ravel()]


def slider(viewer: Viewer, name: str) -> Locator:
    """Return the slider of the epoch or the threshold."""
    return viewer.page.get_by_test_id(f"{name}-slider")


def choose_class(viewer: Viewer, value: str) -> None:
    """Choose the class that counts as positive, or `all`."""
    viewer.page.get_by_test_id("positive-class").select_option(value)


def open_evaluation(viewer: Viewer, run_id: str) -> None:
    """Open the evaluate page of a run and wait for its counts."""
    viewer.open("/evaluate", run=run_id)
    expect(viewer.page.get_by_test_id("evaluation-rows")).not_to_be_empty()
