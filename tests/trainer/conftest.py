"""Empty stores, for the tests that every kind of store has to pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from trainer.store import Store


@contextmanager
def sqlite_file(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{(folder / 'runs.sqlite').as_posix()}"


# A factory gives the URL of an empty database for the time of one test.
Factory = Callable[[Path], AbstractContextManager[str]]
FACTORIES: dict[str, Factory] = {"sqlite": sqlite_file}


@pytest.fixture(params=FACTORIES)
def url(request, tmp_path):
    with FACTORIES[request.param](tmp_path) as empty:
        yield empty


@pytest.fixture
def store(url):
    opened = Store(url)
    yield opened
    opened.close()


@pytest.fixture
def other(url, store):
    """The same store as another process has it."""
    opened = Store(url)
    yield opened
    opened.close()
