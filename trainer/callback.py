"""LiveCallback: translates Keras' calls into records, and the wish to stop into Keras' flags."""

from __future__ import annotations

import atexit
import logging
import sys
import threading
import time
import warnings
from collections.abc import Callable
from types import FrameType
from typing import Any

import keras
import numpy as np

from trainer.boundary import BoundaryScores
from trainer.counting import EvaluationCounts, counting_metric
from trainer.errors import StoreUnusable, TrainerError
from trainer.evaluation.counters import Counter
from trainer.evaluation.counts import Counts, majority
from trainer.evaluation.surface import Surface
from trainer.fair_loss import FAIR_LOSS, FairLoss
from trainer.feeding import FedModel
from trainer.process import this_process
from trainer.recorder import Recorder
from trainer.runs import State
from trainer.settings import Settings
from trainer.store import Store

# Where each step is a call of its own, steps are handed over once so many are there, or so long
# after the last time.
_STEPS_PER_RECORD = 32
_SECONDS_PER_RECORD = 0.1
_IS_SCHEDULED = "The learning rate follows a schedule and was left as it is."
_FIT_RAISED = "fit() ended with an error; the program that called it shows it."

_log = logging.getLogger(__name__)


class LiveCallback(keras.callbacks.Callback):
    """Streams a `fit()` into the dashboard, and does what is pressed there.

    ```python
    model.fit(x, y, validation_data=..., callbacks=[LiveCallback(name="my model")])
    ```

    The run appears in every dashboard that uses the same store (`DASHBOARD_HOME` or
    `DASHBOARD_STORE`), where it can be paused, taken step by step, slowed down and given another
    learning rate; each acts between two batches. Values per step are Keras' own: running means
    since the epoch's start. A store that cannot be written is logged and never ends the training.

    Args:
        name: What the run is called; at most 80 characters.
        recorder: For this package's worker: an open recorder that somebody else serves.
        counter: For this package's worker: counts the rows of a validation, which no metric does
            then.
        boundary: The same: what to compute after some epochs.
        fair_loss: The same; its value is logged as `fair_loss`.
        terminate_on_nan: Whether a loss that is not finite ends the training.

    Attributes:
        diverged: The 0-based epoch and step at which the loss was first not finite, or None;
            the step is None when it showed only in the epoch's logs.
        was_cut: Whether the running epoch was cut short, so that it does not count.
        run_id: The id of the newest run in the store; None before training begins, and where the
            store could not be written.
    """

    # Keras then reads the logs and calls `on_train_batch_end` in threads of its own, as without any
    # callback, and goes on training meanwhile.
    async_safe = True

    def __init__(
        self,
        name: str = "",
        *,
        recorder: Recorder | None = None,
        counter: Counter | None = None,
        boundary: BoundaryScores | None = None,
        fair_loss: FairLoss | None = None,
        terminate_on_nan: bool = False,
    ) -> None:
        super().__init__()
        self.name = name
        self.terminate_on_nan = terminate_on_nan
        self.diverged: tuple[int, int | None] | None = None
        self.run_id = recorder.claim.run_id if recorder else None
        self.was_cut = False
        self._recorder = recorder
        self._counter = counter
        self._boundary = boundary
        self._fair_loss = fair_loss
        self._service: _Service | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Open the run."""
        self._epoch = 0
        self.was_cut = False
        self._counts: Callable[[], Counts] | None = None
        self._has_told_facts = False
        self._steps = _Steps(self.model.steps_per_execution)
        self.diverged = None
        self._close("failed", _FIT_RAISED)  # where an earlier fit() never got to its end
        epochs = _whole(self.params.get("epochs"))
        if self._recorder is None:
            self._open(epochs)
        if self._recorder is not None:
            if isinstance(self.model, FedModel):
                self.model.on_steps = self._on_steps
                self.model.admit = self._admit
            self._recorder.begin(epochs=epochs, steps_per_epoch=self._steps_per_epoch())
        if self._boundary is not None:
            self._boundary.begin()
        if self._fair_loss is not None:
            self._fair_loss.begin()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Remember which epoch the steps belong to, and have only its validation counted."""
        self._epoch = epoch
        if (metric := counting_metric(self.model)) is not None:
            metric.pause()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Wait, where somebody has paused the training."""
        if self._recorder is not None and not isinstance(self.model, FedModel):
            self._admit(batch, 1)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the step's running means; they are read later, all at once."""
        if self._recorder is None:
            return
        if not isinstance(self.model, FedModel):
            with self._steps.lock:
                self._steps.add(batch, dict(logs or {}))
                if self._steps.are_due:
                    self._hand_over(self._steps.take())
        self._heed_stop(in_epoch=True)

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Leave a validation that nobody waits for."""
        if self._recorder is not None and self._recorder.gate.is_stopped:
            self.was_cut = True
            self.model.stop_training = True
            self.model.stop_evaluating = True

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Keep what a whole validation has counted."""
        if self._recorder is not None and not self.was_cut:
            if (counter := self._counter) is not None:
                outputs = self.model.validated
                # Counted by the thread that serves; the training goes on meanwhile.
                self._counts = lambda: counter(np.concatenate([part.numpy() for part in outputs]))
            elif (metric := counting_metric(self.model)) is not None:
                self._counts = metric.snapshot()
                if self._service is not None and isinstance(metric, EvaluationCounts):
                    self._tell_facts(metric)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the epoch, unless it was cut short."""
        if self._recorder is None:
            return
        with self._steps.lock:
            self._hand_over(self._steps.take_last())
        logs = _numbers(logs or {})
        losses = [value for name, value in logs.items() if name in ("loss", "val_loss")]
        # Of an epoch without a single step Keras logs no number.
        if self.diverged is None and not self.was_cut and not np.all(np.isfinite(losses)):
            self._diverge(epoch, None)
        if not self.was_cut:
            fair_loss = self._fair_loss_after(epoch)
            if fair_loss is not None:
                logs[FAIR_LOSS] = fair_loss
            self._recorder.log_epoch(epoch, logs, self._counts, self._surface_after(epoch))
        self._counts = None
        self._recorder.gate.end_epoch()
        self._heed_stop(in_epoch=False)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the run, if this callback opened it."""
        if isinstance(self.model, FedModel):
            self.model.on_steps = self.model.admit = None
        if self._recorder is not None and self._recorder.gate.is_stopped:
            self._close("stopped")
        elif self.diverged is not None:
            self._close("diverged", divergence_sentence(*self.diverged))
        else:
            self._close("finished")

    def _surface_after(self, epoch: int) -> Surface | None:
        if self._boundary is None:
            return None
        return self._boundary.after_epoch(epoch, is_last=self._is_last(epoch))

    def _fair_loss_after(self, epoch: int) -> float | None:
        if self._fair_loss is None:
            return None
        return self._fair_loss.after_epoch(is_last=self._is_last(epoch))

    def _is_last(self, epoch: int) -> bool:
        return bool(self.model.stop_training or epoch + 1 == self.params.get("epochs"))

    def _tell_facts(self, metric: EvaluationCounts) -> None:
        assert self._recorder is not None
        if self._has_told_facts:
            return
        if getattr(self.model.loss, "from_logits", False) and not metric.from_logits:
            warnings.warn(
                "EvaluationCounts must be made with from_logits=True where the loss is: these "
                "counts take logits for scores. Got from_logits=False.",
                stacklevel=2,
            )
        support = metric.counts().support
        if support.any():
            facts: dict[str, Any] = {"majority": majority(support)}
            if metric.class_names:
                facts["class_names"] = metric.class_names
            self._recorder.update(facts=facts)
            self._has_told_facts = True

    def _open(self, epochs: int | None) -> None:
        self.run_id = None
        try:
            self._service = _Service(self.name, self.model, epochs)
        except TrainerError:
            _log.exception("this fit() is not recorded")
            return
        self._recorder = self._service.recorder
        self.run_id = self._recorder.claim.run_id

    def _close(self, state: State, message: str = "") -> None:
        if self._service is not None:
            self._service.close(state, message)
            self._service = self._recorder = None

    def _steps_per_epoch(self) -> int | None:
        is_fed = isinstance(self.model, FedModel)
        return self.model.steps_per_epoch if is_fed else _whole(self.params.get("steps"))

    def _on_steps(self, step: int, names: list[str], values: np.ndarray) -> None:
        assert self._recorder is not None
        self._recorder.log_steps(self._epoch, step, names, values)
        self._look_for_divergence(step, names, values)
        self._heed_stop(in_epoch=True)

    def _admit(self, step: int, most: int) -> int:
        assert self._recorder is not None
        taken = self._recorder.gate.admit(
            self._epoch,
            step,
            most,
            steps_per_epoch=self._steps_per_epoch(),
            set_learning_rate=lambda value: self._set_learning_rate(step, value),
        )
        if not taken:
            self._heed_stop(in_epoch=True)
        return taken

    def _set_learning_rate(self, step: int, value: float) -> None:
        assert self._recorder is not None
        try:
            self.model.optimizer.learning_rate = value
        except (TypeError, AttributeError):
            # Keras refuses where a schedule or a function gives it.
            self._recorder.update(message=_IS_SCHEDULED)
        else:
            self._recorder.log_learning_rate(self._epoch, step, value)

    def _hand_over(self, steps: list[tuple[int, dict[str, Any]]]) -> None:
        if not steps:
            return
        assert self._recorder is not None
        first_step, first_logs = steps[0]
        stride = self.model.steps_per_execution
        names = list(_numbers(first_logs))
        rows = [[logs.get(name, np.nan) for name in names] for _, logs in steps]
        values = np.array(rows, "float32")
        self._recorder.log_steps(self._epoch, first_step, names, values, stride=stride)
        self._look_for_divergence(first_step, names, values, stride=stride)

    def _look_for_divergence(
        self, step: int, names: list[str], values: np.ndarray, *, stride: int = 1
    ) -> None:
        if self.diverged is None and "loss" in names:
            bad = np.flatnonzero(~np.isfinite(values[:, names.index("loss")]))
            if bad.size:
                self._diverge(self._epoch, step + int(bad[0]) * stride)

    def _diverge(self, epoch: int, step: int | None) -> None:
        self.diverged = (epoch, step)

    def _heed_stop(self, *, in_epoch: bool) -> None:
        is_stopped = self._recorder is not None and self._recorder.gate.is_stopped
        if is_stopped or (self.diverged is not None and self.terminate_on_nan):
            self.model.stop_training = True
            # Where another callback stops the training, Keras still ends and validates the epoch.
            self.was_cut = self.was_cut or in_epoch


