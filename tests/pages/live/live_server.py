"""A real server with a real store, a writer that writes as a worker does, and what one sees."""

from __future__ import annotations

import http.client
import json
import math
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from pages.live.api import api_routes
from pages.live.badge import Badges
from pages.live.cutting import CuttableMiddleware
from pages.live.entrance import EntranceMiddleware
from pages.live.hub import Hub
from pages.live.security import security_middleware
from pages.live.stream import stream_route
from tests.waiting import wait_until
from trainer.runs import Claim, Record
from trainer.store import Store

WAIT_SECONDS = 60.0


class Server:
    """What a test needs to know of the running server."""

    def __init__(self, store: Store, hub: Hub, port: int) -> None:
        self.store = store
        self.hub = hub
        self.port = port

    def url(self, run_id: str, after: str | None = None) -> str:
        """Return the address of a run's stream."""
        query = "" if after is None else f"?after={after}"
        return f"ws://127.0.0.1:{self.port}/api/runs/{run_id}/stream{query}"

    def get(
        self, path: str, *, method: str = "GET", content: str | None = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, Any]:
        """Return status, headers and JSON (or text) of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)
        try:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            body = response.read().decode()
            is_json = response.headers.get_content_type() == "application/json"
            return response.status, response.headers, json.loads(body) if is_json and body else body
        finally:
            connection.close()


@contextmanager
def serving(
    url: str,
    *,
    allowed_hosts: Sequence[str] = ("localhost", "127.0.0.1", "[::1]"),
    send_buffer: int | None = None,
    badges: Badges | None = None,
) -> Iterator[Server]:
    """Serve the store at `url` on a free port; to a class where it has badges."""
    threads_before = set(threading.enumerate())
    store = Store(url)
    hub = Hub(store)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> Any:
        hub.start()
        yield
        await hub.stop()
        store.close()

    app = Starlette(
        routes=[*api_routes(store, lambda: [{"pid": 1, "running": True}]), stream_route(hub)],
        middleware=[
            Middleware(CuttableMiddleware),
            *security_middleware(allowed_hosts),
            *([] if badges is None else [Middleware(EntranceMiddleware, badges=badges)]),
        ],
        lifespan=lifespan,
    )
    listener = socket.socket()
    if send_buffer is not None:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    listener.bind(("127.0.0.1", 0))
    # As Streamlit starts it.
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        access_log=False,
        log_level="warning",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started, "the server listens")
        yield Server(store, hub, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(WAIT_SECONDS)
        listener.close()
    assert not thread.is_alive(), "the server did not stop"
    left = [thread.name for thread in set(threading.enumerate()) - threads_before]
    assert "live-hub" not in left


class Writer:
    """Writes one run as a worker does: whole epochs, each with the steps in it.

    Args:
        store: Where to.
        num_steps: Steps in an epoch.
        names: What is logged at each step; an epoch also has `val_loss`.
        declared: Whether the run knows `num_steps` beforehand.
    """

    def __init__(
        self,
        store: Store,
        *,
        num_steps: int = 2,
        names: Sequence[str] = ("loss",),
        declared: bool = True,
        epochs: int = 100,
    ) -> None:
        self.store = store
        self.num_steps = num_steps
        self.names = list(names)
        self.run_id = store.create_run({"dataset": "digits", "epochs": epochs})
        self.claim: Claim | None = None
        self.epoch = 0
        self._declared = declared
        self._seq = 1

    def start(self) -> None:
        # In a store that tests share, runs that nobody started may wait before this one.
        while self.claim is None or self.claim.run_id != self.run_id:
            self.claim = self.store.claim_next("a worker", slots=1_000)
            assert self.claim is not None, "the run does not wait for a writer"
        steps_per_epoch = self.num_steps if self._declared else None
        self.write(state="training", steps_per_epoch=steps_per_epoch)

    def write(self, *records: Record, **fields: Any) -> None:
        assert self.claim is not None
        self.store.write(self.claim, first_seq=self._seq, records=records, **fields)
        self._seq += len(records)

    def steps(self, num_steps: int | None = None, *, first: int = 0) -> Record:
        positions = first + np.arange(self.num_steps if num_steps is None else num_steps)
        value = self.epoch + positions / 1000
        return Record(
            kind="steps",
            epoch=self.epoch,
            step=first,
            data={"names": self.names},
            values=np.repeat(value[:, None], len(self.names), axis=1).astype("f4"),
        )

    def write_epoch(self, *, loss: float | None = None) -> None:
        """Write the next epoch; its loss is 1 / its number, unless given."""
        value = 1 / (self.epoch + 1) if loss is None else loss
        stored = value if math.isfinite(value) else None
        logs = dict.fromkeys([*self.names, "val_loss"], stored)
        records = [self.steps()] if self.num_steps else []
        records.append(Record(kind="epoch", epoch=self.epoch, data=logs))
        self.write(*records, epoch=self.epoch + 1, seconds=float(self.epoch))
        self.epoch += 1

    def finish(self, state: str = "finished", message: str = "") -> None:
        self.write(state=state, message=message)


class Chart:
    """What a browser would have drawn after a number of messages."""

    def __init__(self) -> None:
        self.points: dict[str, tuple[list[float], list[float | None]]] = {}
        self.run: dict[str, Any] = {}
        self.cursor: str | None = None
        self.kinds: list[str] = []

    def apply(self, text: str) -> dict[str, Any]:
        message = json.loads(text)
        assert set(message) - {"evaluation", "boundary", "verdicts"} == {
            "type",
            "cursor",
            "run",
            "series",
        }
        self.kinds.append(message["type"])
        if message["type"] == "snapshot":
            self.points = {}
        for name, series in message["series"].items():
            assert len(series["x"]) == len(series["y"]) > 0
            xs, ys = self.points.setdefault(name, ([], []))
            xs.extend(series["x"])
            ys.extend(series["y"])
        self.run = message["run"]
        self.cursor = message["cursor"]
        return message
