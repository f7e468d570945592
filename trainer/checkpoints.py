"""Checkpoints of a run: files that only we write, each whole or not there at all.

`checkpoints/<run_id>/` in the data folder holds

- `000012.npz`: a checkpoint after epoch 12 (0-based): the newest, the one before it, and every
  n-th where the run was asked to keep them;
- `best-000007.npz`: the one after the best epoch;
- `preprocessing.json`: what was fitted on the training rows to prepare them for the network.

A file is written under a temporary name, brought to the disk, and only then given its own. An
archive's own checksums tell whether it was damaged since.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from trainer.datasets.preprocessing import Preprocessing
from trainer.errors import WeightsMissing
from trainer.home import home
from trainer.runs import Which

# All that NumPy and zipfile raise of a file whose bytes are not those that were written.
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile)
_PREPROCESSING = "preprocessing.json"
_GROUPS = ("weights", "optimizer", "seeds")
_BEST = "best-"
_TEMPORARY = ".new-"
# Of the newest ones so many are kept, so that there is one to fall back to.
_NEWEST = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """All that a training needs to go on after an epoch.

    Attributes:
        epoch: The 0-based epoch.
        weights: The network's, in Keras' order.
        optimizer: The optimizer's variables, without the learning rate.
        seeds: The states of the layers' random generators.
        state: Plain values for JSON: the learning rate, what the callbacks count.
    """

    epoch: int
    weights: Sequence[np.ndarray]
    optimizer: Sequence[np.ndarray] = ()
    seeds: Sequence[np.ndarray] = ()
    state: Mapping[str, Any] = field(default_factory=dict)


class Kept(NamedTuple):
    """The 0-based epochs of a run that something can go on from, in order."""

    epochs: tuple[int, ...] = ()
    best: int | None = None


class Found(NamedTuple):
    """A checkpoint to go on from; what there is to say about it, or nothing."""

    checkpoint: Checkpoint | None
    remark: str = ""


class Weights(NamedTuple):
    """The weights of a network after an epoch (0-based), in Keras' order."""

    epoch: int
    arrays: list[np.ndarray]