def divergence_sentence(epoch: int, step: int | None) -> str:
    """Return what is said of a loss that is not finite since this 0-based epoch and step."""
    where = f"after epoch {epoch + 1}"
    if step is not None:
        where = f"at step {step + 1} of epoch {epoch + 1}"
    return f"The loss stopped being a finite number {where}. Try a smaller learning rate."


class _Service:
    """A run of somebody else's `fit()`: its store, its recorder and the thread that serves it."""

    def __init__(self, name: str, model: keras.Model, epochs: int | None) -> None:
        self._store = Store(Settings.from_environment().store_url)
        config = {"model": model.name, "epochs": epochs}
        claim = self._store.open_run(
            config, worker=this_process(), origin="callback", name=name or model.name
        )
        self.recorder = Recorder(self._store, claim)
        self._fit_thread = threading.get_ident()
        self._fit = _Call.of_fit()
        self._fit_is_over = threading.Event()
        name = f"live {claim.run_id}"
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()
        atexit.register(self._close_at_exit)

    def close(self, state: State, message: str = "") -> None:
        """End the run with this state, unless it has ended already."""
        self._fit_is_over.set()
        self._thread.join()
        self._end(state, message)
        self._store.close()
        atexit.unregister(self._close_at_exit)

    def _close_at_exit(self) -> None:
        # One thread at a time speaks for the run.
        self._fit_is_over.set()
        self._thread.join()
        self._look_after_fit()
        self.close("interrupted", "The program ended during the training.")

    def _serve(self) -> None:
        self.recorder.serve(self._fit_is_over, each_look=self._look_after_fit)

    def _look_after_fit(self) -> None:
        # fit() that raises, or is interrupted in a notebook, never calls on_train_end.
        if self._fit and not self._fit.is_running_in(self._fit_thread):
            self._end("failed", _FIT_RAISED)
            self._fit_is_over.set()

    def _end(self, state: State, message: str) -> None:
        try:
            self.recorder.end(state, message)
        except StoreUnusable:
            _log.exception("run %s: its end could not be recorded", self.recorder.claim.run_id)


