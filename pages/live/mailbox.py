"""What waits for one viewer."""

from __future__ import annotations

import asyncio
from collections import deque

from pages.live.reader import Message

# One who lags further behind gets what it lacks in one piece later.
MAILBOX_SIZE = 20


class Mailbox:
    """The messages for one viewer; at most `MAILBOX_SIZE`. Lives in the event loop.

    Attributes:
        code: The close code once there is nothing more to wait for.
        overflowed: Whether messages were dropped, so that the viewer must join again.
        wants_snapshot: Whether the viewer asked to get everything anew.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self.overflowed = False
        self.wants_snapshot = False
        self._messages: deque[Message] = deque()
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._messages)

    def reset(self) -> None:
        """Begin anew, empty."""
        self.overflowed = self.wants_snapshot = False
        self._messages.clear()

    def offer(self, message: Message) -> None:
        """Put a message in, or give up on all of them if there are too many."""
        if message.is_snapshot:
            self._messages.clear()
        if len(self._messages) >= MAILBOX_SIZE:
            self.overflowed = True
            self._messages.clear()
        if not self.overflowed:
            self._messages.append(message)
        self._arrived.set()

    def ask_for_snapshot(self) -> None:
        """Make `take` tell that the viewer wants everything anew."""
        self.wants_snapshot = True
        self._arrived.set()

    def close(self, code: int) -> None:
        """Let the viewer go once the mailbox is empty."""
        self.code = code
        self._arrived.set()

    async def take(self) -> Message | None:
        """Wait for the next message; None if there is a flag or a code to look at instead."""
        while True:
            if self.overflowed or self.wants_snapshot:
                return None
            if self._messages:
                return self._messages.popleft()
            if self.code is not None:
                return None
            self._arrived.clear()
            await self._arrived.wait()
