"""Rooms: where a class comes together by a short code, without accounts.

A room belongs to whoever opened it and goes along with them from lesson to lesson; its members stay
in it. It ends when its owner says so, or when nobody has used it for half a day.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trainer.errors import InvalidInput, NotPossible, NotYours, RoomNotFound
from trainer.lessons import Lesson
from trainer.poll import votable
from trainer.polls import ROOM_SECONDS, Polls, is_open
from trainer.schema import POLL_RUNS, POLLS, ROOM_MEMBERS, ROOMS, RUNS, VOTES
from trainer.store import Store
from trainer.waiting import waits_in_vain

# Capital letters that nobody takes for others or for digits, and that make no words.
LETTERS = "BCDFGHJKMNPQRSTVWXZ"
CODE_LENGTH = 6
MAX_ROOMS = 100
MAX_MEMBERS = 300
# What was voted in a room that is over can be had for so long.
KEPT_SECONDS = 30 * 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Room:
    """A room.

    Attributes:
        number: Its key.
        code: What one types to join it.
        owner: Whoever opened it.
        poll: The number of the poll that is on.
        is_over: Whether it is not in use any more.
    """

    number: int
    code: str
    owner: str
    poll: int
    is_over: bool


class Rooms:
    """The rooms as the person who uses the store may see and change them.

    Args:
        store: Where they are kept, as that person has it.
        clock: Seconds since 1970.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._person = store.person
        self._clock = clock

    def open(self, lesson: Lesson, part: str, *, seed: int) -> Room:
        """Open a room with a poll, or take the one that is open along to it.

        What a room has voted on before is there again, as it was.

        Args:
            lesson: Which lesson.
            part: What of it is voted on, see `trainer.poll.votable`.
            seed: From which the seeds of the members' runs are counted.

        Raises:
            NotYours: Whoever asks is not in charge.
            InvalidInput: There is no such part.
            NotPossible: There are too many rooms.
        """
        if not self._person.is_in_charge or not self._person.owner:
            raise NotYours("Only the teacher may open a room.")
        if part not in votable(lesson):
            raise InvalidInput("part", f"must be one of {', '.join(votable(lesson))}", part)
        now = self._clock()
        with self._store.transaction(writes=True) as connection:
            self._forget(connection, now)
            room = self._mine(connection, now)
            number = room.number if room is not None else self._add(connection, now)
            poll = self._poll(connection, number, lesson, part, seed, now)
            values = {"poll": poll, "used_at": now}
            connection.execute(ROOMS.update().where(ROOMS.c.number == number).values(**values))
            return self._room(connection, ROOMS.c.number == number, now)

    def mine(self) -> Room | None:
        """Return the open room of whoever asks; None without one."""
        with self._store.transaction() as connection:
            return self._mine(connection, self._clock())

    def last(self) -> Room | None:
        """Return the room that whoever asks opened last, open or not; None without one."""
        mine = sa.select(ROOMS).where(ROOMS.c.owner == self._person.owner)
        with self._store.transaction() as connection:
            row = connection.execute(mine.order_by(ROOMS.c.number.desc()).limit(1)).first()
        return None if row is None else self._to_room(row, self._clock())

    def joined(self) -> Room | None:
        """Return the open room that whoever asks joined last; None without one."""
        now = self._clock()
        theirs = (
            sa.select(ROOMS)
            .join(ROOM_MEMBERS, ROOM_MEMBERS.c.room == ROOMS.c.number)
            .where(ROOM_MEMBERS.c.owner == self._person.owner, is_open(now))
            .order_by(ROOM_MEMBERS.c.joined_at.desc())
            .limit(1)
        )
        with self._store.transaction() as connection:
            row = connection.execute(theirs).first()
        return None if row is None else self._to_room(row, now)

    def known(self, code: str) -> Room | None:
        """Return the room with this code if whoever asks opened or joined it, be it over or not."""
        owner = self._person.owner
        is_member = (
            sa.select(sa.literal(1))
            .where(ROOM_MEMBERS.c.room == ROOMS.c.number, ROOM_MEMBERS.c.owner == owner)
            .exists()
        )
        wanted = sa.select(ROOMS).where(
            ROOMS.c.code == plain_code(code), (ROOMS.c.owner == owner) | is_member
        )
        with self._store.transaction() as connection:
            row = connection.execute(wanted).first()
        return None if row is None else self._to_room(row, self._clock())

    def signs(self, code: str) -> str | None:
        """Return a text that is another as soon as whoever asks would see the room otherwise.

        None if they neither opened nor joined it. It tells nothing of how anybody voted.
        """
        room = self.known(code)
        if room is None:
            return None
        poll = Polls(self._store, self._clock).poll(room.poll)
        is_owner = room.owner == self._person.owner
        signs: list[object] = [room.is_over, *poll.signs]
        with self._store.transaction() as connection:
            if is_owner:
                count = sa.select(sa.func.count())
                for table, there in (
                    (ROOM_MEMBERS, ROOM_MEMBERS.c.room == room.number),
                    (VOTES, VOTES.c.poll == poll.number),
                ):
                    counted = count.select_from(table).where(there)
                    signs.append(connection.execute(counted).scalar())
            else:
                mine = sa.select(sa.func.count()).where(
                    VOTES.c.poll == poll.number, VOTES.c.owner == self._person.owner
                )
                signs.append(connection.execute(mine).scalar())
            runs = connection.execute(self._runs(poll.number, is_owner=is_owner)).all()
        waiting_since = [run.created_at for run in runs if run.state == "queued"]
        is_stuck = bool(waiting_since) and waits_in_vain(self._store, min(waiting_since))
        moved = [(run.run_id, run.state, run.epoch if is_owner else 0) for run in runs]
        digest = hashlib.sha256(repr((signs, moved, is_stuck)).encode())
        return digest.hexdigest()[:16]

    def _runs(self, poll: int, *, is_owner: bool) -> sa.Select:
        wanted = (
            sa.select(RUNS.c.run_id, RUNS.c.state, RUNS.c.epoch, RUNS.c.created_at)
            .join(POLL_RUNS, POLL_RUNS.c.run_id == RUNS.c.run_id)
            .where(POLL_RUNS.c.poll == poll)
            .order_by(RUNS.c.number)
        )
        return wanted if is_owner else wanted.where(POLL_RUNS.c.owner == self._person.owner)

    def join(self, code: str) -> Room:
        """Join the open room with this code; doing so twice changes nothing.

        Raises:
            RoomNotFound: There is none with this code.
            NotPossible: The room has ended, is full, or whoever asks opened it.
        """
        if not self._person.owner:
            raise NotYours("Only people can join a room.")
        now = self._clock()
        with self._store.transaction(writes=True) as connection:
            room = self._find(connection, code, now)
            if room.owner == self._person.owner:
                raise NotPossible("This is your own room: you lead it.")
            there = sa.select(ROOM_MEMBERS.c.owner).where(ROOM_MEMBERS.c.room == room.number)
            members = set(connection.execute(there).scalars())
            if self._person.owner not in members:
                if len(members) >= MAX_MEMBERS:
                    raise NotPossible(f"The room is full: {MAX_MEMBERS} have joined it.")
                member = {"room": room.number, "owner": self._person.owner}
                place = len(members) + 1
                connection.execute(
                    ROOM_MEMBERS.insert().values(**member, place=place, joined_at=now)
                )
                used = ROOMS.update().where(ROOMS.c.number == room.number)
                connection.execute(used.values(used_at=now))
            return room

    def end(self) -> None:
        """End the room of whoever asks; what was voted can still be had, by them."""
        ended = ROOMS.update().where(
            ROOMS.c.owner == self._person.owner, ROOMS.c.ended_at.is_(None)
        )
        closed = POLLS.update().where(
            POLLS.c.room.in_(sa.select(ROOMS.c.number).where(ROOMS.c.owner == self._person.owner))
        )
        with self._store.transaction(writes=True) as connection:
            connection.execute(ended.values(ended_at=self._clock()))
            connection.execute(closed.values(is_open=False))

    # -- what all of it rests on -----------------------------------------------------------

    def _find(self, connection: Connection, code: str, now: float) -> Room:
        """Return the open room with a code; a wrong one takes as long as a right one."""
        found = None
        for row in connection.execute(sa.select(ROOMS)):
            if hmac.compare_digest(_digest(plain_code(code)), _digest(row.code)):
                found = self._to_room(row, now)
        if found is None:
            raise RoomNotFound
        if found.is_over:
            raise NotPossible("This room has ended. Is there another code on the board?")
        return found

    def _mine(self, connection: Connection, now: float) -> Room | None:
        is_mine = ROOMS.c.owner == self._person.owner
        row = connection.execute(sa.select(ROOMS).where(is_mine, is_open(now))).first()
        return None if row is None else self._to_room(row, now)

    def _add(self, connection: Connection, now: float) -> int:
        count = sa.select(sa.func.count()).select_from(ROOMS).where(is_open(now))
        if connection.execute(count).scalar_one() >= MAX_ROOMS:
            raise NotPossible(f"There are {MAX_ROOMS} open rooms already; end one first.")
        taken = set(connection.execute(sa.select(ROOMS.c.code)).scalars())
        code = next(code for code in iter(new_code, "") if code not in taken)
        room = {"code": code, "owner": self._person.owner, "opened_at": now, "used_at": now}
        added = connection.execute(ROOMS.insert().values(**room))
        assert added.inserted_primary_key is not None
        return int(added.inserted_primary_key[0])

    @staticmethod
    def _poll(
        connection: Connection, room: int, lesson: Lesson, part: str, seed: int, now: float
    ) -> int:
        key = {"room": room, "lesson": lesson.name, "part": part}
        wanted = sa.select(POLLS.c.number).where(*(POLLS.c[name] == key[name] for name in key))
        known = connection.execute(wanted).scalar()
        if known is not None:
            return int(known)
        start = {"seed": seed, "round": 1, "is_open": True, "shows_recorded": False}
        added = connection.execute(POLLS.insert().values(**key, **start, opened_at=now))
        assert added.inserted_primary_key is not None
        return int(added.inserted_primary_key[0])

    def _room(self, connection: Connection, is_it: sa.ColumnElement[bool], now: float) -> Room:
        row = connection.execute(sa.select(ROOMS).where(is_it)).one()
        return self._to_room(row, now)

    @staticmethod
    def _forget(connection: Connection, now: float) -> None:
        """Delete the rooms that are over for long, with all that was voted in them."""
        old = sa.select(ROOMS.c.number).where(ROOMS.c.used_at < now - KEPT_SECONDS)
        polls = sa.select(POLLS.c.number).where(POLLS.c.room.in_(old))
        for table in (VOTES, POLL_RUNS):
            connection.execute(table.delete().where(table.c.poll.in_(polls)))
        for table in (POLLS, ROOM_MEMBERS):
            connection.execute(table.delete().where(table.c.room.in_(old)))
        connection.execute(ROOMS.delete().where(ROOMS.c.used_at < now - KEPT_SECONDS))

    @staticmethod
    def _to_room(row: Row, now: float) -> Room:
        return Room(
            number=row.number,
            code=row.code,
            owner=row.owner,
            poll=row.poll,
            is_over=row.ended_at is not None or row.used_at <= now - ROOM_SECONDS,
        )


def new_code() -> str:
    """Return a code that cannot be guessed by accident: one of 47 million."""
    return "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))


def plain_code(typed: str) -> str:
    """Return a code as it is kept, however somebody typed it: small, with spaces or dashes."""
    return "".join(letter for letter in typed.upper() if letter.isalnum())[: 2 * CODE_LENGTH]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
