"""An upload as a dataset: what is predicted, from which columns, and the rows as arrays."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, get_args

import numpy as np

from trainer.datasets import uploads
from trainer.datasets.columns import Column, chosen_columns, is_usable
from trainer.datasets.spec import Arrays, DatasetSpec, LoadOptions, Task
from trainer.datasets.uploads import Upload
from trainer.errors import InvalidInput
from trainer.tables.facts import LARGEST, MAX_VALUES, ColumnFacts

if TYPE_CHECKING:
    import pyarrow as pa

# A whole number with more different values than this is a quantity, not a class.
_FEW_CLASSES = 20
_ROWS_PER_CLASS = 3
_BYTE = 255.0
# The likeliest first.
_TARGET_NAMES = ("target", "label", "class", "y", "outcome")
_EXACT_IN_FLOAT32 = 2**24
_DAY_MICROSECONDS = 86_400e6


def proposed_task(upload: Upload, target: str) -> Task:
    """Return the task that the values of a column suggest.

    Raises:
        InvalidInput: There is no such column, or it cannot be predicted.
    """
    fact = _target(upload, target)
    distinct = fact.num_distinct
    if distinct == 2:
        return "binary"
    if fact.kind == "text":
        return "multiclass"
    is_whole = fact.kind == "integer" or all(_is_whole(value) for value, _ in fact.values)
    is_few = distinct is not None and distinct <= min(
        _FEW_CLASSES, upload.num_rows / _ROWS_PER_CLASS
    )
    return "multiclass" if is_whole and is_few else "regression"


def possible_targets(upload: Upload) -> tuple[str, ...]:
    """Return the columns that can be predicted from the others, in the file's order."""
    return _possible_targets(upload.name)


@functools.lru_cache(maxsize=256)
def _possible_targets(name: str) -> tuple[str, ...]:
    upload = uploads.upload(name)
    pixels = {fact.name for fact in upload.pixels}
    usable = {fact.name for fact in upload.columns if is_usable(fact, upload.num_rows)}
    names = []
    for fact in upload.columns:
        if fact.name in pixels and len(pixels) < len(upload.columns):
            continue  # of pictures something else is to be told
        try:
            _target(upload, fact.name)
        except InvalidInput:
            continue
        num_values = upload.num_rows - fact.num_missing - fact.num_infinite
        if usable - {fact.name} and num_values >= 2:
            names.append(fact.name)
    return tuple(names)


def proposed_target(upload: Upload) -> str:
    """Return the column that is most likely meant to be predicted.

    One that bears a name as targets do, else the last one.

    Raises:
        InvalidInput: No column can be predicted.
    """
    names = possible_targets(upload)
    if not names:
        rule = "must have a column that can be predicted from another one"
        raise InvalidInput("dataset", rule, upload.title)
    for called in _TARGET_NAMES:
        for name in reversed(names):
            if name.strip().lower() == called:
                return name
    return names[-1]


def fitting_tasks(upload: Upload, target: str) -> tuple[Task, ...]:
    """Return the tasks that a column can be the target of.

    Raises:
        InvalidInput: There is no such column, or it cannot be predicted.
    """
    fact = _target(upload, target)
    tasks: list[Task] = []
    if fact.num_distinct == 2 and fact.values:
        tasks.append("binary")
    elif fact.values:
        tasks.append("multiclass")
    if fact.kind != "text":
        tasks.append("regression")
    return tuple(tasks)


def upload_spec(name: str, *, target: str, task: str = "") -> DatasetSpec:
    """Return an upload with a target as an entry of the table of datasets.

    Args:
        name: Name of the upload.
        target: The column that is predicted.
        task: Kind of target; empty for the one that its values suggest.

    Raises:
        DatasetUnavailable: The upload is gone.
        InvalidInput: The target or the task does not fit, or there is nothing to learn from.
    """
    uploads.upload(name)  # is it still there?
    return _spec(name, target, task)


