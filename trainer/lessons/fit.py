"""What one training showed, as the checks of the lessons read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.checkpoints import load_weights
from trainer.config import RunConfig
from trainer.errors import WeightsMissing
from trainer.evaluation.counts import ClassCounts, Counts
from trainer.evaluation.packing import unpack
from trainer.evaluation.summary import summary
from trainer.evaluation.thresholds import OneVersusRest
from trainer.inspections import Inspections
from trainer.store import Store


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """One training that is over.

    Attributes:
        run_id: The run.
        state: How it ended.
        message: What is said of it.
        config: Its set-up.
        epochs: Finished epochs.
        steps_per_epoch: Updates in each.
        history: Each logged value by epoch; None where it is not finite or not there.
        counts: What the last validation counted; None without one.
        test_counts: The same of the sealed test rows; None where they were not looked at.
        weights: The network's weights after the last epoch; empty where they were not kept.
    """

    run_id: str
    state: str
    message: str
    config: RunConfig
    epochs: int
    steps_per_epoch: int
    history: Mapping[str, Sequence[float | None]]
    counts: Counts | None
    test_counts: Counts | None
    weights: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, store: Store, run_id: str) -> Fit:
        """Return what the store and the data folder know of a run.

        Raises:
            RunNotFound: There is no such run.
            InvalidInput: It is none that this program set up.
        """
        run = store.run(run_id)
        evaluation = store.evaluation(run_id)
        asked = Inspections(store).of_run(run_id, "test")
        opened = [one.evaluation for one in asked if one.evaluation]
        try:
            weights = tuple(load_weights(run_id, "last").arrays)
        except WeightsMissing:
            weights = ()
        return cls(
            run_id=run_id,
            state=run.state,
            message=" ".join(filter(None, (run.message,))),
            config=RunConfig.from_dict(run.config),
            epochs=run.epoch,
            steps_per_epoch=run.steps_per_epoch or 0,
            history=store.history(run_id),
            counts=None if evaluation is None else unpack(evaluation.counts),
            test_counts=unpack(opened[-1].counts) if opened else None,
            weights=weights,
        )

    @property
    def updates(self) -> int:
        """Updates of the weights in all."""
        return self.epochs * self.steps_per_epoch

    def series(self, name: str) -> np.ndarray:
        """Return a logged value by epoch, float64 of shape `(epochs,)`; NaN where there is none."""
        return np.array(self.history[name], dtype=float)

    def last(self, name: str) -> float:
        """Return a logged value of the last epoch, to six digits."""
        return float(f"{self.series(name)[-1]:.6g}")

    def falls(self, name: str) -> bool:
        """Return whether a logged value fell from each epoch to the next."""
        return bool((np.diff(self.series(name)) < 0).all())

    def at(self, threshold: float) -> dict[str, Any]:
        """Return the summary of the last validation's counts at a threshold."""
        assert self.counts is not None
        return summary(self.counts, threshold=threshold)

    @property
    def test_accuracy(self) -> float:
        """Accuracy on the test rows, at 0.5."""
        assert self.test_counts is not None
        return float(summary(self.test_counts)["accuracy"])

    @property
    def outcomes(self) -> OneVersusRest:
        """The last validation's outcomes of the second of two classes, by threshold."""
        assert isinstance(self.counts, ClassCounts)
        return OneVersusRest.of(self.counts, 1)

    def cheapest(self, *, false_alarm: float, miss: float) -> tuple[float, float]:
        """Return the threshold with the lowest cost on the validation rows, and the cost a row.

        Of several, the middle one: costs are flat between two scores.
        """
        cost = self.outcomes.cost(false_alarm=false_alarm, miss=miss)
        steps = np.flatnonzero(cost == cost.min())
        return float(steps[len(steps) // 2] / 1000), float(cost.min())


def largest_difference(first: Fit, other: Fit) -> float | None:
    """Return how far apart the weights of two fits are at most; None if they cannot be compared."""
    if not first.weights or len(first.weights) != len(other.weights):
        return None
    pairs = zip(first.weights, other.weights, strict=True)
    return max(float(np.abs(a - b).max(initial=0.0)) for a, b in pairs)
