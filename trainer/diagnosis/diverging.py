"""Whether the loss runs away."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trainer.diagnosis.verdict import Verdict

_RULE = (
    "The loss is no longer finite; or the last one is above the first, above twice the lowest and "
    "above twice the loss of the best constant."
)
_TIMES = 2.0
# From a rate beyond all sense a tenth would diverge once more.
_HIGHEST_RATE = 0.1


def diverging(
    losses: Sequence[float | None],
    *,
    baseline: float | None,
    learning_rate: float,
    first_epoch: int = 0,
) -> Verdict | None:
    """Return the verdict that a training runs away; None if it does not.

    Args:
        losses: Training loss by epoch; NaN or infinite where it was not finite, None where it is
            not known, e.g. of an epoch that a notebook did not record.
        baseline: Loss of the best constant; None where it is not known, then only a loss that is
            not finite counts.
        learning_rate: That of the training; the next step is a tenth of it, at most 0.1.
        first_epoch: The 0-based epoch of the first loss.
    """
    known = {epoch: loss for epoch, loss in enumerate(losses) if loss is not None}
    broken = [epoch for epoch, loss in known.items() if not math.isfinite(loss)]
    if broken:
        epoch = broken[0]
        sentence = f"The loss stopped being a finite number in epoch {first_epoch + epoch + 1}."
        return _verdict(sentence, (epoch,), learning_rate)
    if not known or baseline is None:
        return None
    lowest, end = min(known, key=known.__getitem__), max(known)
    first, last, low = known[min(known)], known[end], known[lowest]
    if last <= first or last <= _TIMES * low or last <= _TIMES * baseline:
        return None
    sentence = (
        f"The loss runs away: {last:.3g} in the end, after {low:.3g} in epoch "
        f"{first_epoch + lowest + 1}; always predicting the same would cost {baseline:.3g}."
    )
    return _verdict(sentence, (lowest, end), learning_rate)


def _verdict(sentence: str, epochs: tuple[int, ...], learning_rate: float) -> Verdict:
    lower = min(float(f"{learning_rate / 10:g}"), _HIGHEST_RATE)
    return Verdict(
        name="diverging",
        sentence=sentence,
        rule=_RULE,
        next_step=f"Try a learning rate of {lower:g}.",
        choices={"learning_rate": lower},
        epochs=epochs,
        series="loss",
    )
