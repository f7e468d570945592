"""Bringing a file: the place to drop it, and how it was read."""

from __future__ import annotations

import logging

import pandas as pd
import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.data_fields import choose_dataset
from pages.forms import escaped
from pages.visitor import this_owner
from trainer.datasets import uploads
from trainer.datasets.uploaded import possible_targets
from trainer.datasets.uploads import Upload
from trainer.errors import TableUnreadable
from trainer.tables import SUFFIXES

PREVIEWED_ROWS = 100

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# The number of files this session has brought: each gets a place of its own to be dropped at.
_COUNT = "num_brought"
_PROBLEM = "upload_problem"

_log = logging.getLogger(__name__)


def show_uploader() -> None:
    """Show where to drop a file, and below it what was wrong with the last one.

    A file that can be read becomes the dataset of the form.
    """
    key = f"file_{st.session_state.setdefault(_COUNT, 0)}"
    st.file_uploader(
        "Bring your own data",
        type=[suffix.removeprefix(".") for suffix in SUFFIXES],
        key=key,
        help="A table with a row for each example and a column for the answer: CSV, TSV, Parquet, "
        "or .npz arrays. Only this browser gets to see its rows.",
        on_change=_take,
        args=(key,),
    )
    if problem := st.session_state.get(_PROBLEM):
        st.error(escaped(problem))


def _take(key: str) -> None:
    file = st.session_state[key]
    if file is None:
        return
    st.session_state[_COUNT] += 1
    st.session_state[_PROBLEM] = None
    try:
        _forget(file)
        upload = uploads.add(file, file_name=file.name, owner=this_owner())
        if not possible_targets(upload):
            uploads.remove(upload.name)
            raise TableUnreadable("No column can be predicted from another one.")
    except TableUnreadable as error:
        st.session_state[_PROBLEM] = f"{file.name[:80]}: {error}"
    except OSError:
        _log.exception("an upload could not be kept")
        st.session_state[_PROBLEM] = "The file could not be kept: the server's disk may be full."
    else:
        choose_dataset(upload.name)


def _forget(file: UploadedFile) -> None:
    """Have the server let go of a file, which it would keep in memory as long as the session."""
    context = get_script_run_ctx()
    assert context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager)
    context.uploaded_file_mgr.remove_file(session_id=context.session_id, file_id=file.file_id)


def reading_of(upload: Upload) -> str:
    """Return how a file was read, in one line."""
    recognised = upload.recognised
    facts = [f"Read as {recognised.format}"]
    if recognised.encoding:
        facts.append(recognised.encoding)
    if recognised.delimiter:
        facts.append(f"cells parted by {_DELIMITERS[recognised.delimiter]}")
    if recognised.decimal == ",":
        facts.append("decimal commas")
    if not recognised.has_header:
        facts.append("no line of names")
    if recognised.picture:
        _, height, width, _ = recognised.picture
        facts.append(f"{upload.num_rows:,} pictures of {height} × {width} pixels")
    else:
        facts.append(f"{upload.num_rows:,} rows of {len(upload.columns):,} columns")
    return " · ".join(facts)


def first_rows(upload: Upload) -> pd.DataFrame:
    """Return the first rows of a file as they were read.

    Raises:
        DatasetUnavailable: It is gone.
    """
    return uploads.read(upload.name).slice(0, PREVIEWED_ROWS).to_pandas()
