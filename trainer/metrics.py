"""The table of metrics: what is watched beside the loss. Adding one is adding one entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trainer.calls import Call, Name, Own
from trainer.datasets.spec import FORMS, DatasetSpec, Targets, Task


@dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """One metric.

    Attributes:
        name: Key in the table and in the history (`name`, `val_name`).
        title: Shown to people.
        help: One sentence for a learner.
        better: Which direction is better; None where nobody can say.
        unit_interval: Whether its values lie in [0, 1].
        calls: Keras' metric without its name, by the form that the targets have. The network
            itself goes by the name `model` there.
        min_classes: With fewer classes it says nothing.
        one_input: Whether it makes sense for a network with one number as its input only.
    """

    name: str
    title: str
    help: str
    better: Literal["higher", "lower"] | None
    unit_interval: bool
    calls: Mapping[Targets, Call]
    min_classes: int = 0
    one_input: bool = False

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The kinds of target it fits."""
        return tuple(task for task, forms in FORMS.items() if set(forms) & set(self.calls))

    def fits(self, spec: DatasetSpec) -> bool:
        """Return whether it fits a dataset."""
        return (
            spec.task in self.tasks
            and spec.num_classes >= self.min_classes
            and (spec.input_shape == (1,) or not self.one_input)
        )

    def call(self, targets: Targets) -> Call:
        """Return Keras' metric for targets of this form, one of those it has a call for."""
        return self.calls[targets].having(name=self.name)

    def build(self, targets: Targets, *, model: Any = None) -> Any:
        """Import Keras and return the metric.

        Args:
            targets: The form of the targets.
            model: The network, for a metric that looks at it.
        """
        return self.call(targets).make({"model": model})


_TABLE = (
    MetricSpec(
        name="accuracy",
        title="Accuracy",
        help="The share of rows whose class is predicted right.",
        better="higher",
        unit_interval=True,
        calls={
            "binary": Call("metrics.BinaryAccuracy"),
            "index": Call("metrics.SparseCategoricalAccuracy"),
            "one_hot": Call("metrics.CategoricalAccuracy"),
        },
    ),
    MetricSpec(
        name="precision",
        title="Precision",
        help="Of the rows called positive, the share that are.",
        better="higher",
        unit_interval=True,
        calls={"binary": Call("metrics.Precision")},
    ),
    MetricSpec(
        name="recall",
        title="Recall",
        help="Of the rows that are positive, the share that is found.",
        better="higher",
        unit_interval=True,
        calls={"binary": Call("metrics.Recall")},
    ),
    MetricSpec(
        name="f1",
        title="F1",
        help="Precision and recall in one number, high only if both are; "
        "of many classes, the mean over them.",
        better="higher",
        unit_interval=True,
        calls={
            "binary": Call("metrics.F1Score", average="macro", threshold=0.5),
            "one_hot": Call("metrics.F1Score", average="macro"),
        },
    ),
    MetricSpec(
        name="auc",
        title="ROC AUC",
        help="The chance that a positive row scores higher than a negative one; 0.5 is guessing.",
        better="higher",
        unit_interval=True,
        calls={"binary": Call("metrics.AUC")},
    ),
    MetricSpec(
        name="pr_auc",
        title="PR AUC",
        help="The area under precision over recall; the share of positives is guessing. "
        "Telling where positives are rare.",
        better="higher",
        unit_interval=True,
        calls={"binary": Call("metrics.AUC", curve="PR")},
    ),
    MetricSpec(
        name="top_3_accuracy",
        title="Top-3 accuracy",
        help="The share of rows whose right class is among the three likeliest.",
        better="higher",
        unit_interval=True,
        calls={
            "index": Call("metrics.SparseTopKCategoricalAccuracy", k=3),
            "one_hot": Call("metrics.TopKCategoricalAccuracy", k=3),
        },
        min_classes=4,  # of three classes the right one is always among three
    ),
    MetricSpec(
        name="mean_absolute_error",
        title="Mean absolute error",
        help="How far off the prediction is on average, in the target's own unit.",
        better="lower",
        unit_interval=False,
        calls={"number": Call("metrics.MeanAbsoluteError")},
    ),
    MetricSpec(
        name="root_mean_squared_error",
        title="Root mean squared error",
        help="Like the mean error, but large misses weigh more.",
        better="lower",
        unit_interval=False,
        calls={"number": Call("metrics.RootMeanSquaredError")},
    ),
    MetricSpec(
        name="r2_score",
        title="R²",
        help="1 is perfect; 0 is no better than always predicting the mean.",
        better="higher",
        unit_interval=False,
        calls={"number": Call("metrics.R2Score")},
    ),
    MetricSpec(
        name="area_under_line",
        title="Area under the line",
        help="The area under the fitted line between 0 and 1. Training does not look at it: "
        "it may rise and fall while the loss only falls.",
        better=None,
        unit_interval=False,
        calls={"number": Call(Own("trainer.area", "AreaUnderLine"), Name("model"))},
        one_input=True,
    ),
)

METRICS: Mapping[str, MetricSpec] = {metric.name: metric for metric in _TABLE}


def metrics_for(spec: DatasetSpec) -> tuple[MetricSpec, ...]:
    """Return the metrics that fit a dataset, the default first."""
    return tuple(metric for metric in _TABLE if metric.fits(spec))
