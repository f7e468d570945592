"""Preparing rows: fitted on the training rows alone, as scikit-learn does, kept as plain JSON."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from trainer.datasets import DATASETS, Arrays
from trainer.datasets.columns import MAX_OUTPUTS, Column
from trainer.datasets.preprocessing import Preprocessing, rare_below
from trainer.datasets.split import split

CITIES = ("Berlin", "Köln", "Rom", "Ulm")
COLUMNS = (
    Column(name="age", kind="number", is_gappy=True),
    Column(name="income", kind="number"),
    Column(name="city", kind="category", categories=CITIES, is_gappy=True),
    Column(name="member", kind="boolean", is_gappy=True),
    Column(name="since", kind="date"),
)


def table(num_rows: int = 2000, seed: int = 0) -> Arrays:
    """Return rows with gaps, a rare city and columns of very different size."""
    rng = np.random.default_rng(seed)
    x = np.stack(
        [
            np.where(rng.random(num_rows) < 0.2, np.nan, rng.normal(40, 10, num_rows)),
            rng.lognormal(10, 1, num_rows),
            rng.choice([0, 1, 2, 3, np.nan], num_rows, p=[0.5, 0.3, 0.156, 0.004, 0.04]),
            rng.choice([0.0, 1.0, np.nan], num_rows, p=[0.3, 0.6, 0.1]),
            rng.integers(7000, 9000, num_rows),
        ],
        axis=1,
    ).astype(np.float32)
    return Arrays(x=x, y=(np.arange(num_rows) % 2).astype(np.int32))


def by_hand(x_train: np.ndarray) -> ColumnTransformer:
    number = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    city = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=rare_below(len(x_train)),
        max_categories=MAX_OUTPUTS,
        sparse_output=False,
    )
    member = SimpleImputer(strategy="most_frequent")
    return ColumnTransformer(
        [
            ("number", number, [0, 1]),
            ("city", city, [2]),
            ("member", member, [3]),
            ("since", number, [4]),
        ]
    ).fit(x_train.astype(np.float64))


def spec_of(columns: tuple[Column, ...]):
    width = sum(column.num_outputs for column in columns)
    return dataclasses.replace(
        DATASETS["moons"],
        columns=columns,
        input_shape=(width,),
        feature_names=tuple(column.name for column in columns),
    )


def test_preparation_equals_scikit_learn_fitted_by_hand_on_the_training_rows_alone() -> None:
    arrays = table()
    plain = dataclasses.replace(spec_of(COLUMNS), columns=())
    raw = split(arrays, plain, test_split=0.2, validation_split=0.25, seed=3)
    parts = split(arrays, spec_of(COLUMNS), test_split=0.2, validation_split=0.25, seed=3)

    expected = by_hand(raw.x_train)
    for prepared, rows in (
        (parts.x_train, raw.x_train),
        (parts.x_val, raw.x_val),
        (parts.x_test, raw.x_test),
    ):
        wanted = expected.transform(rows.astype(np.float64))
        used = wanted.shape[1]
        # Rom, Köln, Berlin, missing and the rare Ulm: as many inputs as the file has categories.
        assert prepared.shape[1] == used == 9
        np.testing.assert_allclose(prepared, wanted, atol=1e-5)
        assert prepared.dtype == np.float32
    assert parts.preprocessing is not None
    assert parts.preprocessing.steps[2].categories == ("Berlin", "Köln", "Rom", None)
    assert parts.preprocessing.steps[2].rare


def test_nothing_of_the_other_rows_is_learnt() -> None:
    arrays = table()
    spec = spec_of(COLUMNS)
    parts = split(arrays, spec, test_split=0.2, validation_split=0.25, seed=3)
    changed = arrays.x.copy()
    changed[np.concatenate([parts.rows_val, parts.rows_test])] = 1e6 * np.array([1, 1, 0, 1e-6, 1])
    again = split(
        Arrays(x=changed, y=arrays.y), spec, test_split=0.2, validation_split=0.25, seed=3
    )

    assert again.preprocessing == parts.preprocessing
    np.testing.assert_array_equal(again.x_train, parts.x_train)


def test_a_category_that_training_rows_lack_is_unknown_and_the_shape_stays() -> None:
    column = Column(name="city", kind="category", categories=CITIES)
    preprocessing = Preprocessing.fit(np.array([[0.0], [1.0]] * 20), (column,))

    rows = preprocessing(np.array([[0.0], [1.0], [2.0], [np.nan]]))

    np.testing.assert_array_equal(rows, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    assert preprocessing.steps[0].output_names == (
        "city = Berlin",
        "city = Köln",
        "city (unused)",
        "city (unused)",
    )


def test_more_categories_than_inputs_share_the_last_one() -> None:
    names = tuple(f"c{k:03}" for k in range(300))
    column = Column(name="code", kind="category", categories=names)
    codes = np.repeat(np.arange(300.0), np.arange(300, 0, -1))[:, np.newaxis]

    prepared = Preprocessing.fit(codes, (column,))(codes)

    assert prepared.shape[1] == column.num_outputs == MAX_OUTPUTS
    np.testing.assert_array_equal(prepared.sum(axis=1), 1)
    assert prepared[:, -1].sum() == sum(range(1, 300 - MAX_OUTPUTS + 2))


def test_a_column_without_a_value_among_the_training_rows_becomes_zero() -> None:
    x = np.full((10, 2), np.nan)
    x[:, 1] = np.arange(10)
    columns = (Column(name="a", kind="number", is_gappy=True), Column(name="b", kind="number"))

    prepared = Preprocessing.fit(x, columns)(np.array([[3.0, np.nan]]))

    assert np.isfinite(prepared).all()
    assert prepared[0, 0] == 3.0


def test_a_preparation_survives_json_and_prepares_new_rows() -> None:
    arrays = table()
    fitted = Preprocessing.fit(arrays.x, COLUMNS)
    read_back = Preprocessing.from_dict(json.loads(json.dumps(fitted.to_dict())))

    assert read_back == fitted
    np.testing.assert_array_equal(read_back(arrays.x[:5]), fitted(arrays.x[:5]))


def test_fitting_in_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = table()
    whole = Preprocessing.fit(arrays.x, COLUMNS)
    monkeypatch.setattr("trainer.datasets.preprocessing._BLOCK_CELLS", 10)
    in_blocks = Preprocessing.fit(arrays.x, COLUMNS)
    np.testing.assert_allclose(in_blocks(arrays.x), whole(arrays.x), atol=1e-6)
