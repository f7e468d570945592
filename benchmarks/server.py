"""The server's process after a browser session with a training: its memory, and what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.browser import chromium, new_page, wait_for_form, wait_for_points
from benchmarks.dashboard import Dashboard
from benchmarks.measure import Measure, judged, told

_MEGABYTE = 1_000_000
# Keras itself is pure Python; these are libraries that it loads.
_FORBIDDEN = ("tensorflow", "keras", "optree", "h5py")


def measure(*, quick: bool) -> Iterator[Measure]:
    """Train in a browser, look at every page, and look at the process."""
    with chromium() as browser, Dashboard() as dashboard, new_page(browser) as page:
        dashboard.wait_for_workers()
        page.goto(dashboard.url)
        wait_for_form(page)
        page.get_by_role("button", name="Start training").click()
        wait_for_points(page)
        run_id = dashboard.store.runs(limit=1)[0].run_id
        page.get_by_role("link", name="Runs").first.click()
        page.get_by_role("heading", name="Runs").wait_for()
        dashboard.wait_for_end(run_id)
        page.goto(f"{dashboard.url}/?run={run_id}")
        wait_for_points(page, dashboard.store.run(run_id).epoch)
        process = psutil.Process(dashboard.pid)
        loaded = sorted(
            {
                Path(region.path).name
                for region in process.memory_maps()
                if any(name in region.path for name in _FORBIDDEN)
            }
        )
        resident = process.memory_info().rss
        workers = [
            psutil.Process(worker["pid"]) for worker in dashboard.get("/api/health")["workers"]
        ]
        sizes = [worker.memory_info().rss for worker in workers]
    yield judged(
        "server process after a training in the browser: TensorFlow in it",
        "none",
        ", ".join(loaded) or "none",
        not loaded,
    )
    yield judged(
        "… its memory",
        "≤ 300 MB",
        f"{resident / _MEGABYTE:.0f} MB",
        resident <= 300 * _MEGABYTE,
    )
    yield told("… its workers'", " and ".join(f"{size / _MEGABYTE:.0f} MB" for size in sizes))
