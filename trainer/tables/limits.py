"""How large a file and what is in it may be; looked at before anything is parsed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from trainer.errors import InvalidInput

_MEGABYTE = 2**20
_SETTING = "STREAMLIT_SERVER_MAX_UPLOAD_SIZE"
_DEFAULT_MEGABYTES = 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one reading.

    Attributes:
        file_bytes: Size of the file as it lies on disk.
        columns: Number of columns.
        pixels: Values of one picture, in all its channels; they count as no columns.
        cells: Rows times columns.
        name_characters: Length of a column's name.
        cell_characters: Length of a text in a cell.
    """

    file_bytes: int = _DEFAULT_MEGABYTES * _MEGABYTE
    columns: int = 2_000
    pixels: int = 64 * 64 * 3
    cells: int = 100_000_000
    name_characters: int = 200
    cell_characters: int = 100_000

    @classmethod
    def of_megabytes(cls, megabytes: int) -> Limits:
        """Return the limits for files of at most so many megabytes (of 1,048,576 bytes)."""
        return cls(file_bytes=megabytes * _MEGABYTE)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Limits:
        """Return the limits with the file size that Streamlit's own setting names.

        Raises:
            InvalidInput: The setting is no whole number of megabytes.
        """
        environment = os.environ if environment is None else environment
        text = environment.get(_SETTING) or str(_DEFAULT_MEGABYTES)
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 1_000_000):
            raise InvalidInput(_SETTING, "must be a whole number of megabytes", text)
        return cls.of_megabytes(int(text))
