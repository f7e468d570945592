"""The data page: what will be trained on, and files that people bring."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.forms import escaped, form_link
from pages.privacy import ROWS_NOT_SHOWN
from pages.visitor import owner_of
from trainer.config import RunConfig
from trainer.datasets import DATASETS, load, uploads
from trainer.runs import Record
from trainer.store import Store

OpenPage = Callable[..., AppTest]

HOSTILE = "<img src=x onerror=alert(1)>"


def table(num_rows: int = 120) -> pd.DataFrame:
    """Return a table with a gap, a date, a hostile name and hostile cells."""
    rows = np.arange(num_rows)
    return pd.DataFrame(
        {
            HOSTILE: np.where(rows % 5 == 0, np.nan, rows * 1.5),
            "day": pd.date_range("2024-03-01", periods=num_rows).strftime("%d.%m.%Y"),
            "city": [f"<b>secret</b> {k % 3}" for k in rows],
            "y": rows % 2,
        }
    )


def as_csv(frame: pd.DataFrame, **how: Any) -> bytes:
    return frame.to_csv(index=False, **how).encode()


def drop(page: AppTest, data: bytes, name: str = "my file.csv") -> AppTest:
    """Drop a file at its place and return the page as it is then."""
    return page.file_uploader[0].set_value((name, data, "text/csv")).run()


def figure_of(page: AppTest, key: str) -> dict[str, Any]:
    """Return the figure that the page hands to the component mounted with this key."""
    (found,) = [element for element in page.get("bidi_component") if element.key == key]
    figure: dict[str, Any] = json.loads(found.proto.json)["figure"]
    return figure


def figures_of(page: AppTest) -> set[str]:
    return {element.key for element in page.get("bidi_component")}


def texts_of(page: AppTest) -> str:
    """Return every text on the page that Streamlit takes for Markdown."""
    elements = [*page.title, *page.header, *page.markdown, *page.caption]
    elements += [*page.error, *page.info, *page.warning]
    return "\n".join(element.value for element in elements)


def numbers(values: Any) -> np.ndarray:
    """Return the numbers of a trace, which Plotly packs."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), np.dtype(values["dtype"]))
    return np.asarray(values)


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_set_is_shown_with_its_answers_and_its_split(
    dataset: str, open_data_page: OpenPage
) -> None:
    page = open_data_page(dataset=dataset)

    assert not page.exception
    spec = DATASETS[dataset]
    assert page.title[0].value == spec.title
    if spec.origin == "downloaded":
        assert "is downloaded when a training with it starts" in page.info[0].value
        return
    shown = figures_of(page)
    assert {"answers", "split"} <= shown
    assert ("pictures" in shown) == spec.is_image
    assert ("distribution" in shown) == bool(spec.feature_names)
    num_axes = len(spec.feature_names) + (spec.task == "regression")
    assert ("scatter" in shown) == (num_axes > 1)


def test_the_split_is_drawn_with_the_sizes_that_training_gets(open_data_page: OpenPage) -> None:
    page = open_data_page(dataset="wine", test_split="0.25", validation_split="0.1")

    parts = RunConfig.create("wine", test_split=0.25, validation_split=0.1).split(load("wine"))
    sizes = [len(parts.y_train), len(parts.y_val), len(parts.y_test)]
    drawn = figure_of(page, "split")["data"]
    assert [int(numbers(bar["x"])[0]) for bar in drawn] == sizes
    assert [bar["name"] for bar in drawn] == ["training 120", "validation 13", "test 45"]


def test_classes_are_counted_in_both_parts_as_numpy_counts_them(open_data_page: OpenPage) -> None:
    page = open_data_page(dataset="breast_cancer", imbalance="0.9", label_noise="0.1", seed="4")

    config = RunConfig.create("breast_cancer", imbalance=0.9, label_noise=0.1, seed=4)
    parts = config.split(load("breast_cancer"))
    training, validation = figure_of(page, "answers")["data"]
    np.testing.assert_array_equal(numbers(training["y"]), np.bincount(parts.y_train))
    np.testing.assert_array_equal(numbers(validation["y"]), np.bincount(parts.y_val))


def test_of_a_regression_the_targets_are_drawn(open_data_page: OpenPage) -> None:
    page = open_data_page(dataset="diabetes")

    training, validation = figure_of(page, "answers")["data"]
    parts = RunConfig.create("diabetes").split(load("diabetes"))
    assert numbers(training["y"]).sum() == len(parts.y_train)
    assert numbers(validation["y"]).sum() == len(parts.y_val)
    assert page.header[1].value == "Target"


