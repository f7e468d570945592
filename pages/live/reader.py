"""One run's way from the store to the text of a message."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pages.live.series import (
    StepAxis,
    series_to_json,
    thin,
    to_marks,
    to_series,
)
from trainer.diagnosis.auditing import Audits
from trainer.diagnosis.observer import Observer
from trainer.diagnosis.verdict import Verdict
from trainer.runs import ACTIVE, Boundary, Cursor, Evaluation, Record, Run
from trainer.store import Store
from trainer.waiting import Waiting, waiting

# Points a trace in a snapshot, and in the message that closes the gap of a reconnect.
MAX_SNAPSHOT_POINTS = 2_000
# Points a trace in a message about what came within a tenth of a second.
MAX_DELTA_POINTS = 300
# Points in a message, so that its size is bounded however many metrics there are (about 16 bytes
# a point); a trace has room for a screen's width nevertheless, up to 60 traces.
MAX_MESSAGE_POINTS = 18_000
MIN_TRACE_POINTS = 300


@dataclass(frozen=True, kw_only=True, eq=False)
class Head:
    """A run as of one moment: what is said about it and how far its records go.

    Attributes:
        cursor: The last record.
        steps_per_epoch: How step points are laid out, see `StepAxis`.
        is_guess: Whether that layout is not the run's own.
        run: The summary in each message, as JSON.
        evaluation: The newest evaluation, as JSON; "null" where there is none.
        boundary: The newest decision boundary, as JSON; "null" where there is none.
        verdicts: What the diagnosis says, as a JSON array.
        is_over: Whether nothing more will come, be it from the training or from the diagnosis.
    """

    cursor: Cursor
    steps_per_epoch: int
    is_guess: bool
    run: str
    evaluation: str
    boundary: str
    verdicts: str
    is_over: bool

    @property
    def token(self) -> str:
        """The cursor as viewers get it, to hand it back when they reconnect.

        Where the layout of the steps may still change it says which one the viewer has.
        """
        return f"{self.cursor}~{self.steps_per_epoch}" if self.is_guess else str(self.cursor)

    def resumes(self, token: str) -> Cursor | None:
        """Return the cursor in a viewer's token; None if its points do not fit to ours."""
        text, _, steps_per_epoch = token.partition("~")
        cursor = Cursor.parse(text)
        if cursor is None or cursor.attempt != self.cursor.attempt or cursor > self.cursor:
            return None
        if steps_per_epoch and steps_per_epoch != str(self.steps_per_epoch):
            return None
        return cursor


@dataclass(frozen=True, kw_only=True, eq=False)
class Message:
    """A text for viewers, and the moment up to which it tells."""

    head: Head
    text: str
    is_snapshot: bool


class RunReader:
    """Reads what is new in one run; `advance` and `diagnose` are for one thread, the rest for any.

    The diagnosis of a training that goes on is made when it is asked for, so that points need not
    wait for it; that of a run that is over comes with the last points.

    Attributes:
        head: The run as of the last reading.
        pulse: The `pulse_of` the run then.
        progress: How far the run was then.

    Args:
        store: Where the run is.
        run_id: Its id.
        audits: Who tells the diagnosis whether the data leak; None if nobody does.

    Raises:
        RunNotFound: There is no such run.
    """

    def __init__(self, store: Store, run_id: str, *, audits: Audits | None = None) -> None:
        self.run_id = run_id
        self._store = store
        self._axis = StepAxis()
        self._evaluation: str | None = None
        self._boundary: str | None = None
        self._observer = Observer(store, audits=audits)
        run, records = store.updates(run_id)
        self._run = run
        self._verdicts = "[]"
        self.head = self._next_head(run, records, Cursor())
        self.pulse, self.progress = pulse_of(run), run.progress
        # Most who open a run want all of it next.
        self._opened: tuple[Head, list[Record]] | None = self.head, records

    def advance(self) -> Message | None:
        """Return what is new since the last call, or None if nothing is.

        Raises:
            RunNotFound: There is no such run any more.
        """
        before = self.head
        self._opened = None
        run, records = self._store.updates(self.run_id, before.cursor)
        head = self._next_head(run, records, before.cursor)
        is_same = head.run == before.run and head.token == before.token
        if not records and is_same and head.verdicts == before.verdicts:
            self._run, self.pulse = run, pulse_of(run)
            return None
        starts_again = before.cursor.seq and head.cursor.attempt != before.cursor.attempt
        moves_points = before.is_guess and head.steps_per_epoch != before.steps_per_epoch
        if starts_again or moves_points:
            message = self.snapshot(head)
        else:
            message = _message("delta", head, records, MAX_DELTA_POINTS, before=before)
        # Last, so that nothing is skipped if a step before fails.
        self.head, self.pulse, self.progress = head, pulse_of(run), run.progress
        self._run = run
        return message

    @property
    def has_ended(self) -> bool:
        """Whether the run was over when it was last read, be there more to say of it or not."""
        return self._run.is_over

    @property
    def wants_diagnosis(self) -> bool:
        """Whether there may be more to say of the run than was said."""
        return not self._observer.is_settled

    def diagnose(self) -> Message | None:
        """Say what is to be said of the run as it was last read; return None if that is no news."""
        before = self.head
        self._say(self._observer.diagnose(self._run))
        is_over = self._is_over(self._run)
        if self._verdicts == before.verdicts and is_over == before.is_over:
            return None
        self._opened = None
        head = self.head = replace(before, verdicts=self._verdicts, is_over=is_over)
        return _message("delta", head, [], 0, before=before)

    def has_news(self) -> bool:
        """Return whether the run has reached another epoch or state since it was last read.

        Raises:
            RunNotFound: There is no such run any more.
        """
        return self._store.progress(self.run_id) != self.progress

    def snapshot(self, head: Head) -> Message:
        """Return the whole run as of a moment."""
        opened, self._opened = self._opened, None
        if opened is not None and opened[0] is head:
            records = opened[1]
        else:
            _, records = self._store.updates(self.run_id)
            records = [record for record in records if record.cursor <= head.cursor]
        return _message("snapshot", head, records, MAX_SNAPSHOT_POINTS)

    def since(self, token: str, head: Head) -> Message | None:
        """Return what a viewer with this token lacks as of a moment; None if too much."""
        cursor = head.resumes(token)
        if cursor is None:
            return None
        _, records = self._store.updates(self.run_id, cursor)
        records = [record for record in records if record.cursor <= head.cursor]
        series = to_series(records, steps_per_epoch=head.steps_per_epoch)
        if any(len(x) > MAX_SNAPSHOT_POINTS for x, _ in series.values()):
            return None
        return _message("delta", head, records, MAX_SNAPSHOT_POINTS)

    def _next_head(self, run: Run, records: list[Record], cursor: Cursor) -> Head:
        self._axis.observe(run.steps_per_epoch, records)
        self._observer.take(records)
        if run.is_over:
            self._say(self._observer.diagnose(run))
        return Head(
            cursor=records[-1].cursor if records else cursor,
            steps_per_epoch=self._axis.steps_per_epoch,
            is_guess=self._axis.is_guess,
            run=_to_json(summary(run, waiting(self._store, run))),
            evaluation=self._newest_evaluation(run, records),
            boundary=self._newest_boundary(run, records),
            verdicts=self._verdicts,
            is_over=self._is_over(run),
        )

    def _say(self, verdicts: Sequence[Verdict]) -> None:
        self._verdicts = _to_json([verdict.to_dict() for verdict in verdicts])

    def _is_over(self, run: Run) -> bool:
        return run.is_over and self._observer.is_settled

    def _newest_evaluation(self, run: Run, records: list[Record]) -> str:
        if self._evaluation is None or any(record.kind == "epoch" for record in records):
            evaluation = self._store.evaluation(run.run_id)
            self._evaluation = "null" if evaluation is None else _to_json(to_message(evaluation))
        return self._evaluation

    def _newest_boundary(self, run: Run, records: list[Record]) -> str:
        # The last one may come after its epoch, with the run's end.
        is_news = run.is_over or any(record.kind == "epoch" for record in records)
        if self._boundary is None or is_news:
            boundary = self._store.boundary(run.run_id)
            self._boundary = "null" if boundary is None else _to_json(boundary_message(boundary))
        return self._boundary


