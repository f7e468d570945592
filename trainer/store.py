"""The store: runs and what is learnt of them, all that stands between training and looking.

A run has one writer at a time, the holder of its current `attempt`. What the writer learns are
*records*, numbered by the writer itself, so that `(attempt, seq)` is a cursor without gaps on
every database. Each write checks the attempt in the same transaction (fencing).
"""

from __future__ import annotations

import copy
import json
import secrets
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from trainer.database import ChangeWatcher, Database
from trainer.errors import (
    Fenced,
    NotPossible,
    NotYours,
    RunNotFound,
)
from trainer.person import MACHINE, Person
from trainer.rows import (
    clean,
    cleaned,
    dataset_of,
    to_boundary,
    to_bytes,
    to_evaluation,
    to_json,
    to_record,
    to_run,
)
from trainer.runs import (
    ACTIVE,
    ENDED,
    START,
    Boundary,
    Claim,
    Command,
    Cursor,
    Evaluation,
    Evaluations,
    Parent,
    Progress,
    Record,
    Run,
)
from trainer.schema import (
    ATTEMPTS,
    BOUNDARIES,
    COMMANDS,
    EVALUATIONS,
    INSPECTIONS,
    META,
    METADATA,
    RECORDS,
    RUNS,
)
from trainer.withheld import inherit, is_withheld

_BROADCAST = "broadcast"
# The runs that wait for a worker, and the order in which they are served.
_IS_WAITING = (RUNS.c.state == "queued") & (RUNS.c.origin == "dashboard")
_QUEUE = (RUNS.c.turn, RUNS.c.queue_number, RUNS.c.number)
# How many take up a slot.
_NUM_BUSY = (
    sa.select(sa.func.count())
    .select_from(RUNS)
    .where(RUNS.c.state.in_(ACTIVE), RUNS.c.origin == "dashboard")
)
# How many of these were told to stop, and give theirs back.
_NUM_LEAVING = _NUM_BUSY.where(
    RUNS.c.run_id.in_(sa.select(COMMANDS.c.run_id).where(COMMANDS.c.command == "stop"))
)
_NUM_WAITING = sa.select(sa.func.count()).select_from(RUNS).where(_IS_WAITING)