def test_a_column_s_distribution_is_that_of_each_class(open_data_page: OpenPage) -> None:
    page = open_data_page(dataset="iris")
    (box,) = [box for box in page.selectbox if box.label == "Distribution of"]
    box.select_index(2).run()

    assert not page.exception
    parts = RunConfig.create("iris").parts(load("iris"))
    x, y = parts.x[parts.rows_unsealed], parts.y[parts.rows_unsealed]
    lines = figure_of(page, "distribution")["data"]
    assert [line["name"] for line in lines] == ["setosa", "versicolor", "virginica"]
    for k, line in enumerate(lines):
        edges = numbers(line["x"])
        counts, _ = np.histogram(x[y == k, 2], edges)
        np.testing.assert_allclose(numbers(line["y"])[:-1], counts / counts.sum())


def test_two_columns_are_drawn_over_each_other(open_data_page: OpenPage) -> None:
    page = open_data_page(dataset="moons")

    points = figure_of(page, "scatter")["data"]
    config = RunConfig.create("moons")
    unsealed = sum(config.split_sizes[:2])
    assert sum(len(numbers(trace["x"])) for trace in points) == unsealed


def test_a_number_to_predict_is_drawn_over_a_column(open_data_page: OpenPage) -> None:
    page = open_data_page(dataset="diabetes", test_split="0")
    (box,) = [box for box in page.selectbox if box.label == "Across"]
    box.select_index(2).run()

    (points,) = figure_of(page, "scatter")["data"]
    arrays = load("diabetes")
    np.testing.assert_array_equal(numbers(points["x"]), arrays.x[:, 2])
    np.testing.assert_array_equal(numbers(points["y"]), arrays.y)


def test_what_the_auditor_says_stands_before_training_and_is_counted_on_the_train_page(
    open_data_page: OpenPage, open_train_page: OpenPage
) -> None:
    page = open_data_page(dataset="spam", leak="target_column")
    told = DATASETS["spam"].told_name
    assert f":orange[:material/warning:] “{told}” alone predicts" in texts_of(page)

    for choices, is_told in (({"dataset": "spam", "leak": "target_column"}, True), ({}, False)):
        labels = [link.proto.label for link in open_train_page(**choices).get("page_link")]
        (label,) = [label for label in labels if "these data in depth" in label]
        assert ("to know first" in label) == is_told


@pytest.mark.parametrize("parameter", ["num_samples", "validation_split", "seed"])
def test_where_a_choice_makes_no_sense_there_is_a_sentence_instead_of_rows(
    parameter: str, open_data_page: OpenPage
) -> None:
    page = open_data_page(dataset="wine", **{parameter: "-1"})

    assert not page.exception
    assert "before what the form says of the data makes sense" in page.info[0].value
    assert not page.dataframe


def test_start_on_the_data_page_starts_what_the_form_says_and_leads_to_the_run(
    open_data_page: OpenPage, store: Store
) -> None:
    page = open_data_page(dataset="moons", epochs="3")
    (start,) = [button for button in page.button if button.label == "Start training"]

    start.click().run()

    assert not page.exception
    (run,) = store.runs()
    assert (run.config["dataset"], run.config["epochs"]) == ("moons", 3)
    assert page.query_params["run"] == run.run_id


# -- files that people bring -------------------------------------------------------------------


def test_a_file_is_previewed_with_all_that_was_recognised(open_data_page: OpenPage) -> None:
    frame = table()
    page = drop(open_data_page(), as_csv(frame, sep=";", decimal=","))

    assert not page.exception
    assert page.title[0].value == "my file.csv"
    assert "cells parted by semicolons · decimal commas · 120 rows of 4 columns" in texts_of(page)
    columns, rows = (element.value for element in page.dataframe)
    if "Type" in rows:
        columns, rows = rows, columns
    assert list(columns["Column"]) == [HOSTILE, "day", "city"]
    assert list(columns["Type"]) == ["number", "date", "category"]
    # 24 of the 120 numbers are missing, some of them in the sealed rows.
    parts = RunConfig.create(uploads.uploads_of(owner_of("me"))[0].name, target="y")
    unsealed = parts.parts(load(parts.spec)).rows_unsealed
    assert columns["Missing"][0] == pytest.approx(frame[HOSTILE].iloc[unsealed].isna().mean())
    np.testing.assert_array_equal(rows[HOSTILE], frame[HOSTILE][:100])
    assert list(rows["day"]) == list(pd.date_range("2024-03-01", periods=100))


