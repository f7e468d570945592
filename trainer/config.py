"""RunConfig: every choice of a training in one flat, validated, serialisable object."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.datasets import find
from trainer.datasets.spec import Arrays, DatasetSpec
from trainer.datasets.split import Split, split, split_sizes
from trainer.errors import InvalidInput
from trainer.losses import LOSSES, losses_for
from trainer.metrics import METRICS, metrics_for

ACTIVATIONS = ("relu", "tanh", "sigmoid", "elu", "gelu", "linear")
OPTIMIZERS = ("adam", "sgd", "rmsprop", "adamw", "nadam", "adagrad")
MAX_EPOCHS = 100_000
MAX_SEED = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """The set-up of one training.

    Build one with `RunConfig.create`, which fills in what suits the dataset and refuses what
    cannot be trained; the plain constructor checks nothing.

    Attributes:
        dataset: Key of `DATASETS`, or the name of an upload.
        target: The column of an upload that is predicted; empty for other sets.
        task: Kind of an upload's target, "binary", "multiclass" or "regression"; empty for the one
            that its values suggest, and for other sets.
        noise: Standard deviation of the noise of a generated set; 0 elsewhere.
        hidden_layers: Number of hidden layers, 0 to 10.
        units: Units in each hidden layer, 1 to 4096.
        activation: Activation of the hidden layers.
        dropout: Share of hidden units switched off in each step, 0 (none) to less than 1.
        loss: Key of `LOSSES`; must fit the dataset's task.
        metrics: Keys of `METRICS`; must fit the dataset's task.
        optimizer: One of `OPTIMIZERS`.
        learning_rate: Size of an update, positive and finite.
        epochs: Passes over the training set, 1 to 100,000.
        batch_size: Rows per update, from 1 to the number of training rows.
        test_split: Share of the rows sealed away for a test at the end, 0 (none) to 0.9.
        validation_split: Share of the other rows held out for validation, 0 (none) to 0.9.
        seed: Seed of the split, the weights, the order of the batches and the dropout.
        name: What people call the run; empty for a name made of the dataset's.
    """

    dataset: str
    target: str
    task: str
    noise: float
    hidden_layers: int
    units: int
    activation: str
    dropout: float
    loss: str
    metrics: tuple[str, ...]
    optimizer: str
    learning_rate: float
    epochs: int
    batch_size: int
    test_split: float
    validation_split: float
    seed: int
    name: str

    @classmethod
    def create(cls, dataset: str = "digits", **choices: object) -> RunConfig:
        """Return the dataset's defaults overridden by `choices`.

        Raises:
            InvalidInput: A choice has an unknown name, a wrong type or a value out of range.
        """
        candidate, problems = check(dataset, choices)
        for problem in problems.values():
            raise problem
        return candidate

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> RunConfig:
        """Return the config that `to_dict` made; fields it lacks get the dataset's defaults.

        A run without a `test_split` is older than the sealed test set: it trained on those rows
        too, so it has none.
        """
        choices: dict[str, Any] = {"test_split": 0.0, **stored}
        return cls.create(str(choices.pop("dataset", "digits")), **choices)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that survive JSON."""
        return {**dataclasses.asdict(self), "metrics": list(self.metrics)}

    @property
    def spec(self) -> DatasetSpec:
        """The dataset's description.

        Raises:
            DatasetUnavailable: It is an upload that is gone.
        """
        return find(self.dataset, target=self.target, task=self.task)

    @property
    def num_training_rows(self) -> int:
        """Rows that are trained on."""
        return split_sizes(self.spec.num_samples, self.test_split, self.validation_split)[0]

    @property
    def steps_per_epoch(self) -> int:
        """Updates in one epoch; the last batch may be smaller."""
        return math.ceil(self.num_training_rows / self.batch_size)

    def split(self, arrays: Arrays) -> Split:
        """Return the dataset's rows in the parts that this run trains, validates and tests on."""
        return split(
            arrays,
            self.spec,
            test_split=self.test_split,
            validation_split=self.validation_split,
            seed=self.seed,
        )

    @property
    def title(self) -> str:
        """The run's name for people."""
        return self.name or self.spec.title


def defaults_for(dataset: str, *, target: str = "", task: str = "") -> dict[str, Any]:
    """Return the value of every `RunConfig` field on this dataset when nothing else is chosen.

    Raises:
        InvalidInput: There is no such dataset, or its target or task is another.
        DatasetUnavailable: It is an upload that is gone.
    """
    return _defaults(find(dataset, target=target, task=task), target, task)


def _defaults(spec: DatasetSpec, target: str, task: str) -> dict[str, Any]:
    return {
        "dataset": spec.name,
        "target": target,
        "task": task,
        "noise": spec.default_noise or 0.0,
        "hidden_layers": 1,
        "units": 64,
        "activation": "relu",
        "dropout": 0.0,
        "loss": losses_for(spec.task)[0].name,
        "metrics": (metrics_for(spec.task, spec.num_classes)[0].name,),
        "optimizer": "adam",
        "learning_rate": 0.001,
        "epochs": 100,
        "batch_size": 32,
        "test_split": 0.2,
        "validation_split": 0.2,
        "seed": 0,
        "name": "",
        **spec.defaults,
    }


