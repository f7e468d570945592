"""What every test has: a data folder of its own, so that none touches anybody's real one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# TensorFlow's C++ notes about the machine say nothing about a test.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `-n`, all tests of the browser share one, and a file's tests share what they trained."""
    for item in items:
        room = item.path.relative_to(ROOT).parts[0]
        group = room if room == "browser" else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that `DASHBOARD_HOME` names during the test; no other setting is set."""
    folder = tmp_path / "home"
    monkeypatch.setenv("DASHBOARD_HOME", str(folder))
    for setting in ("DASHBOARD_STORE", "DASHBOARD_SLOTS", "DASHBOARD_CHECKPOINT_MB"):
        monkeypatch.delenv(setting, raising=False)
    return folder
