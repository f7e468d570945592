"""The history charts: their data by equality, their drawing by their traces."""

from __future__ import annotations

import math

import pytest

from pages.figures import theme
from pages.figures.history import (
    MARKERS_UP_TO,
    STEP_LABEL,
    best_point,
    filled,
    history_charts,
    history_charts_for_series,
    moving_average,
)
from trainer.metrics import METRICS

SERIES = {
    "loss": {"x": [1, 2, 3], "y": [0.9, 0.5, 0.3]},
    "val_loss": {"x": [1, 2, 3], "y": [0.8, 0.6, 0.7]},
    "accuracy": {"x": [1, 2, 3], "y": [0.5, 0.7, 0.9]},
    "val_accuracy": {"x": [1, 2, 3], "y": [0.6, 0.8, 0.8]},
    "step/loss": {"x": [0.5, 1.0, 1.5, 2.0], "y": [1.2, 0.9, 0.6, 0.5]},
}


def loss_chart(*, validation=True):
    return history_charts((), validation=validation)[0]


def points(trace):
    return list(trace.x), list(trace.y)


def test_the_loss_chart_comes_first_and_then_one_chart_a_metric():
    charts = history_charts([METRICS["accuracy"], METRICS["auc"]], validation=True)

    assert [chart.id for chart in charts] == ["loss", "accuracy", "auc"]
    assert [chart.title for chart in charts] == ["Loss", "Accuracy", "ROC AUC"]
    assert charts[1].help == METRICS["accuracy"].help


def test_traces_come_in_the_order_step_raw_smoothed_best():
    chart = loss_chart()

    assert chart.bindings == (
        {"trace": 0, "kind": "step", "series": "step/loss"},
        {"trace": 1, "kind": "raw", "series": "loss"},
        {"trace": 2, "kind": "raw", "series": "val_loss"},
        {"trace": 3, "kind": "smooth", "series": "loss"},
        {"trace": 4, "kind": "smooth", "series": "val_loss"},
        {
            "trace": 5,
            "kind": "best",
            "best_of": "val_loss",
            "fallback": "loss",
            "better": "lower",
        },
    )
    assert len(chart.figure.data) == 6


def test_without_validation_data_no_trace_speaks_of_validation():
    chart = loss_chart(validation=False)

    assert {trace.name for trace in chart.figure.data} == {STEP_LABEL, "training", "best"}
    assert chart.bindings[-1]["best_of"] == "loss"


def test_training_and_validation_have_the_same_two_colours_on_every_chart():
    for chart in history_charts(METRICS.values(), validation=True):
        colors = {trace.name: trace.line.color for trace in chart.figure.data[1:5]}
        assert colors == {"training": theme.TRAINING, "validation": theme.VALIDATION}


def test_each_palette_has_a_colour_for_every_trace_of_a_chart():
    for palette in theme.PALETTES.values():
        for trace in loss_chart().figure.data:
            assert trace.meta["color"] in palette


def test_an_empty_chart_has_no_points_and_filling_leaves_it_empty():
    chart = loss_chart()

    filled(chart, SERIES, smoothing=0.5, per_step=True)

    assert all(points(trace) == ([], []) for trace in chart.figure.data)


def test_a_filled_chart_shows_the_values_of_each_epoch_and_the_best_validation_epoch():
    step, training, validation, smooth, smooth_validation, best = filled(loss_chart(), SERIES).data

    assert points(training) == ([1, 2, 3], [0.9, 0.5, 0.3])
    assert points(validation) == ([1, 2, 3], [0.8, 0.6, 0.7])
    assert points(best) == ([2], [0.6])
    assert points(step) == points(smooth) == points(smooth_validation) == ([], [])
    assert (training.opacity, training.showlegend) == (1.0, True)


def test_the_best_epoch_of_a_metric_that_should_grow_is_its_first_maximum():
    accuracy = history_charts([METRICS["accuracy"]], validation=True)[1]

    assert points(filled(accuracy, SERIES).data[5]) == ([2], [0.8])


def test_the_best_epoch_falls_back_to_training_while_there_is_no_validation_value():
    series = {"loss": SERIES["loss"], "val_loss": {"x": [], "y": []}}

    assert points(filled(loss_chart(), series).data[5]) == ([3], [0.3])


def test_the_step_curve_is_shown_only_where_asked_for_and_called_a_running_mean():
    step = filled(loss_chart(), SERIES, per_step=True).data[0]

    assert points(step) == ([0.5, 1.0, 1.5, 2.0], [1.2, 0.9, 0.6, 0.5])
    assert "running mean of the epoch" in step.name
    assert step.showlegend is True


