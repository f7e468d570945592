"""The form in Chromium: bad values, links, hostile names, and no mouse."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.program import Program
from tests.browser.viewer import Viewer
from trainer.config import RunConfig
from trainer.runs import Record

HOSTILE = '<img src=x onerror="window.attacked=1">'


def test_zero_epochs_are_refused_beside_the_field_and_nothing_starts(
    viewer: Viewer, program: Program
) -> None:
    before = len(program.store.runs())
    viewer.open(dataset="iris")
    field = viewer.page.get_by_role("spinbutton", name="Epochs")
    field.fill("0")
    field.press("Tab")

    sidebar = viewer.page.get_by_test_id("stSidebarContent")
    sentence = sidebar.get_by_text("epochs must be a positive integer. Got 0.")
    expect(sentence).to_have_count(1)
    field_box, sentence_box = field.bounding_box(), sentence.bounding_box()
    assert field_box and sentence_box
    gap = sentence_box["y"] - (field_box["y"] + field_box["height"])
    assert 0 <= gap < field_box["height"]

    viewer.start_button.click()
    expect(sentence).to_have_count(2)
    viewer.wait_for_rest()
    assert viewer.run_id is None
    assert len(program.store.runs()) == before


def test_a_link_with_the_whole_set_up_fills_somebody_else_s_form(
    viewer: Viewer, program: Program
) -> None:
    choices = {
        "dataset": "moons",
        "noise": 0.3,
        "num_samples": 300,
        "label_noise": 0.05,
        "imbalance": 0.7,
        "leak": "duplicated_rows",
        "test_split": 0.1,
        "validation_split": 0.25,
        "activation": "tanh",
        "loss": "mean_squared_error",
        "metrics": ["auc", "recall"],
        "optimizer": "sgd",
        "learning_rate": 0.05,
        "epochs": 4,
        "batch_size": 64,
        "seed": 5,
        "name": "from a link",
        "layers": "dense(16, elu)\ndropout(0.25)",
        "class_weight": "1:7.5",
        "schedule": "step",
        "decay_epochs": 2,
        "early_stopping": "val_auc",
        "direction": "min",
        "restore_best": "false",
    }

    run_id = viewer.start(**choices)

    config = program.get(f"/api/runs/{run_id}")["config"]
    chosen = {**choices, "layers": "dense(16, elu) dropout(0.25)", "restore_best": False}
    assert {name: config[name] for name in chosen} == chosen
    viewer.expect_state("Finished")
    expect(viewer.page.get_by_test_id("run-name")).to_have_text("from a link")


def test_what_is_chosen_in_the_form_is_in_the_address(viewer: Viewer) -> None:
    viewer.open()
    page = viewer.page

    page.get_by_role("combobox", name="Dataset").click()
    page.get_by_role("option", name="moons", exact=True).click()
    expect(page.get_by_role("heading", name="Two moons")).to_be_visible()
    field = page.get_by_role("spinbutton", name="Epochs")
    field.fill("7")
    field.press("Tab")
    page.wait_for_url("**/?dataset=moons&epochs=7")

    page.reload()
    expect(page.get_by_role("heading", name="Two moons")).to_be_visible()
    expect(field).to_have_value("7")


def test_layers_are_built_drawn_and_handed_out_as_keras_code(viewer: Viewer) -> None:
    viewer.open(dataset="digits")
    page = viewer.page
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="Own layers", exact=True).click()
    layers = page.get_by_role("textbox", name="Layers")
    expect(layers).to_have_value("flatten\ndense(64)")
    viewer.wait_for_rest()  # a page that is still being drawn closes what is opened in it
    page.get_by_role("combobox", name="Add a layer").click()
    page.get_by_role("option", name="conv(32, 3)", exact=True).click()
    expect(layers).to_have_value("conv(32, 3)\nflatten\ndense(64)")
    expect(page.locator(".layer-shapes li")).to_have_text(["6 × 6 × 32", "1,152", "64"])
    # Each shape stands beside its line.
    box, shapes = layers.bounding_box(), page.locator(".layer-shapes").bounding_box()
    assert box and shapes
    assert box["y"] < shapes["y"] and shapes["y"] + shapes["height"] < box["y"] + box["height"]
    expect(page.locator(".network li")).to_have_count(5)
    field = page.get_by_role("spinbutton", name="Epochs")
    field.fill("2")
    field.press("Tab")

    viewer.press_start()

    viewer.expect_state("Finished")
    page.get_by_text("The network", exact=True).click()
    expect(page.get_by_text("74,762 parameters to learn")).to_be_visible()
    page.get_by_text("The Keras code", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the script").click()
    script = download.value.path().read_text(encoding="utf-8")
    assert "keras.layers.Conv2D(32, 3," in script
    compile(script, "script", "exec")


def test_markup_in_a_run_s_name_is_shown_as_text(viewer: Viewer) -> None:
    viewer.start(dataset="iris", epochs=2, name=HOSTILE)

    viewer.expect_state("Finished")
    expect(viewer.page.get_by_test_id("run-name")).to_have_text(HOSTILE)
    assert not viewer.has_been_attacked()

    viewer.open("/runs")
    expect(viewer.cell(HOSTILE)).to_be_attached()
    assert not viewer.has_been_attacked()


def test_markup_in_the_names_of_somebody_s_own_fit_is_shown_as_text(
    viewer: Viewer, program: Program
) -> None:
    markdown = "![](http://example.invalid/x.png)"
    claim = program.store.open_run(
        {"model": HOSTILE}, worker="a script", origin="callback", name=markdown
    )
    records = [
        Record(kind="epoch", epoch=epoch, data={"loss": 1.0, HOSTILE: 0.5, markdown: 0.25})
        for epoch in range(2)
    ]
    program.store.write(
        claim, first_seq=1, records=records, epoch=2, state="failed", message=HOSTILE
    )

    viewer.open(run=claim.run_id)

    viewer.expect_state("Failed")
    expect(viewer.page.get_by_test_id("run-name")).to_have_text(markdown)
    expect(viewer.page.get_by_test_id("run-message")).to_have_text(HOSTILE)
    for name in (HOSTILE, markdown):
        expect(viewer.page.get_by_role("heading", name=name, level=3)).to_be_visible()
    viewer.expect_points(2)
    viewer.chart("loss").hover()
    assert not viewer.has_been_attacked()


def test_a_run_can_be_started_without_a_mouse(viewer: Viewer, program: Program) -> None:
    viewer.open(dataset="iris", epochs=3)

    for _ in range(80):
        viewer.page.keyboard.press("Tab")
        if viewer.start_button.evaluate("button => button === document.activeElement"):
            break
    expect(viewer.start_button).to_be_focused()
    viewer.page.keyboard.press("Enter")

    viewer.expect_state("Finished")
    assert viewer.run_id == program.store.runs()[0].run_id


def test_the_run_and_the_form_stay_while_one_looks_at_other_pages(
    viewer: Viewer, program: Program
) -> None:
    run_id = viewer.start(dataset="moons", epochs=2, units=16)
    viewer.expect_state("Finished")
    page = viewer.page
    for name in ("Runs", "Train", "Evaluate", "Train"):
        page.get_by_role("link", name=name, exact=True).click()
        viewer.wait_for_rest()

    expect(page.get_by_test_id("run-name")).to_have_text(program.store.run(run_id).name)
    assert viewer.run_id == run_id
    expect(page.get_by_role("spinbutton", name="Units")).to_have_value("16")
    expect(page.get_by_role("spinbutton", name="Epochs")).to_have_value("2")
    page.get_by_role("button", name="Show the data instead").click()
    expect(page.get_by_role("heading", name="Two moons")).to_be_visible()
    assert viewer.run_id is None


def test_a_run_s_address_alone_fills_the_form_with_its_set_up(
    viewer: Viewer, program: Program
) -> None:
    config = RunConfig.create("moons", epochs=3, units=8, metrics=())
    run_id = program.store.create_run(config.to_dict())
    program.store.stop(run_id)

    viewer.open(run=run_id)

    page = viewer.page
    expect(page.get_by_role("spinbutton", name="Units")).to_have_value("8")
    expect(page.get_by_role("spinbutton", name="Epochs")).to_have_value("3")
    again = viewer.press_start()
    viewer.expect_state("Finished")
    assert program.store.run(again).config == config.to_dict()
