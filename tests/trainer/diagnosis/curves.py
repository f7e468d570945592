"""Curves made by hand for the rules to judge."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainer.config import RunConfig
from trainer.diagnosis.evidence import Evidence
from trainer.evaluation.counts import ClassCounts

MOONS = RunConfig.create("moons", num_samples=500, test_split=0.0, validation_split=0.4)


def scored(right: int, wrong: int, *, sure: float = 0.9) -> ClassCounts:
    """Return counts of two classes alike: rows whose class got the score `sure`, or what is left.

    Half of each is of either class.
    """
    high, low = round(sure * 1000), round((1 - sure) * 1000)
    positives, negatives = np.zeros((2, 1001)), np.zeros((2, 1001))
    positives[:, high], positives[:, low] = right / 2, wrong / 2
    negatives[:, low], negatives[:, high] = right / 2, wrong / 2
    half = np.array([right / 2, wrong / 2])
    confusion = np.array([half, half[::-1]])
    return ClassCounts(positives=positives, negatives=negatives, confusion=confusion)


def evidence(loss: Any, val_loss: Any = (), fair: Any = (), **more: Any) -> Evidence:
    """Return what is known of a training on moons with these curves."""
    curves = [np.array(values, dtype=float) for values in (loss, val_loss, fair)]
    counts = more.get("counts", scored(180, 20))
    given = {"config": MOONS, "counts": counts, "counts_at": lambda epoch: counts, **more}
    return Evidence(loss=curves[0], val_loss=curves[1], fair_loss=curves[2], **given)