# A page asks for the same one many times each time it is drawn, and an upload never changes.
@functools.lru_cache(maxsize=256)
def _spec(name: str, target: str, task: str) -> DatasetSpec:
    upload = uploads.upload(name)
    fact = _target(upload, target)
    fitting = fitting_tasks(upload, target)
    chosen: Task = next((one for one in fitting if one == task), proposed_task(upload, target))
    if task and chosen != task:
        known = get_args(Task)
        rule = f"must be one of {', '.join(fitting if task in known else known)}"
        raise InvalidInput("task", f"{rule} for the column {target!r}", task)
    others = [column for column in upload.columns if column.name != target]
    is_picture = bool(upload.pixels) and fact not in upload.pixels
    columns, left_out = ((), ()) if is_picture else chosen_columns(others, upload.num_rows)
    if is_picture and len(others) > len(upload.pixels):
        left_out = ("Beside pictures nothing else is learnt from.",)
    if not columns and not is_picture:
        reasons = " ".join(left_out) or "there is no other column"
        raise InvalidInput("dataset", f"must have a column to learn from ({reasons})", upload.title)
    num_lost = fact.num_missing + fact.num_infinite
    num_samples = upload.num_rows - num_lost
    if num_samples < 2:
        raise InvalidInput("target", "must have at least two values that are not missing", target)
    notes = [*upload.notes, *left_out]
    if num_lost:
        rows = "1 row has" if num_lost == 1 else f"{num_lost:,} rows have"
        notes.append(f"{rows} no finite value in “{target}” and cannot be learnt from.")
    classes = () if chosen == "regression" else fact.values
    spec = DatasetSpec(
        name=upload.name,
        title=upload.title,
        summary=f"Your own data: {num_samples:,} rows; predict “{target}”.",
        task=chosen,
        num_samples=num_samples,
        input_shape=(sum(column.num_outputs for column in columns),),
        class_names=tuple(value for value, _ in classes),
        class_counts=tuple(count for _, count in classes),
        feature_names=tuple(column.name for column in columns),
        target_name=target,
        origin="uploaded",
        source=f"The uploaded file “{upload.title}”.",
        licence="Known to whoever brought the file",
        columns=columns,
        notes=tuple(notes),
        defaults=_defaults(num_samples),
        load=partial(_load, name, target, chosen, columns),
    )
    if not is_picture:
        return spec
    return dataclasses.replace(
        spec,
        input_shape=upload.recognised.picture[1:],
        pixel_scale=_BYTE if _are_bytes(upload) else 1.0,
        load=partial(_load_pictures, name, target, chosen, columns),
    )


def _highest(upload: Upload) -> float:
    """Return the value of a white pixel."""
    found = max(fact.maximum or 0.0 for fact in upload.pixels)
    # Of floats 1, of scikit-learn's digits 16, of bytes 255; else the highest there is.
    return next((most for most in (1.0, 16.0, _BYTE) if found <= most), found)


def read_rows(spec: DatasetSpec, rows: np.ndarray | slice) -> Arrays:
    """Return some rows of an upload, in the order asked for, holding no more in memory.

    Args:
        spec: What `upload_spec` returned.
        rows: Row numbers, counted without the rows that have no target; or a slice.
    """
    return spec.load.func(*spec.load.args, LoadOptions(), rows=rows)  # type: ignore[attr-defined]


def read_targets(spec: DatasetSpec) -> np.ndarray:
    """Return the targets of all rows of an upload that have one, and read no other column.

    Args:
        spec: What `upload_spec` returned.
    """
    name, target, task, _ = spec.load.args  # type: ignore[attr-defined]
    return _load(name, target, task, (), LoadOptions()).y


def _target(upload: Upload, target: str) -> ColumnFacts:
    fact = upload.column(target)
    if fact is None:
        names = [column.name for column in upload.columns]
        shown = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
        raise InvalidInput("target", f"must be one of the columns {shown}", target)
    if fact.kind == "date":
        raise InvalidInput("target", "must be a column of numbers or classes, not of dates", target)
    if fact.kind == "empty" or fact.num_distinct == 0:
        raise InvalidInput("target", "must be a column with values, and all are missing", target)
    if fact.num_distinct == 1:
        raise InvalidInput("target", "must have at least two different values", target)
    num_values = upload.num_rows - fact.num_missing
    if fact.kind == "text" and fact.num_distinct == num_values and num_values > _FEW_CLASSES:
        rule = "must have values that come again; every row has a text of its own there"
        raise InvalidInput("target", rule, target)
    if fact.kind == "text" and not fact.values:
        rule = f"must have at most {MAX_VALUES:,} classes of short names"
        raise InvalidInput("target", rule, target)
    return fact


def _is_whole(text: str) -> bool:
    return text.lstrip("-").isdigit()


