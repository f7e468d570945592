"""Who has shown which code: a badge that the server signs and the browser keeps."""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal, get_args

from starlette.requests import cookie_parser

from pages.live.browser import COOKIE as BROWSER_COOKIE
from pages.live.secret import secret
from trainer.settings import Settings

COOKIE = "dashboard_class"

Role = Literal["student", "teacher"]


class Badges:
    """Gives badges for codes, and tells whose are genuine.

    A badge belongs to one browser and to one code: whoever copies it without the browser's own
    cookie, or comes after the code was changed, has none.

    Args:
        secret: What badges are signed with.
        class_code: What students show.
        teacher_code: What a teacher shows; empty where there is none.
    """

    def __init__(self, secret: bytes, *, class_code: str, teacher_code: str = "") -> None:
        self._secret = secret
        self._codes: dict[Role, str] = {"teacher": teacher_code, "student": class_code}

    def role_for(self, code: str) -> Role | None:
        """Return whose code this is; it takes as long for a wrong one as for a right one."""
        shown: Role | None = None
        for role, wanted in self._codes.items():
            # Digests are of one length, so that not even the code's can be measured.
            is_same = hmac.compare_digest(_digest(code), _digest(wanted))
            if is_same and wanted:
                shown = role
        return shown

    def badge(self, role: Role, browser: str) -> str:
        """Return the cookie's value for a browser."""
        return f"{role}.{self._signature(role, browser)}"

    def role_of(self, browser: str | None, badge: str | None) -> Role | None:
        """Return what a browser may be with its badge; None without a genuine one."""
        name, _, signature = (badge or "").partition(".")
        for role in get_args(Role):
            if browser and name == role and self._codes[role]:
                wanted = self._signature(role, browser)
                return role if hmac.compare_digest(signature.encode(), wanted.encode()) else None
        return None

    def role_of_cookies(self, cookies: str) -> Role | None:
        """Return what a browser may be with the cookies in a header."""
        parsed = cookie_parser(cookies)
        return self.role_of(parsed.get(BROWSER_COOKIE), parsed.get(COOKIE))

    def _signature(self, role: Role, browser: str) -> str:
        signed = "\0".join((role, browser, self._codes[role])).encode()
        return hmac.new(self._secret, signed, hashlib.sha256).hexdigest()


def badges_of(settings: Settings) -> Badges | None:
    """Return the badges of a class; None where there is none, and nobody is asked for a code.

    Raises:
        InvalidInput: The secret cannot be kept or read.
    """
    if not settings.class_code:
        return None
    return Badges(
        secret(settings.home),
        class_code=settings.class_code,
        teacher_code=settings.teacher_code,
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
