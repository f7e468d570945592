"""The two networks that are trained, as anybody would write them and as the program has them."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from trainer.config import RunConfig
from trainer.counting import EvaluationCounts
from trainer.datasets import load
from trainer.datasets.spec import LoadOptions
from trainer.datasets.split import split
from trainer.evaluation.counters import Counter, class_counter
from trainer.evaluation.surface import Grid
from trainer.feeding import FedModel

SEED = 0
CNN_ROWS = 6_000
_CNN_BATCH = 64
_MANY = 1000


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Data and batch size; `build` makes its network.

    Attributes:
        name: "digits", "cnn", "table", "many" or "moons".
        x: Training features.
        y: Training targets, class indices.
        validation_data: Features and targets to validate on.
        batch_size: Rows per step.
        grid: Where a picture of it is drawn.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    validation_data: tuple[np.ndarray, np.ndarray]
    batch_size: int
    grid: Grid | None = None

    def build(
        self, model_class: type[keras.Model] = keras.Model, *, counted: bool = False
    ) -> keras.Model:
        """Return the compiled network; the same weights each time.

        Args:
            model_class: What it is made of.
            counted: Whether a metric counts its validation for an evaluation.
        """
        keras.utils.set_random_seed(SEED)
        inputs = keras.Input(self.x.shape[1:])
        networks = {
            "digits": _mlp,
            "cnn": _cnn,
            "table": _two_class_mlp,
            "many": _many_class_mlp,
            "moons": _deeper_mlp,
        }
        model = model_class(inputs, networks[self.name](inputs))
        is_binary = self.num_classes == 2
        counts = [EvaluationCounts(self.num_classes)] if counted else []
        model.compile(
            optimizer=keras.optimizers.Adam(learning_rate=0.001),
            loss="binary_crossentropy" if is_binary else "sparse_categorical_crossentropy",
            metrics=["accuracy", *counts],
        )
        return model

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return {"table": 2, "moons": 2, "many": _MANY}.get(self.name, 10)

    def counter(self) -> Counter:
        """Return what counts the rows of its validation, as the program does."""
        _, y = self.validation_data
        return class_counter(y.reshape(-1).astype(int), self.num_classes)


def problem(name: str) -> Problem:
    """Return the digits MLP's problem, as the form's defaults set it up, or one of the others."""
    if name == "table":
        return _table()
    if name == "many":
        return _many()
    if name == "moons":
        return _moons()
    config = RunConfig.create("digits")
    parts = split(
        load("digits", LoadOptions()),
        config.spec,
        test_split=0.0,
        validation_split=0.2,
        seed=config.seed,
    )
    if name == "digits":
        return Problem(
            name=name,
            x=parts.x_train,
            y=parts.y_train,
            validation_data=(parts.x_val, parts.y_val),
            batch_size=config.batch_size,
        )
    random = np.random.default_rng(SEED)
    chosen = random.integers(len(parts.x_train), size=CNN_ROWS)
    return Problem(
        name=name,
        x=_enlarged(parts.x_train[chosen], random),
        y=parts.y_train[chosen],
        validation_data=(_enlarged(parts.x_val, random), parts.y_val),
        batch_size=_CNN_BATCH,
    )


def fed(problem: Problem) -> tuple[FedModel, dict[str, object]]:
    """Return the network as the program trains it, and what its `fit` is called with."""
    from trainer.feeding import validation_batches

    model = problem.build(FedModel)
    assert isinstance(model, FedModel)
    orders = model.feed(problem.x, problem.y, batch_size=problem.batch_size, seed=SEED, num_logs=2)
    arguments = {
        "x": orders,
        "steps_per_epoch": 1,
        "validation_data": validation_batches(*problem.validation_data),
        "shuffle": False,
    }
    return model, arguments


def _mlp(inputs: keras.KerasTensor) -> keras.KerasTensor:
    # As `trainer.models.build` with the default RunConfig of digits.
    scaled = keras.layers.Rescaling(1 / RunConfig.create("digits").spec.pixel_scale)(inputs)
    hidden = keras.layers.Dense(64, activation="relu")(keras.layers.Flatten()(scaled))
    return keras.layers.Dense(10, activation="softmax")(hidden)


def _two_class_mlp(inputs: keras.KerasTensor) -> keras.KerasTensor:
    hidden = keras.layers.Dense(64, activation="relu")(inputs)
    return keras.layers.Dense(1, activation="sigmoid")(hidden)


def _many_class_mlp(inputs: keras.KerasTensor) -> keras.KerasTensor:
    hidden = keras.layers.Dense(64, activation="relu")(inputs)
    return keras.layers.Dense(_MANY, activation="softmax")(hidden)


def _deeper_mlp(inputs: keras.KerasTensor) -> keras.KerasTensor:
    return _two_class_mlp(keras.layers.Dense(64, activation="relu")(inputs))


def _moons() -> Problem:
    """Return two moons as the form sets them up."""
    config = RunConfig.create("moons")
    parts = config.split(load("moons", LoadOptions(noise=config.noise, seed=config.seed)))
    y_train, y_val = (y.astype("float32")[:, None] for y in (parts.y_train, parts.y_val))
    return Problem(
        name="moons",
        x=parts.x_train,
        y=y_train,
        validation_data=(parts.x_val, y_val),
        batch_size=config.batch_size,
        grid=Grid.over(config.spec, parts),
    )


def _table() -> Problem:
    """Return a table of 100,000 rows with two classes that overlap, a fifth to validate on."""
    random = np.random.default_rng(SEED)
    y = (random.random(100_000) < 0.2).astype("float32")[:, None]
    x = random.normal(0.4 * y, 1.0, (len(y), 20)).astype("float32")
    return Problem(
        name="table",
        x=x[:80_000],
        y=y[:80_000],
        validation_data=(x[80_000:], y[80_000:]),
        batch_size=256,
    )


def _many() -> Problem:
    """Return a table of 20,000 rows with 1,000 classes, a fifth to validate on."""
    random = np.random.default_rng(SEED)
    y = random.integers(_MANY, size=20_000)
    x = random.normal(random.normal(size=(_MANY, 32))[y], 1.0).astype("float32")
    return Problem(
        name="many",
        x=x[:16_000],
        y=y[:16_000],
        validation_data=(x[16_000:], y[16_000:]),
        batch_size=32,
    )


def _cnn(inputs: keras.KerasTensor) -> keras.KerasTensor:
    hidden = keras.layers.Conv2D(32, 3, activation="relu")(inputs)
    hidden = keras.layers.MaxPooling2D()(hidden)
    hidden = keras.layers.Conv2D(64, 3, activation="relu")(hidden)
    hidden = keras.layers.MaxPooling2D()(hidden)
    hidden = keras.layers.Flatten()(hidden)
    hidden = keras.layers.Dense(128, activation="relu")(hidden)
    return keras.layers.Dense(10, activation="softmax")(hidden)


def _enlarged(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return 28×28 pictures of the 8×8 digits, each with its own noise."""
    large = np.kron(images[..., 0] / 16, np.ones((3, 3)))
    large = np.pad(large, ((0, 0), (2, 2), (2, 2)))[..., None]
    return (large + random.normal(scale=0.1, size=large.shape)).astype("float32")
