"""Records as the series a chart draws: where each point lies, thinned, and as JSON.

A *series* is a pair of float64 arrays `(x, y)` of equal length; NaN in `y` stands for any
non-finite value. Series of epochs are named like the logs ("loss", "val_loss"), series of steps
"step/<name>".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from tsdownsample import LTTBDownsampler, MinMaxDownsampler

from trainer.runs import Record

Series = tuple[np.ndarray, np.ndarray]


class Points(NamedTuple):
    """What charts draw: `{"loss": (x, y), …}`, and where the learning rate was changed."""

    series: Mapping[str, Series]
    marks: Sequence[Mapping[str, float]]


# MinMaxLTTB chooses among so many times the points that it leaves.
PRESELECTION = 4
# The first guess at the length of an epoch whose length nobody knows; doubled as it is outgrown.
FIRST_GUESS = 64


class StepAxis:
    """How many steps one epoch on the x axis stands for.

    That is what the run declares. A run that cannot know (a generator as training data) is
    measured by its first finished epoch. Until then the length is guessed: the smallest
    `FIRST_GUESS * 2**k` that holds all steps so far, so that points stay in order and within
    their epoch. Whoever drew points with another length than the present one must redraw them.
    """

    def __init__(self) -> None:
        self._declared: int | None = None
        self._epoch: int | None = None
        self._steps = 0
        self._finished = False

    @property
    def steps_per_epoch(self) -> int:
        """Steps between two whole numbers on the x axis."""
        if self._declared:
            return self._declared
        if self._finished:
            return self._steps
        guess = FIRST_GUESS
        while guess < self._steps:
            guess *= 2
        return guess

    @property
    def is_guess(self) -> bool:
        """Whether there are points drawn with a length that the run did not declare."""
        return not self._declared and self._epoch is not None

    def observe(self, declared: int | None, records: Iterable[Record]) -> None:
        """Learn from a run's `steps_per_epoch` and from its next records."""
        self._declared = declared
        for record in records:
            if self._finished:
                return
            if record.kind == "steps" and record.values is not None:
                if self._epoch is None:
                    self._epoch = record.epoch
                if record.epoch == self._epoch:
                    last = record.step + (len(record.values) - 1) * _stride(record)
                    self._steps = max(self._steps, last + 1)
            if self._epoch is not None and self._steps:
                ended = record.kind == "epoch" and record.epoch == self._epoch
                self._finished = ended or record.epoch > self._epoch


def to_points(records: Sequence[Record], *, steps_per_epoch: int) -> Points:
    """Return the series and the marks of some records."""
    return Points(
        series=to_series(records, steps_per_epoch=steps_per_epoch),
        marks=to_marks(records, steps_per_epoch=steps_per_epoch),
    )


def to_series(records: Iterable[Record], *, steps_per_epoch: int) -> dict[str, Series]:
    """Return the series of some records, in the order in which their names first appear.

    An epoch lies at its 1-based number; step `i` (0-based) of the 0-based epoch `e` lies at
    `e + (i + 1) / steps_per_epoch`, but never beyond the end of its epoch.
    """
    epochs: dict[str, tuple[list[float], list[float]]] = {}
    steps: dict[tuple[str, ...], list[tuple[Record, np.ndarray]]] = {}
    for record in records:
        if record.kind == "epoch":
            for name, value in record.data.items():
                xs, ys = epochs.setdefault(name, ([], []))
                xs.append(record.epoch + 1)
                ys.append(np.nan if value is None else value)
        elif record.values is not None:
            steps.setdefault(tuple(record.data["names"]), []).append((record, record.values))
    series = {name: (np.array(x, float), np.array(y, float)) for name, (x, y) in epochs.items()}
    for names, members in steps.items():
        x = _step_positions(members, steps_per_epoch)
        values = np.concatenate([values for _, values in members], dtype=float)
        for name, y in zip(names, values.T, strict=True):
            series[f"step/{name}"] = _joined(series.get(f"step/{name}"), (x, y))
    return {name: (x, np.where(np.isfinite(y), y, np.nan)) for name, (x, y) in series.items()}


