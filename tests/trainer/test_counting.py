"""Every count is scikit-learn's: by the metrics, and of all rows after a validation."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trainer import EvaluationCounts, LiveCallback, RegressionEvaluationCounts
from trainer.config import RunConfig
from trainer.counting import counting_metric
from trainer.datasets import DATASETS, load
from trainer.evaluation.counters import class_counter, regression_counter
from trainer.evaluation.packing import pack, unpack
from trainer.evaluation.regression import regression_report
from trainer.evaluation.thresholds import OneVersusRest
from trainer.inspecting import inspect
from trainer.process import this_process
from trainer.recorder import Recorder
from trainer.settings import Settings
from trainer.store import Store
from trainer.training import Training

LOCAL_CLASSES = [
    name
    for name, spec in DATASETS.items()
    if spec.origin != "downloaded" and spec.task != "regression"
]
# One of each number of classes, of two a mixed set and one with hardly any of the second.
TRAINED = ["digits", "wine", "breast_cancer", "rare"]


@pytest.fixture
def store(data_folder):
    opened = Store(Settings.from_environment().store_url)
    yield opened
    opened.close()


def assert_counts_are_scikit_learns(counts, y_true, y_score):
    """Compare at all 1,001 thresholds; `y_score` is float32 of shape `(num_rows, K)`."""
    thresholds = np.float32(np.arange(1001) / 1000)
    for k in range(counts.num_classes):
        is_positive = np.tile(y_true[:, np.newaxis] == k, len(thresholds)).astype(int)
        called = (y_score[:, [k]] >= thresholds).astype(int)
        expected = metrics.multilabel_confusion_matrix(is_positive, called)
        one = OneVersusRest.of(counts, k)
        found = [one.matrix(step) for step in range(len(thresholds))]
        np.testing.assert_array_equal(found, expected, err_msg=str(k))


def assert_ratios_and_areas_are_scikit_learns(counts, y_true, y_score):
    """Compare ratios at some thresholds, and the areas within the bound that the docs tell."""
    for k in range(counts.num_classes):
        one, is_positive = OneVersusRest.of(counts, k), y_true == k
        for step in (0, 100, 250, 500, 731, 900, 1000):
            called = y_score[:, k] >= np.float32(step / 1000)
            expected = metrics.precision_recall_fscore_support(
                is_positive, called, average="binary", zero_division=np.nan
            )
            found = [one.precision[step], one.recall[step], one.f1[step]]
            np.testing.assert_allclose(found, expected[:3], err_msg=f"class {k}, step {step}")
        expected = metrics.average_precision_score(is_positive, y_score[:, k])
        assert abs(one.average_precision - expected) <= one.average_precision_bound + 1e-9
        expected = metrics.roc_auc_score(is_positive, y_score[:, k])
        assert abs(one.roc_auc - expected) <= one.roc_auc_bound + 1e-9


def by_metric(y_true, y_pred, num_classes):
    """Count in batches."""
    metric = EvaluationCounts(num_classes)
    for part in np.array_split(np.arange(len(y_true)), 4):
        metric.update_state(y_true[part], y_pred[part])
    return metric.counts()


def at_once(y_true, y_pred, num_classes):
    """Count all rows together."""
    return class_counter(y_true, num_classes)(y_pred)


WAYS = pytest.mark.parametrize("count", [by_metric, at_once])


@WAYS
@pytest.mark.parametrize("decimals", [2, 3, 7], ids=["many ties", "on the thresholds", "any"])
def test_a_single_score_for_two_classes_is_counted_exactly(count, decimals):
    rng = np.random.default_rng(decimals)
    y_true = rng.integers(0, 2, 300)
    score = np.round(rng.random(300), decimals).astype("float32")
    counts = count(y_true, score[:, None], 2)
    assert_counts_are_scikit_learns(counts, y_true, np.stack([1 - score, score], axis=1))
    expected = metrics.confusion_matrix(y_true, score >= 0.5)
    np.testing.assert_array_equal(counts.confusion, expected)
    assert counts.left_out == 0


@pytest.mark.parametrize("mode", ["eager", "graph", "XLA", "at once"])
def test_every_score_next_to_a_threshold_is_on_its_right_side(mode):
    edges = (np.arange(1001) / 1000).astype("float32")
    scores = [edges]
    for towards in (-1, 2):
        near = edges
        for _ in range(8):
            near = np.clip(np.nextafter(near, np.float32(towards)), 0, 1)
            scores.append(near)
    score = np.concatenate([*scores, np.random.default_rng(9).random(10_000, "float32")])
    metric = EvaluationCounts(2)
    update = metric.update_state
    if mode != "eager":
        update = tf.function(update, jit_compile=mode == "XLA")
    update(tf.ones(len(score)), tf.constant(score))
    counts = metric.counts()
    if mode == "at once":
        counts = at_once(np.ones(len(score), int), score[:, None], 2)
    expected = np.bincount(np.searchsorted(edges, score, side="right") - 1, minlength=1001)
    np.testing.assert_array_equal(counts.positives[1], expected)


@WAYS
def test_scores_of_many_classes_are_counted_exactly(count):
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 4, 200)
    y_score = rng.dirichlet(np.ones(4), 200).astype("float32")
    counts = count(y_true, y_score, 4)
    assert_counts_are_scikit_learns(counts, y_true, y_score)
    expected = metrics.confusion_matrix(y_true, y_score.argmax(axis=1))
    np.testing.assert_array_equal(counts.confusion, expected)
    np.testing.assert_array_equal(counts.support, np.bincount(y_true, minlength=4))


@pytest.mark.parametrize("column", [False, True])
def test_labels_may_be_one_hot_or_a_column(column):
    rng = np.random.default_rng(0)
    y_true, y_score = rng.integers(0, 4, 50), rng.dirichlet(np.ones(4), 50)
    metric = EvaluationCounts(4)
    metric.update_state(y_true[:, None].astype("float32") if column else np.eye(4)[y_true], y_score)
    expected = metrics.confusion_matrix(y_true, y_score.argmax(axis=1))
    np.testing.assert_array_equal(metric.counts().confusion, expected)


@pytest.mark.parametrize("units", [1, 3])
def test_logits_count_as_the_probabilities_they_stand_for(units):
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (100, units)).astype("float32")
    num_classes = max(units, 2)
    y_true = rng.integers(0, num_classes, 100)
    by_logits = EvaluationCounts(num_classes, from_logits=True)
    by_logits.update_state(y_true, logits)
    activation = keras.ops.sigmoid if units == 1 else keras.ops.softmax
    by_scores = EvaluationCounts(num_classes)
    by_scores.update_state(y_true, activation(logits))
    for name in ("positives", "negatives", "confusion"):
        one, other = (getattr(metric.counts(), name) for metric in (by_logits, by_scores))
        np.testing.assert_array_equal(one, other)


def test_sample_weights_are_honoured():
    rng = np.random.default_rng(2)
    y_true, weight = rng.integers(0, 3, 60), rng.integers(0, 4, 60) + 0.5
    y_score = rng.dirichlet(np.ones(3), 60).astype("float32")
    metric = EvaluationCounts(3)
    metric.update_state(y_true, y_score, sample_weight=weight)
    expected = metrics.confusion_matrix(y_true, y_score.argmax(axis=1), sample_weight=weight)
    np.testing.assert_allclose(metric.counts().confusion, expected)
    one = OneVersusRest.of(metric.counts(), 1)
    called = y_score[:, 1] >= np.float32(0.4)
    expected = metrics.confusion_matrix(y_true == 1, called, sample_weight=weight)
    np.testing.assert_allclose(one.matrix(400), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_that_do_not_add_up_exactly_leave_nothing_behind(dtype):
    rng = np.random.default_rng(6)
    weight = np.exp(rng.normal(0, 5, 3000)).astype(dtype)
    score = rng.random((3000, 1), "float32")
    metric = EvaluationCounts(2)
    errors = RegressionEvaluationCounts(0, 1)
    for part in np.array_split(np.arange(3000), 50):
        metric.update_state(np.ones(len(part)), score[part], sample_weight=weight[part])
        errors.update_state(np.ones(len(part)), score[part], sample_weight=weight[part])
    counts = metric.counts()
    assert counts.left_out == errors.counts().left_out == 0
    assert not counts.negatives[1].any() and not counts.positives[0].any()
    assert np.isnan(OneVersusRest.of(counts, 1).roc_auc)


def test_rows_without_a_finite_score_or_a_known_label_are_left_out():
    scores = np.array([[0.2, 0.8], [np.nan, 0.5], [0.6, 0.4], [np.inf, 0.1]], "float32")
    metric = EvaluationCounts(2)
    metric.update_state(np.array([1, 0, 7, 0]), scores)
    counts = metric.counts()
    assert counts.left_out == 3
    np.testing.assert_array_equal(counts.confusion, [[0, 0], [0, 1]])
    assert counts.positives.sum() == counts.negatives.sum() == 1


def test_a_row_without_a_finite_score_is_left_out_of_all_rows_at_once():
    scores = np.array([[0.2, 0.8], [np.nan, 0.5], [0.6, 0.4], [np.inf, 0.1]], "float32")
    counts = at_once(np.array([1, 0, 0, 1]), scores, 2)
    assert counts.left_out == 2
    np.testing.assert_array_equal(counts.confusion, [[1, 0], [0, 1]])
    assert counts.positives.sum() == counts.negatives.sum() == 2
    nothing = at_once(np.array([1, 0]), np.full((2, 1), np.nan, "float32"), 2)
    assert nothing.left_out == 2
    assert not nothing.support.any()


@WAYS
def test_one_class_alone_and_one_prediction_for_all_are_counted(count):
    counts = count(np.zeros(5, int), np.tile(np.float32([0, 1, 0]), (5, 1)), 3)
    np.testing.assert_array_equal(counts.confusion, [[0, 5, 0], [0, 0, 0], [0, 0, 0]])


def test_a_reset_forgets_everything_and_what_was_read_stays():
    metric = EvaluationCounts(2)
    metric.update_state(np.array([1]), np.float32([[0.9]]))
    before, not_made_yet = metric.counts(), metric.snapshot()
    metric.update_state(np.array([0, 1]), np.float32([[0.2], [0.9]]))
    assert before.support.tolist() == [0, 1]
    metric.reset_state()
    assert metric.counts().support.sum() == 0
    assert before.support.tolist() == [0, 1]
    assert not_made_yet().support.tolist() == [0, 1]


@WAYS
def test_a_thousand_classes_are_counted(count):
    rng = np.random.default_rng(3)
    y_true = rng.integers(0, 1000, 50)
    y_score = rng.dirichlet(np.full(1000, 0.01), 50).astype("float32")
    counts = count(y_true, y_score, 1000)
    expected = metrics.confusion_matrix(y_true, y_score.argmax(axis=1), labels=np.arange(1000))
    np.testing.assert_array_equal(counts.confusion, expected)


@pytest.mark.parametrize("num_classes", [1, 0, -3, 2.0, True, "2"])
def test_a_number_of_classes_that_makes_no_sense_is_refused(num_classes):
    with pytest.raises(ValueError, match="num_classes must be an integer of at least 2. Got "):
        EvaluationCounts(num_classes)


def test_an_output_of_another_size_and_names_of_other_classes_are_refused():
    with pytest.raises(ValueError, match="y_pred must have 3 scores a row"):
        EvaluationCounts(3).update_state(np.array([1]), np.float32([[0.5, 0.5]]))
    with pytest.raises(ValueError, match="class_names must have one name for each of 3 classes"):
        EvaluationCounts(3, class_names=["a", "b"])
    with pytest.raises(ValueError, match="high must be more than low, 2"):
        RegressionEvaluationCounts(2, 2)


def regression_by_metric(y_true, y_pred):
    metric = RegressionEvaluationCounts(0, 10, num_bins=20)
    for part in np.array_split(np.arange(len(y_true)), 3):
        metric.update_state(y_true[part, None], y_pred[part, None])
    return metric.counts()


def regression_at_once(y_true, y_pred):
    return regression_counter(y_true, 0, 10, num_bins=20)(y_pred[:, None])


@pytest.mark.parametrize("count", [regression_by_metric, regression_at_once])
def test_a_regression_is_counted_in_bins_and_its_sums_are_exact(count):
    rng = np.random.default_rng(4)
    y_true = rng.uniform(0, 10, 300)
    y_pred = y_true + rng.normal(0, 2, 300)
    counts = count(np.append(y_true, 1.0), np.append(y_pred, np.nan))
    edges = np.linspace(0, 10, 21)
    expected, _, _ = np.histogram2d(y_true, np.clip(y_pred, 0, 9.999), bins=[edges, edges])
    np.testing.assert_array_equal(counts.joint, expected)
    expected, _ = np.histogram(y_pred - y_true, bins=np.linspace(-10, 10, 41))
    np.testing.assert_array_equal(counts.residuals, expected)
    figures = regression_report(counts)
    assert figures.r2 == pytest.approx(metrics.r2_score(y_true, y_pred))
    assert counts.left_out == 1


@pytest.mark.parametrize("dataset", LOCAL_CLASSES)
def test_every_shipped_set_is_counted_as_scikit_learn_counts_it(dataset):
    config = RunConfig.create(dataset)
    split = config.split(load(dataset, config.load_options()))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=30, tol=0.01))
    model.fit(split.x_train.reshape(len(split.x_train), -1), split.y_train)
    score = model.predict_proba(split.x_val.reshape(len(split.x_val), -1)).astype("float32")
    counts, also = (
        way(split.y_val, score, config.spec.num_classes) for way in (at_once, by_metric)
    )
    assert_counts_are_scikit_learns(counts, split.y_val, score)
    np.testing.assert_array_equal(also.positives, counts.positives)
    np.testing.assert_array_equal(also.negatives, counts.negatives)
    expected = metrics.confusion_matrix(split.y_val, score.argmax(axis=1))
    np.testing.assert_array_equal(counts.confusion, expected)
    assert_ratios_and_areas_are_scikit_learns(counts, split.y_val, score)


# -- within fit() ------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset", TRAINED)
def test_a_shipped_set_is_counted_within_its_training(store, dataset):
    config = RunConfig.create(dataset, epochs=2)
    claim = store.open_run(config.to_dict(), worker=this_process(), origin="test")
    assert Training(config, Recorder(store, claim)).run() == "finished"
    _, scores = inspect(store.run(claim.run_id), part="validation", which="last")
    newest = store.evaluation(claim.run_id)
    counts = unpack(newest.counts)
    assert newest.epoch == 1
    assert_counts_are_scikit_learns(counts, scores.y_true, scores.y_score)
    share = np.trace(counts.confusion) / counts.confusion.sum()
    assert share == pytest.approx(store.history(claim.run_id)["val_accuracy"][1], abs=1e-6)
    majority = np.bincount(scores.y_true).max() / len(scores.y_true)
    assert store.run(claim.run_id).facts["majority"]["share"] == pytest.approx(majority)
    assert store.run(claim.run_id).facts["class_names"] == list(config.spec.class_names)


def test_anybodys_fit_is_counted_once_each_validation_and_logs_nothing_more(store):
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(90, 3)).astype("float32"), rng.integers(0, 3, 90)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    counting = EvaluationCounts(3, from_logits=True, class_names=["a", "b", "c"])
    model.compile(
        optimizer="sgd",
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        weighted_metrics=[counting],
    )
    live = LiveCallback()
    weight = np.full(40, 2.0)
    history = model.fit(
        x,
        y,
        epochs=4,
        validation_data=(x[:40], y[:40], weight),
        validation_freq=2,
        callbacks=[live],
        verbose=0,
    ).history
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    evaluations = store.evaluations(live.run_id, limit=10).shown
    assert [evaluation.epoch for evaluation in evaluations] == [1, 3]
    counts = unpack(evaluations[-1].counts)
    predicted = model.predict(x[:40], verbose=0).argmax(axis=1)
    expected = metrics.confusion_matrix(y[:40], predicted, labels=[0, 1, 2], sample_weight=weight)
    np.testing.assert_array_equal(counts.confusion, expected)
    facts = store.run(live.run_id).facts
    assert facts["class_names"] == ["a", "b", "c"]
    assert facts["majority"]["class"] == np.bincount(y[:40]).argmax()


@pytest.mark.parametrize("from_logits", [False, True])
def test_who_counts_logits_as_scores_is_warned(from_logits, recwarn):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[EvaluationCounts(3, from_logits=from_logits)],
    )
    x, y = np.random.default_rng(5).random((30, 3)), np.arange(30) % 3
    model.fit(x, y, epochs=2, validation_data=(x, y), callbacks=[LiveCallback()], verbose=0)
    told = [str(one.message) for one in recwarn if "from_logits" in str(one.message)]
    assert len(told) == (0 if from_logits else 1)


@pytest.mark.parametrize("mode", ["graph", "several steps a call", "XLA", "eager"])
def test_what_passes_in_training_is_counted_by_nobody(store, mode):
    how = {"several steps a call": {"steps_per_execution": 3}, "eager": {"run_eagerly": True}}
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax")])
    model.compile(
        optimizer="sgd",
        loss="sparse_categorical_crossentropy",
        metrics=[EvaluationCounts(2)],
        jit_compile=mode == "XLA",
        **how.get(mode, {}),
    )
    x, y = np.random.default_rng(0).random((40, 2)), np.arange(40) % 2
    after = []

    class AfterTraining(keras.callbacks.Callback):
        def on_test_begin(self, logs=None):
            after.append(counting_metric(model).counts().support.sum())

    model.fit(
        x,
        y,
        batch_size=8,
        epochs=3,
        validation_split=0.25,
        callbacks=[LiveCallback(), AfterTraining()],
        verbose=0,
    )
    # Keras makes the metric within the first step: only then can anybody pause it.
    assert after == [30, 0, 0]
    assert counting_metric(model).counts().support.tolist() == [5, 5]
    model.evaluate(x, y, verbose=0)
    assert counting_metric(model).counts().support.tolist() == [20, 20]


# A process of its own: a processor cannot be split into two devices once it is used.
TWO_REPLICAS = """
import keras, numpy as np, tensorflow as tf
from sklearn.metrics import confusion_matrix
from trainer import EvaluationCounts, LiveCallback
from trainer.evaluation.packing import unpack
from trainer.settings import Settings
from trainer.store import Store

