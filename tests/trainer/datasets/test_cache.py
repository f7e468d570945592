"""Our copies of downloaded datasets, and where the data folder is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from trainer.datasets import cache, load, rows
from trainer.home import home

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("DASHBOARD_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def parts(num_samples: int = 50) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, size=(num_samples, 28, 28, 1), dtype=np.uint8),
        "y_train": rng.integers(0, 10, size=num_samples, dtype=np.int32),
        "x_test": rng.integers(0, 256, size=(7, 28, 28, 1), dtype=np.uint8),
        "y_test": rng.integers(0, 10, size=7, dtype=np.int32),
    }


def test_the_data_folder_is_the_one_that_was_named_and_is_made(data_folder):
    assert home() == data_folder
    assert data_folder.is_dir()


def test_without_a_name_the_data_folder_is_the_platforms(monkeypatch, tmp_path):
    monkeypatch.delenv("DASHBOARD_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))  # so that a Linux test writes nowhere else
    monkeypatch.setattr(Path, "mkdir", lambda *args, **kwargs: None)
    assert home() == Path(platformdirs.user_data_dir("training-dashboard", appauthor=False))


def test_a_stored_copy_is_read_back_whole():
    stored = parts()
    cache.write("mnist", stored)
    arrays = load("mnist")
    np.testing.assert_array_equal(arrays.x, stored["x_train"])
    np.testing.assert_array_equal(arrays.y, stored["y_train"])
    assert (arrays.x.dtype, arrays.y.dtype) == (np.uint8, np.int32)


def test_rows_come_from_the_copy_in_the_order_asked_for():
    stored = parts()
    cache.write("mnist", stored)
    few = rows("mnist", np.array([7, 3, 7]))
    np.testing.assert_array_equal(few.x, stored["x_train"][[7, 3, 7]])
    np.testing.assert_array_equal(few.y, stored["y_train"][[7, 3, 7]])


def test_a_page_reads_a_stored_copy_without_keras():
    cache.write("mnist", parts())
    code = (
        "import sys\n"
        "import numpy as np\n"
        "from trainer.datasets import load, rows\n"
        "print(len(load('mnist').y), len(rows('mnist', np.arange(5)).y))\n"
        "print({'keras', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split("\n")[:2] == ["50 5", "set()"]


def test_the_copy_is_a_plain_npz_file_without_pickled_objects(data_folder):
    cache.write("mnist", parts())
    with np.load(data_folder / "datasets" / "mnist.npz", allow_pickle=False) as archive:
        assert set(archive.files) == {"x_train", "y_train", "x_test", "y_test"}
    assert [file.name for file in (data_folder / "datasets").iterdir()] == ["mnist.npz"]


def test_a_write_that_fails_keeps_the_old_copy_and_leaves_nothing_behind(data_folder):
    cache.write("mnist", parts())
    with pytest.raises(ValueError, match="[Oo]bject array"):
        cache.write("mnist", {**parts(), "y_test": np.array([None, "x"], dtype=object)})
    assert [file.name for file in (data_folder / "datasets").iterdir()] == ["mnist.npz"]
    assert len(load("mnist").y) == 50


def test_a_truncated_copy_counts_as_none(data_folder):
    cache.write("mnist", parts())
    file = data_folder / "datasets" / "mnist.npz"
    whole = file.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert cache.read("mnist") is None
        assert cache.read_targets("mnist") is None


def test_a_copy_with_flipped_bytes_counts_as_none(data_folder):
    cache.write("mnist", parts())
    file = data_folder / "datasets" / "mnist.npz"
    damaged = bytearray(file.read_bytes())
    damaged[2000:2100] = bytes(100)
    file.write_bytes(damaged)
    assert cache.read("mnist") is None


def test_a_copy_with_pickled_objects_is_never_loaded(data_folder):
    (data_folder / "datasets").mkdir(parents=True)
    objects = np.array([{"a": 1}], dtype=object)
    np.savez(data_folder / "datasets" / "mnist.npz", x_train=objects, y_train=objects)
    assert cache.read("mnist") is None
    assert cache.read_targets("mnist") is None


def test_who_waits_for_another_download_is_told_so_and_may_give_up():
    told: list[str] = []

    def give_up_at_the_third(message: str) -> None:
        told.append(message)
        if len(told) == 3:
            raise KeyboardInterrupt

    with (
        cache.only_one_download(print),
        pytest.raises(KeyboardInterrupt),
        cache.only_one_download(give_up_at_the_third),
    ):
        pytest.fail("two hold the right at once")
    assert told == ["Waiting for another download"] * 3
    with cache.only_one_download(give_up_at_the_third):
        assert len(told) == 3


def test_only_one_process_at_a_time_may_download():
    code = (
        "import sqlite3\n"
        "from trainer.home import home\n"
        "lock = sqlite3.connect(home() / 'datasets' / 'download.lock', timeout=0)\n"
        "try:\n"
        "    lock.execute('BEGIN EXCLUSIVE')\n"
        "    print('free')\n"
        "except sqlite3.OperationalError:\n"
        "    print('held')\n"
    )

    def seen_by_another_process() -> str:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
        )
        return done.stdout.strip()

    with cache.only_one_download(print):
        assert seen_by_another_process() == "held"
    assert seen_by_another_process() == "free"