def test_smoothing_draws_the_average_over_a_faint_raw_curve():
    figure = filled(loss_chart(), SERIES, smoothing=0.5)
    raw, smooth = figure.data[1], figure.data[3]

    assert points(raw) == ([1, 2, 3], [0.9, 0.5, 0.3])
    assert raw.opacity < 0.5
    assert (raw.showlegend, smooth.showlegend) == (False, True)
    assert list(smooth.y) == pytest.approx([0.9, 0.95 / 1.5, 0.775 / 1.75])


def test_a_short_curve_shows_its_points_and_a_long_one_does_not():
    def mode(epochs):
        x = list(range(1, epochs + 1))
        return filled(loss_chart(), {"loss": {"x": x, "y": x}}).data[1].mode

    assert mode(1) == mode(MARKERS_UP_TO) == "lines+markers"
    assert mode(MARKERS_UP_TO + 1) == "lines"


def test_the_moving_average_is_the_normalised_weighted_sum_of_the_values():
    y = [3.0, 1.0, 4.0, 1.0, 5.0]
    average = moving_average(range(1, 6), y, 0.9)

    for k, value in enumerate(average):
        weights = [0.9 ** (k - j) for j in range(k + 1)]
        expected = sum(w * y_j for w, y_j in zip(weights, y, strict=False)) / sum(weights)
        assert value == pytest.approx(expected)


def test_the_moving_average_of_weight_zero_is_the_curve_itself():
    assert moving_average([1, 2, 3], [3.0, 1.0, 4.0], 0.0) == [3.0, 1.0, 4.0]


def test_a_missing_value_stays_missing_in_the_moving_average_and_spoils_nothing():
    average = moving_average([1, 2, 3], [2.0, None, 2.0], 0.9)

    assert average[1] is None
    assert [average[0], average[2]] == pytest.approx([2.0, 2.0])


def test_points_further_apart_are_smoothed_less():
    dense = moving_average([1, 2], [0.0, 1.0], 0.9)
    thinned = moving_average([1, 11], [0.0, 1.0], 0.9)

    assert thinned[1] > dense[1]


def test_the_best_point_ignores_values_that_are_not_finite():
    series = {"x": [1, 2, 3, 4], "y": [None, math.nan, 0.4, math.inf]}

    assert best_point(series, "higher") == (3, 0.4)
    assert best_point({"x": [1], "y": [None]}, "lower") is None


def test_charts_for_unknown_series_pair_training_with_validation():
    charts = history_charts_for_series(["my_score", "val_my_score", "loss", "step/loss"])

    assert [chart.id for chart in charts] == ["loss", "my_score"]
    assert [binding.get("series") for binding in charts[1].bindings[1:3]] == [
        "my_score",
        "val_my_score",
    ]
    assert "val_loss" not in {binding.get("series") for binding in charts[0].bindings}
    assert charts[1].title == "My score"


def test_charts_for_known_series_use_the_words_of_the_metric_table():
    chart = history_charts_for_series(["loss", "top_3_accuracy"])[1]

    assert (chart.title, chart.help) == (
        METRICS["top_3_accuracy"].title,
        METRICS["top_3_accuracy"].help,
    )


def test_a_run_without_any_series_yet_still_has_its_loss_chart():
    assert [chart.id for chart in history_charts_for_series([])] == ["loss"]


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("dense_1_loss", "lower"),
        ("mean_absolute_error", "lower"),
        ("rmse", "lower"),
        ("binary_crossentropy", "lower"),
        ("precision_at_recall", "higher"),
        ("f1_score", "higher"),
    ],
)
def test_the_better_direction_is_guessed_from_names_as_keras_gives_them(name, better):
    chart = history_charts_for_series([name])[1]

    assert chart.bindings[-1]["better"] == better
    assert chart.log is (better == "lower")


def test_a_learning_rate_has_no_best_epoch():
    chart = history_charts_for_series(["learning_rate"])[1]

    assert {binding["kind"] for binding in chart.bindings} == {"step", "raw", "smooth"}


def test_a_value_between_0_and_1_keeps_its_axis_there():
    accuracy = history_charts([METRICS["accuracy"]], validation=True)[1]

    options = accuracy.figure.layout.yaxis.autorangeoptions
    assert (options.clipmin, options.clipmax) == pytest.approx((0, 1), abs=0.02)
    assert loss_chart().figure.layout.yaxis.autorangeoptions.clipmax is None


def test_only_the_accuracy_chart_has_a_line_for_always_guessing():
    charts = history_charts(METRICS.values(), validation=True)

    shapes = {chart.id: [shape.name for shape in chart.figure.layout.shapes] for chart in charts}

    assert shapes.pop("accuracy") == ["majority"]
    assert not any(shapes.values())
