"""The epochs an evaluation knows, whatever stream and server tell in whatever order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, WebSocketRoute, expect

from pages.evaluation.component import SCRIPTS
from pages.live.reader import to_message
from tests.browser.evaluations import (
    cells_of,
    counted,
    open_evaluation,
    slider,
    with_counts,
)
from tests.browser.program import Program
from tests.browser.viewer import Viewer
from trainer.evaluation.counts import RegressionCounts
from trainer.evaluation.packing import pack
from trainer.runs import Evaluation

# Nothing is drawn until `drawAgain` is called.
_DRAW_NOTHING = """() => {
  const [frame, held] = [window.requestAnimationFrame, []];
  window.requestAnimationFrame = (callback) => held.push(callback);
  window.drawAgain = () => {
    window.requestAnimationFrame = frame;
    held.forEach((callback) => frame(callback));
  };
}"""


# What is kept of a hundred epochs with a megabyte each.
_KEPT_OF_MUCH = """(script) => {
  const EpochHistory = new Function(`${script}; return EpochHistory;`)();
  const history = new EpochHistory({ path: "/", onChange: () => {} });
  for (let epoch = 0; epoch < 100; epoch += 1) history.push({ epoch, data: "x".repeat(1e6) });
  return history.epochs;
}"""


class HeldStream:
    """A run's stream between browser and server that says only what it is told to say.

    Args:
        viewer: Whose page opens the stream; before it is opened.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._sockets: list[WebSocketRoute] = []
        self._heard: list[dict[str, Any]] = []
        viewer.page.route_web_socket(re.compile("/api/runs/.*/stream"), self._connect)
        self._viewer = viewer

    def say(self, **changes: Any) -> None:
        """Say the server's snapshot with some changes, and wait until the page has heard it."""
        name = f"heard {len(self._heard)} {changes['cursor']}"
        message = self._heard[0] | changes
        message["run"] = message["run"] | {"name": name}
        for socket in self._sockets:
            socket.send(json.dumps(message))
        expect(self._viewer.page.get_by_text(name)).to_be_visible()

    def _connect(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda text: self._heard.append(json.loads(text)))
        server.on_close(lambda code, reason: None)
        self._sockets.append(socket)


def evaluation_message(rows: int, **when: int) -> dict[str, Any]:
    """Return an evaluation as the stream tells it."""
    return to_message(Evaluation(counts=pack(counted(3, rows)), **when))


@pytest.fixture
def open_at_epoch_3(program: Program, viewer: Viewer) -> Callable[[], HeldStream]:
    """Open the page of a run with eight epochs; the server has told them, the stream nothing."""

    def open_page() -> HeldStream:
        stream = HeldStream(viewer)
        epochs = [counted(3, 200 + 10 * epoch, epoch) for epoch in range(8)]
        open_evaluation(viewer, with_counts(program.store, epochs))
        epoch = slider(viewer, "epoch")
        expect(epoch).to_have_attribute("max", "7")
        epoch.press("Home")
        epoch.press("ArrowRight")
        epoch.press("ArrowRight")
        expect(rows_of(viewer)).to_have_text("220 validation rows after epoch 3")
        return stream

    return open_page


def rows_of(viewer: Viewer) -> Any:
    return viewer.page.get_by_test_id("evaluation-rows")


def test_a_snapshot_older_than_what_was_fetched_takes_nothing_away(
    viewer: Viewer, open_at_epoch_3: Callable[[], HeldStream]
) -> None:
    stream = open_at_epoch_3()

    stream.say(cursor="1.6", evaluation=evaluation_message(250, attempt=1, epoch=5))

    expect(slider(viewer, "epoch")).to_have_attribute("max", "7")
    expect(slider(viewer, "epoch")).to_be_enabled()
    expect(rows_of(viewer)).to_have_text("220 validation rows after epoch 3")
    viewer.page.get_by_test_id("live").click()
    expect(rows_of(viewer)).to_have_text("270 validation rows after epoch 8")


def test_what_a_later_launch_trains_again_replaces_what_the_earlier_one_counted(
    viewer: Viewer, open_at_epoch_3: Callable[[], HeldStream]
) -> None:
    stream = open_at_epoch_3()

    stream.say(cursor="2.1", evaluation=evaluation_message(50, attempt=2, epoch=4))

    expect(slider(viewer, "epoch")).to_have_attribute("max", "4")
    expect(rows_of(viewer)).to_have_text("220 validation rows after epoch 3")
    viewer.page.get_by_test_id("live").click()
    expect(rows_of(viewer)).to_have_text("50 validation rows after epoch 5")


def test_playing_goes_on_while_the_page_is_too_busy_to_draw(
    program: Program, viewer: Viewer
) -> None:
    epochs = [counted(3, 200 + 10 * epoch, epoch) for epoch in range(6)]
    open_evaluation(viewer, with_counts(program.store, epochs))
    play = viewer.page.get_by_test_id("play")
    expect(play).to_be_enabled()

    viewer.page.evaluate(_DRAW_NOTHING)
    play.press("Enter")
    expect(play).to_have_text("Pause")
    expect(play).to_have_text("Play")
    viewer.page.evaluate("window.drawAgain()")

    expect(rows_of(viewer)).to_have_text("250 validation rows after epoch 6")
    expect(viewer.page.locator(".ev-cell")).to_have_text(cells_of(epochs[5].confusion))


@pytest.mark.parametrize("path", ["/", "/evaluate"])
def test_a_fit_that_counts_nothing_is_told_how_to(
    path: str, program: Program, viewer: Viewer
) -> None:
    run_id = with_counts(program.store, [None, None])
    viewer.open(path, run=run_id)

    empty = viewer.page.get_by_test_id("evaluation-empty")
    expect(empty).to_contain_text("EvaluationCounts")
    expect(empty).to_contain_text("among the metrics of compile()")


def test_a_regression_says_what_is_left_out_and_what_lies_beyond_its_frame(
    program: Program, viewer: Viewer
) -> None:
    joint, residuals = np.zeros((4, 4)), np.zeros(8)
    joint[1, 2] = joint[2, 3] = 5
    residuals[5] = 10
    sums = {"count": 10, "total": 15, "total_squares": 30, "error": 10, "absolute_error": 10}
    counts = RegressionCounts(
        joint=joint, residuals=residuals, low=0, high=4, **sums, squared_error=10, left_out=2
    )
    open_evaluation(viewer, with_counts(program.store, [counts]))

    expect(rows_of(viewer)).to_have_text(
        "10 validation rows after epoch 1, 2 left out: the target or the prediction was not finite"
    )
    cards = viewer.page.locator("article")
    beyond = "rows beyond the frame are counted at its edge"
    expect(cards.filter(has_text="Predicted against actual")).to_contain_text(beyond)
    expect(cards.filter(has_text="Errors")).not_to_contain_text(beyond)


def test_of_much_a_page_keeps_the_first_the_last_and_some_between(browser: Browser) -> None:
    page = browser.new_page()

    kept = page.evaluate(_KEPT_OF_MUCH, SCRIPTS["history"])
    page.close()

    assert (kept[0], kept[-1]) == (0, 99)
    assert 25 <= len(kept) <= 50
