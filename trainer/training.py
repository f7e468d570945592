"""One training from its config to its end: data, model, `fit()`, and what became of it."""

from __future__ import annotations

import gc
import logging
import threading
import time

import keras
import tensorflow as tf

from trainer.callback import LiveCallback
from trainer.config import RunConfig
from trainer.datasets import load
from trainer.datasets.spec import Arrays, LoadOptions
from trainer.datasets.split import split
from trainer.errors import TrainerError
from trainer.feeding import FedModel, validation_batches
from trainer.models import build, shaped_targets
from trainer.recorder import Recorder
from trainer.store import State

_log = logging.getLogger(__name__)


class Training:
    """Runs `fit()` in a thread of its own, while the thread that calls `run` serves the recorder.

    Args:
        config: What to train.
        recorder: Where to write what happens.
    """

    def __init__(self, config: RunConfig, recorder: Recorder) -> None:
        self._config = config
        self._recorder = recorder
        self._is_over = threading.Event()
        self._outcome: tuple[State, str] = ("failed", "The training ended without saying why.")
        self._seconds: float | None = None

    def run(self, *, shutdown: threading.Event | None = None) -> State:
        """Train to the end and return how it ended.

        Args:
            shutdown: Set by whoever ends this process: the run is then *interrupted*.
        """
        thread = threading.Thread(target=self._train_and_tell, name="fit", daemon=True)
        thread.start()
        self._recorder.serve(self._is_over)
        thread.join()
        state, message = self._outcome
        if state == "stopped" and shutdown is not None and shutdown.is_set():
            state, message = "interrupted", "The server was shut down during the training."
        self._recorder.end(state, message, seconds=self._seconds)
        return state

    def _train_and_tell(self) -> None:
        try:
            self._outcome = self._train()
        except TrainerError as error:
            self._outcome = ("failed", str(error))
        except (MemoryError, tf.errors.ResourceExhaustedError):
            _log.exception("run %s: out of memory", self._recorder.claim.run_id)
            self._outcome = ("failed", "The training needed more memory than this machine has.")
        except Exception as error:
            # Whatever fit() raises ends this run, never the worker; the log keeps the traceback.
            _log.exception("run %s failed", self._recorder.claim.run_id)
            self._outcome = ("failed", _one_sentence(error))
        finally:
            self._is_over.set()

    def _train(self) -> tuple[State, str]:
        config, recorder = self._config, self._recorder

        def progress(message: str) -> None:
            recorder.update(message=message)
            if recorder.stop_requested.is_set():
                raise _Stopped

        try:
            progress("")
            options = LoadOptions(noise=config.noise, seed=config.seed, progress=progress)
            arrays = load(config.dataset, options)
            progress("")
        except _Stopped:
            return "stopped", ""
        model, orders, validation = _prepare(config, arrays)
        callback = LiveCallback(recorder=recorder, terminate_on_nan=True)
        began = time.monotonic()
        model.fit(
            orders,
            epochs=config.epochs,
            # Keras calls once an epoch; the model itself runs all of its steps in that call.
            steps_per_epoch=1,
            validation_data=validation,
            callbacks=[callback],
            verbose=0,
            shuffle=False,
        )
        self._seconds = time.monotonic() - began
        if callback.diverged is not None:
            return "diverged", _divergence(*callback.diverged)
        return ("stopped", "") if recorder.stop_requested.is_set() else ("finished", "")


class _Stopped(Exception):
    """Stop was pressed before `fit()` began."""


def _prepare(
    config: RunConfig, arrays: Arrays
) -> tuple[FedModel, tf.data.Dataset, tf.data.Dataset | None]:
    spec = config.spec
    parts = split(arrays, spec, validation_split=config.validation_split, seed=config.seed)
    keras.utils.set_random_seed(config.seed)
    model = build(config)
    orders = model.feed(
        parts.x_train,
        shaped_targets(parts.y_train, spec.task),
        batch_size=config.batch_size,
        seed=config.seed,
        num_logs=1 + len(config.metrics),
    )
    validation = None
    if len(parts.x_val):
        validation = validation_batches(parts.x_val, shaped_targets(parts.y_val, spec.task))
    return model, orders, validation


def warm_up() -> None:
    """Train a little, so that the first run of this process finds everything imported."""
    config = RunConfig.create("digits", epochs=1, name="warm-up")
    model, orders, validation = _prepare(config, load("digits", LoadOptions()))
    model.fit(orders, steps_per_epoch=1, validation_data=validation, verbose=0, shuffle=False)
    forget()


def forget() -> None:
    """Free what the last training of this process left in Keras and in memory."""
    keras.backend.clear_session()
    gc.collect()


def _divergence(epoch: int, step: int | None) -> str:
    where = (
        f"after epoch {epoch + 1}" if step is None else f"at step {step + 1} of epoch {epoch + 1}"
    )
    return f"The loss stopped being a finite number {where}. Try a smaller learning rate."


def _one_sentence(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason was given'}"[:300]
