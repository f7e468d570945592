"""How `fit()` is fed: many training steps in one call, with each step's running means kept.

`fit(x, y)` on arrays calls back into Python for every batch, and for a small network that call
costs far more than the step. Here the arrays lie in memory once, `tf.data` yields the order of
the rows of each epoch, and one compiled function runs as many steps as fit into
`SECONDS_PER_CALL`, so that a slow training still reports often and a fast one is not held up.
What is computed stays what `fit()` computes: each epoch reshuffled, the last smaller batch
included, Keras' own `train_step`, optimizer and metrics.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from trainer.checkpoints import Checkpoint
from trainer.errors import WeightsMissing

SECONDS_PER_CALL = 0.05
# Layers that XLA runs well on a CPU; its convolutions and random numbers are far slower there than
# TensorFlow's, and its random numbers are others than those that plain Keras draws.
_XLA_LAYERS = (
    keras.layers.InputLayer,
    keras.layers.Dense,
    keras.layers.Activation,
    keras.layers.Flatten,
    keras.layers.Rescaling,
    keras.layers.BatchNormalization,
)
# Validation rows in one call; the batch size of an evaluation changes nothing but its speed.
_VALIDATION_ROWS = 2048

StepsListener = Callable[[int, list[str], np.ndarray], None]
# The next step, and how many would be taken at once -> how many may be.
StepsGate = Callable[[int, int], int]


class Values(NamedTuple):
    """What a model is at a moment; each tensor keeps what it was."""

    weights: list[tf.Tensor]
    optimizer: list[tf.Tensor]  # without the learning rate
    seeds: list[tf.Tensor]
    learning_rate: tf.Tensor | None  # None with a schedule


class FedModel(keras.Model):
    """A functional model that trains on arrays which it holds itself.

    After `compile`, call `feed` and give what it returns to `fit`. To hear of each call, set
    `on_steps`: it gets the 0-based first step within the epoch, the names of the values and
    their running means after each step, shape `(num_steps, num_names)`. To let somebody in between
    two calls, set `admit`: it may wait, and says how many of the next steps are taken; with 0 the
    epoch is cut short.

    Attributes:
        validated: What the network said in its newest validation, a batch after the other, each of
            shape `(batch, units)`.
    """

    on_steps: StepsListener | None = None
    admit: StepsGate | None = None
    # Of a list, Keras and TensorFlow would keep books.
    validated: deque[tf.Tensor]
    train_function: Any
    test_function: Any
    _layout: tuple[int, int, int, int] | None = None
    _rows: tuple[tf.Tensor, ...]
    _reset_in_graph: Callable[[], None] | None = None
    _result_in_graph: Callable[[], dict[str, tf.Tensor]] | None = None
    _values_in_graph: Callable[[], Values] | None = None
    _output_in_graph: Callable[[tf.Tensor], tf.Tensor] | None = None
    _watched: tf.Tensor | None = None
    _loss_in_graph: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None
    _asked: tuple[tf.Tensor, tf.Tensor] | None = None

    def feed(
        self,
        x: np.ndarray,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        *,
        batch_size: int,
        seed: int,
        num_logs: int,
        first_epoch: int = 0,
    ) -> tf.data.Dataset:
        """Take the training arrays and return the dataset of row orders, one element an epoch.

        Args:
            x: Features, shape `(num_rows, *input_shape)`.
            y: Targets, shape `(num_rows, ...)`.
            sample_weight: How much each row counts in the loss, shape `(num_rows,)`; 1 if None.
            batch_size: Rows per step; the last batch of an epoch may be smaller.
            seed: Seed of the orders.
            num_logs: Number of values `train_step` logs: the loss and each metric.
            first_epoch: 0-based epoch of the first order; each epoch has its own.
        """
        num_rows = len(x)
        parts = (x, y) if sample_weight is None else (x, y, sample_weight)
        self._rows = tuple(tf.constant(part) for part in parts)
        if self.train_function is None:
            self._create_variables()
        layout = (num_rows, batch_size, num_logs, len(parts))
        if layout != self._layout:
            self.train_function = None  # it was compiled for another
        self._layout = layout
        self._full_steps, self._rest = divmod(num_rows, batch_size)

        def order(epoch: tf.Tensor) -> tf.Tensor:
            return tf.random.experimental.stateless_shuffle(
                tf.range(num_rows), seed=tf.stack([tf.cast(seed, tf.int64), epoch])
            )

        return (
            tf.data.Dataset.counter(first_epoch)
            .map(order)
            .prefetch(2)
            .with_options(_plain_options())
        )

    def start_over(self, fresh: FedModel) -> None:
        """Become as untrained as `fresh`, a model built alike, and stay compiled.

        Takes over every number that training depends on: weights, the state of the random
        generators, and the optimizer's variables, the learning rate among them.
        """
        fresh.optimizer.build(fresh.trainable_variables)
        mine = (*self.weights, *_random_states(self), *self.optimizer.variables)
        theirs = (*fresh.weights, *_random_states(fresh), *fresh.optimizer.variables)
        for variable, initial in zip(mine, theirs, strict=True):
            variable.assign(initial)

    def go_on(self, checkpoint: Checkpoint) -> None:
        """Become what another training's network was after an epoch; `feed` comes before.

        What the checkpoint has nothing of stays as it is.

        Raises:
            WeightsMissing: It is another network's.
        """
        weights, optimizer, seeds, rate = _variables(self)
        parts = [
            (weights, checkpoint.weights),
            (optimizer, checkpoint.optimizer),
            (seeds, checkpoint.seeds),
        ]
        try:
            for variables, values in parts:
                for variable, value in zip(variables, values, strict=bool(values)):
                    variable.assign(value)
        except ValueError as error:
            raise WeightsMissing("The checkpoint of this run fits another network.") from error
        learning_rate = checkpoint.state.get("learning_rate")
        if learning_rate is not None and rate is not None:
            rate.assign(learning_rate)

    def _create_variables(self) -> None:
        # A graph that creates variables is traced twice, which the first point would wait for.
        x, y = (rows[:1] for rows in self._rows[:2])
        self.optimizer.build(self.trainable_variables)
        self.compute_metrics(x, y, self(x, training=False))

    @property
    def steps_per_epoch(self) -> int:
        """Steps in one epoch, the last smaller batch included."""
        return self._full_steps + bool(self._rest)

    def make_train_function(self, force: bool = False) -> None:
        """Build the function that `fit` calls once an epoch with the iterator of row orders."""
        if self.train_function is not None and not force:
            return
        assert self._layout is not None
        _, _, num_logs, _ = self._layout
        run_steps, run_rest = self._step_functions()
        seconds_per_step: float | None = None

        def train_epoch(orders: tf.data.Iterator) -> dict[str, tf.Tensor]:
            nonlocal seconds_per_step
            rows = self._rows
            order = next(orders)
            step = 0
            values = np.full((1, num_logs), np.nan)  # if stopped before the first step
            if seconds_per_step is None:
                self._compile(run_steps, run_rest, (rows, order))
                seconds_per_step = SECONDS_PER_CALL
            while step < self._full_steps and not self.stop_training:
                count = max(1, int(SECONDS_PER_CALL / max(seconds_per_step, 1e-6)))
                count = self._admitted(step, min(count, self._full_steps - step))
                if not count:
                    break
                began = time.perf_counter()
                done = run_steps(rows, order, tf.constant(step), tf.constant(count))
                values = done.numpy()[:count]
                seconds_per_step = (time.perf_counter() - began) / count
                self._report(step, values)
                step += count
            if self._rest and step == self._full_steps and self._may_take_rest():
                values = run_rest(rows, order).numpy()[None]
                self._report(step, values)
            return dict(zip(self._log_names, values[-1], strict=True))

        self.train_function = train_epoch

    def _compile(self, run_steps: Any, run_rest: Any, data: tuple[Any, ...]) -> None:
        # Compiling waits for no Python, so the smaller graphs are traced meanwhile. Running no
        # steps compiles and leaves the model as it is.
        none = tf.constant(0)
        run_steps.get_concrete_function(*data, none, none)
        with ThreadPoolExecutor(max_workers=1) as pool:
            compiled = pool.submit(lambda: run_steps(*data, none, none))
            if self._rest:
                run_rest.get_concrete_function(*data)
            self._keep_books_in_graphs()
            if self._watched is not None:
                self.output_of(self._watched)
            if self._asked is not None:
                self.loss_of(*self._asked)
            compiled.result()

    def make_test_function(self, force: bool = False) -> None:
        """Build the function that evaluates one batch of an iterator of `validation_batches`."""
        if self.test_function is not None and not force:
            return

        @tf.function(reduce_retracing=True)
        @tf.autograph.experimental.do_not_convert
        def test_batch(batches: tf.data.Iterator) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            logs = self.test_step(next(batches))
            return logs, self._output

        def test(batches: tf.data.Iterator) -> dict[str, tf.Tensor]:
            logs, output = test_batch(batches)
            self.validated.append(output)
            return logs

        self.test_function = test

    def compute_metrics(
        self, x: tf.Tensor, y: tf.Tensor, y_pred: tf.Tensor, sample_weight: Any = None
    ) -> dict[str, tf.Tensor]:
        """Bring every metric up to date, as Keras does, and note the output."""
        self._output = y_pred
        logs: dict[str, tf.Tensor] = super().compute_metrics(x, y, y_pred, sample_weight)
        return logs

    def reset_metrics(self) -> None:
        """Set every metric back, as one graph once training has built them all."""
        self.validated = deque()
        (self._reset_in_graph or super().reset_metrics)()

    def get_metrics_result(self) -> dict[str, tf.Tensor]:
        """Return every metric's result, as one graph once training has built them all."""
        if self._result_in_graph is None or not tf.executing_eagerly():
            return super().get_metrics_result()
        return self._result_in_graph()

    def values(self) -> Values:
        """Return what the model is now, in one call once training has built it all."""
        if self._values_in_graph is None:
            self._values_in_graph = reader(self)
        return self._values_in_graph()

    def _keep_books_in_graphs(self) -> None:
        # A dozen small calls into TensorFlow each time; in a fast epoch they are what is left.
        self._reset_in_graph = tf.function(super().reset_metrics).get_concrete_function()
        self._result_in_graph = tf.function(super().get_metrics_result).get_concrete_function()
        self._values_in_graph = reader(self)

    def watch(self, rows: tf.Tensor) -> None:
        """Prepare for being asked `output_of` such rows during the training."""
        self._watched = rows[:1]

    def output_of(self, rows: tf.Tensor) -> tf.Tensor:
        """Return what the network, as it is now, says of rows, however many, in one call.

        Args:
            rows: Features, shape `(num_rows, *input_shape)`, float32.
        """
        if self._output_in_graph is None:
            self._output_in_graph = tf.function(
                tf.autograph.experimental.do_not_convert(lambda rows: self(rows, training=False)),
                input_signature=[tf.TensorSpec((None, *rows.shape[1:]), rows.dtype)],
            )
        return self._output_in_graph(rows)

    def watch_loss(self, x: tf.Tensor, y: tf.Tensor) -> None:
        """Prepare for being asked the `loss_of` these rows during the training."""
        self._asked = x, y

    def loss_of(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Return the loss of rows as a validation has it, without dropout, in one call.

        Args:
            x: Features, shape `(num_rows, *input_shape)`.
            y: Targets, shape `(num_rows, ...)`.
        """
        if self._loss_in_graph is None:

            def loss(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
                return self.compute_loss(x, y, self(x, training=False), training=False)

            self._loss_in_graph = tf.function(
                tf.autograph.experimental.do_not_convert(loss),
                input_signature=[
                    tf.TensorSpec((None, *rows.shape[1:]), rows.dtype) for rows in (x, y)
                ],
            )
        return self._loss_in_graph(x, y)

    def _may_take_rest(self) -> bool:
        return not self.stop_training and self._admitted(self._full_steps, 1) > 0

    def _admitted(self, step: int, most: int) -> int:
        return most if self.admit is None else self.admit(step, most)

    def _report(self, step: int, values: np.ndarray) -> None:
        if self.on_steps is not None:
            self.on_steps(step, self._log_names, values)

    def _step_functions(self) -> tuple[Any, Any]:
        assert self._layout is not None
        _, batch_size, num_logs, _ = self._layout
        full_steps = self._full_steps
        use_xla = all(isinstance(layer, _XLA_LAYERS) for layer in self.layers)

        def one_step(rows: tuple[tf.Tensor, ...], batch: tf.Tensor) -> tf.Tensor:
            logs = self.train_step(tuple(tf.gather(part, batch) for part in rows))
            self._log_names = list(logs)
            return tf.stack([tf.cast(value, tf.float32) for value in logs.values()])

        @tf.function(jit_compile=use_xla)
        @tf.autograph.experimental.do_not_convert
        def run_steps(
            rows: tuple[tf.Tensor, ...], order: tf.Tensor, first: tf.Tensor, count: tf.Tensor
        ) -> tf.Tensor:
            batches = tf.reshape(order[: full_steps * batch_size], (full_steps, batch_size))

            def step(index: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                value = one_step(rows, tf.gather(batches, first + index))
                return index + 1, tf.tensor_scatter_nd_update(values, [[index]], [value])

            values = tf.zeros((full_steps, num_logs))
            return tf.while_loop(lambda index, _: index < count, step, (0, values))[1]

        @tf.function
        @tf.autograph.experimental.do_not_convert
        def run_rest(rows: tuple[tf.Tensor, ...], order: tf.Tensor) -> tf.Tensor:
            return one_step(rows, order[full_steps * batch_size :])

        return run_steps, run_rest


def reader(model: keras.Model) -> Callable[[], Values]:
    """Return what reads a built and compiled model in one call.

    Reading one variable after the other costs 20 µs each; and what is read here shares memory with
    the variable until that changes.
    """
    weights, optimizer, seeds, rate = _variables(model)

    def read() -> Values:
        return Values(
            weights=[variable.value.read_value() for variable in weights],
            optimizer=[variable.value.read_value() for variable in optimizer],
            seeds=[variable.value.read_value() for variable in seeds],
            learning_rate=None if rate is None else rate.value.read_value(),
        )

    in_graph: Callable[[], Values] = tf.function(
        tf.autograph.experimental.do_not_convert(read)
    ).get_concrete_function()
    return in_graph


def _variables(model: keras.Model) -> tuple[list[Any], list[Any], list[Any], Any]:
    rate = model.optimizer._learning_rate
    rate = rate if isinstance(rate, keras.Variable) else None
    optimizer = [variable for variable in model.optimizer.variables if variable is not rate]
    return list(model.weights), optimizer, _random_states(model), rate


def _random_states(model: keras.Model) -> list[keras.Variable]:
    generators = (getattr(layer, "seed_generator", None) for layer in model.layers)
    return [generator.state for generator in generators if generator is not None]


def validation_batches(x: np.ndarray, y: np.ndarray) -> tf.data.Dataset:
    """Return validation data for `fit`, in few large batches that are kept in memory.

    Args:
        x: Features, shape `(num_rows, *input_shape)`.
        y: Targets, shape `(num_rows, ...)`.
    """
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(_VALIDATION_ROWS).cache()
    return batches.with_options(_plain_options())


def _plain_options() -> tf.data.Options:
    # Tuning a pipeline of one or two elements costs more, each epoch anew, than running it.
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return options
