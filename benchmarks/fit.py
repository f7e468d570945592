"""Training speed: the digits MLP, all streaming on, against plain `fit` and the floor."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.dashboard import Dashboard
from benchmarks.measure import Measure, judged, milliseconds, ratios, spread, told
from benchmarks.process import Case

EPOCHS = 100
_SIDES = ("plain", "ours", "floor")
# The first epochs still compile or choose how many steps make a call.
_WARM_UP = 5


def measure(*, quick: bool) -> Iterator[Measure]:
    """Train the same set-up on each side in turn, each time in a new process."""
    seen: dict[str, list[dict[str, Any]]] = {side: [] for side in _SIDES}
    with Dashboard() as dashboard:
        dashboard.wait_for_workers()
        for _ in range(1 if quick else 3):
            for side in _SIDES:
                seen[side].append(_train(side, dashboard))
        yield from _table(seen)
        yield from _parts(_ask("parts", dashboard.environment)["rows"])


def _train(side: str, dashboard: Dashboard) -> dict[str, Any]:
    if side != "ours":
        return _ask(side)
    with Case("run_case", "--epochs", EPOCHS, environment=dashboard.environment) as case:
        url = dashboard.stream_url(case.hear()["run_id"])
        with Case("viewer", url, 1, environment={}) as viewer:
            viewer.hear()
            answer = case.ask()
            return {**answer, "messages": viewer.ask()["messages"]}


def _ask(side: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    arguments = ("digits", side, "--epochs", EPOCHS)
    with Case("fit_case", *arguments, environment=environment or {}) as case:
        case.hear()
        return case.ask()


def _table(seen: dict[str, list[dict[str, Any]]]) -> Iterator[Measure]:
    epochs = {
        side: [statistics.median(answer["epoch_seconds"][_WARM_UP:]) for answer in answers]
        for side, answers in seen.items()
    }
    whole = {side: [answer["seconds"] for answer in answers] for side, answers in seen.items()}
    speedups = ratios(epochs["plain"], epochs["ours"])
    yield judged(
        "digits MLP, all streaming on: speed against plain fit(), an epoch",
        "≥ 4 ×",
        f"{spread(speedups, 1)} ×: {milliseconds(epochs['ours'])} and "
        f"{milliseconds(epochs['plain'])}",
        statistics.median(speedups) >= 4,
    )
    speedups = ratios(whole["plain"], whole["ours"])
    yield judged(
        f"… the whole fit() of {EPOCHS} epochs, compilation included",
        "≥ 4 ×",
        f"{spread(speedups, 1)} ×: {spread(whole['ours'])} s and {spread(whole['plain'])} s",
        statistics.median(speedups) >= 4,
    )
    processor = {
        side: [answer["processor_seconds"] for answer in answers] for side, answers in seen.items()
    }
    yield told(
        "… the same in the process' processor time, which others disturb less",
        f"{spread(ratios(processor['plain'], processor['ours']), 1)} ×: "
        f"{spread(processor['ours'])} s and {spread(processor['plain'])} s",
    )
    yield judged(
        "… time against one XLA function an epoch (the floor)",
        "≤ 4 ×",
        f"{spread(ratios(epochs['ours'], epochs['floor']))} ×: the floor is "
        f"{milliseconds(epochs['floor'])}",
        statistics.median(ratios(epochs["ours"], epochs["floor"])) <= 4,
    )
    yield told("… the floor's 100 epochs, compilation included", f"{spread(whole['floor'])} s")
    yield told(
        "… final loss, all sides the same mathematics",
        ", ".join(f"{side} {seen[side][-1]['logs']['loss']:.4f}" for side in _SIDES),
    )
    messages = [answer["messages"] for answer in seen["ours"]]
    yield told("… messages to the viewer meanwhile", f"{statistics.median(messages):.0f}")


def _parts(rows: list[dict[str, float]]) -> Iterator[Measure]:
    total = statistics.median(row["epoch"] for row in rows)
    names = dict.fromkeys(name for row in rows for name in row if name != "epoch")
    medians = {name: statistics.median(row.get(name, 0.0) for row in rows) for name in names}
    for name, seconds in sorted(medians.items(), key=lambda item: -item[1]):
        share = seconds / total
        yield told(
            f"where an epoch of {total * 1000:.1f} ms goes: {name}",
            f"{seconds * 1000:.2f} ms ({share:.0%})",
        )
