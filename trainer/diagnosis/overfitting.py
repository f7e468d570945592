"""Overfitting: the validation loss has turned while the training loss goes on falling."""

from __future__ import annotations

from trainer.choices import NONE
from trainer.config import RunConfig
from trainer.diagnosis.evidence import Evidence, around, middle
from trainer.diagnosis.row_losses import z_of_rise
from trainer.diagnosis.verdict import Verdict

_RISE = 1.10
_FALL = 0.9
_Z = 2.0
_DROPOUT = 0.5
_PATIENCE = 10
_RULE = (
    f"The median validation loss of the last fifth of the epochs is more than {_RISE:.2f} times "
    f"that around the best epoch, by more than {_Z:.0f} standard errors of the rows' losses; the "
    f"best epoch is as long ago; and the training loss is below {_FALL} times what it was then."
)


def overfitting(evidence: Evidence) -> Verdict | None:
    """Return the verdict that a training learns its rows by heart; None if that is not sure."""
    best, last, window = evidence.best, evidence.num_epochs - 1, evidence.window
    if last - best < window:
        return None
    low, now = around(evidence.val_loss, best), middle(evidence.val_loss[-window:])
    then, by_now = around(evidence.training, best), middle(evidence.training[-window:])
    if not (now > _RISE * low and by_now < _FALL * then):
        return None
    before, after = evidence.rows_at(best), evidence.rows_at(last)
    if before is None or after is None or not z_of_rise(before, after) > _Z:
        return None
    next_step, choices = _next_step(evidence.config)
    return Verdict(
        name="overfitting",
        sentence=(
            f"Overfitting: since epoch {evidence.number(best)} the validation loss rose from "
            f"{low:.3g} to {now:.3g}, while the training loss fell from {then:.3g} to {by_now:.3g}."
        ),
        rule=_RULE,
        next_step=next_step,
        choices=choices,
        epochs=(best, last),
    )


def _next_step(config: RunConfig | None) -> tuple[str, dict[str, object]]:
    if config is None:
        return "More rows, dropout, or early stopping would help.", {}
    if not config.layers and config.hidden_layers and not config.dropout:
        return f"Try dropout of {_DROPOUT}.", {"dropout": _DROPOUT}
    if config.early_stopping == NONE:
        return (
            f"Try early stopping on the validation loss, patience {_PATIENCE}.",
            {"early_stopping": "val_loss", "patience": _PATIENCE},
        )
    return "More rows, or a smaller network, would help.", {}
