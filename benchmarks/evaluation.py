"""What it costs to evaluate each epoch: counted in the validation pass, and in the usual way.

And what is stored of it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.counted import random_counts
from benchmarks.measure import Measure, judged, middle_half, ratios, told
from benchmarks.process import ROOT
from benchmarks.turns import EPOCHS_PER_TURN, Turns, take_turns
from trainer.evaluation.packing import PackedCounts, pack
from trainer.store import Store

_GOAL = 1.03
_SIDES = ("ours", "kept", "kept_again", "counted", "predicting")
_LIVE = ("live", "live_again", "live_counted")
_PROBLEMS = {"digits": "digits", "table": "two classes, 100,000 rows"}
_MANY = {"many": "1,000 classes, 20,000 rows"}
_MOST_BYTES = 20_000


def measure(*, quick: bool) -> Iterator[Measure]:
    """Let training with and without an evaluation take turns, and weigh what is stored."""
    yield _stored("the digits, 100 epochs", _digits_sizes())
    random = [_size(pack(random_counts(10, 10_000, seed))) for seed in range(20)]
    yield _stored("10 classes, 10,000 rows of random scores", random)
    for problem, title in _PROBLEMS.items():
        turns = take_turns(problem, _SIDES, 20 if quick else 60)
        yield from _counting(title, problem, turns, "kept", "kept_again", "counted")
        against = {side: ratios(turns[side].seconds, turns["kept"].seconds) for side in _SIDES}
        yield told(
            f"{title}: the usual way, predict and scikit-learn after each epoch",
            f"{middle_half(against['predicting'])} ×",
        )
        yield told(
            f"{title}: without, and without checkpoints",
            f"{middle_half(against['ours'])} ×",
        )
    for problem, title in {**_PROBLEMS, **_MANY}.items():
        title = f"{title}, anybody's fit() with LiveCallback and the metric in compile()"
        turns = take_turns(problem, _LIVE, 20 if quick else 60)
        yield from _counting(title, problem, turns, *_LIVE)


def _counting(
    title: str, problem: str, turns: Mapping[str, Turns], without: str, again: str, counted: str
) -> Iterator[Measure]:
    """Tell what counting costs one kind of training."""
    noise = ratios(turns[again].seconds, turns[without].seconds)
    against = ratios(turns[counted].seconds, turns[without].seconds)
    processor = ratios(turns[counted].processor_seconds, turns[without].processor_seconds)
    epoch = statistics.median(turns[without].seconds) / EPOCHS_PER_TURN[problem] * 1000
    name = f"{title}: training with one-pass evaluation against without"
    seen = (
        f"{middle_half(against)} ×; processor time {middle_half(processor)} ×; "
        f"{epoch:.1f} ms an epoch without"
    )
    if problem in _PROBLEMS:
        is_met = statistics.median(against) <= _GOAL
        is_noisy = abs(statistics.median(noise) - 1) > _GOAL - 1
        yield judged(name, f"≤ {_GOAL} ×", seen, is_met, is_noisy=is_noisy)
    else:
        yield told(name, seen)
    yield told(f"{title}: without again (the noise)", f"{middle_half(noise)} ×")


def _stored(title: str, sizes: list[int]) -> Measure:
    return judged(
        f"stored per epoch: {title}",
        f"≤ {_MOST_BYTES / 1000:.0f} KB",
        f"median {statistics.median(sizes) / 1000:.2f} KB, at most {max(sizes) / 1000:.2f} KB",
        max(sizes) <= _MOST_BYTES,
    )


def _digits_sizes() -> list[int]:
    """Train the digits as anybody would and return how many bytes each evaluation has."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        environment = {**os.environ, "DASHBOARD_HOME": home, "DASHBOARD_STORE": ""}
        command = [sys.executable, "-m", "trainer", "run", "--dataset", "digits", "--json"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        run_id = json.loads(done.stdout.splitlines()[-1])["run_id"]
        store = Store(f"sqlite:///{(Path(home) / 'runs.sqlite').as_posix()}")
        shown = store.evaluations(run_id, limit=1_000).shown
        store.close()
        return [_size(one.counts) for one in shown]


def _size(packed: PackedCounts) -> int:
    return len(json.dumps(packed.header)) + len(packed.data)
