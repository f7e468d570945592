"""The train page: the form at the side, in the middle the data or the run the address names."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.backend import show_unusable, store
from pages.evaluation.component import live_evaluation
from pages.figures.history import Chart, history_charts, history_charts_for_series
from pages.figures.preview import preview_figure, preview_table
from pages.forms import RunForm, config_of, escaped, fill, has_validation
from pages.inspections import show_seal
from pages.live.component import figure, live_charts, live_header
from pages.live.reader import summary
from pages.shown import show, show_none, shown_run_id
from pages.starts import starts, this_browser
from trainer.config import RunConfig
from trainer.datasets import LoadOptions, find, sample
from trainer.datasets.spec import Arrays, DatasetSpec
from trainer.errors import DatasetUnavailable, RunNotFound, StoreUnusable
from trainer.losses import LOSSES
from trainer.metrics import METRICS
from trainer.runs import Run

# The run whose set-up the form was filled with, or was started from the form.
_FILLED = "filled_from"

_FOLDER = Path(__file__).parent


def main() -> None:
    """Draw the page."""
    try:
        run = _chosen_run()
    except StoreUnusable as error:
        run = None
        show_unusable(error)
    with st.sidebar:
        form = RunForm()
        start = st.container(key="start")
    try:
        with start:
            if st.button("Start training", type="primary", width="stretch"):
                run = _start(form) or run
        if run is None:
            _show_data(form)
        else:
            _show_run(run)
    except StoreUnusable as error:
        show_unusable(error)


def _chosen_run() -> Run | None:
    """Return the run to show, with its set-up in the form where somebody else's was."""
    run_id = shown_run_id()
    if run_id is None:
        return None
    try:
        run = store().run(run_id)
    except RunNotFound:
        show_none()
        st.warning("There is no such run here. Choose one under Runs, or start a new one.")
        return None
    config = config_of(run)
    if config is not None and st.session_state.get(_FILLED) != run_id:
        fill(config)
    st.session_state[_FILLED] = run_id
    return run


def _start(form: RunForm) -> Run | None:
    for problem in form.problems.values():
        st.error(escaped(str(problem)))
        return None
    run_id = starts().start(this_browser(), form.config)
    st.session_state[_FILLED] = run_id
    show(run_id)
    return store().run(run_id)


def _show_run(run: Run) -> None:
    head, stop = st.columns([10, 1], vertical_alignment="top")
    with stop:
        if st.button("Stop", width="stretch", disabled=run.is_over, key="stop"):
            store().stop(run.run_id)
            run = store().run(run.run_id)
    with head:
        live_header(summary(run, store().queue_place(run)), key="header")
    config = config_of(run)
    live_charts({"run_id": run.run_id}, _charts(run, config), key="charts")
    live_evaluation(run.run_id, key="evaluation", has_validation=has_validation(run))
    show_seal(run)
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
    if config is not None:
        with st.expander("The data", icon=":material/table_chart:"):
            _describe(config)


def _charts(run: Run, config: RunConfig | None) -> tuple[Chart, ...]:
    if config is not None:
        metrics = [METRICS[name] for name in config.metrics]
        return history_charts(
            metrics, validation=config.validation_split > 0, loss=LOSSES[config.loss]
        )
    # Not the newest epoch's names: fit(validation_freq=2) has val_loss in every second one only.
    return history_charts_for_series(list(store().history(run.run_id)))


def _show_data(form: RunForm) -> None:
    st.title(form.config.spec.title, anchor=False)
    st.markdown("Press **Start training** and watch the network learn.")
    # With a noise or a seed that makes no sense there is nothing to draw.
    _describe(form.config, with_examples=not {"noise", "seed"} & form.problems.keys())


def _describe(config: RunConfig, *, with_examples: bool = True) -> None:
    spec = config.spec
    # What is said of an upload has its owner's words in it.
    is_own = spec.origin == "uploaded"
    st.markdown(escaped(spec.summary) if is_own else spec.summary)
    facts = [f"{spec.num_samples:,} rows", _shape(spec)]
    if spec.num_classes:
        facts.append(f"{spec.num_classes} classes")
    st.caption(" · ".join(facts))
    if with_examples:
        _show_examples(config)
    source = f"Source: {spec.source} Licence: {spec.licence}."
    st.caption(escaped(source) if is_own else source)


def _show_examples(config: RunConfig) -> None:
    spec = config.spec
    try:
        arrays = _sample(config.dataset, config.target, config.task, config.noise, config.seed)
    except DatasetUnavailable as error:
        st.info(str(error))
        return
    drawing = preview_figure(spec, arrays)
    if drawing is None:
        st.dataframe(preview_table(spec, arrays), hide_index=True)
    else:
        figure(drawing, label=f"Examples of {spec.title}", key="preview")


def _shape(spec: DatasetSpec) -> str:
    if spec.is_image:
        height, width, channels = spec.input_shape
        return f"{height} × {width} pixels" + (" in colour" if channels == 3 else "")
    (features,) = spec.input_shape
    return f"{features:,} feature{'s' if features > 1 else ''}"


@st.cache_data(show_spinner=False, max_entries=30)
def _sample(dataset: str, target: str, task: str, noise: float, seed: int) -> Arrays:
    return sample(find(dataset, target=target, task=task), LoadOptions(noise=noise, seed=seed))


main()
