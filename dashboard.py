"""The server: `streamlit run dashboard.py` starts the pages, the live stream and the workers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# What pages need, imported here in one thread: a page that is drawn while another thread imports
# the same module would meet it half initialised.
import numpy  # noqa: F401
import pandas  # noqa: F401
import plotly.graph_objects  # noqa: F401
import streamlit as st
from starlette.middleware import Middleware
from streamlit import config, net_util
from streamlit.web.server.server_util import get_url

import trainer.datasets  # noqa: F401
from pages.live.api import api_routes
from pages.live.assets import plotly_route
from pages.live.badge import badges_of
from pages.live.browser import BrowserCookieMiddleware
from pages.live.cutting import CuttableMiddleware
from pages.live.entrance import EntranceMiddleware
from pages.live.hub import Hub
from pages.live.security import is_loopback, own_hosts, security_middleware
from pages.live.stream import stream_route
from trainer.errors import TrainerError
from trainer.launch import FIRST_PAGE_SECONDS, LocalLauncher
from trainer.log import log_to_standard_error
from trainer.settings import Settings
from trainer.store import Store

try:
    settings = Settings.from_environment()
    badges = badges_of(settings)
    if not is_loopback(st.get_option("server.address")):
        if badges is None:
            sys.exit("To be reached from other machines, set DASHBOARD_CLASS_CODE (see README.md).")
        hosts = [*st.get_option("server.allowedHosts"), *own_hosts()]
        # Streamlit's own check of its WebSocket looks there; a script may not set it.
        config.set_option("server.allowedHosts", hosts)
    # The names that Streamlit answers to are those that our own routes do.
    middleware = security_middleware(st.get_option("server.allowedHosts"))
    store = Store(settings.store_url)
except TrainerError as error:
    sys.exit(str(error))
log_to_standard_error("trainer", "pages")
hub = Hub(store)
entrance = [] if badges is None else [Middleware(EntranceMiddleware, badges=badges)]
launcher = LocalLauncher(store, settings, delay=FIRST_PAGE_SECONDS)


def _url() -> str:
    """Return where browsers find the server, those of a class too."""
    address = st.get_option("server.address")
    if config.is_manually_set("browser.serverAddress"):
        address = st.get_option("browser.serverAddress")
    elif address in ("0.0.0.0", "::"):
        address = net_util.get_internal_ip() or own_hosts()[0]
    return get_url(address)


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Run the hub and the workers as long as the server runs."""
    hub.start()
    try:
        launcher.start()
        print(f"Open {_url()} in a browser.", flush=True)
        yield
    finally:
        try:
            await asyncio.to_thread(launcher.stop)
        finally:
            await hub.stop()
            store.close()


app = st.App(
    "pages/shell.py",
    routes=[*api_routes(store, launcher.workers), stream_route(hub), plotly_route()],
    middleware=[
        Middleware(CuttableMiddleware),
        *middleware,
        Middleware(BrowserCookieMiddleware),
        *entrance,
    ],
    lifespan=lifespan,
)
