"""What is wrong with a CSV file, and in which line: found by reading it slowly and strictly."""

from __future__ import annotations

import csv
import io
from typing import IO

from trainer.tables.limits import Limits


def first_fault(file: IO[bytes], delimiter: str, limits: Limits) -> str | None:
    """Return a sentence about the first line that is not as it should be, or None.

    Args:
        file: The text in UTF-8, at its beginning.
        delimiter: Character between two cells.
        limits: How long a cell may be.
    """
    text = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="")
    try:
        return _first_fault(text, delimiter, limits)
    finally:
        text.detach()


def _first_fault(text: io.TextIOWrapper, delimiter: str, limits: Limits) -> str | None:
    rows = csv.reader(text, delimiter=delimiter, strict=True)
    width = 0
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return None
        except csv.Error as error:
            return f"Line {line}: {_reason(str(error))}"
        if not row:
            continue
        if not width:
            width = len(row)
        if len(row) != width:
            return (
                f"Line {line} has {len(row)} cell{'' if len(row) == 1 else 's'} where the first "
                f"line has {width}."
            )
        longest = max(map(len, row))
        if longest > limits.cell_characters:
            return (
                f"Line {line} has a cell of {longest:,} characters; "
                f"at most {limits.cell_characters:,} are read."
            )


def _reason(message: str) -> str:
    if "unexpected end" in message:
        return "a quotation mark that opens there is never closed."
    if "field larger" in message:
        return "a cell is far too long, perhaps because a quotation mark is never closed."
    if "expected after" in message:
        return "text follows right after a closing quotation mark."
    return "it cannot be taken apart into cells."
