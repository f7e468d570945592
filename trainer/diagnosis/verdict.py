"""What a rule says of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Way = Literal["run", "fork", "more"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One finding with its evidence.

    Attributes:
        name: Key, e.g. "diverging".
        sentence: What was found, with the numbers that it rests on.
        rule: When it is said, in words.
        next_step: What to try next, in words.
        choices: Fields of `RunConfig` that the next step changes; empty if it changes none.
        epochs: The 0-based epochs to mark in the chart.
        series: The curve on which they are marked, e.g. "val_loss".
        way: How the next step is taken: by a new run, by a fork of this one once it is over, or by
            more epochs of this one.
        spans: Whether it is about all epochs from the first to the last of `epochs`.
    """

    name: str
    sentence: str
    rule: str
    next_step: str
    choices: Mapping[str, object]
    epochs: tuple[int, ...] = ()
    series: str = "val_loss"
    way: Way = "run"
    spans: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "sentence": self.sentence,
            "rule": self.rule,
            "next_step": self.next_step,
            "choices": dict(self.choices),
            "epochs": list(self.epochs),
            "series": self.series,
            "way": self.way,
            "spans": self.spans,
        }
