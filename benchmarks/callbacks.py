"""What it costs to watch a `fit`: our callback beside its peers, and our way of feeding a CNN."""

from __future__ import annotations

import importlib.util
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.measure import Measure, judged, middle_half, ratios, told
from benchmarks.process import Case, CaseFailed

_GOAL = 1.02
_PEERS = {
    "tensorboard": "TensorBoard, per batch",
    "wandb": "W&B offline, per batch",
    "livelossplot": "livelossplot",
}
_EPOCHS_PER_TURN = {"digits": 4, "cnn": 1}


@dataclass
class _Turns:
    seconds: list[float] = field(default_factory=list)
    processor_seconds: list[float] = field(default_factory=list)


def measure(*, quick: bool) -> Iterator[Measure]:
    """Let all sides take turns within their one `fit()`, an epoch or a few at a time."""
    peers = [peer for peer in _PEERS if importlib.util.find_spec(peer)]
    for peer in _PEERS.keys() - set(peers):
        yield told(f"fit() with {_PEERS[peer]}", "not installed")
    yield from _digits(peers, seconds=20 if quick else 90)
    yield from _cnn(peers, seconds=45 if quick else 180)


def _digits(peers: Sequence[str], *, seconds: float) -> Iterator[Measure]:
    sides = _turns("digits", ("plain", "again", "live", *peers), seconds)
    yield from _table("digits MLP", "digits", sides)


def _cnn(peers: Sequence[str], *, seconds: float) -> Iterator[Measure]:
    sides = _turns("cnn", ("plain", "again", "ours", "live", *peers), seconds)
    yield _judged("CNN on 28×28 pictures, fed and streamed by the program", sides, "ours")
    yield from _table("CNN", "cnn", sides)


def _table(title: str, problem: str, sides: dict[str, _Turns]) -> Iterator[Measure]:
    yield _judged(f"{title}: the same fit() with our callback", sides, "live")
    epoch = statistics.median(sides["plain"].seconds) / _EPOCHS_PER_TURN[problem]
    yield told(
        f"{title}: the same fit() again, nothing attached (the noise)",
        f"{_against_plain(sides, 'again')}; {epoch * 1000:.0f} ms an epoch",
    )
    for peer in (peer for peer in _PEERS if peer in sides):
        yield told(f"{title}: the same fit() with {_PEERS[peer]}", _against_plain(sides, peer))


def _judged(name: str, sides: dict[str, _Turns], side: str) -> Measure:
    def time_of(side: str) -> float:
        return statistics.median(ratios(sides[side].seconds, sides["plain"].seconds))

    return judged(
        f"{name}: time against plain fit()",
        f"≤ {_GOAL} ×",
        _against_plain(sides, side),
        time_of(side) <= _GOAL,
        is_noisy=abs(time_of("again") - 1) > _GOAL - 1,
    )


def _against_plain(sides: dict[str, _Turns], side: str) -> str:
    seconds = ratios(sides[side].seconds, sides["plain"].seconds)
    processor = ratios(sides[side].processor_seconds, sides["plain"].processor_seconds)
    return f"{middle_half(seconds)} ×; processor time {middle_half(processor)} ×"


def _turns(problem: str, sides: Sequence[str], seconds: float) -> dict[str, _Turns]:
    """Return what each side's turns took; one side runs at a time.

    Args:
        problem: What to train.
        sides: Which sides take turns.
        seconds: After which no other round begins; there are at least three.
    """
    turns = {side: _Turns() for side in sides}
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
        while len(turns["plain"].seconds) < 3 or time.monotonic() - began < seconds:
            for side in order:
                answer = cases[side].ask()
                turns[side].seconds.append(answer["seconds"])
                turns[side].processor_seconds.append(answer["processor_seconds"])
            # Nobody always comes after the same neighbour's warm caches.
            order = [*order[1:], order[0]]
    return {side: turns[side] for side in cases}
