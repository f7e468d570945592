"""Recorded runs of the lessons: made by real fits, shipped with the program, shown as recorded.

`python -m trainer lesson NAME --record` makes them anew.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recordings"


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What one training of a lesson showed when it was recorded.

    Attributes:
        scenario: Which training of the lesson.
        seed: Its seed.
        recorded_on: The day, as `2026-11-25`.
        version: Version of this program.
        keras: Version of Keras.
        state: How it ended.
        steps_per_epoch: Updates in each epoch.
        history: Each logged value by epoch, to five digits; None where it is not finite.
        thresholds: Counts and ratios at some thresholds; empty without two classes.
        seen: The numbers of the lesson's sights that it showed.
    """

    scenario: str
    seed: int
    recorded_on: str
    version: str
    keras: str
    state: str
    steps_per_epoch: int
    history: Mapping[str, Sequence[float | None]]
    thresholds: Sequence[Mapping[str, float | int | None]]
    seen: Sequence[int]

    @property
    def label(self) -> str:
        """When and how it was recorded, in words."""
        return (
            f"made on {self.recorded_on} with version {self.version} (Keras {self.keras}), "
            f"seed {self.seed}"
        )


def recording_of(lesson: str, scenario: str, folder: Path = FOLDER) -> Recording | None:
    """Return the recorded run of a scenario; None where there is none."""
    path = folder / f"{lesson}.json"
    if not path.is_file():
        return None
    runs = json.loads(path.read_text(encoding="utf-8"))["runs"]
    found = [Recording(**run) for run in runs if run["scenario"] == scenario]
    return found[0] if found else None


def write_recordings(lesson: str, recordings: Iterable[Recording], folder: Path = FOLDER) -> Path:
    """Write the recorded runs of a lesson, in place of those before; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{lesson}.json"
    runs: list[dict[str, Any]] = [dataclasses.asdict(one) for one in recordings]
    lines = ",\n".join(json.dumps(run, separators=(",", ":"), allow_nan=False) for run in runs)
    path.write_text(f'{{"runs":[\n{lines}\n]}}\n', encoding="utf-8")
    return path
