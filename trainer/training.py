"""One training from its config to its end: data, model, `fit()`, and what became of it."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import math
import random
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from trainer.boundary import BoundaryScores
from trainer.callback import LiveCallback, divergence_sentence
from trainer.checkpoints import Checkpoint, Checkpoints, kept
from trainer.choices import NONE
from trainer.class_weights import class_weights, row_weights
from trainer.compiling import early_stopping_call, is_scheduled
from trainer.config import RunConfig
from trainer.datasets import load
from trainer.datasets.preprocessing import Preprocessing
from trainer.datasets.spec import Arrays
from trainer.errors import StoreFull, StoreUnusable, TrainerError, WeightsMissing
from trainer.evaluation.counters import Counter
from trainer.evaluation.counts import majority
from trainer.evaluation.surface import Grid
from trainer.fair_loss import FairLoss
from trainer.feeding import FedModel, validation_batches
from trainer.keeping import Keeper
from trainer.models import build, evaluation_counter, shaped_targets
from trainer.recorder import Recorder
from trainer.runs import Run, State
from trainer.shutdown import Shutdown
from trainer.stopping import EarlyStopping

# A store that is locked or full when the training ends is tried again for so long.
_END_SECONDS = 60.0
_OUT_OF_MEMORY = "The training needed more memory than this machine has."
_GAVE_WAY = (
    "It was paused while others waited, and gave its place to them; Resume goes on after its last "
    "whole epoch."
)

_log = logging.getLogger(__name__)


class Training:
    """Runs `fit()` in a thread of its own, while the thread that calls `run` serves the recorder.

    Args:
        config: What to train.
        recorder: Where to write what happens.
        before: The run as it was claimed, where it may have trained before or is a fork.
        warm: The network of this process's last training.
        shutdown: Once requested, the training stops and the run is *interrupted*.
        checkpoint_bytes: What the checkpoints of the run may take; None for any number.
        gives_way: Asked while the run is paused, with the seconds since somebody attended to it,
            whether it gives its place to others: it is *interrupted* then. None for never.
        stop_seconds: How long `fit()`, which hears of a stop between two calls only, may take to
            end; then, or when the shutdown is insisted on, it is left behind. None for ever.

    Attributes:
        is_left: Whether `fit()` was left behind and still runs: this process should end now.
    """

    def __init__(
        self,
        config: RunConfig,
        recorder: Recorder,
        *,
        before: Run | None = None,
        warm: WarmModel | None = None,
        shutdown: Shutdown | None = None,
        checkpoint_bytes: int | None = None,
        gives_way: Callable[[float], bool] | None = None,
        stop_seconds: float | None = None,
    ) -> None:
        self.is_left = False
        self._gives_way = gives_way
        self._has_given_way = False
        self._stop_seconds = math.inf if stop_seconds is None else stop_seconds
        self._stopped_at: float | None = None
        self._config = config
        self._shutdown = shutdown
        self._before = before
        self._warm = warm or WarmModel()
        self._recorder = recorder
        self._is_over = threading.Event()
        self._outcome: tuple[State, str] = ("failed", "The training ended without saying why.")
        self._seconds: float | None = None
        self._keeper: Keeper | None = None
        self._checkpoint_bytes = checkpoint_bytes

    def run(self) -> State:
        """Train to the end and return how it ended."""
        thread = threading.Thread(target=self._train_and_tell, name="fit", daemon=True)
        thread.start()
        state: State
        try:
            self._recorder.serve(self._is_over, each_look=self._look)
        except MemoryError:
            # fit() has it all, and gives it back with the process.
            _log.exception("run %s: out of memory", self._recorder.claim.run_id)
            self._recorder.gate.stop()
            self.is_left = True
            state, message = "failed", _OUT_OF_MEMORY
        else:
            state, message = self._wait_for_outcome(thread)
        if state == "stopped" and self._shutdown is not None and self._shutdown.requested:
            state = "interrupted"
            message = f"The program was ended during the training. {message}".rstrip()
        elif state == "stopped" and self._recorder.is_out_of_room:
            state, message = "interrupted", "The disk is full; once there is room, it can go on."
        elif state == "stopped" and self._has_given_way:
            state, message = "interrupted", f"{_GAVE_WAY} {message}".rstrip()
        self._recorder.end(state, message, seconds=self._seconds, patience=_END_SECONDS)
        return state

    def _wait_for_outcome(self, thread: threading.Thread) -> tuple[State, str]:
        if self.is_left:
            _log.warning("run %s: fit() was left behind", self._recorder.claim.run_id)
            return "stopped", self._keep_last()
        thread.join()
        return self._outcome

    def _look(self) -> None:
        if self._recorder.is_out_of_room:
            self._recorder.gate.stop()
        keeper = self._keeper
        if keeper is not None:
            had_problem = bool(keeper.problem)
            keeper.save_if_due(self._commit)
            if bool(keeper.problem) != had_problem:
                self._recorder.update(message=_problem_sentence(keeper.problem))
        self._heed_others()
        self._heed_stop()

    def _commit(self) -> bool:
        try:
            self._recorder.flush()
        except StoreFull:
            return False  # the recorder, which tries it next, says so
        except StoreUnusable:
            _log.exception(
                "run %s: nothing was recorded; trying again", self._recorder.claim.run_id
            )
            return False
        return True

    def _heed_others(self) -> None:
        seconds = self._recorder.seconds_unattended()
        if not seconds or self._gives_way is None or self._recorder.gate.is_stopped:
            return
        try:
            self._has_given_way = self._gives_way(seconds)
        except StoreUnusable:
            return  # whoever waits there waits a little longer
        if self._has_given_way:
            self._recorder.gate.stop()

    def _heed_stop(self) -> None:
        if self._shutdown is not None and self._shutdown.requested:
            self._recorder.gate.stop()
        if not self._recorder.gate.is_stopped or self._is_over.is_set():
            return
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
        is_late = time.monotonic() - self._stopped_at > self._stop_seconds
        if is_late or (self._shutdown is not None and self._shutdown.insisted):
            self.is_left = True
            self._is_over.set()

    def _train_and_tell(self) -> None:
        try:
            self._outcome = self._train()
        except TrainerError as error:
            self._outcome = ("failed", str(error))
        except (MemoryError, tf.errors.ResourceExhaustedError):
            _log.exception("run %s: out of memory", self._recorder.claim.run_id)
            self._outcome = ("failed", _OUT_OF_MEMORY)
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
            if recorder.gate.is_stopped:
                raise _Stopped

        try:
            progress("")
            arrays = load(config.unbent_spec, config.load_options(progress))
            progress("")
        except _Stopped:
            return "stopped", ""
        files, start, best = self._begin()
        first_epoch = 0 if start is None else start.epoch + 1
        prepared = _prepare(config, arrays, self._warm, first_epoch=first_epoch)
        del arrays  # the model holds the rows as it reads them
        boundary = prepared.boundary
        recorder.update(facts=prepared.facts)
        callback = LiveCallback(
            recorder=recorder,
            counter=prepared.counter,
            boundary=boundary,
            fair_loss=prepared.fair_loss,
            terminate_on_nan=True,
        )
        stopping = None
        if (call := early_stopping_call(config)) is not None:
            stopping = EarlyStopping(call.make(), callback)
        keeper = Keeper(
            callback,
            files,
            every=config.checkpoint_every,
            stopping=stopping,
            preprocessing=prepared.preprocessing,
        )
        if start is not None:
            prepared.model.go_on(start)
            keeper.go_on(start, best)
        self._keeper = keeper
        began = time.monotonic()
        prepared.model.fit(
            prepared.orders,
            epochs=config.epochs,
            initial_epoch=first_epoch,
            # Keras calls once an epoch; the model itself runs all of its steps in that call.
            steps_per_epoch=1,
            validation_data=prepared.validation,
            callbacks=[callback, *([stopping] if stopping else []), keeper],
            verbose=0,
            shuffle=False,
        )
        self._seconds = time.monotonic() - began - recorder.paused_seconds
        last = keeper.last
        if boundary is not None and last is not None and boundary.epoch != last.epoch:
            # Nobody knew before the next one was cut short that it was the last.
            recorder.log_surface(last.epoch, boundary.of_weights(last.epoch, list(last.weights)))
        said = [recorder.remark, stopping.sentence if stopping else "", self._keep_last()]
        note = " ".join(filter(None, said))
        if callback.diverged is not None:
            return "diverged", divergence_sentence(*callback.diverged)
        return ("stopped" if recorder.gate.is_stopped else "finished"), note

    def _begin(self) -> tuple[Checkpoints, Checkpoint | None, Checkpoint | None]:
        """Return where checkpoints go, the one to go on from, and the best one until then."""
        config, recorder = self._config, self._recorder
        files = Checkpoints(
            recorder.claim.run_id, every=config.checkpoint_every, budget=self._checkpoint_bytes
        )
        best, before = None, self._before
        up_to = None
        if before is not None:
            # A killed writer may have kept what it had not told of: that epoch would be missing.
            up_to = max(before.epoch - 1, before.parent.epoch if before.parent else -1)
        start, remark = files.newest(up_to=up_to)
        if start is None:
            if before is not None and before.parent is not None:
                raise WeightsMissing("The checkpoint that this fork goes on from is not there.")
            if before is not None and before.epoch and not remark:
                remark = "There was no checkpoint to go on from: the training began anew."
            files.begin_after(-1)
        else:
            files.begin_after(start.epoch)
            with contextlib.suppress(WeightsMissing):
                best = files.at(kept(recorder.claim.run_id).best or 0)
        if start is not None or recorder.claim.attempt > 1:
            rate = None if start is None else start.state.get("learning_rate")
            is_other = rate is not None and np.float32(rate) != np.float32(config.learning_rate)
            recorder.go_on(0 if start is None else start.epoch + 1, remark)
            recorder.update(learning_rate=rate if is_other else None)
        return files, start, best

    def _keep_last(self) -> str:
        """Write the last checkpoint; return a sentence if it could not be, else nothing."""
        if self._keeper is None:
            return ""
        self._keeper.save()
        return _problem_sentence(self._keeper.problem)


class _Stopped(Exception):
    """Stop was pressed before `fit()` began."""


class WarmModel:
    """Keeps the last network compiled, so that one built alike need not be compiled again.

    Only its numbers differ then: learning rate, seed, noises, epochs. It is trained anew from the
    same initial state as a newly built network, and gives the same history.
    """

    def __init__(self) -> None:
        self._built_as: RunConfig | None = None
        self._model: FedModel | None = None

    def build(self, config: RunConfig) -> FedModel:
        """Return an untrained, compiled network for this config; the last one is gone then."""
        # What ends it, and how much a row counts, is no part of a network.
        alike: dict[str, Any] = {
            "seed": 0,
            "noise": 0.0,
            "label_noise": 0.0,
            "name": "",
            "class_weight": NONE,
            "checkpoint_every": 0,
            "validate": True,
            "fair_curve": False,
        }
        alike |= {"early_stopping": NONE, "direction": "auto", "restore_best": True}
        alike |= {"patience": 0, "min_delta": 0.0}
        if not is_scheduled(config):  # a schedule's numbers are part of what is compiled
            alike |= {"learning_rate": 1.0, "epochs": 1}
        built_as = dataclasses.replace(config, **alike)
        model = self._model if built_as == self._built_as else None
        if model is None:
            self._model = None
            keras.backend.clear_session()  # which collects what the last one leaves
            keras.utils.set_random_seed(config.seed)
        else:
            # All that layers draw comes from it. Keras' own call also has TensorFlow forget how it
            # runs what is compiled, which takes longer than a short training.
            random.seed(config.seed)
        fresh = build(config)
        if model is None:
            self._built_as, self._model = built_as, fresh
            return fresh
        model.start_over(fresh)
        return model

    def warm_up(self) -> None:
        """Train the default network a little: what the first run needs is then imported."""
        config = RunConfig.create()
        prepared = _prepare(config, load(config.spec), self)
        prepared.model.fit(
            prepared.orders,
            steps_per_epoch=1,
            validation_data=prepared.validation,
            verbose=0,
            shuffle=False,
        )


class _Prepared(NamedTuple):
    """All that a training needs but its callbacks."""

    model: FedModel
    orders: tf.data.Dataset
    validation: tf.data.Dataset | None
    counter: Counter | None
    facts: dict[str, Any]
    boundary: BoundaryScores | None
    fair_loss: FairLoss | None
    preprocessing: Preprocessing | None


def _prepare(
    config: RunConfig, arrays: Arrays, warm: WarmModel, *, first_epoch: int = 0
) -> _Prepared:
    spec = config.spec
    parts = config.split(arrays)
    model = warm.build(config)
    one_hot = spec.num_classes if config.targets == "one_hot" else 0
    weights = class_weights(config.class_weight, parts.y_train)
    orders = model.feed(
        parts.x_train,
        shaped_targets(parts.y_train, spec.task, one_hot=one_hot),
        None if weights is None else row_weights(weights, parts.y_train),
        batch_size=config.batch_size,
        seed=config.seed,
        num_logs=1 + len(config.metrics),
        first_epoch=first_epoch,
    )
    validation = counter = None
    if config.validates:
        counter = evaluation_counter(spec, parts.y_val, parts.y_unsealed)
        y_val = shaped_targets(parts.y_val, spec.task, one_hot=one_hot)
        validation = validation_batches(parts.x_val, y_val)
    fair_loss = None
    if config.fair_curve:
        y_train = shaped_targets(parts.y_train, spec.task, one_hot=one_hot)
        fair_loss = FairLoss(model, parts.x_train, y_train)
    labels = parts.y_val if len(parts.y_val) else parts.y_train
    facts: dict[str, Any] = {"target_name": spec.target_name}
    if spec.num_classes:
        facts["class_names"] = list(spec.class_names)
        facts["majority"] = majority(np.bincount(labels, minlength=spec.num_classes))
    grid = Grid.over(spec, parts)
    return _Prepared(
        model=model,
        orders=orders,
        validation=validation,
        counter=counter,
        facts=facts,
        boundary=None if grid is None else BoundaryScores(model, grid),
        fair_loss=fair_loss,
        preprocessing=parts.preprocessing,
    )


def _problem_sentence(problem: str) -> str:
    return f"The checkpoints could not be kept ({problem})." if problem else ""


def _one_sentence(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason was given'}"[:300]
