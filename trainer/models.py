"""Builds and compiles the network that a RunConfig describes."""

from __future__ import annotations

import keras
import numpy as np

from trainer.config import RunConfig
from trainer.counting import EvaluationCounts, RegressionEvaluationCounts
from trainer.datasets.spec import DatasetSpec, Task
from trainer.feeding import FedModel
from trainer.losses import LOSSES
from trainer.metrics import METRICS

_OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "adamw": keras.optimizers.AdamW,
    "nadam": keras.optimizers.Nadam,
    "adagrad": keras.optimizers.Adagrad,
}


def build(config: RunConfig, *, target_range: tuple[float, float] = (0.0, 1.0)) -> FedModel:
    """Return the compiled network; its weights depend on `keras.utils.set_random_seed`.

    The input has the dataset's shape, the output one unit per class with softmax, one with a
    sigmoid for two classes, or a linear one for regression.

    Args:
        config: What to build.
        target_range: Smallest and largest target of a regression, for its evaluation.
    """
    spec = config.spec
    inputs = keras.Input(spec.input_shape)
    hidden = inputs
    if spec.is_image:
        if spec.pixel_scale != 1:
            hidden = keras.layers.Rescaling(1 / spec.pixel_scale)(hidden)
        hidden = keras.layers.Flatten()(hidden)
    for _ in range(config.hidden_layers):
        hidden = keras.layers.Dense(config.units, activation=config.activation)(hidden)
        if config.dropout:
            hidden = keras.layers.Dropout(config.dropout)(hidden)
    units, activation = {
        "binary": (1, "sigmoid"),
        "multiclass": (spec.num_classes, "softmax"),
        "regression": (1, "linear"),
    }[spec.task]
    outputs = keras.layers.Dense(units, activation=activation)(hidden)
    model = FedModel(inputs, outputs)
    model.compile(
        optimizer=_OPTIMIZERS[config.optimizer](learning_rate=config.learning_rate),
        loss=LOSSES[config.loss].build(spec.num_classes),
        metrics=[
            *(METRICS[name].build(spec.task) for name in config.metrics),
            evaluation_metric(spec, target_range),
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


def shaped_targets(y: np.ndarray, task: Task) -> np.ndarray:
    """Return targets in the shape of the output: a column, save for class indices of many classes.

    Args:
        y: Targets, shape `(num_rows,)`.
        task: Kind of target.
    """
    return y if task == "multiclass" else y.astype("float32").reshape(-1, 1)
