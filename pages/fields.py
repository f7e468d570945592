"""The fields of a form: each bound to the query parameter of its own name, with its help.

Each keeps a place below it, for what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from trainer.metrics import METRICS


class Fields:
    """Draws fields and keeps what they say.

    Args:
        help: One line of help a field, by parameter.
    """

    def __init__(self, help: Mapping[str, str]) -> None:
        self._help = help
        self._defaults: Mapping[str, Any] = {}
        self._values: dict[str, object] = {}
        # A problem is known only when all fields are read; each field keeps a place for its own.
        self._places: dict[str, DeltaGenerator] = {}

    def _choice(
        self,
        parameter: str,
        label: str,
        options: tuple[str, ...],
        default: str | None = None,
        on_change: Any = None,
        notes: Mapping[str, str] | None = None,
        titles: Mapping[str, str] | None = None,
    ) -> object:
        default = default or str(self._defaults[parameter])
        value = st.selectbox(
            label,
            options,
            index=options.index(default),
            format_func=lambda name: (titles or {}).get(name, name),
            key=parameter,
            help=with_notes(self._help[parameter], notes),
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
            help=with_notes(self._help["metrics"], {name: METRICS[name].help for name in options}),
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
            help=self._help[parameter],
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
            help=self._help[parameter],
            max_chars=80,
            placeholder="optional",
            bind="query-params",
            persist_state="session",
        )
        self._keep(parameter, value)

    def _keep(self, parameter: str, value: object) -> None:
        self._values[parameter] = value
        self._places[parameter] = st.empty()

    def _yes_or_no(self, parameter: str, label: str) -> None:
        value = st.toggle(
            label,
            value=self._defaults[parameter],
            key=parameter,
            help=self._help[parameter],
            bind="query-params",
            persist_state="session",
        )
        self._keep(parameter, value)

    def _tell(self, parameter: str, text: str) -> None:
        self._places[parameter].caption(text)


def with_notes(text: str, notes: Mapping[str, str] | None) -> str:
    """Return a field's help with a line for each of its options."""
    return "\n\n".join([text, *(f"**{name}**: {note}" for name, note in (notes or {}).items())])
