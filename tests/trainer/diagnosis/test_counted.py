"""Accuracy paradox and too small a validation: by hand, and against SciPy's interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from trainer.diagnosis.counted import accuracy_paradox, validation_too_small, wilson
from trainer.evaluation.counts import ClassCounts


def counted(confusion) -> ClassCounts:
    matrix = np.array(confusion, dtype=float)
    blank = np.zeros((len(matrix), 1001))
    return ClassCounts(positives=blank, negatives=blank, confusion=matrix)


def test_right_in_95_of_100_and_nobody_found_is_the_paradox():
    verdict = accuracy_paradox(counted([[1900, 0], [100, 0]]))
    assert verdict.sentence == (
        "Accuracy is 0.950, and always naming the most frequent class has 0.950; of the 100 rows "
        "of the rarest class 0 were found (recall 0.000)."
    )
    assert verdict.choices == {"class_weight": "balanced"}


@pytest.mark.parametrize(
    "confusion",
    [
        [[0, 0], [0, 0]],
        [[100, 0], [0, 0]],
        [[700, 0], [300, 0]],
        [[1890, 10], [40, 60]],
        [[1900, 0], [55, 45]],
    ],
    ids=["no rows", "one class", "majority below 0.8", "half is found", "better than the bound"],
)
def test_it_is_silent_where_one_of_its_conditions_is_not_so(confusion):
    assert accuracy_paradox(counted(confusion)) is None


def test_of_several_classes_the_rarest_with_rows_counts():
    verdict = accuracy_paradox(counted([[90, 0, 0, 0], [4, 2, 0, 0], [0, 0, 0, 0], [4, 0, 0, 0]]))
    assert "of the 4 rows of the rarest class 0 were found" in verdict.sentence


@pytest.mark.parametrize(("correct", "rows"), [(0, 5), (5, 5), (37, 40), (812, 1000)])
def test_the_interval_is_that_of_scipy(correct, rows):
    expected = binomtest(correct, rows).proportion_ci(0.95, method="wilson")
    assert wilson(correct, rows) == pytest.approx((expected.low, expected.high), abs=1e-5)


def test_few_rows_are_said_with_their_interval_and_many_are_not():
    verdict = validation_too_small(counted([[18, 2], [1, 19]]))
    assert verdict.sentence == (
        "Accuracy is 0.925 on 40 rows, which may be anything from 0.801 to 0.974 on new ones."
    )
    assert validation_too_small(counted([[450, 50], [50, 450]])) is None
    assert validation_too_small(counted([[0, 0], [0, 0]])) is None
