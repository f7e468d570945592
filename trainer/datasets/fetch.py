"""Getting a dataset through `keras.datasets`: with progress, and with sentences for what fails."""

from __future__ import annotations

import gzip
import logging
import os
import socket
import ssl
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import ContentTooShortError, HTTPError, URLError

import numpy as np

from trainer.datasets.spec import Progress
from trainer.errors import DatasetUnavailable

Part = tuple[np.ndarray, np.ndarray]


class Parts(NamedTuple):
    """What a download brings.

    Attributes:
        train: Features and targets of the train part.
        test: Those of the test part.
        words: Of texts the words that they are made of, the most frequent first; empty for others,
            and where the list of them cannot be had.
    """

    train: Part
    test: Part
    words: tuple[str, ...] = ()


_log = logging.getLogger(__name__)

_TIMEOUT = 20.0  # seconds of silence on the line before a download is given up
_INTERVAL = 0.5  # seconds between two reports of progress
_DAMAGED = (
    ContentTooShortError,
    EOFError,
    ValueError,
    gzip.BadGzipFile,
    tarfile.ReadError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, kw_only=True)
class Download:
    """A dataset of `keras.datasets`.

    Attributes:
        name: Its name here, and there unless `module` says otherwise.
        title: Shown to people.
        files: The files that Keras keeps: path below its folder of datasets, and size in bytes.
        arguments: Handed to `load_data`.
        encode: Turns the features that Keras gives into those that we store.
        module: Its name there.
        num_words: How many of its words are kept, where it has texts.
    """

    name: str
    title: str
    files: Mapping[str, int]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    encode: Callable[[np.ndarray], np.ndarray]
    module: str = ""
    num_words: int = 0


def fetch(download: Download, progress: Progress, right: ExitStack) -> Parts:
    """Return what `keras.datasets` gives.

    `progress` is called in the calling thread, twice a second; where it raises, the download is
    left to itself and the exception goes on to the caller. `right` holds the right to download,
    which a download that was left takes along.

    Raises:
        DatasetUnavailable: There is no internet connection, or the server does not deliver.
    """
    import keras

    module = getattr(keras.datasets, download.module or download.name)

    def load() -> Parts:
        train, test = load_data()
        return Parts(train, test, _words(module, download.num_words))

    def load_data() -> tuple[Part, Part]:
        # Kept per thread by Keras: its own progress bar must not mix into our standard output.
        keras.config.disable_interactive_logging()
        try:
            try:
                return module.load_data(**download.arguments)
            except _DAMAGED:
                # A process killed in the middle of a download leaves half a file behind, and
                # Keras does not check the hash of every file: make room and get it once more.
                for file in download.files:
                    (keras_folder() / file).unlink(missing_ok=True)
                return module.load_data(**download.arguments)
        except Exception as error:
            sentence = _explain(download.title, error)
            if sentence is None:
                raise
            raise DatasetUnavailable(sentence) from error

    return watched(load, download, progress, right)


def _words(module: Any, count: int) -> tuple[str, ...]:
    if not count:
        return ()
    try:
        index: Mapping[str, int] = module.get_word_index()
    except Exception:
        # They are for looking at; training does without.
        _log.warning("the list of words could not be had", exc_info=True)
        return ()
    by_rank = {rank: word for word, rank in index.items()}
    return tuple(by_rank.get(rank, "") for rank in range(1, count + 1))


def watched(
    load: Callable[[], Parts], download: Download, progress: Progress, right: ExitStack
) -> Parts:
    """Return what `load` returns, reporting meanwhile how much of the files has arrived.

    Keras has no hook for progress, so the sizes of the growing files are compared with the known
    ones. `load` runs in a daemon thread, which cannot keep an ending process alive; where
    `progress` raises, it goes on, and `right` is closed when it has ended.
    """
    future: Future[Parts] = Future()

    def run() -> None:
        try:
            with _socket_timeout(_TIMEOUT):
                parts = load()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(parts)

    threading.Thread(target=run, name=f"download-{download.name}", daemon=True).start()
    try:
        while not wait([future], timeout=_INTERVAL).done:
            progress(_report(download))
    except BaseException:
        # Keras' files are still being written: nobody may begin another download into them.
        kept = right.pop_all()
        future.add_done_callback(lambda _: kept.close())
        raise
    return future.result()


def keras_folder() -> Path:
    """Return the folder where Keras keeps downloaded datasets, as `keras.utils.get_file` does."""
    folder = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    if not os.access(folder, os.W_OK):
        folder = Path("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir(), ".keras")
    return folder / "datasets"


def _report(download: Download) -> str:
    arrived = 0
    for file in download.files:
        try:
            arrived += (keras_folder() / file).stat().st_size
        except FileNotFoundError:
            continue
    share = arrived / sum(download.files.values())
    if share >= 1:
        return f"Unpacking {download.title}"
    return f"Downloading {download.title}: {100 * share:.0f} %"


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _explain(title: str, error: Exception) -> str | None:
    """Return a sentence for an error of the network, None for any other error."""
    otherwise = "or choose a dataset that is shipped, such as digits."
    # Keras raises a bare Exception in the handler of the one that tells what happened.
    cause = error.__context__ if type(error) is Exception else error
    if isinstance(cause, HTTPError):
        return (
            f"{title} could not be downloaded: the server answered {cause.code}. "
            f"Try again later, {otherwise}"
        )
    if isinstance(cause, _DAMAGED):
        return f"The download of {title} came out incomplete. Start again, {otherwise}"
    reason = cause.reason if isinstance(cause, URLError) else cause
    if isinstance(reason, ssl.SSLError):
        return (
            f"{title} could not be downloaded: no secure connection to the server is possible "
            f"here. Connect in another way, {otherwise}"
        )
    if isinstance(cause, URLError) or isinstance(reason, TimeoutError | ConnectionError):
        return (
            f"{title} has to be downloaded once and there is no internet connection here. "
            f"Connect, {otherwise}"
        )
    return None
