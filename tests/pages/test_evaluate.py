"""The evaluate page: which run it shows, and what it hands to the browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import PAGES
from trainer.config import RunConfig
from trainer.evaluation.counts import ClassCounts
from trainer.evaluation.packing import pack
from trainer.runs import Evaluation, Record, Scores
from trainer.store import Store

OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_evaluate_page(open_train_page: OpenPage) -> OpenPage:
    """Open the evaluate page at an address with these parameters."""

    def open_page(**parameters: str) -> AppTest:
        page = open_train_page().switch_page(str(PAGES / "evaluate.py"))
        for name, value in parameters.items():
            page.query_params[name] = value
        return page.run()

    return open_page


def mount(page: AppTest, key: str = "evaluation") -> dict[str, Any]:
    (found,) = [element for element in page.get("bidi_component") if element.key == key]
    data: dict[str, Any] = json.loads(found.proto.json)
    return data


def test_before_the_first_run_the_page_says_where_to_begin(open_evaluate_page: OpenPage) -> None:
    page = open_evaluate_page()

    assert not page.exception
    assert "No runs yet." in page.markdown[-1].value


def test_the_run_in_the_address_is_shown(open_evaluate_page: OpenPage, store: Store) -> None:
    run_id = store.create_run(RunConfig.create("moons").to_dict())
    store.create_run(RunConfig.create("iris").to_dict())

    page = open_evaluate_page(run=run_id)

    assert not page.exception
    assert mount(page)["run_id"] == mount(page, "header")["run_id"] == run_id


def test_without_a_run_the_newest_is_shown_and_stays_when_a_newer_one_begins(
    open_evaluate_page: OpenPage, store: Store
) -> None:
    store.create_run(RunConfig.create("moons").to_dict())
    newest = store.create_run(RunConfig.create("iris").to_dict())

    page = open_evaluate_page()
    assert mount(page)["run_id"] == newest
    assert page.query_params["run"] in (newest, [newest])

    store.create_run(RunConfig.create("wine").to_dict())
    assert mount(page.run())["run_id"] == newest


def test_an_unknown_run_gives_a_sentence(open_evaluate_page: OpenPage) -> None:
    page = open_evaluate_page(run="nosuchrun")

    assert not page.exception
    assert "There is no such run here." in page.warning[0].value


@pytest.mark.parametrize(("split", "expected"), [(0.2, True), (0.0, False)])
def test_the_browser_is_told_whether_there_is_validation_data(
    split: float, expected: bool, open_evaluate_page: OpenPage, store: Store
) -> None:
    run_id = store.create_run(RunConfig.create("iris", validation_split=split).to_dict())

    assert mount(open_evaluate_page(run=run_id))["has_validation"] is expected


def test_of_somebody_s_own_fit_nobody_knows_whether_it_has_validation_data(
    open_evaluate_page: OpenPage, store: Store
) -> None:
    run_id = store.create_run({"model": "functional_1"}, origin="callback")

    page = open_evaluate_page(run=run_id)

    assert not page.exception
    assert mount(page)["has_validation"] is None


def test_the_train_page_shows_the_newest_evaluation_of_its_run(
    open_train_page: OpenPage, store: Store
) -> None:
    run_id = store.create_run(RunConfig.create("iris").to_dict())

    data = mount(open_train_page(run=run_id))

    assert (data["part"], data["run_id"]) == ("live", run_id)


# -- the sealed test set -----------------------------------------------------------------------


def counted(matrix: list[list[float]]) -> ClassCounts:
    """Return the counts of two classes whose scores are 0 or 1."""
    confusion = np.array(matrix)
    positives, negatives = np.zeros((2, 1001)), np.zeros((2, 1001))
    positives[0, [0, 1000]] = confusion[0, 1], confusion[0, 0]
    positives[1, [0, 1000]] = confusion[1, 0], confusion[1, 1]
    negatives[0, [0, 1000]] = positives[1, [1000, 0]]
    negatives[1, [0, 1000]] = positives[0, [1000, 0]]
    return ClassCounts(positives=positives, negatives=negatives, confusion=confusion)


def captions(page: AppTest) -> str:
    return "\n".join(caption.value for caption in page.caption)


def test_breaking_the_seal_asks_once_and_shows_the_gap_and_the_count(
    open_evaluate_page: OpenPage, store: Store
) -> None:
    run_id = store.create_run(RunConfig.create("moons", epochs=1).to_dict())
    claim = store.claim(run_id, "a worker")
    on_validation = pack(counted([[30, 2], [4, 28]]))
    record = Record(kind="epoch", epoch=0, data={"loss": 1.0}, evaluation=on_validation)
    store.write(claim, first_seq=1, records=[record], epoch=1, state="finished")

    page = open_evaluate_page(run=run_id)
    assert "80 rows, sealed: nothing has looked at them yet." in captions(page)
    assert store.inspections(run_id, "test") == []

    page.button(key="open_test").click().run()
    assert not page.exception
    (asked,) = store.inspections(run_id, "test")
    assert (asked.state, asked.which) == ("asked", "last")

    scores = Scores(rows=np.arange(2), y_true=np.arange(2), y_score=np.eye(2, dtype="float32"))
    on_test = Evaluation(epoch=0, counts=pack(counted([[35, 5], [8, 32]])))
    store.end_inspection(asked.number, (on_test, scores))
    page = open_evaluate_page(run=run_id)
    assert not page.exception
    assert "80 rows. The seal was broken once." in captions(page)
    gap = page.dataframe[0].value.set_index("")
    assert gap.loc["Accuracy"].tolist() == pytest.approx([58 / 64, 67 / 80, 67 / 80 - 58 / 64])
    assert gap.loc["Recall"].tolist() == pytest.approx([28 / 32, 32 / 40, 32 / 40 - 28 / 32])
    assert store.openings() == {run_id: 1}


def test_a_run_that_kept_no_test_rows_says_so(open_evaluate_page: OpenPage, store: Store) -> None:
    run_id = store.create_run(RunConfig.create("moons", test_split=0).to_dict())
    page = open_evaluate_page(run=run_id)
    assert "This run kept no test rows: its test share is 0." in captions(page)


def test_the_seal_holds_while_the_training_goes_on(
    open_evaluate_page: OpenPage, store: Store
) -> None:
    run_id = store.create_run(RunConfig.create("moons").to_dict())
    page = open_evaluate_page(run=run_id)
    assert "The seal can be broken once the training has ended." in captions(page)
    assert "open_test" not in {button.key for button in page.button}
