"""What it costs to watch a `fit`: our callback beside its peers, and our way of feeding a CNN."""

from __future__ import annotations

import importlib.util
import statistics
import tempfile
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
    yield from _digits(peers, rounds=4 if quick else 16)
    yield from _cnn(peers, rounds=3 if quick else 16)


def _digits(peers: Sequence[str], *, rounds: int) -> Iterator[Measure]:
    seconds = _turns("digits", ("plain", "again", "live", *peers), rounds)
    yield from _told("digits MLP", "digits", seconds)


def _cnn(peers: Sequence[str], *, rounds: int) -> Iterator[Measure]:
    seconds = _turns("cnn", ("plain", "again", "ours", "live", *peers), rounds)
    ours = ratios(seconds["ours"], seconds["plain"])
    yield judged(
        "CNN on 28×28 pictures, all streaming on: time against plain fit()",
        f"≤ {_GOAL} ×",
        f"{middle_half(ours)} ×: {milliseconds(seconds['ours'])} and "
        f"{milliseconds(seconds['plain'])} an epoch",
        statistics.median(ours) <= _GOAL,
    )
    yield from _told("CNN", "cnn", seconds)


def _told(title: str, problem: str, seconds: dict[str, list[float]]) -> Iterator[Measure]:
    def against_plain(side: str) -> list[float]:
        return ratios(seconds[side], seconds["plain"])

    live = against_plain("live")
    yield judged(
        f"{title}: the same fit() with our callback",
        f"≤ {_GOAL} ×",
        f"{middle_half(live)} ×",
        statistics.median(live) <= _GOAL,
    )
    epoch = milliseconds([turn / _EPOCHS_PER_TURN[problem] for turn in seconds["plain"]])
    yield told(
        f"{title}: the same fit() again, with nothing attached (the noise)",
        f"{middle_half(against_plain('again'))} × of {epoch} an epoch",
    )
    for peer in (peer for peer in _PEERS if peer in seconds):
        yield told(
            f"{title}: the same fit() with {_PEERS[peer]}", f"{middle_half(against_plain(peer))} ×"
        )


def _turns(problem: str, sides: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each turn of each side; one side runs at a time."""
    seconds: dict[str, list[float]] = {side: [] for side in sides}
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
        for _ in range(rounds):
            for side in order:
                seconds[side].append(cases[side].ask()["seconds"])
            # Nobody always comes after the same neighbour's warm caches.
            order = [*order[1:], order[0]]
    return {side: turns for side, turns in seconds.items() if turns}
