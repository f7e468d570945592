"""What a class votes: taken once a member and round, and told to nobody before the poll is closed.

While a poll is open nobody learns how the others voted, whoever leads it included; a vote stays as
it was given. Whoever opened the room leads its polls, and nobody else does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from trainer.errors import InvalidInput, NotPossible, NotYours, RoomNotFound
from trainer.poll import ROUNDS, Ballot, ClassRun, Poll, Turnout, to_poll
from trainer.schema import POLL_RUNS, POLLS, ROOM_MEMBERS, ROOMS, RUNS, VOTES
from trainer.store import Store

# A room that nobody led or joined for so long is over.
ROOM_SECONDS = 12 * 3600.0


class Polls:
    """The polls as the person who uses the store may see and change them.

    Args:
        store: Where they are kept, as that person has it.
        clock: Seconds since 1970.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._person = store.person
        self._clock = clock

    def poll(self, number: int) -> Poll:
        """Return a poll.

        Raises:
            RoomNotFound: There is none of this number.
        """
        with self._store.transaction() as connection:
            return self._poll(connection, number)

    # -- members ---------------------------------------------------------------------------

    def vote(self, number: int, round: int, choice: int) -> None:
        """Give one's vote; it stays.

        Args:
            number: Which poll.
            round: The round that the page showed: a press that comes late counts in no other.
            choice: The option's number, counted from 0.

        Raises:
            RoomNotFound: There is no such poll.
            NotYours: Whoever votes has not joined the room.
            NotPossible: This round is not open, or they have voted in it.
            InvalidInput: There is no such option.
        """
        with self._store.transaction(writes=True) as connection:
            poll = self._poll(connection, number)
            self._place(connection, poll)
            if not (poll.is_open and poll.round == round and self._is_current(connection, poll)):
                raise NotPossible("This vote is closed.")
            count = len(poll.question.options)
            if not 0 <= choice < count:
                raise InvalidInput("choice", f"must be an option from 0 to {count - 1}", choice)
            vote = {"poll": number, "round": round, "owner": self._person.owner, "choice": choice}
            try:
                with connection.begin_nested():
                    connection.execute(VOTES.insert().values(**vote, voted_at=self._clock()))
            except IntegrityError as error:
                raise NotPossible("Your vote of this round is in already, and stays.") from error

    def ballot(self, number: int) -> Ballot:
        """Return what whoever asks did in a poll.

        Raises:
            RoomNotFound: There is no such poll.
            NotYours: They have not joined the room.
        """
        owner = self._person.owner
        cast = sa.select(VOTES.c.round, VOTES.c.choice).where(
            VOTES.c.poll == number, VOTES.c.owner == owner
        )
        started = (
            sa.select(POLL_RUNS.c.run_id)
            .join(RUNS, RUNS.c.run_id == POLL_RUNS.c.run_id)
            .where(POLL_RUNS.c.poll == number, POLL_RUNS.c.owner == owner)
            .order_by(RUNS.c.number.desc())
            .limit(1)
        )
        with self._store.transaction() as connection:
            place = self._place(connection, self._poll(connection, number))
            choices = {row.round: row.choice for row in connection.execute(cast)}
            return Ballot(place=place, choices=choices, run_id=connection.execute(started).scalar())

    def note_run(self, number: int, run_id: str) -> None:
        """Remember that one's run is what the class voted on; saying so twice changes nothing.

        Raises:
            RoomNotFound: There is no such poll.
            NotYours: Whoever says so has not joined the room, or the run is somebody else's.
            NotPossible: The vote comes first.
        """
        owner = self._store.run(run_id).owner
        known = sa.select(POLL_RUNS.c.run_id).where(POLL_RUNS.c.run_id == run_id)
        with self._store.transaction(writes=True) as connection:
            poll = self._poll(connection, number)
            self._place(connection, poll)
            if owner != self._person.owner:
                raise NotYours
            if poll.is_open:
                raise NotPossible("The vote comes first: it is still open.")
            if connection.execute(known).first() is None:
                run = {"run_id": run_id, "poll": number, "owner": owner}
                connection.execute(POLL_RUNS.insert().values(**run))

    # -- whoever leads ---------------------------------------------------------------------

    def close(self, number: int, round: int) -> None:
        """Take no more votes, and show the bars.

        Args:
            number: Which poll.
            round: The round that the page showed: a press that comes late closes no other.

        Raises:
            RoomNotFound: There is no such poll.
            NotYours: Somebody else opened the room.
            NotPossible: Another round is on by now.
        """
        self._change(number, from_rounds=(round,), is_open=False)

    def vote_again(self, number: int) -> None:
        """Have the class vote once more, after it has talked; bars are hidden until it is closed.

        Raises:
            RoomNotFound: There is no such poll.
            NotYours: Somebody else opened the room.
            NotPossible: That was the second round already.
        """
        self._change(number, from_rounds=range(1, ROUNDS), round=ROUNDS, is_open=True)

    def show_recorded(self, number: int, *, is_shown: bool) -> None:
        """Show a recorded run to the class, or no more.

        Raises:
            RoomNotFound: There is no such poll.
            NotYours: Somebody else opened the room.
        """
        self._change(number, shows_recorded=is_shown)

    def turnout(self, number: int) -> Turnout:
        """Return how many there are and how many have voted in the round that is on.

        Raises:
            RoomNotFound: There is no such poll.
            NotYours: Somebody else opened the room.
        """
        count = sa.select(sa.func.count())
        with self._store.transaction() as connection:
            poll = self._poll(connection, number)
            self._check_leads(connection, poll)
            there = count.select_from(ROOM_MEMBERS).where(ROOM_MEMBERS.c.room == poll.room)
            voted = count.select_from(VOTES).where(
                VOTES.c.poll == number, VOTES.c.round == poll.round
            )
            return Turnout(
                connection.execute(there).scalar_one(), connection.execute(voted).scalar_one()
            )

    def runs(self, number: int) -> list[ClassRun]:
        """Return the newest run of each member, in the order in which they joined.

        Raises:
            RoomNotFound: There is no such poll.
            NotYours: Somebody else opened the room.
        """
        names = ("run_id", "state", "attempt", "epoch", "created_at")
        started = (
            sa.select(ROOM_MEMBERS.c.place, *(RUNS.c[name] for name in names))
            .select_from(POLL_RUNS)
            .join(RUNS, RUNS.c.run_id == POLL_RUNS.c.run_id)
            .join(POLLS, POLLS.c.number == POLL_RUNS.c.poll)
            .join(
                ROOM_MEMBERS,
                (ROOM_MEMBERS.c.room == POLLS.c.room) & (ROOM_MEMBERS.c.owner == POLL_RUNS.c.owner),
            )
            .where(POLL_RUNS.c.poll == number)
            .order_by(ROOM_MEMBERS.c.place, RUNS.c.number)
        )
        with self._store.transaction() as connection:
            poll = self._poll(connection, number)
            self._check_leads(connection, poll)
            rows = connection.execute(started).all()
        newest = {row.place: row for row in rows}
        return [ClassRun(seed=poll.seed_of(row.place), **row._mapping) for row in newest.values()]

    # -- the bars --------------------------------------------------------------------------

    def bars(self, number: int) -> list[list[int]]:
        """Return how many chose each option, one list a round.

        Raises:
            RoomNotFound: There is no such poll.
            NotYours: Whoever asks is neither in the room nor its owner.
            NotPossible: The vote is not closed.
        """
        with self._store.transaction() as connection:
            poll = self._poll(connection, number)
            if not self._leads(connection, poll):
                self._place(connection, poll)
            if poll.is_open:
                raise NotPossible("How the class voted is told once the vote is closed.")
            return self._counts(connection, poll)

    def counted(self, room: int) -> list[dict[str, str | int]]:
        """Return a line for each option of each round of a room's polls that are closed.

        Where the room is over, all are: nobody votes in one that was left open.

        It names nobody: `lesson`, `question`, `round`, `option`, the `misconception` that the
        option stands for (empty for the right one), `right` (yes or no) and `votes`.

        Raises:
            RoomNotFound: There is no such room.
            NotYours: Somebody else opened it.
        """
        wanted = sa.select(POLLS.c.number).where(POLLS.c.room == room).order_by(POLLS.c.opened_at)
        lines: list[dict[str, str | int]] = []
        in_use = sa.select(ROOMS.c.number).where(ROOMS.c.number == room, is_open(self._clock()))
        with self._store.transaction() as connection:
            self._check_leads_room(connection, room)
            is_over = connection.execute(in_use).first() is None
            for number in connection.execute(wanted).scalars().all():
                poll = self._poll(connection, number)
                if is_over or not poll.is_open:
                    lines += _lines(poll, self._counts(connection, poll))
        return lines

    # -- what all of it rests on -----------------------------------------------------------

    def _poll(self, connection: Connection, number: int) -> Poll:
        row = connection.execute(sa.select(POLLS).where(POLLS.c.number == number)).first()
        if row is None:
            raise RoomNotFound
        return to_poll(row)

    def _place(self, connection: Connection, poll: Poll) -> int:
        """Return the place of whoever asks; refuse those who have not joined."""
        wanted = sa.select(ROOM_MEMBERS.c.place).where(
            ROOM_MEMBERS.c.room == poll.room, ROOM_MEMBERS.c.owner == self._person.owner
        )
        place = connection.execute(wanted).scalar()
        if place is None:
            raise NotYours("Only those who have joined the room may do that.")
        return int(place)

    def _is_current(self, connection: Connection, poll: Poll) -> bool:
        wanted = sa.select(ROOMS.c.poll).where(ROOMS.c.number == poll.room, is_open(self._clock()))
        return connection.execute(wanted).scalar() == poll.number

    def _leads(self, connection: Connection, poll: Poll) -> bool:
        try:
            self._check_leads(connection, poll)
        except NotYours:
            return False
        return True

    def _check_leads(self, connection: Connection, poll: Poll) -> None:
        self._check_leads_room(connection, poll.room)

    def _check_leads_room(self, connection: Connection, room: int) -> None:
        wanted = sa.select(ROOMS.c.owner).where(ROOMS.c.number == room)
        owner = connection.execute(wanted).scalar()
        if owner is None:
            raise RoomNotFound
        if not (self._person.is_in_charge and self._person.owner == owner != ""):
            raise NotYours("Only whoever opened this room may do that.")

    def _change(
        self, number: int, *, from_rounds: Sequence[int] | None = None, **values: object
    ) -> None:
        with self._store.transaction(writes=True) as connection:
            poll = self._poll(connection, number)
            self._check_leads(connection, poll)
            if not self._is_current(connection, poll):
                raise NotPossible("The room is over, or has gone on to another question.")
            if from_rounds is not None and poll.round not in from_rounds:
                raise NotPossible("The class is at its second vote already.")
            connection.execute(POLLS.update().where(POLLS.c.number == number).values(**values))
            used = ROOMS.update().where(ROOMS.c.number == poll.room)
            connection.execute(used.values(used_at=self._clock()))

    @staticmethod
    def _counts(connection: Connection, poll: Poll) -> list[list[int]]:
        counted = (
            sa.select(VOTES.c.round, VOTES.c.choice, sa.func.count().label("votes"))
            .where(VOTES.c.poll == poll.number)
            .group_by(VOTES.c.round, VOTES.c.choice)
        )
        bars = [[0] * len(poll.question.options) for _ in range(poll.round)]
        for row in connection.execute(counted):
            bars[row.round - 1][row.choice] = row.votes
        return bars


def is_open(now: float) -> sa.ColumnElement[bool]:
    """Return whether a room is in use: neither ended nor forgotten."""
    return ROOMS.c.ended_at.is_(None) & (ROOMS.c.used_at > now - ROOM_SECONDS)


def _lines(poll: Poll, bars: list[list[int]]) -> list[dict[str, str | int]]:
    return [
        {
            "lesson": poll.lesson.name,
            "question": poll.question.text,
            "round": round,
            "option": option.text,
            "misconception": option.belief,
            "right": "yes" if option.is_right else "no",
            "votes": votes,
        }
        for round, counts in enumerate(bars, 1)
        for option, votes in zip(poll.question.options, counts, strict=True)
    ]
