"""Room on the disk that is given up when there is no other left."""

from __future__ import annotations

import shutil
from pathlib import Path

_BYTES = 256 * 1024
# None is set aside where the disk has little more than that: there others need it now.
_FREE_BYTES = 4 * _BYTES


class Reserve:
    """A file full of nothing, in whose place a few last words fit once the disk is full.

    Args:
        path: The file; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def set_aside(self) -> None:
        """Make the file where it is missing; where there is no room, there is none."""
        try:
            if not self._path.exists() and shutil.disk_usage(self._path.parent).free > _FREE_BYTES:
                self._path.write_bytes(bytes(_BYTES))
        except OSError:
            self.give_up()

    def give_up(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)
