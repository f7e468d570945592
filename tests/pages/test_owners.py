"""Pages as the members of a class see them: everybody's runs, and the controls of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.live.secret import secret
from pages.visitor import owner_of
from trainer.checkpoints import Checkpoint, Checkpoints
from trainer.config import RunConfig
from trainer.person import Person
from trainer.store import Store

OpenPage = Callable[..., AppTest]

CONTROLS = {"Stop", "Pause", "One epoch", "One step", "Resume", "Set", "Train on"}


@pytest.fixture
def in_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHBOARD_CLASS_CODE", "sunny-tensors")


def run_of(store: Store, browser: str, state: str = "training") -> str:
    """Return a run that this browser started and a worker has brought into a state."""
    config = RunConfig.create("iris").to_dict()
    theirs = store.used_by(Person(owner=owner_of(browser)))
    claim = theirs.open_run(config, worker="a worker", origin="dashboard")
    store.write(claim, state=state)
    return claim.run_id


def labels(page: AppTest) -> set[str]:
    assert not page.exception
    return {button.label for button in page.button}


def captions(page: AppTest) -> str:
    return "\n".join(caption.value for caption in page.caption)


def button(page: AppTest, label: str) -> Any:
    (found,) = [button for button in page.button if button.label == label]
    return found


@pytest.mark.usefixtures("in_class")
def test_whoever_presses_start_owns_the_run_and_alone_controls_it(
    open_train_page: OpenPage, store: Store
) -> None:
    page = open_train_page(browser="mine", dataset="iris")
    button(page, "Start training").click().run()
    (run,) = store.runs()
    assert run.owner == owner_of("mine")

    store.claim_next("a worker", slots=1)

    assert {"Stop", "Pause", "One step"} <= labels(open_train_page(browser="mine", run=run.run_id))
    other = open_train_page(browser="another", run=run.run_id)
    assert not labels(other) & CONTROLS
    assert "Somebody else started this run: you can watch it" in captions(other)


def test_alone_every_browser_controls_every_run(open_train_page: OpenPage, store: Store) -> None:
    run_id = run_of(store, "mine")
    assert {"Stop", "Pause", "One step"} <= labels(open_train_page(browser="another", run=run_id))


@pytest.mark.usefixtures("in_class")
def test_another_s_run_can_be_forked_and_the_fork_is_one_s_own(
    open_train_page: OpenPage, store: Store
) -> None:
    run_id = run_of(store, "mine", "finished")
    Checkpoints(run_id).save(Checkpoint(epoch=0, weights=[]))
    page = open_train_page(browser="another", run=run_id)
    assert not labels(page) & CONTROLS
    (field,) = [field for field in page.text_input if field.label.startswith("instead of")]
    field.set_value("0.5").run()

    button(page, "Start the fork").click().run()

    assert not page.exception
    assert [run.owner for run in store.runs()] == [owner_of("another"), owner_of("mine")]


@pytest.mark.usefixtures("in_class")
@pytest.mark.parametrize("label", ["Stop", "Pause", "One epoch", "One step"])
def test_a_press_that_is_replayed_on_another_s_run_does_nothing(
    open_train_page: OpenPage, store: Store, label: str
) -> None:
    own, foreign = run_of(store, "mine"), run_of(store, "another")
    page = open_train_page(browser="mine", run=own)

    # What the page sends for a press is the button's identity, the same for every run.
    page.query_params["run"] = foreign
    button(page, label).click().run()

    assert not page.exception
    assert store.take_commands(foreign) == []


@pytest.mark.usefixtures("in_class")
def test_only_one_s_own_runs_can_be_renamed_or_deleted(
    open_train_page: OpenPage, store: Store
) -> None:
    own, foreign = run_of(store, "mine", "finished"), run_of(store, "another", "finished")
    page = open_train_page(browser="mine").switch_page("runs.py").run()

    assert list(page.dataframe[0].value["Whose"]) == ["", "yours"]
    (box,) = [box for box in page.selectbox if box.label == "Run"]
    assert [option for option in box.options if foreign in option] == []
    box.set_value(own).run()
    button(page, "Delete for good").click().run()
    assert [run.run_id for run in store.runs()] == [foreign]


@pytest.mark.usefixtures("in_class")
def test_only_one_s_own_seal_can_be_broken(open_train_page: OpenPage, store: Store) -> None:
    run_id = run_of(store, "mine", "finished")

    def evaluate(browser: str) -> AppTest:
        page = open_train_page(browser=browser).switch_page("evaluate.py")
        page.query_params["run"] = run_id
        return page.run()

    assert "Test it" in labels(evaluate("mine"))
    other = evaluate("another")
    assert "Test it" not in labels(other)
    assert "Only whoever started the run may break the seal" in captions(other)


@pytest.mark.usefixtures("in_class")
def test_a_damaged_secret_lets_nobody_control_anything(
    open_train_page: OpenPage, store: Store, data_folder: Any
) -> None:
    run_id = run_of(store, "mine")
    secret(data_folder)
    (data_folder / "secret").write_bytes(b"")

    page = open_train_page(browser="mine", run=run_id)

    assert not {button.label for button in page.button} & CONTROLS
