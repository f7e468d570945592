from __future__ import annotations

import itertools
import sys
from concurrent.futures import ThreadPoolExecutor

from pages.live.tries import TRIES_OF_ALL, TRIES_OF_ONE, WINDOW_SECONDS, Tries


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_one_client_waits_after_ten_wrong_codes_and_others_do_not() -> None:
    clock = Clock()
    tries = Tries(clock)
    for _ in range(TRIES_OF_ONE):
        assert tries.seconds_to_wait("pest") == 0
        tries.note_wrong("pest")
        clock.now += 1
    assert tries.seconds_to_wait("pest") == WINDOW_SECONDS - TRIES_OF_ONE
    assert tries.seconds_to_wait("student") == 0
    clock.now += WINDOW_SECONDS - TRIES_OF_ONE
    assert tries.seconds_to_wait("pest") == 0


def test_all_clients_together_have_a_limit_too() -> None:
    clock = Clock()
    tries = Tries(clock)
    for number in range(TRIES_OF_ALL):
        tries.note_wrong(f"client {number}")
    assert tries.seconds_to_wait("anybody") == WINDOW_SECONDS
    clock.now += WINDOW_SECONDS
    assert tries.seconds_to_wait("anybody") == 0


def test_many_threads_may_ask_and_note_at_once() -> None:
    ticks = itertools.count()
    # Each look finds some that are too old, and some that are not.
    tries = Tries(lambda: 2.0 * next(ticks))

    def try_codes(number: int) -> None:
        for _ in range(500):
            tries.seconds_to_wait(f"client {number}")
            tries.note_wrong(f"client {number}")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(try_codes, range(8)))
    finally:
        sys.setswitchinterval(interval)
