"""The form in Chromium: bad values, links, hostile names, and no mouse."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.program import Program
from tests.browser.viewer import Viewer
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
        "test_split": 0.1,
        "validation_split": 0.25,
        "hidden_layers": 2,
        "units": 16,
        "activation": "tanh",
        "dropout": 0.1,
        "loss": "mean_squared_error",
        "metrics": ["auc", "recall"],
        "optimizer": "sgd",
        "learning_rate": 0.05,
        "epochs": 4,
        "batch_size": 64,
        "seed": 5,
        "name": "from a link",
    }

    run_id = viewer.start(**choices)

    assert program.get(f"/api/runs/{run_id}")["config"] == choices
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
    run_id = program.store.create_run({"model": HOSTILE}, name=markdown, origin="callback")
    claim = program.store.claim(run_id, "a script")
    records = [
        Record(kind="epoch", epoch=epoch, data={"loss": 1.0, HOSTILE: 0.5, markdown: 0.25})
        for epoch in range(2)
    ]
    program.store.write(
        claim, first_seq=1, records=records, epoch=2, state="failed", message=HOSTILE
    )

    viewer.open(run=run_id)

    viewer.expect_state("Failed")
    expect(viewer.page.get_by_test_id("run-name")).to_have_text(markdown)
    expect(viewer.page.get_by_test_id("run-message")).to_have_text(HOSTILE)
    for name in (HOSTILE, markdown):
        expect(viewer.page.get_by_role("heading", name=name)).to_be_visible()
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
