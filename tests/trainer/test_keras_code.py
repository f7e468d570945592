"""The script of a run: run alone, with plain Keras, it gives the history of the run."""

from __future__ import annotations

import ast
import dataclasses
import io
import json
import subprocess
import sys

import numpy as np
import pytest

import trainer.datasets
from trainer.config import RunConfig
from trainer.datasets import DATASETS, LoadOptions, load, uploads
from trainer.keras_code import DATA_FILE, data_file, keras_code, needs_data_file
from trainer.recipes import RECIPES
from trainer.recorder import Recorder
from trainer.store import Store
from trainer.training import Training, WarmModel

LOCAL = [name for name in RECIPES if DATASETS[name].origin != "downloaded"]
# A run rounds otherwise than plain `fit()`, and a long training makes more of the difference.
TOLERANCE = 1e-5

SET_UPS = {
    "defaults": RunConfig.create("digits", epochs=3),
    "convolutions": RunConfig.create(
        "digits",
        layers="conv(8, 3) batch_norm max_pool(2) dropout(0.2) flatten dense(16)",
        metrics=["accuracy", "f1", "top_3_accuracy"],
        label_smoothing=0.1,
        initializer="he_normal",
        l2=0.001,
        epochs=2,
    ),
    "weights, dropout and early stopping": RunConfig.create(
        "breast_cancer",
        class_weight="balanced",
        dropout=0.3,
        metrics=["accuracy", "f1", "auc", "pr_auc", "precision", "recall"],
        early_stopping="val_auc",
        patience=1,
        warmup_epochs=1,
        schedule="cosine",
        epochs=12,
        batch_size=50,
    ),
    "bent rows in a file": RunConfig.create(
        "wine",
        noise=0.5,
        label_noise=0.1,
        leak="duplicated_rows",
        test_split=0.01,
        loss="mean_squared_error",
        epochs=4,
    ),
    "a line and its area": RunConfig.create(
        "line", metrics=["area_under_line", "r2_score"], schedule="step", decay_epochs=2, epochs=6
    ),
    "focal loss by ratio, without validation": RunConfig.create(
        "moons",
        loss="binary_focal_crossentropy",
        class_weight="1:19",
        validation_split=0,
        test_split=0,
        l1=0.001,
        schedule="exponential",
        optimizer="sgd",
        epochs=3,
    ),
}

