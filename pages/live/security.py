"""Who may talk to the server: the Host and Origin rules, for HTTP and WebSockets alike.

A foreign *Host* is how a web page reaches a server on this machine under a name of its own (DNS
rebinding); a foreign *Origin* is another site's page using its visitor's browser.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import psutil
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.live.headers import SafeHeadersMiddleware
from trainer.errors import InvalidInput

_DEFAULT_PORTS = {"http": 80, "https": 443}


def security_middleware(allowed_hosts: Sequence[str]) -> list[Middleware]:
    """Return the middleware that refuses foreign hosts and origins, and guards every answer.

    Args:
        allowed_hosts: Names the server answers to, on any port: `localhost`, `[::1]` or `::1`,
            `*.example.org`, or `*` for any.

    Raises:
        InvalidInput: A name is no host name.
    """
    return [
        Middleware(SafeHeadersMiddleware),
        Middleware(
            TrustedHostMiddleware,
            allowed_hosts=[_host_pattern(host) for host in allowed_hosts],
            www_redirect=False,
        ),
        Middleware(SameOriginMiddleware),
    ]


def is_loopback(address: str | None) -> bool:
    """Return whether a server at this address answers to its own machine only."""
    try:
        return address == "localhost" or ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def own_hosts() -> list[str]:
    """Return what others call this machine: its name, with and without `.local`, its addresses."""
    name = socket.gethostname()
    addresses = [
        part.address.partition("%")[0]
        for parts in psutil.net_if_addrs().values()
        for part in parts
        if part.family in (socket.AF_INET, socket.AF_INET6)
    ]
    return [name, f"{name.partition('.')[0]}.local", *dict.fromkeys(addresses)]


class SameOriginMiddleware:
    """Refuses requests that a page of another origin makes; whoever sends no Origin is no page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        if _is_same_origin(Headers(scope=scope)):
            await self.app(scope, receive, send)
        else:
            response = JSONResponse(
                {"error": "Requests from pages of another origin are refused."}, status_code=403
            )
            await response(scope, receive, send)


def _is_same_origin(headers: Headers) -> bool:
    # The scheme is left out: behind a proxy that ends TLS it differs from what the browser sees.
    origins = headers.getlist("origin")
    if not origins:
        return True
    try:
        origin = urlsplit(origins[0])
        host = urlsplit(f"//{headers.get('host', '')}")
        default_port = _DEFAULT_PORTS.get(origin.scheme)
        return (
            len(origins) == 1
            and default_port is not None
            and origin.hostname is not None
            and origin.hostname == host.hostname
            and (origin.port or default_port) == (host.port or default_port)
        )
    except ValueError:
        return False


def _host_pattern(host: str) -> str:
    pattern = host.strip().lower()
    if pattern.count(":") > 1 and not pattern.startswith("["):
        pattern = f"[{pattern}]"
    rest = pattern.removeprefix("*.")
    if pattern != "*" and (not rest or not pattern.isascii() or set(rest) & set("*/@, ")):
        raise InvalidInput("server.allowedHosts", "must be a list of host names, or of one *", host)
    if ":" in pattern and not pattern.startswith("["):
        raise InvalidInput("server.allowedHosts", "must be host names without ports", host)
    return pattern
