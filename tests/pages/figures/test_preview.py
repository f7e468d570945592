"""The preview: real examples in their places, real points in their colours."""

from __future__ import annotations

import base64
import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pages.figures.preview import CLASS_COLOURS, mosaic, preview_figure, preview_table
from trainer.datasets import DATASETS, Arrays, LoadOptions, load

CLEAR = "rgba(0, 0, 0, 0)"


def decoded(source: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))


def test_digits_show_four_examples_of_each_class_in_its_column():
    arrays = load("digits")
    canvas, middles = mosaic(DATASETS["digits"], arrays)
    for k in range(10):
        examples = arrays.x[arrays.y == k][:4]
        for row, example in enumerate(examples):
            tile = canvas[9 * row : 9 * row + 8, 9 * k : 9 * k + 8]
            for channel in range(3):
                np.testing.assert_array_equal(
                    tile[..., channel], np.rint(example[..., 0] * 255).astype(np.uint8)
                )
            assert (tile[..., 3] == 255).all()
        assert middles[k] == 9 * k + 3.5
    assert (canvas[8::9, :, 3] == 0).all() and (canvas[:, 8::9, 3] == 0).all()


def test_the_mosaic_is_drawn_pixel_for_pixel_with_the_names_above_it():
    spec, arrays = DATASETS["digits"], load("digits")
    figure = preview_figure(spec, arrays)
    canvas, middles = mosaic(spec, arrays)
    (image,) = figure.data
    assert image.type == "image"
    np.testing.assert_array_equal(decoded(image.source), canvas)
    assert figure.layout.xaxis.ticktext == spec.class_names
    assert list(figure.layout.xaxis.tickvals) == middles
    assert figure.layout.xaxis.side == "top"


def test_colour_pictures_keep_their_colours():
    spec = DATASETS["cifar10"]
    x = np.random.default_rng(0).integers(0, 256, size=(60, 32, 32, 3), dtype=np.uint8)
    y = (np.arange(60) % 10).astype(np.int32)
    canvas, _ = mosaic(spec, Arrays(x=x, y=y))
    np.testing.assert_array_equal(canvas[:32, :32, :3], x[0])
    np.testing.assert_array_equal(canvas[36:68, 36:68, :3], x[11])


def test_a_class_without_enough_examples_leaves_its_places_empty():
    spec = DATASETS["digits"]
    arrays = Arrays(x=np.ones((1, 8, 8, 1), dtype=np.float32), y=np.array([9], dtype=np.int32))
    canvas, _ = mosaic(spec, arrays)
    assert (canvas[:8, 81:89] == 255).all()
    assert canvas[..., 3].sum() == 255 * 64


def test_few_classes_share_the_width():
    spec = dataclasses.replace(DATASETS["digits"], class_names=("even", "odd"))
    arrays = load("digits")
    canvas, middles = mosaic(spec, Arrays(x=arrays.x, y=arrays.y % 2))
    assert canvas.shape == (35, 89, 4)
    assert middles == [21.5, 66.5]
    assert preview_figure(spec, Arrays(x=arrays.x, y=arrays.y % 2)) is not None


@pytest.mark.parametrize("name", ["moons", "circles", "spirals", "xor"])
def test_two_features_are_points_in_the_colours_of_their_classes(name):
    spec, arrays = DATASETS[name], load(name, LoadOptions(noise=0.1))
    figure = preview_figure(spec, arrays)
    assert [trace.name for trace in figure.data] == list(spec.class_names)
    assert [trace.marker.color for trace in figure.data] == ["#0072B2", "#E69F00"]
    for k, trace in enumerate(figure.data):
        np.testing.assert_array_equal(trace.x, arrays.x[arrays.y == k, 0])
        np.testing.assert_array_equal(trace.y, arrays.x[arrays.y == k, 1])
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("x", "y")


def test_the_line_is_the_target_over_the_feature():
    arrays = load("line", LoadOptions(noise=0.1))
    (trace,) = preview_figure(DATASETS["line"], arrays).data
    np.testing.assert_array_equal(trace.x, arrays.x[:, 0])
    np.testing.assert_array_equal(trace.y, arrays.y)
    assert trace.mode == "markers"


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris", "diabetes"])
def test_tables_have_no_figure(name):
    assert preview_figure(DATASETS[name], load(name)) is None


