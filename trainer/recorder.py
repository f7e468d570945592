"""Writes what a training learns into the store, and hears the commands to it.

The training's thread hands over records and goes on at once; another thread, the one in
`Recorder.serve`, commits them, gives the pulse and takes commands.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from trainer.errors import Fenced, StoreFull, StoreUnusable
from trainer.evaluation.counts import Counts
from trainer.evaluation.packing import pack
from trainer.evaluation.surface import Surface
from trainer.evaluation.surface import pack as pack_surface
from trainer.gate import Gate
from trainer.runs import Boundary, Claim, Command, Record, State, finite_or_none
from trainer.store import Store
from trainer.thinning import EvenlyKept

PULSE_SECONDS = 1.0
COMMAND_SECONDS = 0.1
# Commits are at least this far apart: a fast training is recorded in bundles.
COMMIT_SECONDS = 0.03
RETRY_SECONDS = 1.0
# How often a writer moves the store's log on.
CHECKPOINT_SECONDS = 5.0
# Boundaries that stay in the store, about a kilobyte each; of more evenly chosen ones.
MAX_BOUNDARIES = 398

_log = logging.getLogger(__name__)


class Recorder:
    """The single writer of one run.

    Attributes:
        gate: Where the training hears what it should do; it ends when the gate is stopped.
        is_lost: Whether the run was taken over or ended by somebody else; nothing is recorded
            from then on.
        is_out_of_room: Whether the disk was found full; what is learnt waits for room in memory.
        remark: What is said of the run while it trains, in a sentence.
        paused_seconds: How long the training has waited in pauses that are over.

    Args:
        store: Where the run is.
        claim: The right to write into it.
        seconds_before: What earlier launches of the run have taken.
    """

    def __init__(self, store: Store, claim: Claim, *, seconds_before: float = 0.0) -> None:
        self.claim = claim
        self.remark = ""
        self._seconds_before = seconds_before
        self.gate = Gate(self._pause)
        self.is_lost = False
        self.is_out_of_room = False
        self._store = store
        self._lock = threading.Lock()
        self._records: deque[tuple[Record, Callable[[], Counts] | None]] = deque()
        self._fields: dict[str, Any] = {}
        # Said with each sign of life: somebody may have taken the silence before for a stall.
        self._standing: dict[str, Any] = {"state": "starting", "message": ""}
        self._surfaces: dict[int, Surface] = {}  # by epoch
        self._outdated: set[int] = set()
        self._kept_boundaries = EvenlyKept(MAX_BOUNDARIES)
        self._seq = 0
        self._work = threading.Event()
        self._began: float | None = None
        self._first_epoch: int | None = None
        self._is_training = False
        self._steps_per_epoch: int | None = None
        self._paused_at: float | None = None
        self._heard_at = 0.0
        self.paused_seconds = 0.0
        self._done = 0.0  # epochs, the part of the running one too
        # When how many epochs were done: the newest ends of epochs, and at first the first steps.
        self._marks: deque[tuple[float, float]] = deque(maxlen=20)

    # -- the training's thread ---------------------------------------------------------------

    def begin(self, *, epochs: int | None, steps_per_epoch: int | None) -> None:
        """Say that `fit()` begins now; the run is *training* from its first step on."""
        self._began = time.monotonic()
        self._steps_per_epoch = steps_per_epoch
        self.update(message="Preparing the network", epochs=epochs, steps_per_epoch=steps_per_epoch)

    def go_on(self, first_epoch: int, remark: str = "") -> None:
        """Say that the run trains again from this 0-based epoch on, whatever it had beyond it."""
        self.remark = remark
        self._done = first_epoch
        with self._lock:
            self._first_epoch = first_epoch
        self.update(epoch=first_epoch, step=0)

    def log_epoch(
        self,
        epoch: int,
        logs: Mapping[str, float],
        counts: Callable[[], Counts] | None = None,
        surface: Surface | None = None,
    ) -> None:
        """Record a finished epoch (0-based): its logs, what its validation counted, its surface.

        What makes the counts is called by the thread that serves.
        """
        values = {name: finite_or_none(value) for name, value in logs.items()}
        if not self._marks and self._began is not None:
            self._marks.append((self._began, epoch))
        self._done = epoch + 1
        self._marks.append((time.monotonic(), self._done))
        (since, done_before), (now, done) = self._marks[0], self._marks[-1]
        # No rate while all that was done was done before the first mark.
        knows = now > since and done > done_before
        rate = (done - done_before) / (now - since) if knows else None
        record = Record(kind="epoch", epoch=epoch, data=values)
        surfaces = {} if surface is None else {epoch: surface}
        self._add(
            record,
            counts=counts,
            surfaces=surfaces,
            epoch=epoch + 1,
            step=0,
            epochs_per_second=rate,
        )

    def log_surface(self, epoch: int, surface: Surface) -> None:
        """Record a surface of an epoch (0-based) whose logs were recorded before."""
        self._add(None, surfaces={epoch: surface})

    def log_steps(
        self, epoch: int, step: int, names: list[str], values: np.ndarray, *, stride: int = 1
    ) -> None:
        """Record the running means after some steps of an epoch.

        Args:
            epoch: 0-based epoch.
            step: 0-based first step within the epoch.
            names: Names of the columns.
            values: Shape `(num_values, num_names)`.
            stride: Steps from one row of values to the next.
        """
        done = step + 1 + (len(values) - 1) * stride
        if self._steps_per_epoch:
            self._done = epoch + done / self._steps_per_epoch
            if not self._marks:
                # What came before, compiling above all, comes only once.
                self._marks.append((time.monotonic(), self._done))
        data = {"names": names, "stride": stride} if stride != 1 else {"names": names}
        record = Record(kind="steps", epoch=epoch, step=step, data=data, values=values)
        # Steps wait for the next look: so nothing is being committed when an epoch's end comes.
        self._add(record, is_urgent=False, step=done)

    def log_learning_rate(self, epoch: int, step: int, learning_rate: float) -> None:
        """Record that the learning rate is another one from this 0-based step of an epoch on."""
        data = {"learning_rate": learning_rate}
        record = Record(kind="learning_rate", epoch=epoch, step=step, data=data)
        self._add(record, learning_rate=learning_rate)

    def update(self, **fields: Any) -> None:
        """Set fields of the run, e.g. `message="Loading the data"`."""
        self._add(None, **fields)

    def seconds(self) -> float:
        """Seconds that `fit()` has taken so far, without its pauses."""
        if self._began is None:
            return self._seconds_before
        until = self._paused_at or time.monotonic()
        return self._seconds_before + until - self._began - self.paused_seconds

    def seconds_unattended(self) -> float:
        """Seconds that the training has waited in a pause since it was last told anything."""
        paused_at = self._paused_at
        return 0.0 if paused_at is None else time.monotonic() - max(paused_at, self._heard_at)

    def _pause(self, is_paused: bool) -> None:
        now = time.monotonic()
        if is_paused:
            self._paused_at = now
            # What the training was busy with before its first step is over.
            self.update(state="paused", **({} if self._is_training else {"message": self.remark}))
            return
        if self._paused_at is not None:
            self.paused_seconds += now - self._paused_at
            self._paused_at = None
        # How fast it is has nothing to do with how long somebody looked at it.
        self._marks.clear()
        self._marks.append((now, self._done))
        self.update(state="training")

    def _add(
        self,
        record: Record | None,
        *,
        counts: Callable[[], Counts] | None = None,
        surfaces: Mapping[int, Surface] = MappingProxyType({}),
        is_urgent: bool = True,
        **fields: Any,
    ) -> None:
        with self._lock:
            if record is not None:
                self._records.append((record, counts))
                if not self._is_training:
                    self._is_training = True
                    state = "training" if self._paused_at is None else "paused"
                    began = {"state": state, "message": self.remark, "started_at": time.time()}
                    fields = {**began, **fields}
            for epoch, surface in surfaces.items():
                self._surfaces[epoch] = surface
                self._outdated.update(self._kept_boundaries.add(epoch))
            self._fields.update(fields)
        if is_urgent:
            self._work.set()

    # -- the other thread --------------------------------------------------------------------

    def serve(self, done: threading.Event, *, each_look: Callable[[], None] = lambda: None) -> None:
        """Commit what is recorded, give the pulse and take commands until `done` is set.

        Args:
            done: Ends the service.
            each_look: Called about ten times a second.
        """
        next_pulse = next_command = 0.0
        next_checkpoint = time.monotonic() + CHECKPOINT_SECONDS
        while not done.is_set():
            self._work.wait(timeout=COMMAND_SECONDS)
            now = time.monotonic()
            try:
                if self._work.is_set() or self._records or now >= next_pulse:
                    self.flush()
                if now >= next_command:
                    next_command = now + COMMAND_SECONDS
                    self._take_commands()
                if now >= next_checkpoint:
                    next_checkpoint = now + CHECKPOINT_SECONDS
                    self._store.checkpoint()
            except StoreFull as error:
                # At first without waiting: who looks may end the training for it.
                wait = RETRY_SECONDS if self.is_out_of_room else 0.0
                self._note_full(error)
                done.wait(wait)
            except StoreUnusable:
                _log.exception("run %s: nothing was recorded; trying again", self.claim.run_id)
                done.wait(RETRY_SECONDS)
            if now >= next_pulse:
                next_pulse = now + PULSE_SECONDS
            each_look()
            done.wait(COMMIT_SECONDS)

    def flush(self) -> None:
        """Commit everything recorded so far; what cannot be written is kept for the next time.

        Raises:
            StoreUnusable: The store did not take it.
        """
        self._work.clear()
        with self._lock:
            recorded, fields = list(self._records), dict(self._fields)
            surfaces, outdated = self._surfaces, self._outdated
            first_epoch, self._first_epoch = self._first_epoch, None
            self._records.clear()
            self._fields.clear()
            self._surfaces, self._outdated = {}, set()
        if self.is_lost:
            return
        self._standing = {name: fields.get(name, told) for name, told in self._standing.items()}
        fields |= self._standing
        if self._began is not None:
            fields.setdefault("seconds", self.seconds())
        try:
            # Packed here, because the training's thread has better things to do.
            records = [
                record if counts is None else dataclasses.replace(record, evaluation=pack(counts()))
                for record, counts in recorded
            ]
            boundaries = [
                Boundary(epoch=epoch, surface=pack_surface(surface))
                for epoch, surface in surfaces.items()
                if epoch not in outdated
            ]
            self._store.write(
                self.claim,
                first_seq=self._seq + 1,
                records=records,
                boundaries=boundaries,
                outdated_boundaries=outdated,
                first_epoch=first_epoch,
                **fields,
            )
        except Fenced:
            self.is_lost = True
            self.gate.stop()
        except Exception:
            with self._lock:
                self._records.extendleft(reversed(recorded))
                self._fields = {**fields, **self._fields}
                self._surfaces = {**surfaces, **self._surfaces}
                self._outdated |= outdated
                self._first_epoch = first_epoch
            raise
        else:
            self._seq += len(records)

    def end(
        self,
        state: State,
        message: str = "",
        *,
        seconds: float | None = None,
        patience: float = 0.0,
    ) -> None:
        """Commit what is left and the run's end.

        Args:
            state: How it ended.
            message: Why, in a sentence.
            seconds: How long `fit()` took this time; since `begin` if not given.
            patience: Seconds to try again where the store cannot be used. On a full disk, what was
                set aside for this is given up.

        Raises:
            StoreUnusable: The store did not take it.
        """
        taken = self.seconds() if seconds is None else self._seconds_before + seconds
        fields = {"seconds": taken}
        self.update(state=state, message=message, **fields)
        deadline = time.monotonic() + patience
        has_made_room = False
        while True:
            try:
                self.flush()
                return
            except StoreFull as error:
                self._note_full(error)
                if has_made_room:
                    if time.monotonic() >= deadline:
                        raise
                    time.sleep(RETRY_SECONDS)
                self._store.make_room()
                has_made_room = True
            except MemoryError:
                if not self._forget_evaluations():
                    raise
            except StoreUnusable:
                if time.monotonic() >= deadline:
                    raise
                _log.exception("run %s: its end was not recorded; trying again", self.claim.run_id)
                time.sleep(RETRY_SECONDS)

    def _forget_evaluations(self) -> bool:
        """Give up what takes memory to be packed, and return whether there was any."""
        with self._lock:
            has_any = bool(self._surfaces) or any(counts for _, counts in self._records)
            self._records = deque((record, None) for record, _ in self._records)
            self._surfaces = {}
        return has_any

    def _note_full(self, error: StoreFull) -> None:
        if not self.is_out_of_room:
            _log.warning("run %s: %s", self.claim.run_id, error)
        self.is_out_of_room = True

    def _take_commands(self) -> None:
        if self.is_lost:
            return
        for command in self._store.take_commands(self.claim.run_id):
            self._obey(command)

    def _obey(self, command: Command) -> None:
        gate = self.gate
        self._heard_at = time.monotonic()
        match command:
            case ("speed", value):
                gate.slow_down(value or None)
                self.update(speed=value or None)
            case ("learning_rate", float(value)):
                gate.set_learning_rate(value)
            case ("stop" | "pause" | "resume" | "step" | "epoch" as name, _):
                getattr(gate, name)()
