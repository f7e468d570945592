"""Recorded runs: made by real fits, there for whatever a class votes on, and small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainer.__main__ import main
from trainer.lessons import LESSONS
from trainer.lessons.recorded import FOLDER, recording_of
from trainer.poll import Poll, votable
from trainer.recording import recorded_scenarios


@pytest.mark.parametrize("name", LESSONS)
def test_what_a_class_votes_on_has_a_recorded_run_with_the_curves_of_its_board(name: str) -> None:
    lesson = LESSONS[name]
    for scenario in recorded_scenarios(lesson):
        found = recording_of(name, scenario.name)
        assert found is not None
        epochs = scenario.config(found.seed).epochs
        assert all(len(found.history[series]) == epochs for series in lesson.board)
        assert found.state == "finished"
        assert found.recorded_on in found.label
    assert (FOLDER / f"{name}.json").stat().st_size < 4_000
    asked = [
        Poll(number=1, room=1, lesson=lesson, part=part, seed=0, round=1, is_open=True,
             shows_recorded=False)
        for part in votable(lesson)
    ]  # fmt: skip
    assert {poll.scenario.name for poll in asked} == {
        scenario.name for scenario in recorded_scenarios(lesson)
    }


@pytest.mark.parametrize("name", [name for name in LESSONS if name != "quiz"])
def test_a_recorded_run_shows_what_its_lesson_is_about(name: str) -> None:
    found = recording_of(name, LESSONS[name].scenarios[0].name)
    assert found is not None and found.seen


def test_of_what_was_not_recorded_there_is_none(tmp_path: Path) -> None:
    assert recording_of("epochs_and_batches", "batch_4") is None
    assert recording_of("epochs_and_batches", "batch_2", tmp_path) is None


def test_a_lesson_is_recorded_by_a_command_and_shows_what_was_shipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "recordings"

    assert main(["lesson", "epochs_and_batches", "--record", str(folder), "--json"]) == 0

    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told == {"recorded": str(folder / "epochs_and_batches.json")}
    made = recording_of("epochs_and_batches", "batch_2", folder)
    shipped = recording_of("epochs_and_batches", "batch_2")
    assert made is not None and shipped is not None
    assert made.history["loss"] == pytest.approx(shipped.history["loss"], rel=1e-3)
    assert made.seen == shipped.seen
