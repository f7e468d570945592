"""The steps of a lesson, one below the other, as far as somebody has come."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from pages.backend import store
from pages.forms import escaped
from pages.lesson.keeping import config_for, start
from pages.lesson.link import Link
from pages.lesson.questions import ask, show_feedback, show_locked
from pages.lesson.tables import comparison, facts_table
from pages.lesson.words import explained, locked_words, prose
from trainer.config import config_of
from trainer.lessons import Fit, Lesson, Question
from trainer.lessons.evidence import curve_facts, threshold_rows
from trainer.progress import CHALLENGE, PREDICT, Standing
from trainer.withheld import RECORD

STEPS = ("Predict", "Run", "Record", "Explain", "One knob", "Challenge")
SOMETHING_ELSE = "Something else, or I could not tell."
# Knobs that move what is looked at: nothing is trained for them.
_LOOKING = ("threshold", "costs")


def show_steps(link: Link, standing: Standing) -> None:
    """Draw the steps that somebody has reached, and which are still to come."""
    now = current_step(standing)
    st.html(_overview(now))
    draw = (
        _show_prediction,
        _show_run,
        _show_record,
        _show_explanation,
        _show_knob,
        _show_challenge,
    )
    # The run is there from the beginning, with Start still locked.
    reached = 2 if now < 2 else 3 if not standing.is_revealed else len(STEPS)
    for step in range(reached):
        # A place of its own: what one step draws anew does not move the others.
        with st.container(key=f"step_{step + 1}"):
            st.header(f"{step + 1} · {STEPS[step]}", anchor=False)
            draw[step](link, standing)


def current_step(standing: Standing) -> int:
    """Return which of `STEPS` somebody is at; their number once all are done."""
    if PREDICT not in standing.answers:
        return 0
    if not standing.has_run:
        return 1
    if not standing.is_revealed:
        return 2
    if CHALLENGE in standing.answers:
        return len(STEPS)
    first = standing.lesson.scenarios[0].name
    has_turned = any(one.scenario != first and one.has_shown for one in standing.compared)
    return 5 if has_turned or standing.lesson.knob.field in _LOOKING else 4


def told_sight(lesson: Lesson, choice: int, fit: Fit) -> str:
    """Return what is said of what somebody saw, kindly, as HTML: what it was.

    Args:
        lesson: Which lesson.
        choice: What they saw, among its sights and `SOMETHING_ELSE`.
        fit: The run they saw.
    """
    shown = lesson.seen_in(fit)
    if choice in shown:
        return "<strong>Well seen.</strong> The run shows just that."
    if not shown:
        return "Of these the run showed none this time: exact values vary with the seed."
    was = " ".join(prose(lesson.record[number].text) for number in shown)
    return f"Easily missed: about one in five sees something else. <strong>It was: {was}</strong>"


def _overview(now: int) -> str:
    items = []
    for number, name in enumerate(STEPS):
        kind = "done" if number < now else "now" if number == now else "next"
        words = {"done": "done", "now": "now", "next": "still to come"}[kind]
        current = ' aria-current="step"' if kind == "now" else ""
        hidden = f'<span class="lesson-hidden">, {words}</span>'
        items.append(f'<li class="{kind}"{current}>{name}{hidden}</li>')
    return f'<ol class="lesson-steps" aria-label="Steps">{"".join(items)}</ol>'


def _show_prediction(link: Link, standing: Standing) -> None:
    lesson, predict = link.lesson, link.lesson.predict
    if PREDICT in standing.answers:
        said = predict.options[standing.answers[PREDICT]].text
        show_locked(predict.text, said, verb="You predicted")
        return
    texts = [option.text for option in predict.options]
    ask(lesson, PREDICT, predict.text, texts, button="Lock in my prediction")


def _show_run(link: Link, standing: Standing) -> None:
    lesson, first = link.lesson, standing.first
    scenario = lesson.scenarios[0]
    config = config_for(link, standing, scenario.name)
    st.caption(f":material/lock: {locked_words(config)}")
    if first is not None and first.has_shown:
        return
    if first is not None and not first.run.is_over:
        waits = first.run.state == "queued"
        st.markdown("It waits for its turn." if waits else "It trains: watch the picture.")
        return
    if first is not None:
        st.markdown("It did not come to its end. Start it once more.")
    elif standing.has_lost_run:
        st.markdown(
            "The run that you saw was deleted. Start it once more, and record again what you see."
        )
    st.button(
        "Start training",
        key="start_lesson",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not standing.may_start(scenario.name),
        on_click=start,
        args=(link, scenario.name),
    )


def _show_record(link: Link, standing: Standing) -> None:
    sights = [*(sight.text for sight in link.lesson.record), SOMETHING_ELSE]
    question = "What did you see in the picture?"
    if standing.is_revealed:
        show_locked(question, sights[standing.answers[RECORD]], verb="You saw")
    else:
        ask(link.lesson, RECORD, question, sights, button="This is what I saw")


def _show_explanation(link: Link, standing: Standing) -> None:
    lesson, first = standing.lesson, standing.first
    if first is not None and first.has_shown and config_of(first.run) is not None:
        fit = Fit.of(store(), first.run.run_id)
        sight = told_sight(lesson, standing.answers[RECORD], fit)
        st.html(f'<p class="lesson-sight">{sight}</p>{_facts(fit, lesson)}')
    if PREDICT in standing.answers:
        said = lesson.predict.options[standing.answers[PREDICT]]
        verdict = "right." if said.is_right else "not this time."
        st.html(
            f'<p class="lesson-sight">You predicted “{prose(said.text)}”: '
            f"<strong>{verdict}</strong> {prose(said.feedback)}</p>"
        )
        with st.expander("All answers"):
            show_feedback(lesson.predict, standing.answers[PREDICT], with_text=False)
    if lesson.scenarios[0].opens_test:
        st.markdown("Break the seal below the curves: what the test rows say is the answer.")
    st.html(
        f'<div class="lesson-explanation">{explained(lesson.explain)}</div>'
        f'<p class="lesson-belief">So it is not true: “{html.escape(lesson.removes)}”</p>'
    )


def _facts(fit: Fit, lesson: Lesson) -> str:
    lines = "".join(f"<li>{html.escape(fact)}</li>" for fact in curve_facts(fit.history))
    rows = threshold_rows(fit) if lesson.shows_matrix else []
    return f'<ul class="lesson-facts">{lines}</ul>{facts_table(rows)}'


def _show_knob(link: Link, standing: Standing) -> None:
    lesson = link.lesson
    if lesson.knob.field in _LOOKING:
        st.markdown(
            f"Drag **{lesson.knob.label}** beside the matrix. Nothing is trained anew: the scores "
            "stay, only the line between the two classes moves."
        )
        return
    st.markdown(f"Turn **{lesson.knob.label}**. All else stays as it was, the seed too.")
    is_busy = any(not one.run.is_over for one in standing.runs)
    if link.knob:
        st.caption(
            f":material/lock: The link locks it: {escaped(lesson.scenario(link.knob).title)}."
        )
    with st.container(horizontal=True, gap="small"):
        for name in link.positions:
            known = standing.newest(name)
            if known is None or (known.run.is_over and not known.has_shown):
                _start_button(link, name, disabled=is_busy)
    table = comparison(standing, _last_logs(standing))
    if table:
        st.html(table)


def _last_logs(standing: Standing) -> Mapping[str, Mapping[str, float | None]]:
    return {
        one.run.run_id: store().last_logs(one.run.run_id) for one in standing.runs if one.has_shown
    }


def _show_challenge(link: Link, standing: Standing) -> None:
    lesson, question = link.lesson, link.lesson.challenge
    if CHALLENGE not in standing.answers:
        texts = [option.text for option in question.options]
        ask(lesson, CHALLENGE, question.text, texts, button="Lock in my answer")
        return
    show_feedback(question, standing.answers[CHALLENGE])
    show_tries(link, standing, question, key=CHALLENGE)


def show_tries(link: Link, standing: Standing, question: Question, *, key: str) -> None:
    """Draw a button for each case of a question, which runs it."""
    if not question.scenarios:
        return
    is_busy = any(not one.run.is_over for one in standing.runs)
    with st.container(horizontal=True, gap="small"):
        for scenario in question.scenarios:
            known = standing.newest(scenario)
            is_there = known is not None and known.has_shown
            verb = "Run it again" if is_there else "Try it live"
            _start_button(link, scenario, verb=verb, disabled=is_busy, key=key)


def _start_button(
    link: Link, scenario: str, *, disabled: bool, verb: str = "Start", key: str = ""
) -> None:
    st.button(
        f"{verb}: {link.lesson.scenario(scenario).title}",
        key=f"start {link.lesson.name} {scenario} {key}",
        icon=":material/play_arrow:",
        disabled=disabled,
        on_click=start,
        args=(link, scenario),
    )
