"""What the fair training curve costs: the loss of 512 training rows after the epochs."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from benchmarks.measure import Measure, judged, middle_half, quantile, ratios, told
from benchmarks.turns import EPOCHS_PER_TURN, take_turns

_GOAL = 1.05
_SIDES = ("ours", "ours_again", "fair")
# A CNN's epochs are long, and so are its turns.
_PROBLEMS = {"digits": ("digits MLP", 60), "cnn": ("CNN on 28×28 pictures", 120)}
# The curve goes without most of the short epochs, so that a single turn tells nothing of its cost.
_BLOCKS = 10


def measure(*, quick: bool) -> Iterator[Measure]:
    """Let training with and without the switch take turns."""
    for problem, (title, seconds) in _PROBLEMS.items():
        turns = take_turns(problem, _SIDES, seconds / 3 if quick else seconds)
        plain, again, fair = (_blocks(turns[side].seconds) for side in _SIDES)
        busy, busy_again, busy_fair = (_blocks(turns[side].processor_seconds) for side in _SIDES)
        # Of two processes that do the same one may be slower all along; the mean is nearer to both.
        fair, again = ratios(fair, _means(plain, again)), ratios(again, plain)
        processor = ratios(busy_fair, _means(busy, busy_again))
        epoch = statistics.median(turns["ours"].seconds) / EPOCHS_PER_TURN[problem] * 1000
        yield judged(
            f"{title}: training with the fair training curve against without",
            f"≤ {_GOAL} ×",
            f"{middle_half(fair)} ×; processor time {middle_half(processor)} ×; "
            f"{epoch:.1f} ms an epoch without",
            statistics.median(fair) <= _GOAL,
            is_noisy=any(abs(quantile(again, q) - 1) > _GOAL - 1 for q in (0.25, 0.5, 0.75)),
        )
        yield told(f"{title}: without again (the noise)", f"{middle_half(again)} ×")


def _means(first: Sequence[float], second: Sequence[float]) -> list[float]:
    return [(one + other) / 2 for one, other in zip(first, second, strict=True)]


def _blocks(seconds: Sequence[float]) -> list[float]:
    """Return what as many turns as make a tenth of all took together, tenth by tenth."""
    size = max(1, len(seconds) // _BLOCKS)
    return [sum(seconds[k : k + size]) for k in range(0, len(seconds) - size + 1, size)]
