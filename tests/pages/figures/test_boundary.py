"""The rows below which a decision boundary is drawn: where they lie, how they are told apart."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pages.figures.boundary import (
    CLASS_PALETTES,
    MAX_TRAINING_POINTS,
    MAX_VALIDATION_POINTS,
    boundary_figure,
)
from pages.figures.preview import CLASS_COLOURS
from trainer.config import RunConfig
from trainer.datasets import DATASETS, LoadOptions, load
from trainer.datasets.spec import Arrays, DatasetSpec
from trainer.datasets.split import Split, split
from trainer.evaluation.surface import Grid

EVIL = "<img src=x onerror=alert(1)> %{x} <b>"


def parts_of(dataset: str) -> tuple[DatasetSpec, Split]:
    config = RunConfig.create(dataset)
    options = LoadOptions(noise=config.noise, seed=config.seed)
    return config.spec, config.split(load(dataset, options))


def made_up(spec: DatasetSpec, rows: int = 60, **changes) -> tuple[DatasetSpec, Split]:
    spec = dataclasses.replace(spec, num_samples=rows, **changes)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, *spec.input_shape)).astype(np.float32)
    is_regression = spec.task == "regression"
    y = rng.normal(size=rows) if is_regression else rng.integers(0, spec.num_classes, rows)
    arrays = Arrays(x=x, y=y.astype(np.float32 if is_regression else np.int32))
    return spec, split(arrays, spec, test_split=0.2, validation_split=0.25, seed=0)


def roles(figure) -> list[str]:
    return [trace.meta["role"] for trace in figure.data]


def trace(figure, role: str):
    return figure.data[roles(figure).index(role)]


@pytest.mark.parametrize("dataset", ["moons", "circles", "spirals", "xor"])
def test_training_and_validation_rows_lie_where_they_are_and_test_rows_nowhere(dataset):
    spec, parts = parts_of(dataset)
    figure = boundary_figure(spec, parts)
    assert roles(figure) == ["surface", "edge", "training", "validation"]
    for role, x in (("training", parts.x_train), ("validation", parts.x_val)):
        points = trace(figure, role)
        np.testing.assert_allclose(np.stack([points.x, points.y], axis=1), x, rtol=1e-4)
    assert sum(len(points.x) for points in figure.data[2:]) == 320


def test_training_rows_are_filled_and_validation_rows_outlined_in_their_class_s_colour():
    spec, parts = parts_of("moons")
    figure = boundary_figure(spec, parts)
    for role, y in (("training", parts.y_train), ("validation", parts.y_val)):
        points = trace(figure, role)
        colours = [CLASS_COLOURS[k] for k in y]
        inside, outline = list(points.marker.color), list(points.marker.line.color)
        if role == "training":
            assert inside == colours
            assert points.marker.line.color == "white"
        else:
            assert points.marker.color == "white"
            assert outline == colours
        assert list(points.marker.symbol) == [("circle", "square")[k] for k in y]
        assert list(points.customdata) == y.tolist()
        assert list(points.text) == [spec.class_names[k] for k in y]


def test_the_surface_is_empty_and_lies_over_the_grid_that_the_worker_asks_about():
    spec, parts = parts_of("moons")
    figure = boundary_figure(spec, parts)
    grid = Grid.over(spec, parts)
    points = grid.points().reshape(grid.size, grid.size, 2)
    for role in ("surface", "edge"):
        surface = trace(figure, role)
        assert not len(surface.z)
        for k in (0, 1, grid.size - 1):
            np.testing.assert_allclose(surface.x0 + k * surface.dx, points[0, k, 0], rtol=1e-5)
            np.testing.assert_allclose(surface.y0 + k * surface.dy, points[k, 0, 1], rtol=1e-5)
    assert tuple(figure.layout.xaxis.range) == (grid.low[0], grid.high[0])
    assert tuple(figure.layout.yaxis.range) == (grid.low[1], grid.high[1])
    assert figure.layout.yaxis.scaleanchor == "x"


def test_very_many_rows_are_thinned():
    spec, parts = made_up(DATASETS["moons"], 20_000)
    figure = boundary_figure(spec, parts)
    assert len(trace(figure, "training").x) == MAX_TRAINING_POINTS
    assert len(trace(figure, "validation").x) == MAX_VALIDATION_POINTS


def test_without_validation_rows_there_are_none():
    spec = DATASETS["moons"]
    parts = RunConfig.create("moons", validation_split=0).split(load("moons"))
    figure = boundary_figure(spec, parts)
    assert not len(trace(figure, "validation").x)


def test_many_classes_share_colours_only_when_there_are_more_of_them():
    spec, parts = made_up(
        DATASETS["moons"], 600, task="multiclass", class_names=tuple("abcdefghijkl")
    )
    figure = boundary_figure(spec, parts)
    assert roles(figure) == ["surface", "training", "validation"]
    surface = trace(figure, "surface")
    assert (surface.zmin, surface.zmax, surface.zsmooth) == (0, 12, False)
    assert set(trace(figure, "training").marker.color) == set(CLASS_COLOURS)
    assert figure.layout.meta["classes"] == list("abcdefghijkl")


def test_a_number_of_two_features_is_on_one_scale_with_its_prediction():
    spec, parts = made_up(DATASETS["moons"], task="regression", class_names=())
    figure = boundary_figure(spec, parts)
    surface, training = trace(figure, "surface"), trace(figure, "training")
    y = np.concatenate([parts.y_train, parts.y_val])
    assert (surface.zmin, surface.zmax) == (y.min(), y.max())
    assert (training.marker.cmin, training.marker.cmax) == (y.min(), y.max())
    np.testing.assert_allclose(training.marker.color, parts.y_train, rtol=1e-4)
    np.testing.assert_allclose(
        trace(figure, "validation").marker.line.color, parts.y_val, rtol=1e-4
    )


def test_one_feature_with_a_number_has_a_curve_in_a_frame_that_stays():
    spec, parts = parts_of("line")
    figure = boundary_figure(spec, parts)
    assert roles(figure) == ["training", "validation", "curve"]
    training = trace(figure, "training")
    np.testing.assert_allclose(training.x, parts.x_train[:, 0], rtol=1e-4)
    np.testing.assert_allclose(training.y, parts.y_train, rtol=1e-4)
    low, high = figure.layout.yaxis.range
    seen = np.concatenate([parts.y_train, parts.y_val])
    assert low < seen.min()
    assert high > seen.max()


@pytest.mark.parametrize("dataset", ["iris", "digits", "breast_cancer"])
def test_other_data_have_no_picture(dataset):
    assert boundary_figure(*parts_of(dataset)) is None


def test_names_are_text_and_no_markup_and_no_template():
    spec, parts = made_up(
        DATASETS["moons"], class_names=(EVIL, EVIL), feature_names=(EVIL, EVIL), target_name=EVIL
    )
    figure = boundary_figure(spec, parts)
    shown = [
        figure.layout.xaxis.title.text,
        figure.layout.yaxis.title.text,
        trace(figure, "surface").hovertemplate.removesuffix("<extra></extra>"),
        *trace(figure, "training").text,
    ]
    assert not any("<" in text for text in shown)
    assert trace(figure, "surface").hovertemplate.count("%{") == 1


def test_both_palettes_have_the_same_colours_and_differ_in_the_first():
    light, dark = CLASS_PALETTES["light"], CLASS_PALETTES["dark"]
    assert sorted(light) == sorted(dark)
    assert (light[0], dark[0]) == ("#0072B2", "#56B4E9")
