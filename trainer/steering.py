"""Steering a training while it runs: what may be asked of it, and in which words it is refused."""

from __future__ import annotations

import math

from trainer.errors import InvalidInput, NotPossible
from trainer.runs import Command, CommandName, Run
from trainer.store import Store

MIN_SPEED, MAX_SPEED = 0.001, 1_000.0


def steer(store: Store, run_id: str, name: CommandName, value: float | None = None) -> None:
    """Tell a training what to do.

    Args:
        store: Where the run is.
        run_id: The run.
        name: What to do; *stop* also takes a run out of the queue.
        value: For *speed* at most so many epochs a second, 0 for full speed; for *learning_rate*
            the new one.

    Raises:
        RunNotFound: There is no such run.
        InvalidInput: The value makes no sense.
        NotPossible: Nobody trains the run, or its learning rate follows a schedule.
    """
    if name == "stop":
        store.stop(run_id)
        return
    if name == "speed":
        words = f"0 (full speed) or a number from {MIN_SPEED:g} to {MAX_SPEED:g}"
        low = 0.0 if value == 0 else MIN_SPEED
        value = _checked(name, value, low, MAX_SPEED, words)
    elif name == "learning_rate":
        value = _checked(name, value, math.ulp(0.0), math.inf, "a positive number")
        refuse_schedule(store.run(run_id))
    store.send(run_id, Command(name, value))


def refuse_schedule(run: Run) -> None:
    """Raise where a run's learning rate is given by its schedule, step by step.

    Raises:
        NotPossible: It is.
    """
    schedule = run.config.get("schedule", "constant")
    if schedule == "constant" and run.config.get("warmup_epochs"):
        schedule = "warm-up"
    if schedule != "constant":
        raise NotPossible(
            f"The learning rate of this run follows a schedule ({schedule}), which nobody can "
            "change on the way."
        )


def _checked(name: str, value: float | None, low: float, high: float, words: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(name, f"must be {words}", value)
    if not (math.isfinite(value) and low <= value <= high):
        raise InvalidInput(name, f"must be {words}", value)
    return float(value)
