"""Exports networks in processes of their own, for a server that must not import Keras."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from trainer.errors import WeightsMissing
from trainer.lock import ProcessLock
from trainer.settings import MEGABYTE, Settings

# Far above what it takes, also for a table as wide as can be.
_SECONDS = 120.0
_MAX_BYTES = 200 * MEGABYTE


def exported_file(run_id: str, epoch: int) -> bytes:
    """Return a run's network after a 0-based epoch as a `.keras` file.

    It takes seconds, and one is made at a time: each takes as much memory as a worker.

    Raises:
        WeightsMissing: It could not be made; the sentence says why.
    """
    settings = Settings.from_environment()
    lock = ProcessLock(settings.home / "export.lock", timeout=_SECONDS / 4)
    if not lock.acquire():
        raise WeightsMissing("Many networks are being exported; try again in a minute.")
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.keras"
            words = ("export", run_id, "--model", "--epoch", str(epoch + 1), "--output", str(file))
            done = subprocess.run(
                (sys.executable, "-m", "trainer", *words),
                cwd=Path(__file__).parent.parent,
                env=settings.environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
            if done.returncode < 0:
                raise WeightsMissing("The process that made the network's file was ended.")
            if done.returncode:
                raise WeightsMissing(done.stderr.strip().rpartition("\n")[2])
            if file.stat().st_size > _MAX_BYTES:
                raise WeightsMissing(
                    f"The network takes more than {_MAX_BYTES // MEGABYTE} MB: `python -m trainer "
                    f"export {run_id} --model` makes its file."
                )
            return file.read_bytes()
    except subprocess.TimeoutExpired as error:
        raise WeightsMissing("The network could not be exported in time.") from error
    finally:
        lock.release()
