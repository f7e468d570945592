"""Class weights against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from trainer.class_weights import class_weights, ratio_of, row_weights


@pytest.mark.parametrize("counts", [(90, 10), (1, 99), (5, 7, 80), (10, 0, 3)])
def test_balanced_weights_are_those_of_scikit_learn(counts):
    y = np.repeat(np.arange(len(counts)), counts)
    weights = class_weights("balanced", y)
    present = np.unique(y)
    expected = compute_class_weight("balanced", classes=present, y=y)
    assert weights == dict(zip(present.tolist(), expected.tolist(), strict=True))
    np.testing.assert_allclose(row_weights(weights, y), compute_sample_weight("balanced", y))


def test_a_ratio_weighs_the_second_class():
    y = np.array([0, 1, 1, 0])
    assert class_weights("1:19", y) == {0: 1.0, 1: 19.0}
    np.testing.assert_array_equal(row_weights({0: 1.0, 1: 19.0}, y), [1, 19, 19, 1])


def test_none_is_none():
    assert class_weights("none", np.array([0, 1])) is None


def test_a_class_without_a_weight_counts_once():
    np.testing.assert_array_equal(row_weights({0: 2.0}, np.array([0, 3])), [2, 1])


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("1:19", 19.0),
        ("1 : 0.5", 0.5),
        ("1:1e3", 1000.0),
        *[(text, None) for text in ("2:1", "1:", "1:0", "1:-1", "1:nan", "1:inf", "19", "", "1:x")],
    ],
)
def test_a_ratio_is_read_or_is_none(text, ratio):
    assert ratio_of(text) == ratio
