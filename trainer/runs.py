"""Runs and what is recorded of them: plain values that never change once made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from trainer.evaluation.packing import PackedCounts
from trainer.evaluation.surface import PackedSurface

State = Literal[
    "queued",
    "starting",
    "training",
    "paused",
    "finished",
    "stopped",
    "diverged",
    "interrupted",
    "stalled",
    "failed",
]
ACTIVE: tuple[State, ...] = ("starting", "training", "paused", "stalled")
ENDED: tuple[State, ...] = ("finished", "stopped", "diverged", "interrupted", "failed")


class Cursor(NamedTuple):
    """How far somebody has read a run; the start is `(0, 0)`."""

    attempt: int = 0
    seq: int = 0

    def __str__(self) -> str:
        return f"{self.attempt}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """Return the cursor that `str` made, or None if it is none."""
        attempt, _, seq = text.partition(".")
        if attempt.isascii() and attempt.isdigit() and seq.isascii() and seq.isdigit():
            return cls(int(attempt[:12]), int(seq[:12]))
        return None


START = Cursor()


@dataclass(frozen=True, kw_only=True)
class Record:
    """One thing a writer learnt; never changed once written.

    Attributes:
        kind: "epoch" (the logs of a finished epoch), "steps" (running means after each step) or
            "learning_rate" (somebody changed it in the middle of the training).
        epoch: 0-based epoch it belongs to.
        step: 0-based first step within the epoch; 0 for an epoch.
        data: For an epoch `{name: float or None}`, None standing for a non-finite value;
            for steps `{"names": [...]}`, the columns of `values`, with `"stride"` where the
            rows of `values` are not one step but several apart; `{"learning_rate": float}`.
        values: For steps the values, shape `(num_steps, num_names)`, dtype float32.
        evaluation: For an epoch what was counted on the validation rows, if anything was; the
            store keeps it apart, and `Store.evaluation` reads it.
        cursor: Where the record stands in its run; set by the store when read.
    """

    kind: Literal["epoch", "steps", "learning_rate"]
    epoch: int
    step: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    values: np.ndarray | None = None
    evaluation: PackedCounts | None = None
    cursor: Cursor = START


class Parent(NamedTuple):
    """What a fork goes on from, and the one choice in which it differs.

    Attributes:
        run_id: The run; it may be gone by now.
        name: What that run was called.
        epoch: 0-based epoch after which the two part.
        parameter: The choice.
        before: Its value in that run.
        after: Its value in the fork.
    """

    run_id: str
    name: str
    epoch: int
    parameter: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training as the store knows it; a copy that never changes.

    Times are seconds since 1970 in UTC; `seconds` is the monotonic duration of `fit()` so far.
    `epoch` counts finished epochs, `step` the finished steps of the running one. `facts` is what
    a reader of its evaluations needs to know: `class_names`, `target_name`, and the class that
    most rows have, `majority: {"class": 3, "share": 0.1}`; each may be missing. `speed` is how many
    epochs a second slow motion lets through, and `learning_rate` what somebody set it to; each is
    None without. `owner` is as whom somebody started it, empty for nobody in particular. `parent`
    is what a fork goes on from; `note` is what people wrote about it.
    """

    number: int
    run_id: str
    name: str
    origin: str
    state: State
    message: str
    config: Mapping[str, Any]
    facts: Mapping[str, Any]
    attempt: int
    worker: str
    pulse: int
    epoch: int
    epochs: int | None
    step: int
    steps_per_epoch: int | None
    seconds: float
    epochs_per_second: float | None
    speed: float | None
    learning_rate: float | None
    queue_number: int
    turn: int
    owner: str
    parent: Parent | None
    note: str
    created_at: float
    started_at: float | None
    ended_at: float | None

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(self.attempt, self.state, self.epoch)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come, unless somebody starts the run anew."""
        return self.state in ENDED

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds to the end of the run; None where nobody can know."""
        if self.state not in ("training", "paused") or not self.epochs_per_second:
            return None
        if self.epochs is None:
            return None
        done = self.epoch + (self.step / self.steps_per_epoch if self.steps_per_epoch else 0)
        return max(0.0, self.epochs - done) / self.epochs_per_second


CommandName = Literal["stop", "pause", "resume", "step", "epoch", "speed", "learning_rate"]


class Command(NamedTuple):
    """What somebody wants a training to do.

    Attributes:
        name: *stop*; *pause* and *resume*; *step* or *epoch*, one more and then a pause; *speed*;
            *learning_rate*.
        value: At most so many epochs a second, 0 for full speed; or the new learning rate.
    """

    name: CommandName
    value: float | None = None


class Progress(NamedTuple):
    """The part of a run that people wait for: its state and its finished epochs."""

    attempt: int
    state: State
    epoch: int


Part = Literal["validation", "test"]
Which = Literal["last", "best"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Inspection:
    """A run's kept network looked at once more, over one part of its rows.

    One of the test part is an opening of the seal, and stays on the run for good.

    Attributes:
        number: Identity; a later inspection has a higher one. One that was deleted may give its
            number to another, with another `asked_at`.
        run_id: The run.
        part: Which rows.
        which: Which weights: those after the last or after the best epoch.
        state: "asked", "running", "done" or "failed".
        message: Why it failed, in a sentence.
        asked_at: When somebody asked for it, in seconds since 1970 in UTC.
        evaluation: The epoch (0-based) of the weights and what was counted; None before it is done.
    """

    number: int
    run_id: str
    part: Part
    which: Which
    state: Literal["asked", "running", "done", "failed"]
    message: str
    asked_at: float
    evaluation: Evaluation | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """What a network says of each of some rows.

    Attributes:
        rows: Where the rows are in the dataset, shape `(num_rows,)`.
        y_true: Targets, shape `(num_rows,)`: class indices, or numbers for a regression.
        y_score: Scores of all classes, shape `(num_rows, K)`, or predictions, `(num_rows, 1)`;
            float32.
    """

    rows: np.ndarray
    y_true: np.ndarray
    y_score: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What was counted on the validation rows after an epoch (0-based) of a launch of the run."""

    attempt: int = 0
    epoch: int
    counts: PackedCounts


class Evaluations(NamedTuple):
    """Evaluations of a run, and what was left out: of `epochs_total` epochs every `every`-th."""

    shown: list[Evaluation]
    epochs_total: int
    every: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Boundary:
    """What a network said everywhere over its data after an epoch (0-based)."""

    epoch: int
    surface: PackedSurface


class Claim(NamedTuple):
    """The right to write into a run, until somebody else gets a newer one."""

    run_id: str
    attempt: int


def finite_or_none(value: float) -> float | None:
    """Return a value as the store keeps it: None for NaN and the infinities."""
    value = float(value)
    return value if math.isfinite(value) else None


def record_names(records: Sequence[Record]) -> list[str]:
    """Return the names of the logged values in the order they first appear."""
    names: dict[str, None] = {}
    for record in records:
        names.update(dict.fromkeys(record.data["names"] if record.kind == "steps" else record.data))
    return list(names)
