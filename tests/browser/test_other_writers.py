"""Runs that nobody started in the browser: a command line's, and anybody's own `fit()`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.program import ROOT, Program
from tests.browser.viewer import TIMEOUT, Viewer
from tests.waiting import wait_until

EXAMPLE = ROOT / "docs" / "examples" / "own_fit.py"


@pytest.fixture
def script(program: Program) -> Iterator[subprocess.Popen[str]]:
    """A script that trains a model of its own, with our callback."""
    process = program.python(str(EXAMPLE), "1900")
    yield process
    end(process)


@pytest.fixture
def command_line(program: Program) -> Iterator[subprocess.Popen[str]]:
    """A training in a terminal."""
    arguments = "run --dataset iris --epochs 1900 --set units=8 --name terminal --json"
    process = program.python("-m", "trainer", *arguments.split())
    yield process
    end(process)


def end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_a_run_from_the_command_line_is_seen_live_and_stopped_in_the_browser(
    viewer: Viewer, program: Program, command_line: subprocess.Popen[str]
) -> None:
    viewer.open("/runs")
    expect(viewer.cell("terminal")).to_be_attached()
    (run,) = [run for run in program.store.runs() if run.name == "terminal"]

    viewer.open(run=run.run_id)
    viewer.expect_state("Training")
    viewer.expect_points(viewer.points() + 3)
    viewer.stop_button.click()
    viewer.expect_state("Stopped")

    output, _ = command_line.communicate(timeout=TIMEOUT / 1000)
    assert command_line.returncode == 0
    told = json.loads(output.splitlines()[-1])
    assert told["state"] == "stopped"
    assert told["history"] == program.history(run.run_id)
    viewer.expect_points(told["epochs"])


def test_anybody_s_own_fit_is_seen_live_with_a_chart_for_each_of_its_series(
    viewer: Viewer, program: Program, script: subprocess.Popen[str]
) -> None:
    viewer.open("/runs")
    expect(viewer.cell("two inputs")).to_be_attached()
    (run,) = [run for run in program.store.runs() if run.name == "two inputs"]

    viewer.open(run=run.run_id)
    viewer.expect_state("Training")
    for name in ("loss", "mae"):
        viewer.expect_points(3, name)
    viewer.stop_button.click()
    viewer.expect_state("Stopped")

    script.communicate(timeout=TIMEOUT / 1000)
    assert script.returncode == 0
    history = program.history(run.run_id)
    viewer.expect_points(len(history["mae"]), "mae")
    assert viewer.curve("mae", "training")[1] == pytest.approx(history["mae"], rel=1e-5)


def test_a_click_in_the_list_opens_a_run(viewer: Viewer, program: Program) -> None:
    run_id = viewer.start(dataset="iris", epochs=2, name="to be found")
    viewer.expect_state("Finished")
    viewer.open("/runs")
    expect(viewer.cell("to be found")).to_be_attached()
    table = viewer.page.get_by_test_id("stDataFrame")

    # A file of the cells as they are could hold a formula; `export` writes one that cannot.
    table.hover()
    expect(viewer.page.get_by_role("button", name="Search")).to_be_visible()
    expect(viewer.page.get_by_role("button", name="Download as CSV")).to_be_hidden()

    opened: list[Page] = []
    viewer.page.context.on("page", lambda page: opened.append(page))

    def click() -> bool:
        # The table knows that the mouse is over a link only some frames after it came there.
        table.click(position={"x": 24, "y": 52})
        return bool(opened)

    wait_until(click, "a click opens a tab")
    opened[0].wait_for_url(f"**run={run_id}**", timeout=TIMEOUT)
    expect(opened[0].get_by_test_id("run-name")).to_have_text("to be found")
