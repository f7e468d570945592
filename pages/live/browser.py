"""Tells one browser from another: by a random cookie that comes with its first page."""

from __future__ import annotations

import hashlib
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "dashboard_browser"
_YEAR = 365 * 24 * 3600
_NUM_BYTES = 24


class BrowserCookieMiddleware:
    """Gives a browser without the cookie one with the page it asks for.

    All tabs of a browser have it in common, and it outlives a reload and a restart of the server.
    No script can read it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or browser_of(Headers(scope=scope).get("cookie", "")):
            await self.app(scope, receive, send)
            return
        accepted = Headers(scope=scope).get("accept", "")

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_page = headers.get("content-type", "").startswith("text/html")
                # A browser that forgot its cookies may have kept the page itself.
                is_kept_page = message["status"] == 304 and "text/html" in accepted
                if is_page or is_kept_page:
                    headers.append("set-cookie", lasting_cookie(scope, COOKIE, new_browser()))
            await send(message)

        await self.app(scope, receive, send_with_cookie)


def browser_of(cookies: str) -> str | None:
    """Return the browser's name in a Cookie header; None if it has none yet."""
    return cookie_parser(cookies).get(COOKIE) or None


def owner_of(browser: str) -> str:
    """Return as whom a browser owns runs and files; nobody can find its cookie by that."""
    return f"browser {hashlib.sha256(browser.encode()).hexdigest()}"


def new_browser() -> str:
    """Return a name that no browser has, and that nobody can guess."""
    return secrets.token_urlsafe(_NUM_BYTES)


def lasting_cookie(scope: Scope, name: str, value: str) -> str:
    """Return a Set-Cookie header for a year, which no script and no other site's page can use."""
    return _cookie(scope, name, value, _YEAR)


def forgotten_cookie(scope: Scope, name: str) -> str:
    """Return a Set-Cookie header that makes a browser forget what `lasting_cookie` gave it."""
    return _cookie(scope, name, "", 0)


def _cookie(scope: Scope, name: str, value: str, seconds: int) -> str:
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
