"""The table of datasets: every entry tells the truth about what loading gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets

from trainer.datasets import DATASETS, LoadOptions, load, rows
from trainer.errors import DatasetUnavailable, InvalidInput

ROOT = Path(__file__).parents[3]
LOCAL = [name for name, spec in DATASETS.items() if spec.origin != "downloaded"]
DOWNLOADED = [name for name, spec in DATASETS.items() if spec.origin == "downloaded"]


def test_the_table_is_in_the_order_in_which_it_is_offered():
    assert list(DATASETS) == [
        *("digits", "breast_cancer", "wine", "iris", "diabetes"),
        *("line", "moons", "circles", "spirals", "xor"),
        *("fraud", "spam", "screening"),
        *("four_points", "coin_flips", "guesses", "plane", "two_sides"),
        *("clouds", "rare", "risk_levels", "purchases"),
        *("mnist", "fashion_mnist", "cifar10", "imdb", "imdb_words"),
    ]


@pytest.mark.parametrize("name", LOCAL)
def test_an_entry_tells_what_loading_gives(name):
    spec = DATASETS[name]
    arrays = load(name, LoadOptions(noise=spec.default_noise or 0.0, seed=3))
    assert arrays.x.shape == (spec.num_samples, *spec.input_shape)
    assert arrays.y.shape == (spec.num_samples,)
    assert arrays.x.dtype == np.float32
    assert np.isfinite(arrays.x).all()
    if spec.task == "regression":
        assert arrays.y.dtype == np.float32
        assert spec.num_classes == 0
    else:
        assert arrays.y.dtype == np.int32
        assert sorted(set(arrays.y.tolist())) == list(range(spec.num_classes))
        assert (spec.num_classes == 2) == (spec.task == "binary")


@pytest.mark.parametrize("name", list(DATASETS))
def test_every_entry_is_told_in_full(name):
    spec = DATASETS[name]
    assert spec.name == name
    assert spec.summary.endswith(".")
    assert spec.title and spec.source and spec.licence and spec.target_name
    assert spec.default_noise is None or spec.origin == "generated"
    assert len(spec.class_counts) == spec.num_classes
    assert sum(spec.class_counts) == (spec.num_samples if spec.num_classes else 0)
    if spec.feature_names:
        assert spec.input_shape == (len(spec.feature_names),)


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris"])
def test_tabular_classes_are_those_of_scikit_learn(name):
    expected = getattr(sklearn.datasets, f"load_{name}")()
    arrays = load(name)
    np.testing.assert_array_equal(arrays.x, expected.data.astype(np.float32))
    np.testing.assert_array_equal(arrays.y, expected.target)
    names = tuple(feature.replace("_of_", " of ") for feature in expected.feature_names)
    names = tuple(feature.replace("/od315_of", "/od315 of") for feature in names)
    assert DATASETS[name].feature_names == tuple(feature.replace("_", " ") for feature in names)


def test_class_names_are_in_the_order_of_scikit_learn():
    for name in ("breast_cancer", "iris"):
        expected = getattr(sklearn.datasets, f"load_{name}")().target_names
        assert DATASETS[name].class_names == tuple(expected)


def test_digits_are_pictures_from_0_to_1():
    expected = sklearn.datasets.load_digits()
    arrays = load("digits")
    np.testing.assert_array_equal(arrays.x[..., 0] * 16, expected.images)
    np.testing.assert_array_equal(arrays.y, expected.target)


def test_diabetes_comes_in_its_own_units():
    x, y = sklearn.datasets.load_diabetes(return_X_y=True, scaled=False)
    arrays = load("diabetes")
    np.testing.assert_array_equal(arrays.x, x.astype(np.float32))
    np.testing.assert_array_equal(arrays.y, y)
    assert (arrays.y.min(), arrays.y.max()) == (25, 346)


def test_an_unknown_dataset_is_refused_with_the_names_there_are():
    for function in (load, lambda name: rows(name, np.arange(3))):
        with pytest.raises(InvalidInput, match="dataset must be one of digits, .*Got 'cats'"):
            function("cats")


@pytest.mark.parametrize("name", DOWNLOADED)
def test_asking_for_rows_of_a_set_that_is_not_here_does_not_download(name, monkeypatch, tmp_path):
    monkeypatch.setenv("DASHBOARD_HOME", str(tmp_path))
    with pytest.raises(DatasetUnavailable, match="is not on this machine"):
        rows(name, np.arange(3))


def test_importing_the_table_imports_nothing_heavy():
    heavy = {"keras", "tensorflow", "sklearn", "scipy", "pandas", "streamlit", "plotly"}
    code = (
        "import sys, trainer.datasets, trainer.datasets.split\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"
