"""Columns of any type as columns of the few types that a `Table` has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainer.errors import TableUnreadable
from trainer.tables.limits import Limits
from trainer.tables.texts import Texts

if TYPE_CHECKING:
    import pyarrow as pa


def canonical(
    data: pa.Table, delimiter: str, limits: Limits
) -> tuple[pa.Table, str, tuple[str, ...]]:
    """Return a table's columns in the types of a `Table`.

    Args:
        data: The columns as they were read; their names all differ.
        delimiter: What stood between the cells of a text file; empty where there was none.
        limits: How long a text may be.

    Returns:
        The columns; "," or ".", by how most numbers written with one of them are written; and
        notes on columns that were left out or could be read in two ways.

    Raises:
        TableUnreadable: A cell is too long.
    """
    import pyarrow as pa

    columns: dict[str, pa.ChunkedArray] = {}
    left_out: list[str] = []
    notes: list[str] = []
    decimal = "."
    # Taken out one by one, so that no column is held in both types at once.
    names = data.column_names
    originals = dict(zip(names, data.columns, strict=True))
    del data
    for name in names:
        column = _plain(originals.pop(name))
        if column is None:
            left_out.append(name)
            continue
        if pa.types.is_dictionary(column.type):
            texts = Texts(column, delimiter)
            longest = texts.longest()
            if longest > limits.cell_characters:
                raise TableUnreadable(
                    f"A cell of the column {_quoted(name)} has {longest:,} characters; at most "
                    f"{limits.cell_characters:,} are read."
                )
            column = texts.recognised()
            if texts.has_decimal_comma:
                decimal = ","
            if texts.note:
                notes.append(f"{_quoted(name)}: {texts.note}")
        columns[name] = column
    if left_out:
        notes.append(
            f"Left out, for what they hold is neither number, text nor date: {_listed(left_out)}."
        )
    if not columns:
        raise TableUnreadable("The file has no column of numbers, texts or dates.")
    return pa.table(columns), decimal, tuple(notes)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return a column in one of the types of a `Table`; None if it holds something else."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
        kind = column.type
    if types.is_dictionary(kind):
        column = pc.cast(column, kind.value_type)
        kind = column.type
    if types.is_null(kind) or types.is_boolean(kind):
        return column
    if types.is_integer(kind):
        try:
            return pc.cast(column, pa.int64())
        except pa.ArrowInvalid:  # above 2^63
            return pc.cast(column, pa.float64(), safe=False)
    if types.is_floating(kind) or types.is_decimal(kind):
        column = pc.cast(column, pa.float64(), safe=False)
        if not pc.any(pc.is_nan(column)).as_py():
            return column
        return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
    if types.is_timestamp(kind) or types.is_date(kind):
        return pc.cast(column, pa.timestamp("us"), safe=False)
    if types.is_time(kind):
        return _in_seconds(column, {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit])
    if types.is_duration(kind):
        return _in_seconds(column, {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit])
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return pc.dictionary_encode(pc.cast(column, pa.string())).unify_dictionaries()
    return None


def _in_seconds(column: pa.ChunkedArray, per_second: float) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    width = pa.int32() if column.type.bit_width == 32 else pa.int64()
    return pc.divide(pc.cast(pc.cast(column, width), pa.float64()), per_second)


def _quoted(name: str) -> str:
    return f"“{name}”"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(map(_quoted, names[:10])) + more
