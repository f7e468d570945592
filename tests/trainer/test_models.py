"""The network that a config describes, its losses and its metrics, against independent oracles."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import scipy.integrate
import sklearn.metrics

from trainer.choices import OPTIMIZERS
from trainer.config import RunConfig
from trainer.datasets import DATASETS
from trainer.datasets.spec import FORMS
from trainer.layers import ACTIVATIONS
from trainer.losses import LOSSES, losses_for
from trainer.metrics import METRICS, metrics_for
from trainer.models import build, shaped_targets

ROWS = 200


def rows_for(task: str) -> tuple[np.ndarray, np.ndarray]:
    """Return targets of a task and a model's output for them, some right and some wrong."""
    rng = np.random.default_rng(0)
    if task == "regression":
        y = rng.normal(size=ROWS).astype("float32") * 3
        return y, (y + rng.normal(size=ROWS)).astype("float32")[:, None]
    num_classes = 2 if task == "binary" else 5
    y = rng.integers(0, num_classes, size=ROWS).astype("int32")
    if task == "binary":
        score = np.clip(0.4 * y + 0.6 * rng.uniform(size=ROWS), 0.01, 0.99)
        return y, score.astype("float32")[:, None]
    scores = rng.uniform(size=(ROWS, num_classes)) + 0.2 * np.eye(num_classes)[y]
    return y, (scores / scores.sum(axis=1, keepdims=True)).astype("float32")


def log_loss(y: np.ndarray, score: np.ndarray) -> float:
    return float(np.mean(-(y * np.log(score) + (1 - y) * np.log(1 - score))))


def focal_loss(y: np.ndarray, score: np.ndarray) -> float:
    right = np.where(y == 1, score, 1 - score)
    return float(np.mean(-((1 - right) ** 2) * np.log(right)))


def huber(difference: np.ndarray) -> float:
    size = np.abs(difference)
    return float(np.mean(np.where(size <= 1, size**2 / 2, size - 0.5)))


# By (loss, task): what it is for targets (rows,) and outputs (rows, units), worked out in NumPy.
EXPECTED_LOSS = {
    ("sparse_categorical_crossentropy", "multiclass"): sklearn.metrics.log_loss,
    ("binary_crossentropy", "binary"): lambda y, out: log_loss(y, out[:, 0]),
    ("categorical_focal_crossentropy", "multiclass"): lambda y, out: focal_loss(
        np.ones(len(y)), out[np.arange(len(y)), y]
    ),
    ("binary_focal_crossentropy", "binary"): lambda y, out: focal_loss(y, out[:, 0]),
    ("mean_squared_error", "regression"): lambda y, out: np.mean((y - out[:, 0]) ** 2),
    ("mean_squared_error", "binary"): lambda y, out: np.mean((y - out[:, 0]) ** 2),
    ("mean_squared_error", "multiclass"): lambda y, out: np.mean((np.eye(5)[y] - out) ** 2),
    ("mean_absolute_error", "regression"): lambda y, out: np.mean(np.abs(y - out[:, 0])),
    ("huber", "regression"): lambda y, out: huber(y - out[:, 0]),
    ("log_cosh", "regression"): lambda y, out: np.mean(np.log(np.cosh(y - out[:, 0]))),
}
EXPECTED_METRIC = {
    ("accuracy", "binary"): lambda y, out: np.mean(y == (out[:, 0] > 0.5)),
    ("accuracy", "multiclass"): lambda y, out: np.mean(y == out.argmax(axis=1)),
    ("precision", "binary"): lambda y, out: sklearn.metrics.precision_score(y, out[:, 0] > 0.5),
    ("recall", "binary"): lambda y, out: sklearn.metrics.recall_score(y, out[:, 0] > 0.5),
    ("f1", "binary"): lambda y, out: sklearn.metrics.f1_score(y, out[:, 0] > 0.5),
    ("f1", "multiclass"): lambda y, out: sklearn.metrics.f1_score(
        y, out.argmax(axis=1), average="macro"
    ),
    ("pr_auc", "binary"): lambda y, out: sklearn.metrics.average_precision_score(y, out[:, 0]),
    ("auc", "binary"): lambda y, out: sklearn.metrics.roc_auc_score(y, out[:, 0]),
    ("top_3_accuracy", "multiclass"): lambda y, out: sklearn.metrics.top_k_accuracy_score(
        y, out, k=3
    ),
    ("mean_absolute_error", "regression"): sklearn.metrics.mean_absolute_error,
    ("root_mean_squared_error", "regression"): sklearn.metrics.root_mean_squared_error,
    ("r2_score", "regression"): sklearn.metrics.r2_score,
}
LOSS_FORMS = [(loss.name, form) for loss in LOSSES.values() for form in loss.calls]
# What the network itself says is tested apart.
METRIC_FORMS = [
    (metric.name, form)
    for metric in METRICS.values()
    if metric.name != "area_under_line"
    for form in metric.calls
]
TASKS = {form: task for task, forms in FORMS.items() for form in forms}


