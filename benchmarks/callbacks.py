"""What it costs to watch a `fit`: our callback beside its peers, and our way of feeding a CNN."""

from __future__ import annotations

import importlib.util
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from benchmarks.measure import Measure, judged, middle_half, milliseconds, ratios, told
from benchmarks.process import Case, CaseFailed

_GOAL = 1.02
_PEERS = {
    "tensorboard": "TensorBoard, per batch",
    "wandb": "W&B offline, per batch",
    "livelossplot": "livelossplot",
}
_EPOCHS_PER_TURN = {"digits": 4, "cnn": 1}


def measure(*, quick: bool) -> Iterator[Measure]:
    """Let all sides take turns within their one `fit()`, an epoch or a few at a time."""
    peers = [peer for peer in _PEERS if importlib.util.find_spec(peer)]
    for peer in _PEERS.keys() - set(peers):
        yield told(f"fit() with {_PEERS[peer]}", "not installed")
    yield from _digits(peers, seconds=20 if quick else 90)
    yield from _cnn(peers, seconds=45 if quick else 180)


def _digits(peers: Sequence[str], *, seconds: float) -> Iterator[Measure]:
    turns = _turns("digits", ("plain", "again", "live", *peers), seconds)
    yield from _told("digits MLP", "digits", turns)


def _cnn(peers: Sequence[str], *, seconds: float) -> Iterator[Measure]:
    turns = _turns("cnn", ("plain", "again", "ours", "live", *peers), seconds)
    ours = ratios(turns["ours"], turns["plain"])
    yield judged(
        "CNN on 28×28 pictures, all streaming on: time against plain fit()",
        f"≤ {_GOAL} ×",
        f"{middle_half(ours)} ×: {milliseconds(turns['ours'])} and "
        f"{milliseconds(turns['plain'])} an epoch",
        statistics.median(ours) <= _GOAL,
    )
    yield from _told("CNN", "cnn", turns)


def _told(title: str, problem: str, turns: dict[str, list[float]]) -> Iterator[Measure]:
    def against_plain(side: str) -> list[float]:
        return ratios(turns[side], turns["plain"])

    live = against_plain("live")
    yield judged(
        f"{title}: the same fit() with our callback",
        f"≤ {_GOAL} ×",
        f"{middle_half(live)} ×",
        statistics.median(live) <= _GOAL,
    )
    epoch = milliseconds([turn / _EPOCHS_PER_TURN[problem] for turn in turns["plain"]])
    yield told(
        f"{title}: the same fit() again, with nothing attached (the noise)",
        f"{middle_half(against_plain('again'))} × of {epoch} an epoch",
    )
    for peer in (peer for peer in _PEERS if peer in turns):
        yield told(
            f"{title}: the same fit() with {_PEERS[peer]}", f"{middle_half(against_plain(peer))} ×"
        )


def _turns(problem: str, sides: Sequence[str], seconds: float) -> dict[str, list[float]]:
    """Return the seconds of each turn of each side; one side runs at a time.

    Args:
        problem: What to train.
        sides: Which sides take turns.
        seconds: After which no other round begins; there are at least three.
    """
    turns: dict[str, list[float]] = {side: [] for side in sides}
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        cases: dict[str, Case] = {}
        for side in sides:
            arguments = (problem, side, "--turn", _EPOCHS_PER_TURN[problem])
            environment = {"DASHBOARD_HOME": home, "DASHBOARD_STORE": ""}
            case = Case("fit_case", *arguments, environment=environment)
            stack.callback(case.close)
            try:
                case.hear()
                case.ask()  # Compiles, and is not counted.
            except CaseFailed as failure:
                if side not in _PEERS:
                    raise
                print(f"{_PEERS[side]} could not be measured:\n{failure}")
                continue
            cases[side] = case
        order = list(cases)
        began = time.monotonic()
        while len(turns["plain"]) < 3 or time.monotonic() - began < seconds:
            for side in order:
                turns[side].append(cases[side].ask()["seconds"])
            # Nobody always comes after the same neighbour's warm caches.
            order = [*order[1:], order[0]]
    return {side: turns[side] for side in cases}
