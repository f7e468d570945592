"""A training that ended before it was done."""

from __future__ import annotations

from trainer.diagnosis.evidence import Evidence, middle
from trainer.diagnosis.verdict import Verdict

_GAIN = 0.02
_RECENT = 2
_MANY_ROWS = 100


def still_improving(evidence: Evidence) -> Verdict | None:
    """Return the verdict that more epochs would help; None if not, or while there are more."""
    window, count = evidence.window, evidence.num_epochs
    if not evidence.is_over or evidence.num_validation < _MANY_ROWS or count < 2 * window:
        return None
    before = middle(evidence.val_loss[-2 * window : -window])
    now = middle(evidence.val_loss[-window:])
    if not now < (1 - _GAIN) * before or evidence.best < count - 1 - _RECENT:
        return None
    return Verdict(
        name="still_improving",
        sentence=(
            f"It was still improving: the validation loss fell by {1 - now / before:.1%} from one "
            f"fifth of the epochs to the next, to {now:.3g}, and was lowest in epoch "
            f"{evidence.number(evidence.best)}."
        ),
        rule=(
            f"The median validation loss falls by more than {_GAIN:.0%} between the last two "
            f"fifths, the lowest is at most {_RECENT} epochs ago, and {_MANY_ROWS} rows or more "
            "validate."
        ),
        next_step=f"Train on for {count} more epochs.",
        choices={} if evidence.config is None else {"epochs": evidence.first_epoch + 2 * count},
        epochs=(evidence.best,),
        way="more",
    )
