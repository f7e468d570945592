"""What every test has: a data folder of its own, so that none touches anybody's real one."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

# What the tests import stays; to look for garbage among it takes a fifth of the time.
gc.disable()
# TensorFlow's C++ notes about the machine say nothing about a test.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Tests run side by side: threads of one operation would wait for one another.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that `DASHBOARD_HOME` names during the test; no other setting is set."""
    folder = tmp_path / "home"
    monkeypatch.setenv("DASHBOARD_HOME", str(folder))
    for setting in set(os.environ) - {"DASHBOARD_HOME", "DASHBOARD_TEST_BROWSER"}:
        if setting.startswith("DASHBOARD_"):
            monkeypatch.delenv(setting)
    return folder


def pytest_collection_finish() -> None:
    """What was imported stays: a new network looks for garbage, and need not do so there."""
    gc.collect()
    gc.freeze()
    gc.enable()


class _BrowserTestsInOneProcess(LoadScopeScheduling):
    """Files go to any process, those with a browser all to one: they share server and browser."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "tests/browser" if file.startswith("tests/browser/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return _BrowserTestsInOneProcess(config, log)
