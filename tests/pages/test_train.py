"""The train page: starting, watching and stopping runs; the browser's part is in tests/browser."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import trainer.database
from pages.forms import form_link
from pages.privacy import ROWS_NOT_SHOWN
from trainer.checkpoints import Checkpoint, Checkpoints
from trainer.config import RunConfig
from trainer.datasets import DATASETS, uploads
from trainer.keras_code import keras_code
from trainer.lessons.curves import OVERFITTING
from trainer.runs import Command, Record
from trainer.store import Store

OpenPage = Callable[..., AppTest]

HOSTILE_NAMES = [
    "<img src=x onerror=alert(1)>",
    "![](http://example.invalid/x.png)",
    "[click](javascript:alert(1)) :red[x]",
]


def button(page: AppTest, label: str) -> Any:
    (found,) = [button for button in page.button if button.label == label]
    return found


def component(page: AppTest, key: str) -> dict[str, Any]:
    """Return what the page hands to the live component mounted with this key."""
    (found,) = [element for element in page.get("bidi_component") if element.key == key]
    data: dict[str, Any] = json.loads(found.proto.json)
    return data


def trained(store: Store, config: dict[str, Any], *, origin: str = "dashboard") -> str:
    """Add a run of two finished epochs, as its writer would."""
    claim = store.open_run(config, worker="a worker", origin=origin, name="two epochs")
    records = [
        Record(kind="epoch", epoch=epoch, data={"loss": 1.0 - epoch / 2, "accuracy": epoch / 2})
        for epoch in range(2)
    ]
    store.write(claim, first_seq=1, records=records, epoch=2, state="finished")
    return claim.run_id


def test_before_the_first_run_the_page_shows_the_data_and_what_to_do(
    open_train_page: OpenPage,
) -> None:
    page = open_train_page()

    assert not page.exception
    assert page.title[0].value == "Handwritten digits"
    assert any("**Start training**" in markdown.value for markdown in page.markdown)
    assert component(page, "preview")["part"] == "figure"
    assert "1,797 rows" in page.caption[-2].value
    assert "UCI Machine Learning Repository" in page.caption[-1].value


@pytest.mark.parametrize(
    "dataset", [name for name in DATASETS if DATASETS[name].origin != "downloaded"]
)
def test_each_dataset_at_hand_shows_a_picture_or_a_table_of_itself(
    dataset: str, open_train_page: OpenPage
) -> None:
    page = open_train_page(dataset=dataset)

    assert not page.exception
    figures = [element for element in page.get("bidi_component") if element.key == "preview"]
    assert len(figures) + len(page.dataframe) == 1


def test_bent_data_are_shown_bent_and_named_so(open_train_page: OpenPage) -> None:
    page = open_train_page(
        dataset="breast_cancer",
        noise="0.5",
        label_noise="0.2",
        imbalance="0.9",
        leak="target_column",
    )

    assert not page.exception
    assert page.main.caption[-2].value == (
        "397 rows · 31 features · 2 classes (40 : 357) · noise 0.5 · 20% wrong labels · "
        "leak: target_column"
    )
    table = page.dataframe[0].value
    assert set(table["noted afterwards"]) <= {0, 1}


@pytest.mark.parametrize("parameter", ["num_samples", "imbalance"])
def test_a_bend_that_makes_no_sense_leaves_the_page_without_examples(
    parameter: str, open_train_page: OpenPage
) -> None:
    page = open_train_page(dataset="breast_cancer", **{parameter: "1"})

    assert not page.exception
    assert not page.dataframe
    assert "569 rows · 30 features · 2 classes" in [one.value for one in page.main.caption]


@pytest.mark.parametrize(
    "dataset", [name for name in DATASETS if DATASETS[name].origin == "downloaded"]
)
def test_a_dataset_that_is_not_downloaded_yet_gives_a_sentence(
    dataset: str, open_train_page: OpenPage
) -> None:
    page = open_train_page(dataset=dataset)

    assert not page.exception
    title = DATASETS[dataset].title
    assert [info.value for info in page.info] == [
        f"{title} is downloaded when a training with it starts for the first time."
    ]


def test_start_queues_one_run_with_what_the_form_says(
    open_train_page: OpenPage, store: Store
) -> None:
    page = open_train_page(dataset="moons")
    page.number_input(key="epochs").set_value(7)
    page.selectbox(key="optimizer").select("sgd")
    page.multiselect(key="metrics").set_value(["accuracy", "auc"])
    page.text_input(key="name").set_value("my run")
    button(page, "Start training").click().run()

    assert not page.exception
    (run,) = store.runs()
    assert run.state == "queued"
    assert run.origin == "dashboard"
    assert run.name == "my run"
    assert RunConfig.from_dict(run.config) == RunConfig.create(
        "moons", epochs=7, optimizer="sgd", metrics=("accuracy", "auc"), name="my run"
    )
    assert page.query_params["run"] == run.run_id


def test_start_without_touching_anything_queues_the_defaults(
    open_train_page: OpenPage, store: Store
) -> None:
    button(open_train_page(), "Start training").click().run()

    (run,) = store.runs()
    assert RunConfig.from_dict(run.config) == RunConfig.create()


def test_start_on_a_locked_store_gives_a_sentence_and_starts_once_the_lock_is_gone(
    open_train_page: OpenPage,
    store: Store,
    data_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(trainer.database, "BUSY_TIMEOUT_SECONDS", 0)
    page = open_train_page()
    with contextlib.closing(sqlite3.connect(data_folder / "runs.sqlite")) as another:
        another.execute("BEGIN IMMEDIATE")
        button(page, "Start training").click().run()

    assert not page.exception
    assert [error.value for error in page.error] == [
        "The store does not answer at the moment. Nothing is lost; try again."
    ]
    assert "database is locked" in caplog.text
    assert store.runs() == []
    button(page, "Start training").click().run()
    assert not page.error
    assert page.query_params["run"] == store.runs()[0].run_id


def test_a_rerun_of_the_page_starts_nothing(open_train_page: OpenPage, store: Store) -> None:
    page = open_train_page()
    button(page, "Start training").click().run()
    page.run().run()
    page.number_input(key="epochs").set_value(5).run()

    assert len(store.runs()) == 1


def test_a_changed_setting_and_start_make_a_second_run(
    open_train_page: OpenPage, store: Store
) -> None:
    page = open_train_page()
    button(page, "Start training").click().run()
    page.number_input(key="units").set_value(8).run()
    button(page, "Start training").click().run()

    newest, first = store.runs()
    assert (first.config["units"], newest.config["units"]) == (64, 8)
    assert page.query_params["run"] == newest.run_id


def test_a_queued_run_shows_its_place(open_train_page: OpenPage, store: Store) -> None:
    store.create_run(RunConfig.create().to_dict())
    run_id = store.create_run(RunConfig.create().to_dict())

    page = open_train_page(run=run_id)

    header = component(page, "header")
    assert header["run_id"] == run_id
    assert header["run"]["state"] == "queued"
    assert header["run"]["queue_place"] == 2


def test_stop_ends_a_queued_run_and_leaves_the_others(
    open_train_page: OpenPage, store: Store
) -> None:
    other = store.create_run(RunConfig.create().to_dict())
    run_id = store.create_run(RunConfig.create().to_dict())
    page = open_train_page(run=run_id)

    button(page, "Stop").click().run()

    assert not page.exception
    assert store.run(run_id).state == "stopped"
    assert store.run(other).state == "queued"
    assert button(page.run(), "Stop").disabled


def test_stop_tells_the_writer_of_a_training_run(open_train_page: OpenPage, store: Store) -> None:
    claim = store.open_run(RunConfig.create().to_dict(), worker="a worker", origin="dashboard")
    run_id = claim.run_id
    store.write(claim, state="training")
    page = open_train_page(run=run_id)

    button(page, "Stop").click().run()

    assert store.take_commands(run_id) == [Command("stop")]


def test_a_run_that_is_over_cannot_be_stopped(open_train_page: OpenPage, store: Store) -> None:
    page = open_train_page(run=trained(store, RunConfig.create().to_dict()))

    assert button(page, "Stop").disabled


def test_a_run_has_a_chart_for_its_loss_and_for_each_metric(
    open_train_page: OpenPage, store: Store
) -> None:
    config = RunConfig.create("breast_cancer", metrics=("precision", "auc"))

    page = open_train_page(run=store.create_run(config.to_dict()))

    assert [chart["id"] for chart in component(page, "charts")["charts"]] == [
        "loss",
        "precision",
        "auc",
    ]


def test_a_run_without_validation_has_no_validation_curve(
    open_train_page: OpenPage, store: Store
) -> None:
    config = RunConfig.create("iris", validation_split=0.0)

    page = open_train_page(run=store.create_run(config.to_dict()))

    for chart in component(page, "charts")["charts"]:
        assert not any("val_" in binding.get("series", "") for binding in chart["bindings"])


def test_an_unknown_run_gives_a_sentence_and_the_data(open_train_page: OpenPage) -> None:
    for run_id in ("nosuchrun", "../../etc/passwd", "<script>", ""):
        page = open_train_page(run=run_id)

        assert not page.exception
        assert "There is no such run here." in page.warning[0].value
        assert page.title[0].value == "Handwritten digits"


def test_start_leads_away_from_an_unknown_run(open_train_page: OpenPage, store: Store) -> None:
    page = open_train_page(run="nosuchrun")

    button(page, "Start training").click().run()

    assert not page.warning
    assert component(page, "header")["run_id"] == store.runs()[0].run_id


def test_somebody_s_own_fit_is_shown_with_the_series_it_has(
    open_train_page: OpenPage, store: Store
) -> None:
    run_id = trained(store, {"model": "functional_1", "epochs": 2}, origin="callback")

    page = open_train_page(run=run_id)

    assert not page.exception
    assert component(page, "header")["run"]["state"] == "finished"
    assert [chart["id"] for chart in component(page, "charts")["charts"]] == ["loss", "accuracy"]
    assert not page.main.expander


def test_a_fit_that_validates_every_second_epoch_keeps_its_validation_curve(
    open_train_page: OpenPage, store: Store
) -> None:
    claim = store.open_run(
        {"model": "functional_1", "epochs": 3}, worker="a script", origin="callback"
    )
    logs = [{"loss": 3.0}, {"loss": 2.0, "val_loss": 4.0}, {"loss": 1.0}]
    records = [Record(kind="epoch", epoch=epoch, data=data) for epoch, data in enumerate(logs)]
    store.write(claim, first_seq=1, records=records, epoch=3)

    (chart,) = component(open_train_page(run=claim.run_id), "charts")["charts"]

    assert {"loss", "val_loss"} <= {binding.get("series") for binding in chart["bindings"]}


@pytest.mark.parametrize(
    "config", [{"dataset": "of another time"}, {"dataset": "digits", "loss": "x"}]
)
def test_a_run_whose_config_nobody_knows_any_more_is_shown_all_the_same(
    config: dict[str, Any], open_train_page: OpenPage, store: Store
) -> None:
    page = open_train_page(run=trained(store, config))

    assert not page.exception
    assert [chart["id"] for chart in component(page, "charts")["charts"]] == ["loss", "accuracy"]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_reaches_no_markdown(
    name: str, open_train_page: OpenPage, store: Store
) -> None:
    page = open_train_page(name=name)
    button(page, "Start training").click().run()

    assert not page.exception
    assert component(page, "header")["run"]["name"] == name
    assert not any(name in text for text in markdown_of(page))


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_that_is_refused_is_repeated_without_its_markup(
    name: str, open_train_page: OpenPage, store: Store
) -> None:
    # A space of no width cannot be printed, so the name is refused and the refusal repeats it.
    page = open_train_page(name=name + "\u200b")
    button(page, "Start training").click().run()

    assert not page.exception
    assert store.runs() == []
    assert page.error[0].value.startswith("name must be")
    assert not any(name in text for text in markdown_of(page))


def markdown_of(page: AppTest) -> list[str]:
    """Return every text on the page that Streamlit takes for Markdown."""
    elements = [*page.markdown, *page.caption, *page.title, *page.header]
    messages = [*page.error, *page.info, *page.warning, *page.success]
    labels = [button.label for button in page.button] + [part.label for part in page.expander]
    return [element.value for element in [*elements, *messages]] + labels


def test_a_run_shows_its_network_and_the_keras_code_of_it(
    open_train_page: OpenPage, store: Store
) -> None:
    config = RunConfig.create("digits", layers="conv(8, 3) flatten", epochs=2)
    page = open_train_page(run=trained(store, config.to_dict()))

    assert not page.exception
    assert [expander.label for expander in page.main.expander] == [
        *("The data", "The network", "The Keras code", "Use it elsewhere"),
    ]
    # A browser loads much to show code: it comes when somebody opens its place.
    assert not page.code
    page.session_state["keras_code"] = True
    assert page.run().code[0].value == keras_code(config).rstrip()
    assert any("2,970 parameters to learn" in html.proto.body for html in page.get("html"))


def test_a_run_s_network_is_offered_with_the_script_that_uses_it(
    open_train_page: OpenPage, store: Store
) -> None:
    config = RunConfig.create("moons", epochs=7)
    run_id = trained(store, config.to_dict())
    page = open_train_page(run=run_id)
    page.session_state["exported_model"] = True
    page.run()
    assert not page.exception
    assert not page.get("download_button")
    assert "no epoch's network was kept" in page.main.caption[-1].value

    files = Checkpoints(run_id)
    for epoch in (2, 6):
        checkpoint = Checkpoint(epoch=epoch, weights=[np.zeros(3)])
        files.save(checkpoint, best=checkpoint if epoch == 2 else None)
    page.run()

    assert not page.exception
    assert "Make the file" in [button.label for button in page.main.button]
    assert not page.get("download_button")
    (epochs,) = page.get("button_group")
    assert [option.content for option in epochs.proto.options] == [
        *("Last epoch (7)", "Best epoch (3)"),
    ]
    assert f"keras.saving.load_model('model_{run_id}.keras')" in page.code[0].value


def test_before_a_run_the_network_is_drawn_unless_it_cannot_be_built(
    open_train_page: OpenPage,
) -> None:
    def is_drawn(page: AppTest) -> bool:
        assert not page.exception
        return any('<ol class="network">' in html.proto.body for html in page.get("html"))

    assert is_drawn(open_train_page())
    assert not is_drawn(open_train_page(layers="max_pool(9)"))
    assert not is_drawn(open_train_page(units="0"))
    assert is_drawn(open_train_page(epochs="0"))


# -- files that people bring -------------------------------------------------------------------


def brought(**choices: Any) -> RunConfig:
    """Return the set-up of a run on an upload with a hostile name."""
    text = "city,size,y\n" + "".join(f"secret{k % 3},{k}.25,{k % 2}\n" for k in range(60))
    upload = uploads.add(
        io.BytesIO(text.encode()), file_name="![](http://example.invalid).csv", owner="me"
    )
    return RunConfig.create(upload.name, target="y", **choices)


def test_a_run_on_an_upload_shows_none_of_its_rows(open_train_page: OpenPage, store: Store) -> None:
    config = brought(leak="duplicated_rows")
    page = open_train_page(run=trained(store, config.to_dict()))
    page.session_state["keras_code"] = True
    page.session_state["exported_model"] = True
    page.run()

    assert not page.exception
    assert [info.value for info in page.info] == [
        ROWS_NOT_SHOWN,
        "A network that learnt from an uploaded file is handed only to whoever brought it.",
    ]
    assert len(page.dataframe) == 0
    assert [one.proto.label for one in page.get("download_button")] == ["Download the script"]
    assert not any("secret" in text or "![](" in text for text in markdown_of(page))
    assert page.code[0].value == keras_code(config).rstrip()
    assert component(page, "charts")["charts"]


def test_the_form_beside_a_run_on_an_upload_can_start_another_one(
    open_train_page: OpenPage, store: Store
) -> None:
    run_id = trained(store, brought(loss="mean_squared_error", epochs=7).to_dict())
    page = open_train_page(run=run_id)
    assert page.selectbox(key="dataset").value == "digits"

    button(page, "Start training").click().run()

    assert not page.exception
    newest = store.runs()[0]
    assert (newest.run_id == run_id, newest.config["dataset"]) == (False, "digits")


def test_the_address_of_a_run_on_an_upload_opens_it(
    open_train_page: OpenPage, store: Store
) -> None:
    config = brought(loss="mean_squared_error", task="binary")
    run_id = trained(store, config.to_dict())
    address = parse_qs(urlsplit(form_link(config, run=run_id)).query)

    page = open_train_page(**{name: value[0] for name, value in address.items()})

    assert not page.exception
    assert component(page, "header")["run"]["run_id"] == run_id
    assert page.selectbox(key="dataset").value == "digits"


def test_one_press_starts_the_overfitting_demonstration_and_shows_it(
    open_train_page: OpenPage, store: Store
) -> None:
    page = open_train_page()

    button(page, "Watch a network overfit").click().run()

    assert not page.exception
    (run,) = store.runs()
    assert run.config == OVERFITTING.config(0).to_dict()
    assert run.speed == 10
    assert page.query_params["run"] == run.run_id
    assert component(page, "charts")["run_id"] == run.run_id
