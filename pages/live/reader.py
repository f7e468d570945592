"""One run's way from the store to the text of a message."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from pages.live.history import MAX_SNAPSHOT_POINTS, History
from pages.live.series import Points, StepAxis, series_to_json, thin, to_points
from trainer.diagnosis.auditing import Audits
from trainer.diagnosis.observer import Observer
from trainer.diagnosis.verdict import Verdict
from trainer.runs import ACTIVE, Boundary, Cursor, Evaluation, Run
from trainer.store import Store
from trainer.waiting import Waiting, waiting

# Points a trace in a message about what came within a tenth of a second.
MAX_DELTA_POINTS = 300
# Points in a message, so that its size is bounded however many metrics there are (about 16 bytes
# a point); a trace has room for a screen's width nevertheless, up to 60 traces.
MAX_MESSAGE_POINTS = 18_000
MIN_TRACE_POINTS = 300
# So many records are in memory at a time while a run is read from its start …
PIECE = 500
# … and so many at most for a viewer who was away; who missed more gets everything anew.
MAX_MISSED = 2 * MAX_SNAPSHOT_POINTS


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
        points: All up to the cursor, of a very long run fewer.
    """

    cursor: Cursor
    steps_per_epoch: int
    is_guess: bool
    run: str
    evaluation: str
    boundary: str
    verdicts: str
    is_over: bool
    points: Points

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

    head: Head
    pulse: tuple[int, int] | None

    def __init__(self, store: Store, run_id: str, *, audits: Audits | None = None) -> None:
        self.run_id = run_id
        self._store = store
        self._axis = StepAxis()
        self._evaluation: str | None = None
        self._boundary: str | None = None
        self._observer = Observer(store, audits=audits)
        self._verdicts = "[]"
        self._read_all()

    def advance(self) -> Message | None:
        """Return what is new since the last call, or None if nothing is.

        Raises:
            RunNotFound: There is no such run any more.
        """
        before = self.head
        run, records = self._store.updates(self.run_id, before.cursor)
        self._axis.observe(run.steps_per_epoch, records)
        cursor = records[-1].cursor if records else before.cursor
        starts_again = before.cursor.seq and cursor.attempt != before.cursor.attempt
        moves_points = before.is_guess and self._axis.steps_per_epoch != before.steps_per_epoch
        if starts_again or moves_points:
            self._read_all()
            return self.snapshot(self.head)
        self._observer.take(records)
        is_epoch = any(record.kind == "epoch" for record in records)
        head = self._next_head(run, cursor, is_epoch=is_epoch)
        is_same = head.run == before.run and head.token == before.token
        if not records and is_same and head.verdicts == before.verdicts:
            self._run, self.pulse = run, pulse_of(run)
            return None
        points = to_points(records, steps_per_epoch=head.steps_per_epoch)
        text = _text("delta", head, points, MAX_DELTA_POINTS, before=before)
        # Last, so that nothing is skipped or doubled if a step before fails.
        self._history.extend(points)
        self._stand_at(run, replace(head, points=self._history.points))
        return Message(head=self.head, text=text, is_snapshot=False)

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
        head = self.head = replace(before, verdicts=self._verdicts, is_over=is_over)
        return _news(head, before)

    def has_news(self) -> bool:
        """Return whether the run has reached another epoch or state since it was last read.

        Raises:
            RunNotFound: There is no such run any more.
        """
        return self._store.progress(self.run_id) != self.progress

    def snapshot(self, head: Head) -> Message:
        """Return the whole run as of a moment."""
        text = _text("snapshot", head, head.points, MAX_SNAPSHOT_POINTS)
        return Message(head=head, text=text, is_snapshot=True)

    def since(self, token: str, head: Head) -> Message | None:
        """Return what a viewer with this token lacks as of a moment; None if too much."""
        cursor = head.resumes(token)
        if cursor is None or head.cursor.seq - cursor.seq > MAX_MISSED:
            return None
        _, records = self._store.updates(self.run_id, cursor)
        records = [record for record in records if record.cursor <= head.cursor]
        points = to_points(records, steps_per_epoch=head.steps_per_epoch)
        if any(len(x) > MAX_SNAPSHOT_POINTS for x, _ in points.series.values()):
            return None
        text = _text("delta", head, points, MAX_SNAPSHOT_POINTS)
        return Message(head=head, text=text, is_snapshot=False)

    def _read_all(self) -> None:
        """Read the run from its start, again if its points turn out to lie elsewhere."""
        layouts = {0, 1}
        while len(layouts) > 1:
            layouts, cursor = set(), Cursor()
            self._history = History()
            with self._store.reading(self.run_id) as (run, records):
                while piece := list(islice(records, PIECE)):
                    self._axis.observe(run.steps_per_epoch, piece)
                    self._observer.take(piece)
                    layouts.add(self._axis.steps_per_epoch)
                    points = to_points(piece, steps_per_epoch=self._axis.steps_per_epoch)
                    self._history.extend(points)
                    cursor = piece[-1].cursor
        self._stand_at(run, self._next_head(run, cursor, is_epoch=True))

    def _stand_at(self, run: Run, head: Head) -> None:
        self.head, self.pulse, self.progress = head, pulse_of(run), run.progress
        self._run = run

    def _next_head(self, run: Run, cursor: Cursor, *, is_epoch: bool) -> Head:
        if run.is_over:
            self._say(self._observer.diagnose(run))
        return Head(
            cursor=cursor,
            steps_per_epoch=self._axis.steps_per_epoch,
            is_guess=self._axis.is_guess,
            run=_to_json(summary(run, waiting(self._store, run))),
            evaluation=self._newest_evaluation(run, is_epoch=is_epoch),
            boundary=self._newest_boundary(run, is_epoch=is_epoch),
            verdicts=self._verdicts,
            is_over=self._is_over(run),
            points=self._history.points,
        )

    def _say(self, verdicts: Sequence[Verdict]) -> None:
        self._verdicts = _to_json([verdict.to_dict() for verdict in verdicts])

    def _is_over(self, run: Run) -> bool:
        return run.is_over and self._observer.is_settled

    def _newest_evaluation(self, run: Run, *, is_epoch: bool) -> str:
        if self._evaluation is None or is_epoch:
            evaluation = self._store.evaluation(run.run_id)
            self._evaluation = "null" if evaluation is None else _to_json(to_message(evaluation))
        return self._evaluation

    def _newest_boundary(self, run: Run, *, is_epoch: bool) -> str:
        # The last one may come after its epoch, with the run's end.
        if self._boundary is None or is_epoch or run.is_over:
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
    return _news(head, head)


