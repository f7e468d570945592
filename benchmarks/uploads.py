"""Files that somebody brings: how long a large one takes, and how much memory; many broken ones."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Measure, judged, spread, told
from benchmarks.process import ROOT, Case

_PREVIEW_SECONDS = 3
_TRAIN_SECONDS = 10
_TIMES_THE_FILE = 4
_BROKEN_FILES = 2_000
_KINDS_OF_FILES = 4
# Ten times what they take: what is later hangs.
_BROKEN_SECONDS = 900.0


def measure(*, quick: bool) -> Iterator[Measure]:
    """Write a file of 1,000,000 rows and 20 columns, and let processes take turns with it."""
    rounds = 2 if quick else 5
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "large.csv"
        size = _once("make", file)["bytes"]
        turns: dict[str, list[dict[str, Any]]] = {"preview": [], "pandas": [], "train": []}
        for _ in range(rounds):
            for side, answers in turns.items():
                answers.append(_once(side, file))
    yield told("a CSV file of 1,000,000 rows × 20 columns", f"{size / 2**20:.0f} MB")
    seconds = {side: [answer["seconds"] for answer in turns[side]] for side in turns}
    peaks = {side: [answer["peak"] / size for answer in turns[side]] for side in turns}
    yield judged(
        "file → recognised, kept and previewed",
        f"≤ {_PREVIEW_SECONDS} s",
        f"{spread(seconds['preview'])} s",
        statistics.median(seconds["preview"]) <= _PREVIEW_SECONDS,
    )
    yield told(
        "the same with plain pandas: read_csv, isna, nunique, head",
        f"{spread(seconds['pandas'])} s",
    )
    yield judged(
        "memory of a process that previews it, at most",
        f"≤ {_TIMES_THE_FILE} × the file",
        f"{spread(peaks['preview'])} ×",
        statistics.median(peaks["preview"]) <= _TIMES_THE_FILE,
    )
    yield told("the same with plain pandas", f"{spread(peaks['pandas'])} ×")
    first = [answer["first"] for answer in turns["train"]]
    yield judged(
        "Start → first steps of a training on it, in a warm worker",
        f"≤ {_TRAIN_SECONDS} s",
        f"{spread(first)} s",
        statistics.median(first) <= _TRAIN_SECONDS,
    )
    # TensorFlow alone takes more than that beside so small a file.
    grown = [answer["grown"] / size for answer in turns["train"]]
    yield judged(
        "memory that a training on it adds to a warm worker, at most",
        f"≤ {_TIMES_THE_FILE} × the file",
        f"{spread(grown)} ×",
        statistics.median(grown) <= _TIMES_THE_FILE,
    )
    yield told("the same with TensorFlow and all", f"{spread(peaks['train'])} ×")
    files = _BROKEN_FILES // 10 if quick else _BROKEN_FILES
    fault = _try_broken_files(files)
    yield judged(
        f"{files:,} broken files, read or refused in a sentence: tracebacks, hangs, exits",
        "none",
        fault or "none",
        not fault,
    )


def _try_broken_files(count: int) -> str:
    """Try files that nobody has tried before; return the first fault, or nothing."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", "0", "tests/trainer/tables/test_fuzz.py"],
            cwd=ROOT,
            env={**os.environ, "DASHBOARD_FUZZ": str(count // _KINDS_OF_FILES)},
            capture_output=True,
            text=True,
            timeout=_BROKEN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {_BROKEN_SECONDS:.0f} s"
    if not done.returncode:
        return ""
    errors = [line for line in done.stdout.splitlines() if line.startswith("E  ")]
    return (errors or done.stderr.splitlines() or ["pytest failed"])[0].strip()


def _once(side: str, file: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        environment = {"DASHBOARD_HOME": home, "DASHBOARD_STORE": ""}
        with Case("uploads_case", side, file, environment=environment) as case:
            if side == "make":
                return case.hear()
            before = case.hear()
            answer = case.ask()
    return {**answer, "grown": answer["peak"] - before["peak"]}