class _Steps:
    """The steps of the running epoch, in their order whatever thread was first to bring its one."""

    def __init__(self, steps_per_execution: int) -> None:
        self.lock = threading.Lock()
        self._stride = steps_per_execution
        self._waiting: dict[int, dict[str, Any]] = {}
        self._begin()

    @property
    def are_due(self) -> bool:
        """Whether it is time to hand steps over."""
        is_late = time.monotonic() - self._taken > _SECONDS_PER_RECORD
        return is_late or len(self._waiting) >= _STEPS_PER_RECORD

    def add(self, batch: int, logs: dict[str, Any]) -> None:
        """Keep the logs of a step."""
        self._waiting[batch] = logs

    def take(self) -> list[tuple[int, dict[str, Any]]]:
        """Return the steps that follow what was taken before, as far as none is missing."""
        steps = []
        while self._next in self._waiting:
            steps.append((self._next, self._waiting.pop(self._next)))
            self._next += self._stride
        if steps:
            self._taken = time.monotonic()
        return steps

    def take_last(self) -> list[tuple[int, dict[str, Any]]]:
        """Return all that is left of an epoch at its end."""
        steps = sorted(self._waiting.items())
        self._waiting.clear()
        self._begin()
        return steps

    def _begin(self) -> None:
        # With steps_per_execution Keras reports the last step of each execution.
        self._next = self._stride - 1
        self._taken = time.monotonic()


