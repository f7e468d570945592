"""Trains the scenarios of a lesson for real, one after the other, and checks what they showed.

Each is a run like any other: it is in the store, and an open dashboard shows it live.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from trainer.errors import NotPossible, TrainerError
from trainer.inspecting import inspect
from trainer.inspections import Inspections
from trainer.lessons import Figure, Fit, Fits, Lesson, Scenario
from trainer.lessons.lesson import PLAIN_ROWS
from trainer.process import is_running, this_process
from trainer.recorder import Recorder
from trainer.shutdown import Shutdown
from trainer.store import Store
from trainer.training import Training, WarmModel

_LOOK_SECONDS = 0.05
_ANSWER_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Taught:
    """What a lesson showed.

    Attributes:
        lesson: Which lesson.
        seed: The seed of its trainings.
        fits: They themselves.
        figures: What they showed, figure by figure.
        seconds: How long all of it took.
    """

    lesson: Lesson
    seed: int
    fits: Fits
    figures: tuple[Figure, ...]
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether all that the lesson states was so."""
        return all(figure.holds for figure in self.figures)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "lesson": self.lesson.name,
            "title": self.lesson.title,
            "seed": self.seed,
            "holds": self.holds,
            "figures": [dataclasses.asdict(figure) for figure in self.figures],
            "runs": [
                {"scenario": name, "run_id": fit.run_id, "state": fit.state, "epochs": fit.epochs}
                for name, fit in self.fits.fits.items()
            ],
            "seconds": self.seconds,
        }


def teach(
    store: Store,
    lesson: Lesson,
    *,
    seed: int = 0,
    warm: WarmModel | None = None,
    shutdown: Shutdown | None = None,
    before: Callable[[Scenario], None] = lambda scenario: None,
) -> Taught:
    """Train all scenarios of a lesson and return what they showed.

    Args:
        store: Where the runs go.
        lesson: Which lesson.
        seed: Seed of its trainings, and of their data.
        warm: The network of this process's last training.
        shutdown: Once requested, the lesson ends.
        before: Called before each training.

    Raises:
        InvalidInput: The seed is none.
        NotPossible: A training failed or was stopped, so that there is nothing to be checked.
    """
    began = time.monotonic()
    warm = warm or WarmModel()
    fits = {}
    for scenario in lesson.scenarios:
        before(scenario)
        fits[scenario.name] = train(store, scenario, seed=seed, warm=warm, shutdown=shutdown)
    plain = {size: plain_steps(size) for size in lesson.plain_batch_sizes}
    seen = Fits(fits=fits, plain_steps=plain)
    return Taught(
        lesson=lesson,
        seed=seed,
        fits=seen,
        figures=tuple(lesson.check(seen)),
        seconds=time.monotonic() - began,
    )


def train(
    store: Store,
    scenario: Scenario,
    *,
    seed: int,
    warm: WarmModel | None = None,
    shutdown: Shutdown | None = None,
) -> Fit:
    """Train one scenario and return what it showed.

    Raises:
        InvalidInput: The seed is none.
        NotPossible: The training failed or was stopped.
    """
    config = scenario.config(seed)
    claim = store.open_run(
        config.to_dict(),
        worker=this_process(),
        origin="lesson",
        name=config.name,
        subject=config.subject,
    )
    state = Training(config, Recorder(store, claim), warm=warm, shutdown=shutdown).run()
    if state not in ("finished", "diverged"):
        message = store.run(claim.run_id).message
        raise NotPossible(f"“{scenario.title}” could not be trained: it is {state}. {message}")
    if scenario.opens_test:
        _open_test(store, claim.run_id)
    return Fit.of(store, claim.run_id)


def _open_test(store: Store, run_id: str) -> None:
    """Break the seal of a run's test rows, and wait for what they say."""
    inspections = Inspections(store)
    number = inspections.ask(run_id, part="test", which="last")
    deadline = time.monotonic() + _ANSWER_SECONDS
    while time.monotonic() < deadline:
        # A worker of an open dashboard may have been quicker.
        asked = inspections.claim(this_process(), lambda worker: is_running(worker) is False)
        if asked is not None:
            try:
                result = inspect(store.run(asked.run_id), part=asked.part, which=asked.which)
            except TrainerError as error:
                inspections.end(asked, None, str(error))
            else:
                inspections.end(asked, result)
        (one,) = (one for one in inspections.of_run(run_id, "test") if one.number == number)
        if one.state == "done":
            return
        if one.state == "failed":
            raise NotPossible(f"The test rows could not be looked at. {one.message}")
        time.sleep(_LOOK_SECONDS)
    raise NotPossible("The test rows were not looked at within a minute.")


def plain_steps(batch_size: int) -> int:
    """Return how many steps Keras' own `fit(x, y, batch_size=…)` makes of an epoch of 40 rows."""
    x = np.linspace(0, 1, PLAIN_ROWS, dtype="float32")[:, np.newaxis]
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mean_squared_error")
    steps = _Steps()
    model.fit(x, 2 * x, batch_size=batch_size, epochs=1, verbose=0, callbacks=[steps])
    return steps.count


class _Steps(keras.callbacks.Callback):
    """Counts steps."""

    count = 0

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Count one."""
        self.count += 1
