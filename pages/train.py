"""The train page: the form at the side, in the middle the data or the run the address names."""

from __future__ import annotations

import functools
from pathlib import Path

import streamlit as st

from pages.backend import show_unusable, store
from pages.boundaries import boundary_of
from pages.evaluation.component import live_evaluation
from pages.figures.history import Chart, history_charts, history_charts_for_series
from pages.figures.network import network_html
from pages.figures.preview import preview_figure, preview_table
from pages.forms import RunForm, config_of, escaped, fill, has_examples, has_validation
from pages.inspections import show_seal
from pages.live.component import figure, live_charts, live_header
from pages.live.reader import summary
from pages.model_fields import NETWORK_FIELDS
from pages.privacy import ROWS_NOT_SHOWN, shows_rows
from pages.shown import show, show_none, shown_run_id
from pages.starts import starts, this_browser
from pages.steering import show_controls
from trainer.config import RunConfig
from trainer.datasets import Bend, sample
from trainer.datasets.spec import Arrays, DatasetSpec
from trainer.errors import DatasetUnavailable, RunNotFound, StoreUnusable
from trainer.keras_code import DATA_FILE, data_file, keras_code, needs_data_file
from trainer.losses import LOSSES
from trainer.metrics import METRICS
from trainer.network import network
from trainer.runs import Run

# The run whose set-up the form was filled with, or was started from the form.
_FILLED = "filled_from"

_DECIDE_EXAMPLES = frozenset(
    ("noise", "num_samples", "label_noise", "imbalance", "leak", "test_split", "seed")
)

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
    live_header(summary(run, store().queue_place(run)), key="header")
    config = config_of(run)
    show_controls(run, config)
    live_charts({"run_id": run.run_id}, _charts(run, config), key="charts", parent=run.parent)
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
    evaluation = live_evaluation(
        run.run_id,
        key="evaluation",
        has_validation=has_validation(run),
        has_examples=has_examples(run),
        boundary=boundary_of(config),
    )
    if evaluation.visit:
        # The rows behind a cell are the other page's.
        st.session_state["cell"] = evaluation.visit
        st.session_state["goes_to_examples"] = True
        st.switch_page(_FOLDER / "evaluate.py", query_params={"run": run.run_id})
    show_seal(run)
    if config is not None:
        with st.expander("The data", icon=":material/table_chart:"):
            _describe(config)
        with st.expander("The network", icon=":material/account_tree:"):
            st.html(network_html(network(config)))
        with st.expander("The Keras code", icon=":material/code:"):
            _show_code(run, config)


def _charts(run: Run, config: RunConfig | None) -> tuple[Chart, ...]:
    if config is not None:
        metrics = [METRICS[name] for name in config.metrics]
        return history_charts(
            metrics,
            validation=config.validation_split > 0,
            loss=LOSSES[config.loss],
            parent=None if run.parent is None else run.parent.name,
        )
    # Not the newest epoch's names: fit(validation_freq=2) has val_loss in every second one only.
    return history_charts_for_series(list(store().history(run.run_id)))


def _show_data(form: RunForm) -> None:
    st.title(form.config.spec.title, anchor=False)
    st.markdown("Press **Start training** and watch the network learn.")
    # With a noise or a seed that makes no sense there is nothing to draw.
    _describe(form.config, with_examples=not _DECIDE_EXAMPLES & form.problems.keys())
    if not form.problems.keys() & NETWORK_FIELDS:
        st.subheader("The network", anchor=False)
        st.html(network_html(network(form.config)))


def _show_code(run: Run, config: RunConfig) -> None:
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
            code,
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


def _describe(config: RunConfig, *, with_examples: bool = True) -> None:
    spec = config.spec
    # What is said of an upload has its owner's words in it.
    is_own = spec.origin == "uploaded"
    st.markdown(escaped(spec.summary) if is_own else spec.summary)
    facts = [f"{spec.num_samples:,} rows", _shape(spec)]
    if spec.num_classes:
        counts = " : ".join(f"{count:,}" for count in spec.class_counts)
        facts.append(f"{spec.num_classes} classes" + (f" ({counts})" if config.imbalance else ""))
    facts += _bent_facts(config)
    st.caption(" · ".join(facts))
    if with_examples:
        _show_examples(config)
    source = f"Source: {spec.source} Licence: {spec.licence}."
    st.caption(escaped(source) if is_own else source)


def _bent_facts(config: RunConfig) -> list[str]:
    facts = []
    if config.noise and config.spec.default_noise is None:
        facts.append(f"noise {config.noise:g}")
    if config.label_noise:
        facts.append(f"{config.label_noise:.0%} wrong labels")
    if config.leak != "none":
        facts.append(f"leak: {config.leak}")
    return facts


def _show_examples(config: RunConfig) -> None:
    spec = config.spec
    if not shows_rows(spec):
        st.info(ROWS_NOT_SHOWN)
        return
    try:
        arrays = _sample(config, _named(config), config.bend, config.test_split)
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
    if spec.vocabulary:
        return f"{features:,} of {spec.vocabulary:,} different words"
    return f"{features:,} feature{'s' if features > 1 else ''}"


@st.cache_data(show_spinner=False, max_entries=30)
def _sample(
    _config: RunConfig, named: tuple[str, str, str], bend: Bend, test_split: float
) -> Arrays:
    options = _config.load_options()
    return sample(_config.unbent_spec, options, bend=bend, test_split=test_split)


def _named(config: RunConfig) -> tuple[str, str, str]:
    return config.dataset, config.target, config.task


main()
