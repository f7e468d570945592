"""Rows with what a network says of them: the right pictures, the right cells."""

from __future__ import annotations

import base64
import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from pages.figures.examples import example_pictures, example_table
from trainer.datasets import DATASETS, Arrays, load


def decoded(source: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))


def test_each_picture_is_its_row_enlarged_pixel_for_pixel():
    arrays = load("digits")
    rows = [5, 700, 1796]
    pictures = example_pictures(DATASETS["digits"], Arrays(x=arrays.x[rows], y=arrays.y[rows]))
    assert len(pictures) == 3
    for row, picture in zip(rows, pictures, strict=True):
        assert picture.startswith("data:image/png;base64,")
        pixels = decoded(picture)
        assert pixels.shape == (96, 96, 3)
        expected = np.rint(arrays.x[row, ..., 0] * 255).astype(np.uint8)
        for channel in range(3):
            np.testing.assert_array_equal(pixels[::12, ::12, channel], expected)
            np.testing.assert_array_equal(pixels[11::12, 11::12, channel], expected)


def test_pictures_in_colour_keep_their_colours():
    x = np.random.default_rng(0).integers(0, 256, size=(2, 32, 32, 3), dtype=np.uint8)
    pictures = example_pictures(DATASETS["cifar10"], Arrays(x=x, y=np.zeros(2, np.int32)))
    for picture, expected in zip(pictures, x, strict=True):
        np.testing.assert_array_equal(decoded(picture)[::3, ::3], expected)


def test_a_large_picture_is_not_enlarged():
    spec = dataclasses.replace(DATASETS["cifar10"], input_shape=(100, 120, 3))
    x = np.random.default_rng(0).integers(0, 256, size=(1, 100, 120, 3), dtype=np.uint8)
    (picture,) = example_pictures(spec, Arrays(x=x, y=np.zeros(1, np.int32)))
    np.testing.assert_array_equal(decoded(picture), x[0])


def test_no_rows_are_no_pictures():
    nothing = Arrays(x=np.zeros((0, 8, 8, 1), np.float32), y=np.zeros(0, np.int32))
    assert example_pictures(DATASETS["digits"], nothing) == []


def test_a_table_has_the_verdict_its_score_the_truth_and_the_features():
    spec, arrays = DATASETS["iris"], load("iris")
    rows = [0, 60, 140]
    few = Arrays(x=arrays.x[rows], y=arrays.y[rows])
    table = example_table(spec, few, [0.9, 0.8, 0.7], ["virginica", "setosa", "setosa"])
    assert list(table.columns) == ["predicted", "score", "true", *spec.feature_names]
    assert table["predicted"].tolist() == ["virginica", "setosa", "setosa"]
    assert table["score"].tolist() == [0.9, 0.8, 0.7]
    assert table["true"].tolist() == ["setosa", "versicolor", "virginica"]
    np.testing.assert_array_equal(table[list(spec.feature_names)].to_numpy(), arrays.x[rows])


def test_the_verdict_has_the_heading_it_is_given():
    arrays = load("iris")
    one = Arrays(x=arrays.x[:1], y=arrays.y[:1])
    table = example_table(DATASETS["iris"], one, [0.2], ["not called setosa"], heading="outcome")
    assert table.columns[0] == "outcome"
    assert table["outcome"].tolist() == ["not called setosa"]


@pytest.mark.parametrize("heading", ["predicted", "outcome"])
def test_a_feature_with_the_name_of_a_column_keeps_one_of_its_own(heading):
    names = ("score", "true", heading, "x")
    spec = dataclasses.replace(DATASETS["iris"], feature_names=names)
    arrays = Arrays(x=np.arange(4, dtype=np.float32).reshape(1, 4), y=np.zeros(1, np.int32))
    table = example_table(spec, arrays, [0.5], ["setosa"], heading=heading)
    features = ["score (feature)", "true (feature)", f"{heading} (feature)", "x"]
    assert list(table.columns) == [heading, "score", "true", *features]
    assert table[features].to_numpy().tolist() == [[0, 1, 2, 3]]


def test_of_a_text_the_number_of_its_different_words_is_told():
    x = np.zeros((2, DATASETS["imdb"].input_shape[0]), np.uint8)
    x[0, :300] = 1
    x[1, 7] = 1
    table = example_table(
        DATASETS["imdb"], Arrays(x=x, y=np.array([0, 1])), [0.9, 0.6], ["positive", "negative"]
    )
    assert table["different words"].tolist() == [300, 1]
    assert table["true"].tolist() == list(DATASETS["imdb"].class_names)
