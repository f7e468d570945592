"""The WebSocket on which a browser watches one run.

`/api/runs/{run_id}/stream?after=<cursor>` sends JSON texts: first a "snapshot", or a "delta" with
what is missing since `after`, then deltas. Close codes: 1000 the run is over, 1008 the client sent
something it must not, 1012 the server stops, 1013 the client took nothing for too long, 4404 there
is no such run.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from pages.live.cutting import cut
from pages.live.hub import RETRY_SECONDS, UNKNOWN_RUN, Hub
from pages.live.mailbox import Mailbox
from pages.live.reader import Message
from trainer.errors import RunNotFound

SEND_SECONDS = 30.0
CLOSE_SECONDS = 1.0
# Between two snapshots to one client.
SNAPSHOT_SECONDS = 1.0
MAX_CLIENT_MESSAGE = 1_024

NORMAL = 1000
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013

_LOG = logging.getLogger(__name__)


def stream_route(hub: Hub) -> WebSocketRoute:
    """Return the route on which browsers watch runs."""

    async def stream(websocket: WebSocket) -> None:
        await _Viewer(hub, websocket).serve()

    return WebSocketRoute("/api/runs/{run_id}/stream", stream, name="stream")


class _Viewer:
    """One connection: a task that listens, a task that sends, and the mailbox between them."""

    def __init__(self, hub: Hub, websocket: WebSocket) -> None:
        self._hub = hub
        self._websocket = websocket
        self._run_id: str = websocket.path_params["run_id"]
        self._mailbox = Mailbox()
        self._is_sending = False
        self._snapshot_at = 0.0
        self._pending_snapshot: asyncio.TimerHandle | None = None

    async def serve(self) -> None:
        """Talk until one side has enough."""
        # Accepted even where it is refused at once: a browser learns no code otherwise.
        await self._websocket.accept()
        tasks = {asyncio.create_task(self._send()), asyncio.create_task(self._listen())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            codes = [code for code in (task.result() for task in done) if code is not None]
        except Exception:
            _LOG.exception("A viewer of the run %s was lost.", self._run_id)
            codes = [INTERNAL_ERROR]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._pending_snapshot is not None:
                self._pending_snapshot.cancel()
            self._hub.leave(self._run_id, self._mailbox)
        # Still sending after the sender's end: it gave up, or the server stops meanwhile.
        if self._is_sending and cut(self._websocket):
            return
        if codes:
            with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._websocket.close(codes[0])

    async def _send(self) -> int | None:
        """Send all there is; return the code to close with, or None if nobody is there."""
        mailbox = self._mailbox
        message: Message | None
        try:
            message = await self._join(self._websocket.query_params.get("after"))
            while True:
                self._is_sending = True
                async with asyncio.timeout(SEND_SECONDS):
                    await self._websocket.send_text(message.text)
                self._is_sending = False
                if message.head.is_over:
                    return NORMAL
                token: str | None = message.head.token
                message = await mailbox.take()
                if message is None:
                    if not mailbox.overflowed and not mailbox.wants_snapshot:
                        return mailbox.code
                    message = await self._join(None if mailbox.wants_snapshot else token)
        except RunNotFound:
            return UNKNOWN_RUN
        except TimeoutError:
            return TRY_AGAIN_LATER
        except WebSocketDisconnect:
            return None

    async def _join(self, token: str | None) -> Message:
        while True:
            try:
                message = await self._hub.join(self._run_id, self._mailbox, token)
            except RunNotFound:
                raise
            except Exception:
                _LOG.exception("The run %s cannot be read; trying again.", self._run_id)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if message.is_snapshot:
                self._snapshot_at = asyncio.get_running_loop().time()
            return message

    async def _listen(self) -> int | None:
        """Wait for the client to leave (None) or to say what it must not (a code)."""
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            text = message.get("text")
            if text is None or len(text) > MAX_CLIENT_MESSAGE or text != "snapshot":
                return POLICY_VIOLATION
            self._request_snapshot()

    def _request_snapshot(self) -> None:
        if self._pending_snapshot is None:
            loop = asyncio.get_running_loop()
            at = max(loop.time(), self._snapshot_at + SNAPSHOT_SECONDS)
            self._pending_snapshot = loop.call_at(at, self._ask_for_snapshot)

    def _ask_for_snapshot(self) -> None:
        self._pending_snapshot = None
        self._mailbox.ask_for_snapshot()