class Checkpoints:
    """The checkpoints of one run, as its one writer has them.

    Args:
        run_id: The run.
        every: Checkpoints after every so many epochs stay; 0 for none of them.
        budget: Bytes that all of them may take: the oldest of those are let go first. The newest
            two and the best are kept whatever they take.
    """

    def __init__(self, run_id: str, *, every: int = 0, budget: int | None = None) -> None:
        self._folder = _folder(run_id)
        self._every = every
        self._budget = budget

    def begin_after(self, epoch: int) -> None:
        """Let go of what comes after this 0-based epoch: it is trained again; -1 for all of it."""
        if not self._folder.is_dir():
            return
        for file in self._folder.iterdir():
            number = _epoch_of(file)
            if file.name.startswith(_TEMPORARY) or (number is not None and number > epoch):
                file.unlink(missing_ok=True)

    def newest(self, *, up_to: int | None = None) -> Found:
        """Return the newest checkpoint that can be read, none after a 0-based epoch `up_to`."""
        damaged = []
        for epoch in reversed(kept(self._folder.name).epochs):
            if up_to is not None and epoch > up_to:
                continue
            for file in (self._file(epoch), self._best_file(epoch)):
                if not file.exists():
                    continue
                try:
                    checkpoint = _read(file)
                except _UNREADABLE:
                    damaged.append(epoch)
                    continue
                return Found(checkpoint, _damaged_sentence(damaged, epoch))
        return Found(None, _damaged_sentence(damaged, None))

    def at(self, epoch: int) -> Checkpoint:
        """Return the checkpoint after a 0-based epoch.

        Raises:
            WeightsMissing: There is none, or it is damaged.
        """
        for file in (self._file(epoch), self._best_file(epoch)):
            with contextlib.suppress(FileNotFoundError):
                return _readable(file)
        raise WeightsMissing(f"There is no checkpoint after epoch {epoch + 1}.")

    def save(self, checkpoint: Checkpoint, *, best: Checkpoint | None = None) -> None:
        """Write a checkpoint, and the best one where that is another file than before.

        Raises:
            OSError: The disk is full or cannot be written; what was there before stays.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        # First the best: whoever finds the newest finds what was the best by then.
        if best is not None and not self._best_file(best.epoch).exists():
            self._write(self._best_file(best.epoch), best)
        file = self._file(checkpoint.epoch)
        if not file.exists():
            if best is not None and best.epoch == checkpoint.epoch:
                self._link(self._best_file(best.epoch), file, checkpoint)
            else:
                self._write(file, checkpoint)
        self._let_go(None if best is None else best.epoch)

    def save_preprocessing(self, preprocessing: Preprocessing) -> None:
        """Write what the rows were prepared with.

        Raises:
            OSError: The disk is full or cannot be written.
        """
        text = json.dumps(preprocessing.to_dict(), allow_nan=False)
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._writing(self._folder / _PREPROCESSING) as file:
            file.write(text.encode())

    def _file(self, epoch: int) -> Path:
        return self._folder / f"{epoch:06d}.npz"

    def _best_file(self, epoch: int) -> Path:
        return self._folder / f"{_BEST}{epoch:06d}.npz"

    def _write(self, target: Path, checkpoint: Checkpoint) -> None:
        arrays: dict[str, Any] = {}
        sizes = {}
        for name in _GROUPS:
            group = getattr(checkpoint, name)
            arrays |= {f"{name}/{place}": array for place, array in enumerate(group)}
            sizes[name] = len(group)
        # An archive whose list of contents is damaged may look whole.
        state = {"epoch": checkpoint.epoch, "sizes": sizes, **checkpoint.state}
        text = json.dumps(state, allow_nan=False).encode()
        with self._writing(target) as file:
            np.savez(file, state=np.frombuffer(text, "uint8"), **arrays)

    def _link(self, source: Path, target: Path, checkpoint: Checkpoint) -> None:
        try:
            os.link(source, target)
        except OSError:  # not every file system can
            self._write(target, checkpoint)
        else:
            self._bring_to_disk()

    @contextlib.contextmanager
    def _writing(self, target: Path) -> Iterator[BinaryIO]:
        number, name = tempfile.mkstemp(dir=self._folder, prefix=_TEMPORARY)
        try:
            with os.fdopen(number, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, target)
            self._bring_to_disk()
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise

    def _bring_to_disk(self) -> None:
        # A new name is on the disk once the folder is; Windows knows no such thing.
        if os.name == "posix":
            number = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(number)
            finally:
                os.close(number)

    def _let_go(self, best: int | None) -> None:
        files = {_epoch_of(file): file for file in sorted(self._folder.glob("[0-9]*.npz"))}
        epochs = [epoch for epoch in files if epoch is not None]
        older = epochs[:-_NEWEST]
        stays = [epoch for epoch in older if self._every and (epoch + 1) % self._every == 0]
        for epoch in older:
            if epoch not in stays:
                files[epoch].unlink()
        for file in self._folder.glob(f"{_BEST}*.npz"):
            if best is not None and _epoch_of(file) != best:
                file.unlink()
        while self._budget is not None and stays and _bytes_in(self._folder) > self._budget:
            files[stays.pop(0)].unlink()


def kept(run_id: str) -> Kept:
    """Return which epochs of a run there are checkpoints of."""
    folder = _folder(run_id)
    if not folder.is_dir():
        return Kept()
    numbers = {file.name: _epoch_of(file) for file in folder.glob("*.npz")}
    best = [n for name, n in numbers.items() if n is not None and name.startswith(_BEST)]
    epochs = {number for number in numbers.values() if number is not None}
    return Kept(tuple(sorted(epochs)), max(best, default=None))


def disk_use(run_id: str) -> int:
    """Return how many bytes the files of a run take."""
    return _bytes_in(_folder(run_id))


def remove(run_id: str) -> None:
    """Remove all files of a run."""
    shutil.rmtree(_folder(run_id), ignore_errors=True)


def older_than(seconds: float) -> list[str]:
    """Return the runs whose files have not been added to for so long."""
    parent = home() / "checkpoints"
    if not parent.is_dir():
        return []
    since = time.time() - seconds
    return [folder.name for folder in parent.iterdir() if folder.stat().st_mtime < since]


def copy_preprocessing(source: str, target: str) -> None:
    """Give a run what another one's rows were prepared with, where there is any.

    Raises:
        OSError: The disk is full or cannot be written.
    """
    with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(_folder(source) / _PREPROCESSING, _folder(target) / _PREPROCESSING)


def load_weights(run_id: str, which: Which) -> Weights:
    """Return the weights of a run after its last or its best epoch.

    Raises:
        WeightsMissing: They were never written, or the file is damaged.
    """
    folder = _folder(run_id)
    files = sorted(folder.glob("best-*.npz" if which == "best" else "[0-9]*.npz"))
    if not files:
        raise WeightsMissing("The weights of this run were not kept.")
    try:
        checkpoint = _readable(files[-1])
    except FileNotFoundError:
        raise WeightsMissing("The weights of this run were not kept.") from None
    return Weights(checkpoint.epoch, list(checkpoint.weights))


def load_preprocessing(run_id: str) -> Preprocessing | None:
    """Return what a run prepared its rows with; None where it read them as they are.

    Raises:
        WeightsMissing: Nothing of the run was kept, or the file is damaged.
    """
    folder = _folder(run_id)
    if not folder.is_dir():
        raise WeightsMissing("The weights of this run were not kept.")
    try:
        text = (folder / _PREPROCESSING).read_text(encoding="utf-8")
        return Preprocessing.from_dict(json.loads(text))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsMissing("The preparation of this run's rows cannot be read.") from error


def _readable(file: Path) -> Checkpoint:
    try:
        return _read(file)
    except FileNotFoundError:
        raise
    except _UNREADABLE as error:
        raise WeightsMissing("The weights of this run cannot be read.") from error


def _read(file: Path) -> Checkpoint:
    with np.load(file, allow_pickle=False) as stored:
        state = json.loads(stored["state"].tobytes())
        sizes = state.pop("sizes")
        groups = {
            name: [stored[f"{name}/{place}"] for place in range(sizes[name])] for name in _GROUPS
        }
    return Checkpoint(epoch=int(state.pop("epoch")), state=state, **groups)


def _epoch_of(file: Path) -> int | None:
    digits = file.stem.removeprefix(_BEST)
    return int(digits) if file.suffix == ".npz" and digits.isdigit() else None


def _bytes_in(folder: Path) -> int:
    # Two names of one file take its bytes once.
    try:
        with os.scandir(folder) as entries:
            found = [entry.stat() for entry in entries]
    except FileNotFoundError:
        return 0
    return sum({(stat.st_dev, stat.st_ino): stat.st_size for stat in found}.values())


def _damaged_sentence(damaged: Sequence[int], used: int | None) -> str:
    damaged = [epoch for epoch in damaged if used is None or epoch > used]
    if not damaged:
        return ""
    lost = f"The checkpoint after epoch {max(damaged) + 1} was damaged"
    if used is None:
        return f"{lost}, and there is no other: the training began anew."
    return f"{lost}: the training went on from the one after epoch {used + 1}."


def _folder(run_id: str) -> Path:
    return home() / "checkpoints" / run_id
