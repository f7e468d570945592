"""A table as it was read: typed columns of different names, and what was recognised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["integer", "number", "boolean", "date", "text", "empty"]
Format = Literal["CSV", "Parquet", "NumPy"]


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """What was found out about a file before it was read.

    Attributes:
        format: Kind of file, by its content.
        encoding: Encoding of its text, as people call it; empty where there is no text.
        delimiter: Character between two cells of a CSV file; empty elsewhere.
        decimal: "," where numbers are written with a decimal comma, otherwise ".".
        has_header: Whether the columns bear names of the file's own.
        picture: Where a file of arrays holds pictures: which column is the first of theirs, then
            height, width and channels; their values lie row by row. Empty elsewhere.
    """

    format: Format
    encoding: str = ""
    delimiter: str = ""
    decimal: str = "."
    has_header: bool = True
    picture: tuple[int, ...] = ()

    @property
    def picture_columns(self) -> slice:
        """The columns of the pictures."""
        if not self.picture:
            return slice(0, 0)
        first, height, width, channels = self.picture
        return slice(first, first + height * width * channels)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Columns of equal length.

    Attributes:
        data: The columns. A type is int64 (kind "integer"), float64 ("number"), bool ("boolean"),
            timestamp of microseconds without a time zone, in UTC where the file names one
            ("date"), a dictionary of strings ("text") or null ("empty"). Missing values are null,
            never NaN.
        recognised: How the file was read.
        notes: One sentence for everything that is not as the file has it.
    """

    data: pa.Table
    recognised: Recognised
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(self.data.column_names)

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return int(self.data.num_rows)

    def kind(self, name: str) -> Kind:
        """Return the kind of a column."""
        return kind_of(self.data.schema.field(name).type)


def kind_of(type_: pa.DataType) -> Kind:
    """Return the kind of a column of this type; only the types of a `Table` have one."""
    import pyarrow.types as types

    if types.is_integer(type_):
        return "integer"
    if types.is_floating(type_):
        return "number"
    if types.is_boolean(type_):
        return "boolean"
    if types.is_timestamp(type_):
        return "date"
    return "empty" if types.is_null(type_) else "text"
