"""Trains what a class votes on and records it, for when nothing can be trained."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import keras

from trainer.lessons import Fit, Lesson
from trainer.lessons.evidence import threshold_rows
from trainer.lessons.lesson import Scenario
from trainer.lessons.recorded import FOLDER, Recording, write_recordings
from trainer.shutdown import Shutdown
from trainer.store import Store
from trainer.teaching import train
from trainer.training import WarmModel
from trainer.version import VERSION


def record(
    store: Store,
    lesson: Lesson,
    *,
    seed: int = 0,
    shutdown: Shutdown | None = None,
    folder: Path = FOLDER,
) -> Path:
    """Train the scenarios that a class may vote on, and write what they showed into a file.

    Args:
        store: Where the runs go.
        lesson: Which lesson.
        seed: Seed of the trainings.
        shutdown: Once requested, it ends.
        folder: Where the file belongs.

    Raises:
        NotPossible: A training failed or was stopped.
    """
    warm = WarmModel()
    fits = [
        (scenario, train(store, scenario, seed=seed, warm=warm, shutdown=shutdown))
        for scenario in recorded_scenarios(lesson)
    ]
    return write_recordings(
        lesson.name, [recording(lesson, scenario, fit) for scenario, fit in fits], folder
    )


def recorded_scenarios(lesson: Lesson) -> list[Scenario]:
    """Return what is run after a vote: the first scenario, of the quiz each question's."""
    names = [question.scenarios[0] for question in lesson.questions] or [lesson.scenarios[0].name]
    return [lesson.scenario(name) for name in dict.fromkeys(names)]


def recording(lesson: Lesson, scenario: Scenario, fit: Fit) -> Recording:
    """Return what is kept of a training."""
    return Recording(
        scenario=scenario.name,
        seed=fit.config.seed,
        recorded_on=f"{datetime.now(UTC):%Y-%m-%d}",
        version=VERSION,
        keras=keras.__version__,
        state=fit.state,
        steps_per_epoch=fit.steps_per_epoch,
        history={
            name: [None if value is None else float(f"{value:.5g}") for value in values]
            for name, values in fit.history.items()
        },
        thresholds=threshold_rows(fit) if lesson.shows_matrix else [],
        seen=lesson.seen_in(fit),
    )