def to_marks(records: Iterable[Record], *, steps_per_epoch: int) -> list[dict[str, float]]:
    """Return where the learning rate was changed: `{"x": 2.5, "learning_rate": 0.01}`.

    A change before step `i` (0-based) of the 0-based epoch `e` lies at `e + i / steps_per_epoch`.
    """
    return [
        {
            "x": record.epoch + min(record.step / steps_per_epoch, 1.0),
            "learning_rate": record.data["learning_rate"],
        }
        for record in records
        if record.kind == "learning_rate"
    ]


def thin(x: np.ndarray, y: np.ndarray, limit: int) -> Series:
    """Return at most `limit` points that look like all of them.

    The first, the last, the lowest and the highest point are among them. The others are chosen by
    MinMaxLTTB (Van Der Donckt et al. 2023, "MinMaxLTTB: Leveraging MinMax-Preselection to Scale
    LTTB"), which knows no NaN: of each stretch of NaN its first point is kept, and where there are
    very many stretches, evenly chosen ones of them.
    """
    return _chosen(*preselect(x, y, PRESELECTION * limit), limit, LTTBDownsampler())


def preselect(x: np.ndarray, y: np.ndarray, limit: int) -> Series:
    """Return at most `limit` points: of equally long stretches of x the lowest and the highest.

    What must be kept is kept as by `thin`. What this left may be thinned together with what came
    later: points that lie closer together count for no more.
    """
    return _chosen(x, y, limit, MinMaxDownsampler())


def _chosen(
    x: np.ndarray, y: np.ndarray, limit: int, sampler: LTTBDownsampler | MinMaxDownsampler
) -> Series:
    if len(x) <= limit:
        return x, y
    missing = ~np.isfinite(y)
    starts = np.flatnonzero(missing & ~np.concatenate(([False], missing[:-1])))
    if len(starts) > limit // 4:
        starts = starts[np.linspace(0, len(starts) - 1, limit // 4).astype(int)]
    fixed = np.union1d(starts, [0, len(x) - 1])
    finite = np.flatnonzero(~missing)
    if len(finite):
        # The best epoch is read from what is left.
        fixed = np.union1d(fixed, [np.nanargmin(y), np.nanargmax(y)])
    # Even, for who chooses pairs.
    room = (limit - len(fixed)) // 2 * 2
    if len(finite) > room:
        chosen = sampler.downsample(
            np.ascontiguousarray(x[finite]), np.ascontiguousarray(y[finite]), n_out=room
        )
        finite = finite[chosen]
    kept = np.union1d(fixed, finite)
    return x[kept], y[kept]


def series_to_json(series: Mapping[str, Series], *, steps_per_epoch: int) -> str:
    """Return `{"name": {"x": [...], "y": [...]}, ...}`, y with 6 significant digits.

    x keeps as many digits as it takes to tell one step from the next.
    """
    parts = []
    for name, (x, y) in series.items():
        if len(x) == 0:
            continue
        digits = max(6, len(str(int(x[-1]))) + len(str(steps_per_epoch)) + 1)
        parts.append(f'{json.dumps(name)}:{{"x":{_to_json(x, digits)},"y":{_to_json(y, 6)}}}')
    return "{" + ",".join(parts) + "}"


def _step_positions(
    members: Sequence[tuple[Record, np.ndarray]], steps_per_epoch: int
) -> np.ndarray:
    lengths = [len(values) for _, values in members]
    firsts = np.cumsum(lengths) - lengths
    epochs = np.repeat([record.epoch for record, _ in members], lengths)
    strides = np.repeat([_stride(record) for record, _ in members], lengths)
    rows = np.arange(len(strides)) - np.repeat(firsts, lengths)
    done = np.repeat([record.step + 1 for record, _ in members], lengths) + rows * strides
    return epochs + np.minimum(done / steps_per_epoch, 1.0)


def _stride(record: Record) -> int:
    stride: int = record.data.get("stride", 1)
    return stride


def _joined(earlier: Series | None, part: Series) -> Series:
    # The names logged at each step may change in the middle of a run, even back and forth.
    if earlier is None:
        return part
    x, y = (np.concatenate(arrays) for arrays in zip(earlier, part, strict=True))
    order = np.argsort(x, kind="stable")
    return x[order], y[order]


def _to_json(values: np.ndarray, digits: int) -> str:
    # One format operation for the whole array is many times faster than one a number.
    text = ",".join([f"%.{digits}g"] * len(values)) % tuple(values.tolist())
    return f"[{text.replace('nan', 'null')}]"
