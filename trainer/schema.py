"""The tables of the store."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trainer.errors import StoreUnusable

SCHEMA_VERSION = 7

METADATA = sa.MetaData()
META = sa.Table(
    "meta",
    METADATA,
    sa.Column("key", sa.String(40), primary_key=True),
    sa.Column("value", sa.String(200), nullable=False),
)
RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String(32), nullable=False, unique=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("origin", sa.String(20), nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("config", sa.Text, nullable=False),
    sa.Column("facts", sa.Text, nullable=False, server_default="{}"),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("worker", sa.String(120), nullable=False, default=""),
    sa.Column("pulse", sa.Integer, nullable=False, default=0),
    sa.Column("epoch", sa.Integer, nullable=False, default=0),
    sa.Column("epochs", sa.Integer),
    sa.Column("step", sa.Integer, nullable=False, default=0),
    sa.Column("steps_per_epoch", sa.Integer),
    sa.Column("seconds", sa.Float, nullable=False, default=0.0),
    sa.Column("epochs_per_second", sa.Float),
    sa.Column("speed", sa.Float),
    sa.Column("learning_rate", sa.Float),
    # Who waits is served in this order: a run that is queued anew goes to the end.
    sa.Column("queue_number", sa.Integer, nullable=False, server_default="0"),
    # … but first by turns, so that one owner's many runs do not keep another's waiting.
    sa.Column("turn", sa.Integer, nullable=False, server_default="0"),
    # Nobody in particular's are those of a command line and of a notebook.
    sa.Column("owner", sa.String(80), nullable=False, server_default=""),
    sa.Column("parent", sa.Text),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("ended_at", sa.Float),
)
ATTEMPTS = sa.Table(
    "attempts",
    METADATA,
    sa.Column("run_id", sa.String(32), sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    # What earlier ones have of this epoch and of later ones is trained again.
    sa.Column("first_epoch", sa.Integer, nullable=False),
)
RECORDS = sa.Table(
    "records",
    METADATA,
    sa.Column("run_id", sa.String(32), sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("values", sa.LargeBinary),
)


def _packed_by_epoch(name: str) -> sa.Table:
    return sa.Table(
        name,
        METADATA,
        sa.Column("run_id", sa.String(32), sa.ForeignKey("runs.run_id"), primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("header", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )


EVALUATIONS = _packed_by_epoch("evaluations")
BOUNDARIES = _packed_by_epoch("boundaries")
INSPECTIONS = sa.Table(
    "inspections",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String(32), sa.ForeignKey("runs.run_id"), nullable=False, index=True),
    sa.Column("part", sa.String(20), nullable=False),
    sa.Column("which", sa.String(20), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("worker", sa.String(120), nullable=False, default=""),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("asked_at", sa.Float, nullable=False),
    sa.Column("epoch", sa.Integer),
    sa.Column("header", sa.Text),
    sa.Column("data", sa.LargeBinary),
    sa.Column("scores", sa.LargeBinary),
)
COMMANDS = sa.Table(
    "commands",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String(32), sa.ForeignKey("runs.run_id"), nullable=False, index=True),
    sa.Column("command", sa.String(20), nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("taken", sa.Boolean, nullable=False, default=False),
)
# What somebody answered in a lesson: the first answer stays.
LESSON_ANSWERS = sa.Table(
    "lesson_answers",
    METADATA,
    sa.Column("owner", sa.String(80), primary_key=True),
    sa.Column("lesson", sa.String(40), primary_key=True),
    sa.Column("part", sa.String(20), primary_key=True),
    sa.Column("choice", sa.Integer, nullable=False),
    sa.Column("answered_at", sa.Float, nullable=False),
)
LESSON_RUNS = sa.Table(
    "lesson_runs",
    METADATA,
    sa.Column("run_id", sa.String(32), sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("owner", sa.String(80), nullable=False, index=True),
    sa.Column("lesson", sa.String(40), nullable=False),
    sa.Column("scenario", sa.String(40), nullable=False),
)
# A class votes in a room, which takes its members along from poll to poll.
ROOMS = sa.Table(
    "rooms",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("code", sa.String(12), nullable=False, unique=True),
    sa.Column("owner", sa.String(80), nullable=False, index=True),
    sa.Column("poll", sa.Integer),
    sa.Column("opened_at", sa.Float, nullable=False),
    sa.Column("used_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float),
    # The number of a room that was deleted is never another's.
    sqlite_autoincrement=True,
)
ROOM_MEMBERS = sa.Table(
    "room_members",
    METADATA,
    sa.Column("room", sa.Integer, sa.ForeignKey("rooms.number"), primary_key=True),
    sa.Column("owner", sa.String(80), primary_key=True, index=True),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("joined_at", sa.Float, nullable=False),
)
POLLS = sa.Table(
    "polls",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("room", sa.Integer, sa.ForeignKey("rooms.number"), nullable=False),
    sa.Column("lesson", sa.String(40), nullable=False),
    sa.Column("part", sa.String(20), nullable=False),
    sa.Column("seed", sa.Integer, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("is_open", sa.Boolean, nullable=False),
    sa.Column("shows_recorded", sa.Boolean, nullable=False),
    sa.Column("opened_at", sa.Float, nullable=False),
    sa.UniqueConstraint("room", "lesson", "part"),
    sqlite_autoincrement=True,
)
# One vote of each member in each round: the key refuses a second one.
VOTES = sa.Table(
    "votes",
    METADATA,
    sa.Column("poll", sa.Integer, sa.ForeignKey("polls.number"), primary_key=True),
    sa.Column("round", sa.Integer, primary_key=True),
    sa.Column("owner", sa.String(80), primary_key=True),
    sa.Column("choice", sa.Integer, nullable=False),
    sa.Column("voted_at", sa.Float, nullable=False),
)
POLL_RUNS = sa.Table(
    "poll_runs",
    METADATA,
    sa.Column("run_id", sa.String(32), sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("poll", sa.Integer, sa.ForeignKey("polls.number"), nullable=False, index=True),
    sa.Column("owner", sa.String(80), nullable=False),
)


def prepare(connection: Connection) -> None:
    """Make the tables, and the columns that a version before did not have.

    Raises:
        StoreUnusable: A newer version of this program made them.
    """
    METADATA.create_all(connection)
    is_version = META.c.key == "schema_version"
    version = connection.execute(sa.select(META.c.value).where(is_version)).scalar()
    if version is None:
        connection.execute(META.insert().values(key="schema_version", value=str(SCHEMA_VERSION)))
    elif int(version) < SCHEMA_VERSION:
        # Tables that the version before did not have are there by now.
        _add_missing_columns(connection)
        connection.execute(META.update().where(is_version).values(value=str(SCHEMA_VERSION)))
    elif int(version) > SCHEMA_VERSION:
        raise StoreUnusable(
            f"The store was made by a newer version of this program (its schema is "
            f"{version}, this program knows {SCHEMA_VERSION}); it was left as it is."
        )


def _add_missing_columns(connection: Connection) -> None:
    inspector = sa.inspect(connection)
    for table in METADATA.sorted_tables:
        present = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in present:
                words = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {words}")
