"""What browsers are told about every answer: what it may load, and who may show it."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class SafeHeadersMiddleware:
    """Adds the headers to every answer, refusals included; what an answer says itself stays.

    Nothing is loaded from elsewhere, no script runs that this server did not send, no other site
    shows a page in a frame or learns the address of a run.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _headers().items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


@cache
def _headers() -> dict[str, str]:
    return {
        "Content-Security-Policy": "; ".join(_policy()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def _policy() -> list[str]:
    return [
        "default-src 'self'",
        # Streamlit imports a component's script from a blob that it makes of it.
        f"script-src 'self' blob: {' '.join(_hashes_of_streamlit())}",
        # Streamlit, Plotly and our own components write styles into the page.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "frame-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    ]


def _hashes_of_streamlit() -> list[str]:
    """Return what allows the scripts that stand in Streamlit's own page, and no other ones."""
    page = Path(streamlit.__file__).parent / "static" / "index.html"
    scripts = _INLINE_SCRIPT.findall(page.read_text(encoding="utf-8"))
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
