"""What one sees when something goes wrong: the line, the worker, the server, the loss."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import psutil
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
    assert_whole(viewer, program.history(run_id))
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


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_run_outlives_its_worker_s_death_and_the_server_s_end_and_death(
    own_program: Program, new_viewer: NewViewer
) -> None:
    program = own_program
    viewer = new_viewer(program)
    run_id = viewer.start(**LONG)
    program.slow_down(run_id)
    viewer.expect_points(3)

    workers = psutil.Process(program.pid).children(recursive=True)
    program.restart(signal.SIGINT)  # Ctrl-C
    assert workers
    assert psutil.wait_procs(workers, timeout=0)[1] == []
    viewer.page.reload()
    viewer.expect_state("Interrupted")
    expect(viewer.stop_button).to_be_disabled()
    assert_whole(viewer, program.history(run_id))

    resume(viewer, program, run_id)
    program.kill_writer(run_id)
    viewer.expect_state("Interrupted")
    assert_whole(viewer, program.history(run_id))

    resume(viewer, program, run_id)
    workers = psutil.Process(program.pid).children(recursive=True)
    program.restart(signal.SIGKILL)
    after = new_viewer(program)
    after.page.goto(viewer.page.url)
    after.expect_state("Training")  # its worker goes on, and ends with it
    after.expect_points(program.store.run(run_id).epoch + 5)
    after.stop_button.click()
    after.expect_state("Stopped")
    assert program.store.run(run_id).attempt == 3
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    assert_whole(after, program.history(run_id))
    viewer.forgive_lost_connections()


def resume(viewer: Viewer, program: Program, run_id: str) -> None:
    """Have a run that was interrupted go on for some epochs."""
    done = program.store.run(run_id).epoch
    viewer.page.get_by_role("button", name="Resume", exact=True).click()
    program.slow_down(run_id)
    viewer.expect_points(done + 3)


def assert_whole(viewer: Viewer, history: dict[str, list[float | None]]) -> None:
    """Say that both curves of the loss are the history: no gap, nothing twice."""
    viewer.expect_points(len(history["loss"]))
    for role, name in (("training", "loss"), ("validation", "val_loss")):
        x, y = viewer.curve("loss", role)
        assert x == list(range(1, len(history[name]) + 1))
        assert y == pytest.approx(history[name], rel=1e-5)
