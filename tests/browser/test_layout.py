"""The page on a phone and in the dark."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from pages.figures.theme import CLASS_PALETTES, PALETTES
from tests.browser.conftest import NewViewer
from tests.browser.program import Program
from tests.browser.viewer import Viewer

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_a_phone_shows_everything_without_scrolling_sideways(
    program: Program, new_viewer: NewViewer
) -> None:
    phone = new_viewer(program, **PHONE)
    phone.open("/data", dataset="iris", epochs=5)
    expect(phone.page.get_by_role("heading", name="Split")).to_be_visible()
    assert not phone.scrolls_sideways()
    phone.open(dataset="iris", epochs=5)
    assert not phone.scrolls_sideways()
    phone.page.get_by_test_id("stExpandSidebarButton").click()
    expect(phone.start_button).to_be_in_viewport(ratio=1)
    phone.press_start()

    phone.expect_state("Finished")
    expect(phone.page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")
    expect(phone.page.get_by_test_id("run-state")).to_be_in_viewport()
    for name in ("loss", "accuracy"):
        phone.expect_points(5, name)
        box = phone.chart(name).bounding_box()
        assert box and 300 < box["width"] <= 390
    assert not phone.scrolls_sideways()


def test_a_phone_finds_its_way_from_the_runs_back_to_the_form(
    program: Program, new_viewer: NewViewer
) -> None:
    phone = new_viewer(program, **PHONE)
    phone.open("/runs")
    assert not phone.scrolls_sideways()

    phone.page.get_by_test_id("stExpandSidebarButton").click()
    phone.page.get_by_role("link", name="Train").click()

    expect(phone.page.get_by_role("heading", name="Handwritten digits")).to_be_visible()


def test_on_a_phone_the_names_of_ten_classes_stand_upright(
    program: Program, new_viewer: NewViewer
) -> None:
    phone = new_viewer(program, **PHONE)

    phone.open("/data", dataset="digits")

    drawing = phone.page.get_by_role("img", name="How often each digit is there")
    names = drawing.locator(".xtick text")
    expect(names).to_have_count(10)
    for turned in names.evaluate_all("nodes => nodes.map(node => node.getAttribute('transform'))"):
        assert turned is None or "rotate(90" not in turned


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_charts_take_the_colours_of_the_page_s_theme(
    mode: str, program: Program, new_viewer: NewViewer
) -> None:
    viewer = new_viewer(program, color_scheme=mode)
    viewer.start(dataset="iris", epochs=3)
    viewer.expect_points(3)

    colours = viewer.chart("loss").evaluate(
        "node => Object.fromEntries(node.data.filter(trace => trace.line)"
        ".map(trace => [trace.meta.role, trace.line.color]))"
    )
    assert colours["training"] == PALETTES[mode]["training"]
    assert colours["validation"] == PALETTES[mode]["validation"]
    ground = viewer.chart("loss").evaluate("node => node._fullLayout.paper_bgcolor")
    page_ground = viewer.page.get_by_test_id("stApp").evaluate(
        "node => getComputedStyle(node).backgroundColor"
    )
    assert ground == page_ground
    assert is_dark(ground) == (mode == "dark")

    viewer.open("/data", dataset="iris")
    drawing = viewer.page.get_by_role("img", name="Distribution of sepal length (cm)")
    expect(drawing.locator(".xtitle")).to_have_text("sepal length (cm)")
    colours = drawing.evaluate("node => node.data.map(trace => trace.line.color)")
    assert tuple(colours) == CLASS_PALETTES[mode][:3]
    split = viewer.page.get_by_role("img", name="Rows to train on, to validate on and to test on")
    written = split.locator(".bartext").first.evaluate("node => getComputedStyle(node).fill")
    assert written == page_ground


def test_start_stays_in_sight_on_a_low_screen(program: Program, new_viewer: NewViewer) -> None:
    viewer = new_viewer(program, viewport={"width": 1280, "height": 600})

    viewer.open(dataset="moons")

    expect(viewer.start_button).to_be_in_viewport(ratio=1)
    viewer.page.get_by_role("spinbutton", name="Seed").scroll_into_view_if_needed()
    expect(viewer.start_button).to_be_in_viewport(ratio=1)


def is_dark(colour: str) -> bool:
    return sum(int(channel) for channel in re.findall(r"\d+", colour)[:3]) < 3 * 128


def test_the_charts_stand_side_by_side_where_there_is_room(viewer: Viewer) -> None:
    viewer.start(dataset="iris", epochs=2)
    viewer.expect_points(2, "accuracy")

    loss, accuracy = (viewer.chart(name).bounding_box() for name in ("loss", "accuracy"))

    assert loss and accuracy
    assert loss["y"] == accuracy["y"]
    assert loss["x"] + loss["width"] <= accuracy["x"]
