"""The form: what it offers, what it refuses, and how a link fills it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from pages.forms import escaped, form_link
from trainer.config import RunConfig, config_of, defaults_for
from trainer.datasets import DATASETS
from trainer.losses import LOSSES
from trainer.metrics import METRICS
from trainer.store import Store

OpenPage = Callable[..., AppTest]

CONTRACT_LABELS = {"Dataset", "Loss", "Metrics", "Epochs", "Batch size"}


# What is shown only where something else is chosen.
OF_OTHERS = {
    *("layers", "noise", "decay_rate", "decay_epochs"),
    *("patience", "min_delta", "direction", "restore_best"),
}


def fields(page: AppTest) -> dict[str, Any]:
    """Return the form's widgets by key, save the one that only names what others make."""
    widgets = [
        *(*page.selectbox, *page.multiselect, *page.number_input),
        *(*page.text_input, *page.text_area, *page.toggle),
    ]
    return {widget.key: widget for widget in widgets if widget.key not in ("model", "added_layer")}


def shown(key: str, value: Any) -> Any:
    """Return a field's value as its widget has it: a layer a line."""
    return value.replace(" ", "\n") if key == "layers" else value


def said_beside_fields(page: AppTest) -> list[str]:
    return [caption.value for caption in page.caption if ":material/error:" in caption.value]


@pytest.mark.parametrize("dataset", DATASETS)
def test_only_what_fits_the_dataset_is_offered_and_nothing_need_be_touched(
    dataset: str, open_train_page: OpenPage
) -> None:
    page = open_train_page(dataset=dataset)

    assert not page.exception
    task = DATASETS[dataset].task
    form = fields(page)
    assert form["loss"].options == [loss.name for loss in LOSSES.values() if task in loss.tasks]
    assert form["metrics"].options == [
        metric.name
        for metric in METRICS.values()
        if task in metric.tasks
        and (metric.name != "top_3_accuracy" or dataset not in ("iris", "wine"))
        and (metric.name != "area_under_line" or dataset in ("line", "four_points"))
    ]
    defaults = defaults_for(dataset)
    assert {
        key: tuple(field.value) if key == "metrics" else field.value for key, field in form.items()
    } == {key: shown(key, defaults[key]) for key in form}
    assert ("noise" in form) == (dataset not in ("imdb", "imdb_words"))
    assert "num_samples" in form
    assert {"label_noise", "imbalance", "leak"} & set(form) == (
        set() if task == "regression" else {"label_noise", "imbalance", "leak"}
    )
    assert not said_beside_fields(page)


def test_every_field_has_its_label_and_a_line_of_help(open_train_page: OpenPage) -> None:
    page = open_train_page(
        dataset="moons", layers="dense(3)", schedule="step", early_stopping="loss"
    )
    form = fields(page)

    hidden = {"hidden_layers", "units", "dropout", "target", "task"}
    assert set(form) == set(defaults_for("moons")) - hidden
    form |= fields(open_train_page(dataset="moons"))
    # The form does not offer uploads, whose target and task these are.
    assert set(form) == set(defaults_for("moons")) - {"target", "task"}
    form["model"] = page.selectbox(key="model")
    assert {field.label for field in form.values()} >= CONTRACT_LABELS
    for key, field in form.items():
        assert field.label, key
        assert field.help, key


def test_the_help_of_loss_and_metrics_explains_each_one_that_is_offered(
    open_train_page: OpenPage,
) -> None:
    form = fields(open_train_page(dataset="breast_cancer"))

    for name in form["loss"].options:
        assert LOSSES[name].help in form["loss"].help
    for name in form["metrics"].options:
        assert METRICS[name].help in form["metrics"].help


def test_another_dataset_brings_its_own_defaults_and_keeps_seed_and_name(
    open_train_page: OpenPage,
) -> None:
    page = open_train_page()
    form = fields(page)
    form["loss"].select("mean_squared_error")
    form["metrics"].set_value(["accuracy", "top_3_accuracy"])
    form["epochs"].set_value(3)
    form["seed"].set_value(7)
    form["name"].set_value("mine")
    page.run()

    page.selectbox(key="dataset").select("line").run()

    assert not page.exception
    form = fields(page)
    defaults = defaults_for("line")
    assert form["loss"].value == defaults["loss"]
    assert tuple(form["metrics"].value) == defaults["metrics"]
    assert form["epochs"].value == defaults["epochs"]
    assert form["hidden_layers"].value == 0
    assert form["noise"].value == defaults["noise"]
    assert form["seed"].value == 7
    assert form["name"].value == "mine"
    assert not said_beside_fields(page)