half = tf.config.LogicalDeviceConfiguration()
(processor,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(processor, [half, half])
x = np.random.default_rng(0).normal(size=(301, 4)).astype("float32")
y = (x.sum(axis=1) > 0).astype(int) + (x[:, 0] > 1)
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[EvaluationCounts(3)])
live = LiveCallback()
model.fit(x, y, validation_data=(x, y), epochs=2, callbacks=[live], verbose=0)
found = Store(Settings.from_environment().store_url).evaluation(live.run_id)
expected = confusion_matrix(y, model.predict(x, verbose=0).argmax(axis=1))
print(found.epoch, np.array_equal(unpack(found.counts).confusion, expected))
"""


def test_what_several_replicas_validate_is_counted_together():
    command = (sys.executable, "-c", TWO_REPLICAS)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.split() == ["1", "True"]


@pytest.mark.parametrize(
    "metric",
    [
        EvaluationCounts(3, from_logits=True, class_names=["a", "b", "c"], name="counts"),
        RegressionEvaluationCounts(1, 4, num_bins=7),
    ],
    ids=["classes", "regression"],
)
def test_a_saved_model_comes_back_with_its_metric_as_it_was(tmp_path, metric):
    is_of_classes = isinstance(metric, EvaluationCounts)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3 if is_of_classes else 1)])
    loss = "sparse_categorical_crossentropy" if is_of_classes else "mse"
    model.compile(optimizer="sgd", loss=loss, metrics=[metric])
    x, y = np.eye(2), np.array([1.0, 2.0])
    model.evaluate(x, y, verbose=0)
    model.save(tmp_path / "model.keras")

    again = keras.models.load_model(tmp_path / "model.keras")
    again.evaluate(x, y, verbose=0)

    loaded = counting_metric(again)
    assert loaded.get_config() == metric.get_config()
    assert pack(loaded.counts()).data == pack(metric.counts()).data
