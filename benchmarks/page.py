"""What a person waits for: the server, the page, the first point, and each point after it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from playwright.sync_api import Browser, Page

from benchmarks.browser import (
    chromium,
    clicked_at,
    new_page,
    paintings,
    wait_for_form,
    wait_for_points,
)
from benchmarks.dashboard import Dashboard
from benchmarks.measure import Measure, judged, quantile, spread, told
from benchmarks.process import Case

# About five epochs a second on two cores: fewer than the ten messages a second that the stream has.
_SLOW = ("hidden_layers=2", "units=256", "batch_size=1")
_NUM_CHARTS = 2


def measure(*, quick: bool) -> Iterator[Measure]:
    """Start servers, load pages, press Start and watch the points come."""
    with chromium() as browser:
        starts = []
        for _ in range(1 if quick else 3):
            with Dashboard() as dashboard:
                starts.append(_start(browser, dashboard))
        yield judged(
            "streamlit run → form usable in Chromium",
            "≤ 4 s",
            f"{spread(starts)} s",
            statistics.median(starts) <= 4,
        )
        with Dashboard() as dashboard:
            dashboard.wait_for_workers()
            yield from _loads(browser, dashboard, repetitions=3 if quick else 7)
            yield from _first_points(browser, dashboard, repetitions=3 if quick else 7)
            yield from _points(browser, dashboard, epochs=40 if quick else 120)


def _start(browser: Browser, dashboard: Dashboard) -> float:
    dashboard.wait_for_port()
    with new_page(browser) as page:
        page.goto(dashboard.url)
        wait_for_form(page)
        return time.monotonic() - dashboard.began


def _loads(browser: Browser, dashboard: Dashboard, *, repetitions: int) -> Iterator[Measure]:
    first: list[float] = []
    again: list[float] = []
    for _ in range(repetitions):
        with new_page(browser) as page:
            for seconds in (first, again):
                began = time.monotonic()
                page.goto(dashboard.url)
                wait_for_form(page)
                seconds.append(time.monotonic() - began)
    yield judged(
        "a later page load, by a browser that was never there",
        "≤ 2 s",
        f"{spread(first)} s",
        statistics.median(first) <= 2,
    )
    yield told("… by one that was", f"{spread(again)} s")


def _first_points(browser: Browser, dashboard: Dashboard, *, repetitions: int) -> Iterator[Measure]:
    seconds = []
    with new_page(browser) as page:
        for _ in range(repetitions):
            # An address without a run: the form, and a click that starts a new one.
            page.goto(dashboard.url)
            wait_for_form(page)
            page.evaluate("window.painted.length = 0")
            page.get_by_role("button", name="Start training").click()
            wait_for_points(page)
            first = min(at for _, points, at in paintings(page) if points)
            seconds.append(first - clicked_at(page))
            dashboard.wait_for_end(dashboard.store.runs(limit=1)[0].run_id)
    yield judged(
        "Start pressed → first point painted, warm worker",
        "≤ 2 s",
        f"{spread(seconds)} s",
        max(seconds) <= 2,
    )


def _points(browser: Browser, dashboard: Dashboard, *, epochs: int) -> Iterator[Measure]:
    arguments = ("--epochs", epochs, "--set", *_SLOW)
    with (
        Case("run_case", *arguments, environment=dashboard.environment) as case,
        new_page(browser) as page,
    ):
        run_id = case.hear()["run_id"]
        page.goto(f"{dashboard.url}/?run={run_id}")
        page.wait_for_selector("[data-chart]")
        answer = case.ask()
        wait_for_points(page, epochs, charts=_NUM_CHARTS)
        first, every = _latencies(page, answer["epoch_ends"])
    speed = 1 / statistics.median(answer["epoch_seconds"])
    middle, late = statistics.median(first), quantile(first, 0.95)
    yield judged(
        "end of an epoch → painted in Chromium",
        "median ≤ 60 ms, p95 ≤ 150 ms",
        f"median {middle * 1000:.0f} ms, p95 {late * 1000:.0f} ms ({len(first)} epochs, "
        f"{speed:.1f} a second)",
        middle <= 0.06 and late <= 0.15,
    )
    yield told(
        "… until every chart of the page shows it",
        f"median {statistics.median(every) * 1000:.0f} ms, "
        f"p95 {quantile(every, 0.95) * 1000:.0f} ms",
    )


def _latencies(page: Page, ends: list[float]) -> tuple[list[float], list[float]]:
    """Return the seconds from each epoch's end to its point in one chart, and in all charts."""
    painted = paintings(page)
    charts = {chart for chart, _, _ in painted}
    first, every = [], []
    # The first epoch's chart is drawn for the first time, which the measure before this is for.
    for epoch, end in enumerate(ends[1:], 2):
        moments = [
            min(at for where, points, at in painted if where == chart and points >= epoch)
            for chart in charts
        ]
        first.append(min(moments) - end)
        every.append(max(moments) - end)
    return first, every
