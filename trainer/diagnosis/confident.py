"""Loss against metric: the loss rises while accuracy holds, by a few rows it is too sure of."""

from __future__ import annotations

import numpy as np

from trainer.diagnosis.counted import wilson
from trainer.diagnosis.evidence import Evidence, around, middle
from trainer.diagnosis.verdict import Verdict
from trainer.evaluation.counts import ClassCounts

_RISE = 1.10
# A row whose own class got less than this was called another with as good as no doubt.
_SCORE = 0.05
_SHARE = 0.5
_FEW = 0.15


def confident_mistakes(evidence: Evidence) -> Verdict | None:
    """Return the verdict that few rows raise the loss, while accuracy holds; None if not so.

    That is what was counted on these rows, not a guess about others: no interval is asked for.
    """
    best, last = evidence.best, evidence.num_epochs - 1
    if last - best < evidence.window:
        return None
    low, now = around(evidence.val_loss, best), middle(evidence.val_loss[-evidence.window :])
    if not now > _RISE * low:
        return None
    counts = [evidence.counts_at(evidence.first_epoch + place) for place in (best, last)]
    rows = [evidence.rows_at(place) for place in (best, last)]
    if not isinstance(counts[0], ClassCounts) or not isinstance(counts[1], ClassCounts):
        return None
    if rows[0] is None or rows[1] is None:
        return None
    before, after = (_accuracy(one) for one in counts if isinstance(one, ClassCounts))
    total = rows[1].num_rows
    if after < wilson(before * total, total)[0]:
        return None
    (few_then, share_then), (few, share) = (one.mistakes(_SCORE) for one in rows if one is not None)
    if share < _SHARE or not 0 < few <= _FEW * total:
        return None
    return Verdict(
        name="confident_mistakes",
        sentence=(
            f"Since epoch {evidence.number(best)} the validation loss rose from {low:.3g} to "
            f"{now:.3g}, while accuracy held: {before:.3f} then, {after:.3f} now. "
            f"Sure mistakes, {few:.0f} of {total:.0f} rows, make up {share:.0%} of the loss; then "
            f"it was {few_then:.0f} rows and {share_then:.0%}."
        ),
        rule=(
            f"The median validation loss of the last fifth of the epochs is more than {_RISE:.2f} "
            "times that around the best epoch, accuracy is not below its 95 % interval of then, "
            f"and at most {_FEW:.0%} of the rows, whose own class got less than {_SCORE}, are at "
            f"least {_SHARE:.0%} of the loss."
        ),
        next_step="A wrong cell of the matrix leads to its rows, the surest first.",
        choices={},
        epochs=(best, last),
        series="val_accuracy",
        spans=True,
    )


def _accuracy(counts: ClassCounts) -> float:
    return float(np.trace(counts.confusion) / counts.confusion.sum())
