"""Packed counts: nothing is lost, and little is stored."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from trainer.evaluation.counts import ClassCounts, Counts, RegressionCounts
from trainer.evaluation.packing import PackedCounts, pack, unpack


def class_counts(num_classes: int, rows: int, *, seed: int = 0, weight: float = 1) -> ClassCounts:
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, num_classes * 1001, rows)
    positives, negatives = (
        np.bincount(part, minlength=num_classes * 1001).reshape(num_classes, 1001) * weight
        for part in (cells, rng.permutation(num_classes * 1001)[:rows])
    )
    confusion = rng.integers(0, 5, (num_classes, num_classes)) * weight
    return ClassCounts(
        positives=positives.astype(float),
        negatives=negatives.astype(float),
        confusion=confusion.astype(float),
        left_out=3.0,
    )


def assert_same(one: Counts, other: Counts) -> None:
    assert type(one) is type(other)
    for field in dataclasses.fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


@pytest.mark.parametrize(
    "counts",
    [
        class_counts(2, 100),
        class_counts(10, 5000),
        class_counts(3, 50, weight=0.37),
        class_counts(3, 50, weight=70_000),
        class_counts(300, 40),
        class_counts(2, 0),
        RegressionCounts(
            joint=np.eye(40),
            residuals=np.arange(80.0),
            low=-1.5,
            high=2.25,
            count=40.0,
            total=1 / 3,
            total_squares=7.0,
            error=-0.1,
            absolute_error=2.0,
            squared_error=0.7,
            left_out=1.0,
        ),
    ],
)
def test_what_is_packed_comes_out_again(counts):
    packed = pack(counts)
    # The header goes through JSON on its way.
    stored = PackedCounts(header=json.loads(json.dumps(packed.header)), data=packed.data)
    assert_same(unpack(stored), counts)


def test_ten_classes_take_less_than_20_kb_even_with_a_hundred_thousand_rows():
    rng = np.random.default_rng(0)
    scores = np.floor(rng.dirichlet(np.ones(10) * 0.3, 100_000) * 1000).astype(int)
    labels = rng.integers(0, 10, 100_000)
    positives, negatives = np.zeros((10, 1001)), np.zeros((10, 1001))
    for k in range(10):
        positives[k] = np.bincount(scores[labels == k, k], minlength=1001)
        negatives[k] = np.bincount(scores[labels != k, k], minlength=1001)
    counts = ClassCounts(positives=positives, negatives=negatives, confusion=np.ones((10, 10)))
    assert len(pack(counts).data) < 20_000