def _defaults(num_samples: int) -> dict[str, object]:
    if num_samples < 100:
        return {"batch_size": max(1, min(32, num_samples // 3))}
    if num_samples <= 20_000:
        return {}
    return {"batch_size": 256 if num_samples < 200_000 else 1024, "epochs": 10}


def _load(
    name: str,
    target: str,
    task: Task,
    columns: Sequence[Column],
    options: LoadOptions,
    rows: np.ndarray | slice | None = None,
) -> Arrays:
    upload = uploads.upload(name)
    fact = _target(upload, target)
    table = _rows(name, fact, [target, *(column.name for column in columns)], rows)
    facts = {one.name: one for one in upload.columns}
    # float32 holds these as they are; dates count from a day nearby for the same reason.
    is_wide = any(
        max(abs(bound or 0) for bound in (facts[column.name].minimum, facts[column.name].maximum))
        > _EXACT_IN_FLOAT32
        for column in columns
        if facts[column.name].kind == "integer"
    )
    x = np.empty((len(table), len(columns)), np.float64 if is_wide else np.float32)
    for place, column in enumerate(columns):
        x[:, place] = feature_values(table.column(column.name), column)
    return Arrays(x=x, y=_targets(table.column(target), fact, task))


def _load_pictures(
    name: str,
    target: str,
    task: Task,
    columns: Sequence[Column],
    options: LoadOptions,
    rows: np.ndarray | slice | None = None,
) -> Arrays:
    upload = uploads.upload(name)
    fact = _target(upload, target)
    table = _rows(name, fact, [target, *(pixel.name for pixel in upload.pixels)], rows)
    are_bytes = _are_bytes(upload)
    white = 1.0 if are_bytes else _highest(upload)
    pixels = np.empty((len(table), len(upload.pixels)), np.uint8 if are_bytes else np.float32)
    for place, pixel in enumerate(upload.pixels):
        pixels[:, place] = table.column(pixel.name).to_numpy() / white
    x = pixels.reshape(len(table), *upload.recognised.picture[1:])
    return Arrays(x=x, y=_targets(table.column(target), fact, task))


def picture_scale(spec: DatasetSpec) -> float:
    """Return what `load` divides the pixels of uploaded pictures by; 1 for everything else."""
    if spec.origin != "uploaded" or not spec.is_image:
        return 1.0
    upload = uploads.upload(spec.name)
    return 1.0 if _are_bytes(upload) else _highest(upload)


def _are_bytes(upload: Upload) -> bool:
    return _highest(upload) == _BYTE and all(pixel.kind == "integer" for pixel in upload.pixels)


def feature_values(values: pa.ChunkedArray, column: Column) -> np.ndarray:
    """Return a column of a table as numbers, shape `(num_rows,)`, NaN where there is none.

    Booleans are 0 and 1, dates the days since 2000-01-01, categories their places in
    `column.categories` (NaN for others), infinite numbers are missing ones.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.kind == "category":
        places = {text: place for place, text in enumerate(column.categories)}
        array = values.combine_chunks()
        of_entry = np.array(
            [places.get(text, -1) for text in array.dictionary.to_pylist()] or [-1], dtype=np.int64
        )
        entries = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False)
        codes = np.where(entries < 0, -1, of_entry[entries])
        return np.where(codes < 0, np.nan, codes)
    if column.kind == "date":
        since = pc.cast(values, pa.int64()).to_numpy().astype(np.float64)
        return since / _DAY_MICROSECONDS - 10_957  # the days from 1970 to 2000
    numbers = pc.cast(values, pa.float64(), safe=False).to_numpy()
    if column.kind == "number":
        numbers = np.where(np.abs(numbers) <= LARGEST, numbers, np.nan)
    return np.asarray(numbers, dtype=np.float64)


def _rows(
    name: str, target: ColumnFacts, columns: Sequence[str], rows: np.ndarray | slice | None
) -> pa.Table:
    """Return these columns of the rows that have a target, or of those of them that are asked."""
    table = uploads.read(name)
    kept = _kept(table.column(target.name), target)
    table = table.select(columns)
    if rows is not None:
        kept = (np.arange(len(table)) if kept is None else kept)[rows]
    return table if kept is None else table.take(kept)


def _kept(values: pa.ChunkedArray, fact: ColumnFacts) -> np.ndarray | None:
    """Return the rows that have a target; None where all have."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not fact.num_missing and not fact.num_infinite:
        return None
    if fact.kind == "number":
        numbers = pc.cast(values, pa.float64()).to_numpy()
        return np.flatnonzero(np.abs(numbers) <= LARGEST)
    return np.flatnonzero(pc.is_valid(values).to_numpy())


def _targets(values: pa.ChunkedArray, fact: ColumnFacts, task: Task) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if task == "regression":
        return pc.cast(
            pc.cast(values, pa.float64(), safe=False), pa.float32(), safe=False
        ).to_numpy()
    names = tuple(value for value, _ in fact.values)
    if fact.kind == "text":
        column = Column(name=fact.name, kind="category", categories=names)
        return feature_values(values, column).astype(np.int32)
    if fact.kind == "boolean":
        return pc.cast(values, pa.int32()).to_numpy()
    if fact.kind == "integer":
        return np.searchsorted([int(name) for name in names], values.to_numpy()).astype(np.int32)
    numbers = values.to_numpy()
    return np.searchsorted([float(name) for name in names], numbers).astype(np.int32)
