"""A run from Start to its end, watched in Chromium."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from playwright.sync_api import expect

from pages.figures.history import STEP_LABEL
from tests.browser.conftest import NewViewer
from tests.browser.program import Program
from tests.browser.viewer import Viewer
from trainer.runs import Record, finite_or_none

# Long enough to do something meanwhile.
LONG = {"dataset": "digits", "epochs": 1900}
SHORT = {"dataset": "iris", "epochs": 12}


def whole(count: int) -> list[int]:
    """The epochs of a curve without a gap and without a double."""
    return list(range(1, count + 1))


def test_a_run_grows_keeps_its_zoom_survives_a_reload_and_stops(
    viewer: Viewer, program: Program
) -> None:
    run_id = viewer.start(**LONG)
    program.slow_down(run_id)
    viewer.expect_state("Training")
    viewer.expect_points(3)
    viewer.expect_points(3, "accuracy")

    page = viewer.page
    page.evaluate("window.kept = document.querySelector('[data-testid=chart-loss]')")
    viewer.drag_over("loss")
    zoom = viewer.x_range("loss")
    viewer.chart("accuracy").locator(".legendtoggle").nth(1).click()
    role_of_hidden = (
        "node => node.data.filter(t => t.visible === 'legendonly').map(t => t.meta.role)"
    )
    # The best epoch is a point of its curve, and goes with it.
    hidden = ["validation", "best"]
    page.wait_for_function(
        f"hidden => String(({role_of_hidden})"
        "(document.querySelector('[data-testid=chart-accuracy]'))) === String(hidden)",
        arg=hidden,
    )
    viewer.expect_points(viewer.points() + 5)
    viewer.expect_points(viewer.points("accuracy") + 5, "accuracy")

    assert page.evaluate("window.kept === document.querySelector('[data-testid=chart-loss]')")
    assert viewer.x_range("loss") == zoom
    assert viewer.chart("accuracy").evaluate(role_of_hidden) == hidden

    before = viewer.points()
    page.reload()
    viewer.expect_points(before + 3)
    x, y = viewer.curve("loss", "training")
    assert x == whole(len(x))
    assert None not in y
    assert viewer.run_id == run_id

    viewer.stop_button.click()
    viewer.expect_state("Stopped")
    expect(viewer.stop_button).to_be_disabled()
    history = program.history(run_id)
    assert program.get(f"/api/runs/{run_id}")["state"] == "stopped"
    viewer.expect_points(len(history["loss"]))
    assert viewer.curve("loss", "validation")[0] == whole(len(history["val_loss"]))


def test_a_finished_run_shows_exactly_what_the_store_has_to_everybody(
    viewer: Viewer, new_viewer: NewViewer, program: Program
) -> None:
    run_id = viewer.start(**SHORT)
    viewer.expect_state("Finished")
    history = program.history(run_id)
    somebody_else = new_viewer(program)
    somebody_else.open(run=run_id)
    somebody_else.expect_state("Finished")

    assert {len(values) for values in history.values()} == {12}
    for one in (viewer, somebody_else):
        for name in ("loss", "accuracy"):
            one.expect_points(12, name)
            for role, key in (("training", name), ("validation", f"val_{name}")):
                x, y = one.curve(name, role)
                assert x == whole(12)
                assert y == pytest.approx(history[key], rel=1e-5)
        best_x, best_y = one.curve("loss", "best")
        best = min(history["val_loss"])
        assert best_y == pytest.approx([best], rel=1e-5)
        assert best_x == [history["val_loss"].index(best) + 1]
    expect(viewer.page.get_by_test_id("run-progress")).to_have_text("epoch 12 of 12")


def test_the_header_says_which_epoch_is_running_and_then_how_many_were_done(
    viewer: Viewer, program: Program
) -> None:
    claim = program.store.open_run(
        {"model": "mine", "epochs": 5}, worker="a script", origin="callback"
    )
    viewer.open(run=claim.run_id)
    progress = viewer.page.get_by_test_id("run-progress")

    for epoch, state, words in (
        (0, "training", "epoch 1 of 5"),
        (2, "training", "epoch 3 of 5"),
        (5, "training", "epoch 5 of 5"),
        (2, "paused", "epoch 3 of 5"),
        (2, "stopped", "epoch 2 of 5"),
    ):
        program.store.write(claim, epoch=epoch, epochs=5, state=state)
        expect(progress).to_have_text(words)


def test_a_second_start_waits_in_the_queue_and_then_trains(
    viewer: Viewer, new_viewer: NewViewer, program: Program
) -> None:
    program.slow_down(viewer.start(**LONG))
    viewer.expect_points(1)

    second = new_viewer(program)
    second.start(**SHORT)
    second.expect_state("Queued")
    expect(second.page.get_by_test_id("run-progress")).to_have_text("place 1 in the queue")
    third = new_viewer(program)
    third.start(**SHORT)
    expect(third.page.get_by_test_id("run-progress")).to_have_text("place 2 in the queue")

    viewer.stop_button.click()
    viewer.expect_state("Stopped")
    second.expect_state("Finished")
    third.expect_state("Finished")
    assert second.curve("loss", "training")[0] == whole(12)


def test_a_queued_run_can_be_stopped_before_it_trains(
    viewer: Viewer, new_viewer: NewViewer, program: Program
) -> None:
    program.slow_down(viewer.start(**LONG))
    viewer.expect_state("Training")
    second = new_viewer(program)
    run_id = second.start(**SHORT)
    second.expect_state("Queued")

    second.stop_button.click()

    second.expect_state("Stopped")
    assert program.history(run_id) == {}
    viewer.expect_points(viewer.points() + 2)


def test_a_double_click_starts_one_run(viewer: Viewer, program: Program) -> None:
    before = len(program.store.runs())
    viewer.open(**SHORT)

    viewer.start_button.dblclick()

    viewer.expect_state("Finished")
    assert len(program.store.runs()) == before + 1


def test_start_in_two_tabs_at_once_makes_one_run_that_both_show(
    viewer: Viewer, program: Program
) -> None:
    before = len(program.store.runs())
    other = Viewer(viewer.page.context, program.url)
    for tab in (viewer, other):
        tab.open(**SHORT)
        expect(tab.start_button).to_be_visible()

    for tab in (viewer, other):
        tab.start_button.evaluate("button => button.click()")

    for tab in (viewer, other):
        tab.expect_state("Finished")
    assert viewer.run_id == other.run_id
    assert len(program.store.runs()) == before + 1
    assert other.errors == []


SMOOTHED = (
    "(role) => document.querySelector('[data-testid=chart-loss]').data"
    ".filter((trace) => trace.hovertemplate?.includes('smoothed') && trace.meta.role === role)"
    ".flatMap((trace) => [...trace.y])"
)


def test_a_smoothed_curve_is_the_weighted_mean_of_what_came_before(
    viewer: Viewer, program: Program
) -> None:
    losses = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]
    held_out = [2.0, math.inf, 2.0, 2.0, math.nan, 2.0, 2.0, 2.0]
    claim = program.store.open_run({}, worker="a test", origin="callback", name="smooth")
    records = [
        Record(kind="epoch", epoch=k, data={"loss": loss, "val_loss": finite_or_none(value)})
        for k, (loss, value) in enumerate(zip(losses, held_out, strict=True))
    ]
    program.store.write(claim, first_seq=1, records=records, epoch=8, state="finished")
    viewer.open(run=claim.run_id)
    viewer.expect_points(8)
    best = viewer.curve("loss", "best")

    viewer.page.get_by_role("slider", name="Smoothing").fill("0.6")
    smoothed = f"({SMOOTHED})"
    viewer.page.wait_for_function(f"() => {smoothed}('training').length")

    expected = pd.Series(losses).ewm(alpha=1 - 0.6).mean().tolist()
    assert viewer.page.evaluate(f"{smoothed}('training')") == pytest.approx(expected)
    # What is missing stays missing and spoils nothing.
    assert viewer.page.evaluate(f"{smoothed}('validation')") == [
        pytest.approx(2.0) if math.isfinite(value) else None for value in held_out
    ]
    assert best == ([1], [2.0])


def test_the_controls_of_the_charts_act_without_asking_the_server(
    viewer: Viewer, program: Program
) -> None:
    viewer.start(**SHORT)
    viewer.expect_state("Finished")
    viewer.expect_points(12)
    viewer.wait_for_rest()
    page, loss = viewer.page, viewer.chart("loss")
    asked, said = len(viewer.requests), len(viewer.sent)

    page.get_by_role("slider", name="Smoothing").fill("0.6")
    page.wait_for_function(f"() => ({SMOOTHED})('training').length")
    page.get_by_role("switch", name="Log axis").click()
    page.wait_for_function(
        "() => document.querySelector('[data-testid=chart-loss]')._fullLayout.yaxis.type === 'log'"
    )
    page.get_by_role("switch", name="Per-step curve").click()
    page.wait_for_function(
        "() => document.querySelector('[data-testid=chart-loss]').data"
        ".some(trace => trace.meta.role === 'step' && trace.x.length)"
    )

    steps = viewer.curve("loss", "step")[0]
    assert len(steps) == 12 * 3  # 96 rows in batches of 32
    assert steps[-1] == 12
    expect(loss.locator(".legendtext").filter(has_text="running mean")).to_be_visible()
    names = loss.locator(".legendtext").evaluate_all(
        """nodes => nodes.filter(node => {
            const name = node.getBoundingClientRect();
            const chart = node.closest("svg").getBoundingClientRect();
            return name.top >= chart.top && name.right <= chart.right;
        }).map(node => node.textContent)"""
    )
    assert names == ["training", "validation", "best", STEP_LABEL]
    assert viewer.chart("accuracy").evaluate("node => node._fullLayout.yaxis.type") == "linear"
    assert viewer.requests[asked:] == []
    assert viewer.sent[said:] == []
