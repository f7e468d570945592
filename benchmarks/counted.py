"""Runs with evaluations in the store, as a worker would have counted them, only faster."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from trainer.evaluation.counters import class_counter
from trainer.evaluation.counts import Counts
from trainer.evaluation.packing import PackedCounts, pack
from trainer.process import this_process
from trainer.runs import Record
from trainer.store import Store


def random_counts(num_classes: int, rows: int, seed: int) -> Counts:
    """Return the counts of rows whose scores are the softmax of normal logits.

    The logits have a standard deviation of 3, which spreads the scores over the most bins: such
    counts take more bytes than those of a network that has learnt.
    """
    random = np.random.default_rng(seed)
    y_true = random.integers(num_classes, size=rows)
    logits = random.normal(scale=3.0, size=(rows, num_classes)).astype("float32")
    # A little better than chance, a little more so each epoch.
    logits[np.arange(rows), y_true] += 1 + seed / 100
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    return class_counter(y_true, num_classes)(scores)


def counted_run(store: Store, counts: Iterable[Counts]) -> tuple[str, list[PackedCounts]]:
    """Write a finished run with these counts, one an epoch; return its id and what is stored."""
    packed = [pack(one) for one in counts]
    records = [
        Record(kind="epoch", epoch=epoch, data={"loss": 1.0, "val_loss": 1.0}, evaluation=one)
        for epoch, one in enumerate(packed)
    ]
    claim = store.open_run(
        {"model": "none", "epochs": len(records)}, worker=this_process(), origin="benchmark"
    )
    store.write(claim, first_seq=1, records=records, epoch=len(records), state="finished")
    return claim.run_id, packed
