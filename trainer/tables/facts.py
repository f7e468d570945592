"""What is known of each column of a table without looking at it again."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trainer.tables.table import Kind, Table

if TYPE_CHECKING:
    import pyarrow as pa

MAX_VALUES = 1_000
"""Different values of a column that are listed; of one with more, not even their number."""

LARGEST = 3.4e38
"""Numbers beyond this, which float32 cannot hold, count as infinite."""

_MAX_LISTED_CHARACTERS = 20_000
_FEW_ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class ColumnFacts:
    """One column.

    Attributes:
        name: Its name.
        kind: What it holds.
        num_missing: Rows without a value.
        num_infinite: Rows with an infinite number, or one beyond `LARGEST`.
        minimum: Smallest finite number, date (in days since 1970-01-01) or boolean; None without.
        maximum: Largest one.
        num_distinct: Number of different values, missing and infinite ones not counted; exact for
            texts, booleans and where `values` are listed, and None where it is not known.
        values: The different values in rising order with their counts, where there are at most
            `MAX_VALUES` and they are not too long; otherwise empty. Numbers are as Python writes
            them.
        is_counter: Whether whole numbers follow each other without gap or repetition, in any order.
        mean_length: Mean length of the different texts in characters; 0 for other kinds.
    """

    name: str
    kind: Kind
    num_missing: int
    num_infinite: int = 0
    minimum: float | None = None
    maximum: float | None = None
    num_distinct: int | None = None
    values: tuple[tuple[str, int], ...] = ()
    is_counter: bool = False
    mean_length: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that survive JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> ColumnFacts:
        """Return the facts that `to_dict` made."""
        values = tuple((str(value), int(count)) for value, count in stored["values"])
        return cls(**{**stored, "values": values})


def column_facts(table: Table) -> tuple[ColumnFacts, ...]:
    """Return what is known of each column, in the table's order.

    Of pixels the values are not listed: there are thousands of such columns.
    """
    pixels = table.names[table.recognised.picture_columns]
    unlisted = set(pixels) if len(pixels) < len(table.names) else set()
    return tuple(
        _facts(
            name,
            table.kind(name),
            table.data.column(name),
            table.num_rows,
            lists_values=name not in unlisted,
        )
        for name in table.names
    )


def _facts(
    name: str, kind: Kind, column: pa.ChunkedArray, num_rows: int, *, lists_values: bool
) -> ColumnFacts:
    import pyarrow as pa
    import pyarrow.compute as pc

    num_missing = int(column.null_count)
    if kind == "text":
        return _text_facts(name, column, num_missing)
    if kind == "empty":
        return ColumnFacts(name=name, kind=kind, num_missing=num_missing, num_distinct=0)
    num_infinite = 0
    finite = column
    if kind == "number":
        is_finite = pc.less_equal(pc.abs(column), LARGEST)
        num_infinite = len(column) - num_missing - int(pc.sum(is_finite).as_py() or 0)
        if num_infinite:
            finite = column.filter(is_finite)
    bounds = pc.min_max(pc.cast(finite, pa.int64()) if kind in ("date", "boolean") else finite)
    minimum, maximum = bounds["min"].as_py(), bounds["max"].as_py()
    per_day = 86_400e6 if kind == "date" else 1
    values, num_distinct = _values(finite, kind) if lists_values else ((), None)
    is_counter = (
        kind == "integer"
        and not num_missing
        and maximum - minimum + 1 == num_rows
        and (num_distinct or int(pc.count_distinct(column).as_py())) == num_rows
    )
    return ColumnFacts(
        name=name,
        kind=kind,
        num_missing=num_missing,
        num_infinite=num_infinite,
        minimum=None if minimum is None else _number(minimum / per_day),
        maximum=None if maximum is None else _number(maximum / per_day),
        num_distinct=num_rows if is_counter else num_distinct,
        values=values,
        is_counter=is_counter,
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _values(column: pa.ChunkedArray, kind: Kind) -> tuple[tuple[tuple[str, int], ...], int | None]:
    import pyarrow.compute as pc

    # Most columns of numbers have far more values than are listed; a look at few rows tells.
    if int(pc.count_distinct(column.slice(0, _FEW_ROWS)).as_py()) > MAX_VALUES:
        return (), None
    counts = {
        entry["values"]: int(entry["counts"])
        for entry in pc.value_counts(column).to_pylist()
        if entry["values"] is not None
    }
    if len(counts) > MAX_VALUES:
        return (), len(counts)
    return tuple((_written(value), counts[value]) for value in sorted(counts)), len(counts)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def _text_facts(name: str, column: pa.ChunkedArray, num_missing: int) -> ColumnFacts:
    import pyarrow.compute as pc

    array = column.combine_chunks()
    texts = array.dictionary
    lengths = pc.utf8_length(texts)
    characters = int(pc.sum(lengths).as_py() or 0)
    values: tuple[tuple[str, int], ...] = ()
    if len(texts) <= MAX_VALUES and characters <= _MAX_LISTED_CHARACTERS:
        counts = {
            int(entry["values"]): int(entry["counts"])
            for entry in pc.value_counts(array.indices).to_pylist()
            if entry["values"] is not None
        }
        listed = [(text, counts.get(place, 0)) for place, text in enumerate(texts.to_pylist())]
        values = tuple(sorted(listed))
    return ColumnFacts(
        name=name,
        kind="text",
        num_missing=num_missing,
        num_distinct=len(texts),
        values=values,
        mean_length=characters / len(texts) if len(texts) else 0.0,
    )
