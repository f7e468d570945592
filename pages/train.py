"""The train page: the form at the side, in the middle the data or the run the address names."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.backend import show_unusable, store
from pages.boundaries import boundary_of
from pages.demonstration import show_demonstration
from pages.description import can_be_looked_at, describe, look_at
from pages.diagnosis import show_diagnosis
from pages.evaluation.component import live_evaluation
from pages.exports import show_code, show_model
from pages.figures.history import Chart, history_charts, history_charts_for_series
from pages.figures.network import network_html
from pages.forms import RunForm, escaped, has_examples, has_validation
from pages.inspections import show_seal
from pages.live.component import live_charts, live_header
from pages.live.reader import summary
from pages.model_fields import NETWORK_FIELDS
from pages.pressing import note, taken
from pages.replay import show_replay
from pages.shown import show_none, shown_run_id
from pages.side import form
from pages.steering import show_controls
from trainer.config import RunConfig, config_of
from trainer.errors import DatasetUnavailable, RunNotFound, StoreUnusable
from trainer.losses import LOSSES
from trainer.metrics import METRICS
from trainer.network import network
from trainer.runs import Run
from trainer.waiting import waiting

_FOLDER = Path(__file__).parent
_EVALUATION = "evaluation"
_VISIT = "pressed cell"
_EXPORTS = (
    ("The Keras code", ":material/code:", "keras_code", show_code),
    ("Use it elsewhere", ":material/deployed_code:", "exported_model", show_model),
)


def main() -> None:
    """Draw the page."""
    try:
        run = _chosen_run()
        if run is None:
            _show_data(form())
        else:
            _show_run(run)
    except StoreUnusable as error:
        show_unusable(error)


def _chosen_run() -> Run | None:
    run_id = shown_run_id()
    if run_id is None:
        return None
    try:
        return store().run(run_id)
    except RunNotFound:
        show_none()
        st.warning("There is no such run here. Choose one under Runs, or start a new one.")
        return None


def _show_run(run: Run) -> None:
    live_header(summary(run, waiting(store(), run)), key="header")
    config = config_of(run)
    show_controls(run, config)
    live_charts(
        {"run_id": run.run_id},
        _charts(run, config),
        key="charts",
        parent=run.parent,
    )
    # Above what grows when the first counts come: a link that moves away is missed by a click.
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            _FOLDER / "evaluate.py",
            label="Evaluate this run in depth",
            icon=":material/analytics:",
            query_params={"run": run.run_id},
        )
        st.button(
            "Show the data instead",
            type="tertiary",
            icon=":material/table_chart:",
            on_click=show_none,
        )
    show_diagnosis(run, config)
    # A place of its own, also while it is empty: what lies below stays what it is, open or closed.
    with st.container():
        show_replay(run)
    live_evaluation(
        run.run_id,
        key=_EVALUATION,
        has_validation=has_validation(run),
        has_examples=has_examples(run),
        boundary=boundary_of(config),
        on_visit=_note_visit,
    )
    if cell := taken(_VISIT):
        # The rows behind a cell are the other page's.
        st.session_state["cell"] = cell
        st.switch_page(_FOLDER / "evaluate.py", query_params={"run": run.run_id})
    show_seal(run)
    if config is not None:
        with st.expander("The data", icon=":material/table_chart:"):
            describe(config)
        with st.expander("The network", icon=":material/account_tree:"):
            st.html(network_html(network(config)))
        # Shown when it is wanted: to colour code, a browser loads 1.5 MB of scripts.
        for label, icon, key, show in _EXPORTS:
            place = st.expander(label, icon=icon, on_change="rerun", key=key)
            if place.open:
                with place:
                    show(run, config)


def _note_visit() -> None:
    note(_VISIT, st.session_state[_EVALUATION].visit)


def _charts(run: Run, config: RunConfig | None) -> tuple[Chart, ...]:
    if config is not None:
        metrics = [METRICS[name] for name in config.metrics]
        return history_charts(
            metrics,
            validation=config.validates,
            fair=config.fair_curve,
            loss=LOSSES[config.loss],
            parent=None if run.parent is None else run.parent.name,
        )
    # Not the newest epoch's names: fit(validation_freq=2) has val_loss in every second one only.
    return history_charts_for_series(list(store().history(run.run_id)))


def _show_data(drawn: RunForm) -> None:
    st.title(escaped(drawn.config.spec.title), anchor=False)
    st.markdown("Press **Start training** and watch the network learn.")
    with st.container(key="where_the_form_is"):
        st.caption("The form with **Start training** opens with » at the top left.")
    ways = st.container(horizontal=True, vertical_alignment="center")
    with ways:
        show_demonstration()
    # With a noise or a seed that makes no sense there is nothing to draw.
    has_rows = can_be_looked_at(drawn)
    if has_rows:
        _link_to_data(ways, drawn.config)
    describe(drawn.config, with_examples=has_rows)
    if not drawn.problems.keys() & NETWORK_FIELDS:
        st.header("The network", anchor=False)
        st.html(network_html(network(drawn.config)))


def _link_to_data(ways: DeltaGenerator, config: RunConfig) -> None:
    """Lead to the data page, and say whether it has something noteworthy to tell."""
    try:
        count = len(look_at(config).warnings)
    except DatasetUnavailable:
        count = 0
    more = f": {count} thing{'s' if count > 1 else ''} to know first" if count else ""
    ways.page_link(
        _FOLDER / "data.py",
        label=f"Look at these data in depth{more}",
        icon=":material/warning:" if count else ":material/table_chart:",
    )


main()
