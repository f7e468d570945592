"""The plotly.js file that the live charts draw with, served from the installed plotly package."""

from __future__ import annotations

import gzip
from functools import cache

from plotly.offline import get_plotlyjs, get_plotlyjs_version
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_HEADERS = {
    # The version is part of the address, so a browser never has to ask again.
    "Cache-Control": "public, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
}


def plotly_url() -> str:
    """Return the path of plotly.js on this server, with its version in the name."""
    return f"/live/plotly-{get_plotlyjs_version()}.min.js"


def plotly_route() -> Route:
    """Return the route that answers `plotly_url()`."""
    return Route(plotly_url(), _plotly, methods=["GET"], name="plotly")


# Not `async`: Starlette runs it in a thread, so the one compression blocks nobody.
def _plotly(request: Request) -> Response:
    headers = dict(_HEADERS)
    if _accepts_gzip(request.headers.get("accept-encoding", "")):
        content = _compressed_script()
        headers["Content-Encoding"] = "gzip"
    else:
        content = _script()
    return Response(content, media_type="text/javascript", headers=headers)


# Not kept: 5 MB that no browser asks for.
def _script() -> bytes:
    return get_plotlyjs().encode()


@cache
def _compressed_script() -> bytes:
    return gzip.compress(_script(), compresslevel=6, mtime=0)


def _accepts_gzip(accept_encoding: str) -> bool:
    for entry in accept_encoding.lower().split(","):
        coding, _, parameters = entry.partition(";")
        if coding.strip() in ("gzip", "*"):
            weight = parameters.replace(" ", "").removeprefix("q=")
            return weight not in ("0", "0.0", "0.00", "0.000")
    return False
