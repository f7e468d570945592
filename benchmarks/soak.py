"""Whether anything grows for ever: a hundred runs, and a viewer of a run of a whole day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, fields

import psutil
from playwright.sync_api import CDPSession, Page

from benchmarks.browser import chromium, new_page, wait_for_form, wait_for_points
from benchmarks.dashboard import Dashboard
from benchmarks.measure import Measure, judged
from trainer.config import RunConfig
from trainer.steering import steer

_RUNS = 100
# Eight hours at an epoch a second, compressed: what a viewer gets is bounded by ten messages a
# second, so that only the number of epochs is what it would be.
_EPOCHS = 28_800
_LOOKS = 20
_END_SECONDS = 1_200.0
_DOUBLE_CLICK_SECONDS = 2.5
_MEGABYTE = 1_000_000
# From the middle of the time to its end; caches fill and collectors wait in the first half.
_MOST_GROWTH = 1.10
_CONFIG = {"hidden_layers": 0, "batch_size": 64}


@dataclass(frozen=True)
class _Look:
    """What is in use at a moment: MB, numbers, and MB of the page's own heap."""

    server: float
    threads: int
    files: int
    worker: float
    heap: float


def measure(*, quick: bool) -> Iterator[Measure]:
    """Train run after run in one page, then watch one long run; look now and then."""
    runs, epochs = (20, 3_000) if quick else (_RUNS, _EPOCHS)
    with Dashboard() as dashboard, chromium() as browser, new_page(browser) as page:
        dashboard.wait_for_workers()
        devtools = page.context.new_cdp_session(page)
        page.goto(f"{dashboard.url}/?dataset=iris&epochs=10")
        wait_for_form(page)
        looks = []
        for number in range(runs):
            _train_one(page, dashboard)
            if (number + 1) % max(1, runs // _LOOKS) == 0:
                looks.append(_look(dashboard, devtools))
        yield _level(f"{runs} runs one after the other, started and watched in one page", looks)

        config = RunConfig.create("iris", epochs=epochs, **_CONFIG)
        run_id = dashboard.store.create_run(config.to_dict())
        page.goto(f"{dashboard.url}/?run={run_id}")
        wait_for_points(page)
        began = time.monotonic()
        looks = []
        for share in range(1, _LOOKS + 1):
            _wait_for_epoch(dashboard, run_id, share * epochs // _LOOKS)
            looks.append(_look(dashboard, devtools))
        minutes = (time.monotonic() - began) / 60
        steer(dashboard.store, run_id, "stop")
        yield _level(f"a viewer of {epochs:,} epochs, within {minutes:.1f} minutes", looks)


def _train_one(page: Page, dashboard: Dashboard) -> None:
    before = page.evaluate("() => new URL(location).searchParams.get('run')")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_function(
        "before => ![null, before].includes(new URL(location).searchParams.get('run'))",
        arg=before,
    )
    run_id = str(page.evaluate("() => new URL(location).searchParams.get('run')"))
    pressed_at = time.monotonic()
    dashboard.wait_for_end(run_id)
    page.locator('[data-testid="run-state"]', has_text="Finished").wait_for()
    # Pressed again sooner it would be taken for a double click.
    time.sleep(max(0.0, pressed_at + _DOUBLE_CLICK_SECONDS - time.monotonic()))


def _wait_for_epoch(dashboard: Dashboard, run_id: str, epoch: int) -> None:
    deadline = time.monotonic() + _END_SECONDS
    while (run := dashboard.store.run(run_id)).epoch < epoch and not run.is_over:
        if time.monotonic() > deadline:
            raise TimeoutError(f"The run is at epoch {run.epoch} and should be at {epoch}.")
        time.sleep(0.1)


def _look(dashboard: Dashboard, devtools: CDPSession) -> _Look:
    server = psutil.Process(dashboard.pid)
    workers = [worker["pid"] for worker in dashboard.get("/api/health")["workers"]]
    devtools.send("HeapProfiler.collectGarbage")
    return _Look(
        server=server.memory_info().rss / _MEGABYTE,
        threads=server.num_threads(),
        files=server.num_fds(),
        worker=max(psutil.Process(pid).memory_info().rss for pid in workers) / _MEGABYTE,
        heap=devtools.send("Runtime.getHeapUsage")["usedSize"] / _MEGABYTE,
    )


def _level(name: str, looks: list[_Look]) -> Measure:
    """Return whether the end is hardly above the middle, for each thing that is looked at."""
    told, is_met = [], True
    for field in fields(_Look):
        first, middle, last = (
            float(getattr(looks[place], field.name)) for place in (0, len(looks) // 2, -1)
        )
        is_met = is_met and last <= _MOST_GROWTH * middle + 1
        told.append(f"{field.name} {first:.0f}, {middle:.0f}, {last:.0f}")
    return judged(
        f"{name}: first, in the middle, at the end (MB, and numbers of threads and open files)",
        f"end ≤ {_MOST_GROWTH} × middle",
        "; ".join(told),
        is_met,
    )
