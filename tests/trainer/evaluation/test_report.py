"""The table of a classification, against scikit-learn and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics

from trainer.evaluation.report import report


def test_the_table_by_hand():
    table = report(np.array([[50.0, 10.0], [5.0, 35.0]]))
    assert table.accuracy == 0.85
    assert table.precision[1] == pytest.approx(0.778, abs=5e-4)
    assert table.recall[1] == 0.875
    assert table.specificity[1] == pytest.approx(50 / 60)
    assert table.support.tolist() == [60, 40]


@pytest.mark.parametrize("num_classes", [2, 3, 10])
@pytest.mark.parametrize("missing", [False, True], ids=["all classes", "a class without rows"])
def test_the_table_is_scikit_learns(num_classes, missing):
    rng = np.random.default_rng(num_classes)
    y_true = rng.integers(1 if missing else 0, num_classes, 300)
    y_pred = np.where(rng.random(300) < 0.7, y_true, rng.integers(0, num_classes, 300))
    labels = list(range(num_classes))
    table = report(metrics.confusion_matrix(y_true, y_pred, labels=labels).astype(float))
    arguments = {"labels": labels, "average": None, "zero_division": np.nan}
    ratios = metrics.precision_recall_fscore_support(y_true, y_pred, **arguments)
    np.testing.assert_allclose(table.precision, ratios[0])
    np.testing.assert_allclose(table.recall, ratios[1])
    np.testing.assert_allclose(table.f1, ratios[2])
    np.testing.assert_array_equal(table.support, ratios[3])
    assert table.accuracy == pytest.approx(metrics.accuracy_score(y_true, y_pred))
    present = np.unique(y_true)
    if len(present) > 1:
        assert table.mcc == pytest.approx(metrics.matthews_corrcoef(y_true, y_pred))
    else:  # scikit-learn says 0 where there is nothing to correlate
        assert math.isnan(table.mcc)
    balanced = metrics.recall_score(y_true, y_pred, labels=present, average="macro")
    assert table.balanced_accuracy == pytest.approx(balanced)
    for name, function in (
        ("precision", metrics.precision_score),
        ("recall", metrics.recall_score),
        ("f1", metrics.f1_score),
    ):
        for average in ("macro", "weighted"):
            expected = function(y_true, y_pred, **{**arguments, "average": average})
            assert getattr(table, average)(name) == pytest.approx(expected), (name, average)
    for k in labels:
        one = metrics.matthews_corrcoef(y_true == k, y_pred == k)
        has_both = 0 < (y_true == k).sum() < 300 and 0 < (y_pred == k).sum() < 300
        assert (
            table.class_mcc[k] == pytest.approx(one) if has_both else math.isnan(table.class_mcc[k])
        )


def test_a_model_that_says_one_class_has_undefined_ratios_and_no_crash():
    table = report(np.array([[0.0, 40.0], [0.0, 60.0]]))
    assert table.accuracy == 0.6
    assert math.isnan(table.precision[0])
    assert table.recall.tolist() == [0, 1]
    assert math.isnan(table.mcc)


def test_no_rows_at_all_leave_everything_undefined():
    table = report(np.zeros((3, 3)))
    assert math.isnan(table.accuracy) and math.isnan(table.balanced_accuracy)
    assert math.isnan(table.macro("f1")) and math.isnan(table.weighted("f1"))