class Store:
    """Runs, their records and the commands to them, in any database SQLAlchemy speaks to.

    Everybody may read; what a run's owner alone may do, each method checks as it does it, and
    raises `NotYours` for others.

    Args:
        url: SQLAlchemy URL, e.g. `sqlite:////home/me/data/runs.sqlite`.

    Attributes:
        person: Who asks, and owns the runs that are made.

    Raises:
        StoreUnusable: The database is corrupt, made by a newer version, or out of reach.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self.person = MACHINE

    @property
    def url(self) -> str:
        """The database's SQLAlchemy URL."""
        return self._database.url

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is an SQLite file."""
        return self._database.is_sqlite

    def used_by(self, person: Person) -> Store:
        """Return the same store as a person has it, who may do less than the machine itself."""
        store = copy.copy(self)
        store.person = person
        return store

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def transaction(self, *, writes: bool = False) -> AbstractContextManager[Connection]:
        """Return a transaction, as `Database` does."""
        return self._database.transaction(writes=writes)

    def watch(self) -> ChangeWatcher:
        """Return a cheap way to ask, from one thread, whether anything was written."""
        return self._database.watch()

    def checkpoint(self) -> None:
        """Move SQLite's log into its main file, without making anybody wait."""
        self._database.checkpoint()

    def make_room(self) -> None:
        """Give up the room that was set aside on the disk, for the last words of a run."""
        self._database.make_room()

    # -- runs ------------------------------------------------------------------------------

    def create_run(
        self,
        config: Mapping[str, Any],
        *,
        name: str = "",
        subject: str = "",
        run_id: str | None = None,
        parent: Parent | None = None,
        speed: float | None = None,
    ) -> str:
        """Queue a run, behind those of its owner that wait, and return its id.

        `name` defaults to `subject`, or else the dataset's name, with the beginning of the id;
        `run_id` is one of `new_run_id`, which is made if it is not given. With `speed` it begins
        in slow motion, with at most so many epochs a second.
        """
        with self.transaction(writes=True) as connection:
            run_id = self._add(connection, config, name, subject, "dashboard", run_id, parent)
            if speed is not None:
                slowly = RUNS.update().where(RUNS.c.run_id == run_id).values(speed=speed)
                connection.execute(slowly)
            return run_id

    def open_run(
        self,
        config: Mapping[str, Any],
        *,
        worker: str,
        origin: str,
        name: str = "",
        subject: str = "",
        run_id: str | None = None,
        parent: Parent | None = None,
    ) -> Claim:
        """Add a run that never waits: `worker`, which makes it for itself, has it at once."""
        with self.transaction(writes=True) as connection:
            run_id = self._add(connection, config, name, subject, origin, run_id, parent)
            claim = self._claim(connection, run_id, worker)
            assert claim is not None
            return claim

    def reopen(
        self, run: Run, config: Mapping[str, Any] | None = None, *, worker: str | None = None
    ) -> Claim | None:
        """Have a run that is over train again, as one more attempt.

        Args:
            run: The run as it was read; of those who do so at once only the first succeeds.
            config: What it trains from now on; as before by default.
            worker: Who has it at once; None to put it at the end of the queue.

        Raises:
            NotPossible: The run is not over, or no more what it was.
        """
        config = run.config if config is None else config
        with self.transaction(writes=True) as connection:
            self.find_to_change(connection, run.run_id)
            values = {
                "state": "queued",
                "message": "",
                "ended_at": None,
                "queue_number": self._next_queue_number(connection),
                "turn": self._next_turn(connection, run.owner),
                "config": to_json(config),
                "epochs": config.get("epochs"),
            }
            if worker is None:
                values["origin"] = "dashboard"
            written = connection.execute(
                RUNS.update()
                .where(
                    RUNS.c.run_id == run.run_id,
                    RUNS.c.attempt == run.attempt,
                    RUNS.c.state.in_(ENDED),
                )
                .values(**values)
            )
            if written.rowcount != 1:
                now = self.find(connection, run.run_id)
                raise NotPossible(f"The run must be over for that. It is {now.state}.")
            # They are of the network that is trained on; the openings of the test set stay.
            connection.execute(
                INSPECTIONS.delete().where(
                    INSPECTIONS.c.run_id == run.run_id, INSPECTIONS.c.part == "validation"
                )
            )
            return None if worker is None else self._claim(connection, run.run_id, worker)

    def delete(self, run_id: str) -> None:
        """Remove a run that is over and all that is known of it.

        Raises:
            RunNotFound: There is no such run.
            NotPossible: It is not over.
        """
        with self.transaction(writes=True) as connection:
            run = self.find_to_change(connection, run_id)
            if not run.is_over:
                raise NotPossible(f"The run must be over for that. It is {run.state}.")
            for table in reversed(METADATA.sorted_tables):
                if "run_id" in table.columns:
                    connection.execute(table.delete().where(table.c.run_id == run_id))
            broadcast = (META.c.key == _BROADCAST) & (META.c.value == run_id)
            connection.execute(META.delete().where(broadcast))

    def describe(self, run_id: str, *, name: str | None = None, note: str | None = None) -> None:
        """Give a run another name, of which 80 characters are kept, or another note.

        Raises:
            RunNotFound: There is no such run.
        """
        values = {"name": name and clean(name)[:80], "note": note and clean(note)}
        given = {key: value for key, value in values.items() if value is not None}
        with self.transaction(writes=True) as connection:
            self.find_to_change(connection, run_id)
            if given:
                connection.execute(RUNS.update().where(RUNS.c.run_id == run_id).values(**given))

    def broadcast(self, run_id: str | None) -> None:
        """Show a run to everybody instead of the one before; None to show none any more.

        Raises:
            RunNotFound: There is no such run.
            NotYours: Whoever asks is not in charge.
        """
        if not self.person.is_in_charge:
            raise NotYours("Only the teacher may show a run to everybody.")
        with self.transaction(writes=True) as connection:
            connection.execute(META.delete().where(META.c.key == _BROADCAST))
            if run_id is not None:
                self.find(connection, run_id)
                connection.execute(META.insert().values(key=_BROADCAST, value=run_id))

    def broadcast_run(self) -> Run | None:
        """Return the run that is shown to everybody; None if there is none."""
        shown = sa.select(META.c.value).where(META.c.key == _BROADCAST).scalar_subquery()
        with self.transaction() as connection:
            row = connection.execute(sa.select(RUNS).where(RUNS.c.run_id == shown)).mappings()
            found = row.first()
        return None if found is None else to_run(found)

    def run(self, run_id: str) -> Run:
        """Return a run.

        Raises:
            RunNotFound: There is no such run.
        """
        with self.transaction() as connection:
            return self.find(connection, run_id)

    @staticmethod
    def find(connection: Connection, run_id: str) -> Run:
        """Return a run as a transaction sees it.

        Raises:
            RunNotFound: There is no such run.
        """
        if not (run_id.isascii() and run_id.isalnum()):
            raise RunNotFound(run_id)
        row = connection.execute(sa.select(RUNS).where(RUNS.c.run_id == run_id)).mappings().first()
        if row is None:
            raise RunNotFound(run_id)
        return to_run(row)

    def find_to_change(self, connection: Connection, run_id: str) -> Run:
        """Return a run, as `find` does, to whoever may do what its owner alone may do.

        Raises:
            RunNotFound: There is no such run.
            NotYours: Whoever asks may not change it.
        """
        run = self.find(connection, run_id)
        if not self.person.may_change(run.owner):
            raise NotYours
        return run

    def progress(self, run_id: str) -> Progress:
        """Return how far a run is, cheaply.

        Raises:
            RunNotFound: There is no such run.
        """
        columns = sa.select(RUNS.c.attempt, RUNS.c.state, RUNS.c.epoch)
        with self.transaction() as connection:
            row = connection.execute(columns.where(RUNS.c.run_id == run_id)).first()
        if row is None:
            raise RunNotFound(run_id)
        return Progress(*row)

    def is_withheld(self, run_id: str) -> bool:
        """Return whether nothing is said of a run yet: it is of a lesson, still to be observed."""
        with self.transaction() as connection:
            return is_withheld(connection, run_id)

    def runs(self, *, limit: int = 100) -> list[Run]:
        """Return the newest runs, newest first."""
        with self.transaction() as connection:
            rows = connection.execute(
                sa.select(RUNS).order_by(RUNS.c.number.desc()).limit(limit)
            ).mappings()
            return [to_run(row) for row in rows]

    def run_ids(self) -> set[str]:
        """Return the ids of all runs."""
        with self.transaction() as connection:
            return set(connection.execute(sa.select(RUNS.c.run_id)).scalars())

    def active_runs(self) -> list[Run]:
        """Return the runs that have a writer, oldest first."""
        with self.transaction() as connection:
            rows = connection.execute(
                sa.select(RUNS).where(RUNS.c.state.in_(ACTIVE)).order_by(RUNS.c.number)
            ).mappings()
            return [to_run(row) for row in rows]

    def queue_place(self, run: Run) -> int | None:
        """Return how many queued runs come first, counting this one; None if it is not queued."""
        ahead = self.queue_ahead(run)
        return None if ahead is None else len(ahead) + 1

    def queue_ahead(self, run: Run) -> list[tuple[str, int | None]] | None:
        """Return the dataset of each queued run before this one and its epochs to go, in order.

        None for a run that says nothing of its epochs; None altogether if the run is not queued.
        """
        if run.state != "queued" or run.origin != "dashboard":
            return None
        ahead = (
            sa.select(RUNS.c.config, RUNS.c.epochs, RUNS.c.epoch)
            .where(_IS_WAITING, sa.tuple_(*_QUEUE) < (run.turn, run.queue_number, run.number))
            .order_by(*_QUEUE)
        )
        with self.transaction() as connection:
            return [
                (dataset_of(row.config), None if row.epochs is None else row.epochs - row.epoch)
                for row in connection.execute(ahead)
            ]

    def paces(self, *, limit: int = 20) -> list[tuple[str, float]]:
        """Return the dataset of each of the newest runs that were queued and are over, and the
        seconds that an epoch of it took, newest first."""
        ended = (
            sa.select(RUNS.c.config, RUNS.c.seconds, RUNS.c.epoch)
            .where(RUNS.c.state.in_(ENDED), RUNS.c.origin == "dashboard", RUNS.c.epoch > 0)
            .order_by(RUNS.c.number.desc())
            .limit(limit)
        )
        with self.transaction() as connection:
            rows = connection.execute(ended).all()
        return [(dataset_of(row.config), row.seconds / row.epoch) for row in rows]

    # -- the writer ------------------------------------------------------------------------

    def claim_next(self, worker: str, *, slots: int) -> Claim | None:
        """Take the run at the head of the queue, unless `slots` queued runs already train.

        Owners take turns; within a turn who came first is served first. Runs that never were in
        the queue (a command line's, a notebook's) take no slot.
        """
        head_of_queue = sa.select(RUNS.c.run_id).where(_IS_WAITING).order_by(*_QUEUE).limit(1)
        with self.transaction() as connection:
            # Idle workers ask often; only a run that waits is worth the lock of a writer.
            if connection.execute(head_of_queue).first() is None:
                return None
        with self.transaction(writes=True) as connection:
            if connection.execute(_NUM_BUSY).scalar_one() >= slots:
                return None
            head = connection.execute(head_of_queue.with_for_update(skip_locked=True)).scalar()
            return self._claim(connection, head, worker) if head else None

    def give_way(self, claim: Claim, *, slots: int) -> bool:
        """Tell a run to stop if one of those that wait will get no worker otherwise.

        Returns:
            Whether it was told: no more runs give way at a time than others wait, and none that
            somebody has just told something.
        """
        with self.transaction() as connection:
            if not self._lacks_room(connection, slots):
                return False
        with self.transaction(writes=True) as connection:
            ours = sa.select(RUNS.c.run_id).where(_is_written_by(claim))
            is_ours = connection.execute(ours).first() is not None
            untaken = connection.execute(_untaken(claim.run_id)).first() is not None
            if not is_ours or untaken or not self._lacks_room(connection, slots):
                return False
            self._send(connection, claim.run_id, Command("stop"))
            return True

    def write(
        self,
        claim: Claim,
        *,
        first_seq: int = 0,
        records: Iterable[Record] = (),
        boundaries: Iterable[Boundary] = (),
        outdated_boundaries: Collection[int] = (),
        first_epoch: int | None = None,
        **fields: Any,
    ) -> None:
        """Append records and set fields of the run, all or nothing.

        Args:
            claim: The writer's right to write.
            first_seq: Number of the first record; the writer counts from 1.
            records: What was learnt.
            boundaries: What the network says everywhere after some epochs, one an epoch.
            outdated_boundaries: Epochs whose boundaries this writer wrote and wants no more.
            first_epoch: Where given, what earlier attempts have of this 0-based epoch and of later
                ones counts no more: this one trains them again.
            **fields: Columns of the run, e.g. `epoch=3, seconds=1.5, state="training"`.

        Raises:
            Fenced: The run has ended or somebody else has taken it over; nothing was written.
        """
        if fields.get("state") in ENDED:
            fields.setdefault("ended_at", time.time())
        if fields.get("state") == "training":
            fields.setdefault("started_at", sa.func.coalesce(RUNS.c.started_at, time.time()))
        records = list(records)
        evaluations = [
            {
                "run_id": claim.run_id,
                "attempt": claim.attempt,
                "epoch": record.epoch,
                "header": to_json(record.evaluation.header),
                "data": record.evaluation.data,
            }
            for record in records
            if record.evaluation is not None
        ]
        surfaces = [
            {
                "run_id": claim.run_id,
                "attempt": claim.attempt,
                "epoch": boundary.epoch,
                "header": to_json(boundary.surface.header),
                "data": boundary.surface.data,
            }
            for boundary in boundaries
        ]
        rows = [
            {
                "run_id": claim.run_id,
                "attempt": claim.attempt,
                "seq": seq,
                "kind": record.kind,
                "epoch": record.epoch,
                "step": record.step,
                "data": to_json(record.data),
                "values": None if record.values is None else to_bytes(record.values),
            }
            for seq, record in enumerate(records, first_seq)
        ]
        with self.transaction(writes=True) as connection:
            written = connection.execute(
                RUNS.update()
                .where(_is_written_by(claim))
                .values(pulse=RUNS.c.pulse + 1, **cleaned(fields))
            )
            if written.rowcount != 1:
                raise Fenced(f"Another writer has the run {claim.run_id}, or it has ended.")
            if first_epoch is not None:
                key = {"run_id": claim.run_id, "attempt": claim.attempt}
                connection.execute(ATTEMPTS.insert().values(**key, first_epoch=first_epoch))
            if rows:
                connection.execute(RECORDS.insert(), rows)
            if evaluations:
                connection.execute(EVALUATIONS.insert(), evaluations)
            if surfaces:
                connection.execute(BOUNDARIES.insert(), surfaces)
            if outdated_boundaries:
                connection.execute(
                    BOUNDARIES.delete().where(
                        BOUNDARIES.c.run_id == claim.run_id,
                        BOUNDARIES.c.attempt == claim.attempt,
                        BOUNDARIES.c.epoch.in_(outdated_boundaries),
                    )
                )

    def interrupt(self, run: Run, message: str) -> bool:
        """Mark a run whose writer is gone; return False if the writer moved since it was read."""
        return self._mark(run, state="interrupted", message=message, ended_at=time.time())

    def stall(self, run: Run, message: str) -> bool:
        """Mark a run whose writer is silent, until it writes again, as `interrupt` does."""
        return self._mark(run, state="stalled", message=message)

    def has_unheard_stop(self, run_id: str) -> bool:
        """Return whether a run's writer was told to stop and has not taken the command yet."""
        unheard = _untaken(run_id).where(COMMANDS.c.command == "stop").limit(1)
        with self.transaction() as connection:
            return connection.execute(unheard).first() is not None

    def stop_unheard(self, run: Run, message: str) -> bool:
        """End a run whose writer does not hear Stop, as `interrupt` does."""
        return self._mark(run, state="stopped", message=message, ended_at=time.time())

    def _mark(self, run: Run, **fields: Any) -> bool:
        """Set fields of a run from outside, if its writer has not moved since it was read."""
        with self.transaction(writes=True) as connection:
            written = connection.execute(
                RUNS.update()
                .where(
                    RUNS.c.run_id == run.run_id,
                    RUNS.c.attempt == run.attempt,
                    RUNS.c.pulse == run.pulse,
                    RUNS.c.state.in_(ACTIVE),
                )
                .values(**cleaned(fields))
            )
            return written.rowcount == 1

    # -- the readers -----------------------------------------------------------------------

    def updates(self, run_id: str, after: Cursor = START) -> tuple[Run, list[Record]]:
        """Return the run and its records after a cursor, as of one moment.

        Raises:
            RunNotFound: There is no such run.
        """
        with self.reading(run_id, after) as (run, records):
            return run, list(records)

    @contextmanager
    def reading(self, run_id: str, after: Cursor = START) -> Iterator[tuple[Run, Iterator[Record]]]:
        """Give what `updates` returns, each record when it is asked for: a long run's take room.

        Raises:
            RunNotFound: There is no such run.
        """
        with self.transaction() as connection:
            run = self.find(connection, run_id)
            rows = connection.execute(
                sa.select(RECORDS)
                .where(
                    RECORDS.c.run_id == run_id,
                    _counts(RECORDS),
                    sa.or_(
                        RECORDS.c.attempt > after.attempt,
                        sa.and_(RECORDS.c.attempt == after.attempt, RECORDS.c.seq > after.seq),
                    ),
                )
                .order_by(RECORDS.c.attempt, RECORDS.c.seq)
            ).mappings()
            yield run, (to_record(row) for row in rows)

    def history(self, run_id: str) -> dict[str, list[float | None]]:
        """Return the logs of each finished epoch, by name, as `fit()`'s own history has them.

        An epoch that a later attempt trained again counts once, as trained last; a value that an
        epoch does not have, and one that is not finite, is None.

        Raises:
            RunNotFound: There is no such run.
        """
        logged = (
            sa.select(RECORDS.c.epoch, RECORDS.c.data)
            .where(RECORDS.c.run_id == run_id, RECORDS.c.kind == "epoch", _counts(RECORDS))
            .order_by(RECORDS.c.attempt, RECORDS.c.seq)
        )
        with self.transaction() as connection:
            self.find(connection, run_id)
            rows = connection.execute(logged).all()
        epochs = {row.epoch: json.loads(row.data) for row in rows}
        names = dict.fromkeys(name for logs in epochs.values() for name in logs)
        return {name: [logs.get(name) for logs in epochs.values()] for name in names}

    def learning_rates(self, run_id: str) -> list[Record]:
        """Return where somebody changed a run's learning rate, in order."""
        changed = (
            sa.select(RECORDS)
            .where(RECORDS.c.run_id == run_id, RECORDS.c.kind == "learning_rate", _counts(RECORDS))
            .order_by(RECORDS.c.attempt, RECORDS.c.seq)
        )
        with self.transaction() as connection:
            return [to_record(row) for row in connection.execute(changed).mappings()]

    def last_logs(self, run_id: str) -> dict[str, float | None]:
        """Return the logs of the newest finished epoch by name; empty before the first."""
        newest = (
            sa.select(RECORDS.c.data)
            .where(RECORDS.c.run_id == run_id, RECORDS.c.kind == "epoch", _counts(RECORDS))
            .order_by(RECORDS.c.attempt.desc(), RECORDS.c.seq.desc())
            .limit(1)
        )
        with self.transaction() as connection:
            data = connection.execute(newest).scalar()
        return {} if data is None else json.loads(data)

    def evaluation(self, run_id: str, epoch: int | None = None) -> Evaluation | None:
        """Return what was counted after an epoch (0-based), the newest by default; None if nothing.

        Raises:
            RunNotFound: There is no such run.
        """
        row = self._row_of_epoch(EVALUATIONS, run_id, epoch)
        return None if row is None else to_evaluation(row)

    def evaluations(
        self,
        run_id: str,
        *,
        first: int = 0,
        last: int | None = None,
        limit: int,
        max_bytes: int | None = None,
    ) -> Evaluations:
        """Return what was counted after the epochs from `first` to `last` (0-based), in order.

        Where they are more than `limit`, or their data more than `max_bytes`, every n-th, and the
        last one in any case; of an epoch that a later attempt trained again only that.

        Raises:
            RunNotFound: There is no such run.
        """
        rows, epochs_total, every = self._rows_of_epochs(
            EVALUATIONS, run_id, first, last, limit, max_bytes
        )
        return Evaluations([to_evaluation(row) for row in rows], epochs_total, every)

    def boundary(self, run_id: str, epoch: int | None = None) -> Boundary | None:
        """Return the boundary after an epoch (0-based), the newest by default; None if nothing.

        Raises:
            RunNotFound: There is no such run.
        """
        row = self._row_of_epoch(BOUNDARIES, run_id, epoch)
        return None if row is None else to_boundary(row)

    def boundaries(
        self, run_id: str, *, first: int = 0, last: int | None = None, limit: int
    ) -> list[Boundary]:
        """Return the boundaries after the epochs from `first` to `last`, as `evaluations` does.

        Raises:
            RunNotFound: There is no such run.
        """
        rows, _, _ = self._rows_of_epochs(BOUNDARIES, run_id, first, last, limit, None)
        return [to_boundary(row) for row in rows]

    # -- commands --------------------------------------------------------------------------

    def stop(self, run_id: str) -> None:
        """Ask a run to stop: a queued one ends here and now, an ended one is left alone.

        Raises:
            RunNotFound: There is no such run.
        """
        with self.transaction(writes=True) as connection:
            run = self.find_to_change(connection, run_id)
            if run.is_over:
                return
            ended = connection.execute(
                RUNS.update()
                .where(RUNS.c.run_id == run_id, RUNS.c.state == "queued")
                .values(state="stopped", message="", ended_at=time.time())
            )
            if ended.rowcount == 0:
                self._send(connection, run_id, Command("stop"))
                return
            # Its turn goes to the owner's next.
            connection.execute(
                RUNS.update()
                .where(_IS_WAITING, RUNS.c.owner == run.owner, RUNS.c.turn > run.turn)
                .values(turn=RUNS.c.turn - 1)
            )

    def send(self, run_id: str, command: Command) -> None:
        """Tell a run that trains what to do; `stop` takes any run.

        Raises:
            RunNotFound: There is no such run.
            NotPossible: Nobody trains it.
        """
        with self.transaction(writes=True) as connection:
            run = self.find_to_change(connection, run_id)
            if run.state not in ACTIVE:
                raise NotPossible(f"The run must be training for that. It is {run.state}.")
            self._send(connection, run_id, command)

    def take_commands(self, run_id: str) -> list[Command]:
        """Return the commands nobody has taken yet, oldest first, and mark them as taken."""
        pending = _untaken(run_id).order_by(COMMANDS.c.number)
        with self.transaction() as connection:
            if connection.execute(pending).first() is None:
                return []
        with self.transaction(writes=True) as connection:
            rows = connection.execute(pending).all()
            connection.execute(
                COMMANDS.update()
                .where(COMMANDS.c.number.in_([row.number for row in rows]))
                .values(taken=True)
            )
            return [Command(row.command, row.value) for row in rows]

    # -- upkeep ----------------------------------------------------------------------------

    def datasets(self) -> set[str]:
        """Return the names of the datasets that any run was given."""
        with self.transaction() as connection:
            configs = connection.execute(sa.select(RUNS.c.config).distinct()).scalars()
            return {dataset_of(config) for config in configs}

    @staticmethod
    def _next_queue_number(connection: Connection) -> int:
        highest = connection.execute(sa.select(sa.func.max(RUNS.c.queue_number))).scalar()
        return (highest or 0) + 1

    @staticmethod
    def _next_turn(connection: Connection, owner: str) -> int:
        """Return the turn of a run that is queued now: start-time fair queueing.

        It is the turn that is being served, or the one after the owner's last (Goyal, Vin and
        Cheng, SIGCOMM 1996; here every run has the length 1).
        """
        queued_ones = RUNS.c.origin == "dashboard"
        is_active = RUNS.c.state.in_(ACTIVE)
        served = sa.select(sa.func.max(RUNS.c.turn)).where(queued_ones, is_active)
        first = sa.select(sa.func.min(RUNS.c.turn)).where(_IS_WAITING)
        last = sa.select(sa.func.max(RUNS.c.turn)).where(
            queued_ones, sa.or_(is_active, _IS_WAITING), RUNS.c.owner == owner
        )
        now, last_own = connection.execute(
            sa.select(
                sa.func.coalesce(served.scalar_subquery(), first.scalar_subquery(), 0),
                last.scalar_subquery(),
            )
        ).one()
        return int(now if last_own is None else max(now, last_own + 1))

    def _add(
        self,
        connection: Connection,
        config: Mapping[str, Any],
        name: str,
        subject: str,
        origin: str,
        run_id: str | None,
        parent: Parent | None,
    ) -> str:
        run_id = run_id or new_run_id()
        subject = clean(subject or str(config.get("dataset", "run")))
        name = clean(name) or f"{subject[:75]} {run_id[:4]}"
        connection.execute(
            RUNS.insert().values(
                run_id=run_id,
                name=name[:80],
                origin=origin,
                state="queued",
                config=to_json(config),
                epochs=config.get("epochs"),
                queue_number=self._next_queue_number(connection),
                turn=self._next_turn(connection, self.person.owner),
                owner=self.person.owner,
                parent=None if parent is None else to_json(parent._asdict()),
                created_at=time.time(),
            )
        )
        if parent is not None:
            inherit(connection, run_id, parent.run_id)
        return run_id

    @staticmethod
    def _lacks_room(connection: Connection, slots: int) -> bool:
        waiting = connection.execute(_NUM_WAITING).scalar_one()
        if not waiting:
            return False
        busy = connection.execute(_NUM_BUSY).scalar_one()
        leaving = connection.execute(_NUM_LEAVING).scalar_one()
        return bool(waiting > max(0, slots - busy) + leaving)

    @staticmethod
    def _send(connection: Connection, run_id: str, command: Command) -> None:
        connection.execute(
            COMMANDS.insert().values(run_id=run_id, command=command.name, value=command.value)
        )

    def _claim(self, connection: Connection, run_id: str, worker: str) -> Claim | None:
        written = connection.execute(
            RUNS.update()
            .where(RUNS.c.run_id == run_id, RUNS.c.state == "queued")
            .values(
                state="starting",
                attempt=RUNS.c.attempt + 1,
                worker=worker,
                pulse=0,
                message="",
                # The pace it was queued with; what was set on the way ended with that launch.
                speed=sa.case((RUNS.c.attempt == 0, RUNS.c.speed), else_=None),
            )
        )
        if written.rowcount != 1:
            return None
        # What an earlier attempt was told is not meant for this one.
        connection.execute(COMMANDS.delete().where(COMMANDS.c.run_id == run_id))
        return Claim(run_id, self.find(connection, run_id).attempt)

    def _row_of_epoch(self, table: sa.Table, run_id: str, epoch: int | None) -> RowMapping | None:
        wanted = sa.select(table).where(table.c.run_id == run_id, _counts(table))
        if epoch is not None:
            wanted = wanted.where(table.c.epoch == epoch)
        newest = wanted.order_by(table.c.attempt.desc(), table.c.epoch.desc()).limit(1)
        with self.transaction() as connection:
            self.find(connection, run_id)
            return connection.execute(newest).mappings().first()

    def _rows_of_epochs(
        self,
        table: sa.Table,
        run_id: str,
        first: int,
        last: int | None,
        limit: int,
        max_bytes: int | None,
    ) -> tuple[list[RowMapping], int, int]:
        """Return rows of a table that has one for each attempt and epoch, as `evaluations` does."""
        where = [table.c.run_id == run_id, table.c.epoch >= first, _counts(table)]
        if last is not None:
            where.append(table.c.epoch <= last)
        size = sa.func.length(table.c.data).label("size")
        keys = sa.select(table.c.epoch, table.c.attempt, size).where(*where)
        with self.transaction() as connection:
            self.find(connection, run_id)
            found = connection.execute(keys.order_by(table.c.epoch, table.c.attempt)).all()
            newest = list({key.epoch: key for key in found}.values())
            every, places = _thinned([key.size for key in newest], limit, max_bytes)
            rows = []
            for epoch, attempt, _ in (newest[place] for place in places):
                one = sa.select(table).where(
                    table.c.run_id == run_id,
                    table.c.attempt == attempt,
                    table.c.epoch == epoch,
                )
                rows.append(connection.execute(one).mappings().one())
        return rows, len(newest), every


