"""The decision boundary in the browser: while it trains, and at two epochs of the time machine."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NewViewer
from tests.browser.program import Program
from tests.browser.viewer import Viewer
from trainer.evaluation.surface import unpack

# What the figure shows: the values below the rows, and the picture of them.
_SURFACE = """node => {
  const trace = node.data?.find(({ meta }) => meta.role === "surface");
  return trace ? { z: trace.z, picture: node.querySelector(".hm image")?.href.baseVal } : null;
}"""


def boundary(viewer: Viewer) -> Locator:
    found = viewer.page.get_by_test_id("boundary")
    found.scroll_into_view_if_needed()
    return found


def wait_for_epoch(viewer: Viewer, condition: str) -> int:
    """Wait until an epoch is drawn of which the condition is true, and return it."""
    node = boundary(viewer)
    viewer.page.wait_for_function(
        f"""() => {{
          const drawn = document.querySelector("[data-testid=boundary]")?.dataset.epoch;
          const epoch = drawn === undefined ? null : Number(drawn);
          return epoch !== null && ({condition});
        }}"""
    )
    return int(node.get_attribute("data-epoch") or -1)


def surface(viewer: Viewer) -> dict[str, Any]:
    shown: dict[str, Any] = boundary(viewer).evaluate(_SURFACE)
    return shown


def test_the_picture_changes_while_it_trains_and_zoom_and_node_stay(
    program: Program, viewer: Viewer
) -> None:
    # A network that learns slowly still changes when a busy machine looks late.
    run_id = viewer.start(dataset="moons", epochs=100_000, optimizer="sgd", learning_rate=0.01)
    program.slow_down(run_id)
    early = wait_for_epoch(viewer, "epoch >= 0")
    before = surface(viewer)
    node = boundary(viewer).element_handle()

    box = boundary(viewer).locator(".nsewdrag").bounding_box()
    assert box
    mouse = viewer.page.mouse
    mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    mouse.down()
    mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.7 * box["height"], steps=8)
    mouse.up()
    zoomed = boundary(viewer).evaluate("node => node._fullLayout.xaxis.range")
    later = wait_for_epoch(viewer, f"epoch > {early + 20}")
    after = surface(viewer)

    assert later > early
    assert after["z"] != before["z"]
    assert after["picture"] != before["picture"]
    assert boundary(viewer).evaluate("(node, old) => node === old", node)
    assert boundary(viewer).evaluate("node => node._fullLayout.xaxis.range") == zoomed
    expect(viewer.page.get_by_test_id("boundary-note")).to_have_text(re.compile(r"after epoch \d+"))
    viewer.stop_button.click()
    viewer.expect_state("Stopped")
    # The last picture is that of the last whole epoch.
    wait_for_epoch(viewer, f"epoch === {program.store.run(run_id).epoch - 1}")


def test_the_time_machine_shows_the_surface_that_the_worker_saw(
    program: Program, viewer: Viewer
) -> None:
    run_id = program.trained("circles", epochs=40)
    kept = program.store.boundaries(run_id, limit=1000)
    assert len(kept) >= 2

    viewer.open("/evaluate", run=run_id)
    wait_for_epoch(viewer, "epoch === 39")
    last = surface(viewer)
    np.testing.assert_allclose(last["z"], unpack(kept[-1].surface), atol=1e-9)
    viewer.page.get_by_test_id("epoch-slider").press("Home")
    wait_for_epoch(viewer, f"epoch === {kept[0].epoch}")
    first = surface(viewer)
    np.testing.assert_allclose(first["z"], unpack(kept[0].surface), atol=1e-9)
    assert first["picture"] != last["picture"]

    viewer.page.get_by_test_id("live").click()
    wait_for_epoch(viewer, "epoch === 39")
    assert surface(viewer)["picture"] == last["picture"]


def test_the_rows_are_told_apart_by_colour_shape_and_filling(
    program: Program, viewer: Viewer
) -> None:
    viewer.open(run=program.trained("xor", epochs=3))
    wait_for_epoch(viewer, "epoch === 2")
    points = boundary(viewer).locator(".scatterlayer .trace")
    expect(points).to_have_count(2)
    expect(points.nth(0).locator(".point")).to_have_count(256)
    expect(points.nth(1).locator(".point")).to_have_count(64)
    fills = [
        trace.locator(".point").evaluate_all("all => [...new Set(all.map((p) => p.style.fill))]")
        for trace in (points.nth(0), points.nth(1))
    ]
    assert len(fills[0]) == 2
    assert len(fills[1]) == 1
    legend = viewer.page.locator(".ev-boundary .ev-legend")
    expect(legend).to_have_text("same signopposite signstrainingvalidation")


def test_it_is_told_in_a_sentence_to_those_who_cannot_see_it(
    program: Program, viewer: Viewer
) -> None:
    viewer.open(run=program.trained("moons", epochs=30))
    wait_for_epoch(viewer, "epoch === 29")
    figure = boundary(viewer)
    assert figure.get_attribute("role") == "img"
    assert figure.get_attribute("aria-label") == "Decision boundary"
    words = viewer.page.locator(f"#{figure.get_attribute('aria-describedby')}")
    expect(words).to_have_text(
        re.compile(r"Of the area shown the network calls \d+% .* moon, \d+% .* moon\. .*epoch 30")
    )


def test_a_fitted_line_moves_over_its_rows(program: Program, viewer: Viewer) -> None:
    viewer.open(run=program.trained("line", epochs=40))
    wait_for_epoch(viewer, "epoch === 39")
    x, y = boundary(viewer).evaluate(
        "node => { const { x, y } = node.data.find(({ meta }) => meta.role === 'curve');"
        " return [x, y]; }"
    )
    slope, intercept = np.polyfit(x, y, 1)
    assert slope == pytest.approx(2, abs=0.2)
    assert intercept == pytest.approx(0, abs=0.1)


def test_without_validation_rows_the_boundary_is_there_alone(
    program: Program, viewer: Viewer
) -> None:
    run_id = program.trained("moons", epochs=5, validation_split=0.0)
    viewer.open(run=run_id)
    wait_for_epoch(viewer, "epoch === 4")
    viewer.open("/evaluate", run=run_id)
    wait_for_epoch(viewer, "epoch === 4")


def test_each_run_shows_its_own_and_one_without_shows_none(
    program: Program, viewer: Viewer
) -> None:
    viewer.open(run=program.trained("moons", epochs=5))
    wait_for_epoch(viewer, "epoch === 4")
    moons = surface(viewer)
    viewer.open(run=program.trained("spirals", epochs=5))
    wait_for_epoch(viewer, "epoch === 4")
    assert surface(viewer)["z"] != moons["z"]
    viewer.open(run=program.trained("iris", epochs=2))
    expect(viewer.page.locator(".ev-matrix")).to_be_visible()
    expect(viewer.page.get_by_test_id("boundary")).to_have_count(0)


def test_on_a_phone_the_picture_fits(program: Program, new_viewer: NewViewer) -> None:
    run_id = program.trained("moons", epochs=5)
    phone = new_viewer(
        program, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    phone.open(run=run_id)
    wait_for_epoch(phone, "epoch === 4")
    assert not phone.scrolls_sideways()
    phone.open("/evaluate", run=run_id)
    wait_for_epoch(phone, "epoch === 4")
    assert not phone.scrolls_sideways()
