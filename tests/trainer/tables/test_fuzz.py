"""Thousands of broken files: each is read or refused in a sentence; none raises, hangs or exits.

`DASHBOARD_FUZZ=500` tries so many of each kind, other ones each time, instead of the few that every
run tries; `python -m benchmarks uploads` does so.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainer.datasets import Bend, find, load, rows, uploads
from trainer.datasets.audit import audit
from trainer.datasets.split import part_rows, split
from trainer.errors import InvalidInput, TableUnreadable

TRIES = int(os.environ.get("DASHBOARD_FUZZ", "60"))
often = settings(
    max_examples=TRIES,
    # Far above what any of these small files takes: a bound for what hangs.
    deadline=timedelta(seconds=20),
    suppress_health_check=list(HealthCheck),
    derandomize="DASHBOARD_FUZZ" not in os.environ,
    database=None,
)

CELLS = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
    st.sampled_from(
        ["", "NA", "true", "False", "inf", "1,5", "1.234,5", "31.12.2024", "2024-01-02", "1/2/2024",
         "12:30:00", "=cmd()", "<img src=x onerror=alert(1)>", "![](http://x)", "../../x", "a",
         '"', '""', '"a', 'a"b', "\\", "'", "\u202e", "\ud83d\ude00", "0x10", "1e999", "-0"]
    ),
    st.text(max_size=8),
)  # fmt: skip
NAMES = st.one_of(st.sampled_from(["a", "b", "id", "", " ", "y", "a"]), st.text(max_size=6))
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252"])


@st.composite
def csv_files(draw: st.DrawFn) -> bytes:
    """Return a small CSV file, mostly with as many cells in each row."""
    delimiter = draw(st.sampled_from(",;\t|"))
    width = draw(st.integers(1, 5))
    column = [draw(st.lists(CELLS, min_size=1, max_size=3)) for _ in range(width)]
    lines = [delimiter.join(draw(NAMES) for _ in range(width))]
    for _ in range(draw(st.integers(0, 30))):
        lines.append(delimiter.join(draw(st.sampled_from(cells)) for cells in column))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = end.join(lines) + draw(st.sampled_from([end, "", end * 3]))
    return text.encode(draw(ENCODINGS), errors="replace")


def parquet_file() -> bytes:
    file = io.BytesIO()
    data = pa.table({
        "a": [1, None, 3] * 10, "b": [0.5, 1.5, float("nan")] * 10, "c": ["x", "y", None] * 10,
        "d": [[1], [2], None] * 10, "y": [0, 1, 1] * 10,
    })  # fmt: skip
    pyarrow.parquet.write_table(data, file)
    return file.getvalue()


def npz_file() -> bytes:
    file = io.BytesIO()
    np.savez(file, x=np.arange(60.0).reshape(30, 2), y=np.arange(30) % 2, s=["a", "b", "c"] * 10)
    return file.getvalue()


@st.composite
def broken(draw: st.DrawFn, files: st.SearchStrategy[bytes]) -> bytes:
    """Return a file with some bytes changed, cut out, doubled or put in."""
    data = draw(files)
    pieces = st.one_of(
        st.binary(max_size=4),
        st.sampled_from([b'"', b"\0", b"\n", b",", b";", b"\xff", b"\xef\xbb\xbf", b'",', b"\r"]),
    )
    for _ in range(draw(st.integers(0, 4))):
        first = draw(st.integers(0, len(data)))
        last = min(len(data), first + draw(st.integers(0, 12)))
        change = draw(st.integers(0, 3))
        if change == 0:
            data = data[:first] + draw(pieces) + data[last:]
        elif change == 1:
            data = data[:first] + data[last:]
        elif change == 2:
            data = data[:last] + data[first:last] * draw(st.integers(1, 50)) + data[last:]
        else:
            data = data[:first]
    return data


def try_out(data: bytes, file_name: str) -> None:
    """Do with a file what the page and a training do."""
    try:
        upload = uploads.add(io.BytesIO(data), file_name=file_name, owner="fuzz")
    except TableUnreadable as refused:
        sentence = str(refused)
        assert sentence.endswith((".", ")")) and "\n" not in sentence and len(sentence) < 400
        return
    assert upload.num_rows >= 2 and len({fact.name for fact in upload.columns})
    for fact in upload.columns:
        try:
            spec = find(upload.name, target=fact.name)
        except InvalidInput:
            continue
        arrays = load(spec)
        assert len(arrays.x) == len(arrays.y) == spec.num_samples
        rows(spec, np.array([0]))
        try:
            parts = split(arrays, spec, test_split=0.2, validation_split=0.2, seed=0)
        except InvalidInput:
            continue
        assert parts.x_train.shape[1:] == spec.input_shape
        assert np.isfinite(parts.x_train).all()
        shown = part_rows(arrays, spec, test_split=0.2, validation_split=0.2, seed=0, bend=Bend())
        audit(spec, shown)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DASHBOARD_HOME", str(tmp_path))
    return tmp_path


def clean(home: Path, check: Callable[[], None]) -> None:
    check()
    uploads.remove_unneeded((), older_than=-1)


@often
@given(data=broken(csv_files()), file_name=st.sampled_from(["t.csv", "t.tsv", "t.txt", "t"]))
def test_any_csv_file_is_read_or_refused_in_a_sentence(home, data: bytes, file_name: str) -> None:
    clean(home, lambda: try_out(data, file_name))


@often
@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_a_sentence(home, data: bytes) -> None:
    clean(home, lambda: try_out(data, "t.csv"))


@often
@given(data=broken(st.just(parquet_file())))
def test_any_parquet_file_is_read_or_refused_in_a_sentence(home, data: bytes) -> None:
    clean(home, lambda: try_out(data, "t.parquet"))


@often
@given(data=broken(st.just(npz_file())))
def test_any_npz_file_is_read_or_refused_in_a_sentence(home, data: bytes) -> None:
    clean(home, lambda: try_out(data, "t.npz"))