def _untaken(run_id: str) -> sa.Select[Any]:
    """Select what a run was told and its writer has not heard yet."""
    return sa.select(COMMANDS.c.number, COMMANDS.c.command, COMMANDS.c.value).where(
        COMMANDS.c.run_id == run_id, COMMANDS.c.taken.is_(False)
    )


def _is_written_by(claim: Claim) -> sa.ColumnElement[bool]:
    """Say which run is the claimed one: none if it is over, or somebody else's by now."""
    return sa.and_(
        RUNS.c.run_id == claim.run_id,
        RUNS.c.attempt == claim.attempt,
        RUNS.c.state.in_(ACTIVE),
    )


def new_run_id() -> str:
    """Return an id that no run has."""
    return secrets.token_hex(6)


def _counts(table: sa.Table) -> sa.ColumnElement[bool]:
    """Return whether no later attempt has trained again what a row is about."""
    later = sa.select(sa.literal(1)).where(
        ATTEMPTS.c.run_id == table.c.run_id,
        ATTEMPTS.c.attempt > table.c.attempt,
        ATTEMPTS.c.first_epoch <= table.c.epoch,
    )
    return ~later.exists()


def _thinned(sizes: Sequence[int], limit: int, max_bytes: int | None) -> tuple[int, list[int]]:
    """Return the least n, and the places of every n-th size with the last one, that are not too
    many nor together too large; at the least the first and the last place."""
    every = max(1, -(-len(sizes) // limit))
    while True:
        places = list(range(0, len(sizes), every))
        if places and places[-1] != len(sizes) - 1:
            places.append(len(sizes) - 1)
        is_small = max_bytes is None or sum(sizes[place] for place in places) <= max_bytes
        if len(places) <= 2 or (is_small and len(places) <= limit):
            return every, places
        every += 1
