"""The entrance to a class: without its code nobody gets any page, file, answer or WebSocket."""

from __future__ import annotations

import base64
import hashlib
import html
import logging
import re
from pathlib import Path
from string import Template
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from pages.live.badge import COOKIE, Badges, Role
from pages.live.browser import COOKIE as BROWSER_COOKIE
from pages.live.browser import browser_of, forgotten_cookie, lasting_cookie, new_browser
from pages.live.cutting import cut
from pages.live.tries import Tries

SIGN_IN_PATH = "/sign-in"
SIGN_OUT_PATH = "/sign-out"
MAX_FORM_BYTES = 4_096

_PAGE = Template((Path(__file__).parent / "entrance.html").read_text(encoding="utf-8"))
_STYLE = re.search("<style>(.*)</style>", _PAGE.template, re.DOTALL)
assert _STYLE is not None
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.group(1).encode()).digest()).decode()
# The page needs nothing but its style and its form.
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_LOG = logging.getLogger(__name__)
_WRONG = "That is not the code of this class."
_NO_CODE = "This class asks for its code: open its address in a browser and enter it there."
_SIGN_OUT = """<form method="post" action="/sign-out">
  <p>This browser is signed in as a {role}. Signed out, it forgets who you are: your runs stay,
  but only a teacher can change them then.</p>
  <button type="submit">Sign out</button>
</form>"""


class EntranceMiddleware:
    """Asks whoever comes for the class code, once for each browser, and lets nobody else in.

    A browser that signs out also forgets its name, so that whoever uses it next owns nothing yet;
    what its other tabs have open is cut.

    Args:
        badges: Who has shown which code.
        tries: How often a wrong one may be tried.
    """

    def __init__(self, app: ASGIApp, badges: Badges, tries: Tries | None = None) -> None:
        self.app = app
        self._badges = badges
        self._tries = tries or Tries()
        self._sockets: dict[str, set[WebSocket]] = {}  # those that are open, by browser

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = scope["path"] if scope["type"] == "http" else ""
        is_sign_in = path == SIGN_IN_PATH
        role = self._badges.role_of_cookies(headers.get("cookie", ""))
        if is_sign_in and scope["method"] == "POST":
            response = await self._sign_in(scope, receive)
        elif path == SIGN_OUT_PATH and scope["method"] == "POST":
            response = self._sign_out(scope, browser_of(headers.get("cookie", "")))
        elif not is_sign_in and role:
            await self._let_in(scope, receive, send)
            return
        elif _asks_for_page(scope, headers):
            response = _page(to=_address(scope) if not is_sign_in else "/", role=role)
        else:
            response = JSONResponse({"error": _NO_CODE}, status_code=401)
        response.headers["Cache-Control"] = "no-store"
        await response(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.app(scope, receive, send)
            return
        socket = WebSocket(scope, receive, send)
        browser = browser_of(socket.headers.get("cookie", "")) or ""
        self._sockets.setdefault(browser, set()).add(socket)
        try:
            await self.app(scope, receive, send)
        finally:
            sockets = self._sockets[browser]
            sockets.discard(socket)
            if not sockets:
                del self._sockets[browser]

    def _sign_out(self, scope: Scope, browser: str | None) -> Response:
        for socket in tuple(self._sockets.get(browser or "", ())):
            cut(socket)
        response = Response(status_code=303, headers={"Location": "/"})
        for name in (COOKIE, BROWSER_COOKIE):
            response.headers.append("set-cookie", forgotten_cookie(scope, name))
        _LOG.info("a browser signed out")
        return response

    async def _sign_in(self, scope: Scope, receive: Receive) -> Response:
        form = await _form(receive)
        if form is None:
            return JSONResponse({"error": "The form is too long."}, status_code=413)
        client = scope["client"][0] if scope.get("client") else ""
        to = _safe(form.get("to", [""])[0])
        seconds = self._tries.seconds_to_wait(client)
        if seconds:
            _LOG.warning("a code was tried before its time")
            words = f"Too many wrong codes were tried. Try again in {seconds} s."
            response = _page(to=to, problem=words, status=429)
            response.headers["Retry-After"] = str(seconds)
            return response
        role = self._badges.role_for(form.get("code", [""])[0].strip())
        if role is None:
            self._tries.note_wrong(client)
            _LOG.warning("a wrong code was tried")
            return _page(to=to, problem=_WRONG, status=403)
        response = Response(status_code=303, headers={"Location": to})
        browser = browser_of(Headers(scope=scope).get("cookie", ""))
        if browser is None:
            browser = new_browser()
            response.headers.append("set-cookie", lasting_cookie(scope, BROWSER_COOKIE, browser))
        badge = self._badges.badge(role, browser)
        _LOG.info("a %s signed in", role)
        response.headers.append("set-cookie", lasting_cookie(scope, COOKIE, badge))
        return response


def _asks_for_page(scope: Scope, headers: Headers) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and "text/html" in headers.get("accept", "")
    )


def _page(*, to: str, problem: str = "", role: Role | None = None, status: int = 401) -> Response:
    sign_out = "" if role is None else _SIGN_OUT.format(role=role)
    page = _PAGE.substitute(to=html.escape(to), problem=html.escape(problem), sign_out=sign_out)
    return HTMLResponse(page, status_code=status, headers={"Content-Security-Policy": _POLICY})


async def _form(receive: Receive) -> dict[str, list[str]] | None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_FORM_BYTES:
            return None
        if message["type"] != "http.request" or not message.get("more_body", False):
            return parse_qs(body.decode(errors="replace"))


def _address(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    return _safe(raw_path.decode("latin-1") + (f"?{query}" if query else ""))


def _safe(to: str) -> str:
    """Return where to go on; an address that leads elsewhere than to this server is none."""
    is_own = to.startswith("/") and not to.startswith(("//", "/\\"))
    return to if is_own and to.isascii() and to.isprintable() and len(to) < 2_000 else "/"
