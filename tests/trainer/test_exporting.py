"""The exported network of a run: loaded with Keras alone, it says of raw rows what the run says."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from trainer.checkpoints import kept, load_preprocessing
from trainer.config import RunConfig
from trainer.datasets import load, uploads
from trainer.datasets.preprocessing import Preprocessing, Step
from trainer.errors import WeightsMissing
from trainer.export_process import exported_file
from trainer.exporting import exported_model, model_file
from trainer.inspecting import inspect
from trainer.models import build
from trainer.predicting import predicting_code
from trainer.recorder import Recorder
from trainer.runs import Run, Which
from trainer.settings import Settings
from trainer.store import Store
from trainer.training import Training, WarmModel

HOSTILE = "<img src=x onerror=alert(1)>"
_WARM = WarmModel()


@pytest.fixture
def store(data_folder: Path) -> Iterator[Store]:
    opened = Store(Settings.from_environment().store_url)
    yield opened
    opened.close()


def trained(store: Store, config: RunConfig) -> Run:
    claim = store.open_run(config.to_dict(), worker="me", origin="test")
    assert Training(config, Recorder(store, claim), warm=_WARM).run() == "finished"
    return store.run(claim.run_id)


def loaded(run: Run, config: RunConfig, epoch: int, folder: Path) -> keras.Model:
    file = folder / "exported.keras"
    file.write_bytes(model_file(run.run_id, config, epoch))
    return keras.saving.load_model(file)


def mixed(num_rows: int = 300) -> pd.DataFrame:
    """Return a table with each kind of column, gaps, and names that mean something to Keras."""
    rng = np.random.default_rng(0)
    age = rng.normal(40, 10, num_rows)
    city = rng.choice(["Berlin", "Rome", "[UNK]", 'O"slo'], num_rows, p=[0.5, 0.3, 0.19, 0.01])
    return pd.DataFrame(
        {
            "where": np.where(rng.random(num_rows) < 0.1, np.nan, age),
            "network": np.where(rng.random(num_rows) < 0.1, None, city),
            HOSTILE: rng.random(num_rows) < 0.5,
            "a/b": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, num_rows), "D"),
            "seconds": 1_700_000_000 + rng.integers(0, 99, num_rows),
            "code": [f"c{k % 120}" for k in range(num_rows)],
            "y": np.where((age > 40) ^ (city == "Rome"), "yes", "no"),
            "price": age * 2,
        }
    )


def bring(frame: pd.DataFrame) -> str:
    text = frame.to_csv(index=False)
    return uploads.add(io.BytesIO(text.encode()), file_name='my """ table.csv', owner="me").name


