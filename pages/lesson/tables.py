"""Small tables beside the picture, as HTML: what a run was at some thresholds, runs compared."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from trainer.progress import LessonRun, Standing

_MATRIX = ("TN", "FP", "FN", "TP")


def facts_table(rows: Sequence[Mapping[str, float | int | None]]) -> str:
    """Return counts and ratios by threshold; nothing for no rows."""
    if not rows:
        return ""
    head = ["threshold", *_MATRIX, "precision", "recall"]
    body = [
        [
            _number(row["threshold"]),
            *(f"{row[name]:,}" for name in _MATRIX),
            *(_ratio(row[name]) for name in ("precision", "recall")),
        ]
        for row in rows
    ]
    return _table(head, body)


def comparison(standing: Standing, last_logs: Mapping[str, Mapping[str, float | None]]) -> str:
    """Return how the runs of the knob's positions ended, beside each other.

    Nothing before there are two.

    Args:
        standing: How far somebody is.
        last_logs: The logs of each run's last epoch, by run id.
    """
    lesson = standing.lesson
    shown: list[tuple[str, LessonRun]] = []
    for scenario in lesson.scenarios:
        one = standing.newest(scenario.name)
        if scenario.name in lesson.knob.scenarios and one is not None and one.has_shown:
            shown.append((scenario.title, one))
    if len(shown) < 2:
        return ""
    logs = [last_logs[one.run.run_id] for _, one in shown]
    updates = (one.run.epoch * (one.run.steps_per_epoch or 0) for _, one in shown)
    body = [["updates", *(f"{number:,}" for number in updates)]]
    for name in dict.fromkeys(name for ended in logs for name in ended):
        body.append([name, *(_number(ended.get(name)) for ended in logs)])
    return _table(["in the end", *(title for title, _ in shown)], body)


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    columns = "".join(f'<th scope="col">{html.escape(word)}</th>' for word in head)
    rows = "".join(
        f'<tr><th scope="row">{html.escape(first)}</th>'
        f"{''.join(f'<td>{html.escape(cell)}</td>' for cell in rest)}</tr>"
        for first, *rest in body
    )
    return (
        '<div class="lesson-table"><table>'
        f"<thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _number(value: float | int | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _ratio(value: float | int | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
