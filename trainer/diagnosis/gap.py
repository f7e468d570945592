"""A training loss that looks worse than it is: with dropout on, and a mean over its epoch."""

from __future__ import annotations

from trainer.diagnosis.evidence import Evidence, middle
from trainer.diagnosis.verdict import Verdict

_TIMES = 1.25
_MANY_ROWS = 100


def unfair_gap(evidence: Evidence) -> Verdict | None:
    """Return the verdict that training and validation loss are two measures; None if alike.

    Only a run with a fair training curve can tell.
    """
    if not len(evidence.fair_loss) or evidence.num_validation < _MANY_ROWS:
        return None
    logged, fair = (
        middle(loss[-evidence.window :]) for loss in (evidence.loss, evidence.fair_loss)
    )
    validated = middle(evidence.val_loss[-evidence.window :])
    if not fair > 0 or not logged > _TIMES * fair or not validated < logged:
        return None
    has_dropout = evidence.config is not None and "dropout" in str(evidence.config.stack)
    return Verdict(
        name="unfair_gap",
        sentence=(
            f"Validation looks better than training ({validated:.3g} and {logged:.3g}), but looked "
            f"at in the same way the training loss is {fair:.3g}. "
            + (
                "It is logged with dropout on, and as a mean over the epoch."
                if has_dropout
                else "It is logged as a mean over the epoch, in which the network got better."
            )
        ),
        rule=(
            "In the last fifth of the epochs the median training loss is above that of the "
            f"validation, and more than {_TIMES} times the fair training loss; {_MANY_ROWS} rows "
            "or more validate."
        ),
        next_step="Compare the dotted fair curve with the validation loss.",
        choices={},
        epochs=(evidence.num_epochs - 1,),
        series="fair_loss",
    )
