"""Rows of the store's tables, and what they are to everybody else."""

from __future__ import annotations

import dataclasses
import functools
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy.engine import RowMapping

from trainer.evaluation.packing import PackedCounts
from trainer.evaluation.surface import PackedSurface
from trainer.runs import Boundary, Cursor, Evaluation, Inspection, Parent, Record, Run, Scores


def to_run(row: RowMapping) -> Run:
    """Return a run from its row."""
    decoded = {name: json.loads(row[name]) for name in ("config", "facts")}
    parent = None if row["parent"] is None else Parent(**json.loads(row["parent"]))
    return Run(**{**row, **decoded, "parent": parent})


# Asked of the same few runs again and again, for each one that waits.
@functools.lru_cache(maxsize=256)
def dataset_of(config: str) -> str:
    """Return the dataset that a run's stored config names; "" of a `fit()` of somebody's own."""
    return str(json.loads(config).get("dataset", ""))


def to_evaluation(row: RowMapping) -> Evaluation:
    """Return an evaluation from a row that has a header and packed counts."""
    counts = PackedCounts(header=json.loads(row["header"]), data=row["data"])
    return Evaluation(attempt=row.get("attempt", 0), epoch=row["epoch"], counts=counts)


def to_boundary(row: RowMapping) -> Boundary:
    """Return a decision boundary from its row."""
    surface = PackedSurface(header=json.loads(row["header"]), data=row["data"])
    return Boundary(epoch=row["epoch"], surface=surface)


def to_inspection(row: RowMapping) -> Inspection:
    """Return an inspection from its row, joined with what it found."""
    evaluation = to_evaluation(row) if row["header"] is not None else None
    names = ("number", "run_id", "part", "which", "state", "message", "asked_at")
    return Inspection(**{name: row[name] for name in names}, evaluation=evaluation)


def scores_to_bytes(scores: Scores) -> bytes:
    """Return scores as a compressed archive of arrays."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dataclasses.asdict(scores))
    return buffer.getvalue()


def scores_from_bytes(data: bytes) -> Scores:
    """Return the scores of such an archive."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return Scores(**arrays)


def to_record(row: RowMapping) -> Record:
    """Return a record from its row."""
    data = json.loads(row["data"])
    values = None
    if row["values"] is not None:
        values = np.frombuffer(row["values"], dtype="<f4").reshape(-1, len(data["names"]))
    return Record(
        kind=row["kind"],
        epoch=row["epoch"],
        step=row["step"],
        data=data,
        values=values,
        cursor=Cursor(row["attempt"], row["seq"]),
    )


def to_json(values: Mapping[str, Any]) -> str:
    """Return JSON; a number that is not finite is an error, as on PostgreSQL."""
    return json.dumps(values, allow_nan=False, separators=(",", ":"))


def to_bytes(values: np.ndarray) -> bytes:
    """Return numbers as little-endian float32."""
    return np.ascontiguousarray(values, dtype="<f4").tobytes()


def clean(text: str) -> str:
    """Return a text that every database takes."""
    # PostgreSQL's text carries no NUL, and no database's half a surrogate pair.
    return text.replace("\x00", "").encode(errors="replace").decode()


def cleaned(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of a run as its row has them."""
    values: dict[str, Any] = {
        name: clean(value) if isinstance(value, str) else value for name, value in fields.items()
    }
    if "facts" in values:
        values["facts"] = to_json(values["facts"])
    return values