def test_the_target_and_its_task_are_proposed_and_can_be_chosen(
    open_data_page: OpenPage, store: Store
) -> None:
    page = drop(open_data_page(), as_csv(table()))
    assert page.selectbox(key="target").value == "y"
    assert page.selectbox(key="task").value == "binary"
    assert page.selectbox(key="loss").value == "binary_crossentropy"

    page.selectbox(key="target").select(HOSTILE).run()
    assert page.selectbox(key="task").value == "regression"
    assert page.selectbox(key="loss").value == "mean_squared_error"
    page.selectbox(key="target").select("city").run()
    assert page.selectbox(key="task").options == ["multiclass"]
    page.selectbox(key="target").select("y").run()
    page.selectbox(key="task").select("regression").run()
    (start,) = [button for button in page.button if button.label == "Start training"]
    start.click().run()

    assert not page.exception
    (run,) = store.runs()
    name = uploads.uploads_of(owner_of("me"))[0].name
    config = RunConfig.from_dict(run.config)
    assert config == RunConfig.create(name, target="y", task="regression")


def test_names_and_cells_of_a_file_reach_no_markup(open_data_page: OpenPage) -> None:
    page = drop(open_data_page(), as_csv(table()), "![](http://example.invalid/x.png).csv")

    assert not page.exception
    assert HOSTILE not in texts_of(page) and "![](" not in texts_of(page)
    distribution = figure_of(page, "distribution")
    assert distribution["layout"]["xaxis"]["title"]["text"].startswith("&lt;img src=x")
    (box,) = [box for box in page.selectbox if box.label == "Distribution of"]
    box.select_index(2).run()
    drawn = json.dumps(figure_of(page, "distribution"))
    assert "<b>secret" not in drawn and "&lt;b&gt;secret" in drawn


def test_dates_without_a_time_of_day_are_shown_as_days_on_both_pages(
    open_data_page: OpenPage, open_train_page: OpenPage
) -> None:
    drop(open_data_page(), as_csv(table()))
    upload = uploads.uploads_of(owner_of("me"))[0]
    for open_page in (open_data_page, open_train_page):
        page = open_page(browser="me", dataset=upload.name)
        shown = json.loads(page.dataframe[0].proto.columns)
        assert shown["day"]["type_config"]["type"] == "date"


def test_large_numbers_of_a_column_are_written_out(open_data_page: OpenPage) -> None:
    table = pd.DataFrame({"size": np.arange(60) % 3 * 17_510, "y": np.arange(60) % 2})
    page = drop(open_data_page(), as_csv(table))

    (columns,) = [one.value for one in page.dataframe if "Maximum" in one.value]
    assert columns["Maximum"].tolist() == ["35,020"]
    assert columns["Minimum"].tolist() == ["0"]


def test_the_name_of_a_file_is_text_on_the_train_page_too(open_train_page: OpenPage) -> None:
    name = "![x](http:example.invalid) *b*.csv"
    upload = uploads.add(io.BytesIO(as_csv(table())), file_name=name, owner=owner_of("me"))

    page = open_train_page(browser="me", dataset=upload.name)

    assert not page.exception
    assert page.title[0].value == escaped(name)
    assert "![" not in texts_of(page) and "*b*" not in texts_of(page)


def test_pictures_of_an_npz_file_are_shown_by_class(open_data_page: OpenPage) -> None:
    digits = load("digits")
    file = io.BytesIO()
    np.savez(file, x=digits.x[..., 0] * 16, y=digits.y)

    page = drop(open_data_page(), file.getvalue(), "digits.npz")

    assert not page.exception
    assert "1,797 pictures of 8 × 8 pixels" in texts_of(page)
    assert page.selectbox(key="target").options == ["y"]
    own = figure_of(page, "pictures")["data"][0]["source"]
    assert own == figure_of(open_data_page(dataset="digits"), "pictures")["data"][0]["source"]
    assert not page.dataframe


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"a,b\n1,2,3\n", "Line 2 has 3 cells where the first line has 2."),
        (b"", "The file is empty."),
        (b"a,b\n1,2\n", "Line 2 is the only row; training needs at least two."),
        (b"\x80\x04\x95pickled", "The file is a Python pickle, which is never loaded."),
        (b"a\n1\n2\n3\n", "No column can be predicted from another one."),
        (b"a,b\n1,2\n1,2\n", "No column can be predicted from another one."),
    ],
)
def test_a_bad_file_gives_one_sentence_and_leaves_nothing_behind(
    data: bytes, sentence: str, open_data_page: OpenPage, data_folder: Path
) -> None:
    page = drop(open_data_page(), data, "<i>bad</i>.csv")

    assert not page.exception
    (error,) = page.error
    assert error.value.replace("\\", "") == f"<i>bad</i>.csv: {sentence}"
    assert "<i>" not in error.value
    assert list((data_folder / "uploads").iterdir()) == []
    assert page.title[0].value == "Handwritten digits"
    drop(page, as_csv(table()))
    assert not page.error
    assert page.title[0].value == "my file.csv"


