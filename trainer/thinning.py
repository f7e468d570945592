"""Keeping some of many things that come one after the other."""

from __future__ import annotations


class EvenlyKept:
    """Keeps the first, the newest and evenly chosen ones between, however many come.

    All are kept until there are more than `limit`; then every second one, and of what comes later
    every second one, and so on. Between half of `limit` and all of it are kept, and the newest.

    Args:
        limit: An even number.
    """

    def __init__(self, limit: int) -> None:
        if limit < 2 or limit % 2:
            raise ValueError(f"limit must be an even number of at least 2. Got {limit!r}.")
        self._limit = limit
        self._stride = 1
        self._count = 0
        self._kept: list[int] = []
        self._passing: int | None = None

    def add(self, item: int) -> list[int]:
        """Keep this one, the newest, and return those to let go."""
        gone = [] if self._passing is None else [self._passing]
        self._passing = None
        if self._count % self._stride:
            self._passing = item
        else:
            self._kept.append(item)
            if len(self._kept) > self._limit:
                # One more than an even number: the newest is not among every second.
                gone += self._kept[1::2]
                self._kept = self._kept[::2]
                self._stride *= 2
        self._count += 1
        return gone
