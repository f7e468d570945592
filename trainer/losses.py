"""The table of losses: what training can minimise. Adding one is adding one entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainer.calls import Call
from trainer.datasets.spec import FORMS, Targets, Task


@dataclass(frozen=True, kw_only=True)
class LossSpec:
    """One loss.

    Attributes:
        name: Key in the table; Keras' own name where there is one.
        title: Shown to people.
        help: One sentence for a learner.
        calls: Keras' loss, by the form that the targets have.
        smooths: Whether it can smooth the labels.
    """

    name: str
    title: str
    help: str
    calls: Mapping[Targets, Call]
    smooths: bool = False

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The kinds of target it fits."""
        return tuple(task for task, forms in FORMS.items() if set(forms) & set(self.calls))

    def call(self, targets: Targets, *, label_smoothing: float = 0.0) -> Call:
        """Return Keras' loss for targets of this form.

        Args:
            targets: One of those it has a call for.
            label_smoothing: The share of each label that is given to all classes alike.
        """
        smoothed = {"label_smoothing": label_smoothing} if label_smoothing else {}
        return self.calls[targets].having(**smoothed)

    def build(self, targets: Targets, *, label_smoothing: float = 0.0) -> Any:
        """Import Keras and return the loss."""
        return self.call(targets, label_smoothing=label_smoothing).make()


_SQUARED = Call("losses.MeanSquaredError")

_TABLE = (
    LossSpec(
        name="sparse_categorical_crossentropy",
        title="Cross-entropy",
        help="How surprised the model is by the right class; confident mistakes cost most.",
        calls={
            "index": Call("losses.SparseCategoricalCrossentropy"),
            "one_hot": Call("losses.CategoricalCrossentropy"),
        },
        smooths=True,
    ),
    LossSpec(
        name="binary_crossentropy",
        title="Binary cross-entropy",
        help="How surprised the model is by the right answer, yes or no.",
        calls={"binary": Call("losses.BinaryCrossentropy")},
        smooths=True,
    ),
    LossSpec(
        name="mean_squared_error",
        title="Mean squared error",
        help="The mean squared difference; one large miss weighs more than many small ones.",
        calls={"number": _SQUARED, "binary": _SQUARED, "one_hot": _SQUARED},
    ),
    LossSpec(
        name="mean_absolute_error",
        title="Mean absolute error",
        help="The mean size of the differences, in the target's own unit.",
        calls={"number": Call("losses.MeanAbsoluteError")},
    ),
    LossSpec(
        name="huber",
        title="Huber",
        help="Squared for small differences, absolute for large ones: calm about outliers.",
        calls={"number": Call("losses.Huber")},
    ),
    LossSpec(
        name="log_cosh",
        title="Log-cosh",
        help="Like the Huber loss, but smooth everywhere.",
        calls={"number": Call("losses.LogCosh")},
    ),
    LossSpec(
        name="binary_focal_crossentropy",
        title="Binary focal cross-entropy",
        help="Cross-entropy that cares less about rows it already gets right; for rare positives.",
        calls={"binary": Call("losses.BinaryFocalCrossentropy")},
        smooths=True,
    ),
    LossSpec(
        name="categorical_focal_crossentropy",
        title="Focal cross-entropy",
        help="Cross-entropy that cares less about rows it already gets right; for rare classes.",
        # Keras' own alpha of 0.25 would make all of it, and so each update, four times smaller.
        calls={"one_hot": Call("losses.CategoricalFocalCrossentropy", alpha=1.0)},
        smooths=True,
    ),
)

LOSSES: Mapping[str, LossSpec] = {loss.name: loss for loss in _TABLE}


def losses_for(task: Task) -> tuple[LossSpec, ...]:
    """Return the losses that fit a kind of target, the default first."""
    return tuple(loss for loss in _TABLE if task in loss.tasks)
