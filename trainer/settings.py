"""What the environment sets: the data folder, the store, how many runs train at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from trainer.errors import InvalidInput
from trainer.home import home


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process.

    Attributes:
        home: The data folder (`DASHBOARD_HOME`).
        store_url: SQLAlchemy URL of the store (`DASHBOARD_STORE`).
        slots: How many queued runs train at once (`DASHBOARD_SLOTS`, default 1).
    """

    home: Path
    store_url: str
    slots: int

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
        slots = os.environ.get("DASHBOARD_SLOTS", "1")
        if not (slots.isascii() and slots.isdigit() and 1 <= int(slots) <= 64):
            raise InvalidInput("DASHBOARD_SLOTS", "must be an integer from 1 to 64", slots)
        return cls(
            home=folder,
            store_url=os.environ.get("DASHBOARD_STORE")
            or f"sqlite:///{quote((folder / 'runs.sqlite').as_posix())}",
            slots=int(slots),
        )
