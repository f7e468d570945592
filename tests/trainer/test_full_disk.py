"""A disk that really is full: a small file system of the test's own."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from trainer.reserve import Reserve
from trainer.store import Store

ROOT = Path(__file__).resolve().parents[2]
# A mount that only these processes see, and that ends with them; what is left is copied out of it.
_ON_A_SMALL_DISK = """
mount -t tmpfs -o size=2m tmpfs "$DASHBOARD_HOME" || exit 99
"$@"
ended=$?
cp "$DASHBOARD_HOME"/runs.sqlite* "$KEPT"
exit $ended
"""

_WHERE_ONE_MAY_MOUNT = ("unshare", "--map-root-user", "--mount")

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has file systems of a process's own"
)


def on_a_small_disk(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program with its data folder on a disk of 2 MB, which is copied to `folder`.

    Most containers, a chroot and a careful system let nobody mount it; the test is skipped there.
    """
    home = folder / "small"
    home.mkdir()
    trial = (*_WHERE_ONE_MAY_MOUNT, "mount", "-t", "tmpfs", "tmpfs", str(home))
    if shutil.which("unshare") is None or subprocess.run(trial, check=False).returncode:
        pytest.skip("nobody may mount anything here")
    return subprocess.run(
        [
            *(*_WHERE_ONE_MAY_MOUNT, "sh", "-c", _ON_A_SMALL_DISK, "sh"),
            *(sys.executable, *arguments),
        ],
        cwd=ROOT,
        env={**os.environ, "DASHBOARD_HOME": str(home), "KEPT": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_run_ends_in_a_sentence_with_every_epoch_up_to_there(tmp_path):
    ended = on_a_small_disk(
        tmp_path, "-m", "trainer", "run", "--dataset", "digits", "--epochs", "100000"
    )

    told = ended.stdout + ended.stderr
    assert ended.returncode == 1, told
    assert "interrupted" in ended.stdout, told
    assert "The disk is full" in " ".join(ended.stderr.split()), told
    assert "Traceback" not in told
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store = Store(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    (run,) = store.runs()
    assert (run.state, run.message) == (
        "interrupted",
        "The disk is full; once there is room, it can go on.",
    )
    assert 0 < run.epoch < 100_000
    records = [record for record in store.updates(run.run_id)[1] if record.kind == "epoch"]
    assert [record.epoch for record in records] == list(range(run.epoch))
    store.close()


def test_room_is_set_aside_once_and_given_up_once(tmp_path):
    path = tmp_path / "reserve"
    reserve = Reserve(path)
    reserve.set_aside()
    assert path.stat().st_blocks * 512 >= path.stat().st_size > 100_000
    reserve.give_up()
    assert not path.exists()
    reserve.give_up()
