"""The errors of this package; every message is one sentence for the person who caused it.

TrainerError
├── InvalidInput         a value somebody gave is not acceptable (names the parameter)
├── DatasetUnavailable   the data cannot be had here and now
├── TableUnreadable      a file is no table that can be read (says the line where there is one)
├── RunNotFound          no such run in the store
├── RoomNotFound         no room of a class with this code
├── NotPossible          what is asked of a run does not go with its state or its set-up
│   └── NotYours         … or is only for whoever started the run, and for the teacher
├── WeightsMissing       the weights of a run are not there or cannot be read
├── StoreUnusable        the store is corrupt, newer than this program or unreachable
│   └── StoreFull        … or its disk has no room left
└── Fenced               a writer tried to write into a run that somebody else has taken over
"""


class TrainerError(Exception):
    """Base of every error this package raises on purpose."""


class InvalidInput(TrainerError, ValueError):
    """A value is out of range, of the wrong type or unknown.

    Args:
        parameter: Name of the offending parameter, as in `RunConfig`.
        rule: What the parameter must be, e.g. "must be a positive integer".
        value: What came instead.
    """

    def __init__(self, parameter: str, rule: str, value: object) -> None:
        self.parameter = parameter
        super().__init__(f"{parameter} {rule}. Got {shorten(value)}.")


class DatasetUnavailable(TrainerError):
    """A dataset cannot be loaded, e.g. because there is no internet."""


class TableUnreadable(TrainerError):
    """A file cannot be read as a table, or is larger than is read."""


class RunNotFound(TrainerError):
    """The store holds no run with this id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"There is no run with the id {shorten(run_id)}.")


class RoomNotFound(TrainerError):
    """There is no room with this code."""

    def __init__(self) -> None:
        super().__init__("There is no open room with this code.")


class NotPossible(TrainerError):
    """What is asked of a run does not go with its state or its set-up."""


class NotYours(NotPossible):
    """Somebody asks for something that only a run's owner, or only the teacher may do."""

    def __init__(
        self, message: str = "Only whoever started this run may do that, or the teacher."
    ) -> None:
        super().__init__(message)


class WeightsMissing(TrainerError):
    """The weights of a run were never kept, or their file is damaged."""


class StoreUnusable(TrainerError):
    """The store cannot be read or written; the file is kept as it is."""


class StoreFull(StoreUnusable):
    """There is no room on the disk for what should be written; nothing of it was."""

    def __init__(self) -> None:
        super().__init__("The disk is full: the store took no more, and is as it was.")


class Fenced(TrainerError):
    """This writer's attempt is over: the run was taken over or has ended."""


def shorten(value: object, limit: int = 60) -> str:
    """Return `repr(value)`, cut to `limit` characters, on one line."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print an integer of more than 4,300 digits
        text = "a number of thousands of digits"
    return text if len(text) <= limit else text[: limit - 1] + "…"
