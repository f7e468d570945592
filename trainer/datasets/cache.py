"""Our own copies of downloaded datasets: `<home>/datasets/<name>.npz`, read without Keras.

A file holds `x_train`, `y_train`, `x_test` and `y_test`: the official parts, of which only the
train part is used so far; one of texts also `words`, the most frequent first. Nothing in it is
pickled.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from trainer.datasets.spec import Arrays, Progress
from trainer.home import home
from trainer.lock import ProcessLock

_WAIT_SECONDS = 0.5  # between two looks whether somebody wants to wait no more
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError)


def path(name: str) -> Path:
    """Return where the copy of a dataset lies, whether or not it is there yet."""
    return home() / "datasets" / f"{name}.npz"


def read(name: str) -> Arrays | None:
    """Return the stored train part, or None where there is no copy or it cannot be read."""
    try:
        with zipfile.ZipFile(path(name)) as archive:
            return Arrays(x=_whole(archive, "x_train"), y=_whole(archive, "y_train"))
    except FileNotFoundError:
        return None
    except _UNREADABLE:
        return None  # a damaged copy is as good as none: it is replaced by the next download


def read_rows(name: str, indices: np.ndarray) -> Arrays | None:
    """Return some rows of the stored train part, holding no more of it in memory.

    Args:
        name: Name of the dataset.
        indices: Which rows, shape `(num_rows,)`.

    Returns:
        The rows in the order asked for; None where there is no copy or it cannot be read.
    """
    try:
        with zipfile.ZipFile(path(name)) as archive:
            return Arrays(
                x=_chosen(archive, "x_train", indices), y=_chosen(archive, "y_train", indices)
            )
    except FileNotFoundError:
        return None
    except _UNREADABLE:
        return None


def read_targets(name: str) -> np.ndarray | None:
    """Return the targets of the stored train part; None where there is no copy to be read."""
    try:
        with zipfile.ZipFile(path(name)) as archive:
            return _whole(archive, "y_train")
    except (FileNotFoundError, *_UNREADABLE):
        return None


def read_words(name: str) -> tuple[str, ...]:
    """Return the words that stored texts are made of, the most frequent first; empty if unknown."""
    try:
        with zipfile.ZipFile(path(name)) as archive:
            return tuple(_whole(archive, "words").tolist())
    except (FileNotFoundError, *_UNREADABLE):
        return ()


def write(name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Store arrays as the copy of a dataset; a reader sees the whole new file or the old one."""
    target = path(name)
    target.parent.mkdir(exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(
        dir=target.parent, prefix=f".{name}-", suffix=".npz.part"
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def only_one_download(progress: Progress) -> Iterator[None]:
    """Hold the right to download; wait while somebody else, here or in another process, has it.

    `progress` is called now and then while waiting; where it raises, the wait is over. Another
    thread may give the right back.
    """
    folder = home() / "datasets"
    folder.mkdir(exist_ok=True)
    lock = ProcessLock(folder / "download.lock", timeout=_WAIT_SECONDS)
    try:
        while not lock.acquire():
            progress("Waiting for another download")
        yield
    finally:
        lock.release()


def _whole(archive: zipfile.ZipFile, key: str) -> np.ndarray:
    with archive.open(f"{key}.npy") as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _chosen(archive: zipfile.ZipFile, key: str, indices: np.ndarray) -> np.ndarray:
    with archive.open(f"{key}.npy") as member:
        shape, dtype = _header(member)
        size = int(np.prod(shape[1:])) * dtype.itemsize
        rows = np.empty((len(indices), *shape[1:]), dtype)
        place = 0
        for k in np.argsort(indices):
            # A compressed file is read from front to back.
            while place < indices[k]:
                step = min(int(indices[k]) - place, 1000)
                member.read(step * size)
                place += step
            rows[k] = np.frombuffer(member.read(size), dtype).reshape(shape[1:])
            place += 1
    return rows


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(member)
    if version != (1, 0):
        raise ValueError(f"unexpected version of a .npy file: {version}")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(member)
    if fortran_order or dtype.hasobject:
        raise ValueError("not a plain array of rows")
    return shape, dtype
