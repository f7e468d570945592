"""What a config asks of `compile()` and `fit()`, as calls of Keras."""

from __future__ import annotations

from collections.abc import Mapping

from trainer.calls import Call, Own
from trainer.choices import NONE, direction_of
from trainer.config import RunConfig
from trainer.losses import LOSSES
from trainer.metrics import METRICS

_OPTIMIZERS: Mapping[str, str] = {
    "adam": "optimizers.Adam",
    "sgd": "optimizers.SGD",
    "rmsprop": "optimizers.RMSprop",
    "adamw": "optimizers.AdamW",
    "nadam": "optimizers.Nadam",
    "adagrad": "optimizers.Adagrad",
}


def optimizer_call(config: RunConfig) -> Call:
    """Return Keras' optimizer with its learning rate, or with a schedule by step."""
    rate: float | Call = config.learning_rate
    steps = config.steps_per_epoch
    if config.schedule == "cosine":
        rate = Call("optimizers.schedules.CosineDecay", rate, config.epochs * steps)
    elif config.schedule != "constant":
        rate = Call(
            "optimizers.schedules.ExponentialDecay",
            rate,
            decay_steps=config.decay_epochs * steps,
            decay_rate=config.decay_rate,
            staircase=config.schedule == "step",
        )
    if config.warmup_epochs:
        rate = Call(Own("trainer.warm_up", "WarmUp"), rate, config.warmup_epochs * steps)
    return Call(_OPTIMIZERS[config.optimizer], learning_rate=rate)


def is_scheduled(config: RunConfig) -> bool:
    """Return whether the learning rate changes from step to step."""
    return config.schedule != "constant" or config.warmup_epochs > 0


def loss_call(config: RunConfig) -> Call:
    """Return Keras' loss."""
    loss = LOSSES[config.loss]
    return loss.call(config.targets, label_smoothing=config.label_smoothing)


def metric_calls(config: RunConfig) -> list[Call]:
    """Return Keras' metrics; one that looks at the network knows it as `model`."""
    return [METRICS[name].call(config.targets) for name in config.metrics]


def early_stopping_call(config: RunConfig) -> Call | None:
    """Return Keras' callback that ends the training early; None where none is asked for."""
    if config.early_stopping == NONE:
        return None
    mode = config.direction
    return Call(
        "callbacks.EarlyStopping",
        config.early_stopping,
        mode=direction_of(config.early_stopping) if mode == "auto" else mode,
        patience=config.patience,
        min_delta=config.min_delta,
        restore_best_weights=config.restore_best,
    )
