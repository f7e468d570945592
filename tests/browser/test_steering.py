"""Steering a training from its page, with the mouse and the keyboard, on a desk and a phone."""

from __future__ import annotations

import re
from itertools import pairwise

from playwright.sync_api import expect

from tests.browser.conftest import NewViewer
from tests.browser.program import Program
from tests.browser.viewer import Viewer
from tests.waiting import wait_until

LONG = {"dataset": "iris", "units": 8, "epochs": 100_000}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
CONTROLS = ("Pause", "One epoch", "One step", "Speed", "Learning rate", "Stop")
_MARKS = (
    "node => node.layout.shapes.filter(shape => shape.name === 'mark')"
    ".map(shape => [shape.x0, shape.label.text])"
)


def test_a_training_is_paused_seen_after_a_reload_stepped_and_goes_on(
    viewer: Viewer, new_viewer: NewViewer, program: Program
) -> None:
    run_id = viewer.start(**LONG)
    program.slow_down(run_id)
    page = viewer.page
    viewer.expect_points(2)
    page.get_by_role("button", name="Pause", exact=True).click()
    viewer.expect_state("Paused")
    page.reload()
    viewer.expect_state("Paused")
    other = new_viewer(program)
    other.open(run=run_id)
    other.expect_state("Paused")

    held = program.store.run(run_id)
    # By keyboard alone: the button next to the one that has the focus.
    page.get_by_role("button", name="Resume", exact=True).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # One epoch
    wait_until(lambda: program.store.run(run_id).epoch == held.epoch + 1, "an epoch is done")
    viewer.expect_points(held.epoch + 1)
    viewer.expect_state("Paused")
    page.get_by_role("button", name="One step", exact=True).click()
    wait_until(lambda: program.store.run(run_id).step == 1, "a step is done")
    assert program.store.run(run_id).epoch == held.epoch + 1

    page.get_by_role("button", name="Resume", exact=True).click()
    viewer.expect_state("Training")
    other.expect_points(held.epoch + 5)
    page.get_by_role("button", name="Pause", exact=True).click()
    viewer.expect_state("Paused")
    # The row of controls has another button now, and Stop another place.
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
    viewer.wait_for_rest()
    viewer.stop_button.click()
    viewer.expect_state("Stopped")


def test_another_learning_rate_is_marked_on_every_chart_for_everybody(
    viewer: Viewer, new_viewer: NewViewer, program: Program
) -> None:
    run_id = viewer.start(**LONG)
    program.slow_down(run_id)
    page = viewer.page
    viewer.expect_points(2)
    page.get_by_role("button", name="Learning rate", exact=True).click()
    field = page.get_by_role("textbox", name="Go on with the learning rate")
    expect(field).to_have_value("0.01")
    field.fill("5e-5")
    page.get_by_role("button", name="Set", exact=True).click()
    wait_until(lambda: program.store.run(run_id).learning_rate == 5e-5, "it is changed")
    (record,) = program.store.learning_rates(run_id)
    steps = program.store.run(run_id).steps_per_epoch
    assert steps is not None
    mark = [record.epoch + record.step / steps, "learning rate 0.00005"]
    somebody_else = new_viewer(program)
    somebody_else.open(run=run_id)
    for one in (viewer, somebody_else):
        one.expect_points(record.epoch + 1)
        for chart in ("loss", "accuracy"):
            assert one.chart(chart).evaluate(_MARKS) == [mark]


def test_on_a_phone_all_controls_stand_in_one_row_and_have_names(
    program: Program, new_viewer: NewViewer
) -> None:
    phone = new_viewer(program, **PHONE)
    phone.open(**LONG)
    phone.page.get_by_test_id("stExpandSidebarButton").click()
    phone.press_start()
    phone.expect_state("Training")
    for name in CONTROLS:
        control = phone.page.get_by_role("button", name=name, exact=True)
        expect(control).to_be_in_viewport(ratio=1)
    # All at one moment: what stands above them may grow by a line when the training begins.
    boxes = phone.page.locator(".st-key-steering button").evaluate_all(
        "nodes => nodes.map(node => node.getBoundingClientRect().toJSON())"
    )
    assert len(boxes) == len(CONTROLS)
    assert len({round(box["top"]) for box in boxes}) == 1
    assert all(one["right"] <= next["left"] for one, next in pairwise(boxes))
    assert not phone.scrolls_sideways()


def test_a_stopped_run_is_resumed_extended_and_forked_beside_its_parent(
    viewer: Viewer, program: Program
) -> None:
    run_id = viewer.start(dataset="digits", batch_size=1, epochs=120)
    page = viewer.page
    program.slow_down(run_id, 20)
    viewer.expect_points(3)
    viewer.stop_button.click()
    viewer.expect_state("Stopped")
    done = program.store.run(run_id).epoch

    page.get_by_role("button", name="Resume", exact=True).click()
    viewer.expect_state("Finished")
    viewer.expect_points(120)
    assert viewer.curve("loss", "training")[0] == list(range(1, 121))
    assert done < 120

    page.get_by_role("button", name="More epochs", exact=True).click()
    field = page.get_by_role("spinbutton", name="Epochs more")
    field.fill("5")
    field.press("Tab")
    page.get_by_role("button", name="Train on", exact=True).click()
    viewer.expect_points(125)
    viewer.expect_state("Finished")

    page.get_by_role("button", name="Fork", exact=True).click()
    value = page.get_by_role("textbox", name="instead of 0.001")
    value.fill("0.002")
    value.press("Enter")
    page.get_by_role("button", name="Start the fork", exact=True).click()
    page.wait_for_function("run => new URL(location).searchParams.get('run') !== run", arg=run_id)
    forked = program.store.runs()[0]
    assert forked.parent is not None and forked.parent.run_id == run_id
    own = list(range(126, 251))
    wait_until(lambda: viewer.curve("loss", "training")[0] == own, "the fork's curve is whole")
    viewer.expect_state("Finished")
    assert viewer.curve("loss", "parent")[0] == list(range(1, 126))
    assert viewer.chart("loss").evaluate(_MARKS) == [[125, "learning rate 0.002"]]
    expect(page.get_by_text(re.compile("^Forked from"))).to_contain_text("after epoch 125")