def check(dataset: str, choices: Mapping[str, object]) -> tuple[RunConfig, dict[str, InvalidInput]]:
    """Return the config with these choices and, by parameter, what is wrong with it.

    A form shows each problem beside its field; `RunConfig.create` raises the first.

    Raises:
        InvalidInput: The dataset, its target or the name of a choice is unknown.
        DatasetUnavailable: The dataset is an upload that is gone.
    """
    target, task = (_text(name, choices.get(name, "")) for name in ("target", "task"))
    spec = find(dataset, target=target, task=task)
    values = _defaults(spec, target, task)
    for parameter in choices:
        if parameter not in values:
            raise InvalidInput("parameter", f"must be one of {_listed(values)}", parameter)
    problems: dict[str, InvalidInput] = {}
    for parameter, value in {**values, **choices}.items():
        try:
            values[parameter] = _RULES[parameter](parameter, value, spec)
        except InvalidInput as problem:
            problems[parameter] = problem
            values[parameter] = value
    if not {"batch_size", "test_split", "validation_split"} & problems.keys():
        num_training_rows, *_ = split_sizes(
            spec.num_samples, values["test_split"], values["validation_split"]
        )
        if values["batch_size"] > num_training_rows:
            rule = f"must be at most the number of training rows, {num_training_rows}"
            problems["batch_size"] = InvalidInput("batch_size", rule, values["batch_size"])
    return RunConfig(**values), problems


_Rule = Callable[[str, object, DatasetSpec], object]


def _listed(names: Mapping[str, object] | tuple[str, ...]) -> str:
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


def _choice(options: tuple[str, ...]) -> _Rule:
    def rule(parameter: str, value: object, spec: DatasetSpec) -> str:
        if not isinstance(value, str) or value not in options:
            raise InvalidInput(parameter, f"must be one of {_listed(options)}", value)
        return value

    return rule


def _epochs(parameter: str, value: object, spec: DatasetSpec) -> object:
    positive = _integer(1, None, "a positive integer")(parameter, value, spec)
    return _integer(1, MAX_EPOCHS, f"at most {MAX_EPOCHS:,}")(parameter, positive, spec)


def _noise(parameter: str, value: object, spec: DatasetSpec) -> float:
    noise = _number("a number from 0 to 2", lambda number: 0 <= number <= 2)(parameter, value, spec)
    if noise and spec.default_noise is None:
        raise InvalidInput(parameter, f"must be 0 for {spec.name}, whose data are as given", value)
    assert isinstance(noise, float)
    return noise


def _loss(parameter: str, value: object, spec: DatasetSpec) -> str:
    fitting = tuple(loss.name for loss in losses_for(spec.task))
    return _fitting(parameter, value, spec, tuple(LOSSES), fitting)


def _metrics(parameter: str, value: object, spec: DatasetSpec) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise InvalidInput(parameter, "must be a list of names", value)
    fitting = tuple(metric.name for metric in metrics_for(spec.task, spec.num_classes))
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
        rule = f"must fit the {spec.task} target of {spec.name}: one of {_listed(fitting)}"
    else:
        rule = f"must be one of {_listed(fitting)}"
    raise InvalidInput(parameter, rule, value)


def _name(parameter: str, value: object, spec: DatasetSpec) -> str:
    if not isinstance(value, str) or len(value) > 80 or not (value.isprintable() or not value):
        raise InvalidInput(parameter, "must be at most 80 printable characters", value)
    return value.strip()


def _text(parameter: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(parameter, "must be a text", value)
    return value


_RULES: Mapping[str, _Rule] = {
    "dataset": lambda parameter, value, spec: value,
    "target": lambda parameter, value, spec: value,
    "task": lambda parameter, value, spec: value,
    "noise": _noise,
    "hidden_layers": _integer(0, 10, "an integer from 0 to 10"),
    "units": _integer(1, 4096, "an integer from 1 to 4096"),
    "activation": _choice(ACTIVATIONS),
    "dropout": _number("a number from 0 to less than 1", lambda number: 0 <= number < 1),
    "loss": _loss,
    "metrics": _metrics,
    "optimizer": _choice(OPTIMIZERS),
    "learning_rate": _number("a positive number", lambda number: number > 0),
    "epochs": _epochs,
    "batch_size": _integer(1, None, "a positive integer"),
    "test_split": _number("a number from 0 to 0.9", lambda number: 0 <= number <= 0.9),
    "validation_split": _number("a number from 0 to 0.9", lambda number: 0 <= number <= 0.9),
    "seed": _integer(0, MAX_SEED, f"an integer from 0 to {MAX_SEED}"),
    "name": _name,
}


def parse_choice(parameter: str, text: str) -> object:
    """Return the value that `text`, as typed on a command line or in a URL, stands for.

    Raises:
        InvalidInput: The parameter is unknown, or the text is not of its kind.
    """
    kinds = {field.name: str(field.type) for field in dataclasses.fields(RunConfig)}
    if parameter not in kinds:
        raise InvalidInput("parameter", f"must be one of {_listed(kinds)}", parameter)
    kind = kinds[parameter]
    if kind == "str":
        return text
    if kind.startswith("tuple"):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    try:
        return int(text) if kind == "int" else float(text)
    except ValueError:
        words = "an integer" if kind == "int" else "a number"
        raise InvalidInput(parameter, f"must be {words}", text) from None
