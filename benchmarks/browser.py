"""Chromium, with a look-out in each page that notes when a chart was painted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

TIMEOUT = 60_000
_INSTALLED = Path("/usr/bin/chromium")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)
# A chart says in `data-points`, right after drawing, how many points it shows. That is within
# an animation frame; the frame is painted when the next one begins, and only then is it noted.
_LOOK_OUT = """
window.painted = [];
window.clickedAt = null;
new MutationObserver((changes) => {
  for (const { target } of changes) {
    const points = Number(target.dataset.points);
    requestAnimationFrame(() => window.painted.push([target.dataset.chart, points, Date.now()]));
  }
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-points"] });
document.addEventListener("click", () => { window.clickedAt = Date.now(); }, true);
"""
_USABLE = """() => {
  const start = [...document.querySelectorAll("button")].find(
    (button) => button.textContent.includes("Start training"));
  const app = document.querySelector('[data-testid="stApp"]');
  return start && !start.disabled && start.getBoundingClientRect().height > 0 &&
    document.querySelector('[data-testid="stSelectbox"]') &&
    app.dataset.testScriptState === "notRunning";
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium: the one that is installed, or else Playwright's own."""
    path = str(_INSTALLED) if _INSTALLED.exists() else None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def new_page(browser: Browser) -> Iterator[Page]:
    """Open a page with an empty cache."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(TIMEOUT)
    context.add_init_script(_LOOK_OUT)
    try:
        yield context.new_page()
    finally:
        context.close()


def wait_for_form(page: Page) -> None:
    """Wait until the form is there, Start can be pressed, and the page has come to rest."""
    page.wait_for_function(_USABLE, polling=20)


def wait_for_points(page: Page, points: int = 1, *, charts: int = 1) -> None:
    """Wait until so many charts were painted with at least so many points."""
    page.wait_for_function(
        "([points, charts]) => new Set(window.painted.filter((entry) => entry[1] >= points)"
        ".map((entry) => entry[0])).size >= charts",
        arg=[points, charts],
        polling=20,
    )


def paintings(page: Page) -> list[tuple[str, int, float]]:
    """Return `(chart, points, seconds since 1970)` for each time a chart was painted."""
    noted: list[list[Any]] = page.evaluate("window.painted")
    return [(chart, points, milliseconds / 1000) for chart, points, milliseconds in noted]


def clicked_at(page: Page) -> float:
    """Return when the page was last clicked, in seconds since 1970."""
    return float(page.evaluate("window.clickedAt")) / 1000
