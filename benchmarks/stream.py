"""Long runs: what opening one of 100,000 steps weighs, and how soon it is on the screen."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from playwright.sync_api import Page
from websockets.sync.client import connect

from benchmarks.browser import chromium, new_page, paintings, wait_for_points
from benchmarks.dashboard import Dashboard
from benchmarks.measure import Measure, judged, spread, told
from trainer.config import RunConfig
from trainer.process import this_process
from trainer.runs import Record
from trainer.store import Store

_STEPS_PER_EPOCH = 1_000
_LENGTHS = (1_000, 10_000, 100_000)
_NAMES = ("loss", "accuracy", "top_3_accuracy", "learning_rate")
_NUM_CHARTS = 3
_STEP_CURVE_DRAWN = """() => [...document.querySelectorAll("[data-chart]")].every(
  (chart) => (chart.calcdata ?? []).some((trace) => trace.length > 1000))"""


class _LongRun:
    """A run in the store, written as a worker would, only faster."""

    def __init__(self, store: Store, num_steps: int) -> None:
        self._store = store
        self._random = np.random.default_rng(num_steps)
        self._seq = 1
        self._epoch = 0
        config = RunConfig.create("digits", epochs=1_000, metrics=["accuracy", "top_3_accuracy"])
        self._claim = store.open_run(config.to_dict(), worker=this_process(), origin="benchmark")
        self.run_id = self._claim.run_id
        self._write([], state="training", steps_per_epoch=_STEPS_PER_EPOCH)
        for _ in range(num_steps // _STEPS_PER_EPOCH):
            self.write_epoch()

    def write_epoch(self) -> None:
        """Add an epoch: its steps and its logs."""
        values = self._random.random((_STEPS_PER_EPOCH, len(_NAMES)), dtype="float32")
        names = {"names": list(_NAMES)}
        logs = {name: float(mean) for name, mean in zip(_NAMES, values.mean(axis=0), strict=True)}
        logs |= {f"val_{name}": value for name, value in logs.items()}
        self._write(
            [
                Record(kind="steps", epoch=self._epoch, data=names, values=values),
                Record(kind="epoch", epoch=self._epoch, data=logs),
            ],
            epoch=self._epoch + 1,
        )
        self._epoch += 1

    def write_steps(self) -> None:
        """Add ten steps of the next epoch."""
        values = self._random.random((10, len(_NAMES)), dtype="float32")
        names = {"names": list(_NAMES)}
        self._write([Record(kind="steps", epoch=self._epoch, data=names, values=values)], step=10)

    def end(self) -> None:
        """Finish the run."""
        self._write([], state="finished")

    def _write(self, records: list[Record], **fields: Any) -> None:
        self._store.write(self._claim, first_seq=self._seq, records=records, **fields)
        self._seq += len(records)


def measure(*, quick: bool) -> Iterator[Measure]:
    """Write long runs into the store and open them."""
    with Dashboard() as dashboard:
        dashboard.wait_for_workers()
        runs = {length: _LongRun(dashboard.store, length) for length in _LENGTHS}
        sizes = {length: _message_sizes(dashboard, run) for length, run in runs.items()}
        first, seconds = sizes[_LENGTHS[-1]][0], sizes[_LENGTHS[-1]][2]
        yield judged(
            "opening a run of 100,000 steps × 4 series: the stream's first message",
            "≤ 300 KB",
            f"{first / 1000:.0f} KB after {seconds * 1000:.0f} ms",
            first <= 300_000,
        )
        deltas = [sizes[length][1] for length in _LENGTHS]
        yield judged(
            "… a later message about ten steps, in runs of 1,000, 10,000 and 100,000",
            "does not grow",
            " and ".join(f"{delta:,}" for delta in deltas) + " bytes",
            # Only the numbers on the x axis have more digits.
            deltas[-1] <= 1.25 * deltas[0],
        )
        for run in runs.values():
            run.end()
        short: list[float] = []
        opened: list[float] = []
        again: list[float] = []
        switched: list[float] = []
        with chromium() as browser:
            for _ in range(2 if quick else 5):
                for length, seconds_to_open in ((_LENGTHS[0], short), (_LENGTHS[-1], opened)):
                    with new_page(browser) as page:
                        seconds_to_open.append(_open(page, dashboard, runs[length].run_id, length))
                        if length == _LENGTHS[-1]:
                            again.append(_open(page, dashboard, runs[length].run_id, length))
                            switched.append(_show_steps(page))
    yield judged(
        "… painted in Chromium, from its address on, by a browser that was there before",
        "≤ 2 s",
        f"{spread(again)} s",
        statistics.median(again) <= 2,
    )
    yield judged(
        "… by one that was never there, the page itself included",
        "≤ 2 s",
        f"{spread(opened)} s",
        statistics.median(opened) <= 2,
    )
    yield told("… beside it, a run of 1,000 steps", f"{spread(short)} s")
    yield judged(
        "… the curve of its steps, from the click on",
        "≤ 2 s",
        f"{spread(switched)} s",
        statistics.median(switched) <= 2,
    )


def _message_sizes(dashboard: Dashboard, run: _LongRun) -> tuple[int, int, float]:
    """Return the bytes of the first and of a later message, and the seconds to the first."""
    began = time.monotonic()
    with connect(dashboard.stream_url(run.run_id), compression=None, max_size=None) as viewer:
        first = viewer.recv(timeout=30)
        seconds = time.monotonic() - began
        run.write_steps()
        while True:
            delta = viewer.recv(timeout=30)
            if '"step/loss"' in str(delta):
                break
    return len(str(first).encode()), len(str(delta).encode()), seconds


def _open(page: Page, dashboard: Dashboard, run_id: str, num_steps: int) -> float:
    began = time.time()
    page.goto(f"{dashboard.url}/?run={run_id}")
    wait_for_points(page, num_steps // _STEPS_PER_EPOCH, charts=_NUM_CHARTS)
    return max(at for _, _, at in paintings(page)) - began


def _show_steps(page: Page) -> float:
    began = time.monotonic()
    page.get_by_text("Per-step curve").click()
    page.wait_for_function(_STEP_CURVE_DRAWN, polling="raf")
    return time.monotonic() - began
