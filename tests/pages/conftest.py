"""Pages as Streamlit's own test harness runs them, on a store of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from trainer.settings import Settings
from trainer.store import Store

PAGES = Path(__file__).parents[2] / "pages"
# Far above what any run of a page takes.
RUN_SECONDS = 60

OpenPage = Callable[..., AppTest]


@pytest.fixture(scope="session", autouse=True)
def components_are_sought_once() -> Iterator[None]:
    """Each `AppTest` looks through all that is installed, which takes longer than our page."""
    with pytest.MonkeyPatch.context() as patched:
        sought = cache(manifest_scanner.scan_component_manifests)
        patched.setattr(manifest_scanner, "scan_component_manifests", sought)
        yield


@pytest.fixture
def store(data_folder: Path) -> Iterator[Store]:
    """The store that the pages use, as another process has it."""
    store = Store(Settings.from_environment().store_url)
    yield store
    store.close()


@pytest.fixture
def open_train_page(store: Store) -> OpenPage:
    """Open the train page at an address with these parameters, in a browser of its own or this."""

    def open_page(*, browser: str | None = None, **parameters: str | list[str]) -> AppTest:
        page = AppTest.from_file(str(PAGES / "shell.py"), default_timeout=RUN_SECONDS)
        if browser is not None:
            page.session_state["session"] = browser
        for name, value in parameters.items():
            page.query_params[name] = value
        return page.run()

    return open_page


@pytest.fixture
def open_data_page(store: Store) -> OpenPage:
    """Open the data page in this browser, at an address, with this dataset's name forged."""

    def open_page(*, browser: str = "me", forged: str = "", **parameters: str) -> AppTest:
        page = AppTest.from_file(str(PAGES / "shell.py"), default_timeout=RUN_SECONDS)
        page.session_state["session"] = browser
        if forged:
            page.session_state["dataset"] = forged
        page.switch_page(str(PAGES / "data.py"))
        for name, value in parameters.items():
            page.query_params[name] = value
        return page.run()

    return open_page


@pytest.fixture
def open_lessons_page(store: Store) -> OpenPage:
    """Open the lessons page in this browser, at an address with these parameters."""

    def open_page(*, browser: str = "me", **parameters: str) -> AppTest:
        page = AppTest.from_file(str(PAGES / "shell.py"), default_timeout=RUN_SECONDS)
        page.session_state["session"] = browser
        page.switch_page(str(PAGES / "lessons.py"))
        for name, value in parameters.items():
            page.query_params[name] = value
        return page.run()

    return open_page


@pytest.fixture
def open_runs_page(open_train_page: OpenPage) -> Callable[[], AppTest]:
    """Open the runs page."""
    return lambda: open_train_page().switch_page(str(PAGES / "runs.py")).run()
