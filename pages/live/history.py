"""A run's points while somebody watches it: in bounded room, however long the run is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pages.live.series import PRESELECTION, Points, Series, preselect

# Points a trace that are shown of the whole run at most.
MAX_SNAPSHOT_POINTS = 2_000
# A series with twice as many is cut down to what those would be chosen from.
KEPT_POINTS = PRESELECTION * MAX_SNAPSHOT_POINTS
_FIRST_ROOM = 64


class History:
    """The series of a run so far. For one thread; what it has given out never changes."""

    def __init__(self) -> None:
        self._traces: dict[str, _Trace] = {}
        self._marks: tuple[Mapping[str, float], ...] = ()

    @property
    def points(self) -> Points:
        """All that was added, the series in the order in which their names first appeared."""
        series = {name: trace.series for name, trace in self._traces.items()}
        return Points(series, self._marks)

    def extend(self, points: Points) -> None:
        """Add the next points of each series, in order."""
        for name, (x, y) in points.series.items():
            self._traces.setdefault(name, _Trace()).append(x, y)
        self._marks += tuple(points.marks)


class _Trace:
    """One series, in an array with room at its end; given out are the parts that are filled."""

    def __init__(self) -> None:
        self._room = np.empty((2, _FIRST_ROOM))
        self._count = 0

    @property
    def series(self) -> Series:
        x, y = self._room[:, : self._count]
        return x, y

    def append(self, x: np.ndarray, y: np.ndarray) -> None:
        if self._count + len(x) > self._room.shape[1]:
            earlier = self.series
            x, y = (np.concatenate(parts) for parts in zip(earlier, (x, y), strict=True))
            if len(x) > 2 * KEPT_POINTS:
                x, y = preselect(x, y, KEPT_POINTS)
            # Others hold what was filled: it stays as it is, and a larger array takes its place.
            self._room = np.empty((2, max(_FIRST_ROOM, min(2 * len(x), 2 * KEPT_POINTS))))
            self._count = 0
        end = self._count + len(x)
        self._room[:, self._count : end] = x, y
        self._count = end
