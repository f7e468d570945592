"""Files that people brought: kept under random ids in the data folder, with what is known of them.

`<home>/uploads/<id>/` holds `original`, the file as it came; `table.arrow`, its columns for fast
loading; and `upload.json`. A folder is complete from the moment it has its name.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from trainer.errors import DatasetUnavailable, TableUnreadable
from trainer.home import home
from trainer.tables import Limits, Recognised, Table, read_table
from trainer.tables.facts import ColumnFacts, column_facts

if TYPE_CHECKING:
    import pyarrow as pa

DAY_SECONDS = 86_400.0

_NAME = re.compile(r"upload-([0-9a-f]{16})")
_PREFIX = "upload-"
_CHUNK = 2**20
_TITLE_CHARACTERS = 80


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file somebody brought.

    Attributes:
        name: What it is called as a dataset: "upload-" and its id.
        title: What its owner calls the file; anybody's text.
        owner: Token of the session that brought it.
        created: When it came, seconds since 1970 in UTC.
        digest: SHA-256 of the file.
        num_rows: Rows of the table.
        recognised: How the file was read.
        notes: One sentence for everything that is not as the file has it.
        columns: What is known of each column.
    """

    name: str
    title: str
    owner: str
    created: float
    digest: str
    num_rows: int
    recognised: Recognised
    notes: tuple[str, ...]
    columns: tuple[ColumnFacts, ...]

    @property
    def pixels(self) -> tuple[ColumnFacts, ...]:
        """The columns that are pixels of pictures."""
        return self.columns[self.recognised.picture_columns]

    def column(self, name: str) -> ColumnFacts | None:
        """Return what is known of a column; None if there is none of this name."""
        return next((column for column in self.columns if column.name == name), None)


def is_upload(name: str) -> bool:
    """Return whether a dataset of this name would be an upload, wherever it is."""
    return _NAME.fullmatch(name) is not None


def add(
    source: IO[bytes], *, file_name: str, owner: str = "", limits: Limits | None = None
) -> Upload:
    """Read a file and keep it; the same file from the same owner is kept once.

    Args:
        source: The file, at its beginning; it is closed once it is copied, so that what it holds
            in memory is free while the copy is read.
        file_name: What its owner calls it; never a name on disk.
        owner: Token of the session that brings it.
        limits: What is too much; by default what the environment sets.

    Raises:
        TableUnreadable: It is too large or no table; one sentence, with the line.
        OSError: The disk is full or cannot be written.
    """
    limits = limits or Limits.from_environment()
    folder = _folder()
    folder.mkdir(exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder, prefix=".part-"))
    try:
        with source:
            digest = _copy(source, temporary / "original", limits)
        for known in _uploads():
            if (known.digest, known.owner) == (digest, owner) and known.title == _title(file_name):
                return known
        table = read_table(temporary / "original", file_name=file_name, limits=limits)
        upload = Upload(
            name=_PREFIX + secrets.token_hex(8),
            title=_title(file_name),
            owner=owner,
            created=time.time(),
            digest=digest,
            num_rows=table.num_rows,
            recognised=table.recognised,
            notes=table.notes,
            columns=column_facts(table),
        )
        _write_table(table, temporary / "table.arrow")
        _write_description(upload, temporary / "upload.json")
        _sync(temporary)
        os.replace(temporary, path(upload.name))
        _sync(folder)
        return upload
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def upload(name: str) -> Upload:
    """Return the upload of this name.

    Raises:
        DatasetUnavailable: It was never here, or is gone.
    """
    try:
        file = path(name) / "upload.json"
        return _described(str(file), file.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetUnavailable(
            "The uploaded file is not here any more; bring it again."
        ) from error


def uploads_of(owner: str) -> list[Upload]:
    """Return what this session brought, the newest first."""
    own = [one for one in _uploads() if one.owner == owner]
    return sorted(own, key=lambda one: one.created, reverse=True)


def read(name: str) -> pa.Table:
    """Return the columns of an upload, mapped into memory as they lie on disk.

    Raises:
        DatasetUnavailable: It is gone or damaged.
    """
    import pyarrow as pa

    try:
        with pa.memory_map(str(path(name) / "table.arrow")) as file:
            return pa.ipc.open_file(file).read_all()
    except (OSError, pa.ArrowException) as error:
        raise DatasetUnavailable(
            "The uploaded file is not here any more; bring it again."
        ) from error


def path(name: str) -> Path:
    """Return the folder of an upload, whether or not it is there.

    Raises:
        DatasetUnavailable: The name is none of an upload.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise DatasetUnavailable("There is no such upload.")
    return _folder() / match[1]


def remove(name: str) -> None:
    """Remove an upload; the caller knows that nothing needs it.

    Raises:
        DatasetUnavailable: The name is none of an upload.
    """
    shutil.rmtree(path(name), ignore_errors=True)


def remove_unneeded(needed: Collection[str], *, older_than: float = DAY_SECONDS) -> list[str]:
    """Remove uploads that nothing needs, and what broken-off ones left; return their names.

    Args:
        needed: Names of datasets that are needed.
        older_than: Age in seconds below which everything stays: somebody may be about to train.
    """
    removed = []
    before = time.time() - older_than
    for folder in _folder().iterdir() if _folder().is_dir() else ():
        name = _PREFIX + folder.name
        is_whole = is_upload(name)
        if name in needed or not (is_whole or folder.name.startswith(".")):
            continue
        try:
            if folder.stat().st_mtime > before:
                continue
        except FileNotFoundError:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        if is_whole:
            removed.append(name)
    return removed


def _folder() -> Path:
    return home() / "uploads"


def _uploads() -> list[Upload]:
    found = []
    for folder in _folder().iterdir() if _folder().is_dir() else ():
        if is_upload(_PREFIX + folder.name):
            try:
                found.append(upload(_PREFIX + folder.name))
            except DatasetUnavailable:
                continue
    return found


# What is described never changes; a page asks many times each time it is drawn.
@functools.lru_cache(maxsize=256)
def _described(file: str, changed: int) -> Upload:
    with open(file, encoding="utf-8") as opened:
        stored: dict[str, Any] = json.load(opened)
    recognised = stored["recognised"]
    picture = tuple(recognised.get("picture", ()))
    return Upload(
        **{
            **stored,
            "recognised": Recognised(**{**recognised, "picture": picture}),
            "notes": tuple(stored["notes"]),
            "columns": tuple(map(ColumnFacts.from_dict, stored["columns"])),
        }
    )


def _title(file_name: str) -> str:
    last = re.split(r"[/\\]", file_name)[-1]
    printable = "".join(sign if sign.isprintable() else " " for sign in last).strip(" .")
    return printable[:_TITLE_CHARACTERS] or "table"


def _copy(source: IO[bytes], target: Path, limits: Limits) -> str:
    digest = hashlib.sha256()
    size = 0
    with open(target, "wb") as file:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > limits.file_bytes:
                raise TableUnreadable(
                    f"The file is too large: at most {limits.file_bytes / 2**20:,.0f} MB are read."
                )
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _write_table(table: Table, target: Path) -> None:
    import pyarrow as pa

    with open(target, "wb") as file:
        with pa.ipc.new_file(file, table.data.schema) as writer:
            writer.write_table(table.data)
        file.flush()
        os.fsync(file.fileno())


def _write_description(upload: Upload, target: Path) -> None:
    with open(target, "w", encoding="utf-8") as file:
        json.dump(asdict(upload), file, ensure_ascii=True, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the names in a folder last through a power cut, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