@pytest.mark.parametrize(
    ("parameter", "value", "sentence"),
    [
        ("epochs", 0, "epochs must be a positive integer. Got 0."),
        ("epochs", -1, "epochs must be a positive integer. Got -1."),
        ("epochs", 10**9, "epochs must be at most 100,000. Got 1000000000."),
        ("batch_size", 0, "batch_size must be a positive integer. Got 0."),
        (
            "batch_size",
            321,
            "batch_size must be at most the number of training rows, 256. Got 321.",
        ),
        ("learning_rate", 0.0, "learning_rate must be a positive number. Got 0.0."),
        ("learning_rate", -0.1, "learning_rate must be a positive number. Got -0.1."),
        ("validation_split", 0.95, "validation_split must be a number from 0 to 0.9. Got 0.95."),
        ("dropout", 1.0, "dropout must be a number from 0 to less than 1. Got 1.0."),
        ("hidden_layers", 11, "hidden_layers must be an integer from 0 to 10. Got 11."),
        ("units", 0, "units must be an integer from 1 to 4096. Got 0."),
        ("seed", -1, "seed must be an integer from 0 to 2147483647. Got -1."),
        ("noise", -0.5, "noise must be a number from 0 to 2. Got -0.5."),
        (
            "num_samples",
            5,
            "num_samples must be 0 (all) or an integer from 10 to 20000. Got 5.",
        ),
        ("label_noise", 0.6, "label_noise must be a number from 0 to 0.5. Got 0.6."),
        (
            "imbalance",
            1.0,
            "imbalance must be 0 (as it is) or a number from 0.5 to 0.99. Got 1.0.",
        ),
    ],
)
def test_a_bad_value_is_refused_beside_its_field_and_starts_nothing(
    parameter: str, value: float, sentence: str, open_train_page: OpenPage, store: Store
) -> None:
    page = open_train_page(dataset="moons")
    page.number_input(key=parameter).set_value(value).run()

    assert not page.exception
    (said,) = said_beside_fields(page)
    assert escaped(sentence) in said

    start_button(page).click().run()
    assert not page.exception
    assert [error.value for error in page.error] == [escaped(sentence)]
    assert store.runs() == []
    assert "run" not in page.query_params


def test_the_batch_is_measured_against_the_rows_that_bending_leaves(
    open_train_page: OpenPage,
) -> None:
    page = open_train_page(dataset="moons", num_samples="40")
    (said,) = said_beside_fields(page)
    sentence = "batch_size must be at most the number of training rows, 26. Got 32."
    assert escaped(sentence) in said

    page.selectbox(key="leak").select("duplicated_rows").run()
    assert not said_beside_fields(page)


def test_a_step_up_from_0_is_the_lowest_imbalance_and_a_step_down_from_there_is_0(
    open_train_page: OpenPage,
) -> None:
    page = open_train_page(dataset="moons")
    page.number_input(key="imbalance").increment().run()
    assert page.number_input(key="imbalance").value == 0.5
    page.number_input(key="imbalance").increment().run()
    assert page.number_input(key="imbalance").value == pytest.approx(0.55)
    page.number_input(key="imbalance").set_value(0.5).run()
    page.number_input(key="imbalance").decrement().run()
    assert page.number_input(key="imbalance").value == 0.0
    assert not said_beside_fields(page)


@pytest.mark.parametrize(("query", "is_open"), [({}, False), ({"label_noise": "0.1"}, True)])
def test_what_bends_the_data_lies_folded_up_unless_a_link_bends_them(
    query: dict[str, str], is_open: bool, open_train_page: OpenPage
) -> None:
    page = open_train_page(dataset="moons", **query)
    (expander,) = [one for one in page.sidebar.expander if one.label == "Bend the data"]
    assert expander.proto.expanded is is_open
    inside = {widget.key for widget in (*expander.number_input, *expander.selectbox)}
    assert inside == {"num_samples", "noise", "label_noise", "imbalance", "leak"}


