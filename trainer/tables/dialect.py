"""How the cells of a CSV file are told apart, and whether its first line names the columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import IO

from trainer.errors import TableUnreadable
from trainer.tables.limits import Limits

DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_BYTES = 2**15
_SAMPLE_ROWS = 200
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")


def recognise_delimiter(sample: str, file_name: str) -> str:
    """Return the delimiter of a CSV file; a comma for a file of one column.

    Args:
        sample: The first lines.
        file_name: Decides where the text does not.
    """
    import clevercsv

    present = [delimiter for delimiter in DELIMITERS if delimiter in sample]
    if not present:
        return ","
    if len(present) == 1:
        return present[0]
    try:
        found = clevercsv.Detector().detect(sample, delimiters=present)
    except Exception:
        # Whatever a detector stumbles over must not keep anybody from reading a file.
        found = None
    if found is not None and found.delimiter in present:
        return str(found.delimiter)
    first_line = sample.splitlines()[0]
    if file_name.lower().endswith((".tsv", ".tab")) and "\t" in first_line:
        return "\t"
    return max(present, key=first_line.count)


def read_sample(file: IO[bytes]) -> str:
    """Return the first whole lines of a file in UTF-8, and leave it where it was."""
    start = file.tell()
    data = file.read(_SAMPLE_BYTES)
    is_whole = not file.read(1)
    file.seek(start)
    text = data.decode("utf-8", errors="ignore")
    if not is_whole and (cut := max(text.rfind("\n"), text.rfind("\r"))) > 0:
        text = text[: cut + 1]
    return text


def first_rows(sample: str, delimiter: str) -> list[list[str]]:
    """Return the cells of the first lines that are not empty, as far as they can be told."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) > _SAMPLE_ROWS:
                break
    except csv.Error:
        pass  # what is wrong is told when the whole file is read
    return rows


def read_header(file: IO[bytes], delimiter: str, limits: Limits) -> list[str]:
    """Return the cells of the first line that is not empty, and leave the file where it was.

    Raises:
        TableUnreadable: There is none, or it is longer than names may be.
    """
    start = file.tell()
    most = limits.columns * (limits.name_characters + 1) * 4
    head = file.read(most + 1)
    file.seek(start)
    lines = io.TextIOWrapper(io.BytesIO(head), encoding="utf-8", errors="replace", newline="")
    try:
        header = next((row for row in csv.reader(lines, delimiter=delimiter) if row), None)
    except csv.Error:
        raise TableUnreadable(
            "Line 1: a cell is far too long to be the name of a column, perhaps because a "
            "quotation mark is never closed."
        ) from None
    if header is None:
        raise TableUnreadable("The file is empty: it has no line with text.")
    if len(head) > most and not any(end in head for end in (b"\n", b"\r")):
        raise TableUnreadable(
            f"Line 1 is longer than {limits.columns:,} names of {limits.name_characters} "
            "characters, which is the most that is read."
        )
    return header


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first of some rows names the columns.

    It is taken for data only where every column that holds numbers has one in the first row too,
    and there is such a column. Rising years are names all the same.
    """
    if len(rows) < 2:
        return True
    first, others = rows[0], rows[1:]
    columns = [
        [row[place] for row in others if place < len(row) and row[place].strip()]
        for place in range(len(first))
    ]
    of_numbers = [
        place
        for place, cells in enumerate(columns)
        if cells and all(_NUMBER.fullmatch(cell.strip()) for cell in cells)
    ]
    if not of_numbers:
        return True
    names = [first[place].strip() for place in of_numbers]
    if not all(_NUMBER.fullmatch(name) for name in names):
        return True
    are_years = all(re.fullmatch(r"(1[89]|20|21)\d\d", name) for name in names)
    return are_years and len(names) > 1 and all(a < b for a, b in pairwise(names))
