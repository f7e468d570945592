"""The evaluate page: which run it shows, and what it hands to the browser."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.forms import escaped
from pages.privacy import ROWS_NOT_SHOWN
from tests.pages.conftest import PAGES, RUN_SECONDS
from trainer.config import RunConfig
from trainer.datasets import LoadOptions, load, uploads
from trainer.evaluation.counts import ClassCounts
from trainer.evaluation.packing import pack
from trainer.inspections import Inspections
from trainer.runs import Evaluation, Inspection, Parent, Record, Scores
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
    run_id = store.create_run({"model": "functional_1"})

    page = open_evaluate_page(run=run_id)

    assert not page.exception
    assert mount(page)["has_validation"] is None
    assert mount(page)["has_examples"] is False
    assert "known only for runs of this program's own data" in captions(page)


def test_the_train_page_shows_the_newest_evaluation_of_its_run(
    open_train_page: OpenPage, store: Store
) -> None:
    run_id = store.create_run(RunConfig.create("iris").to_dict())

    data = mount(open_train_page(run=run_id))

    assert (data["part"], data["run_id"]) == ("live", run_id)


# -- the decision boundary ---------------------------------------------------------------------


def drawn_points(figure: dict[str, Any], role: str) -> set[tuple[float, float]]:
    (trace,) = [trace for trace in figure["data"] if trace["meta"]["role"] == role]
    return set(zip(trace["x"], trace["y"], strict=True))


def test_the_rows_of_two_features_are_drawn_by_the_run_s_own_config(
    open_evaluate_page: OpenPage, open_train_page: OpenPage, store: Store
) -> None:
    config = RunConfig.create("moons", noise=0.35, seed=5, validation_split=0.3, test_split=0.4)
    run_id = store.create_run(config.to_dict())
    parts = config.split(load("moons", LoadOptions(noise=0.35, seed=5)))

    page = mount(open_evaluate_page(run=run_id))
    live = mount(open_train_page(run=run_id))

    assert page["boundaries"] == f"/api/runs/{run_id}/boundaries"
    assert live["boundaries"] is None
    assert page["boundary"] == live["boundary"]
    for role, rows in (("training", parts.x_train), ("validation", parts.x_val)):
        expected = [(float(f"{x:.5g}"), float(f"{y:.5g}")) for x, y in rows]
        assert drawn_points(page["boundary"], role) == set(expected)


@pytest.mark.parametrize("dataset", ["digits", "iris", "diabetes", "mnist"])
def test_other_data_have_no_boundary(
    dataset: str, open_evaluate_page: OpenPage, store: Store
) -> None:
    run_id = store.create_run(RunConfig.create(dataset).to_dict())

    data = mount(open_evaluate_page(run=run_id))

    assert data["boundary"] is data["boundaries"] is None


def test_somebody_s_own_fit_has_no_boundary(open_evaluate_page: OpenPage, store: Store) -> None:
    claim = store.open_run({"model": "functional_1"}, worker="me", origin="callback")

    assert mount(open_evaluate_page(run=claim.run_id))["boundary"] is None


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


def over(store: Store, config: RunConfig, *on_validation: ClassCounts) -> str:
    """Return a run that is over, with what was counted after each epoch."""
    claim = store.open_run(config.to_dict(), worker="a worker", origin="dashboard")
    records = [
        Record(kind="epoch", epoch=number, data={"loss": 1.0}, evaluation=pack(counts))
        for number, counts in enumerate(on_validation)
    ]
    store.write(claim, first_seq=1, records=records, epoch=len(records), state="finished")
    return claim.run_id


def claim_inspection(store: Store) -> Inspection:
    """Take what is asked, as an idle worker does."""
    claimed = Inspections(store).claim("a worker", lambda worker: False)
    assert claimed is not None
    return claimed


def answer(store: Store, epoch: int, counts: ClassCounts) -> None:
    """Take what is asked and answer it, as a worker does."""
    scores = Scores(rows=np.arange(2), y_true=np.arange(2), y_score=np.eye(2, dtype="float32"))
    found = Evaluation(epoch=epoch, counts=pack(counts)), scores
    Inspections(store).end(claim_inspection(store), found)


def test_breaking_the_seal_asks_once_and_shows_the_gap_and_the_count(
    open_evaluate_page: OpenPage, store: Store
) -> None:
    config = RunConfig.create("moons", epochs=1)
    run_id = over(store, config, counted([[30, 2], [4, 28]]))

    page = open_evaluate_page(run=run_id)
    assert "80 rows, sealed: no figure of this run comes from them." in captions(page)
    assert Inspections(store).of_run(run_id, "test") == []

    page.button(key="open_test").click().run()
    assert not page.exception
    (asked,) = Inspections(store).of_run(run_id, "test")
    assert (asked.state, asked.which) == ("asked", "last")

    answer(store, 0, counted([[35, 5], [8, 32]]))
    page = open_evaluate_page(run=run_id)
    assert not page.exception
    assert "80 rows. The seal was broken once." in captions(page)
    gap = page.dataframe[0].value.set_index("")
    positive = config.spec.class_names[1]
    assert gap.loc["Accuracy"].tolist() == pytest.approx([58 / 64, 67 / 80, 67 / 80 - 58 / 64])
    assert gap.loc[f"Recall of {positive}"].tolist() == pytest.approx(
        [28 / 32, 32 / 40, 32 / 40 - 28 / 32]
    )
    assert rf"at threshold 0.500 for {positive}" in captions(page)
    assert len(page.dataframe) == 1
    assert Inspections(store).openings() == {run_id: 1}


def test_a_fork_says_how_often_its_test_rows_were_looked_at_before(
    open_evaluate_page: OpenPage, open_train_page: OpenPage, store: Store
) -> None:
    config = RunConfig.create("moons", epochs=1)
    run_id = over(store, config, counted([[30, 2], [4, 28]]))
    parent = Parent(run_id, "moons", 0, "learning_rate", 0.001, 0.01)
    fork_id = store.create_run(config.to_dict(), parent=parent)
    parent = Parent(fork_id, "a fork", 0, "learning_rate", 0.01, 0.1)
    fork_of_fork = store.create_run(config.to_dict(), parent=parent)
    Inspections(store).ask(run_id, part="test", which="last")

    said = captions(open_evaluate_page(run=fork_of_fork))
    sentence = "sealed on this run, but the seal was broken once on what it was forked from."
    assert f"80 rows. S{sentence[1:]}" in said
    assert f"Test set: {sentence}" in captions(open_train_page(run=fork_of_fork))
    store.stop(fork_id)
    store.delete(fork_id)
    assert "sealed: no figure of this run" in captions(open_evaluate_page(run=fork_of_fork))


def test_of_many_classes_the_gap_says_that_it_is_of_their_mean(
    open_evaluate_page: OpenPage, store: Store
) -> None:
    def counts(matrix: list[list[float]]) -> ClassCounts:
        nothing = np.zeros((3, 1001))
        return ClassCounts(positives=nothing, negatives=nothing, confusion=np.array(matrix))

    run_id = over(store, RunConfig.create("iris"), counts(np.diag([8.0, 8, 8]).tolist()))
    Inspections(store).ask(run_id, part="test", which="last")
    answer(store, 0, counts([[10.0, 0, 0], [0, 5, 5], [0, 0, 10]]))

    page = open_evaluate_page(run=run_id)

    gap = page.dataframe[0].value.set_index("")
    assert gap.loc["Recall (mean)"].tolist() == pytest.approx([1, 2.5 / 3, -0.5 / 3])
    assert gap.loc["Accuracy"].tolist() == pytest.approx([1, 25 / 30, -5 / 30])
    assert not {"Precision", "Recall", "F1"} & set(gap.index)
    assert "each mean is the mean of the classes" in captions(page)
    assert "at threshold" not in captions(page)


def test_every_opening_stays_in_sight_with_its_epoch_and_its_figure(
    open_evaluate_page: OpenPage, open_train_page: OpenPage, store: Store
) -> None:
    matrix = counted([[30, 2], [4, 28]])
    run_id = over(store, RunConfig.create("moons", epochs=2), matrix, matrix)
    assert "seal" not in captions(open_train_page(run=run_id))

    Inspections(store).ask(run_id, part="test", which="last")
    answer(store, 1, counted([[35, 5], [8, 32]]))
    assert "Test set: the seal was broken once." in captions(open_train_page(run=run_id))
    Inspections(store).ask(run_id, part="test", which="best")
    answer(store, 0, counted([[40, 0], [20, 20]]))

    page = open_evaluate_page(run=run_id)
    assert "80 rows. The seal was broken twice." in captions(page)
    listed = page.dataframe[1].value
    assert listed["Network after the"].tolist() == ["best epoch (1)", "last epoch (2)"]
    assert listed["Accuracy"].tolist() == pytest.approx([60 / 80, 67 / 80])
    assert listed["Opened"].str.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC").all()
    assert "Test set: the seal was broken twice." in captions(open_train_page(run=run_id))


def test_while_the_seal_is_broken_again_the_earlier_opening_stays_in_sight(
    open_evaluate_page: OpenPage, store: Store
) -> None:
    run_id = over(store, RunConfig.create("moons"), counted([[30, 2], [4, 28]]))
    Inspections(store).ask(run_id, part="test", which="last")
    answer(store, 0, counted([[35, 5], [8, 32]]))
    Inspections(store).ask(run_id, part="test", which="best")

    page = open_evaluate_page(run=run_id)

    assert page.dataframe[0].value.set_index("").loc["Accuracy", "Test"] == pytest.approx(67 / 80)
    assert "The network is looked at once more …" in captions(page)
    assert "open_test" not in {button.key for button in page.button}


def test_a_test_that_failed_opened_nothing_says_why_and_can_be_tried_again(
    open_evaluate_page: OpenPage, store: Store
) -> None:
    run_id = over(store, RunConfig.create("moons"), counted([[30, 2], [4, 28]]))
    Inspections(store).ask(run_id, part="test", which="last")
    Inspections(store).end(claim_inspection(store), None, "The weights of this run were not kept.")

    page = open_evaluate_page(run=run_id)

    assert page.info[0].value == "The weights of this run were not kept."
    assert "80 rows, sealed: no figure of this run comes from them." in captions(page)
    page.button(key="open_test").click().run()
    assert [one.state for one in Inspections(store).of_run(run_id, "test")] == ["failed", "asked"]


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


# -- the rows behind a cell --------------------------------------------------------------------


def page_with_examples(run_id: str, cell: dict | None) -> None:
    from pages.backend import store
    from pages.inspections import show_examples
    from trainer.config import config_of

    run = store().run(run_id)
    config = config_of(run)
    assert config is not None
    show_examples(run, config, cell)


def examples(run_id: str, *, epoch: int = 4, **cell: Any) -> AppTest:
    page = AppTest.from_function(
        page_with_examples,
        default_timeout=RUN_SECONDS,
        args=(run_id, {**cell, "epoch": epoch} if cell else None),
    ).run()
    assert not page.exception
    return page


def looked_at(store: Store, dataset: str, y_score: list[list[float]], **choices: object) -> str:
    """Return a run whose first rows have these scores."""
    config = RunConfig.create(dataset, **choices)
    run_id = over(store, config)
    Inspections(store).ask(run_id, part="validation", which="last")
    labels = load(config.spec).y[: len(y_score)]
    scores = Scores(
        rows=np.arange(len(y_score)), y_true=labels, y_score=np.array(y_score, "float32")
    )
    evaluation = Evaluation(epoch=4, counts=pack(counted([[1, 0], [0, 1]])))
    Inspections(store).end(claim_inspection(store), (evaluation, scores))
    return run_id


# The first rows of the irises are all of the first class.
SCORES = [[0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.1, 0.8, 0.1], [0.4, 0.35, 0.25]]


def test_behind_a_cell_are_its_rows_with_their_class_and_its_score(store: Store) -> None:
    page = examples(looked_at(store, "iris", SCORES), true=0, predicted=1)

    assert "2 validation rows" in page.markdown[0].value
    table = page.dataframe[0].value
    assert table["predicted"].tolist() == ["versicolor", "versicolor"]
    assert table["score"].tolist() == pytest.approx([0.8, 0.5])
    assert table["true"].tolist() == ["setosa", "setosa"]
    assert "The cell was chosen" not in captions(page)


def test_rows_behind_a_cell_of_another_epoch_say_so(store: Store) -> None:
    page = examples(looked_at(store, "iris", SCORES), epoch=1, true=0, predicted=1)

    assert "after epoch 5" in page.markdown[0].value
    assert "The cell was chosen at epoch 2; rows can be shown" in captions(page)


@pytest.mark.parametrize(
    ("predicted", "said", "scores"),
    [(1, "called versicolor", [0.8, 0.5, 0.35]), (0, "not called versicolor", [0.2])],
)
def test_of_a_class_against_the_rest_the_rows_have_that_classs_score(
    predicted: int, said: str, scores: list[float], store: Store
) -> None:
    run_id = looked_at(store, "iris", SCORES)

    page = examples(run_id, true=0, predicted=predicted, positive=1, threshold=0.3)

    table = page.dataframe[0].value
    assert table["outcome"].tolist() == [said] * len(scores)
    assert table["score"].tolist() == pytest.approx(scores)
    assert "predicted" not in table


@pytest.mark.parametrize(
    ("cell", "caption"),
    [
        ({"true": 0, "predicted": 3}, "0 as 3 (0.700)"),
        (
            {"true": 0, "predicted": 0, "positive": 5, "threshold": 0.5},
            "0, not called 5 (0.100)",
        ),
    ],
)
def test_pictures_say_the_same_below_them(cell: dict[str, Any], caption: str, store: Store) -> None:
    scores = [0.02] * 10
    scores[3], scores[5] = 0.7, 0.1
    run_id = looked_at(store, "digits", [scores])

    page = examples(run_id, **cell)

    (picture,) = page.get("image")
    assert picture.captions == [escaped(caption)]


def test_of_an_upload_the_rows_behind_a_cell_are_counted_and_not_shown(store: Store) -> None:
    text = "size,y\n" + "".join(f"{k}.25,{k % 2}\n" for k in range(60))
    upload = uploads.add(io.BytesIO(text.encode()), file_name="mine.csv", owner="me")
    run_id = looked_at(store, upload.name, [[0.2, 0.8], [0.1, 0.9], [0.3, 0.7]], target="y")

    page = examples(run_id, true=0, predicted=1)

    assert "2 validation rows" in page.markdown[0].value
    assert [info.value for info in page.info] == [ROWS_NOT_SHOWN]
    assert len(page.dataframe) == 0


def test_before_a_cell_is_chosen_nothing_is_asked_of_the_network(store: Store) -> None:
    run_id = over(store, RunConfig.create("iris"))

    page = examples(run_id)

    assert "Choose a cell of the matrix" in captions(page)
    assert Inspections(store).of_run(run_id, "validation") == []


def test_a_look_that_failed_says_why_and_can_be_tried_again(store: Store) -> None:
    run_id = over(store, RunConfig.create("iris"))
    page = examples(run_id, true=0, predicted=1)
    Inspections(store).end(claim_inspection(store), None, "The store was [away].")
    page.run()
    assert page.info[0].value == escaped("The store was [away].")
    assert len(Inspections(store).of_run(run_id, "validation")) == 1

    page.button(key="examples_again").click().run()

    assert not page.exception
    tried = Inspections(store).of_run(run_id, "validation")
    assert [one.state for one in tried] == ["failed", "asked"]
    assert "The network is looked at once more …" in captions(page)
