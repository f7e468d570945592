"""Start, pressed more than once: one wish makes one run."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pages.starts import Starts
from tests.waiting import wait_until
from trainer.config import RunConfig
from trainer.store import Store


@pytest.fixture
def press(store: Store) -> Callable[..., str]:
    """Press Start in a browser."""
    starts = Starts()
    return lambda browser, **choices: starts.start(browser, RunConfig.create("iris", **choices))


def test_presses_at_the_same_time_in_one_browser_make_one_run(
    press: Callable[..., str], store: Store, data_folder: Path
) -> None:
    # The store is locked until all have pressed, as on a busy machine.
    lock = sqlite3.connect(data_folder / "runs.sqlite", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    pressed = threading.Barrier(9)

    def press_with_others(_: int) -> str:
        pressed.wait()
        return press("a browser")

    with ThreadPoolExecutor(8) as tabs:
        asked = [tabs.submit(press_with_others, tab) for tab in range(8)]
        pressed.wait()
        lock.close()
        run_ids = {answer.result() for answer in asked}

    assert run_ids == {run.run_id for run in store.runs()}
    assert len(run_ids) == 1


def test_two_browsers_with_the_same_wish_have_a_run_each(
    press: Callable[..., str], store: Store
) -> None:
    assert press("one browser") != press("another")
    assert len(store.runs()) == 2


def test_another_set_up_is_another_run(press: Callable[..., str], store: Store) -> None:
    assert press("a browser") != press("a browser", units=8)
    assert len(store.runs()) == 2


def test_the_same_wish_again_later_is_another_run(press: Callable[..., str]) -> None:
    first = press("a browser")

    wait_until(lambda: press("a browser") != first, "it counts as another wish")


def test_thirty_who_press_at_the_same_moment_have_a_run_each_and_are_served_by_their_places(
    press: Callable[..., str], store: Store
) -> None:
    pressed = threading.Barrier(30)

    def press_with_others(student: int) -> str:
        pressed.wait()
        return press(f"browser {student}")

    with ThreadPoolExecutor(30) as students:
        run_ids = list(students.map(press_with_others, range(30)))

    place_of = {run_id: store.queue_place(store.run(run_id)) for run_id in run_ids}
    by_place = sorted(run_ids, key=place_of.__getitem__)
    assert sorted(place_of.values()) == list(range(1, 31))
    for run_id in by_place:
        claim = store.claim_next("a worker", slots=1)
        assert claim is not None and claim.run_id == run_id
        store.write(claim, state="finished")
