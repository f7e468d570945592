"""What it costs to picture the decision boundary: in the training, and in the browser."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks.browser import chromium, new_page
from benchmarks.dashboard import Dashboard
from benchmarks.measure import Measure, judged, middle_half, quantile, ratios, told
from benchmarks.turns import EPOCHS_PER_TURN, take_turns
from trainer.config import RunConfig

_GOAL = 1.05
_SIDES = ("counted", "counted_again", "pictured")
# The page writes into the figure's node how long it took to draw it.
_LOOK_OUT = """
window.drawings = [];
new MutationObserver((changes) => {
  for (const { target } of changes) {
    window.drawings.push([performance.now(), Number(target.dataset.drawn)]);
  }
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-drawn"] });
"""


def measure(*, quick: bool) -> Iterator[Measure]:
    """Let training with and without pictures take turns, then watch one in Chromium."""
    turns = take_turns("moons", _SIDES, 20 if quick else 60)
    plain = turns["counted"].seconds
    against = {side: ratios(turns[side].seconds, plain) for side in _SIDES}
    epoch = statistics.median(plain) / EPOCHS_PER_TURN["moons"] * 1000
    yield judged(
        "moons, two hidden layers: training with the decision boundary against without",
        f"≤ {_GOAL} ×",
        f"{middle_half(against['pictured'])} ×; {epoch:.1f} ms an epoch without",
        statistics.median(against["pictured"]) <= _GOAL,
        is_noisy=abs(statistics.median(against["counted_again"]) - 1) > _GOAL - 1,
    )
    yield told("… without again (the noise)", f"{middle_half(against['counted_again'])} ×")
    yield from _drawings(epochs=1000 if quick else 3000)


def _drawings(*, epochs: int) -> Iterator[Measure]:
    config = RunConfig.create("moons", hidden_layers=2, epochs=epochs)
    with chromium() as browser, Dashboard() as dashboard, new_page(browser) as page:
        dashboard.wait_for_workers()
        page.add_init_script(_LOOK_OUT)
        run_id = dashboard.store.create_run(config.to_dict())
        page.goto(f"{dashboard.url}/?run={run_id}")
        page.get_by_test_id("boundary").scroll_into_view_if_needed()
        dashboard.wait_for_end(run_id)
        drawings = page.evaluate("window.drawings")
        kept = dashboard.store.boundaries(run_id, limit=10_000)
        seconds = dashboard.store.run(run_id).seconds
    took = [milliseconds for _, milliseconds in drawings[1:]]
    rate = (len(drawings) - 1) / (drawings[-1][0] - drawings[0][0]) * 1000
    yield told(
        "drawing the decision boundary anew while it trains, beside the live charts",
        f"median {statistics.median(took):.0f} ms, p95 {quantile(took, 0.95):.0f} ms, "
        f"{rate:.1f} times a second ({len(took)} drawings)",
    )
    size = sum(len(one.surface.data) for one in kept)
    yield told(
        "… what the store keeps of it",
        f"{len(kept)} surfaces of {epochs} epochs in {seconds:.0f} s, {size / 1024:.0f} KiB",
    )
