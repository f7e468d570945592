"""The part of the form that says what the network is and how it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.fields import Fields, with_notes
from pages.figures.network import shapes_beside
from trainer.choices import (
    DIRECTIONS,
    INITIALIZERS,
    NONE,
    SCHEDULES,
    direction_of,
    early_stopping_for,
)
from trainer.config import parse_choice
from trainer.datasets.spec import DatasetSpec
from trainer.errors import InvalidInput
from trainer.glossary import sentence
from trainer.layers import (
    ACTIVATIONS,
    LAYERS,
    input_shape,
    layers_for,
    parse,
    shapes_by_line,
    with_layer,
    written,
)
from trainer.losses import LOSSES
from trainer.presets import PRESETS, dense_layers, preset_of, presets_for

# The key of the select box of presets. It is no choice of a run: it says what the fields make.
MODEL = "model"
_ADDED = "added_layer"
# Presets that somebody chose to go on from, whatever the fields have become since.
_STAYING = ("dense", "own")
_PARTS = ("layers", "hidden_layers", "units", "dropout")

# Without these being sound there is no network to draw.
NETWORK_FIELDS = frozenset({*_PARTS, "activation", "initializer", "l1", "l2"})

MODEL_HELP: Mapping[str, str] = {
    MODEL: "What kind of network learns.",
    "hidden_layers": "How many layers stand between input and output; 0 is a linear model.",
    "units": sentence("units"),
    "activation": "The bend in each unit; without one (linear), many layers can do no more than "
    "one.",
    "dropout": "The share of units switched off at random in each step, against overfitting; "
    "0 is none.",
    "layers": "One layer a line, from the input to the last one before the output; beside each "
    "line the shape of what comes out of it.",
    "initializer": "How the first weights are drawn. With zeros all units of a layer stay alike "
    "and learn nothing of their own.",
    "l1": "Pulls every weight towards 0 by the same amount; many end there. 0 is none.",
    "l2": "Pulls large weights towards 0 most, against overfitting; 0 is none.",
    "validate": "Whether the network is tried on the validation rows after each epoch. It learns "
    "nothing there: with and without, the weights are the same.",
    "fair_curve": sentence("fair_curve"),
    "label_smoothing": "The share of each label that is given to all classes alike, so that "
    "nothing is ever quite certain.",
    "class_weight": f"{sentence('class_weight')} Any 1:k may be typed.",
    "schedule": "How the learning rate changes while training goes on.",
    "decay_rate": "By what the learning rate is multiplied each time.",
    "decay_epochs": "After how many epochs that has happened once.",
    "warmup_epochs": "For so many epochs the learning rate rises to its full size; 0 is none.",
    "early_stopping": sentence("early_stopping"),
    "patience": sentence("patience"),
    "min_delta": "A smaller change than this counts as standing still.",
    "direction": "Whether the value should fall (min) or rise (max); auto knows it of most.",
    "checkpoint_every": "After every so many epochs the network is kept, so that another run can "
    "go on from there; 0 keeps the last and the best one only.",
    "restore_best": "Whether the weights of the best epoch are kept as the best, not those of the "
    "lowest validation loss.",
}
_SCHEDULE_NOTES: Mapping[str, str] = {
    "constant": "stays the same",
    "cosine": "falls gently to 0 at the end of the last epoch",
    "exponential": "falls a little in each step",
    "step": "falls now and then, all at once",
}
_RATIOS = ("1:2", "1:5", "1:10", "1:19", "1:50", "1:99")


class ModelFields(Fields):
    """Fields of the network, and those of its training that a beginner need not see."""

    def _model(self, spec: DatasetSpec) -> None:
        """Draw the choice of a preset, and the fields that this one is made of."""
        known = {name: self._known(name) for name in _PARTS}
        presets = presets_for(spec)
        if st.session_state.get(MODEL) not in {*_STAYING} & {preset.name for preset in presets}:
            st.session_state[MODEL] = preset_of(spec, known, self._defaults).name
        chosen = st.selectbox(
            "Model",
            [preset.name for preset in presets],
            format_func=lambda name: PRESETS[name].title,
            key=MODEL,
            help=with_notes(self._help[MODEL], {preset.title: preset.help for preset in presets}),
            on_change=_new_model,
            args=(spec, self._defaults),
            persist_state="session",
        )
        if known["layers"] or chosen == "own":
            self._layers(spec)
            self._choice("activation", "Activation", ACTIVATIONS)
            return
        left, right = st.columns(2)
        with left:
            self._number("hidden_layers", "Hidden layers", step=1)
            self._choice("activation", "Activation", ACTIVATIONS)
        with right:
            self._number("units", "Units", step=1)
            self._number("dropout", "Dropout", step=0.1)
        # A stack of dense layers may fit the data as little as any other.
        self._places["layers"] = st.empty()

    def _layers(self, spec: DatasetSpec) -> None:
        kinds = layers_for(spec)
        with st.container(key="layers_and_shapes"):
            left, right = st.columns([5, 3], gap="small")
            with left:
                text = st.text_area(
                    "Layers",
                    value=written(parse(self._defaults["layers"]), "\n"),
                    key="layers",
                    help=with_notes(
                        self._help["layers"], {kind.example: kind.help for kind in kinds}
                    ),
                    height="content",
                    placeholder="none: a linear model",
                    bind="query-params",
                    persist_state="session",
                )
            with right:
                st.html(shapes_beside(shapes_by_line(text, input_shape(spec))))
        self._keep("layers", text)
        if not text.strip():
            self._values["hidden_layers"] = 0
        st.selectbox(
            "Add a layer",
            [kind.name for kind in kinds],
            index=None,
            key=_ADDED,
            format_func=lambda name: LAYERS[name].example,
            placeholder="Add a layer",
            label_visibility="collapsed",
            on_change=_add_layer,
            args=(spec,),
        )

    def _more_options(self, spec: DatasetSpec) -> None:
        """Draw the choices that a beginner can leave alone."""
        with st.expander("More training options"):
            if spec.num_classes:
                self._class_weight(spec)
                if LOSSES[str(self._values["loss"])].smooths:
                    self._number("label_smoothing", "Label smoothing", step=0.05)
            self._choice("initializer", "Initial weights", INITIALIZERS)
            left, right = st.columns(2)
            with left:
                self._number("l1", "L1", step=0.001, format="%g")
            with right:
                self._number("l2", "L2", step=0.001, format="%g")
            self._schedule()
            if self._values["validation_split"]:
                self._yes_or_no("validate", "Validate after each epoch")
            self._yes_or_no("fair_curve", "Fair training curve")
            self._early_stopping()
            self._number("checkpoint_every", "Checkpoint every … epochs", step=1)

    def _class_weight(self, spec: DatasetSpec) -> None:
        options = (NONE, "balanced", *(_RATIOS if spec.task == "binary" else ()))
        value = st.selectbox(
            "Class weights",
            options,
            key="class_weight",
            help=self._help["class_weight"],
            accept_new_options=spec.task == "binary",
            bind="query-params",
            persist_state="session",
        )
        self._keep("class_weight", value)

    def _schedule(self) -> None:
        schedule = self._choice("schedule", "Schedule", SCHEDULES, notes=_SCHEDULE_NOTES)
        if schedule in ("exponential", "step"):
            left, right = st.columns(2)
            with left:
                self._number("decay_rate", "Multiplied by", step=0.1)
            with right:
                self._number("decay_epochs", "every … epochs", step=1)
        self._number("warmup_epochs", "Warm-up epochs", step=1)

    def _early_stopping(self) -> None:
        metrics = self._values["metrics"]
        assert isinstance(metrics, tuple)
        has_validation = bool(self._values["validation_split"] and self._values["validate"])
        options = early_stopping_for(metrics, validation=has_validation)
        stopping = str(self._choice("early_stopping", "Early stopping", options))
        if stopping == NONE:
            return
        left, right = st.columns(2)
        with left:
            self._number("patience", "Patience", step=1)
        with right:
            self._number("min_delta", "Minimum change", step=0.001, format="%g")
        direction = direction_of(stopping)
        notes = {"auto": f"{direction} for {stopping}" if direction else "not known of this value"}
        self._choice("direction", "Direction", DIRECTIONS, notes=notes)
        self._yes_or_no("restore_best", "Keep the best weights")

    def _known(self, parameter: str) -> Any:
        """Return a field's value before it is drawn: as it was left, linked to, or by default."""
        if parameter in st.session_state:
            return st.session_state[parameter]
        if parameter in st.query_params:
            try:
                return parse_choice(parameter, st.query_params[parameter])
            except InvalidInput:
                pass  # the field itself falls back to its default
        return self._defaults[parameter]


def _new_model(spec: DatasetSpec, defaults: Mapping[str, Any]) -> None:
    # The fields become what makes the preset, save where somebody goes on from what there is.
    state = st.session_state
    preset = PRESETS[state[MODEL]]
    if preset.choices is not None:
        chosen = preset.choices(spec, defaults)
        chosen["layers"] = written(parse(chosen.get("layers", "")), "\n")
        state.update(chosen)
    elif preset.name == "dense":
        state["layers"] = ""
    elif not state.get("layers"):
        sizes = {name: state.get(name, defaults[name]) for name in _PARTS[1:]}
        state["layers"] = written(dense_layers(spec, **sizes), "\n")


def _add_layer(spec: DatasetSpec) -> None:
    state = st.session_state
    if state[_ADDED] is not None:
        state["layers"] = with_layer(state["layers"], LAYERS[state[_ADDED]], input_shape(spec))
        state[_ADDED] = None
