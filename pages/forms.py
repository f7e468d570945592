"""The form of a run: widgets -> plain values -> RunConfig, with each problem beside its field.

Every widget is bound to the query parameter of its own name, so the page's address holds the
whole set-up, and a link fills somebody else's form.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st

from pages.data_fields import DATA_HELP, DataFields, is_offered
from pages.model_fields import MODEL, MODEL_HELP, ModelFields
from trainer.choices import OPTIMIZERS
from trainer.config import RunConfig, check, config_of, defaults_for
from trainer.glossary import sentence
from trainer.layers import parse, written
from trainer.losses import LOSSES, losses_for
from trainer.metrics import metrics_for
from trainer.runs import Run

_TERMS = ("loss", "metrics", "optimizer", "learning_rate", "epochs", "batch_size", "seed")
_HELP: Mapping[str, str] = {
    **{name: sentence(name) for name in _TERMS},
    "name": "What the run is called in lists; may stay empty.",
}


class RunForm(DataFields, ModelFields):
    """The form; drawing it is reading it.

    Attributes:
        config: What the form says, also where some of it is wrong.
        problems: What is wrong, by parameter.
    """

    def __init__(self) -> None:
        super().__init__({**DATA_HELP, **MODEL_HELP, **_HELP})
        st.header("Data", anchor=False)
        spec = self._data()
        st.header("Model", anchor=False)
        self._model(spec)
        st.header("Training", anchor=False)
        losses = tuple(loss.name for loss in losses_for(spec.task))
        self._choice("loss", "Loss", losses, notes={n: LOSSES[n].help for n in losses})
        self._metrics(tuple(metric.name for metric in metrics_for(spec)))
        left, right = st.columns(2)
        with left:
            self._choice("optimizer", "Optimizer", OPTIMIZERS)
            self._number("epochs", "Epochs", step=1)
            self._number("seed", "Seed", step=1)
        with right:
            self._number("learning_rate", "Learning rate", step=0.001, format="%g")
            self._number("batch_size", "Batch size", step=1)
            self._text("name", "Name")
        self._more_options(spec)
        self.config, self.problems = check(spec.name, self._values)
        for parameter, problem in self.problems.items():
            self._tell(parameter, f":red[:material/error: {escaped(str(problem))}]")


def has_validation(run: Run) -> bool | None:
    """Return whether a run has validation data; None where that is not known."""
    config = config_of(run)
    return None if config is None else config.validates


def has_examples(run: Run) -> bool:
    """Return whether the rows behind a cell of the run's confusion matrix can be looked at.

    Of somebody's own `fit()` only the counts are known, not the rows.
    """
    config = config_of(run)
    return config is not None and config.spec.num_classes > 0 and config.validates


def fill(config: RunConfig) -> None:
    """Fill the form with a run's set-up, save what the page's address says; call it before drawing.

    Streamlit leaves out of an address what has its default, so one that names any choice is whole.
    A set-up on somebody else's upload fills nothing.
    """
    if not is_offered(config.dataset):
        return
    values = {**config.to_dict(), "layers": written(parse(config.layers), "\n")}
    if not values.keys() & st.query_params.keys():
        st.session_state.update(values)
        st.session_state.pop(MODEL, None)


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
    said = {name: _said(value) for name, value in {**chosen, **more}.items()}
    if "layers" in said:
        said["layers"] = written(parse(config.layers), "\n")
    return "/?" + urlencode(said, doseq=True)


def _said(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value == [] else value


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def escaped(text: str) -> str:
    """Return text that Streamlit's Markdown shows as it is."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()#+!|<>$:~" else sign for sign in text)
