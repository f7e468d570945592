"""A kept network looked at once more, against what was counted live, Keras and scikit-learn."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
from sklearn import metrics

import trainer.datasets
from trainer.checkpoints import load_weights
from trainer.config import RunConfig
from trainer.datasets import DATASETS, load
from trainer.datasets.spec import Arrays, LoadOptions
from trainer.errors import InvalidInput, WeightsMissing
from trainer.evaluation.counts import RegressionCounts
from trainer.evaluation.packing import unpack
from trainer.evaluation.regression import regression_report
from trainer.inspecting import inspect
from trainer.models import build
from trainer.recorder import Recorder
from trainer.runs import Run
from trainer.store import Store
from trainer.training import Training, WarmModel

# Steps so large that the validation loss goes up again: the best epoch is not the last.
OVERSHOOTING = {
    "iris": RunConfig.create("iris", epochs=6, units=4, learning_rate=1.0),
    "moons": RunConfig.create("moons", epochs=6, units=4, learning_rate=1.0, seed=2),
    "diabetes": RunConfig.create("diabetes", epochs=6, hidden_layers=0, learning_rate=200.0),
}


@pytest.fixture(scope="module")
def warm():
    return WarmModel()


# Of the module, so that what is asked of the same network comes one after the other.
@pytest.fixture(scope="module", params=["iris", "moons"])
def name(request):
    return request.param


@pytest.fixture
def store(tmp_path):
    opened = Store(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    yield opened
    opened.close()


def trained(store: Store, config: RunConfig, warm: WarmModel) -> Run:
    claim = store.open_run(config.to_dict(), worker="me", origin="test")
    assert Training(config, Recorder(store, claim), warm=warm).run() == "finished"
    return store.run(claim.run_id)


def epoch_of(store: Store, run: Run, which: str) -> int:
    losses = store.history(run.run_id)["val_loss"]
    best = int(np.argmin(losses))
    assert best != len(losses) - 1, "this training tells the best epoch and the last not apart"
    return {"best": best, "last": len(losses) - 1}[which]


@pytest.mark.parametrize("which", ["last", "best"])
def test_on_the_validation_rows_the_counts_are_those_of_the_live_pass(store, warm, name, which):
    config = OVERSHOOTING[name]
    run = trained(store, config, warm)
    evaluation, scores = inspect(run, part="validation", which=which)
    assert evaluation.epoch == epoch_of(store, run, which)
    live = unpack(store.evaluation(run.run_id, evaluation.epoch).counts)
    counts = unpack(evaluation.counts)
    np.testing.assert_array_equal(counts.confusion, live.confusion)
    np.testing.assert_array_equal(counts.support, live.support)
    assert counts.left_out == live.left_out == 0
    for mine, other in ((counts.positives, live.positives), (counts.negatives, live.negatives)):
        # Compiled and not, a score may differ in its last bit and so fall into the next bin.
        assert np.abs(mine.cumsum(axis=1) - other.cumsum(axis=1)).max() <= 1
    parts = config.split(load(name, LoadOptions(noise=config.noise, seed=config.seed)))
    np.testing.assert_array_equal(scores.rows, parts.rows_val)
    np.testing.assert_array_equal(scores.y_true, parts.y_val)


@pytest.mark.parametrize("which", ["last", "best"])
def test_of_a_regression_too(store, warm, which):
    run = trained(store, OVERSHOOTING["diabetes"], warm)
    evaluation, _ = inspect(run, part="validation", which=which)
    assert evaluation.epoch == epoch_of(store, run, which)
    live, counts = (
        unpack(packed)
        for packed in (
            store.evaluation(run.run_id, evaluation.epoch).counts,
            evaluation.counts,
        )
    )
    assert isinstance(counts, RegressionCounts)
    assert (counts.low, counts.high, counts.count) == (live.low, live.high, live.count)
    assert counts.squared_error == pytest.approx(live.squared_error, rel=1e-4)
    assert np.abs(counts.joint - live.joint).sum() <= 2


@pytest.mark.parametrize("which", ["last", "best"])
def test_on_the_test_rows_it_counts_what_keras_predicts(store, warm, name, which):
    config = OVERSHOOTING[name]
    run = trained(store, config, warm)
    evaluation, scores = inspect(run, part="test", which=which)
    assert evaluation.epoch == epoch_of(store, run, which)
    parts = config.split(load(name, LoadOptions(noise=config.noise, seed=config.seed)))
    model = build(config)
    model.set_weights(load_weights(run.run_id, which).arrays)
    predicted = model.predict(parts.x_test, verbose=0)
    y_score = predicted if name == "iris" else np.hstack([1 - predicted, predicted])
    np.testing.assert_allclose(scores.y_score, y_score, atol=1e-6)
    np.testing.assert_array_equal(scores.rows, parts.rows_test)
    np.testing.assert_array_equal(scores.y_true, parts.y_test)
    classes = y_score.argmax(axis=1) if name == "iris" else (predicted[:, 0] >= 0.5).astype(int)
    expected = metrics.confusion_matrix(parts.y_test, classes, labels=range(y_score.shape[1]))
    np.testing.assert_array_equal(unpack(evaluation.counts).confusion, expected)


def test_the_test_rows_of_a_regression_are_scored_as_scikit_learn_scores_them(store, warm):
    config = OVERSHOOTING["diabetes"]
    run = trained(store, config, warm)
    evaluation, scores = inspect(run, part="test", which="last")
    figures = regression_report(unpack(evaluation.counts))
    y_pred = scores.y_score[:, 0]
    assert figures.support == len(config.split(load("diabetes")).y_test)
    assert figures.mean_absolute_error == pytest.approx(
        metrics.mean_absolute_error(scores.y_true, y_pred)
    )
    assert figures.r2 == pytest.approx(metrics.r2_score(scores.y_true, y_pred), rel=1e-5)


def test_the_range_of_a_regressions_counts_says_nothing_of_the_test_rows(store, warm, monkeypatch):
    config = dataclasses.replace(OVERSHOOTING["diabetes"], epochs=1)
    arrays = load("diabetes")
    parts = config.split(arrays)
    y = arrays.y.copy()
    y[parts.rows_test[0]] = 1e6
    y[parts.rows_test[1]] = -1e6
    spec = dataclasses.replace(DATASETS["diabetes"], load=lambda options: Arrays(x=arrays.x, y=y))
    monkeypatch.setattr(trainer.datasets, "DATASETS", {**DATASETS, "diabetes": spec})
    run = trained(store, config, warm)
    expected = (parts.y_unsealed.min(), parts.y_unsealed.max())
    live = unpack(store.evaluation(run.run_id).counts)
    assert (live.low, live.high) == expected
    for part in ("validation", "test"):
        evaluation, _ = inspect(run, part=part, which="last")
        counts = unpack(evaluation.counts)
        assert (counts.low, counts.high) == expected
        assert counts.joint.sum() == counts.count


@pytest.mark.parametrize("part", ["validation", "test"])
def test_rows_that_were_not_kept_apart_cannot_be_looked_at(store, part):
    config = RunConfig.create("iris", epochs=1, units=4, **{f"{part}_split": 0})
    run = store.run(store.create_run(config.to_dict()))
    with pytest.raises(InvalidInput, match=f"{part}_split must be more than 0 to have {part} rows"):
        inspect(run, part=part, which="last")


def test_a_run_whose_weights_are_gone_says_so(store, warm, data_folder):
    run = trained(store, OVERSHOOTING["diabetes"], warm)
    shutil.rmtree(data_folder / "checkpoints" / run.run_id)
    with pytest.raises(WeightsMissing, match="were not kept"):
        inspect(run, part="validation", which="last")


def test_the_weights_of_another_network_are_refused(store, warm):
    run = trained(store, OVERSHOOTING["diabetes"], warm)
    other = dataclasses.replace(run, config={**run.config, "hidden_layers": 1})
    with pytest.raises(WeightsMissing, match="fit another network"):
        inspect(other, part="validation", which="last")


def test_somebody_elses_fit_cannot_be_looked_at(store):
    claim = store.open_run({"model": "functional_1"}, worker="me", origin="callback")
    with pytest.raises(InvalidInput):
        inspect(store.run(claim.run_id), part="validation", which="last")
