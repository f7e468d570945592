"""Builds and compiles the network that a RunConfig describes."""

from __future__ import annotations

import numpy as np

from trainer.compiling import loss_call, metric_calls, optimizer_call
from trainer.config import RunConfig
from trainer.datasets.spec import DatasetSpec, Task
from trainer.evaluation.counters import Counter, class_counter, regression_counter
from trainer.feeding import FedModel
from trainer.network import network


def build(config: RunConfig) -> FedModel:
    """Return the compiled network; its weights depend on `keras.utils.set_random_seed`.

    The input has the dataset's shape, the output one unit per class with softmax, one with a
    sigmoid for two classes, or a linear one for regression.
    """
    inputs, *layers = (part.call.make() for part in network(config))
    outputs = inputs
    for layer in layers:
        outputs = layer(outputs)
    model = FedModel(inputs, outputs)
    model.compile(
        optimizer=optimizer_call(config).make(),
        loss=loss_call(config).make(),
        metrics=[call.make({"model": model}) for call in metric_calls(config)],
    )
    return model


def evaluation_counter(spec: DatasetSpec, y: np.ndarray, y_unsealed: np.ndarray) -> Counter:
    """Return what counts the rows of an evaluation.

    Args:
        spec: The dataset.
        y: Their targets, shape `(num_rows,)`.
        y_unsealed: All targets but those of the test set, which a regression's bins span.
    """
    if spec.task != "regression":
        return class_counter(y, spec.num_classes)
    low, high = float(y_unsealed.min()), float(y_unsealed.max())
    # All may be the same.
    low, high = (low, high) if low < high else (low - 0.5, high + 0.5)
    return regression_counter(y, low, high)


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