@pytest.mark.parametrize("name", ["digits", "moons", "line"])
def test_the_page_shines_through(name):
    layout = preview_figure(DATASETS[name], load(name)).layout
    assert (layout.paper_bgcolor, layout.plot_bgcolor) == (CLEAR, CLEAR)


def test_many_rows_are_thinned_but_a_preview_still_spans_them():
    rng = np.random.default_rng(0)
    arrays = Arrays(
        x=rng.normal(size=(10_000, 2)).astype(np.float32), y=np.repeat([0, 1], 5000).astype("int32")
    )
    figure = preview_figure(DATASETS["moons"], arrays)
    assert [len(trace.x) for trace in figure.data] == [1000, 1000]
    assert figure.data[0].x[0] == arrays.x[0, 0]
    assert figure.data[1].x[-1] == arrays.x[-1, 0]


def test_names_are_shown_as_they_are_and_are_no_markup():
    spec = dataclasses.replace(
        DATASETS["moons"],
        class_names=("<b>bold</b>", "a & b"),
        feature_names=('<a href="http://example.org">x</a>', "y"),
    )
    figure = preview_figure(spec, load("moons"))
    assert [trace.name for trace in figure.data] == ["&lt;b&gt;bold&lt;/b&gt;", "a &amp; b"]
    assert "<" not in figure.layout.xaxis.title.text


def test_a_table_shows_every_class_however_rare() -> None:
    spec, arrays = DATASETS["fraud"], load("fraud")
    table = preview_table(spec, arrays)
    assert len(table) == 8
    assert sorted(set(table["payment"])) == ["fraud", "legitimate"]
    first = np.flatnonzero(arrays.y)[0]
    (row,) = table.index[table["payment"] == "fraud"]
    assert table["amount (€)"][row] == arrays.x[first, 0]


def test_a_table_has_the_target_by_name_and_every_feature():
    spec, arrays = DATASETS["iris"], load("iris")
    table = preview_table(spec, arrays)
    assert list(table.columns) == ["species", *spec.feature_names]
    assert len(table) == 8
    whole = pd.DataFrame(arrays.x, columns=list(spec.feature_names))
    whole.insert(0, "species", [spec.class_names[k] for k in arrays.y])
    assert len(table.merge(whole.drop_duplicates(), on=list(whole.columns))) == 8
    assert set(table["species"]) == set(spec.class_names)


def test_a_table_of_a_regression_has_its_numbers():
    spec, arrays = DATASETS["diabetes"], load("diabetes")
    table = preview_table(spec, arrays, rows=442)
    np.testing.assert_array_equal(table[spec.target_name], arrays.y)
    np.testing.assert_array_equal(table["age"], arrays.x[:, 0])


def test_a_table_has_no_more_rows_than_there_are():
    arrays = load("wine")
    few = Arrays(x=arrays.x[:3], y=arrays.y[:3])
    assert len(preview_table(DATASETS["wine"], few)) == 3


def test_a_feature_that_bears_the_targets_name_is_kept_apart():
    spec = dataclasses.replace(DATASETS["line"], feature_names=("y",))
    table = preview_table(spec, load("line"))
    assert list(table.columns) == ["y", "y (feature)"]


def test_a_text_is_told_by_its_number_of_different_words():
    spec = DATASETS["imdb"]
    x = np.zeros((2, 2000), dtype=np.uint8)
    x[0, :300] = 1
    x[1, 5] = 1
    arrays = Arrays(x=x, y=np.array([1, 0], dtype=np.int32))
    assert preview_figure(spec, arrays) is None
    table = preview_table(spec, arrays)
    assert table.to_dict("list") == {
        "opinion": ["positive", "negative"],
        "different words": [300, 1],
    }


def test_the_colours_of_classes_differ():
    assert len(set(CLASS_COLOURS)) == len(CLASS_COLOURS)
