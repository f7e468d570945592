"""A look at what will be trained on: the rows of the split, the facts of columns, the seal."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from trainer.config import RunConfig
from trainer.datasets import DATASETS, cache, load, uploads
from trainer.datasets.split import split
from trainer.errors import DatasetUnavailable
from trainer.looks import look


def brought(frame: pd.DataFrame, **choices: Any) -> RunConfig:
    """Return the set-up of a run on a table that somebody brings, with the target y."""
    file = io.BytesIO(frame.to_csv(index=False).encode())
    upload = uploads.add(file, file_name="t.csv", owner="me")
    return RunConfig.create(upload.name, target="y", **choices)


def table(num_rows: int = 200) -> pd.DataFrame:
    """Return a table with every kind of column and with gaps."""
    rng = np.random.default_rng(0)
    number = rng.normal(10, 3, num_rows).round(2)
    return pd.DataFrame(
        {
            "number": np.where(rng.random(num_rows) < 0.25, np.nan, number),
            "city": rng.choice(["Bern", "Kiel", "Lyon"], num_rows),
            "day": pd.date_range("2024-01-01", periods=num_rows).strftime("%Y-%m-%d"),
            "is_new": rng.choice(["true", "false"], num_rows),
            "y": np.arange(num_rows) % 2,
        }
    )


@pytest.mark.parametrize("name", [n for n, s in DATASETS.items() if s.origin != "downloaded"])
def test_the_rows_looked_at_are_those_that_will_be_trained_and_validated_on(name: str) -> None:
    config = RunConfig.create(name, seed=3, validation_split=0.3)
    parts = config.split(load(config.unbent_spec, config.load_options()))

    shown = look(config)

    for part in ("y_train", "y_val"):
        np.testing.assert_array_equal(getattr(shown, part), getattr(parts, part))
    assert shown.num_test == len(parts.y_test)
    np.testing.assert_array_equal(np.sort(shown.arrays.y), np.sort(parts.y_unsealed))
    np.testing.assert_array_equal(
        np.sort(shown.arrays.y[shown.is_validation]), np.sort(parts.y_val)
    )


def test_no_sealed_row_is_shown_or_counted() -> None:
    frame = table()
    frame["number"] = np.arange(len(frame)) + 0.5
    _, sealed = train_test_split(
        np.arange(len(frame)), train_size=160, test_size=40, random_state=0, stratify=frame["y"]
    )

    shown = look(brought(frame))

    assert shown.num_test == 40
    assert not set(shown.arrays.x[:, 0]) & set(frame["number"][sealed])
    kept = frame["number"].drop(sealed)
    number = shown.columns[0]
    assert (number.minimum, number.maximum, number.num_distinct) == (kept.min(), kept.max(), 160)


def test_what_is_told_of_columns_is_what_pandas_counts() -> None:
    frame = table()
    config = brought(frame, test_split=0.0)

    number, city, day, is_new = look(config).columns

    column = frame["number"]
    assert (number.num_missing, number.num_distinct) == (column.isna().sum(), column.nunique())
    assert number.minimum == pytest.approx(column.min(), rel=1e-6)
    assert number.mean == pytest.approx(column.mean(), rel=1e-6)
    assert number.maximum == pytest.approx(column.max(), rel=1e-6)
    assert (city.kind, city.num_distinct, city.minimum) == ("category", 3, None)
    assert (day.kind, day.minimum, day.maximum) == ("date", 8766, 8766 + 199)
    assert (is_new.kind, is_new.mean) == (
        "boolean",
        pytest.approx((frame["is_new"] == "true").mean()),
    )


def test_bent_rows_are_looked_at_as_they_are_bent() -> None:
    bends = {"label_noise": 0.2, "imbalance": 0.9, "leak": "target_column", "noise": 0.5}
    config = RunConfig.create("breast_cancer", **bends)
    parts = config.split(load("breast_cancer"))

    shown = look(config)

    np.testing.assert_array_equal(shown.y_train, parts.y_train)
    assert shown.spec.num_samples == shown.num_unsealed + shown.num_test == 397
    assert shown.columns[-1].name == "noted afterwards"


@pytest.mark.parametrize("name", [n for n, s in DATASETS.items() if s.origin != "downloaded"])
def test_the_rows_looked_at_are_as_they_are_bent_and_not_yet_scaled(name: str) -> None:
    is_rare = name in ("fraud", "screening", "rare", "risk_levels")
    choices: dict[str, Any] = {"num_samples": 1000 if is_rare else 60, "batch_size": 1}
    choices |= {"noise": 0.3, "test_split": 0.2, "validation_split": 0.2}
    if DATASETS[name].num_classes:
        choices |= {"label_noise": 0.2, "imbalance": 0.6}
    config = RunConfig.create(name, **choices)
    unscaled = split(
        load(name, config.load_options()),
        dataclasses.replace(DATASETS[name], standardize=False),
        test_split=0.2,
        validation_split=0.2,
        seed=config.seed,
        bend=config.bend,
    )
    x = np.concatenate([unscaled.x_train, unscaled.x_val])

    shown = look(config).arrays

    expected = sorted(zip(map(bytes, x), unscaled.y_unsealed.tolist(), strict=True))
    assert sorted(zip(map(bytes, shown.x), shown.y.tolist(), strict=True)) == expected


def test_a_leak_is_told_before_training() -> None:
    def said(leak: str) -> str:
        config = RunConfig.create("spam", leak=leak)
        return " ".join(one.sentence for one in look(config).warnings)

    assert "stand among the training rows" not in said("none")
    assert "validation rows" in said("duplicated_rows")
    assert "test rows" not in said("duplicated_rows")
    told = DATASETS["spam"].told_name
    assert f"“{told}” alone predicts" in said("target_column")
    assert f"“{told}”" not in said("none")


def test_doubled_rows_are_counted_across_the_split_as_they_lie_there() -> None:
    config = RunConfig.create("moons", leak="duplicated_rows")
    parts = config.split(load(config.unbent_spec, config.load_options()))
    in_training = {tuple(row) for row in parts.x_train}
    twins = sum(tuple(row) in in_training for row in parts.x_val)

    (across,) = [one for one in look(config).findings if one.kind == "across"]

    assert across.sentence.startswith(f"{twins:,} of {len(parts.y_val):,} validation rows")


def test_a_downloaded_set_is_looked_at_without_reading_all_of_it() -> None:
    config = RunConfig.create("mnist")
    with pytest.raises(DatasetUnavailable):
        look(config)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (60_000, 28, 28, 1), dtype=np.uint8)
    y = np.repeat(np.arange(10), 6_000).astype(np.int32)
    cache.write("mnist", {"x_train": x, "y_train": y, "x_test": x[:1], "y_test": y[:1]})

    shown = look(config)

    assert (len(shown.y_train), len(shown.y_val), shown.num_test) == config.split_sizes
    assert shown.arrays.x.shape == (2_000, 28, 28, 1)
    parts = config.parts(load("mnist"))
    unsealed = np.sort(parts.rows_unsealed)
    np.testing.assert_array_equal(shown.arrays.x[0], x[unsealed[0]])
    np.testing.assert_array_equal(np.bincount(shown.y_train), np.bincount(y[parts.rows_train]))


def test_of_very_many_rows_an_even_choice_is_kept() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": np.arange(30_000) + 0.5, "b": rng.normal(size=30_000)})
    frame["y"] = np.arange(30_000) % 2

    shown = look(brought(frame, test_split=0.0))

    assert len(shown.arrays.y) == 20_000
    assert shown.num_unsealed == 30_000
    np.testing.assert_allclose(np.diff(shown.arrays.x[:, 0]).max(), 2)
    assert shown.columns[0].num_distinct == 30_000
