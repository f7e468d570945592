"""The controls of a run that trains: each tells its writer one thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from trainer.checkpoints import Checkpoint, Checkpoints
from trainer.config import RunConfig
from trainer.runs import Claim, Command
from trainer.store import Store

OpenPage = Callable[..., AppTest]


def button(page: AppTest, label: str) -> Any:
    (found,) = [button for button in page.button if button.label == label]
    return found


def labels(page: AppTest) -> set[str]:
    return {button.label for button in page.button}


def rate_field(page: AppTest) -> Any:
    (found,) = [field for field in page.text_input if "learning rate" in field.label]
    return found


def training(store: Store, state: str = "training", **choices: object) -> Claim:
    config = RunConfig.create("iris", **choices)
    claim = store.open_run(config.to_dict(), worker="a worker", origin="dashboard")
    store.write(claim, state=state)
    return claim


@pytest.mark.parametrize(
    ("state", "label", "command"),
    [
        ("training", "Pause", "pause"),
        ("paused", "Resume", "resume"),
        ("training", "One epoch", "epoch"),
        ("paused", "One step", "step"),
        ("training", "Stop", "stop"),
        ("paused", "Stop", "stop"),
    ],
)
def test_a_button_tells_the_writer_its_word(
    open_train_page: OpenPage, store: Store, state: str, label: str, command: str
) -> None:
    run_id = training(store, state).run_id
    page = open_train_page(run=run_id)

    button(page, label).click().run()

    assert not page.exception
    assert store.take_commands(run_id) == [Command(command)]


def test_slow_motion_is_chosen_on_a_scale_and_shown_to_whoever_comes_later(
    open_train_page: OpenPage, store: Store
) -> None:
    claim = training(store)
    page = open_train_page(run=claim.run_id)

    page.select_slider[0].set_value(0.5).run()

    assert store.take_commands(claim.run_id) == [Command("speed", 0.5)]
    store.write(claim, speed=3.0)
    assert open_train_page(run=claim.run_id).select_slider[0].value == 3.0


def test_another_learning_rate_is_typed_as_it_is(open_train_page: OpenPage, store: Store) -> None:
    run_id = training(store, learning_rate=0.02).run_id
    page = open_train_page(run=run_id)
    assert rate_field(page).value == "0.02"

    rate_field(page).set_value("1e-5")
    button(page, "Set").click().run()

    assert store.take_commands(run_id) == [Command("learning_rate", 1e-5)]


@pytest.mark.parametrize("typed", ["", "fast", "-1", "nan"])
def test_a_learning_rate_that_makes_no_sense_is_refused_in_a_sentence(
    open_train_page: OpenPage, store: Store, typed: str
) -> None:
    run_id = training(store).run_id
    page = open_train_page(run=run_id)

    rate_field(page).set_value(typed)
    button(page, "Set").click().run()

    assert "must be a positive number" in page.toast[0].value
    assert store.take_commands(run_id) == []


def test_a_learning_rate_with_a_schedule_cannot_be_changed(
    open_train_page: OpenPage, store: Store
) -> None:
    page = open_train_page(run=training(store, schedule="cosine").run_id)

    assert "Set" not in labels(page)


def test_a_button_that_comes_too_late_says_so(open_train_page: OpenPage, store: Store) -> None:
    claim = training(store)
    page = open_train_page(run=claim.run_id)
    store.write(claim, state="finished")

    button(page, "Pause").click().run()

    assert not page.exception
    assert store.take_commands(claim.run_id) == []
    assert "Pause" not in labels(page)


@pytest.mark.parametrize("state", ["queued", "finished"])
def test_a_run_that_nobody_trains_has_no_pause(
    open_train_page: OpenPage, store: Store, state: str
) -> None:
    if state == "queued":
        run_id = store.create_run(RunConfig.create("iris").to_dict())
    else:
        run_id = training(store, state).run_id

    assert not labels(open_train_page(run=run_id)) & {"Pause", "One step", "One epoch"}


# -- after the end -------------------------------------------------------------------------------


def over(store: Store, state: str, *, epoch: int, epochs: list[int], **choices: object) -> str:
    claim = training(store, **choices)
    store.write(claim, state=state, epoch=epoch)
    files = Checkpoints(claim.run_id, every=1)
    for number in epochs:
        one = Checkpoint(epoch=number, weights=[np.zeros(1, "float32")])
        files.save(one, best=one if number == epochs[0] else None)
    return claim.run_id


def test_what_was_interrupted_is_queued_again(open_train_page: OpenPage, store: Store) -> None:
    run_id = over(store, "interrupted", epoch=3, epochs=[2])

    page = open_train_page(run=run_id)
    button(page, "Resume").click().run()

    assert not page.exception
    assert store.run(run_id).state == "queued"
    assert labels(page) >= {"Stop"} and "Resume" not in labels(page)


def test_a_finished_run_gets_more_epochs(open_train_page: OpenPage, store: Store) -> None:
    run_id = over(store, "finished", epoch=5, epochs=[4], batch_size=7)
    store_epochs = store.run(run_id).config["epochs"]
    page = open_train_page(run=run_id)
    (field,) = [field for field in page.number_input if field.label == "Epochs more"]
    assert field.value == store_epochs

    field.set_value(3)
    button(page, "Train on").click().run()

    run = store.run(run_id)
    assert (run.state, run.epochs, run.config["epochs"]) == ("queued", 8, 8)


def test_a_fork_is_queued_and_shown_with_its_parent(
    open_train_page: OpenPage, store: Store
) -> None:
    run_id = over(store, "finished", epoch=6, epochs=[3, 4, 5])
    store.describe(run_id, name="[a](b) <i>")
    page = open_train_page(run=run_id)
    boxes = {box.label: box for box in page.selectbox}
    assert boxes["After epoch"].options == ["6 (last)", "5", "4 (best)"]

    boxes["After epoch"].set_value(4).run()
    (field,) = [field for field in page.text_input if field.label == "instead of 0.01"]
    field.set_value("1e-5").run()
    button(page, "Start the fork").click().run()

    assert not page.exception
    forked = store.runs()[0]
    assert forked.state == "queued"
    assert forked.parent == (run_id, "[a](b) <i>", 4, "learning_rate", 0.01, 1e-5)
    assert page.query_params["run"] == forked.run_id
    (caption,) = [one.value for one in page.main.caption if "Forked from" in one.value]
    assert "after epoch 5: learning rate 0.01 → 1e" in caption
    assert "<i>" not in caption and "[a](b)" not in caption


def test_a_fork_that_makes_no_sense_is_a_sentence(open_train_page: OpenPage, store: Store) -> None:
    run_id = over(store, "finished", epoch=6, epochs=[5])
    page = open_train_page(run=run_id)

    button(page, "Start the fork").click().run()

    assert "learning\\_rate must be another one" in page.toast[0].value
    assert len(store.runs()) == 1


def test_a_diverged_run_can_be_forked_only(open_train_page: OpenPage, store: Store) -> None:
    run_id = over(store, "diverged", epoch=3, epochs=[2])

    found = labels(open_train_page(run=run_id))

    assert "Start the fork" in found
    assert not found & {"Resume", "Train on"}


def test_somebody_s_own_fit_cannot_go_on(open_train_page: OpenPage, store: Store) -> None:
    claim = store.open_run({"model": "mine"}, worker="me", origin="callback")
    store.write(claim, state="finished")

    found = labels(open_train_page(run=claim.run_id))

    assert not found & {"Resume", "Train on", "Start the fork"}
