"""A training that gets nowhere, or no further: barely moving, stuck, underfitting."""

from __future__ import annotations

import numpy as np

from trainer.config import RunConfig
from trainer.diagnosis.evidence import Evidence, around, middle
from trainer.diagnosis.verdict import Verdict

_BARELY = 0.03
_STEADY = 0.9
_SKILL = 0.05
_GAIN = 0.02
_LOW_SKILL = 0.5
_GAP = 0.10
_MAX_HIDDEN = 10
_MAX_UNITS = 1024


def barely_moving(evidence: Evidence) -> Verdict | None:
    """Return the verdict that the steps are too small; None if they are not."""
    losses = evidence.training[~np.isnan(evidence.training)]
    if len(losses) < 2:
        return None
    fall = 1 - losses[-1] / losses[0] if losses[0] else 0.0
    if not 0 < fall < _BARELY or (np.diff(losses) < 0).mean() < _STEADY:
        return None
    step: dict[str, object] = {}
    words = "A larger learning rate would help."
    if evidence.config is not None:
        # What moved by a hundredth needs a hundred times as much.
        rate = evidence.config.learning_rate * (10 if fall >= _BARELY / 3 else 100)
        step, words = {"learning_rate": float(f"{rate:g}")}, f"Try a learning rate of {rate:g}."
    return Verdict(
        name="barely_moving",
        sentence=(
            f"It barely moves: in {evidence.num_epochs} epochs the training loss fell by "
            f"{fall:.2%}, from {losses[0]:.4g} to {losses[-1]:.4g}, a little in almost every one."
        ),
        rule=(
            f"The training loss falls by less than {_BARELY:.0%} in all, and in at least "
            f"{_STEADY:.0%} of the epochs."
        ),
        next_step=words,
        choices=step,
        epochs=(0, evidence.num_epochs - 1),
        series="loss",
        way="fork",
    )


def stuck(evidence: Evidence) -> Verdict | None:
    """Return the verdict that it is no better than the best constant; None if it is."""
    baseline = evidence.baseline
    if not baseline:
        return None
    low = float(np.nanmin(evidence.val_loss))
    half = around(evidence.training, evidence.num_epochs // 2)
    if not half:
        return None  # nothing is left to fall
    gain = 1 - middle(evidence.training[-evidence.window :]) / half
    if 1 - low / baseline >= _SKILL or not gain < _GAIN:
        return None
    words, step = _larger(evidence.config)
    return Verdict(
        name="stuck",
        sentence=(
            f"Stuck: the validation loss never got below {low:.3g}, and always predicting the same "
            f"costs {baseline:.3g}; nor does the training loss fall any more."
        ),
        rule=(
            f"The lowest validation loss is less than {_SKILL:.0%} below that of the best "
            f"constant, and the training loss falls by less than {_GAIN:.0%} in the second half."
        ),
        next_step=words,
        choices=step,
        epochs=(evidence.best,),
    )


def underfitting(evidence: Evidence) -> Verdict | None:
    """Return the verdict that it has settled far above zero, in training too; None if not."""
    baseline, window = evidence.baseline, evidence.window
    if not baseline or evidence.num_epochs < 2 * window:
        return None
    now, before = (
        middle(evidence.training[-window:]),
        middle(evidence.training[-2 * window : -window]),
    )
    if not (now and before):
        return None  # it learnt all there is
    validated = middle(evidence.val_loss[-window:])
    skill = 1 - validated / baseline
    if not (abs(1 - now / before) < _GAIN and _SKILL <= skill < _LOW_SKILL):
        return None
    if not abs(validated / now - 1) < _GAP:
        return None
    words, step = _larger(evidence.config)
    return Verdict(
        name="underfitting",
        sentence=(
            f"It has settled: the validation loss of {validated:.3g} is {skill:.0%} below that of "
            f"always predicting the same, and the training loss is no better ({now:.3g}). The "
            "network is too simple, or that is all the data allow."
        ),
        rule=(
            f"The training loss changes by less than {_GAIN:.0%} between the last two fifths, "
            f"validation and training loss are within {_GAP:.0%}, and the validation loss is less "
            f"than {_LOW_SKILL:.0%} below that of the best constant."
        ),
        next_step=words,
        choices=step,
        epochs=(evidence.num_epochs - 1,),
    )


def _larger(config: RunConfig | None) -> tuple[str, dict[str, object]]:
    if config is None or config.layers:
        return "A larger network may see more in the data.", {}
    if config.hidden_layers == 0:
        return f"Try a hidden layer of {config.units} units.", {"hidden_layers": 1}
    if 4 * config.units <= _MAX_UNITS:
        return f"Try {4 * config.units} units a layer.", {"units": 4 * config.units}
    if config.hidden_layers < _MAX_HIDDEN:
        more = config.hidden_layers + 1
        return f"Try {more} hidden layers.", {"hidden_layers": more}
    return "More informative data may be needed.", {}