def targets_of(y: np.ndarray, form: str) -> np.ndarray:
    return shaped_targets(y, TASKS[form], one_hot=5 if form == "one_hot" else 0)


@pytest.mark.parametrize(("name", "form"), LOSS_FORMS)
def test_a_loss_is_what_its_formula_says_for_every_target_it_fits(name, form):
    y, outputs = rows_for(TASKS[form])
    value = float(LOSSES[name].build(form)(targets_of(y, form), outputs))
    assert value == pytest.approx(float(EXPECTED_LOSS[name, TASKS[form]](y, outputs)), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "form"),
    [(name, form) for name, form in LOSS_FORMS if LOSSES[name].smooths and form != "index"],
)
def test_smoothed_labels_are_a_mixture_of_the_label_and_all_classes(name, form):
    y, outputs = rows_for(TASKS[form])
    targets = targets_of(y, form)
    num_classes = 2 if form == "binary" else 5
    value = float(LOSSES[name].build(form, label_smoothing=0.2)(targets, outputs))
    mixed = 0.8 * targets + 0.2 / num_classes
    plain = LOSSES[name].build(form)
    assert value == pytest.approx(float(plain(mixed, outputs)), rel=1e-5)
    assert value != pytest.approx(float(plain(targets, outputs)), rel=1e-3)


@pytest.mark.parametrize(("name", "form"), METRIC_FORMS)
def test_a_metric_is_what_an_independent_library_says_for_every_target_it_fits(name, form):
    y, outputs = rows_for(TASKS[form])
    metric = METRICS[name].build(form)
    for half in (slice(0, 130), slice(130, ROWS)):
        metric.update_state(targets_of(y[half], form), outputs[half])
    # Keras adds up both curves over 200 thresholds.
    tolerance = 0.01 if name in ("auc", "pr_auc") else 1e-4
    expected = float(EXPECTED_METRIC[name, TASKS[form]](y, outputs))
    assert float(metric.result()) == pytest.approx(expected, rel=tolerance)
    assert metric.name == name


@pytest.mark.parametrize(("name", "form"), METRIC_FORMS)
def test_a_metric_says_truly_which_direction_is_better(name, form):
    y, outputs = rows_for(TASKS[form])
    perfect = {
        "number": lambda: y[:, None],
        "binary": lambda: y[:, None].astype("float32"),
        "index": lambda: np.eye(5, dtype="float32")[y],
        "one_hot": lambda: np.eye(5, dtype="float32")[y],
    }[form]()
    values = []
    for predicted in (outputs, perfect):
        built = METRICS[name].build(form)
        built.update_state(targets_of(y, form), predicted)
        values.append(float(built.result()))
    assert (values[1] > values[0]) == (METRICS[name].better == "higher")
    if METRICS[name].unit_interval:
        assert all(0 <= value <= 1 for value in values)


def test_the_area_under_the_line_is_that_of_the_network_as_it_is():
    model = build(RunConfig.create("line", metrics=["area_under_line"]))
    model.set_weights([np.array([[3.0]]), np.array([-0.5])])
    x = np.array([[100.0], [-7.0]])
    metrics = model.evaluate(x, np.zeros((2, 1)), return_dict=True, verbose=0)
    assert metrics["area_under_line"] == pytest.approx(3 / 2 - 0.5, rel=1e-6)


def test_the_area_under_a_bent_line_is_its_integral():
    config = RunConfig.create("line", layers="dense(8, tanh)", metrics=["area_under_line"])
    keras.utils.set_random_seed(3)
    model = build(config)
    area = model.evaluate(np.zeros((1, 1)), np.zeros((1, 1)), return_dict=True, verbose=0)
    inner, bias, outer, last = model.get_weights()

    def line(x: float) -> float:
        return float((np.tanh(x * inner[0] + bias) @ outer + last)[0])

    expected, _ = scipy.integrate.quad(line, 0, 1)
    assert area["area_under_line"] == pytest.approx(expected, abs=1e-5)


