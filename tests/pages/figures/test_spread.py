"""Many runs in one figure: a line each, their median, how far they lie apart."""

from __future__ import annotations

import pytest

from pages.figures.spread import Curves, Spread, spread, spread_figure, words

RUNS = [
    Curves(seed=1, history={"loss": [3.0, 2.0], "val_loss": [4.0, 1.0]}),
    Curves(seed=2, history={"loss": [5.0, 1.0], "val_loss": [5.0, None]}),
    Curves(seed=3, history={"loss": [4.0]}),
]
RECORDED = Curves(seed=0, history={"loss": [9.0, 9.0]}, is_recorded=True)


def test_each_run_has_a_line_and_three_have_a_median() -> None:
    drawn = spread_figure(["loss"], RUNS)

    lines = [list(trace.y) for trace in drawn.data]
    assert lines == [[3, 2], [5, 1], [4], [4, 1.5]]
    assert [list(trace.x) for trace in drawn.data][3] == [1, 2]
    assert [trace.showlegend for trace in drawn.data] == [True, False, False, True]
    assert drawn.data[1].hovertemplate.startswith("seed 2, epoch")
    assert len(spread_figure(["loss"], RUNS[:2]).data) == 2


def test_of_few_epochs_each_has_its_tick_and_none_lies_between() -> None:
    long = Curves(seed=5, history={"loss": [1.0] * 11})

    assert spread_figure(["loss"], RUNS).layout.xaxis.dtick == 1
    assert spread_figure(["loss"], [*RUNS, long]).layout.xaxis.dtick is None


def test_the_median_ends_where_less_than_half_of_the_runs_have_come() -> None:
    ahead = Curves(seed=4, history={"loss": [2.0] * 9})

    assert list(spread_figure(["loss"], [*RUNS, ahead]).data[-1].y) == [3.5, 2.0]


def test_a_recorded_run_is_dashed_says_so_and_is_no_part_of_the_median() -> None:
    drawn = spread_figure(["loss"], [*RUNS, RECORDED])

    last = drawn.data[-1]
    assert (last.line.dash, last.name) == ("dash", "recorded")
    assert list(drawn.data[-2].y) == [4, 1.5]
    assert spread("loss", [RECORDED]) is None
    (alone,) = spread_figure(["loss"], [RECORDED]).data
    assert (alone.name, alone.showlegend) == ("training loss, recorded", True)


def test_training_and_validation_have_their_colours_and_a_second_metric_its_own() -> None:
    names = ["accuracy", "val_accuracy", "val_recall"]
    history = {name: [0.5] for name in names}
    drawn = spread_figure(names, [Curves(seed=1, history=history)])

    assert [trace.meta["color"] for trace in drawn.data] == ["training", "validation", "positive"]
    assert drawn.layout.yaxis.autorangeoptions.clipmax == 1.01


def test_a_spread_is_of_the_last_values_that_are_there() -> None:
    assert spread("loss", RUNS) == Spread(1.0, 2.0, 4.0, 3)
    assert spread("val_loss", RUNS) == Spread(1.0, 1.0, 1.0, 1)
    assert spread("accuracy", RUNS) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("val_loss", "validation loss"),
        ("accuracy", "training accuracy"),
        ("area_under_line", "area under line"),
    ],
)
def test_series_have_names_for_people(name: str, said: str) -> None:
    assert words(name) == said


def test_a_projector_gets_larger_letters_and_lines() -> None:
    plain, large = (spread_figure(["loss"], RUNS, scale=scale) for scale in (1.0, 1.5))

    assert large.layout.font.size == 1.5 * plain.layout.font.size
    assert large.data[0].line.width == 1.5 * plain.data[0].line.width
