"""The figures of a regression, against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics

from trainer.evaluation.counts import RegressionCounts
from trainer.evaluation.regression import regression_report


def counts(y_true: np.ndarray, y_pred: np.ndarray) -> RegressionCounts:
    error = y_pred - y_true
    return RegressionCounts(
        joint=np.zeros((2, 2)),
        residuals=np.zeros(4),
        low=0.0,
        high=1.0,
        count=float(len(y_true)),
        total=float(y_true.sum()),
        total_squares=float((y_true**2).sum()),
        error=float(error.sum()),
        absolute_error=float(np.abs(error).sum()),
        squared_error=float((error**2).sum()),
    )


def test_the_figures_are_scikit_learns():
    rng = np.random.default_rng(0)
    y_true = rng.normal(100, 20, 200)
    y_pred = y_true + rng.normal(3, 5, 200)
    figures = regression_report(counts(y_true, y_pred))
    assert figures.mean_absolute_error == pytest.approx(metrics.mean_absolute_error(y_true, y_pred))
    assert figures.root_mean_squared_error == pytest.approx(
        metrics.root_mean_squared_error(y_true, y_pred)
    )
    assert figures.r2 == pytest.approx(metrics.r2_score(y_true, y_pred))
    assert figures.bias == pytest.approx((y_pred - y_true).mean())
    assert figures.support == 200


def test_targets_that_are_all_the_same_leave_r2_undefined():
    figures = regression_report(counts(np.full(5, 0.1), np.arange(5.0)))
    assert math.isnan(figures.r2)
    assert figures.mean_absolute_error == pytest.approx(np.abs(np.arange(5.0) - 0.1).mean())


def test_no_rows_leave_everything_undefined():
    figures = regression_report(counts(np.array([]), np.array([])))
    assert math.isnan(figures.mean_absolute_error) and math.isnan(figures.r2)
    assert figures.support == 0
