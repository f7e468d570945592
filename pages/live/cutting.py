"""Cutting a connection whose other end takes nothing any more.

A WebSocket is closed by sending the peer a last message, for which uvicorn waits without a limit:
one browser that sleeps with a full buffer would keep the server from stopping. ASGI has no word for
giving up on it, so this takes uvicorn's own.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

_KEY = "pages.live.cut"


class CuttableMiddleware:
    """Makes `cut` possible; must come before middleware that wraps `send`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            transport = getattr(getattr(send, "__self__", None), "transport", None)
            scope[_KEY] = getattr(transport, "abort", None)
        await self.app(scope, receive, send)


def cut(websocket: WebSocket) -> bool:
    """Drop the connection and what was not sent; return False where the server cannot do that."""
    abort = websocket.scope.get(_KEY)
    if abort is None:
        return False
    abort()
    return True
