"""What a config asks of `compile()` and `fit()`; learning rates against hand-worked ones."""

from __future__ import annotations

import math

import keras
import pytest

from trainer.calls import Call, Name, Own
from trainer.compiling import early_stopping_call, optimizer_call
from trainer.config import RunConfig

# 256 rows in batches of 32: 8 steps an epoch.
STEPS = 8


def rates(**choices: object) -> list[float]:
    """Return the learning rate of each step of 4 epochs."""
    config = RunConfig.create(
        "moons", epochs=4, batch_size=32, optimizer="sgd", learning_rate=0.5, **choices
    )
    assert config.steps_per_epoch == STEPS
    optimizer = optimizer_call(config).make()
    weight = keras.Variable(0.0)
    optimizer.build([weight])
    found = []
    for _ in range(4 * STEPS):
        before = float(weight)
        optimizer.apply_gradients([(keras.ops.ones(()), weight)])
        found.append(before - float(weight))
    return found


@pytest.mark.parametrize(
    ("choices", "rate"),
    [
        ({}, lambda step: 0.5),
        (
            {"schedule": "cosine"},
            lambda step: 0.25 * (1 + math.cos(math.pi * step / (4 * STEPS))),
        ),
        (
            {"schedule": "exponential", "decay_rate": 0.1, "decay_epochs": 2},
            lambda step: 0.5 * 0.1 ** (step / (2 * STEPS)),
        ),
        (
            {"schedule": "step", "decay_rate": 0.1, "decay_epochs": 2},
            lambda step: 0.5 * 0.1 ** (step // (2 * STEPS)),
        ),
        ({"warmup_epochs": 2}, lambda step: 0.5 * min(1, (step + 1) / (2 * STEPS))),
        (
            {"warmup_epochs": 1, "schedule": "step", "decay_rate": 0.1, "decay_epochs": 2},
            lambda step: 0.5 * min(1, (step + 1) / STEPS) * 0.1 ** (step // (2 * STEPS)),
        ),
    ],
    ids=["constant", "cosine", "exponential", "step", "warm-up", "warm-up, then step"],
)
def test_the_learning_rate_of_each_step_is_what_the_schedule_says(choices, rate):
    expected = [rate(step) for step in range(4 * STEPS)]
    assert rates(**choices) == pytest.approx(expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(
    ("monitor", "direction", "mode"),
    [
        ("val_loss", "auto", "min"),
        ("val_accuracy", "auto", "max"),
        ("accuracy", "min", "min"),
        ("loss", "max", "max"),
    ],
)
def test_early_stopping_knows_its_direction_from_the_table_or_the_choice(monitor, direction, mode):
    config = RunConfig.create("moons", early_stopping=monitor, direction=direction, patience=3)
    stopping = early_stopping_call(config).make()
    assert isinstance(stopping, keras.callbacks.EarlyStopping)
    assert (stopping.monitor, stopping.mode, stopping.patience) == (monitor, mode, 3)


def test_without_early_stopping_there_is_none():
    assert early_stopping_call(RunConfig.create("moons")) is None


def test_a_call_is_made_as_it_is_written():
    call = Call(
        "layers.Dense",
        3,
        activation="relu",
        kernel_regularizer=Call("regularizers.L1L2", l2=0.5),
    )
    layer = call.make()
    written = eval(call.code(), {"keras": keras})
    assert layer.units == written.units == 3
    assert layer.kernel_regularizer.l2 == written.kernel_regularizer.l2 == pytest.approx(0.5)
    assert call.code() == (
        'keras.layers.Dense(3, activation="relu", '
        "kernel_regularizer=keras.regularizers.L1L2(l2=0.5))"
    )


def test_a_call_names_the_classes_of_our_own_and_the_variables_it_needs():
    own = Own("trainer.warm_up", "WarmUp")
    call = Call("optimizers.SGD", learning_rate=Call(own, Name("rate"), 4))
    assert call.code() == "keras.optimizers.SGD(learning_rate=WarmUp(rate, 4))"
    assert call.own_parts() == {own}
    assert float(call.make({"rate": 1.0}).learning_rate) == 0.25
