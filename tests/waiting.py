"""Waiting: for what will be true soon, with a bound, and for coroutines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

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


def run_async(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """Return what a coroutine returns, from a thread without an event loop.

    Playwright, once started, keeps one running in the main thread.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, coroutine).result()