def raw(frame: pd.DataFrame, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return rows of `mixed` as its exported network takes them, by pandas."""
    found = frame.iloc[rows]
    days = (found["a/b"] - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1)
    texts = {name: found[name].fillna("").to_numpy() for name in ("network", "code", "y")}
    numbers = {name: found[name].to_numpy() for name in ("where", HOSTILE, "seconds", "price")}
    return {**texts, **numbers, "a/b": days.to_numpy()}


@pytest.mark.parametrize(("target", "which"), [("y", "last"), ("y", "best"), ("price", "last")])
def test_an_upload_s_network_takes_its_columns_as_they_are(
    store: Store, tmp_path: Path, target: str, which: Which
) -> None:
    frame = mixed()
    config = RunConfig.create(
        bring(frame), target=target, epochs=4, learning_rate=0.3, layers="dense(8) dropout(0.3)"
    )
    run = trained(store, config)
    evaluation, scores = inspect(run, part="validation", which=which)

    # A column with a slash is called otherwise inside, which Keras remarks.
    with pytest.warns(UserWarning, match="a/b"):
        model = loaded(run, config, evaluation.epoch, tmp_path)
    columns = raw(frame, scores.rows)
    del columns[target]
    predicted = model.predict(columns, verbose=0)

    np.testing.assert_allclose(predicted, scores.y_score[:, -1:], atol=1e-5)


def test_what_training_rows_lack_is_prepared_as_the_run_would() -> None:
    lines = [f"{k},{['[UNK]', 'Oslo', 'Rome', ''][k % 4]},{k % 2}" for k in range(40)]
    config = RunConfig.create(
        bring(pd.read_csv(io.StringIO("\n".join(["size,city,y", *lines])))), target="y"
    )
    size, city = config.spec.columns
    preprocessing = Preprocessing(
        steps=(
            Step(column=size, fill=7.0, mean=5.0, deviation=2.0),
            Step(column=city, categories=("[UNK]", "Rome", None), rare=True),
        )
    )
    weights = build(config).get_weights()

    preparation = exported_model(config, weights, preprocessing).get_layer("preparation")
    sizes = keras.ops.convert_to_tensor(np.array([9.0, np.nan, np.inf, -1e300, 5.0]))
    cities = keras.ops.convert_to_tensor(["[UNK]", "Rome", "", "Oslo", "Atlantis"])

    np.testing.assert_allclose(
        preparation([sizes, cities]),
        [[2, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 0, 0, 1, 0], [1, 0, 0, 0, 1], [0, 0, 0, 0, 1]],
    )


def built_in(dataset: str) -> Any:
    return {
        "breast_cancer": lambda: load_breast_cancer().data,
        "diabetes": lambda: load_diabetes(scaled=False).data,
        "digits": lambda: (load_digits().images / 16)[..., np.newaxis],
    }[dataset]()


@pytest.mark.parametrize("dataset", ["breast_cancer", "diabetes", "digits"])
def test_a_built_in_set_s_network_takes_rows_as_the_library_gives_them(
    store: Store, tmp_path: Path, dataset: str
) -> None:
    layers = "batch_norm conv(4, 3) flatten" if dataset == "digits" else "dense(8) batch_norm"
    config = RunConfig.create(dataset, epochs=2, layers=layers)
    run = trained(store, config)
    _, scores = inspect(run, part="validation", which="last")

    predicted = loaded(run, config, 1, tmp_path).predict(built_in(dataset)[scores.rows], verbose=0)

    expected = scores.y_score if dataset == "digits" else scores.y_score[:, -1:]
    np.testing.assert_allclose(predicted, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "uint8"])
def test_pictures_of_a_file_are_taken_as_they_are_there(
    store: Store, tmp_path: Path, dtype: str
) -> None:
    digits = load_digits()
    pictures = digits.images if dtype == "float64" else digits.images * 15.9375
    pictures = pictures.round().astype(dtype)
    file = io.BytesIO()
    np.savez_compressed(file, images=pictures, y=digits.target)
    file.seek(0)
    name = uploads.add(file, file_name="mine.npz", owner="me").name
    config = RunConfig.create(name, target="y", epochs=1, layers="flatten dense(8)")
    run = trained(store, config)
    _, scores = inspect(run, part="validation", which="last")

    model = loaded(run, config, 0, tmp_path)
    predicted = model.predict(pictures[scores.rows][..., np.newaxis], verbose=0)

    np.testing.assert_allclose(predicted, scores.y_score, atol=1e-5)


def run_alone(code: str, folder: Path) -> list[str]:
    """Run a script in a process that knows nothing of this package, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_script_predicts_alone_with_the_file_that_another_process_made(
    store: Store, tmp_path: Path
) -> None:
    config = RunConfig.create(bring(mixed()), target="y", epochs=1)
    run = trained(store, config)
    assert kept(run.run_id).epochs == (0,)
    (tmp_path / "model.keras").write_bytes(exported_file(run.run_id, 0))

    code = predicting_code(config, load_preprocessing(run.run_id), file_name="model.keras")

    answer, score = run_alone(code, tmp_path)[-1].split()
    assert answer in ("no", "yes")
    assert (float(score) >= 0.5) == (answer == "yes")


@pytest.mark.parametrize(
    ("dataset", "choices"),
    [
        ("iris", {}),
        ("diabetes", {}),
        ("digits", {}),
        ("moons", {}),
        ("wine", {"leak": "scaling"}),
    ],
)
def test_a_script_s_row_has_the_shape_that_its_network_takes(
    dataset: str, choices: Mapping[str, Any]
) -> None:
    config = RunConfig.create(dataset, **choices)
    preprocessing = preprocessing_of(config)
    code = predicting_code(config, preprocessing, file_name="model.keras")
    shapes: list[tuple[int, ...]] = []

    class Model:
        def predict(self, rows: np.ndarray) -> np.ndarray:
            shapes.append(rows.shape)
            return np.zeros((1, config.spec.num_classes if config.spec.task == "multiclass" else 1))

    exec(code.replace("keras.saving.load_model('model.keras')", "made"), {"made": Model()})
    assert shapes == [(1, *config.spec.input_shape)]


def preprocessing_of(config: RunConfig) -> Any:
    return config.split(load(config.unbent_spec, config.load_options())).preprocessing


def test_without_what_prepares_the_rows_nothing_is_exported() -> None:
    with pytest.raises(WeightsMissing, match="preparation of this run's rows was not kept"):
        exported_model(RunConfig.create("iris"), [], None)


def test_weights_of_another_network_are_not_exported() -> None:
    config = RunConfig.create("digits")
    with pytest.raises(WeightsMissing, match="fit another network"):
        exported_model(config, [np.zeros((2, 2))], None)


def test_what_cannot_be_exported_is_a_sentence_of_the_other_process_too(store: Store) -> None:
    run_id = store.create_run(RunConfig.create("iris").to_dict())
    with pytest.raises(WeightsMissing, match="The run has no checkpoint"):
        exported_file(run_id, 0)
