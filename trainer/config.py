"""RunConfig: every choice of a training in one flat, validated, serialisable object."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.choices import NONE, RULES, any_text, direction_of, early_stopping_for, listed
from trainer.datasets import find
from trainer.datasets.shaping import Bend, Leak
from trainer.datasets.spec import FORMS, Arrays, DatasetSpec, LoadOptions, Progress, Targets
from trainer.datasets.split import Parts, Split, bent_spec, part_rows, split, split_sizes
from trainer.errors import DatasetUnavailable, InvalidInput
from trainer.layers import Placed, input_shape, parse, place
from trainer.losses import LOSSES, losses_for
from trainer.metrics import METRICS, metrics_for
from trainer.presets import dense_layers
from trainer.runs import Run


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
        num_samples: Rows that are taken, at least 10; 0 for all there are, or, of a generated set,
            as many as are usually made.
        noise: Standard deviation of the noise, 0 to 2: of most generated sets as they make it,
            elsewhere in units of each column's, or each picture's, own deviation. 0 for uploads.
        label_noise: Share of wrong labels among the training and validation rows, 0 to 0.5.
        imbalance: Share of the largest class in a pair with any other, 0.5 to 0.99, by thinning;
            0 for as it is.
        leak: Key of `LEAKS`; must fit the dataset.
        hidden_layers: Number of hidden layers, 0 to 10.
        units: Units in each hidden layer, 1 to 4096.
        activation: Activation of the hidden layers.
        dropout: Share of hidden units switched off in each step, 0 (none) to less than 1.
        layers: The hidden layers as `trainer.layers` writes them; then `hidden_layers`, `units` and
            `dropout` say nothing, and `activation` is that of layers that name none. Empty for
            the stack which those four make.
        initializer: How the first weights are drawn, one of `INITIALIZERS`.
        l1: Weight in the loss of the sum of all kernels' absolute values, 0 (none) or more.
        l2: The same of their squares.
        loss: Key of `LOSSES`; must fit the dataset's task.
        label_smoothing: Share of each label that is given to all classes alike, 0 to less than 1.
        class_weight: How much a row counts, by its class: "none", "balanced" (each class as much as
            any other), or "1:19" (a row of the second of two classes 19 times as much).
        metrics: Keys of `METRICS`; must fit the dataset's task.
        optimizer: One of `OPTIMIZERS`.
        learning_rate: Size of an update, positive and finite.
        schedule: How it changes, one of `SCHEDULES`: to 0 at the end along a cosine, or by the
            factor `decay_rate` every `decay_epochs` epochs, evenly or in steps.
        decay_rate: Factor of an exponential or step schedule, more than 0 to 1.
        decay_epochs: After so many epochs it has been applied once, a positive integer.
        warmup_epochs: The learning rate rises evenly from 0 in so many epochs; 0 for none.
        epochs: Passes over the training set, 1 to 100,000.
        early_stopping: The logged value whose standstill ends the training, e.g. "val_loss", or
            "none".
        patience: For so many epochs that value may stand still, 0 or more.
        min_delta: What changes by no more stands still, 0 or more.
        direction: Whether the value is to fall or to rise, "min" or "max"; "auto" is what its table
            says.
        restore_best: Whether the weights of the value's best epoch are kept as the best.
        batch_size: Rows per update, from 1 to the number of training rows.
        checkpoint_every: After every so many epochs a checkpoint stays, beside those after the last
            and the best one; 0 for none.
        test_split: Share of the rows sealed away for a test at the end, 0 (none) to 0.9.
        validation_split: Share of the other rows held out for validation, 0 (none) to 0.9.
        validate: Whether the validation rows are looked at after each epoch.
        fair_curve: Whether the loss of some training rows is looked at after each epoch as that of
            the validation rows is: with the weights of the epoch's end, and without dropout.
        seed: Seed of the split, the weights, the order of the batches and the dropout.
        name: What people call the run; empty for a name made of the dataset's.
    """

    dataset: str
    target: str
    task: str
    noise: float
    num_samples: int
    label_noise: float
    imbalance: float
    leak: Leak
    hidden_layers: int
    units: int
    activation: str
    dropout: float
    layers: str
    initializer: str
    l1: float
    l2: float
    loss: str
    label_smoothing: float
    class_weight: str
    metrics: tuple[str, ...]
    optimizer: str
    learning_rate: float
    schedule: str
    decay_rate: float
    decay_epochs: int
    warmup_epochs: int
    epochs: int
    early_stopping: str
    patience: int
    min_delta: float
    direction: str
    restore_best: bool
    batch_size: int
    checkpoint_every: int
    test_split: float
    validation_split: float
    validate: bool
    fair_curve: bool
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
        """What is known of the dataset as the choices that bend it leave it.

        Raises:
            DatasetUnavailable: It is an upload that is gone.
        """
        return bent_spec(self.unbent_spec, self.bend)

    @property
    def unbent_spec(self) -> DatasetSpec:
        """What is known of the dataset as it is.

        Raises:
            DatasetUnavailable: It is an upload that is gone.
        """
        return find(self.dataset, target=self.target, task=self.task)

    @property
    def bend(self) -> Bend:
        """How the dataset is bent."""
        return Bend(
            num_samples=self.num_samples,
            noise=self.noise,
            label_noise=self.label_noise,
            imbalance=self.imbalance,
            leak=self.leak,
            seed=self.seed,
        )

    @property
    def split_sizes(self) -> tuple[int, int, int]:
        """Rows to train on, to validate on and to test on, known without loading them."""
        return split_sizes(self.spec.num_samples, self.test_split, self.validation_split, self.leak)

    @property
    def num_training_rows(self) -> int:
        """Rows that are trained on."""
        return self.split_sizes[0]

    @property
    def validates(self) -> bool:
        """Whether there are validation rows, and they are looked at after each epoch."""
        return self.validate and self.validation_split > 0

    @property
    def steps_per_epoch(self) -> int:
        """Updates in one epoch; the last batch may be smaller."""
        return math.ceil(self.num_training_rows / self.batch_size)

    @property
    def stack(self) -> tuple[Placed, ...]:
        """The hidden layers with their shapes, between the input and the output layer.

        Raises:
            InvalidInput: A layer is unknown or does not fit the data; names the layer.
        """
        layers = parse(self.layers) or dense_layers(
            self.spec, hidden_layers=self.hidden_layers, units=self.units, dropout=self.dropout
        )
        complete = [layer.with_defaults(activation=self.activation) for layer in layers]
        return place(complete, input_shape(self.spec))

    @property
    def targets(self) -> Targets:
        """The form of the targets that loss and metrics can all be computed of."""
        forms = FORMS[self.spec.task]
        tables = [LOSSES[self.loss].calls, *(METRICS[name].calls for name in self.metrics)]
        shared = [form for form in forms if all(form in calls for calls in tables)]
        return forms[-1] if self.label_smoothing or not shared else shared[0]

    def load_options(self, progress: Progress | None = None) -> LoadOptions:
        """Return what the dataset's loader is told."""
        options = LoadOptions(noise=self.noise, num_samples=self.num_samples, seed=self.seed)
        return options if progress is None else dataclasses.replace(options, progress=progress)

    def split(self, arrays: Arrays) -> Split:
        """Return the rows in the parts that this run trains, validates and tests on.

        Args:
            arrays: What the dataset's loader returned for `load_options`.
        """
        return split(arrays, self.unbent_spec, **self._parting)

    def parts(self, arrays: Arrays) -> Parts:
        """Return the rows of `split` before anything is scaled or encoded.

        Args:
            arrays: What the dataset's loader returned for `load_options`.
        """
        return part_rows(arrays, self.unbent_spec, **self._parting)

    @property
    def _parting(self) -> dict[str, Any]:
        return {
            "test_split": self.test_split,
            "validation_split": self.validation_split,
            "seed": self.seed,
            "bend": self.bend,
        }

    @property
    def subject(self) -> str:
        """What is learnt from, in a word: the dataset's name, or that of the file."""
        return self.spec.title if self.spec.origin == "uploaded" else self.dataset

    @property
    def title(self) -> str:
        """The run's name for people."""
        return self.name or self.spec.title


