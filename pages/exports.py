"""What of a run can be taken elsewhere: the script that trains it again, and its network."""

from __future__ import annotations

import functools

import streamlit as st

from pages.pressing import pressed
from pages.privacy import ROWS_NOT_SHOWN, shows_rows
from trainer.checkpoints import kept, load_preprocessing
from trainer.config import RunConfig
from trainer.errors import DatasetUnavailable, WeightsMissing
from trainer.export_process import exported_file
from trainer.keras_code import DATA_FILE, data_file, keras_code, needs_data_file
from trainer.predicting import predicting_code
from trainer.runs import Run

_MADE = "made network"


def show_code(run: Run, config: RunConfig) -> None:
    """Show the script that trains a run again, and offer it as a file."""
    code = keras_code(config)
    if run.parent is not None or run.learning_rate is not None:
        said = "It trains from the beginning: what this run was forked from, and a learning rate "
        said += "that was changed on the way, are not in it."
    else:
        said = "Run alone with the same versions, it gives this run's history again."
    st.markdown(f"A script of its own, with plain Keras. {said}")
    with st.container(horizontal=True):
        st.download_button(
            "Download the script",
            # Made when it is asked for: a file made beforehand is gone after the next run of the
            # page, while the browser may still look for it.
            functools.partial(keras_code, config),
            file_name=f"train_{run.run_id}.py",
            mime="text/x-python",
            on_click="ignore",
            icon=":material/download:",
        )
        if needs_data_file(config) and shows_rows(config.spec):
            st.download_button(
                f"Download its rows ({DATA_FILE})",
                functools.partial(data_file, config),
                file_name=DATA_FILE,
                on_click="ignore",
                icon=":material/download:",
            )
    if not shows_rows(config.spec):
        st.caption(ROWS_NOT_SHOWN)
    st.code(code, language="python", line_numbers=True)


def show_model(run: Run, config: RunConfig) -> None:
    """Offer a run's network as a file, and show the script that predicts with it."""
    if not shows_rows(config.spec):
        # It names columns, categories and medians of the file.
        st.info("A network that learnt from an uploaded file is handed only to whoever brought it.")
        return
    if not run.is_over:
        st.caption("When the training is over, its network can be taken along.")
        return
    epochs, best = kept(run.run_id)
    if not epochs:
        st.caption("There is nothing to take along yet: no epoch's network was kept.")
        return
    try:
        preprocessing = load_preprocessing(run.run_id)
        name = f"model_{run.run_id}.keras"
        code = predicting_code(config, preprocessing, file_name=name)
    except (WeightsMissing, DatasetUnavailable) as error:
        st.info(str(error))
        return
    st.markdown(
        "The network and what prepares its rows, in one file that loads with Keras alone: it takes "
        "rows as they are, not yet scaled or encoded, and predicts."
    )
    offered = {"Last epoch": epochs[-1], "Best epoch": epochs[-1] if best is None else best}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "Network after the",
            list(offered),
            format_func=lambda label: f"{label} ({offered[label] + 1})",
            default="Last epoch",
            required=True,
            key="exported_epoch",
        )
        wanted = (run.run_id, offered[chosen])
        made, content = st.session_state.get(_MADE, (None, b""))
        if made == wanted:
            st.download_button(
                "Download the network",
                content,
                file_name=name,
                mime="application/octet-stream",
                on_click="ignore",
                icon=":material/download:",
            )
            is_asked = False
        else:
            is_asked = pressed(
                st.button,
                "Make the file",
                key="make_network",
                of=str(wanted),
                icon=":material/build:",
            )
    if is_asked:
        _make(*wanted)
    st.code(code, language="python", line_numbers=True)


def _make(run_id: str, epoch: int) -> None:
    try:
        # A process of its own does it; while it does, only this visitor waits.
        with st.spinner("Making the file, which takes some seconds"):
            content = exported_file(run_id, epoch)
    except WeightsMissing as error:
        st.error(str(error))
    else:
        st.session_state[_MADE] = ((run_id, epoch), content)
        st.rerun()
