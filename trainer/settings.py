"""What the environment sets: the data folder, the store, how many runs train at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from trainer.errors import InvalidInput
from trainer.home import home

MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process.

    Attributes:
        home: The data folder (`DASHBOARD_HOME`).
        store_url: SQLAlchemy URL of the store (`DASHBOARD_STORE`).
        slots: How many queued runs train at once (`DASHBOARD_SLOTS`, default 1).
        checkpoint_bytes: What the checkpoints of one run may take on disk
            (`DASHBOARD_CHECKPOINT_MB`, default 200).
    """

    home: Path
    store_url: str
    slots: int
    checkpoint_bytes: int = 200 * MEGABYTE

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
        return cls(
            home=folder,
            store_url=os.environ.get("DASHBOARD_STORE")
            or f"sqlite:///{quote((folder / 'runs.sqlite').as_posix())}",
            slots=_whole("DASHBOARD_SLOTS", 1, 1, 64),
            checkpoint_bytes=_whole("DASHBOARD_CHECKPOINT_MB", 200, 0, 10**9) * MEGABYTE,
        )


def _whole(variable: str, default: int, low: int, high: int) -> int:
    text = os.environ.get(variable, str(default))
    if not (text.isascii() and text.isdigit() and low <= int(text[:12]) <= high):
        raise InvalidInput(variable, f"must be an integer from {low} to {high}", text)
    return int(text)
