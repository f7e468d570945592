from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from pages.live.history import KEPT_POINTS, MAX_SNAPSHOT_POINTS, History
from pages.live.reader import Message, RunReader
from pages.live.series import Points, thin
from tests.pages.live.live_server import Chart
from trainer.runs import Record
from trainer.store import Store


def grown(x: np.ndarray, y: np.ndarray, *, piece: int) -> History:
    history = History()
    for first in range(0, len(x), piece):
        part = slice(first, first + piece)
        history.extend(Points({"loss": (x[part], y[part])}, []))
    return history


def test_what_was_given_out_stays_as_it_is() -> None:
    x = np.arange(3.0 * KEPT_POINTS)
    history = History()
    given = []
    for first in range(0, len(x), 1_000):
        history.extend(Points({"loss": (x[first : first + 1_000], x[:1_000])}, [{"x": first}]))
        given.append((history.points, history.points.series["loss"][0].copy()))

    assert all(np.array_equal(points.series["loss"][0], before) for points, before in given)
    assert [len(points.marks) for points, _ in given] == list(range(1, len(given) + 1))


@pytest.mark.parametrize("piece", [1, 777, 2 * KEPT_POINTS, 10**6])
def test_a_series_that_is_not_long_is_kept_whole(piece: int) -> None:
    x = np.arange(1.0 * KEPT_POINTS)

    kept_x, kept_y = grown(x, np.sqrt(x), piece=piece).points.series["loss"]

    assert np.array_equal(kept_x, x) and np.array_equal(kept_y, np.sqrt(x))


def test_a_long_series_takes_bounded_room_and_looks_as_it_did() -> None:
    x = np.arange(50.0 * KEPT_POINTS)
    y = np.sin(x / KEPT_POINTS)
    y[[3, 4, 123_456]] = -9, 9, np.nan

    kept_x, kept_y = grown(x, y, piece=1_234).points.series["loss"]
    shown_x, shown_y = thin(kept_x, kept_y, MAX_SNAPSHOT_POINTS)

    assert len(kept_x) <= 2 * KEPT_POINTS
    assert np.array_equal(kept_y, y[kept_x.astype(int)], equal_nan=True)
    assert (shown_x[0], shown_x[-1]) == (0, x[-1])
    assert shown_x[[np.nanargmin(shown_y), np.nanargmax(shown_y)]].tolist() == [3, 4]
    assert shown_x[np.isnan(shown_y)].tolist() == [123_456]
    # As dense at the beginning as at the end, which was thinned fewer times.
    tenths, _ = np.histogram(shown_x, bins=10)
    assert tenths.min() > 0.7 * MAX_SNAPSHOT_POINTS / 10
    is_there = ~np.isnan(shown_y)
    line = np.interp(x[1_000:], shown_x[is_there], shown_y[is_there])
    assert np.nanmax(np.abs(line - y[1_000:])) < 0.01


def test_a_run_is_opened_without_having_all_its_records_in_memory(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{(tmp_path / 'runs.sqlite').as_posix()}")
    claim = store.open_run({"dataset": "digits"}, worker="a worker", origin="dashboard")
    losses = (np.arange(3_000) + 1.0)[::-1].tolist()
    records = [
        Record(kind="epoch", epoch=epoch, data={"loss": loss, "accuracy": 1 / loss})
        for epoch, loss in enumerate(losses)
    ]
    store.write(claim, first_seq=1, records=records, epoch=3_000, state="finished")

    def open_it() -> Message:
        reader = RunReader(store, claim.run_id)
        return reader.snapshot(reader.head)

    chart = Chart()
    chart.apply(open_it().text)
    peaks = []
    tracemalloc.start()
    for look in (open_it, lambda: store.updates(claim.run_id)):
        tracemalloc.reset_peak()
        look()
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    store.close()
    assert 0.99 * MAX_SNAPSHOT_POINTS < len(chart.points["loss"][0]) <= MAX_SNAPSHOT_POINTS
    assert peaks[0] < peaks[1] / 2, peaks
