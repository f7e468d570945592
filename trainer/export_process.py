"""Exports networks in processes of their own, for a server that must not import Keras."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from trainer.errors import WeightsMissing
from trainer.home import home
from trainer.lock import ProcessLock
from trainer.settings import CODE_VARIABLES

# Far above what it takes, also for a table as wide as can be.
_SECONDS = 120.0


def exported_file(run_id: str, epoch: int) -> bytes:
    """Return a run's network after a 0-based epoch as a `.keras` file.

    It takes seconds, and one is made at a time: each takes as much memory as a worker.

    Raises:
        WeightsMissing: It could not be made; the sentence says why.
    """
    lock = ProcessLock(home() / "export.lock", timeout=_SECONDS)
    if not lock.acquire():
        raise WeightsMissing("Many networks are being exported; try again in a minute.")
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.keras"
            words = ("export", run_id, "--model", "--epoch", str(epoch + 1), "--output", str(file))
            done = subprocess.run(
                (sys.executable, "-m", "trainer", *words),
                cwd=Path(__file__).parent.parent,
                # What lets people in is no business of this process.
                env={name: text for name, text in os.environ.items() if name not in CODE_VARIABLES},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
            if done.returncode:
                raise WeightsMissing(done.stderr.strip().rpartition("\n")[2])
            return file.read_bytes()
    except subprocess.TimeoutExpired as error:
        raise WeightsMissing("The network could not be exported in time.") from error
    finally:
        lock.release()