def summary(run: Run, waits: Waiting | None) -> dict[str, Any]:
    """Return what the header above the charts shows; `epochs` are those asked for."""
    return {
        "run_id": run.run_id,
        "name": run.name,
        "state": run.state,
        "message": run.message if waits is None else waits.reason,
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


def _news(head: Head, before: Head) -> Message:
    """Return a message without points."""
    text = _text("delta", head, Points({}, []), 0, before=before)
    return Message(head=head, text=text, is_snapshot=False)


def _text(kind: str, head: Head, points: Points, limit: int, *, before: Head | None = None) -> str:
    limit = min(limit, max(MIN_TRACE_POINTS, MAX_MESSAGE_POINTS // max(1, len(points.series))))
    series = {name: thin(x, y, limit) for name, (x, y) in points.series.items()}
    told = series_to_json(series, steps_per_epoch=head.steps_per_epoch)
    # Who has seen the head before has its evaluation, its boundary and its verdicts.
    newer = "".join(
        f',"{name}":{getattr(head, name)}'
        for name in ("evaluation", "boundary", "verdicts")
        if before is None or getattr(head, name) != getattr(before, name)
    )
    marks = f',"marks":{json.dumps(points.marks)}' if points.marks else ""
    start = f'{{"type":"{kind}","cursor":"{head.token}","run":{head.run}'
    return f'{start},"series":{told}{marks}{newer}}}'


def _rounded(value: float | None) -> float | None:
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None


def _to_json(values: dict[str, Any] | list[dict[str, Any]]) -> str:
    return json.dumps(values, allow_nan=False, separators=(",", ":"))
