"""What it costs to evaluate each epoch: counted in the validation pass, and in the usual way."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks.measure import Measure, judged, middle_half, ratios, told
from benchmarks.turns import EPOCHS_PER_TURN, take_turns

_GOAL = 1.03
_SIDES = ("ours", "ours_again", "counted", "predicting")
_PROBLEMS = {"digits": "digits", "table": "two classes, 100,000 rows"}


def measure(*, quick: bool) -> Iterator[Measure]:
    """Let training with and without an evaluation take turns."""
    for problem, title in _PROBLEMS.items():
        turns = take_turns(problem, _SIDES, 20 if quick else 60)
        plain = turns["ours"].seconds
        against = {side: ratios(turns[side].seconds, plain) for side in _SIDES}
        epoch = statistics.median(plain) / EPOCHS_PER_TURN[problem] * 1000
        yield judged(
            f"{title}: training with one-pass evaluation against without",
            f"≤ {_GOAL} ×",
            f"{middle_half(against['counted'])} ×; {epoch:.1f} ms an epoch without",
            statistics.median(against["counted"]) <= _GOAL,
            is_noisy=abs(statistics.median(against["ours_again"]) - 1) > _GOAL - 1,
        )
        yield told(
            f"{title}: without again (the noise)",
            f"{middle_half(against['ours_again'])} ×",
        )
        yield told(
            f"{title}: the usual way, predict and scikit-learn after each epoch",
            f"{middle_half(against['predicting'])} ×",
        )
