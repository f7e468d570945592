"""Waiting for what will be true soon, with a bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

Value = TypeVar("Value")


def wait_until(condition: Callable[[], Value], what: str, *, seconds: float = 120) -> Value:
    """Return the first true value of `condition`; fail when none comes within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    pytest.fail(f"gave up waiting until {what}")
