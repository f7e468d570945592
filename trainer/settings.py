"""What the environment sets: the data folder, the store, how many runs train at once, the class."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from trainer.errors import InvalidInput
from trainer.home import home

MEGABYTE = 1_000_000
# With a limit on tries, codes of this length are not guessed within years.
MIN_CODE, MAX_CODE = 8, 64
CODE_VARIABLES = ("DASHBOARD_CLASS_CODE", "DASHBOARD_TEACHER_CODE")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process.

    Attributes:
        home: The data folder (`DASHBOARD_HOME`).
        store_url: SQLAlchemy URL of the store (`DASHBOARD_STORE`).
        slots: How many queued runs train at once (`DASHBOARD_SLOTS`, default 1).
        checkpoint_bytes: What the checkpoints of one run may take on disk
            (`DASHBOARD_CHECKPOINT_MB`, default 200).
        worker_runs: After how many runs a worker is replaced (`DASHBOARD_WORKER_RUNS`, default
            100).
        worker_bytes: From how much memory on it is replaced after a run
            (`DASHBOARD_WORKER_MB`, default 4000).
        class_code: What everybody is asked for (`DASHBOARD_CLASS_CODE`); empty where nobody is.
        teacher_code: What lets somebody change everybody's runs (`DASHBOARD_TEACHER_CODE`).
    """

    home: Path
    store_url: str
    slots: int
    checkpoint_bytes: int = 200 * MEGABYTE
    worker_runs: int = 100
    worker_bytes: int = 4_000 * MEGABYTE
    class_code: str = field(default="", repr=False)
    teacher_code: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the settings.

        Raises:
            InvalidInput: A setting has a value that makes no sense.
        """
        try:
            folder = home()
        except OSError as error:
            reason = f"must be a folder that can be written ({error.strerror})"
            value = os.environ.get("DASHBOARD_HOME")
            raise InvalidInput("DASHBOARD_HOME", reason, value) from error
        class_code, teacher_code = _codes()
        return cls(
            home=folder,
            store_url=os.environ.get("DASHBOARD_STORE")
            or f"sqlite:///{quote((folder / 'runs.sqlite').as_posix())}",
            slots=_whole("DASHBOARD_SLOTS", 1, 1, 64),
            checkpoint_bytes=_whole("DASHBOARD_CHECKPOINT_MB", 200, 0, 10**9) * MEGABYTE,
            worker_runs=_whole("DASHBOARD_WORKER_RUNS", 100, 1, 10**6),
            worker_bytes=_whole("DASHBOARD_WORKER_MB", 4_000, 1, 10**6) * MEGABYTE,
            class_code=class_code,
            teacher_code=teacher_code,
        )

    def environment(self) -> dict[str, str]:
        """Return the environment of another process with these settings.

        What lets people in is no business of it.
        """
        return {
            **{name: text for name, text in os.environ.items() if name not in CODE_VARIABLES},
            "DASHBOARD_HOME": str(self.home),
            "DASHBOARD_STORE": self.store_url,
            "DASHBOARD_SLOTS": str(self.slots),
            "DASHBOARD_CHECKPOINT_MB": str(self.checkpoint_bytes // MEGABYTE),
            "DASHBOARD_WORKER_RUNS": str(self.worker_runs),
            "DASHBOARD_WORKER_MB": str(self.worker_bytes // MEGABYTE),
        }


def _whole(variable: str, default: int, low: int, high: int) -> int:
    text = os.environ.get(variable, str(default))
    if not (text.isascii() and text.isdigit() and low <= int(text[:12]) <= high):
        raise InvalidInput(variable, f"must be an integer from {low} to {high}", text)
    return int(text)


def _codes() -> tuple[str, str]:
    codes = {name: os.environ.get(name, "") for name in CODE_VARIABLES}
    for name, code in codes.items():
        if code and not (MIN_CODE <= len(code) <= MAX_CODE and code.isprintable()):
            rule = f"must be {MIN_CODE} to {MAX_CODE} printable characters"
            # Never the code itself, which would end up in a log.
            raise InvalidInput(name, rule, f"{len(code)} characters")
    class_code, teacher_code = codes.values()
    if teacher_code and teacher_code == class_code:
        raise InvalidInput("DASHBOARD_TEACHER_CODE", "must not be the class code", "the class code")
    if teacher_code and not class_code:
        rule = "must be set where a teacher code is"
        raise InvalidInput("DASHBOARD_CLASS_CODE", rule, "nothing")
    return class_code, teacher_code
