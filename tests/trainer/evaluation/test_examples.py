"""The rows behind a cell, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.evaluation.examples import rows_by_outcome, rows_in_cell

Y_TRUE = np.array([0, 0, 1, 2, 0, 0])
Y_SCORE = np.array(
    [
        [0.2, 0.7, 0.1],
        [0.1, 0.9, 0.0],
        [0.3, 0.6, 0.1],
        [0.1, 0.2, 0.7],
        [0.8, 0.1, 0.1],
        [0.3, 0.4, 0.3],
    ],
    dtype="float32",
)


def test_the_most_confident_mistake_comes_first():
    assert rows_in_cell(Y_TRUE, Y_SCORE, true_class=0, predicted_class=1).tolist() == [1, 0, 5]
    assert rows_in_cell(Y_TRUE, Y_SCORE, true_class=0, predicted_class=2).tolist() == []


def test_of_two_classes_a_score_of_one_half_is_positive():
    scores = np.array([[0.5, 0.5], [0.51, 0.49]], dtype="float32")
    labels = np.array([0, 0])
    assert rows_in_cell(labels, scores, true_class=0, predicted_class=1).tolist() == [0]
    assert rows_in_cell(labels, scores, true_class=0, predicted_class=0).tolist() == [1]


def test_a_class_against_the_rest_at_a_threshold():
    def rows(is_positive: bool, is_called: bool) -> list[int]:
        return rows_by_outcome(
            Y_TRUE,
            Y_SCORE,
            positive_class=1,
            threshold=0.6,
            is_positive=is_positive,
            is_called=is_called,
        ).tolist()

    assert rows(True, True) == [2]  # its score is the threshold: called
    assert rows(False, True) == [1, 0]
    assert rows(False, False) == [4, 3, 5]
    assert rows(True, False) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("num_classes", [2, 3])
def test_a_row_with_a_score_that_is_not_finite_is_in_no_cell(bad, num_classes):
    scores = np.full((4, num_classes), 0.25, dtype="float32")
    scores[1] = bad
    scores[2, -1] = bad
    labels = np.zeros(4, dtype=int)
    by_cell = [
        rows_in_cell(labels, scores, true_class=0, predicted_class=k).tolist()
        for k in range(num_classes)
    ]
    assert by_cell == [[0, 3], *([[]] * (num_classes - 1))]
    by_outcome = [
        rows_by_outcome(
            labels,
            scores,
            positive_class=0,
            threshold=0.2,
            is_positive=True,
            is_called=is_called,
        ).tolist()
        for is_called in (True, False)
    ]
    assert by_outcome == [[0, 3], []]
