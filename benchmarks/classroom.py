"""A class of thirty on one server: ten in Chromium, twenty by WebSocket, all start at once."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from benchmarks.browser import chromium, new_page, paintings, wait_for_form, wait_for_points
from benchmarks.dashboard import Dashboard
from benchmarks.measure import Measure, judged, quantile, told
from trainer.config import RunConfig
from trainer.person import Person

_PAGES, _SOCKETS = 10, 20
_EPOCHS = 30
_GOAL_SECONDS = 2.0
_END_SECONDS = 300.0
# In this order, some of them left out: nobody may see a run go back.
_STATES = ("queued", "starting", "training", "finished")
_NORMAL = 1000


@dataclass
class _Student:
    """One by WebSocket: what it heard of its run, and when."""

    run_id: str
    states: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    heard: dict[int, float] = field(default_factory=dict)
    code: int | None = None

    def watch(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                self._hear(json.loads(socket.recv(timeout=_END_SECONDS)))
        self.code = None if socket.protocol.close_code is None else socket.protocol.close_code

    def _hear(self, message: dict[str, Any]) -> None:
        run, now = message["run"], time.time()
        self.states.append(run["state"])
        if run["queue_place"] is not None:
            self.places.append(run["queue_place"])
        for epoch in message["series"].get("val_loss", {"x": []})["x"]:
            self.heard.setdefault(int(epoch), now)


class _Clock(threading.Thread):
    """Notes when each epoch was committed, as another process sees the store."""

    def __init__(self, dashboard: Dashboard) -> None:
        super().__init__(daemon=True)
        self.committed: dict[tuple[str, int], float] = {}
        self._store = dashboard.store
        self._stopped = threading.Event()

    def run(self) -> None:
        seen: dict[str, int] = {}
        while not self._stopped.wait(0.01):
            for run in self._store.active_runs():
                now = time.time()
                for epoch in range(seen.get(run.run_id, 0) + 1, run.epoch + 1):
                    self.committed[run.run_id, epoch] = now
                seen[run.run_id] = run.epoch

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def measure(*, quick: bool) -> Iterator[Measure]:
    """Let thirty people press Start in the same minute, and look at what each of them saw."""
    with Dashboard() as dashboard, chromium() as browser, ExitStack() as stack:
        dashboard.wait_for_workers()
        pages = _open_pages(browser, dashboard, stack)
        clock = _Clock(dashboard)
        clock.start()
        began = time.monotonic()
        students = _start_by_store(dashboard)
        threads = [_watch(dashboard, student, stack) for student in students]
        run_ids = [_press(page) for page in pages]
        started = time.monotonic() - began
        for run_id in [*run_ids, *(student.run_id for student in students)]:
            _wait_for_end(dashboard, run_id)
        took = time.monotonic() - began
        for thread in threads:
            thread.join(30)
        for page in pages:
            wait_for_points(page, _EPOCHS)
        clock.stop()
        painted = [_painted(page) for page in pages]
        runs = dashboard.store.runs(limit=1_000)
    in_pages = [
        at - clock.committed[run_id, epoch]
        for run_id, points in zip(run_ids, painted, strict=True)
        for epoch, at in points.items()
        if (run_id, epoch) in clock.committed
    ]
    by_socket = [
        at - clock.committed[student.run_id, epoch]
        for student in students
        for epoch, at in student.heard.items()
        if (student.run_id, epoch) in clock.committed
    ]
    faults = [fault for student in students for fault in _faults(student)]
    states = {run.state for run in runs}
    yield judged(
        f"{len(runs)} runs of {_PAGES} pages and {_SOCKETS} WebSockets, started within "
        f"{started:.0f} s: all finished, none twice, no disconnect, no state that goes back",
        "no fault",
        "; ".join(faults[:5])
        or f"{'no fault' if states == {'finished'} else states}; all over after {took:.0f} s",
        not faults and states == {"finished"} and len(runs) == _PAGES + _SOCKETS,
    )
    for where, seconds in (("a page's chart", in_pages), ("a WebSocket", by_socket)):
        late = quantile(seconds, 0.95)
        yield judged(
            f"… an epoch is committed → in {where}",
            f"p95 ≤ {_GOAL_SECONDS:.0f} s",
            f"median {statistics.median(seconds) * 1000:.0f} ms, p95 {late * 1000:.0f} ms, "
            f"at most {max(seconds) * 1000:.0f} ms ({len(seconds)} epochs)",
            late <= _GOAL_SECONDS,
        )
    yield told("… first to the last place heard of", _places(students))


def _open_pages(browser: Browser, dashboard: Dashboard, stack: ExitStack) -> list[Page]:
    pages = [stack.enter_context(new_page(browser)) for _ in range(_PAGES)]
    for page in pages:
        page.goto(f"{dashboard.url}/?epochs={_EPOCHS}")
    for page in pages:
        wait_for_form(page)
    return pages


def _start_by_store(dashboard: Dashboard) -> list[_Student]:
    config = RunConfig.create("digits", epochs=_EPOCHS)
    return [
        _Student(
            dashboard.store.used_by(Person(owner=f"student {number}")).create_run(config.to_dict())
        )
        for number in range(_SOCKETS)
    ]


def _watch(dashboard: Dashboard, student: _Student, stack: ExitStack) -> threading.Thread:
    url = dashboard.stream_url(student.run_id)
    socket = stack.enter_context(connect(url, compression=None, max_size=None))
    thread = threading.Thread(target=student.watch, args=(socket,), daemon=True)
    thread.start()
    return thread


def _press(page: Page) -> str:
    page.get_by_role("button", name="Start training").click()
    page.wait_for_function("() => new URL(location).searchParams.has('run')")
    return str(page.evaluate("() => new URL(location).searchParams.get('run')"))


def _wait_for_end(dashboard: Dashboard, run_id: str) -> None:
    deadline = time.monotonic() + _END_SECONDS
    while not dashboard.store.run(run_id).is_over:
        if time.monotonic() > deadline:
            raise TimeoutError(f"The run {run_id} did not come to its end.")
        time.sleep(0.2)


def _painted(page: Page) -> dict[int, float]:
    """Return when each epoch was first painted in any chart."""
    first: dict[int, float] = {}
    for _, points, at in paintings(page):
        for epoch in range(1, points + 1):
            first[epoch] = min(at, first.get(epoch, at))
    return first


def _faults(student: _Student) -> Iterator[str]:
    order = [_STATES.index(state) for state in student.states if state in _STATES]
    if len(order) < len(student.states) or order != sorted(order):
        yield f"{student.run_id} was {', '.join(dict.fromkeys(student.states))}"
    if student.places != sorted(student.places, reverse=True):
        yield f"{student.run_id} was at place {', '.join(map(str, student.places))}"
    if sorted(student.heard) != list(range(1, _EPOCHS + 1)):
        yield f"{student.run_id} had epochs {sorted(student.heard)}"
    if student.code != _NORMAL:
        yield f"{student.run_id} was cut off with {student.code}"


def _places(students: Sequence[_Student]) -> str:
    return ", ".join(f"{student.places[0]}" for student in students if student.places)
