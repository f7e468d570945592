"""Builds and compiles the network that a RunConfig describes."""

from __future__ import annotations

import numpy as np

from trainer.compiling import loss_call, metric_calls, optimizer_call
from trainer.config import RunConfig
from trainer.counting import EvaluationCounts, RegressionEvaluationCounts
from trainer.datasets.spec import DatasetSpec, Task
from trainer.feeding import FedModel
from trainer.network import network


def build(config: RunConfig, *, target_range: tuple[float, float] = (0.0, 1.0)) -> FedModel:
    """Return the compiled network; its weights depend on `keras.utils.set_random_seed`.

    The input has the dataset's shape, the output one unit per class with softmax, one with a
    sigmoid for two classes, or a linear one for regression.

    Args:
        config: What to build.
        target_range: Smallest and largest target of a regression, for its evaluation.
    """
    inputs, *layers = (part.call.make() for part in network(config))
    outputs = inputs
    for layer in layers:
        outputs = layer(outputs)
    model = FedModel(inputs, outputs)
    model.compile(
        optimizer=optimizer_call(config).make(),
        loss=loss_call(config).make(),
        metrics=[
            *(call.make({"model": model}) for call in metric_calls(config)),
            evaluation_metric(config.spec, target_range),
        ],
    )
    return model


def evaluation_metric(
    spec: DatasetSpec, target_range: tuple[float, float]
) -> EvaluationCounts | RegressionEvaluationCounts:
    """Return the metric that counts what such a network's evaluation is made of."""
    if spec.task == "regression":
        return RegressionEvaluationCounts(*target_range)
    return EvaluationCounts(spec.num_classes)


def target_range(y: np.ndarray, task: Task) -> tuple[float, float]:
    """Return the smallest and the largest target; a little more where all are the same.

    Args:
        y: Targets, shape `(num_rows,)`.
        task: Kind of target; only those of a regression have a range that matters.
    """
    if task != "regression":
        return 0.0, 1.0
    low, high = float(y.min()), float(y.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def shaped_targets(y: np.ndarray, task: Task, *, one_hot: int = 0) -> np.ndarray:
    """Return targets in the shape of the output: a column, save for class indices of many classes.

    Args:
        y: Targets, shape `(num_rows,)`.
        task: Kind of target.
        one_hot: The number of classes, where many classes are to be one-hot instead.
    """
    if task != "multiclass":
        return y.astype("float32").reshape(-1, 1)
    return np.eye(one_hot, dtype="float32")[y] if one_hot else y
