"""`.npz` files: NumPy arrays of one length, without Python objects, as columns."""

from __future__ import annotations

import dataclasses
import math
import zipfile
import zlib
from pathlib import Path

import numpy as np

from trainer.errors import TableUnreadable
from trainer.tables.columns import canonical
from trainer.tables.limits import Limits
from trainer.tables.names import checked_names
from trainer.tables.table import Recognised, Table

# A table of fewer rows or columns shows nothing.
_SMALLEST_SIDE = 4
_KINDS = "biufUM"  # booleans, integers, numbers, texts, dates


def read_arrays(path: Path, *, limits: Limits) -> Table:
    """Read an `.npz` file: each array of one dimension is a column, one of more several columns.

    The first dimension counts the rows. An array `x` of shape `(num_rows, 8, 8)` becomes the
    columns "x 1" to "x 64"; where it is the only one of such a shape and holds numbers from 0 up,
    they are the pixels of pictures. Nothing in the file is ever unpickled.

    Args:
        path: Where it lies.
        limits: What is too much; the arrays' own descriptions are looked at before they are read.

    Raises:
        TableUnreadable: It is too large, damaged, or holds Python objects.
    """
    import pyarrow as pa

    try:
        with zipfile.ZipFile(path) as archive:
            _check_headers(archive, limits)
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        KeyError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise TableUnreadable("The .npz file is damaged and cannot be read.") from error
    except (ValueError, SyntaxError, MemoryError, OverflowError) as error:
        raise TableUnreadable(
            "The .npz file holds something other than plain arrays and is not read."
        ) from error
    columns: list[np.ndarray] = []
    names: list[str] = []
    pictures: list[tuple[int, ...]] = []
    for name, array in arrays.items():
        if _are_pictures(array):
            pictures.append((len(columns), *array.shape[1:], *([1] if array.ndim == 3 else [])))
        elif math.prod(array.shape[1:]) > limits.columns:
            raise TableUnreadable(
                f"The array “{name[:40]}” is no set of pictures, for some values are below 0 or "
                f"missing; of columns at most {limits.columns:,} are read."
            )
        flat = array.reshape(len(array), -1)
        columns += list(flat.T)
        width = flat.shape[1]
        names += [name] if array.ndim == 1 else [f"{name} {k + 1}" for k in range(width)]
    num_pixels = math.prod(pictures[0][1:]) if len(pictures) == 1 else 0
    names, notes = checked_names(
        names, dataclasses.replace(limits, columns=limits.columns + num_pixels)
    )
    try:
        data = pa.table({name: _arrow(column) for name, column in zip(names, columns, strict=True)})
        data, _, more_notes = canonical(data, "", limits)
    except (pa.ArrowException, ValueError, OverflowError, UnicodeError) as error:
        raise TableUnreadable("The .npz file holds values that cannot be read.") from error
    is_whole = len(data.column_names) == len(columns)
    picture = pictures[0] if len(pictures) == 1 and is_whole else ()
    recognised = Recognised(format="NumPy", picture=picture)
    return Table(data=data, recognised=recognised, notes=(*notes, *more_notes))


def _are_pictures(array: np.ndarray) -> bool:
    if not _have_form_of_pictures(array.shape, array.dtype):
        return False
    return bool(np.isfinite(array).all() and array.min() >= 0)


def _have_form_of_pictures(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    has_form = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))
    return has_form and min(shape[1:3]) >= _SMALLEST_SIDE and dtype.kind in "buif"


def _arrow(column: np.ndarray) -> object:
    import pyarrow as pa

    if column.dtype.kind == "M":
        return pa.array(column.astype("datetime64[us]"))
    if column.dtype.kind == "f":
        return pa.array(column.astype(np.float64))
    if column.dtype.kind == "U":
        return pa.array(column.tolist(), pa.string())
    return pa.array(column.astype(column.dtype.newbyteorder("=")))


def _check_headers(archive: zipfile.ZipFile, limits: Limits) -> None:
    rows: int | None = None
    width = num_columns = 0
    has_pictures = False
    if not archive.infolist():
        raise TableUnreadable("The .npz file holds no arrays.")
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if not member.filename.endswith(".npy"):
            raise TableUnreadable(
                "The file is a ZIP archive of other files than arrays; unpack it and bring what "
                "is in it."
            )
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }.get(version)
            if read is None:
                raise TableUnreadable("The .npz file is of a version that is not read.")
            shape, _, dtype = read(file)
        shown = name[:40]
        if dtype.hasobject:
            raise TableUnreadable(
                f"The array “{shown}” holds Python objects, which are never loaded; save numbers "
                "or texts instead."
            )
        if dtype.kind not in _KINDS or dtype.names:
            raise TableUnreadable(f"The array “{shown}” holds neither numbers, texts nor dates.")
        if not shape or (rows is not None and shape[0] != rows):
            raise TableUnreadable(
                f"The arrays must have one length; “{shown}” has the shape {shape}, an earlier "
                f"one {rows if rows is not None else 'no'} rows."
            )
        rows = shape[0]
        size = math.prod(shape[1:])
        width += size
        if not has_pictures and _have_form_of_pictures(shape, dtype):
            has_pictures = True  # those of a second array count as columns
            if size > limits.pixels:
                raise TableUnreadable(
                    f"The pictures of the array “{shown}” are too large: "
                    f"{' × '.join(map(str, shape[1:]))} are {size:,} values each, and at most "
                    f"{limits.pixels:,} are read, as of 64 × 64 pixels in colour."
                )
        else:
            num_columns += size
        if num_columns > limits.columns:
            raise TableUnreadable(
                f"The arrays have {num_columns:,} columns or more; at most {limits.columns:,} are "
                "read."
            )
        characters = dtype.itemsize // 4 if dtype.kind == "U" else 0
        if characters > limits.cell_characters or rows * width * max(1, characters) > limits.cells:
            raise TableUnreadable(
                f"The arrays have {rows:,} rows of {width:,} cells; at most "
                f"{limits.cells:,} cells are read."
            )
    if rows is None or rows < 2 or width == 0:
        raise TableUnreadable(f"The arrays have {rows or 0} rows; training needs at least two.")
