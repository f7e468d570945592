"""Parquet files, whose columns bring their types along."""

from __future__ import annotations

from pathlib import Path

from trainer.errors import TableUnreadable
from trainer.tables.columns import canonical
from trainer.tables.limits import Limits
from trainer.tables.names import checked_names
from trainer.tables.table import Recognised, Table

# A well compressed file may be large in memory; more than this times the file's limit is too much.
_MOST_UNPACKED = 20


def read_parquet(path: Path, *, limits: Limits) -> Table:
    """Read a Parquet file.

    Args:
        path: Where it lies.
        limits: What is too much; the file's own description is looked at before it is read.

    Raises:
        TableUnreadable: It is too large, damaged or empty.
    """
    import pyarrow as pa
    import pyarrow.parquet as arrow_parquet

    try:
        with arrow_parquet.ParquetFile(path, page_checksum_verification=True) as file:
            metadata = file.metadata
            names, notes = checked_names(list(file.schema_arrow.names), limits)
            if not names:
                raise TableUnreadable("The Parquet file has no columns.")
            if metadata.num_rows < 2:
                raise TableUnreadable(
                    f"The Parquet file has {metadata.num_rows} rows; training needs at least two."
                )
            if metadata.num_rows * metadata.num_columns > limits.cells:
                raise TableUnreadable(
                    f"The file has {metadata.num_rows:,} rows of {metadata.num_columns:,} cells; "
                    f"at most {limits.cells:,} cells are read."
                )
            groups = [metadata.row_group(k) for k in range(metadata.num_row_groups)]
            unpacked = sum(group.total_byte_size for group in groups)
            if unpacked > _MOST_UNPACKED * limits.file_bytes:
                raise TableUnreadable(
                    f"The file unpacks to {unpacked:,} bytes; at most "
                    f"{_MOST_UNPACKED * limits.file_bytes:,} are read."
                )
            data = file.read()
        data = data.rename_columns(names)
        data.validate()
        data, _, more_notes = canonical(data, "", limits)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise TableUnreadable("The Parquet file is damaged and cannot be read.") from error
    return Table(data=data, recognised=Recognised(format="Parquet"), notes=(*notes, *more_notes))