class _Call:
    """One call of a function that is running, told from others without keeping it alive."""

    def __init__(self, frame: FrameType) -> None:
        # The frame itself would keep the training data in memory after fit() has raised.
        self._id, self._code = id(frame), frame.f_code

    @classmethod
    def of_fit(cls) -> _Call | None:
        """Return the innermost call of a function named `fit` that led here."""
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if frame.f_code.co_name == "fit":
                return cls(frame)
            frame = frame.f_back
        return None

    def is_running_in(self, thread: int) -> bool:
        """Return whether the call has not returned yet."""
        # The thread runs on meanwhile: a generator that yields just now has no caller to go on to.
        return any(self._is_seen_in(thread) for _ in range(3))

    def _is_seen_in(self, thread: int) -> bool:
        frame = sys._current_frames().get(thread)
        while frame is not None:
            if id(frame) == self._id and frame.f_code is self._code:
                return True
            frame = frame.f_back
        return False


def _numbers(logs: dict[str, Any]) -> dict[str, float]:
    # A metric may log an array, e.g. one F1 score a class; a curve is made of numbers.
    return {
        name: float(value)
        for name, value in logs.items()
        if isinstance(value, int | float | np.number)
    }


def _whole(number: Any) -> int | None:
    return None if number is None else int(number)
