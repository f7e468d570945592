"""What is done with a large file, in a process of its own, with a stopwatch and a memory gauge.

`python -m benchmarks.uploads_case preview|pandas|train FILE` waits for a line, does it once, and
tells how long it took and how much memory the process took at most; `make FILE` writes the file.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.run_case import answer

ROWS = 1_000_000
_RAISED = {"STREAMLIT_SERVER_MAX_UPLOAD_SIZE": "1000"}


def main() -> None:
    """Do one thing with a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("side", choices=("make", "preview", "pandas", "train"))
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    os.environ.update(_RAISED)
    side = {"make": _make, "preview": _preview, "pandas": _pandas, "train": _train}[options.side]
    side(options.file)


def _make(file: Path) -> None:
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {f"x{k}": rng.normal(size=ROWS).round(5) for k in range(14)}
    columns["age"] = rng.integers(18, 90, ROWS)
    columns["amount"] = rng.lognormal(3, 1, ROWS).round(2)
    columns["city"] = rng.choice(["Berlin", "Paris", "Rome", "Madrid", "Vienna"], ROWS)
    columns["day"] = (np.datetime64("2020-01-01") + rng.integers(0, 1000, ROWS)).astype(str)
    columns["member"] = rng.choice(["true", "false"], ROWS)
    columns["target"] = rng.choice(["no", "yes"], ROWS)
    pd.DataFrame(columns).to_csv(file, index=False)
    answer(bytes=file.stat().st_size)


def _preview(file: Path) -> None:
    # What a server has imported before anybody brings a file.
    import clevercsv  # noqa: F401
    import pyarrow.csv  # noqa: F401

    from trainer.datasets import find, uploads
    from trainer.datasets.uploaded import proposed_task

    _wait()
    began = time.monotonic()
    with open(file, "rb") as opened:
        upload = uploads.add(opened, file_name=file.name)
    proposed_task(upload, "target")
    find(upload.name, target="target")
    # As the data page shows the file, before it looks at what will be trained on.
    uploads.read(upload.name).slice(0, 100).to_pandas()
    _tell(began, rows=upload.num_rows)


def _pandas(file: Path) -> None:
    import pandas as pd

    _wait()
    began = time.monotonic()
    frame = pd.read_csv(file)
    frame.isna().sum()
    frame.nunique()
    frame.head(100)
    _tell(began, rows=len(frame))


def _train(file: Path) -> None:
    from trainer.config import RunConfig
    from trainer.process import this_process
    from trainer.recorder import Recorder
    from trainer.settings import Settings
    from trainer.store import Store
    from trainer.training import Training, WarmModel

    class FirstStep(Recorder):
        """A recorder that asks to stop after the first steps."""

        first_moment = 0.0

        def log_steps(self, *arguments: Any, **options: Any) -> None:
            """Note the moment of the first ones."""
            self.first_moment = self.first_moment or time.monotonic()
            super().log_steps(*arguments, **options)
            self.gate.stop()

    # The server has taken the file in; the worker finds it in the data folder.
    code = (
        "import sys; from trainer.datasets import uploads\n"
        "print(uploads.add(open(sys.argv[1], 'rb'), file_name='large.csv').name)"
    )
    taken_in = subprocess.run(
        [sys.executable, "-c", code, str(file)], check=True, capture_output=True, text=True
    )
    name = taken_in.stdout.strip()
    warm = WarmModel()
    warm.warm_up()
    store = Store(Settings.from_environment().store_url)
    _wait()
    began = time.monotonic()
    config = RunConfig.create(name, target="target", epochs=1)
    claim = store.open_run(config.to_dict(), worker=this_process(), origin="benchmark")
    recorder = FirstStep(store, claim)
    Training(config, recorder, warm=warm).run()
    _tell(began, first=recorder.first_moment - began)


def _wait() -> None:
    answer(ready=True, peak=_peak())
    sys.stdin.readline()


def _tell(began: float, **more: Any) -> None:
    answer(seconds=time.monotonic() - began, peak=_peak(), **more)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
