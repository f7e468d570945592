"""Texts that stand for something else: numbers with a comma, and dates as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_WHOLE = r"^[+-]?\d+$"
_WITH_COMMA = r"^[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?$"
_COMMA_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})*(\.\d+)?$"
_POINT_THOUSANDS = r"^[+-]?\d{1,3}(\.\d{3})*(,\d+)?$"
_LOOKS_LIKE_DATE = r"^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}([ T]\d{1,2}:\d{2}(:\d{2})?)?$"
# Of two orders that both fit, the first one is taken, and said.
_DATES = ("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d")
_SHORT_DATES = ("%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%d-%m-%y")
_TIMES = ("", " %H:%M", " %H:%M:%S")


class Texts:
    """A column of texts; whatever is looked at, is looked at once for each different text.

    Args:
        column: The column, of type dictionary.
        delimiter: What stood between the cells of a text file; empty where there was none.

    Attributes:
        has_decimal_comma: Whether `recognised` found numbers with a decimal comma.
        note: What `recognised` has to say about the column; a sentence, or empty.
    """

    def __init__(self, column: pa.ChunkedArray, delimiter: str) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        self.has_decimal_comma = False
        self.note = ""
        self._delimiter = delimiter
        array = column.combine_chunks()
        values = pc.utf8_trim_whitespace(array.dictionary)
        # Blanks around a text say nothing, and two texts may differ in them alone.
        trimmed = pc.dictionary_encode(pc.if_else(pc.equal(values, ""), None, values))
        indices = trimmed.indices.take(array.indices)
        self._array = pa.DictionaryArray.from_arrays(
            pc.cast(indices, pa.int32()), trimmed.dictionary
        )
        self._values = trimmed.dictionary

    def longest(self) -> int:
        """Return the length of the longest text, in characters."""
        import pyarrow.compute as pc

        return int(pc.max(pc.utf8_length(self._values)).as_py() or 0)

    def recognised(self) -> pa.ChunkedArray:
        """Return the column as numbers or dates where all its texts are, otherwise as texts."""
        import pyarrow as pa

        if len(self._values) == 0:
            return pa.chunked_array([pa.nulls(len(self._array))])
        converted = self._as_numbers()
        if converted is None:
            converted = self._as_dates()
        if converted is None:
            return pa.chunked_array([self._array])
        return pa.chunked_array([converted.take(self._array.indices)])

    def _as_numbers(self) -> pa.Array | None:
        import pyarrow as pa
        import pyarrow.compute as pc

        values = self._values
        if self._all_match(_WITH_COMMA):
            # 1,234 is a thousand and more in a file whose cells a comma tells apart.
            if self._delimiter == "," and self._all_match(_COMMA_THOUSANDS):
                values = pc.replace_substring(values, ",", "")
            else:
                self.has_decimal_comma = True
                values = pc.replace_substring(values, ",", ".")
        elif self._all_match(_COMMA_THOUSANDS):
            values = pc.replace_substring(values, ",", "")
        elif self._all_match(_POINT_THOUSANDS):
            self.has_decimal_comma = True
            values = pc.replace_substring(pc.replace_substring(values, ".", ""), ",", ".")
        else:
            return None
        is_whole = pc.all(pc.match_substring_regex(values, _WHOLE)).as_py()
        try:
            return pc.cast(values, pa.int64() if is_whole else pa.float64())
        except pa.ArrowInvalid:
            return pc.cast(values, pa.float64()) if is_whole else None

    def _as_dates(self) -> pa.Array | None:
        if not self._all_match(_LOOKS_LIKE_DATE):
            return None
        for dates in (_DATES, _SHORT_DATES):
            fitting = [(date, found) for date in dates if (found := self._parsed(date)) is not None]
            if not fitting:
                continue
            (date, found), *others = fitting
            if any(not other.equals(found) for _, other in others):
                self.note = (
                    "the day or the month may come first in these dates; they are read with the "
                    f"{'day' if date.startswith('%d') else 'month'} first."
                )
            return found
        return None

    def _parsed(self, date: str) -> pa.Array | None:
        import pyarrow as pa
        import pyarrow.compute as pc

        values = pc.replace_substring(self._values, "T", " ")
        found = pa.nulls(len(values), pa.timestamp("us"))
        for time in _TIMES:
            one = pc.strptime(values, format=date + time, unit="us", error_is_null=True)
            found = pc.coalesce(found, one)
        # A year of two digits would be read as one of the first century.
        if found.null_count or pc.min(pc.year(found)).as_py() < 1000:
            return None
        return found

    def _all_match(self, pattern: str) -> bool:
        import pyarrow.compute as pc

        # Most columns are refused by their first text.
        few = self._values.slice(0, 20)
        return all(
            pc.all(pc.match_substring_regex(values, pattern)).as_py()
            for values in (few, self._values)
        )