RUN_ALL = """
import json, os, runpy, sys
histories = []
for folder in sys.argv[1:]:
    os.chdir(folder)
    histories.append(runpy.run_path("script.py")["history"].history)
print(json.dumps(histories))
"""


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[float]]]:
    """The history that each script gives, in a process that knows nothing of this package."""
    folders = []
    for config in SET_UPS.values():
        folders.append(tmp_path_factory.mktemp("script"))
        (folders[-1] / "script.py").write_text(keras_code(config), encoding="utf-8")
        if needs_data_file(config):
            (folders[-1] / DATA_FILE).write_bytes(data_file(config))
    done = subprocess.run(
        [sys.executable, "-I", "-c", RUN_ALL, *map(str, folders)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(SET_UPS, json.loads(done.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize("name", SET_UPS)
def test_the_script_gives_the_history_of_the_run(name, histories, tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    claim = store.open_run(SET_UPS[name].to_dict(), worker="me", origin="test")
    assert Training(SET_UPS[name], Recorder(store, claim), warm=WarmModel()).run() == "finished"
    expected = store.history(claim.run_id)
    store.close()

    assert set(histories[name]) == set(expected)
    for series, values in expected.items():
        assert histories[name][series] == pytest.approx(values, rel=TOLERANCE, abs=TOLERANCE)


def parts_of_script(config: RunConfig) -> dict[str, np.ndarray]:
    """Run the part of a script before the network and return what it has made."""
    code, _, _ = keras_code(config).partition("# The network.")
    names: dict[str, np.ndarray] = {}
    exec(code.partition("# The targets")[0], names)
    return names


@pytest.mark.parametrize("name", LOCAL)
@pytest.mark.parametrize(
    "choices", [{}, {"seed": 5, "test_split": 0.1, "validation_split": 0.3}, {"test_split": 0}]
)
def test_the_script_makes_the_very_rows_of_the_run(name, choices):
    noise = 0.3 if DATASETS[name].default_noise is not None else 0.0
    config = RunConfig.create(name, noise=noise, **choices)
    assert not needs_data_file(config)
    made = parts_of_script(config)
    parts = config.split(load(name, LoadOptions(noise=noise, seed=config.seed)))
    for part in ("train", "val"):
        np.testing.assert_array_equal(made[f"x_{part}"], getattr(parts, f"x_{part}"))
        assert made[f"x_{part}"].dtype == np.float32
        np.testing.assert_array_equal(made[f"y_{part}"].reshape(-1), getattr(parts, f"y_{part}"))


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_has_a_script_that_names_what_it_needs(name):
    code = keras_code(RunConfig.create(name))
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert {"keras", "numpy", "tensorflow"} <= imported
    assert imported <= {"keras", "numpy", "tensorflow", "sklearn"}
    assert max(map(len, code.splitlines())) <= 100
    assert name in RECIPES or needs_data_file(RunConfig.create(name))


@pytest.mark.parametrize(
    ("dataset", "choices"),
    [
        ("moons", {"label_noise": 0.1}),
        ("moons", {"num_samples": 100}),
        ("iris", {"noise": 0.5}),
        ("wine", {"leak": "duplicated_rows"}),
        ("breast_cancer", {"imbalance": 0.9}),
        ("fraud", {}),
    ],
)
def test_rows_that_no_recipe_makes_are_handed_over(dataset, choices):
    config = RunConfig.create(dataset, **choices)
    assert needs_data_file(config)
    assert f'np.load("{DATA_FILE}")' in keras_code(config)
    parts = config.split(load(dataset, config.load_options()))
    with np.load(io.BytesIO(data_file(config)), allow_pickle=False) as data:
        np.testing.assert_array_equal(data["x_train"], parts.x_train)


def test_rows_of_an_upload_are_handed_over_as_its_network_reads_them():
    text = "city,size,y\n" + "".join(f"{'AB'[k % 3 == 0]},{k},{k % 2}\n" for k in range(60))
    upload = uploads.add(io.BytesIO(text.encode()), file_name='my """ table.csv', owner="me")
    config = RunConfig.create(upload.name, target="y", leak="duplicated_rows", epochs=1)
    assert needs_data_file(config)
    code = keras_code(config)
    ast.parse(code)
    assert f'np.load("{DATA_FILE}")' in code
    parts = config.split(load(config.spec, config.load_options()))
    with np.load(io.BytesIO(data_file(config)), allow_pickle=False) as data:
        for part in ("x_train", "y_train", "x_val", "y_val"):
            np.testing.assert_array_equal(data[part], getattr(parts, part))
        assert data["x_train"].shape[1:] == config.spec.input_shape == (3,)


def test_a_target_that_is_named_needs_no_file():
    assert not needs_data_file(RunConfig.create("iris", target="species", task="multiclass"))


def test_the_file_of_rows_has_no_objects_and_no_test_rows(tmp_path):
    (tmp_path / DATA_FILE).write_bytes(data_file(RunConfig.create("iris")))
    with np.load(tmp_path / DATA_FILE, allow_pickle=False) as data:
        sizes = {name: len(data[name]) for name in data.files}
    assert sizes == {"x_train": 96, "y_train": 96, "x_val": 24, "y_val": 24}


def test_a_title_stays_within_the_comment(monkeypatch):
    hostile = 'x"""\nimport os\u2028os.remove("y")\\'
    spec = dataclasses.replace(DATASETS["iris"], title=hostile, summary=hostile)
    monkeypatch.setattr(trainer.datasets, "DATASETS", {**DATASETS, "iris": spec})
    tree = ast.parse(keras_code(RunConfig.create("iris")))
    plain = ast.parse(keras_code(RunConfig.create("iris", seed=1)))
    assert len(tree.body) == len(plain.body)
    assert "import os" in ast.get_docstring(tree)
