"""Downloads: what Keras gives becomes our copy; where it cannot, a sentence says why."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.error import ContentTooShortError, HTTPError, URLError

import numpy as np
import pytest

from tests.waiting import wait_until
from trainer.datasets import DATASETS, cache
from trainer.datasets.downloaded import (
    NUM_WORDS,
    TEXT_LENGTH,
    encode_pictures,
    encode_reviews,
    encode_texts,
)
from trainer.datasets.fetch import Download, _explain, _words, keras_folder, watched

ROOT = Path(__file__).parents[3]

OFFLINE = (
    "{} has to be downloaded once and there is no internet connection here. "
    "Connect, or choose a dataset that is shipped, such as digits."
)

LOAD = """
import sys
from trainer.datasets import LoadOptions, load
from trainer.errors import DatasetUnavailable
options = LoadOptions(progress=lambda message: print("progress", message))
for name in map(str.strip, sys.stdin):
    try:
        arrays = load(name, options)
        print("loaded", arrays.x.shape, arrays.x.dtype, arrays.y.shape, arrays.y.dtype)
        print("sums", arrays.x.sum(dtype="int64"), arrays.y.sum(dtype="int64"))
    except DatasetUnavailable as error:
        print("unavailable", error)
        print("cause", repr(error.__cause__))
    print(flush=True)
"""


class Offline:
    """A process that loads datasets and has no internet, with a data folder and a Keras of its own.

    A proxy that nobody answers on makes every connection fail at once, also on a machine that
    has an internet connection.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self.keras = folder, folder / "home", folder / "keras"
        self.keras.mkdir(exist_ok=True)
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
        environment = {
            **os.environ,
            "DASHBOARD_HOME": str(self.home),
            "KERAS_HOME": str(self.keras),
            "https_proxy": nobody,
            "HTTPS_PROXY": nobody,
            "no_proxy": "",
            "NO_PROXY": "",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", LOAD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
        )

    def load(self, *names: str) -> list[str]:
        """Load datasets one after the other and return what was printed."""
        with ThreadPoolExecutor(1) as pool:
            return [
                line for name in names for line in pool.submit(self._load, name).result(timeout=120)
            ]

    def _load(self, name: str) -> list[str]:
        assert self._process.stdin is not None and self._process.stdout is not None
        print(name, file=self._process.stdin, flush=True)
        lines = []
        while (line := self._process.stdout.readline()) != "\n":
            assert line, "the process has ended"
            lines.append(line.rstrip("\n"))
        return lines

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="module")
def process(tmp_path_factory) -> Iterator[Offline]:
    """One process for all: it takes far longer to import Keras than to load what is asked for."""
    offline = Offline(tmp_path_factory.mktemp("offline"))
    yield offline
    offline.end()


@pytest.fixture
def offline(process) -> Offline:
    """The process, with nothing in its folders."""
    for folder in (process.home, process.keras):
        shutil.rmtree(folder, ignore_errors=True)
    process.keras.mkdir()
    return process


def files_below(folder: Path) -> set[str]:
    return {file.name for file in folder.rglob("*") if file.is_file()}


def write_fashion_mnist(keras_home: Path, num_train: int, num_test: int) -> np.ndarray:
    """Write the four gzipped IDX files in the official format and return the train pictures."""
    folder = keras_home / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, size in (("train", num_train), ("t10k", num_test)):
        pictures = rng.integers(0, 256, size=(size, 28, 28), dtype=np.uint8)
        labels = (np.arange(size) % 10).astype(np.uint8)
        with gzip.open(folder / f"{part}-images-idx3-ubyte.gz", "wb") as file:
            file.write(struct.pack(">IIII", 2051, size, 28, 28) + pictures.tobytes())
        with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(struct.pack(">II", 2049, size) + labels.tobytes())
        if part == "train":
            train = pictures
    return train