def test_the_area_is_offered_where_a_line_is_fitted_and_nowhere_else():
    assert [
        name for name, spec in DATASETS.items() if METRICS["area_under_line"] in metrics_for(spec)
    ] == ["line", "four_points"]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_task_has_a_default_loss_and_metric_and_no_name_is_used_twice(task):
    assert losses_for(task)[0] in LOSSES.values()
    assert any(task in metric.tasks for metric in METRICS.values())
    assert all(spec.name == name for name, spec in (*LOSSES.items(), *METRICS.items()))
    for spec in (*LOSSES.values(), *METRICS.values()):
        assert spec.title
        assert spec.help.endswith(".")


@pytest.mark.parametrize("name", [name for name, spec in DATASETS.items() if not spec.vocabulary])
def test_the_network_fits_its_dataset(name):
    spec = DATASETS[name]
    model = build(RunConfig.create(name, hidden_layers=2, units=4, dropout=0.25))
    assert model.input_shape == (None, *spec.input_shape)
    units = spec.num_classes if spec.task == "multiclass" else 1
    features = int(np.prod(spec.input_shape))
    assert model.output_shape == (None, units)
    assert model.count_params() == features * 4 + 4 + 4 * 4 + 4 + 4 * units + units
    rows = np.random.default_rng(0).uniform(0, spec.pixel_scale, size=(3, *spec.input_shape))
    outputs = np.array(model(rows.astype("float32")))
    if spec.task == "multiclass":
        np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)
    if spec.task != "regression":
        assert ((outputs >= 0) & (outputs <= 1)).all()


def test_without_hidden_layers_the_network_is_linear():
    model = build(RunConfig.create("line", hidden_layers=0))
    model.set_weights([np.array([[2.0]]), np.array([0.5])])
    np.testing.assert_allclose(model(np.array([[-1.0], [3.0]]))[:, 0], [-1.5, 6.5])


@pytest.mark.parametrize("pixels", ["uint8", "float32"])
def test_pictures_are_scaled_to_the_unit_interval(pixels):
    model = build(RunConfig.create("mnist", hidden_layers=0))
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=weight.shape).astype("float32") for weight in model.get_weights()]
    model.set_weights(weights)
    rows = rng.integers(0, 256, size=(3, 28, 28, 1)).astype(pixels)
    logits = rows.reshape(3, -1) / 255 @ weights[0] + weights[1]
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model(rows), expected, rtol=1e-3, atol=1e-6)


def test_the_choices_reach_the_network():
    config = RunConfig.create(
        "moons",
        hidden_layers=3,
        units=5,
        activation="tanh",
        dropout=0.25,
        loss="mean_squared_error",
        metrics=["auc", "recall"],
        optimizer="rmsprop",
        learning_rate=0.125,
    )
    model = build(config)
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert [(layer.units, layer.activation.__name__) for layer in dense] == [
        *[(5, "tanh")] * 3,
        (1, "sigmoid"),
    ]
    dropout = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert dropout == [0.25] * 3
    assert model.loss.name == "mean_squared_error"
    assert isinstance(model.optimizer, keras.optimizers.RMSprop)
    assert float(model.optimizer.learning_rate) == 0.125


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_can_be_chosen(optimizer):
    model = build(RunConfig.create("moons", optimizer=optimizer, learning_rate=0.5))
    assert type(model.optimizer).__name__.lower() == optimizer
    assert float(model.optimizer.learning_rate) == 0.5


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_can_be_chosen(activation):
    model = build(RunConfig.create("moons", activation=activation))
    assert model.layers[1].activation.__name__ == activation


def test_the_seed_decides_the_first_weights():
    def weights(seed: int) -> np.ndarray:
        keras.utils.set_random_seed(seed)
        return build(RunConfig.create("iris")).get_weights()[0]

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def test_targets_are_a_column_save_for_class_indices_of_many_classes():
    y = np.array([0, 1, 2], "int32")
    assert shaped_targets(y, "multiclass").shape == (3,)
    for task in ("binary", "regression"):
        assert shaped_targets(y, task).shape == (3, 1)
        assert shaped_targets(y, task).dtype == np.float32
