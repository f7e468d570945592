"""A recorded run, for when nothing can be trained: always labelled as what it is."""

from __future__ import annotations

import html

import streamlit as st

from pages.figures.spread import Curves, spread_figure
from pages.lesson.tables import facts_table
from pages.live.component import figure
from trainer.lessons import Lesson, Scenario
from trainer.lessons.evidence import curve_facts
from trainer.lessons.recorded import recording_of


def recorded_curves(lesson: Lesson, scenario: Scenario) -> Curves | None:
    """Return the curves of the recorded run of a scenario; None where there is none."""
    found = recording_of(lesson.name, scenario.name)
    if found is None:
        return None
    return Curves(seed=found.seed, history=found.history, is_recorded=True)


def recorded_html(lesson: Lesson, scenario: Scenario) -> str:
    """Return the label of a recorded run as HTML; nothing where there is none."""
    found = recording_of(lesson.name, scenario.name)
    if found is None:
        return ""
    return (
        '<p class="recorded" data-testid="recorded"><strong>Recorded, not live:</strong> '
        f"{html.escape(found.label)}</p>"
    )


def show_recorded_run(
    lesson: Lesson, scenario: Scenario, *, scale: float = 1.0, tells: bool = True
) -> None:
    """Draw a recorded run; a sentence where there is none.

    Args:
        lesson: Of which lesson.
        scenario: Which of its trainings.
        scale: How large its text is.
        tells: Whether what it showed is said, too.
    """
    found = recording_of(lesson.name, scenario.name)
    curves = recorded_curves(lesson, scenario)
    if found is None or curves is None:
        st.caption("There is no recorded run of this.")
        return
    st.html(recorded_html(lesson, scenario))
    label = f"{lesson.title}: the curves of a recorded run"
    figure(spread_figure(lesson.board, [curves], scale=scale), label=label, key="recorded_run")
    if not tells:
        return
    lines = "".join(f"<li>{html.escape(fact)}</li>" for fact in curve_facts(found.history))
    st.html(f'<ul class="lesson-facts">{lines}</ul>{facts_table(found.thresholds)}')
