"""All rules in their order: what is said of a training, at most two things at a time."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping

import numpy as np

from trainer.choices import NONE
from trainer.diagnosis import counted
from trainer.diagnosis.confident import confident_mistakes
from trainer.diagnosis.diverging import diverging
from trainer.diagnosis.evidence import MIN_EPOCHS, Evidence
from trainer.diagnosis.gap import unfair_gap
from trainer.diagnosis.improving import still_improving
from trainer.diagnosis.leakage import leakage
from trainer.diagnosis.noise import fluctuating, validation_noisy
from trainer.diagnosis.overfitting import overfitting
from trainer.diagnosis.standstill import barely_moving, stuck, underfitting
from trainer.diagnosis.verdict import Verdict
from trainer.evaluation.counts import ClassCounts

Rule = Callable[[Evidence], Verdict | None]

MAX_VERDICTS = 2


def _diverging(evidence: Evidence) -> Verdict | None:
    config = evidence.config
    rate = 0.0 if config is None else config.learning_rate
    losses = [None if math.isnan(loss) else loss for loss in evidence.loss.tolist()]
    if evidence.broken is not None:
        losses[evidence.broken] = math.nan
    elif evidence.has_diverged:
        # The epoch in which it was ended is no finished one.
        losses.append(math.nan)
    found = diverging(
        losses,
        baseline=evidence.baseline,
        learning_rate=rate,
        first_epoch=evidence.first_epoch,
    )
    if found is None or config is not None:
        return found
    return dataclasses.replace(found, next_step="Try a smaller learning rate.", choices={})


def _accuracy_paradox(evidence: Evidence) -> Verdict | None:
    return _counted(evidence, counted.accuracy_paradox)


def _validation_too_small(evidence: Evidence) -> Verdict | None:
    return _counted(evidence, counted.validation_too_small)


def _counted(evidence: Evidence, rule: Callable[[ClassCounts], Verdict | None]) -> Verdict | None:
    counts, config = evidence.counts, evidence.config
    found = rule(counts) if isinstance(counts, ClassCounts) else None
    if found is None:
        return None
    # Who weighs the classes has done it; whose set-up is not known must do it himself.
    is_open = config is not None and config.class_weight == NONE
    return dataclasses.replace(
        found,
        epochs=(evidence.num_epochs - 1,),
        choices=found.choices if is_open else {},
    )


# In the order in which they are said; of the rules in one group only the first that holds.
RULES: Mapping[str, tuple[Rule, ...]] = {
    "diverging": (_diverging,),
    "data": (_accuracy_paradox, leakage),
    "overfitting": (overfitting,),
    "confidence": (confident_mistakes,),
    "standstill": (barely_moving, stuck, underfitting),
    "noise": (fluctuating, validation_noisy, _validation_too_small),
    "improving": (still_improving,),
    "gap": (unfair_gap,),
}


def diagnose(evidence: Evidence) -> tuple[Verdict, ...]:
    """Return what is to be said of a training, the gravest first.

    Before `MIN_EPOCHS` epochs, and without validation, only that it runs away.

    Args:
        evidence: What is known of it.
    """
    found = _diverging(evidence)
    if found is not None:
        return (_shifted(found, evidence.first_epoch),)
    if evidence.num_epochs < MIN_EPOCHS or not np.isfinite(evidence.val_loss).any():
        return ()
    verdicts: list[Verdict] = []
    for rules in RULES.values():
        said = filter(None, (rule(evidence) for rule in rules))
        verdicts += [_shifted(one, evidence.first_epoch) for one in itertools.islice(said, 1)]
        if len(verdicts) == MAX_VERDICTS:
            break
    return tuple(verdicts)


def _shifted(verdict: Verdict, first_epoch: int) -> Verdict:
    """Return a verdict on places in the curves as one on epochs."""
    epochs = tuple(first_epoch + place for place in verdict.epochs)
    return dataclasses.replace(verdict, epochs=epochs)
