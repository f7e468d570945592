"""CSV and its relatives: text whose cells a character tells apart."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from trainer.errors import TableUnreadable
from trainer.tables.columns import canonical
from trainer.tables.dialect import (
    first_rows,
    has_header,
    read_header,
    read_sample,
    recognise_delimiter,
)
from trainer.tables.encoding import Text, open_text
from trainer.tables.faults import first_fault
from trainer.tables.limits import Limits
from trainer.tables.names import checked_names
from trainer.tables.table import Recognised, Table

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

# A row must fit into a block.
_BLOCK_BYTES = 2**21
# What stands for a missing value, besides an empty cell and those that Arrow knows.
_MISSING = ("?", "-", "None", "<NA>", "NAN")


def read_delimited(path: Path, *, file_name: str, limits: Limits) -> Table:
    """Read a CSV, TSV or similar file.

    Args:
        path: Where it lies.
        file_name: What its owner calls it; only its ending is looked at.
        limits: What is too much.

    Raises:
        TableUnreadable: It is too large, or no table; says the line.
    """
    with ExitStack() as closing:
        text = open_text(path, closing)
        if text.nul_line is not None:
            raise TableUnreadable(
                f"Line {text.nul_line} holds a NUL character, which no text has: the file is "
                "damaged or not a CSV file."
            )
        start = text.file.tell()
        sample = read_sample(text.file)
        delimiter = recognise_delimiter(sample, file_name)
        header = read_header(text.file, delimiter, limits)
        is_named = has_header(first_rows(sample, delimiter))
        notes: list[str] = []
        if is_named:
            names, notes = checked_names(header, limits)
        else:
            names, _ = checked_names([""] * len(header), limits)
            notes.append(
                "The first line holds numbers where the others do, so it is read as a row; the "
                "columns are called by number."
            )
        data = _read(text, delimiter, names, is_named, limits)
        # A quotation mark that is never closed swallows whole lines, and Arrow lets it.
        is_doubtful = text.has_quotes and (
            data.num_rows < 2 or _has_line_breaks(data) or _ends_open(text.file, start, delimiter)
        )
        if is_doubtful:
            _refuse_fault(text, start, delimiter, limits)
        _check_rows(data, is_named, len(header), limits)
        try:
            data, decimal, more_notes = canonical(data, delimiter, limits)
        except TableUnreadable:
            _refuse_fault(text, start, delimiter, limits)  # says the line too
            raise
    recognised = Recognised(
        format="CSV",
        encoding=text.encoding,
        delimiter=delimiter,
        decimal=decimal,
        has_header=is_named,
    )
    return Table(data=data, recognised=recognised, notes=(*notes, *more_notes))


def _read(text: Text, delimiter: str, names: list[str], is_named: bool, limits: Limits) -> pa.Table:
    import pyarrow as pa

    _skip_empty_lines(text.file)
    start = text.file.tell()
    options = _options(delimiter, is_named, text.has_quotes)
    try:
        # While Arrow infers types it keeps the whole text; most files show them at the beginning.
        types = _types_at_first(text.file, options)
        text.file.seek(start)
        data = _read_as(types, text.file, options)
        if data is None:
            text.file.seek(start)
            data = _read_as({}, text.file, options)
            assert data is not None
    except pa.ArrowInvalid as error:
        if "Empty CSV file" in str(error):
            return pa.table({name: pa.array([], pa.null()) for name in names})
        _refuse_fault(text, start, delimiter, limits)
        if "straddling" in str(error):
            rule = f"A line is longer than {_BLOCK_BYTES:,} bytes, which is the most that is read."
            raise TableUnreadable(rule) from error
        raise TableUnreadable("The file cannot be read as a table.") from error
    if data.num_columns != len(names):
        raise TableUnreadable(f"Line 1 cannot be taken apart into {len(names)} names.")
    return data.rename_columns(names)


def _options(delimiter: str, is_named: bool, has_quotes: bool) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    return {
        # Arrow's own allocators keep a fifth more memory than this for as long as they live.
        "memory_pool": pa.system_memory_pool(),
        "read_options": arrow_csv.ReadOptions(
            autogenerate_column_names=not is_named, block_size=_BLOCK_BYTES
        ),
        "parse_options": arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=has_quotes),
    }


def _converting(types: Mapping[str, pa.DataType]) -> arrow_csv.ConvertOptions:
    import pyarrow.csv as arrow_csv

    return arrow_csv.ConvertOptions(
        column_types=types,
        null_values=[*arrow_csv.ConvertOptions().null_values, *_MISSING],
        true_values=["true", "True", "TRUE"],
        false_values=["false", "False", "FALSE"],
        strings_can_be_null=True,
    )


def _types_at_first(file: IO[bytes], options: Mapping[str, Any]) -> dict[str, pa.DataType]:
    """Return the columns' types by the first block; none where it does not show all of them."""
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    head = file.read(_BLOCK_BYTES)
    if len(head) < _BLOCK_BYTES:
        return {}  # a file so small may be read in any way
    lines = io.BytesIO(head[: head.rfind(b"\n") + 1])
    try:
        schema = arrow_csv.read_csv(lines, convert_options=_converting({}), **options).schema
    except pa.ArrowInvalid:
        return {}  # what is wrong is told when all is read
    is_told = len(set(schema.names)) == len(schema.names) and pa.null() not in schema.types
    return dict(zip(schema.names, schema.types, strict=True)) if is_told else {}


def _read_as(
    types: Mapping[str, pa.DataType], file: IO[bytes], options: Mapping[str, Any]
) -> pa.Table | None:
    """Return all rows; None where a column turns out to be of another type than these."""
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    try:
        return arrow_csv.read_csv(file, convert_options=_converting(types), **options)
    except pa.ArrowInvalid as error:
        if types and "conversion error" in str(error):
            return None
        raise


def _refuse_fault(text: Text, start: int, delimiter: str, limits: Limits) -> None:
    text.file.seek(start)
    if (fault := first_fault(text.file, delimiter, limits)) is not None:
        raise TableUnreadable(fault)


def _skip_empty_lines(file: IO[bytes]) -> None:
    # Arrow would take an empty first line for the header.
    start = file.tell()
    head = file.read(_BLOCK_BYTES)
    file.seek(start + len(head) - len(head.lstrip(b"\r\n")))


def _has_line_breaks(data: pa.Table) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    return any(
        pc.any(pc.match_substring(column, "\n")).as_py()
        for column in data.columns
        if pa.types.is_string(column.type)
    )


def _ends_open(file: IO[bytes], start: int, delimiter: str) -> bool:
    """Return whether a quotation mark seems to be open at the end of a file."""
    end = file.seek(0, io.SEEK_END)
    file.seek(max(start, end - _BLOCK_BYTES))
    last = file.read().decode("utf-8", errors="replace").rstrip("\r\n").splitlines()[-1:]
    try:
        list(csv.reader(last, delimiter=delimiter, strict=True))
    except csv.Error:
        return True
    return False


def _check_rows(data: pa.Table, is_named: bool, width: int, limits: Limits) -> None:
    if data.num_rows == 0:
        raise TableUnreadable("Line 1 names the columns, and no line follows: there are no rows.")
    if data.num_rows == 1:
        line = 2 if is_named else 1
        raise TableUnreadable(f"Line {line} is the only row; training needs at least two.")
    if data.num_rows * width > limits.cells:
        raise TableUnreadable(
            f"The file has {data.num_rows:,} rows of {width:,} cells; at most "
            f"{limits.cells:,} cells are read."
        )
