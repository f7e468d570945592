"""One side of a comparison of trainings, in a process of its own.

`python -m benchmarks.fit_case PROBLEM SIDE` builds everything, says that it is ready, and waits
for a line before it trains. With `--turn N` it trains N epochs for each line it gets, so that
several sides take turns within their one `fit()`; without, it trains to the end at once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

# The answers have a way of their own: what libraries print must not get among them.
_ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

# As the program trains: what one can go on from is kept, and the validation is counted.
_COUNTED = ("counted", "counted_again", "pictured")
_KEPT = ("kept", "kept_again", *_COUNTED, "predicting")
_FED = ("ours", "ours_again", *_KEPT, "fair")
# As anybody trains who adds the callback, and the metric too.
_LIVE = ("live", "live_again", "live_counted")
SIDES = (
    *("plain", "again", *_FED, *_LIVE),
    *("tensorboard", "wandb", "livelossplot", "floor", "parts"),
)


def answer(**values: Any) -> None:
    """Write one answer."""
    print(json.dumps(values), file=_ANSWERS, flush=True)


def main() -> None:
    """Train one side."""
    parser = argparse.ArgumentParser()
    parser.add_argument("problem", choices=("digits", "cnn", "table", "many", "moons"))
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--turn", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if options.turn:
            _take_turns(options.problem, options.side, options.turn, folder)
        elif options.side == "floor":
            _train_floor(options.epochs)
        elif options.side == "parts":
            _tell_parts(options.epochs)
        else:
            _train_plain(options.problem, options.epochs)


def _train_plain(name: str, epochs: int) -> None:
    import keras

    from benchmarks.networks import problem

    ends: list[float] = []

    class Stopwatch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            ends.append(time.perf_counter())

    case = problem(name)
    model = case.build()
    answer(ready=True)
    sys.stdin.readline()
    began, processor = time.perf_counter(), time.process_time()
    history = model.fit(
        case.x,
        case.y,
        batch_size=case.batch_size,
        epochs=epochs,
        validation_data=case.validation_data,
        callbacks=[Stopwatch()],
        verbose=0,
    )
    answer(
        seconds=time.perf_counter() - began,
        processor_seconds=time.process_time() - processor,
        epoch_seconds=_between(ends),
        logs={key: float(values[-1]) for key, values in history.history.items()},
    )


def _train_floor(epochs: int) -> None:
    """Train with one XLA function an epoch: order, steps, the smaller last batch, validation."""
    import tensorflow as tf

    from benchmarks.networks import SEED, problem

    case = problem("digits")
    model = case.build()
    x, y = tf.constant(case.x), tf.constant(case.y)
    validation_data = tuple(tf.constant(array) for array in case.validation_data)
    full_steps, _ = divmod(len(case.x), case.batch_size)
    num_full = full_steps * case.batch_size
    # Variables cannot be made inside the function.
    model.optimizer.build(model.trainable_variables)
    model.compute_metrics(x[:1], y[:1], model(x[:1]))

    @tf.function(jit_compile=True)
    @tf.autograph.experimental.do_not_convert
    def run_epoch(epoch: tf.Tensor) -> dict[str, tf.Tensor]:
        seed = tf.stack([tf.constant(SEED, tf.int64), epoch])
        order = tf.argsort(tf.random.stateless_uniform((len(case.x),), seed=seed))
        batches = tf.reshape(order[:num_full], (full_steps, case.batch_size))

        def step(index: tf.Tensor) -> tf.Tensor:
            rows = tf.gather(batches, index)
            model.train_step((tf.gather(x, rows), tf.gather(y, rows)))
            return index + 1

        model.reset_metrics()
        tf.while_loop(lambda index: index < full_steps, step, (0,))
        rest = order[num_full:]
        logs = model.train_step((tf.gather(x, rest), tf.gather(y, rest)))
        model.reset_metrics()
        held_out = model.test_step(validation_data)
        return {**logs, **{f"val_{key}": value for key, value in held_out.items()}}

    answer(ready=True)
    sys.stdin.readline()
    began, processor = time.perf_counter(), time.process_time()
    ends = []
    logs: dict[str, float] = {}
    for epoch in range(epochs):
        logs = {key: float(value) for key, value in run_epoch(tf.constant(epoch, tf.int64)).items()}
        ends.append(time.perf_counter())
    answer(
        seconds=ends[-1] - began,
        processor_seconds=time.process_time() - processor,
        epoch_seconds=_between(ends),
        logs=logs,
    )


def _tell_parts(epochs: int) -> None:
    """Train as the program does, with a clock around each part of an epoch."""
    import keras

    from benchmarks.networks import fed, problem
    from trainer import LiveCallback

    spent: dict[str, float] = {}
    rows: list[dict[str, float]] = []
    inside: list[float] = []

    def clocked(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with a clock that stops while another part's runs in it."""

        def call(*arguments: Any, **keywords: Any) -> Any:
            inside.append(0.0)
            began = time.perf_counter()
            try:
                return function(*arguments, **keywords)
            finally:
                seconds = time.perf_counter() - began
                spent[part] = spent.get(part, 0.0) + seconds - inside.pop()
                if inside:
                    inside[-1] += seconds

        return call

    class Orders:
        """The iterator of row orders, with a clock."""

        def __init__(self, orders: Any) -> None:
            self._next = clocked("order of the rows", orders.__next__)

        def __next__(self) -> Any:
            return self._next()

    class Listening(LiveCallback):
        """The callback, with a clock around all that Keras and the model call."""

    for hook in (
        "on_epoch_begin",
        "on_epoch_end",
        "on_train_batch_end",
        "on_test_batch_end",
        "_on_steps",
    ):
        setattr(Listening, hook, clocked("recording", getattr(LiveCallback, hook)))

    class Rows(keras.callbacks.Callback):
        _began = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            now = time.perf_counter()
            total = now - self._began
            rows.append({**spent, "Keras' fit()": total - sum(spent.values()), "epoch": total})
            spent.clear()
            self._began = now

    def instance_method(part: str, name: str) -> None:
        # Keras finds it on the instance before the class.
        object.__setattr__(model, name, clocked(part, getattr(model, name)))

    fed_model, arguments = fed(problem("digits"))
    model: Any = fed_model
    model.make_train_function()
    train_epoch = clocked("compiled steps", model.train_function)
    model.train_function = lambda orders: train_epoch(Orders(orders))
    model.make_test_function()
    model.test_function = clocked("validation step", model.test_function)
    instance_method("Keras' evaluate()", "evaluate")
    instance_method("metrics' books", "reset_metrics")
    instance_method("metrics' books", "get_metrics_result")
    answer(ready=True)
    sys.stdin.readline()
    model.fit(epochs=epochs, verbose=0, callbacks=[Listening(name="parts"), Rows()], **arguments)
    answer(rows=rows[5:])


