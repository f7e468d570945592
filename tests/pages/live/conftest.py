from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages.live.live_server import Server, serving
from trainer.store import Store


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{(tmp_path / 'runs.sqlite').as_posix()}"


@pytest.fixture
def server(store_url: str) -> Iterator[Server]:
    with serving(store_url) as running:
        yield running


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for tests that neither care what is in its store nor harm it."""
    folder = tmp_path_factory.mktemp("shared")
    with serving(f"sqlite:///{(folder / 'runs.sqlite').as_posix()}") as running:
        yield running


@pytest.fixture(scope="module")
def shared_worker_store(shared_server: Server) -> Iterator[Store]:
    store = Store(shared_server.store.url)
    yield store
    store.close()


@pytest.fixture
def worker_store(store_url: str) -> Iterator[Store]:
    """A store of its own, as another process has it."""
    store = Store(store_url)
    yield store
    store.close()