def test_another_dataset_is_not_bent_any_more(open_train_page: OpenPage) -> None:
    page = open_train_page(
        dataset="moons", num_samples="100", label_noise="0.2", imbalance="0.6", leak="scaling"
    )
    page.selectbox(key="dataset").select("digits").run()

    assert not page.exception
    form = fields(page)
    bends = ("num_samples", "noise", "label_noise", "imbalance", "leak")
    assert [form[key].value for key in bends] == [0, 0.0, 0.0, 0.0, "none"]
    assert form["leak"].options == ["none", "duplicated_rows"]


def test_each_problem_stands_right_below_its_own_field(open_train_page: OpenPage) -> None:
    page = open_train_page(epochs="0", units="0")

    in_order = [element for element in page.sidebar if element.type != "unknown"]
    places = {getattr(element, "key", None): place for place, element in enumerate(in_order)}
    for parameter in ("epochs", "units"):
        below = in_order[places[parameter] + 1]
        assert below.type == "caption"
        assert escaped(f"{parameter} must be") in below.value


def test_a_corrected_value_takes_its_problem_away(open_train_page: OpenPage) -> None:
    page = open_train_page(epochs="0")
    assert said_beside_fields(page)

    page.number_input(key="epochs").set_value(3).run()

    assert not said_beside_fields(page)


def test_a_link_fills_the_whole_form(open_train_page: OpenPage) -> None:
    config = RunConfig.create(
        "moons",
        noise=0.3,
        num_samples=300,
        label_noise=0.05,
        imbalance=0.7,
        leak="duplicated_rows",
        hidden_layers=2,
        units=16,
        activation="tanh",
        dropout=0.1,
        loss="mean_squared_error",
        metrics=("auc", "recall"),
        optimizer="sgd",
        learning_rate=0.05,
        epochs=7,
        batch_size=16,
        validation_split=0.3,
        seed=5,
        name="Réseau nº 1",
        initializer="he_normal",
        l1=0.01,
        l2=0.02,
        class_weight="1:7",
        schedule="step",
        decay_rate=0.25,
        decay_epochs=3,
        warmup_epochs=2,
        early_stopping="val_auc",
        patience=4,
        min_delta=0.001,
        direction="min",
        restore_best=False,
    )
    link = parse_qs(urlsplit(form_link(config)).query)

    page = open_train_page(
        **{key: value if len(value) > 1 else value[0] for key, value in link.items()}
    )

    assert not page.exception
    wanted = config.to_dict()
    assert {key: field.value for key, field in fields(page).items()} == {
        key: wanted[key] for key in fields(page)
    }


def test_a_link_with_nonsense_gives_the_defaults_and_no_traceback(
    open_train_page: OpenPage,
) -> None:
    page = open_train_page(
        dataset="no such data", loss="hinge", metrics=["f1"], epochs="many", learning_rate="nan"
    )

    assert not page.exception
    form = fields(page)
    defaults = defaults_for("digits")
    for key in ("loss", "epochs", "learning_rate"):
        assert form[key].value == defaults[key]
    assert form["dataset"].value == "digits"


def test_a_link_with_a_loss_that_does_not_fit_the_data_gives_one_that_does(
    open_train_page: OpenPage,
) -> None:
    page = open_train_page(dataset="diabetes", loss="binary_crossentropy", metrics=["auc"])

    assert not page.exception
    assert fields(page)["loss"].value == "mean_squared_error"
    assert set(fields(page)["metrics"].value) <= set(fields(page)["metrics"].options)


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_link_to_a_config_that_suits_the_dataset_names_the_dataset_alone(dataset: str) -> None:
    assert form_link(RunConfig.create(dataset)) == f"/?dataset={dataset}"


def test_the_link_to_a_config_says_what_differs_and_no_more() -> None:
    config = RunConfig.create("moons", epochs=3, metrics=("auc", "recall"))

    query = parse_qs(urlsplit(form_link(config, run="abc")).query)

    assert query == {
        "dataset": ["moons"],
        "epochs": ["3"],
        "metrics": ["auc", "recall"],
        "run": ["abc"],
    }