def _take_turns(name: str, side: str, epochs_per_turn: int, folder: str) -> None:
    import keras

    from benchmarks.networks import fed, problem

    class First(keras.callbacks.Callback):
        """Waits for the turn; the clock starts before the other callbacks begin the epoch."""

        waited = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch % epochs_per_turn == 0:
                waits = time.perf_counter()
                if not sys.stdin.readline():
                    # Nobody waits for the rest, and Keras would train one more epoch.
                    os._exit(0)
                self.began = time.perf_counter(), time.process_time()
                self.waited += self.began[0] - waits

    class Last(keras.callbacks.Callback):
        """Tells how long the turn took, after the other callbacks have ended its last epoch."""

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if (epoch + 1) % epochs_per_turn == 0:
                began, processor = first.began
                answer(
                    seconds=time.perf_counter() - began,
                    processor_seconds=time.process_time() - processor,
                )

    first = First()
    case = problem(name)
    if side in _FED:
        model, arguments = fed(case)
    else:
        model = case.build(counted=side == "live_counted")
        arguments = {
            "x": case.x,
            "y": case.y,
            "batch_size": case.batch_size,
            "validation_data": case.validation_data,
        }

    def clock() -> float:
        # What waits for its turn does not train meanwhile.
        return time.perf_counter() - first.waited

    peers = _live(side, model, case, clock) if side in (*_LIVE, *_FED) else _peers(side, folder)
    if side == "predicting":
        peers.append(_predicting(*case.validation_data))
    answer(ready=True)
    model.fit(epochs=1_000_000, verbose=0, callbacks=[first, *peers, Last()], **arguments)


def _live(side: str, model: Any, case: Any, clock: Callable[[], float]) -> list[Any]:
    """Return the callbacks that record a `fit` for the dashboard."""
    from trainer import LiveCallback
    from trainer.boundary import HEAD_START, SHARE, BoundaryScores
    from trainer.checkpoints import Checkpoints
    from trainer.fair_loss import HEAD_START as FAIR_HEAD_START
    from trainer.fair_loss import SHARE as FAIR_SHARE
    from trainer.fair_loss import FairLoss
    from trainer.keeping import Keeper
    from trainer.pace import Pace

    boundary = fair_loss = None
    if side == "pictured":
        pace = Pace(share=SHARE, head_start=HEAD_START, clock=clock)
        boundary = BoundaryScores(model, case.grid, pace=pace)
    if side == "fair":
        pace = Pace(share=FAIR_SHARE, head_start=FAIR_HEAD_START, clock=clock)
        fair_loss = FairLoss(model, case.x, case.y, pace=pace)
    counter = case.counter() if side in _COUNTED else None
    live = LiveCallback(name=side, counter=counter, boundary=boundary, fair_loss=fair_loss)
    return [live, Keeper(live, Checkpoints("benchmark"))] if side in _KEPT else [live]


def _peers(side: str, folder: str) -> list[Any]:
    """Return the callbacks that another tool adds to `fit`, none of which reaches the network."""
    import keras

    if side == "tensorboard":
        return [keras.callbacks.TensorBoard(log_dir=folder, update_freq="batch")]
    if side == "wandb":
        os.environ.update(WANDB_MODE="offline", WANDB_DIR=folder, WANDB_SILENT="true")
        os.environ.update(WANDB_ERROR_REPORTING="false", WANDB_CONFIG_DIR=folder)
        import wandb
        from wandb.integration.keras import WandbMetricsLogger

        wandb.init(project="benchmark", mode="offline", dir=folder)
        return [WandbMetricsLogger(log_freq="batch")]
    if side == "livelossplot":
        import matplotlib

        matplotlib.use("Agg")
        from livelossplot import PlotLossesKeras

        return [PlotLossesKeras()]
    return []


def _predicting(x: Any, y: Any) -> Any:
    """Return the usual way to a confusion matrix and its curves: `predict` and scikit-learn."""
    import keras
    import numpy as np
    from sklearn import metrics

    class Predicting(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            scores = self.model.predict(x, batch_size=2048, verbose=0)
            if scores.shape[1] == 1:
                scores = np.concatenate([1 - scores, scores], axis=1)
            labels = np.ravel(y)
            metrics.confusion_matrix(labels, scores.argmax(axis=1))
            for k in range(scores.shape[1]):
                metrics.precision_recall_curve(labels == k, scores[:, k])
                metrics.roc_curve(labels == k, scores[:, k])

    return Predicting()


def _between(moments: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(moments)]


if __name__ == "__main__":
    main()
