"""A validation loss that jumps: because the weights do, or because too few rows are looked at."""

from __future__ import annotations

import numpy as np

from trainer.diagnosis.evidence import Evidence, flips, roughness
from trainer.diagnosis.verdict import Verdict

_ROUGH = 0.15
_FLIPS = 0.4
_ROUGH_TRAINING = 0.10
_MANY_ROWS = 100
_LARGEST_SHARE = 0.5
# Fewer looks than this tell nothing of how much the training loss jumps.
_FEW_LOOKS = 6


def fluctuating(evidence: Evidence) -> Verdict | None:
    """Return the verdict that the steps are too large to settle; None if they are not."""
    rough, training = _jumps(evidence)
    if not rough or training < _ROUGH_TRAINING or evidence.num_validation < _MANY_ROWS:
        return None
    step: dict[str, object] = {}
    words = "A smaller learning rate would help."
    if evidence.config is not None:
        rate = evidence.config.learning_rate / 10
        step, words = {"learning_rate": float(f"{rate:g}")}, f"Try a learning rate of {rate:g}."
    return Verdict(
        name="fluctuating",
        sentence=(
            f"It does not settle: from epoch to epoch the validation loss changes by {rough:.0%} "
            f"of itself, and the training loss by {training:.0%}."
        ),
        rule=(
            f"In the last two thirds the median change of the validation loss is more than "
            f"{_ROUGH:.0%} of it, up and down in more than {_FLIPS:.0%} of the epochs; that of the "
            f"training loss is at least {_ROUGH_TRAINING:.0%}; {_MANY_ROWS} rows or more validate."
        ),
        next_step=words,
        choices=step,
        epochs=_largest_jumps(evidence),
        way="fork",
    )


def validation_noisy(evidence: Evidence) -> Verdict | None:
    """Return the verdict that only the validation jumps; None if it does not, or all jumps.

    Whether the training loss rests is only known where it is looked at as the validation loss is.
    """
    rough, training = _jumps(evidence)
    rests = _is_looked_at(evidence) and training < _ROUGH_TRAINING
    few = 0 < evidence.num_validation < _MANY_ROWS
    if not rough or not (rests or few):
        return None
    step: dict[str, object] = {}
    words = "Validate on more rows."
    config = evidence.config
    if config is not None and config.validation_split < _LARGEST_SHARE:
        share = round(min(_LARGEST_SHARE, 2 * config.validation_split), 3)
        step, words = {"validation_split": share}, f"Try to validate on {share:.0%} of the rows."
    return Verdict(
        name="validation_noisy",
        sentence=(
            f"The validation is noisy: its loss changes by {rough:.0%} of itself from epoch to "
            f"epoch on {evidence.num_validation} rows, the training loss by {training:.0%}."
        ),
        rule=(
            f"In the last two thirds the median change of the validation loss is more than "
            f"{_ROUGH:.0%} of it, up and down in more than {_FLIPS:.0%} of the epochs; and fewer "
            f"than {_MANY_ROWS} rows validate, or the fair training loss changes by less than "
            f"{_ROUGH_TRAINING:.0%}."
        ),
        next_step=words,
        choices=step,
        epochs=_largest_jumps(evidence),
    )


def _jumps(evidence: Evidence) -> tuple[float, float]:
    """Return the roughness of the validation loss, 0 where it is none, and of the training loss."""
    rough = roughness(evidence.val_loss, evidence.baseline)
    if not rough > _ROUGH or not flips(evidence.val_loss) > _FLIPS:
        return 0.0, 0.0
    # Gaps of the fair curve that were filled evenly would look as if it rested.
    training = evidence.fair_loss if _is_looked_at(evidence) else evidence.loss
    return rough, roughness(training, evidence.baseline)


def _is_looked_at(evidence: Evidence) -> bool:
    late = evidence.fair_loss[len(evidence.fair_loss) // 3 :]
    return int(np.count_nonzero(~np.isnan(late))) >= _FEW_LOOKS


def _largest_jumps(evidence: Evidence) -> tuple[int, ...]:
    rises = np.nan_to_num(np.diff(evidence.val_loss), nan=-np.inf)
    return tuple(sorted(int(epoch) + 1 for epoch in np.argsort(-rises)[:3] if rises[epoch] > 0))
