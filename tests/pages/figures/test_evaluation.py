"""The figures of an evaluation: their data by equality, their drawing by their traces."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_curve, roc_curve

from pages.figures import theme
from pages.figures.evaluation import (
    NUM_BARS,
    agreement_figure,
    cost_figure,
    precision_recall_figure,
    precision_recall_points,
    prevalence,
    reliability_figure,
    reliability_points,
    residuals_figure,
    roc_figure,
    roc_points,
    score_shares,
    scores_figure,
)
from trainer.evaluation.counts import NUM_BINS, RegressionCounts
from trainer.evaluation.thresholds import OneVersusRest

FIGURES = [
    precision_recall_figure,
    roc_figure,
    scores_figure,
    reliability_figure,
    cost_figure,
    agreement_figure,
    residuals_figure,
]


@pytest.fixture(scope="module")
def rows():
    """Labels and scores that are whole thousandths, so that nothing is lost in the bins."""
    random = np.random.default_rng(0)
    y_true = random.integers(0, 2, 400)
    score = np.clip(random.normal(0.35 + 0.3 * y_true, 0.2), 0, 1).round(3)
    return y_true, score


@pytest.fixture(scope="module")
def outcomes(rows):
    y_true, score = rows
    bins = np.rint(score * 1000).astype(int)
    positives, negatives = (
        np.bincount(bins[y_true == side], minlength=NUM_BINS).astype(float) for side in (1, 0)
    )
    return OneVersusRest(positives, negatives)


@pytest.fixture
def regression():
    joint = np.array([[2.0, 0.0], [1.0, 3.0]])
    return RegressionCounts(
        joint=joint,
        residuals=np.array([0.0, 1.0, 5.0, 0.0]),
        low=0.0,
        high=10.0,
        count=6.0,
        total=30.0,
        total_squares=200.0,
        error=-1.0,
        absolute_error=4.0,
        squared_error=6.0,
    )


def test_the_precision_recall_curve_has_scikit_learn_s_points(rows, outcomes):
    precision, recall, _ = precision_recall_curve(*rows)

    points = precision_recall_points(outcomes)

    drawn = set(zip(np.round(points["x"], 12), np.round(points["y"], 12), strict=True))
    # The last one of scikit-learn's is no threshold's.
    expected = set(zip(np.round(recall[:-1], 12), np.round(precision[:-1], 12), strict=True))
    assert drawn - {(0.0, round(points["y"][0], 12))} == expected


def test_the_area_below_the_precision_recall_steps_is_the_average_precision(outcomes):
    points = precision_recall_points(outcomes)

    area = np.sum(np.diff(points["x"]) * np.array(points["y"][1:]))

    assert area == pytest.approx(outcomes.average_precision)


def test_the_roc_curve_has_scikit_learn_s_points(rows, outcomes):
    false_positive_rate, recall, _ = roc_curve(*rows, drop_intermediate=False)

    points = roc_points(outcomes)

    assert points["x"] == pytest.approx(false_positive_rate.tolist())
    assert points["y"] == pytest.approx(recall.tolist())


def test_each_point_of_a_curve_knows_its_threshold(outcomes):
    points = precision_recall_points(outcomes)

    for x, y, threshold in zip(points["x"], points["y"], points["threshold"], strict=True):
        step = round(threshold * 1000)
        assert y == outcomes.precision[step]
        assert x in (0.0, outcomes.recall[step])


def test_a_class_without_rows_has_no_curve():
    nobody = OneVersusRest(np.zeros(NUM_BINS), np.ones(NUM_BINS))

    assert precision_recall_points(nobody)["x"] == []
    assert roc_points(nobody)["x"] == []
    assert prevalence(nobody) == 0.0


def test_no_rows_at_all_have_no_prevalence():
    assert math.isnan(prevalence(OneVersusRest(np.zeros(NUM_BINS), np.zeros(NUM_BINS))))


def test_score_shares_are_those_of_fifty_equal_parts(rows, outcomes):
    y_true, score = rows
    # In thousandths, where the edges are exact.
    edges = np.append(np.arange(NUM_BARS) * 20, 1001)
    expected, _ = np.histogram(np.rint(score[y_true == 1] * 1000), edges)

    assert score_shares(outcomes.positives) == pytest.approx(expected / expected.sum())


def test_reliability_is_scikit_learn_s_calibration_curve(rows, outcomes):
    y_true, score = rows
    share, mean = calibration_curve(y_true, np.minimum(score + 0.0005, 1), n_bins=10)

    points = reliability_points(outcomes)

    assert points["x"] == pytest.approx(mean)
    assert points["y"] == pytest.approx(share)
    assert sum(points["rows"]) == 400


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_without_data_has_its_traces_and_no_points(figure):
    for trace in figure().data:
        assert not trace.x
        assert not trace.y
        assert trace.meta["color"] in theme.PALETTES["light"]


@pytest.mark.parametrize("figure", FIGURES[:5])
def test_a_filled_figure_has_the_same_traces_and_layout_as_the_empty_one(figure, outcomes):
    empty, filled = figure(), figure(outcomes)

    assert [trace.meta for trace in filled.data] == [trace.meta for trace in empty.data]
    assert all(len(trace.x) for trace in filled.data)
    assert filled.layout == empty.layout


@pytest.mark.parametrize("figure", [precision_recall_figure, roc_figure, reliability_figure])
def test_curves_of_shares_have_fixed_axes(figure):
    layout = figure().layout
    assert layout.xaxis.range == layout.yaxis.range == (-0.015, 1.015)
    assert layout.xaxis.fixedrange and layout.yaxis.fixedrange


def test_no_figure_has_a_legend_or_a_title_that_is_not_its_axes():
    for figure in FIGURES:
        assert figure().layout.showlegend is False
        assert figure().layout.title.text is None


def test_the_line_of_no_skill_is_the_share_of_positives(outcomes):
    no_skill, curve = precision_recall_figure(outcomes).data

    assert list(no_skill.y) == [prevalence(outcomes)] * 2
    assert curve.line.shape == "vh"


def test_the_cost_is_that_of_the_outcomes(outcomes):
    (curve,) = cost_figure(outcomes, false_alarm=10, miss=1).data

    assert list(curve.y) == outcomes.cost(false_alarm=10, miss=1).tolist()


def test_agreement_has_targets_to_the_right_and_predictions_upwards(regression):
    (heatmap,) = agreement_figure(regression).data

    assert list(heatmap.x) == list(heatmap.y) == [2.5, 7.5]
    assert [list(row) for row in heatmap.z] == [[2.0, 1.0], [None, 3.0]]
    assert (heatmap.zmin, heatmap.zmax) == (0, 3)


def test_residuals_are_bars_around_zero(regression):
    (bars,) = residuals_figure(regression).data

    assert list(bars.x) == [-7.5, -2.5, 2.5, 7.5]
    assert list(bars.y) == [0.0, 1.0, 5.0, 0.0]
