"""The address of a room for a phone, and its QR code."""

from __future__ import annotations

import dataclasses
import html
from urllib.parse import urlsplit, urlunsplit

import segno
import streamlit as st

from pages.lesson.link import PAGE
from pages.live.security import is_loopback, own_hosts


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoomAddress:
    """Where a room is.

    Attributes:
        page: The lessons page, as somebody types it.
        room: The room itself, as a phone's camera reads it.
        is_reachable: Whether other machines come there.
    """

    page: str
    room: str
    is_reachable: bool


def room_address(code: str, url: str | None, *, is_open: bool) -> RoomAddress:
    """Return where phones find a room.

    Args:
        code: The room's code.
        url: The address at which this browser has the server.
        is_open: Whether the server answers to other machines: whoever reaches it as localhost is
            told by what name others do.
    """
    here = urlsplit(url or "http://localhost")
    is_local = is_loopback(here.hostname)
    netloc = here.netloc
    if is_local and is_open:
        hosts = [host for host in own_hosts() if "." in host and not is_loopback(host)]
        addresses = [host for host in hosts if host.replace(".", "").isdigit()]
        name = next(iter([*addresses, *hosts]), here.hostname or "")
        netloc = f"{name}:{here.port}" if here.port else name
    page = urlunsplit((here.scheme, netloc, f"/{PAGE}", "", ""))
    return RoomAddress(
        page=page.partition("://")[2],
        room=f"{page}?room={code}",
        is_reachable=is_open or not is_local,
    )


def this_address(code: str) -> RoomAddress:
    """Return where phones find a room of this server."""
    url = st.context.url
    # Under Streamlit's test harness there is only something that stands for the address.
    is_open = not is_loopback(st.get_option("server.address"))
    return room_address(code, url if isinstance(url, str) else None, is_open=is_open)


def qr_image(address: str) -> str:
    """Return a QR code as an image in HTML, dark on white as cameras want it."""
    code = segno.make(address, error="m", micro=False)
    picture = code.svg_data_uri(border=3, scale=8, light="#fff", dark="#000")
    return f'<img class="room-qr" src="{html.escape(picture)}" alt="QR code of the room">'
