"""What the environment sets: the data folder, the store, how many runs train at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
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
        allowed_hosts: Host names the server answers to (`DASHBOARD_ALLOWED_HOSTS`, separated by
            commas; default this machine only).
    """

    home: Path
    store_url: str
    slots: int
    allowed_hosts: tuple[str, ...]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings.

        Raises:
            InvalidInput: A setting has a value that makes no sense.
        """
        environment = os.environ if environment is None else environment
        try:
            folder = home()
        except OSError as error:
            reason = f"must be a folder that can be written ({error.strerror})"
            raise InvalidInput(
                "DASHBOARD_HOME", reason, environment.get("DASHBOARD_HOME")
            ) from error
        slots = environment.get("DASHBOARD_SLOTS", "1")
        if not (slots.isascii() and slots.isdigit() and 1 <= int(slots) <= 64):
            raise InvalidInput("DASHBOARD_SLOTS", "must be an integer from 1 to 64", slots)
        hosts = environment.get("DASHBOARD_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
        return cls(
            home=folder,
            store_url=environment.get("DASHBOARD_STORE")
            or f"sqlite:///{quote((folder / 'runs.sqlite').as_posix())}",
            slots=int(slots),
            allowed_hosts=tuple(host.strip() for host in hosts.split(",") if host.strip()),
        )
