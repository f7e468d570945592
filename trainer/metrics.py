"""The table of metrics: what is watched beside the loss. Adding one is adding one entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trainer.datasets.spec import Task

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """One metric.

    Attributes:
        name: Key in the table and in the history (`name`, `val_name`).
        title: Shown to people.
        help: One sentence for a learner.
        tasks: The kinds of target it fits.
        better: Which direction is better.
        unit_interval: Whether its values lie in [0, 1].
        min_classes: With fewer classes it says nothing.
        build: Imports Keras and returns the metric for a kind of target.
    """

    name: str
    title: str
    help: str
    tasks: tuple[Task, ...]
    better: Literal["higher", "lower"]
    unit_interval: bool
    build: Callable[[Task], keras.metrics.Metric]
    min_classes: int = 0


def _keras_metric(
    class_name: str, name: str, **arguments: object
) -> Callable[[Task], keras.metrics.Metric]:
    def build(task: Task) -> keras.metrics.Metric:
        import keras

        return getattr(keras.metrics, class_name)(name=name, **arguments)

    return build


def _accuracy(task: Task) -> keras.metrics.Metric:
    class_name = "BinaryAccuracy" if task == "binary" else "SparseCategoricalAccuracy"
    return _keras_metric(class_name, "accuracy")(task)


_TABLE = (
    MetricSpec(
        name="accuracy",
        title="Accuracy",
        help="The share of rows whose class is predicted right.",
        tasks=("binary", "multiclass"),
        better="higher",
        unit_interval=True,
        build=_accuracy,
    ),
    MetricSpec(
        name="precision",
        title="Precision",
        help="Of the rows called positive, the share that are.",
        tasks=("binary",),
        better="higher",
        unit_interval=True,
        build=_keras_metric("Precision", "precision"),
    ),
    MetricSpec(
        name="recall",
        title="Recall",
        help="Of the rows that are positive, the share that is found.",
        tasks=("binary",),
        better="higher",
        unit_interval=True,
        build=_keras_metric("Recall", "recall"),
    ),
    MetricSpec(
        name="auc",
        title="ROC AUC",
        help="The chance that a positive row scores higher than a negative one; 0.5 is guessing.",
        tasks=("binary",),
        better="higher",
        unit_interval=True,
        build=_keras_metric("AUC", "auc"),
    ),
    MetricSpec(
        name="top_3_accuracy",
        title="Top-3 accuracy",
        help="The share of rows whose right class is among the three likeliest.",
        tasks=("multiclass",),
        better="higher",
        unit_interval=True,
        build=_keras_metric("SparseTopKCategoricalAccuracy", "top_3_accuracy", k=3),
        min_classes=4,  # of three classes the right one is always among three
    ),
    MetricSpec(
        name="mean_absolute_error",
        title="Mean absolute error",
        help="How far off the prediction is on average, in the target's own unit.",
        tasks=("regression",),
        better="lower",
        unit_interval=False,
        build=_keras_metric("MeanAbsoluteError", "mean_absolute_error"),
    ),
    MetricSpec(
        name="root_mean_squared_error",
        title="Root mean squared error",
        help="Like the mean error, but large misses weigh more.",
        tasks=("regression",),
        better="lower",
        unit_interval=False,
        build=_keras_metric("RootMeanSquaredError", "root_mean_squared_error"),
    ),
    MetricSpec(
        name="r2_score",
        title="R²",
        help="1 is perfect; 0 is no better than always predicting the mean.",
        tasks=("regression",),
        better="higher",
        unit_interval=False,
        build=_keras_metric("R2Score", "r2_score"),
    ),
)

METRICS: Mapping[str, MetricSpec] = {metric.name: metric for metric in _TABLE}


def metrics_for(task: Task, num_classes: int) -> tuple[MetricSpec, ...]:
    """Return the metrics that fit a kind of target, the default first.

    Args:
        task: The kind of target.
        num_classes: How many classes it has; 0 for regression.
    """
    return tuple(
        metric for metric in _TABLE if task in metric.tasks and num_classes >= metric.min_classes
    )