def config_of(run: Run) -> RunConfig | None:
    """Return what the form said when a run was started; None if no form of today says it."""
    if "dataset" not in run.config:
        return None
    try:
        return RunConfig.from_dict(run.config)
    except (InvalidInput, DatasetUnavailable):
        return None


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
        "num_samples": 0,
        "label_noise": 0.0,
        "imbalance": 0.0,
        "leak": "none",
        "hidden_layers": 1,
        "units": 64,
        "activation": "relu",
        "dropout": 0.0,
        "layers": "",
        "initializer": "glorot_uniform",
        "l1": 0.0,
        "l2": 0.0,
        "loss": losses_for(spec.task)[0].name,
        "label_smoothing": 0.0,
        "class_weight": NONE,
        "metrics": (metrics_for(spec)[0].name,),
        "optimizer": "adam",
        "learning_rate": 0.001,
        "schedule": "constant",
        "decay_rate": 0.5,
        "decay_epochs": 10,
        "warmup_epochs": 0,
        "epochs": 100,
        "early_stopping": NONE,
        "patience": 10,
        "min_delta": 0.0,
        "direction": "auto",
        "restore_best": True,
        "batch_size": 32,
        "checkpoint_every": 0,
        "test_split": 0.2,
        "validation_split": 0.2,
        "validate": True,
        "fair_curve": False,
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
    target, task = (any_text(name, choices.get(name, "")) for name in ("target", "task"))
    spec = find(dataset, target=target, task=task)
    values = _defaults(spec, target, task)
    for parameter in choices:
        if parameter not in values:
            raise InvalidInput("parameter", f"must be one of {listed(values)}", parameter)
    problems: dict[str, InvalidInput] = {}
    for parameter, value in {**values, **choices}.items():
        try:
            values[parameter] = RULES[parameter](parameter, value, spec)
        except InvalidInput as problem:
            problems[parameter] = problem
            # Without these there would be no spec to draw a form and its data from.
            if parameter not in ("num_samples", "imbalance", "leak"):
                values[parameter] = value
    config = RunConfig(**values)
    if not _DECIDE_ROWS & problems.keys():
        try:
            num_training_rows = config.num_training_rows
        except InvalidInput as problem:  # too few rows are left to be shared
            problems[problem.parameter] = problem
        else:
            if "batch_size" not in problems and config.batch_size > num_training_rows:
                rule = f"must be at most the number of training rows, {num_training_rows}"
                problems["batch_size"] = InvalidInput("batch_size", rule, config.batch_size)
    for names, check_together in _TOGETHER:
        if not {*names} & problems.keys():
            try:
                check_together(config)
            except InvalidInput as problem:
                problems[problem.parameter] = problem
    return config, problems


