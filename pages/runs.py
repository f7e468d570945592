"""The runs page: the newest runs, each a click away."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from pages.backend import show_unusable, store
from pages.forms import config_of, form_link
from trainer.errors import StoreUnusable
from trainer.runs import Run

# How often the open page looks for what is new.
_LOOK_SECONDS = 2.0
_LIMIT = 100


def main() -> None:
    """Draw the page."""
    st.title("Runs", anchor=False)
    _show_runs()


@st.fragment(run_every=_LOOK_SECONDS)
def _show_runs() -> None:
    try:
        runs = store().runs(limit=_LIMIT)
        openings = store().openings()
    except StoreUnusable as error:
        show_unusable(error)
        return
    if not runs:
        st.markdown("No runs yet. Go to **Train**, press **Start training**, and find it here.")
        return
    st.dataframe(
        pd.DataFrame([_row(run, openings.get(run.run_id, 0)) for run in runs]),
        hide_index=True,
        column_config={
            "Open": st.column_config.LinkColumn(display_text="open"),
            "Started": st.column_config.DatetimeColumn(format="distance"),
            "Progress": st.column_config.ProgressColumn(format="percent"),
            "Seconds": st.column_config.NumberColumn(format="%.1f"),
        },
    )
    if len(runs) == _LIMIT:
        st.caption(f"The newest {_LIMIT} runs.")


def _row(run: Run, openings: int) -> dict[str, object]:
    return {
        "Open": _link(run),
        "Name": run.name,
        "State": run.state,
        "Epochs": run.epoch,
        "Progress": run.epoch / run.epochs if run.epochs else None,
        "Seconds": run.seconds,
        "Started": None if run.started_at is None else datetime.fromtimestamp(run.started_at, UTC),
        "From": run.origin,
        "Test set": f"opened {openings} ×" if openings else "",
    }


def _link(run: Run) -> str:
    config = config_of(run)
    return form_link(config, run=run.run_id) if config else f"/?run={run.run_id}"


main()
