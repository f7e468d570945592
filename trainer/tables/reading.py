"""Reading a file as a table; what kind of file it is, its content decides."""

from __future__ import annotations

from pathlib import Path

from trainer.errors import TableUnreadable
from trainer.tables.arrays import read_arrays
from trainer.tables.delimited import read_delimited
from trainer.tables.limits import Limits
from trainer.tables.parquet import read_parquet
from trainer.tables.table import Table

SUFFIXES = (".csv", ".tsv", ".parquet", ".npz", ".tab", ".txt")
"""Endings of the names of files that can be read."""

_FOREIGN = (
    (b"\x1f\x8b", "is packed with gzip; unpack it first"),
    (b"BZh", "is packed with bzip2; unpack it first"),
    (b"\xfd7zXZ", "is packed with xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is packed with Zstandard; unpack it first"),
    (b"\x93NUMPY", "is a single NumPy array; save the arrays with numpy.savez instead"),
    (b"\x80\x04\x95", "is a Python pickle, which is never loaded"),
    (b"\x80\x05\x95", "is a Python pickle, which is never loaded"),
    (b"\x89HDF", "is an HDF5 file or a saved model, which is never loaded"),
    (b"%PDF", "is a PDF document; save the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old Office document; save the table as CSV"),
)


def read_table(path: Path, *, file_name: str, limits: Limits | None = None) -> Table:
    """Read a CSV, TSV, Parquet or `.npz` file.

    Args:
        path: Where it lies; a path of this program's own, never a visitor's text.
        file_name: What its owner calls it; only its ending is looked at.
        limits: What is too much; by default what the environment sets.

    Raises:
        TableUnreadable: It is too large, damaged or no table; one sentence, with the line.
    """
    limits = limits or Limits.from_environment()
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise TableUnreadable(
            f"The file has {size / 2**20:,.1f} MB; at most {limits.file_bytes / 2**20:,.0f} MB "
            "are read."
        )
    with open(path, "rb") as file:
        head = file.read(8)
    if not head:
        raise TableUnreadable("The file is empty.")
    for magic, words in _FOREIGN:
        if head.startswith(magic):
            raise TableUnreadable(f"The file {words}.")
    if head.startswith(b"PAR1"):
        return read_parquet(path, limits=limits)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        if file_name.lower().endswith(".npz"):
            return read_arrays(path, limits=limits)
        raise TableUnreadable(
            "The file is a ZIP archive, as Excel's workbooks are too; unpack it, or save the "
            "table as CSV."
        )
    return read_delimited(path, file_name=file_name, limits=limits)
