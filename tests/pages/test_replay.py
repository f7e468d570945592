"""Early stopping replayed on a run's page: its words, its marks, and when it is offered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.replay import notes, told, watchable
from trainer.config import RunConfig
from trainer.runs import Record
from trainer.stopping_replay import replay
from trainer.store import Store

LOSSES = [0.9, 0.5, 0.4, 0.6, 0.7, 0.8, 0.3, 0.9]
HISTORY = {
    "loss": [0.5] * 8,
    "val_loss": LOSSES,
    "val_accuracy": [0.5, 0.6, 0.8, 0.7, 0.7, 0.7, 0.9, 0.6],
}


def test_what_it_saves_and_loses_is_said_with_its_numbers():
    result = replay(LOSSES, mode="min", patience=2)
    assert told(result, HISTORY, "val_loss", seconds=4.0) == (
        "It would have ended after epoch **5** of 8: 3 epochs saved, 38% of the time (1.5 s). The "
        "weights of epoch **3** would have been restored: validation loss 0.4, 0.1 behind the "
        "best. There: validation accuracy 0.8, in the end 0.6."
    )
    assert notes(result, "val_loss") == [
        {"x": 5, "text": "would stop"},
        {"x": 3, "text": "restored", "series": "val_loss"},
    ]


def test_of_a_fork_the_epochs_are_those_of_its_charts():
    result = replay(LOSSES, mode="min", patience=2)
    said = told(result, HISTORY, "val_loss", seconds=4.0, first_epoch=100)
    assert said.startswith("It would have ended after epoch **105** of 108")
    assert [note["x"] for note in notes(result, "val_loss", first_epoch=100)] == [105, 103]


def test_a_patience_that_never_ends_saves_nothing():
    said = told(replay(LOSSES, mode="min", patience=5), HISTORY, "val_loss", seconds=4.0)
    assert said.startswith("It would not have ended before the last epoch, 8.")
    assert "epoch **7** would have been restored: validation loss 0.3, which no epoch beats" in said


def test_the_validation_loss_is_watched_first_and_what_has_no_direction_never():
    assert watchable({"loss": [], "lr": [], "val_loss": [], "accuracy": []}) == (
        "val_loss",
        "loss",
        "accuracy",
    )


@pytest.fixture
def over(store: Store) -> str:
    config = RunConfig.create("moons", epochs=8)
    claim = store.open_run(config.to_dict(), worker="a worker", origin="dashboard", name="moons")
    records = [
        Record(kind="epoch", epoch=epoch, data={name: HISTORY[name][epoch] for name in HISTORY})
        for epoch in range(8)
    ]
    store.write(claim, first_seq=1, records=records, epoch=8, seconds=4.0, state="finished")
    return claim.run_id


def marks(page: AppTest) -> list[dict[str, Any]]:
    found = [one for one in page.get("bidi_component") if one.key == "replay_marks"]
    return json.loads(found[0].proto.json)["notes"] if found else []


def test_the_sliders_move_the_marks_on_the_charts(
    open_train_page: Callable[..., AppTest], over: str
) -> None:
    page = open_train_page(run=over)
    assert not marks(page)
    page.toggle(key=f"replay {over}").set_value(True).run()
    page.slider(key=f"patience {over}").set_value(2).run()
    assert not page.exception
    assert [mark["x"] for mark in marks(page)] == [5, 3]
    assert any("after epoch **5** of 8" in one.value for one in page.markdown)
    page.select_slider(key=f"delta {over}").set_value(0.2).run()
    assert [mark["x"] for mark in marks(page)] == [4, 2]
