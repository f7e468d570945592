"""One program and one browser for the whole session; for each test a visitor of its own.

The browser keeps what it once fetched, as a visitor's does who comes again; nothing else of a test
is left for the next one.

`DASHBOARD_TEST_BROWSER` names the browser's program, as `.ci/check.py` found it; without it an
installed Chromium is taken, and where there is none, Playwright's own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright

from tests.browser.program import Program
from tests.browser.viewer import TIMEOUT, Viewer

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    # The tabs of a profile share what was compiled for the first one.
    "--process-per-site",
)

VIEW: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}

NewViewer = Callable[..., Viewer]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        yield from _chromium(playwright)


def _chromium(playwright: Playwright) -> Iterator[Browser]:
    path = os.environ.get("DASHBOARD_TEST_BROWSER") or shutil.which("chromium")
    browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def session_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    program = Program(tmp_path_factory.mktemp("dashboard"))
    yield program
    program.close()


@pytest.fixture
def program(session_program: Program) -> Iterator[Program]:
    """The running program; what a test started is over before the next one begins."""
    yield session_program
    session_program.end_all_runs()


@pytest.fixture
def own_program(tmp_path: Path) -> Iterator[Program]:
    """A program of the test's own, that it may end."""
    program = Program(tmp_path / "dashboard")
    yield program
    program.close()


@pytest.fixture(scope="session")
def profile(browser: Browser, session_program: Program) -> Iterator[BrowserContext]:
    """A browser profile that knows the page's files already; its first tab stays open."""
    profile = browser.new_context(**VIEW)
    profile.new_page().goto(f"{session_program.url}/api/health")
    yield profile
    profile.close()


@pytest.fixture
def new_viewer(browser: Browser) -> Iterator[NewViewer]:
    """Open another browser profile; at the end none may have seen an error or left the server."""
    viewers: list[Viewer] = []

    def new(program: Program, *, url: str | None = None, **options: object) -> Viewer:
        context = browser.new_context(**{**VIEW, **options})  # type: ignore[arg-type]
        viewers.append(Viewer(context, url or program.url))
        return viewers[-1]

    yield new
    for viewer in viewers:
        viewer.page.context.close()
    for viewer in viewers:
        viewer.expect_no_fault()


@pytest.fixture
def viewer(program: Program, profile: BrowserContext) -> Iterator[Viewer]:
    """A tab of the profile; it may have seen no error and not left the server."""
    viewer = Viewer(profile, program.url)
    yield viewer
    forgotten = {"origin": program.url, "storageTypes": "cookies,local_storage"}
    profile.new_cdp_session(viewer.page).send("Storage.clearDataForOrigin", forgotten)
    for page in profile.pages[1:]:
        page.close()
    viewer.expect_no_fault()