def test_two_files_of_one_name_can_be_told_apart(open_data_page: OpenPage) -> None:
    page = drop(open_data_page(), as_csv(table(40)))
    page = drop(page, as_csv(table(50)))
    assert page.selectbox(key="dataset").options[:2] == ["my file.csv (2)", "my file.csv"]
    # The same file once more is the one that is there already.
    page = drop(page, as_csv(table(40)))
    assert page.selectbox(key="dataset").options[2] == "digits"
    assert "40 rows" in page.caption[0].value


def test_an_upload_is_offered_to_the_browser_that_brought_it_and_to_no_other(
    open_data_page: OpenPage, open_train_page: OpenPage, store: Store
) -> None:
    drop(open_data_page(browser="mine"), as_csv(table()))
    (upload,) = uploads.uploads_of(owner_of("mine"))

    mine = open_data_page(browser="mine", dataset=upload.name, target="y")
    assert mine.title[0].value == "my file.csv"
    assert mine.selectbox(key="dataset").options[0] == "my file.csv"

    for browser in ("another", owner_of("mine"), "command line"):
        for name in (upload.name, upload.title):
            page = open_data_page(browser=browser, dataset=name, target="y")
            assert not page.exception
            assert page.title[0].value == "Handwritten digits"
            assert page.selectbox(key="dataset").options == list(DATASETS)
            assert "secret" not in texts_of(page)


def test_a_forged_choice_of_somebody_else_s_upload_shows_none_of_it(
    open_data_page: OpenPage,
) -> None:
    upload = uploads.add(io.BytesIO(as_csv(table())), file_name="t.csv", owner=owner_of("mine"))

    page = open_data_page(browser="another", forged=upload.name)

    assert not page.exception
    assert page.title[0].value == "Handwritten digits"
    assert "secret" not in texts_of(page)


def test_a_run_shows_the_rows_of_an_upload_to_its_owner_alone(
    open_train_page: OpenPage, store: Store
) -> None:
    upload = uploads.add(
        io.BytesIO(as_csv(table())), file_name="my file.csv", owner=owner_of("mine")
    )
    config = RunConfig.create(upload.name, target="y", epochs=7)
    claim = store.open_run(config.to_dict(), worker="a worker", origin="dashboard", name="r")
    store.write(claim, first_seq=1, records=[Record(kind="epoch", epoch=0, data={"loss": 1.0})])
    run_id = claim.run_id

    mine = open_train_page(run=run_id, browser="mine")
    another = open_train_page(run=run_id, browser="another")

    assert not mine.exception and not another.exception
    assert len(mine.dataframe) == 1 and not mine.info
    assert mine.selectbox(key="dataset").value == upload.name
    assert mine.number_input(key="epochs").value == 7
    assert [info.value for info in another.info] == [ROWS_NOT_SHOWN]
    assert len(another.dataframe) == 0
    assert another.selectbox(key="dataset").value == "digits"


def test_the_address_of_a_set_up_on_an_upload_fills_its_owner_s_form(
    open_data_page: OpenPage,
) -> None:
    upload = uploads.add(io.BytesIO(as_csv(table())), file_name="t.csv", owner=owner_of("me"))
    config = RunConfig.create(upload.name, target="city", task="multiclass", units=8)
    query = form_link(config).removeprefix("/?")
    page = open_data_page(**dict(parse_qsl(query)))

    assert not page.exception
    assert page.title[0].value == "t.csv"
    assert page.selectbox(key="target").value == "city"
    assert page.number_input(key="units").value == 8
