"""What it costs to watch a `fit`: our callback beside its peers, and our way of feeding a CNN."""

from __future__ import annotations

import importlib.util
import statistics
from collections.abc import Iterator, Sequence

from benchmarks.measure import Measure, judged, middle_half, ratios, told
from benchmarks.turns import EPOCHS_PER_TURN, Turns, take_turns

_GOAL = 1.02
_PEERS = {
    "tensorboard": "TensorBoard, per batch",
    "wandb": "W&B offline, per batch",
    "livelossplot": "livelossplot",
}


def measure(*, quick: bool) -> Iterator[Measure]:
    """Let all sides take turns within their one `fit()`, an epoch or a few at a time."""
    peers = [peer for peer in _PEERS if importlib.util.find_spec(peer)]
    for peer in _PEERS.keys() - set(peers):
        yield told(f"fit() with {_PEERS[peer]}", "not installed")
    yield from _digits(peers, seconds=20 if quick else 90)
    yield from _cnn(peers, seconds=45 if quick else 180)


def _digits(peers: Sequence[str], *, seconds: float) -> Iterator[Measure]:
    sides = take_turns("digits", ("plain", "again", "live", *peers), seconds, optional=peers)
    yield from _table("digits MLP", "digits", sides)


def _cnn(peers: Sequence[str], *, seconds: float) -> Iterator[Measure]:
    sides = take_turns("cnn", ("plain", "again", "ours", "live", *peers), seconds, optional=peers)
    yield _judged("CNN on 28×28 pictures, fed and streamed by the program", sides, "ours")
    yield from _table("CNN", "cnn", sides)


def _table(title: str, problem: str, sides: dict[str, Turns]) -> Iterator[Measure]:
    yield _judged(f"{title}: the same fit() with our callback", sides, "live")
    epoch = statistics.median(sides["plain"].seconds) / EPOCHS_PER_TURN[problem]
    yield told(
        f"{title}: the same fit() again, nothing attached (the noise)",
        f"{_against_plain(sides, 'again')}; {epoch * 1000:.0f} ms an epoch",
    )
    for peer in (peer for peer in _PEERS if peer in sides):
        yield told(f"{title}: the same fit() with {_PEERS[peer]}", _against_plain(sides, peer))


def _judged(name: str, sides: dict[str, Turns], side: str) -> Measure:
    def time_of(side: str) -> float:
        return statistics.median(ratios(sides[side].seconds, sides["plain"].seconds))

    return judged(
        f"{name}: time against plain fit()",
        f"≤ {_GOAL} ×",
        _against_plain(sides, side),
        time_of(side) <= _GOAL,
        is_noisy=abs(time_of("again") - 1) > _GOAL - 1,
    )


def _against_plain(sides: dict[str, Turns], side: str) -> str:
    seconds = ratios(sides[side].seconds, sides["plain"].seconds)
    processor = ratios(sides[side].processor_seconds, sides["plain"].processor_seconds)
    return f"{middle_half(seconds)} ×; processor time {middle_half(processor)} ×"
