"""The losses of rows as counts tell them: against scikit-learn, and worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_squared_error

from tests.trainer.diagnosis.curves import scored
from trainer.counting import EvaluationCounts, RegressionEvaluationCounts
from trainer.diagnosis.row_losses import RowLosses, best_constant, z_of_rise


@pytest.fixture
def scores():
    rng = np.random.default_rng(3)
    y_true = rng.integers(0, 2, 400)
    return y_true, np.clip(rng.beta(2, 2, 400) * 0.5 + 0.4 * y_true, 0.002, 0.998)


def counted(y_true, y_score):
    metric = EvaluationCounts(num_classes=2)
    metric.update_state(y_true[:, np.newaxis].astype("float32"), y_score[:, np.newaxis])
    return metric.counts()


def test_mean_and_variance_of_the_rows_cross_entropy_are_known_from_their_scores(scores):
    y_true, y_score = scores
    rows = RowLosses.of(counted(y_true, y_score), "binary_crossentropy")
    single = -np.log(np.where(y_true == 1, y_score, 1 - y_score))
    assert rows.mean == pytest.approx(log_loss(y_true, y_score), rel=0.01)
    assert rows.variance == pytest.approx(single.var(), rel=0.02)


def test_rows_below_the_first_step_have_what_the_others_leave_of_the_mean():
    counts = scored(198, 2, sure=1.0)
    rows = RowLosses.of(counts, "binary_crossentropy", mean=0.12)
    assert rows.mean == pytest.approx(0.12)
    assert rows.values[0] == pytest.approx(12.0)
    assert rows.mistakes(0.05) == (2.0, pytest.approx(1.0))


def test_of_a_regression_the_residuals_tell_the_squared_errors():
    rng = np.random.default_rng(4)
    y_true, noise = rng.uniform(-2, 2, 500), rng.normal(0, 0.3, 500)
    metric = RegressionEvaluationCounts(low=-3.0, high=3.0)
    metric.update_state(
        y_true[:, np.newaxis].astype("float32"), (y_true + noise)[:, np.newaxis].astype("float32")
    )
    counts = metric.counts()
    rows = RowLosses.of(counts, "mean_squared_error")
    assert rows.mean == pytest.approx(mean_squared_error(y_true, y_true + noise), rel=0.05)
    assert rows.variance == pytest.approx((noise**2).var(), rel=0.1)
    assert best_constant(counts, "mean_squared_error") == pytest.approx(y_true.var(), rel=1e-4)
    assert RowLosses.of(counts, "huber") is None


def test_the_best_constant_costs_the_entropy_of_the_classes():
    counts = scored(150, 50)
    assert best_constant(counts, "binary_crossentropy") == pytest.approx(math.log(2))
    assert best_constant(counts, "mean_squared_error") is None


def test_a_rise_counts_in_standard_errors_of_both():
    before, after = (
        RowLosses.of(scored(right, 200 - right), "binary_crossentropy") for right in (190, 150)
    )
    low, high = -math.log(0.9005), -math.log(0.1005)
    spread = (high - low) ** 2 * (0.95 * 0.05 + 0.75 * 0.25) / 200
    assert z_of_rise(before, after) == pytest.approx((high - low) * 0.2 / math.sqrt(spread))
    assert z_of_rise(before, before) == 0.0
