"""The table of losses: what training can minimise. Adding one is adding one entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.datasets.spec import Task

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class LossSpec:
    """One loss.

    Attributes:
        name: Key in the table; Keras' own name where there is one.
        title: Shown to people.
        help: One sentence for a learner.
        tasks: The kinds of target it fits.
        build: Imports Keras and returns the loss for `num_classes` classes (0 for regression).
    """

    name: str
    title: str
    help: str
    tasks: tuple[Task, ...]
    build: Callable[[int], keras.losses.Loss]


def _keras_loss(class_name: str) -> Callable[[int], keras.losses.Loss]:
    def build(num_classes: int) -> keras.losses.Loss:
        import keras

        return getattr(keras.losses, class_name)()

    return build


def _mean_squared_error(num_classes: int) -> keras.losses.Loss:
    import keras

    if num_classes <= 2:
        return keras.losses.MeanSquaredError()

    class OneHotMeanSquaredError(keras.losses.Loss):
        """Mean squared error against one-hot targets; `y_true` holds class indices."""

        def call(self, y_true, y_pred):  # type: ignore[no-untyped-def]
            y_true = keras.ops.reshape(y_true, (-1,))
            one_hot = keras.ops.one_hot(y_true, num_classes, dtype=y_pred.dtype)
            return keras.ops.mean(keras.ops.square(one_hot - y_pred), axis=-1)

    return OneHotMeanSquaredError(name="mean_squared_error")


_TABLE = (
    LossSpec(
        name="sparse_categorical_crossentropy",
        title="Cross-entropy",
        help="How surprised the model is by the right class; confident mistakes cost most.",
        tasks=("multiclass",),
        build=_keras_loss("SparseCategoricalCrossentropy"),
    ),
    LossSpec(
        name="binary_crossentropy",
        title="Binary cross-entropy",
        help="How surprised the model is by the right answer, yes or no.",
        tasks=("binary",),
        build=_keras_loss("BinaryCrossentropy"),
    ),
    LossSpec(
        name="mean_squared_error",
        title="Mean squared error",
        help="The mean squared difference; one large miss weighs more than many small ones.",
        tasks=("regression", "binary", "multiclass"),
        build=_mean_squared_error,
    ),
    LossSpec(
        name="mean_absolute_error",
        title="Mean absolute error",
        help="The mean size of the differences, in the target's own unit.",
        tasks=("regression",),
        build=_keras_loss("MeanAbsoluteError"),
    ),
    LossSpec(
        name="huber",
        title="Huber",
        help="Squared for small differences, absolute for large ones: calm about outliers.",
        tasks=("regression",),
        build=_keras_loss("Huber"),
    ),
    LossSpec(
        name="log_cosh",
        title="Log-cosh",
        help="Like the Huber loss, but smooth everywhere.",
        tasks=("regression",),
        build=_keras_loss("LogCosh"),
    ),
    LossSpec(
        name="binary_focal_crossentropy",
        title="Binary focal cross-entropy",
        help="Cross-entropy that cares less about rows it already gets right; for rare positives.",
        tasks=("binary",),
        build=_keras_loss("BinaryFocalCrossentropy"),
    ),
)

LOSSES: Mapping[str, LossSpec] = {loss.name: loss for loss in _TABLE}


def losses_for(task: Task) -> tuple[LossSpec, ...]:
    """Return the losses that fit a kind of target, the default first."""
    return tuple(loss for loss in _TABLE if task in loss.tasks)
