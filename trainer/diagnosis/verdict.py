"""What a rule says of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
    """

    name: str
    sentence: str
    rule: str
    next_step: str
    choices: Mapping[str, object]
    epochs: tuple[int, ...] = ()
