"""The form of a run: widgets -> plain values -> RunConfig, with each problem beside its field.

Every widget is bound to the query parameter of its own name, so the page's address holds the
whole set-up, and a link fills somebody else's form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from trainer.config import ACTIVATIONS, OPTIMIZERS, RunConfig, check, defaults_for
from trainer.datasets import DATASETS, find
from trainer.errors import DatasetUnavailable, InvalidInput
from trainer.losses import LOSSES, losses_for
from trainer.metrics import METRICS, metrics_for
from trainer.runs import Run

_HELP: Mapping[str, str] = {
    "dataset": "What the network learns from: rows whose answer is known.",
    "noise": "How much the generated points are shaken; more noise is harder to learn.",
    "test_split": "The share of rows sealed away until all tuning is done: the honest exam at the "
    "end.",
    "validation_split": "The share of the other rows that training never sees, to find out how "
    "well the network does on new ones.",
    "hidden_layers": "How many layers stand between input and output; 0 is a linear model.",
    "units": "How many units each hidden layer has; more can learn more, and overfit more.",
    "activation": "The bend in each unit; without one (linear), many layers can do no more than "
    "one.",
    "dropout": "The share of units switched off at random in each step, against overfitting; "
    "0 is none.",
    "loss": "What training minimises, step by step.",
    "metrics": "What is only watched: training never looks at it.",
    "optimizer": "The rule that turns slopes into updates of the weights.",
    "learning_rate": "How large each update is: too small learns slowly, too large never settles.",
    "epochs": "How many times training passes over all training rows.",
    "batch_size": "How many rows make one update of the weights.",
    "seed": "Fixes everything random: the same seed gives the same curves again.",
    "name": "What the run is called in lists; may stay empty.",
}


class RunForm:
    """The form; drawing it is reading it.

    Attributes:
        config: What the form says, also where some of it is wrong.
        problems: What is wrong, by parameter.
    """

    def __init__(self) -> None:
        self._values: dict[str, object] = {}
        # A problem is known only when all fields are read; each field keeps a place for its own.
        self._places: dict[str, DeltaGenerator] = {}
        st.subheader("Data", anchor=False)
        dataset = str(self._choice("dataset", "Dataset", tuple(DATASETS), "digits", _new_dataset))
        spec = find(dataset)
        self._defaults = defaults_for(dataset)
        if spec.default_noise is not None:
            self._number("noise", "Noise", step=0.05)
        left, right = st.columns(2)
        with left:
            self._number("validation_split", "Validation share", step=0.05)
        with right:
            self._number("test_split", "Test share", step=0.05)
        st.subheader("Model", anchor=False)
        left, right = st.columns(2)
        with left:
            self._number("hidden_layers", "Hidden layers", step=1)
            self._choice("activation", "Activation", ACTIVATIONS)
        with right:
            self._number("units", "Units", step=1)
            self._number("dropout", "Dropout", step=0.1)
        st.subheader("Training", anchor=False)
        losses = tuple(loss.name for loss in losses_for(spec.task))
        self._choice("loss", "Loss", losses, notes={n: LOSSES[n].help for n in losses})
        self._metrics(tuple(metric.name for metric in metrics_for(spec.task, spec.num_classes)))
        left, right = st.columns(2)
        with left:
            self._choice("optimizer", "Optimizer", OPTIMIZERS)
            self._number("epochs", "Epochs", step=1)
            self._number("seed", "Seed", step=1)
        with right:
            self._number("learning_rate", "Learning rate", step=0.001, format="%g")
            self._number("batch_size", "Batch size", step=1)
            self._text("name", "Name")
        self.config, self.problems = check(dataset, self._values)
        for parameter, problem in self.problems.items():
            self._places[parameter].caption(f":red[:material/error: {escaped(str(problem))}]")

    def _choice(
        self,
        parameter: str,
        label: str,
        options: tuple[str, ...],
        default: str | None = None,
        on_change: Any = None,
        notes: Mapping[str, str] | None = None,
    ) -> object:
        default = default or str(self._defaults[parameter])
        value = st.selectbox(
            label,
            options,
            index=options.index(default),
            key=parameter,
            help=_with_notes(_HELP[parameter], notes),
            on_change=on_change,
            bind="query-params",
            persist_state="session",
        )
        if parameter != "dataset":
            self._keep(parameter, value)
        return value

    def _metrics(self, options: tuple[str, ...]) -> None:
        value = st.multiselect(
            "Metrics",
            options,
            default=list(self._defaults["metrics"]),
            key="metrics",
            help=_with_notes(_HELP["metrics"], {name: METRICS[name].help for name in options}),
            placeholder="None but the loss",
            bind="query-params",
            persist_state="session",
        )
        self._keep("metrics", tuple(value))

    def _number(self, parameter: str, label: str, **arguments: Any) -> None:
        value = st.number_input(
            label,
            value=self._defaults[parameter],
            key=parameter,
            help=_HELP[parameter],
            bind="query-params",
            persist_state="session",
            **arguments,
        )
        self._keep(parameter, value)

    def _text(self, parameter: str, label: str) -> None:
        value = st.text_input(
            label,
            value=self._defaults[parameter],
            key=parameter,
            help=_HELP[parameter],
            max_chars=80,
            placeholder="optional",
            bind="query-params",
            persist_state="session",
        )
        self._keep(parameter, value)

    def _keep(self, parameter: str, value: object) -> None:
        self._values[parameter] = value
        self._places[parameter] = st.empty()


def config_of(run: Run) -> RunConfig | None:
    """Return what the form said when a run was started; None if no form of today says it."""
    if "dataset" not in run.config:
        return None
    try:
        return RunConfig.from_dict(run.config)
    except (InvalidInput, DatasetUnavailable):
        return None


def has_validation(run: Run) -> bool | None:
    """Return whether a run has validation data; None where that is not known."""
    config = config_of(run)
    return None if config is None else config.validation_split > 0


def fill(config: RunConfig) -> None:
    """Fill the form with a run's set-up, save what the page's address says; call it before drawing.

    Streamlit leaves out of an address what has its default, so one that names any choice is whole.
    """
    values = config.to_dict()
    if not values.keys() & st.query_params.keys():
        st.session_state.update(values)


def form_link(config: RunConfig, **more: str) -> str:
    """Return the address, below the server's, that fills the form with a config."""
    defaults = defaults_for(config.dataset, target=config.target, task=config.task)
    chosen = {
        parameter: value
        for parameter, value in config.to_dict().items()
        if parameter == "dataset"
        or value != _plain(defaults[parameter])
        or (parameter in ("target", "task") and value)
    }
    # An empty list must be said too: without a word the form would show the default.
    said = {name: "" if value == [] else value for name, value in {**chosen, **more}.items()}
    return "/?" + urlencode(said, doseq=True)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _new_dataset() -> None:
    # What suited the last dataset need not suit this one.
    for parameter, value in defaults_for(st.session_state["dataset"]).items():
        if parameter not in ("dataset", "seed", "name") and parameter in st.session_state:
            st.session_state[parameter] = _plain(value)


def _with_notes(text: str, notes: Mapping[str, str] | None) -> str:
    return "\n\n".join([text, *(f"**{name}**: {note}" for name, note in (notes or {}).items())])


def escaped(text: str) -> str:
    """Return text that Streamlit's Markdown shows as it is."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()#+!|<>$:~" else sign for sign in text)