def test_the_link_to_a_config_without_metrics_says_so() -> None:
    query = urlsplit(form_link(RunConfig.create("moons", metrics=()))).query

    assert parse_qs(query, keep_blank_values=True) == {"dataset": ["moons"], "metrics": [""]}


def test_a_run_has_the_config_that_the_form_gave_it(store: Store) -> None:
    config = RunConfig.create("moons", epochs=3)

    assert config_of(store.run(store.create_run(config.to_dict()))) == config


@pytest.mark.parametrize(
    "stored",
    [
        {"model": "functional_1", "epochs": 3},
        {"dataset": "of another time"},
        {"dataset": "digits", "loss": "x"},
    ],
    ids=["somebody's own fit()", "an unknown dataset", "an unknown loss"],
)
def test_a_run_that_no_form_describes_has_no_config(stored: dict[str, Any], store: Store) -> None:
    assert config_of(store.run(store.create_run(stored))) is None


@pytest.mark.parametrize(
    "text",
    [
        "![](http://example.invalid/x.png)",
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))",
        ":red[x] `code` **bold** $x^2$",
    ],
)
def test_escaped_text_has_no_mark_that_markdown_obeys(text: str) -> None:
    shown = escaped(text)

    assert shown.replace("\\", "") == text
    for place, sign in enumerate(shown):
        if sign in "![]()<>`*$:":
            assert shown[place - 1] == "\\"


def model_box(page: AppTest) -> Any:
    return page.selectbox(key="model")


def queued(page: AppTest, store: Store) -> RunConfig:
    """Press Start and return what was queued."""
    start_button(page).click().run()
    assert not page.exception
    return RunConfig.from_dict(store.runs()[0].config)


def test_the_model_box_offers_what_fits_the_data(open_train_page: OpenPage) -> None:
    page = open_train_page()
    assert model_box(page).options == [
        *("Small", "Linear", "Large enough to overfit", "Convolutional"),
        *("Dense, own sizes", "Own layers"),
    ]
    assert model_box(page).value == "small"

    page.selectbox(key="dataset").select("moons").run()
    assert "Convolutional" not in model_box(page).options

    page.selectbox(key="dataset").select("imdb_words").run()
    assert model_box(page).options == ["Text", "Own layers"]
    assert model_box(page).value == "text"
    assert fields(page)["layers"].value == "embedding(16)\nglobal_average_pool\ndense(16)"
    assert not page.exception


@pytest.mark.parametrize(
    ("preset", "choices"),
    [
        ("linear", {"hidden_layers": 0}),
        ("large", {"hidden_layers": 3, "units": 512}),
        ("convolutional", {"layers": "conv(32, 3) max_pool(2) flatten dense(64)"}),
        ("own", {"layers": "flatten dense(64)"}),
    ],
)
def test_a_preset_fills_the_fields_that_make_it(
    preset: str, choices: dict[str, Any], open_train_page: OpenPage, store: Store
) -> None:
    page = open_train_page()
    model_box(page).select(preset).run()

    assert model_box(page).value == preset
    assert queued(page, store) == RunConfig.create("digits", **choices)
    model_box(page).select("small").run()
    assert queued(page, store) == RunConfig.create("digits")


def test_the_model_box_says_what_the_fields_have_become(open_train_page: OpenPage) -> None:
    page = open_train_page()
    page.number_input(key="units").set_value(65).run()
    assert model_box(page).value == "dense"
    page.number_input(key="units").set_value(64).run()
    assert model_box(page).value == "dense"  # whoever is there goes on from there
    model_box(page).select("linear").run()
    page.number_input(key="hidden_layers").set_value(1).run()
    assert model_box(page).value == "small"

    model_box(page).select("convolutional").run()
    page.text_area(key="layers").set_value("flatten").run()
    assert model_box(page).value == "own"
    assert not page.exception


@pytest.mark.parametrize(
    ("link", "preset"),
    [
        ({"hidden_layers": "0"}, "linear"),
        ({"units": "3"}, "dense"),
        ({"layers": "flatten"}, "own"),
        ({"layers": "conv(32, 3) max_pool(2) flatten dense(64)"}, "convolutional"),
        ({"layers": "no such layer"}, "own"),
    ],
)
def test_a_link_with_a_network_opens_what_it_is(
    link: dict[str, str], preset: str, open_train_page: OpenPage
) -> None:
    page = open_train_page(**link)
    assert not page.exception
    assert model_box(page).value == preset
    for key, value in link.items():
        assert str(fields(page)[key].value) == value