def test_without_internet_one_sentence_says_so_and_nothing_is_left_behind(offline):
    lines = offline.load(*(name for name, spec in DATASETS.items() if spec.origin == "downloaded"))
    told = [line for line in lines if not line.startswith(("progress Downloading", "cause"))]
    assert told == [
        line
        for title in ("MNIST", "Fashion-MNIST", "CIFAR-10", "IMDB", "IMDB, word by word")
        for line in (
            f"progress Preparing to download {title}",
            "unavailable " + OFFLINE.format(title),
        )
    ]
    causes = [line for line in lines if line.startswith("cause")]
    assert all("URL fetch failure" in line for line in causes) and len(causes) == 5
    assert files_below(offline.folder) <= {"download.lock", "keras.json"}


def test_what_keras_has_becomes_our_copy_and_keras_is_not_asked_again(offline):
    pictures = write_fashion_mnist(offline.keras, num_train=30, num_test=10)
    expected = [
        "loaded (30, 28, 28, 1) uint8 (30,) int32",
        f"sums {pictures.sum(dtype=np.int64)} {3 * sum(range(10))}",
    ]
    first = offline.load("fashion_mnist")
    assert first[0] == "progress Preparing to download Fashion-MNIST"
    assert first[-3:] == ["progress Storing Fashion-MNIST", *expected]
    assert files_below(offline.home) == {"fashion_mnist.npz", "download.lock"}
    for file in offline.keras.rglob("*.gz"):
        file.unlink()
    another = Offline(offline.folder)
    assert another.load("fashion_mnist") == expected
    another.end()
    with np.load(offline.home / "datasets/fashion_mnist.npz", allow_pickle=False) as stored:
        assert stored["x_test"].shape == (10, 28, 28, 1)
        assert stored["y_test"].tolist() == list(range(10))


def test_half_a_file_that_a_killed_download_left_is_thrown_away(offline):
    write_fashion_mnist(offline.keras, num_train=30, num_test=10)
    half = offline.keras / "datasets/fashion-mnist/train-images-idx3-ubyte.gz"
    half.write_bytes(half.read_bytes()[:1000])
    lines = offline.load("fashion_mnist")
    # Here the second try finds no internet; what matters is that it is a download again.
    assert "unavailable " + OFFLINE.format("Fashion-MNIST") in lines
    assert not half.exists()


def test_progress_tells_how_much_of_the_files_has_arrived(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    keras_folder().mkdir(parents=True)
    assert keras_folder() == tmp_path / "datasets"
    download = Download(
        name="mnist", title="MNIST", files={"a": 300, "b": 700}, encode=encode_pictures
    )
    reports: list[str] = []
    threads: list[threading.Thread] = []
    reported = threading.Semaphore(0)

    def progress(message: str) -> None:
        if not reports or reports[-1] != message:
            reports.append(message)
        threads.append(threading.current_thread())
        reported.release()

    def load():
        for file, size in (("a", 40), ("a", 300), ("b", 700)):
            (keras_folder() / file).write_bytes(bytes(size))
            # The report under way may have looked before this file grew; the next one has not.
            for _ in range(2):
                assert reported.acquire(timeout=30)
        return "the parts"

    assert watched(load, download, progress, ExitStack()) == "the parts"
    assert reports[-3:] == [
        "Downloading MNIST: 4 %",
        "Downloading MNIST: 30 %",
        "Unpacking MNIST",
    ]
    assert set(threads) == {threading.current_thread()}


def test_a_download_that_was_left_keeps_others_waiting_until_it_has_ended():
    download = Download(name="x", title="X", files={"x": 1}, encode=encode_pictures)
    arrived, held = threading.Event(), []

    def stop(message: str) -> None:
        raise InterruptedError(message)

    def is_free() -> bool:
        with contextlib.suppress(InterruptedError), cache.only_one_download(stop):
            return True
        return False

    with pytest.raises(InterruptedError, match="Downloading X"), ExitStack() as right:
        right.enter_context(cache.only_one_download(stop))
        watched(lambda: held.append(arrived.wait(60)), download, stop, right)
    assert not is_free()
    arrived.set()
    wait_until(is_free, "the right to download is free")
    assert held == [True]


def test_the_time_limit_for_the_network_ends_with_the_download():
    download = Download(name="x", title="X", files={"x": 1}, encode=encode_pictures)
    before = socket.getdefaulttimeout()
    assert watched(socket.getdefaulttimeout, download, print, ExitStack()) == 20
    assert socket.getdefaulttimeout() == before


def raised_by_keras(cause: Exception) -> Exception:
    """Return the bare exception that Keras raises while it handles `cause`."""
    error = Exception("URL fetch failure on https://…: None -- …")
    error.__context__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (raised_by_keras(URLError(socket.gaierror(-2, "Name unknown"))), "no internet connection"),
        (raised_by_keras(URLError(ConnectionRefusedError())), "no internet connection"),
        (TimeoutError("the read timed out"), "no internet connection"),
        (ConnectionResetError(), "no internet connection"),
        (raised_by_keras(HTTPError("u", 503, "busy", None, None)), "the server answered 503"),
        (raised_by_keras(URLError(ssl.SSLCertVerificationError())), "no secure connection"),
        (raised_by_keras(ContentTooShortError("short", (b"", None))), "came out incomplete"),
        (ValueError("Incomplete or corrupted file detected."), "came out incomplete"),
    ],
)
def test_each_fault_of_the_network_has_its_sentence(error, words):
    sentence = _explain("MNIST", error)
    assert words in sentence
    assert sentence.endswith("or choose a dataset that is shipped, such as digits.")


