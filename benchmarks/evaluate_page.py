"""The evaluate page in a browser: how soon a slider's move is drawn, and what it fetches."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, Request, WebSocket

from benchmarks.browser import chromium, new_page
from benchmarks.counted import counted_run, random_counts
from benchmarks.dashboard import Dashboard
from benchmarks.measure import Measure, judged, quantile, told

_EPOCHS = 200
_CLASSES = 10
_ROWS = 10_000
_MANY_CLASSES = 1_000
_MANY_ROWS = 20_000
_MEGABYTE = 1_000_000

_AT_FIRST_EPOCH = "() => document.querySelector('.ev-root').dataset.epoch === '0'"
# Notes for each move of a slider how many milliseconds after the browser got it the frame that
# shows it was rendered, and what the slider then said its value is. A message posted within a frame
# arrives when the page has done all its work for that frame.
_WATCH_MOVES = """(slider) => {
  const input = document.querySelector(`[data-testid=${slider}]`);
  window.moves = [];
  input.addEventListener("input", (event) => {
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.moves.push(
        [performance.now() - event.timeStamp, Number(input.value),
         Number(input.parentElement.querySelector("output").textContent)]);
      channel.port2.postMessage(null);
    });
  }, { capture: true });
}"""
# Notes how long a change takes until nothing in the evaluation changes any more.
_WATCH_REST = """() => {
  const root = document.querySelector(".ev-root");
  window.rests = [];
  let began = null, last = null, quiet = 0;
  const observer = new MutationObserver(() => {
    quiet = 0;
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { last = performance.now(); };
    channel.port2.postMessage(null);
  });
  observer.observe(root, {
    subtree: true, childList: true, attributes: true, characterData: true });
  const look = () => {
    quiet += 1;
    if (quiet <= 3) return requestAnimationFrame(look);
    window.rests.push(last - began);
    began = null;
  };
  const begin = (event) => {
    if (began === null) requestAnimationFrame(look);
    began = last = event.timeStamp;
    quiet = 0;
  };
  root.addEventListener("input", begin, { capture: true });
  root.addEventListener("change", begin, { capture: true });
}"""
_SHOWN = """(hasCurves) => {
  const rows = document.querySelector("[data-testid=evaluation-rows]");
  const app = document.querySelector('[data-testid="stApp"]');
  return rows?.textContent && document.querySelector(".ev-cell") &&
    (!hasCurves || document.querySelector(".ev-root .js-plotly-plot")) &&
    app.dataset.testScriptState === "notRunning";
}"""


def measure(*, quick: bool) -> Iterator[Measure]:
    """Open runs with counts on the evaluate page and move its sliders."""
    with Dashboard() as dashboard, chromium() as browser:
        dashboard.wait_for_workers()
        yield from _threshold(browser, dashboard, moves=200 if quick else 600)
        yield from _epochs(browser, dashboard)
        yield from _many_classes(browser, dashboard)


def _threshold(browser: Browser, dashboard: Dashboard, *, moves: int) -> Iterator[Measure]:
    run_id, _ = counted_run(dashboard.store, [random_counts(2, 20_000, seed) for seed in range(3)])
    with new_page(browser) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))

        def listen(socket: WebSocket) -> None:
            socket.on("framesent", lambda _: asked.append(socket.url))

        page.on("websocket", listen)
        _open(page, dashboard, run_id)
        asked.clear()
        seconds = _dragged(page, moves)
    middle, late = statistics.median(seconds), quantile(seconds, 0.95)
    yield judged(
        "threshold dragged → matrix, numbers and curves redrawn in Chromium",
        "median ≤ 16 ms, p95 ≤ 50 ms",
        f"median {middle * 1000:.1f} ms, p95 {late * 1000:.1f} ms ({len(seconds)} moves)",
        middle <= 0.016 and late <= 0.05,
    )
    yield judged(
        "… requests and messages to the server meanwhile",
        "none",
        f"{len(asked)}" if asked else "none",
        not asked,
    )


def _epochs(browser: Browser, dashboard: Dashboard) -> Iterator[Measure]:
    run_id, stored = counted_run(
        dashboard.store, (random_counts(_CLASSES, _ROWS, seed) for seed in range(_EPOCHS))
    )
    with new_page(browser) as page:
        fetched: list[int] = []
        page.on("requestfinished", lambda request: fetched.extend(_bytes_of_evaluations(request)))
        _open(page, dashboard, run_id)
        slider = page.get_by_test_id("epoch-slider")
        num_epochs = int(slider.get_attribute("max") or 0) + 1
        slider.focus()
        # Once there and back: then every epoch is loaded.
        for key in ("Home", *["ArrowRight"] * num_epochs, "Home"):
            page.keyboard.press(key)
        page.wait_for_function(_AT_FIRST_EPOCH)
        with _resting(page) as seconds:
            for _ in range(num_epochs - 1):
                _rest_after(page, "ArrowRight")
        assert page.get_attribute(".ev-root", "data-epoch") == str(_EPOCHS - 1)
    middle, late = statistics.median(seconds), quantile(seconds, 0.95)
    yield judged(
        f"epoch slider over {num_epochs} epochs × {_CLASSES} classes, once loaded → redrawn",
        "median ≤ 50 ms",
        f"median {middle * 1000:.1f} ms, p95 {late * 1000:.1f} ms",
        middle <= 0.05,
    )
    yield judged(
        f"… fetched for all of them, {_ROWS:,} random rows an epoch, as transferred",
        "≤ 2 MB",
        f"{sum(fetched) / _MEGABYTE:.2f} MB for {num_epochs} of {_EPOCHS} epochs; stored "
        f"{sum(len(one.data) for one in stored) / _MEGABYTE:.2f} MB",
        sum(fetched) <= 2 * _MEGABYTE and num_epochs == _EPOCHS,
    )


def _many_classes(browser: Browser, dashboard: Dashboard) -> Iterator[Measure]:
    run_id, stored = counted_run(
        dashboard.store, (random_counts(_MANY_CLASSES, _MANY_ROWS, seed) for seed in range(6))
    )
    with new_page(browser) as page:
        opened = _open(page, dashboard, run_id, has_curves=False)
        is_thinned = page.get_by_text("most confused of").first.is_visible()
        slider = page.get_by_test_id("epoch-slider")
        slider.focus()
        page.keyboard.press("Home")
        page.wait_for_function(_AT_FIRST_EPOCH)
        with _resting(page) as seconds:
            for key in ["ArrowRight"] * 5 + ["ArrowLeft"] * 5:
                _rest_after(page, key)
            number = page.evaluate("window.rests.length")
            page.get_by_test_id("positive-class").select_option("7")
            page.wait_for_function("(number) => window.rests.length > number", arg=number)
        *epochs, chosen = seconds
        dragged = _dragged(page, 100)
    size = statistics.median(len(one.data) for one in stored)
    yield judged(
        f"{_MANY_CLASSES:,} classes, {_MANY_ROWS:,} rows: opened",
        "works, with the most confused classes",
        f"{opened:.2f} s; {size / 1000:.0f} KB stored an epoch",
        is_thinned,
    )
    yield told(
        "… epoch slider → redrawn",
        f"median {statistics.median(epochs) * 1000:.0f} ms, at most {max(epochs) * 1000:.0f} ms",
    )
    yield told("… one class chosen → all its curves drawn", f"{chosen * 1000:.0f} ms")
    yield told(
        "… its threshold dragged → redrawn",
        f"median {statistics.median(dragged) * 1000:.1f} ms, "
        f"p95 {quantile(dragged, 0.95) * 1000:.1f} ms",
    )


def _bytes_of_evaluations(request: Request) -> list[int]:
    """Return how many bytes an answer with evaluations had on its way; none of any other."""
    return [request.sizes()["responseBodySize"]] if "/evaluations?" in request.url else []


def _open(page: Page, dashboard: Dashboard, run_id: str, *, has_curves: bool = True) -> float:
    """Open the run's evaluation and return after how many seconds it was shown.

    Of many classes there are no curves before one is chosen.
    """
    began = time.monotonic()
    page.goto(f"{dashboard.url}/evaluate?run={run_id}")
    page.wait_for_function(_SHOWN, arg=has_curves, polling="raf")
    seconds = time.monotonic() - began
    page.wait_for_load_state("networkidle")
    return seconds


def _dragged(page: Page, moves: int) -> list[float]:
    """Drag the threshold's slider back and forth; return the seconds to each move's drawing."""
    slider = page.get_by_test_id("threshold-slider")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    left, right = box["x"] + 0.05 * box["width"], box["x"] + 0.95 * box["width"]
    middle = box["y"] + box["height"] / 2
    page.mouse.move(left, middle)
    page.mouse.down()
    page.evaluate(_WATCH_MOVES, "threshold-slider")
    span = right - left
    for k in range(1, moves + 1):
        place = k * span / 97 % (2 * span)
        page.mouse.move(left + min(place, 2 * span - place), middle)
    page.mouse.up()
    page.wait_for_function("() => window.moves.length > 0")
    noted: list[list[float]] = page.evaluate("window.moves")
    wrong = [value for _, value, shown in noted if shown != value / 1000]
    if wrong:
        raise AssertionError(f"{len(wrong)} of {len(noted)} moves were not drawn in their frame.")
    return [milliseconds / 1000 for milliseconds, _, _ in noted]


@contextmanager
def _resting(page: Page) -> Iterator[list[float]]:
    """Note the seconds that changes take until everything is drawn; they are there at the end."""
    seconds: list[float] = []
    page.evaluate(_WATCH_REST)
    yield seconds
    seconds.extend(milliseconds / 1000 for milliseconds in page.evaluate("window.rests"))


def _rest_after(page: Page, key: str) -> None:
    number = page.evaluate("window.rests.length")
    page.keyboard.press(key)
    page.wait_for_function("(number) => window.rests.length > number", arg=number, polling="raf")