def test_a_link_to_own_layers_fills_them_line_by_line(
    open_train_page: OpenPage, store: Store
) -> None:
    config = RunConfig.create("digits", layers="conv(8, 3) flatten dropout(0.5)", activation="elu")
    link = parse_qs(urlsplit(form_link(config)).query)
    page = open_train_page(**{key: value[0] for key, value in link.items()})
    assert fields(page)["layers"].value == "conv(8, 3)\nflatten\ndropout(0.5)"
    assert queued(page, store) == config


def test_a_stack_that_does_not_fit_is_refused_beside_it_with_the_layer_named(
    open_train_page: OpenPage, store: Store
) -> None:
    page = open_train_page(layers="conv(8, 3)\nmax_pool(9)\nflatten")
    sentence = (
        "layers must fit the data and each other. Layer 2, max_pool(9): needs at least 9 × 9 "
        "pixels. Got 6 × 6."
    )
    (said,) = said_beside_fields(page)
    assert escaped(sentence) in said
    start_button(page).click().run()
    assert not page.exception
    assert store.runs() == []


def test_a_layer_can_be_added_where_it_fits(open_train_page: OpenPage) -> None:
    page = open_train_page(layers="flatten\ndense(8)")
    page.selectbox(key="added_layer").select("conv").run()
    assert page.text_area(key="layers").value == "conv(32, 3)\nflatten\ndense(8)"
    assert page.selectbox(key="added_layer").value is None
    page.selectbox(key="added_layer").select("dropout").run()
    assert page.text_area(key="layers").value == "conv(32, 3)\nflatten\ndense(8)\ndropout(0.2)"
    assert not page.exception


def test_the_shape_after_each_layer_stands_beside_it(open_train_page: OpenPage) -> None:
    page = open_train_page(layers="conv(8, 3)\nmax_pool(2)\nflatten\ndense(5)")
    bodies = [html.proto.body for html in page.get("html")]
    (shapes,) = [body for body in bodies if '<ol class="layer-shapes">' in body]
    assert [part.split("<")[0] for part in shapes.split("<li>")[1:]] == [
        *("6 × 6 × 8", "3 × 3 × 8", "72", "5"),
    ]


def test_no_own_layers_are_a_linear_model(open_train_page: OpenPage, store: Store) -> None:
    page = open_train_page(layers="flatten")
    page.text_area(key="layers").set_value("").run()
    assert model_box(page).value == "own"
    assert queued(page, store) == RunConfig.create("digits", hidden_layers=0)


def test_what_a_regression_has_no_use_for_is_not_offered(open_train_page: OpenPage) -> None:
    form = fields(open_train_page(dataset="diabetes"))
    assert not {"class_weight", "label_smoothing"} & set(form)
    form = fields(open_train_page(dataset="moons", loss="mean_squared_error"))
    assert "class_weight" in form
    assert "label_smoothing" not in form


def test_only_values_that_are_logged_can_end_a_training(open_train_page: OpenPage) -> None:
    page = open_train_page(dataset="moons")
    stopping = page.selectbox(key="early_stopping")
    assert stopping.options == ["none", "val_loss", "val_accuracy", "loss", "accuracy"]
    stopping.select("val_accuracy").run()
    assert "max for val_accuracy" in page.selectbox(key="direction").help
    page.multiselect(key="metrics").set_value(["auc"]).run()
    assert page.selectbox(key="early_stopping").value == "none"
    page.number_input(key="validation_split").set_value(0.0).run()
    assert page.selectbox(key="early_stopping").options == ["none", "loss", "auc"]
    assert not page.exception


def test_a_value_of_which_neither_direction_is_better_needs_one(open_train_page: OpenPage) -> None:
    page = open_train_page(
        dataset="line", metrics=["area_under_line"], early_stopping="area_under_line"
    )
    (said,) = said_beside_fields(page)
    assert "direction must be min or max" in said
    page.selectbox(key="direction").select("max").run()
    assert not said_beside_fields(page)


def start_button(page: AppTest) -> Any:
    (button,) = [button for button in page.button if button.label == "Start training"]
    return button