def to_message(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as browsers get it: the header, with the data in base64."""
    data = base64.b64encode(evaluation.counts.data).decode()
    when = {"attempt": evaluation.attempt, "epoch": evaluation.epoch}
    return {**when, **evaluation.counts.header, "data": data}


def boundary_message(boundary: Boundary) -> dict[str, Any]:
    """Return a decision boundary as browsers get it: the header, with the data in base64."""
    data = base64.b64encode(boundary.surface.data).decode()
    return {"epoch": boundary.epoch, **boundary.surface.header, "data": data}


def pulse_of(run: Run) -> tuple[int, int] | None:
    """Return what changes whenever a run's writer writes; None if the run has no writer."""
    return (run.attempt, run.pulse) if run.state in ACTIVE else None


def still_alive(head: Head) -> Message:
    """Return a message that says nothing new."""
    return _message("delta", head, [], 0, before=head)


def summary(run: Run, waits: Waiting | None) -> dict[str, Any]:
    """Return what the header above the charts shows; `epochs` are those asked for."""
    return {
        "run_id": run.run_id,
        "name": run.name,
        "state": run.state,
        "message": run.message,
        "queue_place": None if waits is None else waits.place,
        "queue_seconds": None if waits is None else waits.seconds,
        "epoch": run.epoch,
        "epochs": run.epochs,
        "step": run.step,
        "steps_per_epoch": run.steps_per_epoch,
        "epochs_per_second": _rounded(run.epochs_per_second),
        "seconds_left": _rounded(run.seconds_left),
        "seconds": _rounded(run.seconds),
        "speed": run.speed,
        "facts": run.facts,
    }


def _message(
    kind: str, head: Head, records: list[Record], limit: int, *, before: Head | None = None
) -> Message:
    series = to_series(records, steps_per_epoch=head.steps_per_epoch)
    limit = min(limit, max(MIN_TRACE_POINTS, MAX_MESSAGE_POINTS // max(1, len(series))))
    series = {name: thin(x, y, limit) for name, (x, y) in series.items()}
    points = series_to_json(series, steps_per_epoch=head.steps_per_epoch)
    # Who has seen the head before has its evaluation, its boundary and its verdicts.
    newer = "".join(
        f',"{name}":{getattr(head, name)}'
        for name in ("evaluation", "boundary", "verdicts")
        if before is None or getattr(head, name) != getattr(before, name)
    )
    marks = to_marks(records, steps_per_epoch=head.steps_per_epoch)
    told = f',"marks":{json.dumps(marks)}' if marks else ""
    start = f'{{"type":"{kind}","cursor":"{head.token}","run":{head.run}'
    text = f'{start},"series":{points}{told}{newer}}}'
    return Message(head=head, text=text, is_snapshot=kind == "snapshot")


def _rounded(value: float | None) -> float | None:
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None


def _to_json(values: dict[str, Any] | list[dict[str, Any]]) -> str:
    return json.dumps(values, allow_nan=False, separators=(",", ":"))
