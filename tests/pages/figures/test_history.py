"""The history charts: their data by equality, their drawing by their traces."""

from __future__ import annotations

import pytest

from pages.figures import theme
from pages.figures.history import (
    STEP_LABEL,
    for_projector,
    history_charts,
    history_charts_for_series,
)
from trainer.metrics import METRICS


def loss_chart(*, validation=True):
    return history_charts((), validation=validation)[0]


def test_the_loss_chart_comes_first_and_then_one_chart_a_metric():
    charts = history_charts([METRICS["accuracy"], METRICS["auc"]], validation=True)

    assert [chart.id for chart in charts] == ["loss", "accuracy", "auc"]
    assert [chart.title for chart in charts] == ["Loss", "Accuracy", "ROC AUC"]
    assert charts[1].help == METRICS["accuracy"].help


def test_traces_come_in_the_order_step_raw_smoothed_ringed_best():
    chart = loss_chart()

    assert chart.bindings == (
        {"trace": 0, "kind": "step", "series": "step/loss"},
        {"trace": 1, "kind": "raw", "series": "loss"},
        {"trace": 2, "kind": "raw", "series": "val_loss"},
        {"trace": 3, "kind": "smooth", "series": "loss"},
        {"trace": 4, "kind": "smooth", "series": "val_loss"},
        {"trace": 5, "kind": "verdict", "among": ["loss", "val_loss"]},
        {
            "trace": 6,
            "kind": "best",
            "best_of": "val_loss",
            "fallback": "loss",
            "better": "lower",
        },
    )
    assert len(chart.figure.data) == 7
    assert all(not trace.x and not trace.y for trace in chart.figure.data)


def test_without_validation_data_no_trace_speaks_of_validation():
    chart = loss_chart(validation=False)

    names = {trace.name for trace in chart.figure.data}
    assert names == {STEP_LABEL, "training", "diagnosis", "best"}
    assert chart.bindings[-1]["best_of"] == "loss"


def test_training_and_validation_have_the_same_two_colours_on_every_chart():
    for chart in history_charts(METRICS.values(), validation=True):
        colors = {trace.name: trace.line.color for trace in chart.figure.data[1:5]}
        assert colors == {"training": theme.TRAINING, "validation": theme.VALIDATION}


def test_each_palette_has_a_colour_for_every_trace_of_a_chart():
    for palette in theme.PALETTES.values():
        for trace in loss_chart().figure.data:
            assert trace.meta["color"] in palette


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

    assert {binding["kind"] for binding in chart.bindings} == {
        *("step", "raw", "smooth", "verdict")
    }


def test_a_value_between_0_and_1_keeps_its_axis_there():
    accuracy = history_charts([METRICS["accuracy"]], validation=True)[1]

    options = accuracy.figure.layout.yaxis.autorangeoptions
    assert (options.clipmin, options.clipmax) == pytest.approx((0, 1), abs=0.02)
    assert loss_chart().figure.layout.yaxis.autorangeoptions.clipmax is None


def test_only_the_accuracy_chart_has_a_line_for_always_guessing():
    charts = history_charts(METRICS.values(), validation=True)

    shapes = {chart.id: [shape.name for shape in chart.figure.layout.shapes] for chart in charts}

    assert shapes.pop("accuracy") == ["majority", "mark", "span"]
    assert all(names == ["mark", "span"] for names in shapes.values())


@pytest.mark.parametrize(
    "name",
    ["acc", "accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"],
)
def test_an_accuracy_has_that_line_under_whatever_name_keras_logs_it(name):
    charts = history_charts_for_series(["loss", name, f"val_{name}", "top_3_accuracy"])

    shapes = {chart.id: [shape.name for shape in chart.figure.layout.shapes] for chart in charts}

    usual = ["mark", "span"]
    assert shapes == {"loss": usual, name: ["majority", *usual], "top_3_accuracy": usual}


def test_a_fork_s_charts_have_room_for_its_parent_s_curves_under_its_name():
    charts = history_charts([METRICS["accuracy"]], validation=True, parent="<b>theirs</b>")

    for chart in charts:
        bound = [binding for binding in chart.bindings if binding["kind"] == "parent"]
        assert [one["series"] for one in bound] == [chart.id, f"val_{chart.id}"]
        traces = [chart.figure.data[one["trace"]] for one in bound]
        assert {trace.name for trace in traces} == {"&lt;b&gt;theirs&lt;/b&gt;"}
        assert [trace.showlegend for trace in traces] == [True, False]
        assert {trace.line.dash for trace in traces} == {"dash"}
        assert [trace.meta["color"] for trace in traces] == ["training", "validation"]


def test_for_a_projector_letters_lines_and_points_are_larger_and_nothing_else_changes() -> None:
    (chart, *_) = history_charts((), validation=True)

    projected = for_projector(chart)

    assert projected.bindings == chart.bindings
    assert projected.figure.layout.font.size == 1.5 * chart.figure.layout.font.size
    assert projected.figure.layout.margin.l > chart.figure.layout.margin.l
    for before, after in zip(chart.figure.data, projected.figure.data, strict=True):
        assert (before.name, before.meta) == (after.name, after.meta)
        if before.line.width is not None:
            assert after.line.width == 1.5 * before.line.width
