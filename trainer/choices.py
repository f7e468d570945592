"""What each choice of a training may be: the names it is chosen from, its range, its rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from trainer.class_weights import ratio_of
from trainer.datasets.leaks import LEAKS, leaks_for
from trainer.datasets.spec import DatasetSpec
from trainer.errors import InvalidInput
from trainer.layers import ACTIVATIONS, parse, written
from trainer.losses import LOSSES, losses_for
from trainer.metrics import METRICS, metrics_for

OPTIMIZERS = ("adam", "sgd", "rmsprop", "adamw", "nadam", "adagrad")
INITIALIZERS = (
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_normal",
    "random_normal",
    "zeros",
)
SCHEDULES = ("constant", "cosine", "exponential", "step")
DIRECTIONS = ("auto", "min", "max")
NONE = "none"
MAX_EPOCHS = 100_000
MAX_SEED = 2**31 - 1
_MAX_LAYERS_TEXT = 1000
MIN_SAMPLES = 10
MAX_GENERATED_SAMPLES = 20_000

_Rule = Callable[[str, object, DatasetSpec], object]


def listed(names: Iterable[str]) -> str:
    """Return names as a sentence gives them."""
    return ", ".join(names)


def _integer(low: int, high: int | None, words: str) -> _Rule:
    def rule(parameter: str, value: object, spec: DatasetSpec) -> int:
        # bool is an int in Python, and True epochs is a mistake, not a 1.
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidInput(parameter, f"must be {words}", value)
        if value < low or (high is not None and value > high):
            raise InvalidInput(parameter, f"must be {words}", value)
        return value

    return rule


def _number(words: str, accepts: Callable[[float], bool]) -> _Rule:
    def rule(parameter: str, value: object, spec: DatasetSpec) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidInput(parameter, f"must be {words}", value)
        try:
            number = float(value)
        except OverflowError:  # an integer of more than 308 digits
            number = math.inf
        if not math.isfinite(number) or not accepts(number):
            raise InvalidInput(parameter, f"must be {words}", value)
        return number

    return rule


def _yes_or_no(parameter: str, value: object, spec: DatasetSpec) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(parameter, "must be true or false", value)
    return value


def _choice(options: tuple[str, ...]) -> _Rule:
    def rule(parameter: str, value: object, spec: DatasetSpec) -> str:
        if not isinstance(value, str) or value not in options:
            raise InvalidInput(parameter, f"must be one of {listed(options)}", value)
        return value

    return rule


def _epochs(parameter: str, value: object, spec: DatasetSpec) -> object:
    positive = _integer(1, None, "a positive integer")(parameter, value, spec)
    return _integer(1, MAX_EPOCHS, f"at most {MAX_EPOCHS:,}")(parameter, positive, spec)


def _noise(parameter: str, value: object, spec: DatasetSpec) -> float:
    noise = _number("a number from 0 to 2", lambda number: 0 <= number <= 2)(parameter, value, spec)
    if noise and not spec.can_be_shaken:
        raise InvalidInput(parameter, f"must be 0 for {spec.name}, whose data are as given", value)
    assert isinstance(noise, float)
    return noise


def _num_samples(parameter: str, value: object, spec: DatasetSpec) -> object:
    most = MAX_GENERATED_SAMPLES if spec.origin == "generated" else spec.num_samples
    words = f"0 (all) or an integer from {MIN_SAMPLES} to {most}"
    number = _integer(0, most, words)(parameter, value, spec)
    return number and _integer(MIN_SAMPLES, most, words)(parameter, number, spec)


def _label_noise(parameter: str, value: object, spec: DatasetSpec) -> object:
    share = _number("a number from 0 to 0.5", lambda number: 0 <= number <= 0.5)
    return _of_classes(parameter, share(parameter, value, spec), spec)


def _imbalance(parameter: str, value: object, spec: DatasetSpec) -> object:
    words = "0 (as it is) or a number from 0.5 to 0.99"
    share = _number(words, lambda number: number == 0 or 0.5 <= number <= 0.99)
    imbalance = _of_classes(parameter, share(parameter, value, spec), spec)
    if imbalance and not spec.class_counts:
        rule = f"must be 0 for {spec.name}, whose classes are not counted"
        raise InvalidInput(parameter, rule, value)
    return imbalance


def _of_classes(parameter: str, value: object, spec: DatasetSpec) -> object:
    if value and not spec.num_classes:
        raise InvalidInput(parameter, f"must be 0 for {spec.name}, which has no classes", value)
    return value


def _leak(parameter: str, value: object, spec: DatasetSpec) -> object:
    fitting = leaks_for(spec)
    if isinstance(value, str) and value in LEAKS and value not in fitting:
        rule = f"must make sense for {spec.name}: one of {listed(fitting)}"
        raise InvalidInput(parameter, rule, value)
    return _choice(fitting)(parameter, value, spec)


def _loss(parameter: str, value: object, spec: DatasetSpec) -> str:
    fitting = tuple(loss.name for loss in losses_for(spec.task))
    return _fitting(parameter, value, spec, tuple(LOSSES), fitting)


def _metrics(parameter: str, value: object, spec: DatasetSpec) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise InvalidInput(parameter, "must be a list of names", value)
    fitting = tuple(metric.name for metric in metrics_for(spec))
    names = [_fitting(parameter, name, spec, tuple(METRICS), fitting) for name in value]
    return tuple(dict.fromkeys(names))


def _fitting(
    parameter: str,
    value: object,
    spec: DatasetSpec,
    known: tuple[str, ...],
    fitting: tuple[str, ...],
) -> str:
    if isinstance(value, str) and value in fitting:
        return value
    if isinstance(value, str) and value in known:
        rule = f"must fit the {spec.task} target of {spec.name}: one of {listed(fitting)}"
    else:
        rule = f"must be one of {listed(fitting)}"
    raise InvalidInput(parameter, rule, value)


def _text(parameter: str, value: object, spec: DatasetSpec) -> str:
    if not isinstance(value, str):
        raise InvalidInput(parameter, "must be a name", value)
    return value


def _layers(parameter: str, value: object, spec: DatasetSpec) -> str:
    if not isinstance(value, str) or len(value) > _MAX_LAYERS_TEXT:
        rule = f"must be at most {_MAX_LAYERS_TEXT} characters, such as flatten dense(64)"
        raise InvalidInput(parameter, rule, value)
    return written(parse(value))


def _class_weight(parameter: str, value: object, spec: DatasetSpec) -> str:
    by_ratio = " or 1:k, such as 1:19" if spec.task == "binary" else ""
    if spec.task == "regression":
        rule = f"must be {NONE} for {spec.name}, which has no classes"
    else:
        rule = f"must be {NONE}, balanced{by_ratio}"
    if isinstance(value, str):
        if value == NONE or (value == "balanced" and spec.num_classes):
            return value
        ratio = ratio_of(value)
        if by_ratio and ratio is not None:
            return f"1:{ratio:g}"
    raise InvalidInput(parameter, rule, value)


def _name(parameter: str, value: object, spec: DatasetSpec) -> str:
    if not isinstance(value, str) or len(value) > 80 or not (value.isprintable() or not value):
        raise InvalidInput(parameter, "must be at most 80 printable characters", value)
    return value.strip()


def any_text(parameter: str, value: object) -> str:
    """Return a value that must be a text.

    Raises:
        InvalidInput: It is not.
    """
    if not isinstance(value, str):
        raise InvalidInput(parameter, "must be a text", value)
    return value


# By the name of a field of `RunConfig`: gives the value as it is kept, or raises `InvalidInput`.
RULES: Mapping[str, _Rule] = {
    "dataset": lambda parameter, value, spec: value,
    "target": lambda parameter, value, spec: value,
    "task": lambda parameter, value, spec: value,
    "noise": _noise,
    "num_samples": _num_samples,
    "label_noise": _label_noise,
    "imbalance": _imbalance,
    "leak": _leak,
    "hidden_layers": _integer(0, 10, "an integer from 0 to 10"),
    "units": _integer(1, 4096, "an integer from 1 to 4096"),
    "activation": _choice(ACTIVATIONS),
    "dropout": _number("a number from 0 to less than 1", lambda number: 0 <= number < 1),
    "layers": _layers,
    "initializer": _choice(INITIALIZERS),
    "l1": _number("a number from 0 to 1000", lambda number: 0 <= number <= 1000),
    "l2": _number("a number from 0 to 1000", lambda number: 0 <= number <= 1000),
    "loss": _loss,
    "label_smoothing": _number("a number from 0 to less than 1", lambda number: 0 <= number < 1),
    "class_weight": _class_weight,
    "metrics": _metrics,
    "optimizer": _choice(OPTIMIZERS),
    "learning_rate": _number("a positive number", lambda number: number > 0),
    "schedule": _choice(SCHEDULES),
    "decay_rate": _number("a number from more than 0 to 1", lambda number: 0 < number <= 1),
    "decay_epochs": _integer(1, MAX_EPOCHS, "a positive integer"),
    "warmup_epochs": _integer(0, MAX_EPOCHS, "an integer from 0"),
    "epochs": _epochs,
    "early_stopping": _text,
    "patience": _integer(0, MAX_EPOCHS, "an integer from 0"),
    "min_delta": _number("0 or a positive number", lambda number: number >= 0),
    "direction": _choice(DIRECTIONS),
    "restore_best": _yes_or_no,
    "batch_size": _integer(1, None, "a positive integer"),
    "checkpoint_every": _integer(0, MAX_EPOCHS, f"an integer from 0 to {MAX_EPOCHS}"),
    "test_split": _number("a number from 0 to 0.9", lambda number: 0 <= number <= 0.9),
    "validation_split": _number("a number from 0 to 0.9", lambda number: 0 <= number <= 0.9),
    "validate": _yes_or_no,
    "fair_curve": _yes_or_no,
    "seed": _integer(0, MAX_SEED, f"an integer from 0 to {MAX_SEED}"),
    "name": _name,
}


def early_stopping_for(metrics: Sequence[str], *, validation: bool) -> tuple[str, ...]:
    """Return what can end a training early: "none", or the name of a logged value.

    Args:
        metrics: What is watched beside the loss.
        validation: Whether there are validation rows.
    """
    names = ("loss", *metrics)
    held_out = tuple(f"val_{name}" for name in names) if validation else ()
    return (NONE, *held_out, *names)


def direction_of(logged: str) -> str | None:
    """Return whether a logged value is to fall or to rise, "min" or "max"; None if neither."""
    name = logged.removeprefix("val_")
    better = METRICS[name].better if name in METRICS else "lower"
    return {"lower": "min", "higher": "max", None: None}[better]
