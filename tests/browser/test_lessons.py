"""Lessons as people do them: predicted, run for real, recorded, explained; also by keyboard."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.program import Program
from tests.browser.viewer import Viewer

LESSON = {"lesson": "epochs_and_batches", "seed": 5}


def press(viewer: Viewer, label: str) -> None:
    viewer.page.get_by_role("button", name=label, exact=True).click()


def choose(viewer: Viewer, text: str) -> None:
    viewer.page.get_by_test_id("stRadio").last.get_by_text(text, exact=True).click()


def test_a_lesson_is_predicted_run_recorded_explained_and_outlives_a_reload(
    viewer: Viewer, program: Program
) -> None:
    page = viewer.page
    before = {run.run_id for run in program.store.runs()}

    def batch_sizes() -> set[object]:
        runs = [run for run in program.store.runs() if run.run_id not in before]
        assert {run.config["seed"] for run in runs} == {5}
        return {run.config["batch_size"] for run in runs}

    viewer.open("/lessons", **LESSON)
    expect(viewer.start_button).to_be_disabled()
    choose(viewer, "12")
    press(viewer, "Lock in my prediction")
    expect(page.get_by_text("You predicted: 12")).to_be_visible()
    viewer.start_button.click()
    viewer.expect_state("Finished")
    viewer.expect_points(3)
    assert batch_sizes() == {2}

    page.reload()
    expect(page.get_by_text("You predicted: 12")).to_be_visible()
    choose(viewer, "The loss fell in every epoch.")
    press(viewer, "This is what I saw")
    expect(page.get_by_text("Well seen.")).to_be_visible()
    expect(page.get_by_text("every row its own update").first).to_be_visible()

    press(viewer, "Start: batches of 1")
    expect(page.get_by_role("columnheader", name="batches of 1")).to_be_visible()
    assert batch_sizes() == {1, 2}
    page.wait_for_function(
        "() => document.querySelector('[data-testid=chart-loss]')"
        ".data.find(trace => trace.meta.role === 'parent')?.x.length === 3"
    )
    assert viewer.curve("loss", "parent")[0] == [1, 2, 3]

    viewer.open("/lessons")
    expect(page.get_by_role("link", name="1 · Epochs and batches · begun")).to_be_visible()


def test_a_lesson_is_opened_and_a_prediction_made_by_keyboard_alone(viewer: Viewer) -> None:
    page = viewer.page
    viewer.open("/lessons")
    lesson = page.get_by_role("link", name="8 · 98 % accurate")
    lesson.focus()
    expect(lesson).to_have_css("outline-style", "solid")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{viewer.url}/lessons?lesson=fraud")
    question = page.get_by_role("radiogroup", name="A fraud alarm is right in 98 %")
    question.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    lock = page.get_by_role("button", name="Lock in my prediction", exact=True)
    expect(lock).to_be_enabled()
    page.keyboard.press("Tab")
    expect(lock).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("You predicted: First see")).to_be_visible()
    expect(viewer.start_button).to_be_enabled()
    page.get_by_role("link", name="All lessons").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="8 · 98 % accurate: ship it? · begun")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("You predicted: First see")).to_be_visible()


def test_a_question_of_the_quiz_is_answered_and_its_case_runs(
    viewer: Viewer, program: Program
) -> None:
    page = viewer.page
    viewer.open("/lessons", lesson="quiz")
    page.get_by_test_id("stRadio").first.get_by_text("How many layers there are.").click()
    page.get_by_role("button", name="Lock in my answer", exact=True).first.click()
    expect(page.get_by_text("That is the network's own affair.")).to_be_visible()
    press(viewer, "Try it live: batches of 2")
    viewer.expect_state("Finished")
    assert program.store.runs()[0].config["dataset"] == "four_points"


def test_who_presents_pauses_and_shows_the_answer(viewer: Viewer, program: Program) -> None:
    page = viewer.page
    viewer.open("/lessons", lesson="validation", seed=6, view="presenter")
    viewer.start_button.click()
    viewer.expect_state("Training")
    run_id = program.store.runs()[0].run_id
    program.slow_down(run_id, 2)
    press(viewer, "Pause")
    viewer.expect_state("Paused")
    expect(page.get_by_role("button", name="One epoch", exact=True)).to_be_enabled()
    expect(page.get_by_text("It learns the coins by heart")).to_have_count(0)
    page.get_by_text("Show the answers").click()
    expect(page.get_by_text("It learns the coins by heart")).to_be_visible()