def _check_stack(config: RunConfig) -> None:
    _ = config.stack


def _check_smoothing(config: RunConfig) -> None:
    if config.label_smoothing and not LOSSES[config.loss].smooths:
        rule = f"must be 0 with the loss {config.loss}, which has no labels to smooth"
        raise InvalidInput("label_smoothing", rule, config.label_smoothing)


def _check_early_stopping(config: RunConfig) -> None:
    offered = early_stopping_for(config.metrics, validation=config.validates)
    if config.early_stopping not in offered:
        rule = f"must be one of {listed(offered)}"
        raise InvalidInput("early_stopping", rule, config.early_stopping)
    is_open = config.early_stopping != NONE and direction_of(config.early_stopping) is None
    if is_open and config.direction == "auto":
        rule = f"must be min or max for {config.early_stopping}, of which neither is better"
        raise InvalidInput("direction", rule, config.direction)


# What decides how many rows there are to train on.
_DECIDE_ROWS = frozenset(("num_samples", "imbalance", "leak", "test_split", "validation_split"))
# What can be checked only once several fields are sound by themselves.
_TOGETHER: tuple[tuple[tuple[str, ...], Callable[[RunConfig], None]], ...] = (
    (("layers", "hidden_layers", "units", "activation", "dropout"), _check_stack),
    (("loss", "label_smoothing"), _check_smoothing),
    (
        ("metrics", "validation_split", "validate", "early_stopping", "direction"),
        _check_early_stopping,
    ),
)


def parse_choice(parameter: str, text: str) -> object:
    """Return the value that `text`, as typed on a command line or in a URL, stands for.

    Raises:
        InvalidInput: The parameter is unknown, or the text is not of its kind.
    """
    kinds = {field.name: str(field.type) for field in dataclasses.fields(RunConfig)}
    if parameter not in kinds:
        raise InvalidInput("parameter", f"must be one of {listed(kinds)}", parameter)
    kind = kinds[parameter]
    if kind in ("str", "Leak"):
        return text
    if kind.startswith("tuple"):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return int(text) if kind == "int" else float(text)
    except ValueError:
        words = "an integer" if kind == "int" else "a number"
        raise InvalidInput(parameter, f"must be {words}", text) from None
