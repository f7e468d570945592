"""What is said of a run below its charts, its points on them, and the next step; early stopping."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.program import Program
from tests.browser.viewer import Viewer
from trainer.lessons.curves import OVERFITTING, READING_CURVES


def verdict(viewer: Viewer, name: str) -> Locator:
    return viewer.page.locator(f"[data-verdict={name}]")


def test_overfitting_is_said_live_ringed_on_the_chart_and_tried_with_dropout(
    viewer: Viewer, program: Program
) -> None:
    config = OVERFITTING.config(3)
    run_id = program.store.create_run(config.to_dict(), name=config.name)
    viewer.open(run=run_id)
    said = verdict(viewer, "overfitting")
    expect(said).to_contain_text("the validation loss rose from")
    viewer.expect_state("Finished")
    viewer.expect_points(100)
    viewer.page.wait_for_function(
        "() => document.querySelector('[data-testid=chart-loss]')"
        ".data.find(trace => trace.meta.role === 'verdict').x.at(-1) === 100"
    )
    _, ys = viewer.curve("loss", "verdict")
    assert ys[-1] == viewer.curve("loss", "validation")[1][-1]

    said.get_by_text("Why is this said?").click()
    expect(said.get_by_text("standard errors")).to_be_visible()
    said.get_by_role("button", name="Try dropout of 0.5").click()
    viewer.page.wait_for_function(
        "run => new URL(location).searchParams.get('run') !== run", arg=run_id
    )
    assert viewer.run_id is not None
    tried = program.store.run(viewer.run_id)
    assert (tried.config["dropout"], tried.parent) == (0.5, None)


def test_a_fluctuating_run_goes_on_as_a_fork_and_early_stopping_is_replayed_on_it(
    viewer: Viewer, program: Program
) -> None:
    config = READING_CURVES.scenario("fluctuating").config(3)
    run_id = program.store.create_run(config.to_dict(), name=config.name)
    viewer.open(run=run_id)
    viewer.expect_state("Finished")
    page = viewer.page
    page.get_by_text("Replay early stopping", exact=True).click()
    expect(page.get_by_text("It would", exact=False)).to_be_visible()
    page.wait_for_function(
        "() => document.querySelector('[data-testid=chart-loss]')"
        ".layout.shapes.some(shape => shape.label?.text === 'restored')"
    )
    slider = page.get_by_role("slider", name="Patience")
    slider.focus()
    slider.press("End")
    expect(page.get_by_text("It would not have ended")).to_be_visible()
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=chart-loss]')"
        ".layout.shapes.some(shape => shape.label?.text === 'would stop')"
    )

    verdict(viewer, "fluctuating").get_by_role("button", name="Try a learning rate").click()
    expect(page.get_by_text("Forked from learning rate")).to_be_visible()
    assert viewer.run_id is not None
    parent = program.store.run(viewer.run_id).parent
    assert parent is not None
    assert (parent.run_id, parent.parameter, parent.after) == (run_id, "learning_rate", 0.05)
