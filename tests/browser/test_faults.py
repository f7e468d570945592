"""What one sees when something goes wrong: the line, the worker, the server, the loss."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewViewer
from tests.browser.program import Program
from tests.browser.relay import Relay
from tests.browser.viewer import Viewer
from tests.waiting import wait_until

LONG = {"dataset": "digits", "epochs": 1900}


@pytest.fixture
def relay(program: Program) -> Iterator[Relay]:
    relay = Relay(program.port)
    yield relay
    relay.close()


def test_after_a_cut_line_the_curves_have_no_gap_and_no_double(
    program: Program, relay: Relay, new_viewer: NewViewer
) -> None:
    viewer = new_viewer(program, url=relay.url)
    run_id = viewer.start(**LONG)
    program.slow_down(run_id)
    viewer.expect_points(2)
    viewer.page.evaluate("window.kept = document.querySelector('[data-testid=chart-loss]')")

    relay.cut()
    expect(viewer.page.get_by_text("reconnecting…")).to_be_visible()
    seen = viewer.points()
    wait_until(lambda: program.store.run(run_id).epoch >= seen + 5, "it trained on unseen")
    relay.mend()

    viewer.expect_points(seen + 8)
    expect(viewer.page.get_by_text("reconnecting…")).to_be_hidden()
    assert viewer.page.evaluate(
        "window.kept === document.querySelector('[data-testid=chart-loss]')"
    )
    viewer.stop_button.click()
    viewer.expect_state("Stopped")
    history = program.history(run_id)
    viewer.expect_points(len(history["loss"]))
    for role, name in (("training", "loss"), ("validation", "val_loss")):
        x, y = viewer.curve("loss", role)
        assert x == list(range(1, len(history[name]) + 1))
        assert y == pytest.approx(history[name], rel=1e-5)
    viewer.forgive_lost_connections()


def test_a_page_that_gets_no_charts_says_so_with_and_without_a_run(
    viewer: Viewer, program: Program
) -> None:
    run_id = program.store.create_run({"model": "mine"})
    viewer.page.route("**/plotly-*.js", lambda route: route.abort())

    for parameters in ({"dataset": "moons"}, {"run": run_id}):
        viewer.open(**parameters)
        expect(viewer.page.get_by_role("alert")).to_have_text(
            "The charts could not be loaded. Reload the page to try again."
        )
    viewer.page.goto("about:blank")  # where no chart asks any more
    viewer.forgive_lost_connections()


def test_a_loss_that_is_no_number_ends_the_run_as_diverged_at_its_step(viewer: Viewer) -> None:
    viewer.start(dataset="diabetes", optimizer="sgd", learning_rate=1e9, epochs=50)

    viewer.expect_state("Diverged")
    expect(viewer.page.get_by_test_id("run-message")).to_have_text(
        "The loss stopped being a finite number at step 2 of epoch 1. Try a smaller learning rate."
    )
    expect(viewer.stop_button).to_be_disabled()


def test_a_run_outlives_its_worker_s_death_and_the_server_s_restart(
    own_program: Program, new_viewer: NewViewer
) -> None:
    program = own_program
    viewer = new_viewer(program)
    run_id = viewer.start(**LONG)
    program.slow_down(run_id)
    viewer.expect_points(3)

    program.kill_writer(run_id)
    viewer.expect_state("Interrupted")
    expect(viewer.stop_button).to_be_disabled()
    history = program.history(run_id)
    viewer.expect_points(len(history["loss"]))
    assert viewer.curve("loss", "training")[1] == pytest.approx(history["loss"], rel=1e-5)

    address = viewer.page.url
    program.restart()
    after = new_viewer(program)
    after.page.goto(address)
    after.expect_state("Interrupted")
    after.expect_points(len(history["loss"]))
    assert program.history(run_id) == history
    assert after.curve("loss", "validation")[1] == pytest.approx(history["val_loss"], rel=1e-5)
    viewer.forgive_lost_connections()