def test_other_faults_are_not_blamed_on_the_network():
    assert _explain("MNIST", OSError(28, "No space left on device")) is None
    assert _explain("MNIST", MemoryError()) is None


def test_grey_pictures_get_a_channel_axis():
    x = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    encoded = encode_pictures(x)
    assert encoded.shape == (2, 28, 28, 1)
    np.testing.assert_array_equal(encoded[..., 0], x)


def test_colours_come_last_however_keras_is_set():
    x = np.random.default_rng(0).integers(0, 256, size=(2, 32, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(encode_pictures(x), x)
    np.testing.assert_array_equal(encode_pictures(x.transpose(0, 3, 1, 2)), x)


def test_texts_keep_the_last_of_their_words_in_order():
    long = [1, *range(4, 5004)]
    x = np.array([long, [1, 7, 2, 7], [1]], dtype=object)
    encoded = encode_texts(x)
    assert encoded.shape == (3, TEXT_LENGTH)
    assert encoded.dtype == np.uint16
    assert encoded[0].tolist() == long[-TEXT_LENGTH:]
    assert encoded[1].tolist() == [1, 7, 2, 7] + [0] * (TEXT_LENGTH - 4)
    assert encoded[2].tolist() == [1] + [0] * (TEXT_LENGTH - 1)
    assert encoded.max() < DATASETS["imdb_words"].vocabulary


def test_the_words_of_texts_come_in_the_order_of_their_ranks_or_not_at_all():
    class Module:
        def __init__(self, index):
            self.index = index

        def get_word_index(self):
            if self.index is None:
                raise URLError("no internet")
            return self.index

    index = {"film": 2, "the": 1, "plot": 4, "rare": 9}
    assert _words(Module(index), 4) == ("the", "film", "", "plot")
    assert _words(Module(None), 4) == ()
    assert _words(Module(index), 0) == ()


def test_reviews_become_indicators_of_their_frequent_words():
    # Indices 0 to 3 stand for no word; 4 is the most frequent one, 2003 number 2,000.
    x = np.array([[1, 4, 4, 2003, 2], [1, 5, 2004], [1]], dtype=object)
    encoded = encode_reviews(x)
    assert encoded.shape == (3, NUM_WORDS)
    assert encoded.dtype == np.uint8
    assert [np.flatnonzero(row).tolist() for row in encoded] == [[0, 1999], [1], []]
    assert encoded.max() == 1
