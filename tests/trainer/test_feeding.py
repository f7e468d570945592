"""The fast way to feed `fit()` computes what plain Keras computes.

The oracle is plain Keras: a `keras.Model` with the same first weights that is given the same
rows in the same order, one epoch after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import pytest

from trainer.feeding import FedModel, validation_batches

ROWS, FEATURES, CLASSES, SEED = 50, 6, 3, 7


def classification_rows(rows: int = ROWS, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, FEATURES)).astype("float32")
    return x, np.argmax(x[:, :CLASSES], axis=1).astype("int32")


def network(
    kind: type[keras.Model], *, dropout: float = 0.0, optimizer: str = "adam", metrics: bool = True
) -> keras.Model:
    keras.utils.set_random_seed(SEED)
    inputs = keras.Input((FEATURES,))
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    if dropout:
        hidden = keras.layers.Dropout(dropout)(hidden)
    model = kind(inputs, keras.layers.Dense(CLASSES, activation="softmax")(hidden))
    model.compile(
        optimizer=keras.optimizers.get(
            {"class_name": optimizer, "config": {"learning_rate": 0.01}}
        ),
        loss="sparse_categorical_crossentropy",
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")] if metrics else [],
    )
    return model


class Fed:
    """A fit of a `FedModel`: its history, its weights and what each step logged."""

    def __init__(
        self,
        model: FedModel,
        x: np.ndarray,
        y: np.ndarray,
        *,
        batch_size: int,
        epochs: int,
        seed: int = SEED,
        num_logs: int = 2,
        validation: tuple[np.ndarray, np.ndarray] | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        self.model = model
        self.steps: list[tuple[int, list[str], np.ndarray]] = []
        self.names: list[str] = []
        self.epochs: list[np.ndarray] = []
        orders = model.feed(x, y, batch_size=batch_size, seed=seed, num_logs=num_logs)
        self.orders = [np.array(order) for order in orders.take(epochs)]
        model.on_steps = lambda *call: self.steps.append(call)
        self.history = model.fit(
            orders,
            epochs=epochs,
            steps_per_epoch=1,
            validation_data=validation and validation_batches(*validation),
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=self._keep), *callbacks],
            verbose=0,
            shuffle=False,
        ).history
        self.weights = model.get_weights()

    def _keep(self, epoch: int, logs: dict[str, float]) -> None:
        at = 0
        for first, _, values in self.steps:
            assert first == at
            at += len(values)
        if self.steps:
            self.names = self.steps[0][1]
            self.epochs.append(np.concatenate([values for _, _, values in self.steps]))
        self.steps.clear()


def plain_fit(
    model: keras.Model, x: np.ndarray, y: np.ndarray, *, batch_size: int, orders: list[np.ndarray]
) -> tuple[list[list[dict[str, float]]], list[dict[str, float]]]:
    """Return what a callback of plain Keras sees after each step, and the logs of each epoch."""
    per_step: list[list[dict[str, float]]] = []
    per_epoch = []
    keep = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: per_step[-1].append(dict(logs))
    )
    for order in orders:
        per_step.append([])
        history = model.fit(
            x[order], y[order], batch_size=batch_size, shuffle=False, verbose=0, callbacks=[keep]
        ).history
        per_epoch.append({name: values[0] for name, values in history.items()})
    return per_step, per_epoch


def assert_same_weights(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("batch_size", "optimizer"), [(1, "nadam"), (7, "sgd"), (ROWS, "adam")])
def test_weights_and_logs_are_those_of_plain_keras_given_the_same_batches(batch_size, optimizer):
    x, y = classification_rows()
    model = network(FedModel, optimizer=optimizer)
    fed = Fed(model, x, y, batch_size=batch_size, epochs=3)
    plain = network(keras.Model, optimizer=optimizer)
    per_step, per_epoch = plain_fit(plain, x, y, batch_size=batch_size, orders=fed.orders)
    assert_same_weights(fed.weights, plain.get_weights())
    assert set(fed.history) == {"loss", "accuracy"}
    for name, values in fed.history.items():
        np.testing.assert_allclose(values, [logs[name] for logs in per_epoch], rtol=1e-4)
        for ours, theirs in zip(fed.epochs, per_step, strict=True):
            assert len(ours) == len(theirs) == model.steps_per_epoch
            column = ours[:, fed.names.index(name)]
            np.testing.assert_allclose(column, [logs[name] for logs in theirs], rtol=1e-3)


def test_each_epoch_takes_every_row_once_in_an_order_of_its_own():
    # One weight per row and batches of one: the loss of a step tells which row it was.
    rows, rate = 16, 0.05
    x, y = np.eye(rows, dtype="float32"), np.zeros((rows, 1), "float32")
    inputs = keras.Input((rows,))
    model = FedModel(inputs, keras.layers.Dense(1, use_bias=False)(inputs))
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="mean_squared_error")
    first = np.arange(1, rows + 1, dtype="float32")
    model.set_weights([first[:, None]])
    fed = Fed(model, x, y, batch_size=1, epochs=3, num_logs=1)
    shrink = 1 - 2 * rate
    orders = []
    for epoch, values in enumerate(fed.epochs):
        running = values[:, 0].astype("float64") * np.arange(1, rows + 1)
        losses = np.diff(running, prepend=0)
        orders.append(np.rint(np.sqrt(losses) / shrink**epoch).astype(int) - 1)
        assert sorted(orders[-1]) == list(range(rows))
    assert len({tuple(order) for order in orders}) == 3
    np.testing.assert_allclose(fed.weights[0][:, 0], first * shrink**3, rtol=1e-5)
    for ours, said in zip(orders, fed.orders, strict=True):
        np.testing.assert_array_equal(ours, said)


def test_orders_are_shuffled_over_the_whole_set_and_differ_from_epoch_to_epoch():
    x, y = classification_rows(500)
    model = network(FedModel)
    orders = list(model.feed(x, y, batch_size=32, seed=SEED, num_logs=2).take(30))
    orders = np.array([np.array(order) for order in orders])
    assert (np.sort(orders, axis=1) == np.arange(500)).all()
    assert len({tuple(order) for order in orders}) == 30
    # Where a row ends up has nothing to do with where it was.
    assert abs(np.corrcoef(orders[:-1].ravel(), orders[1:].ravel())[0, 1]) < 0.05
    assert abs(np.corrcoef(orders.ravel(), np.tile(np.arange(500), 30))[0, 1]) < 0.05


def usual_fit(*, dropout: float = 0.0) -> Fed:
    x, y = classification_rows()
    validation = classification_rows(3000, seed=1)  # more than one batch of validation
    model = network(FedModel, dropout=dropout)
    return Fed(model, x, y, batch_size=8, epochs=4, validation=validation)


@pytest.fixture(scope="module")
def usual():
    return usual_fit()


def test_the_same_seed_gives_the_same_history_to_the_last_bit():
    first, again = usual_fit(dropout=0.5), usual_fit(dropout=0.5)
    assert first.history == again.history
    for ours, theirs in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(first.epochs, again.epochs, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_another_seed_gives_another_order_and_another_history(usual):
    x, y = classification_rows()
    usual.model.start_over(network(FedModel))
    other = Fed(usual.model, x, y, batch_size=8, epochs=4, seed=SEED + 1)
    assert not np.array_equal(usual.orders[0], other.orders[0])
    assert usual.history["loss"] != other.history["loss"]


def test_dropout_is_drawn_anew_in_each_step():
    x, y = np.ones((4, FEATURES), "float32"), np.zeros(4, "int32")
    model = network(FedModel, dropout=0.5, optimizer="sgd", metrics=False)
    model.optimizer.learning_rate = 0.0
    fed = Fed(model, x, y, batch_size=1, epochs=3, num_logs=1)
    losses = np.concatenate(
        [np.diff(values[:, 0] * np.arange(1, 5), prepend=0) for values in fed.epochs]
    )
    # The same row under the same weights: only the units that were switched off differ.
    assert len(np.unique(np.round(losses, 4))) > 2


def test_validation_is_what_evaluate_says_of_the_arrays(usual):
    x_val, y_val = classification_rows(3000, seed=1)
    plain = network(keras.Model)
    plain.set_weights(usual.weights)
    expected = plain.evaluate(x_val, y_val, verbose=0, return_dict=True)
    assert usual.history["val_loss"][-1] == pytest.approx(expected["loss"], rel=1e-4)
    assert usual.history["val_accuracy"][-1] == pytest.approx(expected["accuracy"], rel=1e-6)


def test_validation_and_metrics_do_not_change_what_is_learnt(usual):
    x, y = classification_rows()
    bare = Fed(network(FedModel, metrics=False), x, y, batch_size=8, epochs=4, num_logs=1)
    assert list(bare.history) == ["loss"]
    assert bare.history["loss"] == pytest.approx(usual.history["loss"], rel=1e-4)
    assert_same_weights(bare.weights, usual.weights)


def test_stop_training_ends_the_epoch_at_the_step_where_it_was_set():
    x, y = classification_rows(4000)
    model = network(FedModel)
    orders = model.feed(x, y, batch_size=1, seed=SEED, num_logs=2)
    reported = []

    def stop_soon(step: int, names: list[str], values: np.ndarray) -> None:
        reported.append((step, len(values)))
        model.stop_training = len(reported) == 2

    model.on_steps = stop_soon
    history = model.fit(orders, epochs=5, steps_per_epoch=1, verbose=0, shuffle=False).history
    assert len(reported) == 2
    assert sum(count for _, count in reported) < 4000
    assert len(history["loss"]) == 1
    assert model.optimizer.iterations == sum(count for _, count in reported)


def test_a_stop_before_the_first_step_trains_nothing():
    x, y = classification_rows()
    model = network(FedModel)
    first = model.get_weights()

    class StopAtOnce(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.stop_training = True

    Fed(model, x, y, batch_size=7, epochs=3, callbacks=[StopAtOnce()])
    for ours, theirs in zip(model.get_weights(), first, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_model_that_is_fed_anew_trains_on_the_new_rows():
    x, y = classification_rows()
    model = network(FedModel, optimizer="sgd", metrics=False)
    Fed(model, x, y, batch_size=50, epochs=1, num_logs=1)
    before = model.get_weights()
    x_new, y_new = classification_rows(12, seed=5)
    fed = Fed(model, x_new, y_new, batch_size=12, epochs=1, num_logs=1)
    plain = network(keras.Model, optimizer="sgd", metrics=False)
    plain.set_weights(before)
    loss = plain.evaluate(x_new, y_new, verbose=0)
    assert fed.history["loss"] == [pytest.approx(loss, rel=1e-4)]


def test_a_network_with_convolutions_is_fed_like_any_other():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 8, 8, 1)).astype("float32")
    y = rng.integers(0, 2, size=(20, 1)).astype("float32")

    def cnn(kind: type[keras.Model]) -> keras.Model:
        keras.utils.set_random_seed(SEED)
        inputs = keras.Input((8, 8, 1))
        hidden = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
        hidden = keras.layers.BatchNormalization()(hidden)
        hidden = keras.layers.Flatten()(hidden)
        model = kind(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
        model.compile(optimizer="sgd", loss="binary_crossentropy", metrics=["accuracy"])
        return model

    fed = Fed(cnn(FedModel), x, y, batch_size=8, epochs=2)
    plain = cnn(keras.Model)
    _, per_epoch = plain_fit(plain, x, y, batch_size=8, orders=fed.orders)
    assert_same_weights(fed.weights, plain.get_weights())
    assert fed.history["loss"] == pytest.approx([logs["loss"] for logs in per_epoch], rel=1e-4)
