"""The part of the form that says what is learnt from: the dataset, how it is bent and parted."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.fields import Fields
from pages.model_fields import MODEL
from pages.privacy import own_uploads
from trainer.config import defaults_for
from trainer.datasets import DATASETS, find, uploads
from trainer.datasets.leaks import LEAKS, leaks_for
from trainer.datasets.spec import DatasetSpec, Task
from trainer.datasets.uploaded import (
    fitting_tasks,
    possible_targets,
    proposed_target,
    proposed_task,
)
from trainer.datasets.uploads import is_upload
from trainer.glossary import sentence

_FIRST = "digits"
_TASKS: Mapping[Task, str] = {
    "binary": "two classes",
    "multiclass": "many classes",
    "regression": "a number, where being close counts",
}
DATA_HELP: Mapping[str, str] = {
    "dataset": "What the network learns from: rows whose answer is known. Files that you bring on "
    "the Data page are offered first.",
    "target": "The column that is predicted, from the others.",
    "task": "What kind of answer that is; proposed by its values.",
    "num_samples": "How many rows are taken; 0 takes all, or of a generated set as many as usual.",
    "noise": "How much the points are shaken, in units of each column's, or each picture's, own "
    "spread; more noise is harder to learn.",
    "label_noise": "The share of wrong answers among the rows to train and to validate on, 0 to "
    "0.5. The test rows keep the right ones.",
    "imbalance": "The share of the largest class in a pair with any other, 0.5 (as many of each) "
    "to 0.99, by leaving out rows of the others; 0 leaves the classes as they are.",
    **{name: sentence(name) for name in ("leak", "test_split", "validation_split")},
}


class DataFields(Fields):
    """Fields of the data."""

    def _data(self) -> DatasetSpec:
        """Draw the fields, and return the dataset that they name."""
        own = own_uploads()
        name = self._dataset(own)
        target, task = self._target_and_task(name) if name in own else ("", "")
        spec = find(name, target=target, task=task)
        self._defaults = defaults_for(name, target=target, task=task)
        with st.expander("Bend the data", expanded=_is_bent()):
            self._bend(spec)
        left, right = st.columns(2)
        with left:
            self._number("validation_split", "Validation share", step=0.05)
        with right:
            self._number("test_split", "Test share", step=0.05)
        return spec

    def _dataset(self, own: Mapping[str, str]) -> str:
        linked = st.query_params.get("dataset", "")
        if linked in own:
            # An address names an upload by its id; the field goes by what it is called.
            st.session_state["dataset"] = linked
            del st.query_params["dataset"]
        offered = (*own, *DATASETS)
        name = str(self._choice("dataset", "Dataset", offered, _FIRST, _new_dataset, titles=own))
        return name if name in offered else _FIRST

    def _target_and_task(self, name: str) -> tuple[str, str]:
        upload = uploads.upload(name)
        targets = possible_targets(upload)
        left, right = st.columns(2)
        with left:
            target = str(
                self._choice("target", "Target", targets, proposed_target(upload), _new_target)
            )
        tasks = fitting_tasks(upload, target)
        notes = {str(one): _TASKS[one] for one in tasks}
        with right:
            task = str(
                self._choice("task", "Task", tasks, proposed_task(upload, target), _new_task, notes)
            )
        return target, task

    def _bend(self, spec: DatasetSpec) -> None:
        left, right = st.columns(2)
        with left:
            self._number("num_samples", "Samples", step=100)
        with right:
            if spec.can_be_shaken:
                self._number("noise", "Noise", step=0.05)
        if not spec.num_classes:
            return
        left, right = st.columns(2)
        with left:
            self._number("label_noise", "Label noise", step=0.05)
        with right:
            self._number("imbalance", "Imbalance", step=0.05, on_change=_over_the_gap)
        leaks = leaks_for(spec)
        self._choice("leak", "Leak", leaks, notes={name: LEAKS[name] for name in leaks})


def choose_dataset(name: str) -> None:
    """Fill the form with a dataset and what suits it; call it before the form is drawn."""
    st.session_state["dataset"] = name
    _new_dataset()


def is_offered(name: str) -> bool:
    """Return whether the form offers a dataset to whoever looks at the page."""
    return name in DATASETS or name in own_uploads()


def _new_dataset() -> None:
    _suit(str(st.session_state["dataset"]))


def _new_target() -> None:
    _suit(str(st.session_state["dataset"]), target=str(st.session_state["target"]))


def _new_task() -> None:
    state = st.session_state
    _suit(str(state["dataset"]), target=str(state["target"]), task=str(state["task"]))


def _suit(name: str, *, target: str = "", task: str = "") -> None:
    # What suited the last dataset need not suit this one.
    if not is_offered(name):
        return
    if is_upload(name):
        upload = uploads.upload(name)
        target = target or proposed_target(upload)
        task = task or proposed_task(upload, target)
    st.session_state.pop(MODEL, None)
    for parameter, value in defaults_for(name, target=target, task=task).items():
        if parameter not in ("dataset", "seed", "name") and parameter in st.session_state:
            st.session_state[parameter] = list(value) if isinstance(value, tuple) else value


def _is_bent() -> bool:
    # Only what a link brings counts: the expander must not move while somebody works in it.
    if "is_bent" not in st.session_state:
        bends = ("num_samples", "noise", "label_noise", "imbalance", "leak")
        st.session_state["is_bent"] = any(name in st.query_params for name in bends)
    return bool(st.session_state["is_bent"])


def _over_the_gap() -> None:
    # One step up from 0 is 0.5, and one down from there is 0: nothing lies between them.
    steps = {0.05: 0.5, 0.45: 0.0}
    value = st.session_state["imbalance"]
    st.session_state["imbalance"] = steps.get(round(value, 2), value)
