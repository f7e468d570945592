"""The set-up of a training: what is filled in, what is refused and in which words."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from trainer.choices import INITIALIZERS, MAX_EPOCHS, MAX_GENERATED_SAMPLES, MAX_SEED, OPTIMIZERS
from trainer.config import RunConfig, check, defaults_for, parse_choice
from trainer.datasets import DATASETS
from trainer.datasets.leaks import LEAKS
from trainer.datasets.split import split_sizes
from trainer.errors import InvalidInput
from trainer.layers import ACTIVATIONS
from trainer.losses import LOSSES
from trainer.metrics import METRICS

NAN, INF = math.nan, math.inf
HUGE = 10**400  # too large for a float
FIELDS = [field.name for field in dataclasses.fields(RunConfig)]

NO_EPOCHS = "must be a positive integer"
NO_BATCH = "must be a positive integer"
NO_RATE = "must be a positive number"
NO_SHARE = "must be a number from 0 to 0.9"
NO_SEED = f"must be an integer from 0 to {MAX_SEED}"
NO_LAYERS = "must be an integer from 0 to 10"
NO_UNITS = "must be an integer from 1 to 4096"
NO_DROPOUT = "must be a number from 0 to less than 1"
NO_NOISE = "must be a number from 0 to 2"
NO_PENALTY = "must be a number from 0 to 1000"
NO_SMOOTHING = "must be a number from 0 to less than 1"
NO_WEIGHT = "must be none, balanced or 1:k, such as 1:19"
NO_SAMPLES = "must be 0 (all) or an integer from 10 to 20000"
NO_LABEL_NOISE = "must be a number from 0 to 0.5"
NO_IMBALANCE = "must be 0 (as it is) or a number from 0.5 to 0.99"
NO_LEAK = "must be one of none, target_column, duplicated_rows, scaling, selection"
NO_NAME = "must be at most 80 printable characters"

REFUSED = [
    *[("epochs", value, NO_EPOCHS) for value in (0, -1, True, False, 1.5, 5.0, "5", None, NAN)],
    *[("epochs", value, "must be at most 100,000") for value in (10**9, 100_001, HUGE)],
    *[("batch_size", value, NO_BATCH) for value in (0, -1, True, 1.5, 32.0, "32", None, [32])],
    *[
        ("learning_rate", value, NO_RATE)
        for value in (0, 0.0, -1, -0.1, NAN, INF, -INF, HUGE, -HUGE, True, "0.1", None)
    ],
    *[
        ("validation_split", value, NO_SHARE)
        for value in (-0.1, 0.91, 1, 2, NAN, INF, HUGE, True, "0.2", None)
    ],
    *[("seed", value, NO_SEED) for value in (-1, MAX_SEED + 1, HUGE, True, 1.0, "1", None)],
    *[("hidden_layers", value, NO_LAYERS) for value in (-1, 11, True, 1.0, "1", None)],
    *[("units", value, NO_UNITS) for value in (0, -1, 4097, True, 1.0, "1", None)],
    *[("dropout", value, NO_DROPOUT) for value in (-0.1, 1, 1.0, NAN, INF, HUGE, True, "0", None)],
    *[("noise", value, NO_NOISE) for value in (-0.1, 2.1, NAN, INF, HUGE, True, "0.1", None)],
    *[
        ("num_samples", value, NO_SAMPLES)
        for value in (-1, 1, 9, 20_001, HUGE, True, False, 50.0, "50", None)
    ],
    *[
        ("label_noise", value, NO_LABEL_NOISE)
        for value in (-0.1, 0.51, 1, NAN, INF, HUGE, True, "0.1", None)
    ],
    *[
        ("imbalance", value, NO_IMBALANCE)
        for value in (-0.5, 0.1, 0.49, 0.991, 1, NAN, INF, HUGE, True, "0.9", None)
    ],
    *[("leak", value, NO_LEAK) for value in ("", "None", "nonsense", None, 3, ["none"])],
    *[("name", value, NO_NAME) for value in ("x" * 81, "a\x00b", "a\nb", "\ud800", 5, None)],
    *[("l1", value, NO_PENALTY) for value in (-0.1, 1001, NAN, INF, True, "0.1", None)],
    *[("l2", value, NO_PENALTY) for value in (-0.1, 1001, NAN, INF, True, "0.1", None)],
    *[("label_smoothing", value, NO_SMOOTHING) for value in (-0.1, 1, NAN, True, "0.1", None)],
    *[("class_weight", value, NO_WEIGHT) for value in ("", "2:1", "1:0", "1:-3", "19", 19, None)],
    *[
        ("decay_rate", value, "must be a number from more than 0 to 1")
        for value in (0, -0.5, 1.1, NAN, True, "0.5", None)
    ],
    *[("decay_epochs", value, "must be a positive integer") for value in (0, -1, 1.5, True, None)],
    *[("warmup_epochs", value, "must be an integer from 0") for value in (-1, 1.5, True, None)],
    *[("patience", value, "must be an integer from 0") for value in (-1, 1.5, True, "3", None)],
    *[("min_delta", value, "must be 0 or a positive number") for value in (-1, NAN, INF, True)],
    *[("restore_best", value, "must be true or false") for value in (1, 0, "true", None)],
    *[
        ("schedule", value, "must be one of constant, cosine, exponential, step")
        for value in ("", "Cosine", None, 1)
    ],
    *[("direction", value, "must be one of auto, min, max") for value in ("", "up", None)],
    *[
        ("initializer", value, f"must be one of {', '.join(INITIALIZERS)}")
        for value in ("", "he", None, ["zeros"])
    ],
    *[
        ("early_stopping", value, "must be one of none, val_loss, val_accuracy, loss, accuracy")
        for value in ("", "val_auc", "auc", "learning_rate")
    ],
    *[
        ("activation", value, f"must be one of {', '.join(ACTIVATIONS)}")
        for value in ("", "Relu", "nonsense", None, 3, ["relu"])
    ],
    *[
        ("optimizer", value, f"must be one of {', '.join(OPTIMIZERS)}")
        for value in ("", "Adam", "nonsense", None, 3, ["adam"])
    ],
]


@pytest.mark.parametrize(
    ("parameter", "value", "rule"),
    REFUSED,
    ids=[f"{parameter}={repr(value)[:20]}" for parameter, value, _ in REFUSED],
)
def test_a_value_out_of_range_is_refused_with_parameter_rule_and_value(parameter, value, rule):
    with pytest.raises(InvalidInput) as caught:
        RunConfig.create("moons", **{parameter: value})
    message = str(caught.value)
    assert caught.value.parameter == parameter
    assert message.startswith(f"{parameter} {rule}. Got ")
    assert message.endswith(".")
    assert "\n" not in message
    assert repr(value)[:40] in message


def test_the_sentence_is_the_one_that_was_promised():
    with pytest.raises(InvalidInput, match=r"^batch_size must be a positive integer\. Got 0\.$"):
        RunConfig.create("digits", batch_size=0)


def test_a_number_too_long_to_print_is_refused_like_any_other():
    with pytest.raises(InvalidInput, match=r"^epochs must be at most 100,000\. Got "):
        RunConfig.create("digits", epochs=10**5000)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("epochs", 1),
        ("epochs", MAX_EPOCHS),
        ("batch_size", 1),
        ("batch_size", 256),
        ("learning_rate", 1e9),
        ("learning_rate", 1),
        ("learning_rate", 5e-324),
        ("validation_split", 0),
        ("validation_split", 0.9),
        ("test_split", 0),
        ("test_split", 0.9),
        ("seed", 0),
        ("seed", MAX_SEED),
        ("hidden_layers", 0),
        ("hidden_layers", 10),
        ("units", 4096),
        ("dropout", 0.999),
        ("noise", 2),
        ("l1", 1000),
        ("label_smoothing", 0.999),
        ("class_weight", "balanced"),
        ("class_weight", "1:19"),
        ("decay_rate", 1),
        ("warmup_epochs", 100),
        ("patience", 0),
        ("early_stopping", "val_accuracy"),
        ("restore_best", False),
        ("num_samples", 0),
        ("num_samples", 51),
        ("num_samples", 20_000),
        ("label_noise", 0.5),
        ("imbalance", 0),
        ("imbalance", 0.5),
        ("imbalance", 0.8),
        ("leak", "scaling"),
        ("name", "x" * 80),
        ("name", "<b>π</b>"),
        ("metrics", []),
    ],
)
def test_a_value_at_the_edge_of_its_range_is_accepted(parameter, value):
    config = RunConfig.create("moons", **{parameter: value})
    assert getattr(config, parameter) == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_a_batch_may_be_as_large_as_the_training_set_and_no_larger(name, share):
    rows, *_ = split_sizes(DATASETS[name].num_samples, 0.2, share)
    shares = {"test_split": 0.2, "validation_split": share}
    config = RunConfig.create(name, **shares, batch_size=rows)
    assert config.num_training_rows == rows
    assert config.steps_per_epoch == 1
    rule = f"batch_size must be at most the number of training rows, {rows}. Got {rows + 1}."
    with pytest.raises(InvalidInput) as caught:
        RunConfig.create(name, **shares, batch_size=rows + 1)
    assert str(caught.value) == rule


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 256), (32, 8), (33, 8), (255, 2), (256, 1)])
def test_an_epoch_has_as_many_steps_as_batches_with_the_last_smaller_one(batch_size, steps):
    assert RunConfig.create("moons", batch_size=batch_size).steps_per_epoch == steps


@pytest.mark.parametrize("dataset", ["nonsense", "", "Digits", "../digits", 5, None, ["digits"]])
def test_an_unknown_dataset_is_refused_with_the_known_ones(dataset):
    with pytest.raises(InvalidInput, match=r"^dataset must be one of digits, .*\. Got "):
        RunConfig.create(dataset)


def test_an_unknown_parameter_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInput) as caught:
        RunConfig.create("digits", batchsize=32)
    assert str(caught.value).startswith("parameter must be one of dataset, target, task, noise, ")
    assert str(caught.value).endswith("Got 'batchsize'.")


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_accepted_exactly_where_it_fits_the_target(name, loss):
    spec = DATASETS[name]
    if spec.task in LOSSES[loss].tasks:
        assert RunConfig.create(name, loss=loss).loss == loss
    else:
        with pytest.raises(InvalidInput) as caught:
            RunConfig.create(name, loss=loss)
        assert str(caught.value).startswith(f"loss must fit the {spec.task} target of {name}: ")
        assert f"Got '{loss}'." in str(caught.value)


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_is_accepted_exactly_where_it_fits_the_target(name, metric):
    spec = DATASETS[name]
    # Of three classes the right one is always among the three likeliest.
    says_nothing = metric == "top_3_accuracy" and spec.num_classes <= 3
    # A line has one input.
    says_nothing |= metric == "area_under_line" and spec.input_shape != (1,)
    if spec.task in METRICS[metric].tasks and not says_nothing:
        assert RunConfig.create(name, metrics=[metric]).metrics == (metric,)
    else:
        with pytest.raises(InvalidInput) as caught:
            RunConfig.create(name, metrics=[metric])
        assert str(caught.value).startswith(f"metrics must fit the {spec.task} target of {name}: ")
        assert f"Got '{metric}'." in str(caught.value)


@pytest.mark.parametrize(("parameter", "value"), [("loss", "mse"), ("loss", None), ("loss", 1)])
def test_an_unknown_loss_is_refused_with_those_that_fit(parameter, value):
    with pytest.raises(InvalidInput, match=r"^loss must be one of binary_crossentropy, "):
        RunConfig.create("moons", **{parameter: value})


@pytest.mark.parametrize("value", ["accuracy", None, 5, {"accuracy"}])
def test_metrics_that_are_no_list_are_refused(value):
    with pytest.raises(InvalidInput, match=r"^metrics must be a list of names\. Got "):
        RunConfig.create("moons", metrics=value)


@pytest.mark.parametrize("value", [["nonsense"], [None], [["accuracy"]], ["accuracy", 1]])
def test_an_unknown_metric_is_refused_with_those_that_fit(value):
    with pytest.raises(InvalidInput, match=r"^metrics must be one of accuracy, precision, "):
        RunConfig.create("moons", metrics=value)


def test_a_metric_named_twice_is_watched_once():
    config = RunConfig.create("moons", metrics=["auc", "accuracy", "auc"])
    assert config.metrics == ("auc", "accuracy")


def test_noise_is_refused_where_it_makes_no_sense_and_accepted_elsewhere():
    with pytest.raises(InvalidInput, match="^noise must be 0 for imdb, whose data are as given. "):
        RunConfig.create("imdb", noise=0.1)
    for name in DATASETS.keys() - {"imdb", "imdb_words"}:
        assert RunConfig.create(name, noise=0.1).noise == 0.1
    assert RunConfig.create("imdb", noise=0).noise == 0.0


@pytest.mark.parametrize("name", DATASETS)
def test_a_set_that_was_collected_has_no_more_rows_than_it_has(name):
    most = DATASETS[name].num_samples
    if DATASETS[name].origin == "generated":
        more = min(max(most + 1, 10), MAX_GENERATED_SAMPLES)
        assert RunConfig.create(name, num_samples=more).spec.num_samples == more
        return
    assert RunConfig.create(name, num_samples=most).num_training_rows == (
        RunConfig.create(name).num_training_rows
    )
    rule = rf"^num_samples must be 0 \(all\) or an integer from 10 to {most}\. Got {most + 1}\.$"
    with pytest.raises(InvalidInput, match=rule):
        RunConfig.create(name, num_samples=most + 1)


@pytest.mark.parametrize(("parameter", "value"), [("label_noise", 0.1), ("imbalance", 0.9)])
@pytest.mark.parametrize("name", ["line", "diabetes"])
def test_numbers_have_no_classes_to_bend(name, parameter, value):
    rule = f"^{parameter} must be 0 for {name}, which has no classes. Got {value}.$"
    with pytest.raises(InvalidInput, match=rule):
        RunConfig.create(name, **{parameter: value})


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_is_accepted_exactly_where_it_makes_sense(name, leak):
    spec = DATASETS[name]
    needs = {"none": True, "duplicated_rows": spec.num_classes > 0}
    if needs.get(leak, spec.num_classes > 0 and len(spec.feature_names) > 0):
        assert RunConfig.create(name, leak=leak).leak == leak
    else:
        with pytest.raises(InvalidInput) as caught:
            RunConfig.create(name, leak=leak)
        assert str(caught.value).startswith(f"leak must make sense for {name}: one of none")


@pytest.mark.parametrize(
    ("choices", "sizes"),
    [
        ({}, (256, 64, 80)),
        ({"num_samples": 100}, (64, 16, 20)),
        ({"num_samples": 1000}, (640, 160, 200)),
        ({"imbalance": 0.9}, (142, 36, 44)),  # of 222
        ({"leak": "duplicated_rows"}, (512, 128, 80)),  # twice 320
        ({"leak": "duplicated_rows", "num_samples": 50, "imbalance": 0.8}, (40, 10, 6)),  # of 31
        ({"leak": "target_column"}, (256, 64, 80)),
    ],
)
def test_the_form_knows_how_many_rows_a_bent_set_has(choices, sizes):
    config, problems = check("moons", {**choices, "batch_size": 1})
    assert (problems, config.split_sizes) == ({}, sizes)
    _, problems = check("moons", {**choices, "batch_size": sizes[0] + 1})
    assert str(problems["batch_size"]) == (
        f"batch_size must be at most the number of training rows, {sizes[0]}. Got {sizes[0] + 1}."
    )


def test_too_few_rows_to_share_are_a_problem_of_the_share():
    _, problems = check("moons", {"num_samples": 10, "test_split": 0.9, "batch_size": 1})
    assert str(problems["validation_split"]) == (
        "validation_split must be 0 where fewer than two rows are left. Got 0.2."
    )


@pytest.mark.parametrize(
    ("parameter", "value"), [("num_samples", 3), ("imbalance", 1.0), ("leak", "none at all")]
)
def test_a_form_can_draw_its_data_whatever_was_typed(parameter, value):
    config, problems = check("moons", {parameter: value})
    assert set(problems) == {parameter}
    assert repr(value) in str(problems[parameter])
    assert config.spec.num_samples == 400


@pytest.mark.parametrize("name", DATASETS)
def test_the_defaults_of_every_dataset_are_valid_and_complete(name):
    defaults = defaults_for(name)
    assert list(defaults) == FIELDS
    config, problems = check(name, {})
    assert problems == {}
    assert config == RunConfig.create(name) == RunConfig(**defaults)
    assert {field: getattr(config, field) for field in FIELDS} == defaults
    assert DATASETS[name].task in LOSSES[config.loss].tasks
    assert config.metrics
    assert config.title == DATASETS[name].title


@pytest.mark.parametrize("name", DATASETS)
def test_a_config_comes_back_from_json_as_it_was(name):
    config = RunConfig.create(
        name, epochs=7, learning_rate=0.3, validation_split=0.25, seed=MAX_SEED, name="it's “π”"
    )
    stored = json.loads(json.dumps(config.to_dict(), allow_nan=False))
    assert list(stored) == FIELDS
    assert RunConfig.from_dict(stored) == config
    assert hash(RunConfig.from_dict(stored)) == hash(config)


def test_a_stored_config_that_lacks_fields_gets_the_defaults():
    stored = {"dataset": "iris", "epochs": 3, "test_split": 0.2}
    assert RunConfig.from_dict(stored) == RunConfig.create("iris", epochs=3)
    assert RunConfig.from_dict({"test_split": 0.2}) == RunConfig.create("digits")


def test_a_run_older_than_the_sealed_test_set_has_none():
    old = RunConfig.from_dict({"dataset": "iris", "validation_split": 0.2})
    assert old.test_split == 0
    assert split_sizes(old.spec.num_samples, old.test_split, old.validation_split) == (120, 30, 0)


def test_a_stored_config_with_a_field_of_a_newer_version_is_refused():
    with pytest.raises(InvalidInput, match="Got 'telepathy'"):
        RunConfig.from_dict({"dataset": "iris", "telepathy": True})


def test_labels_are_smoothed_only_where_the_loss_has_labels():
    rule = (
        "label_smoothing must be 0 with the loss mean_squared_error, which has no labels to "
        "smooth. Got 0.1."
    )
    for dataset in ("moons", "diabetes"):
        with pytest.raises(InvalidInput) as caught:
            RunConfig.create(dataset, loss="mean_squared_error", label_smoothing=0.1)
        assert str(caught.value) == rule
    assert RunConfig.create("digits", label_smoothing=0.1).targets == "one_hot"


def test_a_class_is_weighed_only_where_there_are_classes():
    with pytest.raises(InvalidInput, match="must be none for line, which has no classes"):
        RunConfig.create("line", class_weight="balanced")
    with pytest.raises(InvalidInput, match=r"must be none, balanced\. Got '1:19'"):
        RunConfig.create("digits", class_weight="1:19")
    assert RunConfig.create("moons", class_weight=" 1 : 19.0 ".strip()).class_weight == "1:19"


def test_without_validation_rows_only_training_values_can_end_a_training():
    rule = "early_stopping must be one of none, loss, accuracy. Got 'val_loss'."
    with pytest.raises(InvalidInput) as caught:
        RunConfig.create("moons", validation_split=0, early_stopping="val_loss")
    assert str(caught.value) == rule


def test_where_neither_direction_is_better_one_has_to_be_said():
    area = {"metrics": ["area_under_line"], "early_stopping": "val_area_under_line"}
    with pytest.raises(InvalidInput) as caught:
        RunConfig.create("line", **area)
    assert str(caught.value) == (
        "direction must be min or max for val_area_under_line, of which neither is better. "
        "Got 'auto'."
    )
    assert RunConfig.create("line", **area, direction="max").direction == "max"


@pytest.mark.parametrize(
    ("dataset", "choices", "targets"),
    [
        ("digits", {}, "index"),
        ("digits", {"metrics": ["accuracy", "top_3_accuracy"]}, "index"),
        ("digits", {"metrics": ["f1"]}, "one_hot"),
        ("digits", {"loss": "mean_squared_error"}, "one_hot"),
        ("digits", {"loss": "categorical_focal_crossentropy"}, "one_hot"),
        ("moons", {"metrics": ["f1", "pr_auc"], "label_smoothing": 0.1}, "binary"),
        ("diabetes", {}, "number"),
    ],
)
def test_targets_have_the_form_that_loss_and_metrics_need(dataset, choices, targets):
    assert RunConfig.create(dataset, **choices).targets == targets


def test_a_form_hears_of_every_problem_at_once_and_keeps_what_was_typed():
    config, problems = check("moons", {"epochs": 0, "units": 0, "loss": "huber", "seed": 3})
    assert set(problems) == {"epochs", "units", "loss"}
    assert (config.epochs, config.units, config.loss, config.seed) == (0, 0, "huber", 3)


def test_a_form_hears_that_the_batch_is_too_large_for_the_share_that_was_chosen():
    _, problems = check("moons", {"batch_size": 100, "validation_split": 0.9})
    assert str(problems["batch_size"]) == (
        "batch_size must be at most the number of training rows, 32. Got 100."
    )
    _, problems = check("moons", {"batch_size": 10_000, "validation_split": 5})
    assert set(problems) == {"validation_split"}


def test_a_config_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RunConfig.create("iris").epochs = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        ("epochs", "5", 5),
        ("batch_size", "-1", -1),
        ("learning_rate", "1e9", 1e9),
        ("learning_rate", "1", 1.0),
        ("validation_split", "0.25", 0.25),
        ("metrics", "auc, accuracy,", ("auc", "accuracy")),
        ("metrics", "", ()),
        ("loss", "huber", "huber"),
        ("leak", "scaling", "scaling"),
        ("num_samples", "500", 500),
        ("imbalance", "0.9", 0.9),
        ("name", "5", "5"),
        ("restore_best", "true", True),
        ("restore_best", "False", False),
        ("restore_best", "maybe", "maybe"),
        ("layers", "dense(3) dropout(0.5)", "dense(3) dropout(0.5)"),
    ],
)
def test_typed_text_becomes_a_value_of_the_parameters_kind(parameter, text, value):
    parsed = parse_choice(parameter, text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("parameter", "text", "words"),
    [
        ("epochs", "five", "an integer"),
        ("epochs", "1.5", "an integer"),
        ("epochs", "", "an integer"),
        ("epochs", "9" * 5000, "an integer"),
        ("learning_rate", "fast", "a number"),
        ("learning_rate", "", "a number"),
    ],
)
def test_typed_text_of_another_kind_is_refused(parameter, text, words):
    with pytest.raises(InvalidInput) as caught:
        parse_choice(parameter, text)
    assert str(caught.value).startswith(f"{parameter} must be {words}. Got '{text[:30]}")


def test_typed_text_for_an_unknown_parameter_is_refused():
    with pytest.raises(InvalidInput, match=r"^parameter must be one of dataset, .* Got 'nope'\.$"):
        parse_choice("nope", "5")


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e400"])
def test_a_typed_number_that_is_not_finite_does_not_train(text):
    with pytest.raises(InvalidInput, match=r"^learning_rate must be a positive number\. Got "):
        RunConfig.create("iris", learning_rate=parse_choice("learning_rate", text))
