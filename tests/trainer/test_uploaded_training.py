"""Training on files that people bring: as good as the same data built in, and usable afterwards."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from trainer.checkpoints import load_preprocessing, load_weights
from trainer.config import RunConfig
from trainer.datasets import find, load, rows, uploads
from trainer.datasets.uploaded import possible_targets
from trainer.datasets.uploads import Upload
from trainer.errors import WeightsMissing
from trainer.inspecting import inspect
from trainer.recorder import Recorder
from trainer.runs import Run
from trainer.store import Store
from trainer.training import Training


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    yield opened
    opened.close()


def bring(frame: pd.DataFrame, **options: object) -> Upload:
    text = frame.to_csv(index=False, **options)
    return uploads.add(io.BytesIO(text.encode()), file_name="mine.csv", owner="me")


def trained(store: Store, config: RunConfig) -> Run:
    claim = store.open_run(config.to_dict(), worker="me", origin="test")
    Training(config, Recorder(store, claim)).run()
    run = store.run(claim.run_id)
    assert run.state == "finished", run.message
    return run


@pytest.mark.parametrize("options", [{}, {"sep": ";", "decimal": ","}])
def test_breast_cancer_written_out_and_read_back_are_the_rows_of_the_built_in_set(
    options: dict[str, object],
) -> None:
    upload = bring(load_breast_cancer(as_frame=True).frame, **options)
    own = RunConfig.create(upload.name, target="target")
    np.testing.assert_array_equal(load(own.spec).x, load("breast_cancer").x)
    np.testing.assert_array_equal(load(own.spec).y, load("breast_cancer").y)


def test_breast_cancer_written_out_and_read_back_gives_the_history_of_the_built_in_set(
    store: Store,
) -> None:
    upload = bring(load_breast_cancer(as_frame=True).frame)
    choices = {"epochs": 5, "seed": 3, "metrics": ("accuracy", "auc")}
    own = RunConfig.create(upload.name, target="target", **choices)
    built_in = RunConfig.create("breast_cancer", **choices)

    histories = [store.history(trained(store, config).run_id) for config in (own, built_in)]

    assert histories[0] == histories[1]
    assert set(histories[0]) == {"loss", "accuracy", "auc", "val_loss", "val_accuracy", "val_auc"}


def mixed(num_rows: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    city = rng.choice(["Berlin", "Rome", "Oslo"], num_rows)
    age = rng.normal(40, 10, num_rows)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(num_rows) < 0.1, np.nan, age),
            "city": city,
            "member": rng.random(num_rows) < 0.5,
            "since": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 99, num_rows), "D"),
            "y": ((age > 40) ^ (city == "Rome")).astype(int),
            "price": age * 2 + (city == "Oslo") * 30,
        }
    )


@pytest.mark.parametrize(
    ("target", "task"), [("y", "binary"), ("city", "multiclass"), ("price", "regression")]
)
def test_every_kind_of_target_is_trained_and_looked_at_again(
    store: Store, target: str, task: str
) -> None:
    config = RunConfig.create(bring(mixed()).name, target=target, epochs=3, units=8)
    assert config.spec.task == task

    run = trained(store, config)

    history = store.history(run.run_id)
    assert len(history["loss"]) == 3 and np.isfinite(history["loss"]).all()
    evaluation, scores = inspect(run, part="test", which="last")
    assert evaluation.epoch == 2
    assert len(scores.rows) == 40
    # The fitted preparation belongs to the run, and prepares new rows.
    preparation = load_preprocessing(run.run_id)

    arrays = load(config.spec)
    parts = config.split(arrays)
    assert preparation == parts.preprocessing is not None
    first_layer = load_weights(run.run_id, "last").arrays[0]
    assert first_layer.shape[0] == preparation.num_outputs == parts.x_train.shape[1]
    np.testing.assert_array_equal(preparation(arrays.x[parts.rows_val]), parts.x_val)


def test_of_a_run_that_is_not_known_there_is_no_preparation() -> None:
    with pytest.raises(WeightsMissing):
        load_preprocessing("unknown")


def arrays(**named: np.ndarray) -> Upload:
    file = io.BytesIO()
    np.savez_compressed(file, **named)
    file.seek(0)
    return uploads.add(file, file_name="mine.npz", owner="me")


def test_pictures_of_an_npz_file_are_trained_like_the_built_in_ones(store: Store) -> None:
    digits = load_digits()
    upload = arrays(images=digits.images, y=digits.target, writer=digits.target % 3)
    choices = {"epochs": 3, "noise": 0.2, "layers": "conv(4, 3) flatten", "seed": 2}
    own = RunConfig.create(upload.name, target="y", **choices)
    built_in = RunConfig.create("digits", **choices)

    assert own.spec.input_shape == (8, 8, 1)
    assert own.spec.notes == ("Beside pictures nothing else is learnt from.",)
    np.testing.assert_array_equal(load(own.spec).x, load("digits").x)
    places = np.array([70, 3])
    bent = {"bend": own.bend, "test_split": own.test_split}
    np.testing.assert_array_equal(
        rows(own.unbent_spec, places, **bent).x, rows("digits", places, **bent).x
    )
    runs = [trained(store, config).run_id for config in (own, built_in)]
    assert store.history(runs[0]) == store.history(runs[1])
    # What is read as it is has no preparation.
    assert [load_preprocessing(run_id) for run_id in runs] == [None, None]


def test_bytes_of_colours_stay_as_they_are_and_pixels_are_no_targets() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (30, 5, 4, 3), dtype=np.uint8)
    upload = arrays(x=x, label=np.arange(30) % 2)

    spec = find(upload.name, target="label")

    assert possible_targets(upload) == ("label",)
    assert (spec.input_shape, spec.pixel_scale, spec.columns) == ((5, 4, 3), 255.0, ())
    np.testing.assert_array_equal(load(spec).x, x)
    assert load(spec).x.dtype == np.uint8


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((30, 5, 5)) - 1,
        np.full((30, 5, 5), np.nan),
        np.arange(90).reshape(30, 3, 1),
        np.arange(1500).reshape(30, 5, 5, 2),
    ],
)
def test_arrays_that_are_no_pictures_are_columns(x: np.ndarray) -> None:
    upload = arrays(x=x, b=np.arange(30) * 0.7, label=np.arange(30) % 2)

    assert upload.recognised.picture == ()
    assert find(upload.name, target="label").columns
