"""Evaluations in the browser: its thresholds, epochs, costs and cells."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewViewer
from tests.browser.evaluations import (
    cells_of,
    choose_class,
    counted,
    newest_counts,
    open_evaluation,
    slider,
    with_counts,
    words,
)
from tests.browser.program import Program
from tests.browser.viewer import Viewer
from trainer.evaluation.counts import NUM_BINS, ClassCounts
from trainer.evaluation.regression import regression_report
from trainer.evaluation.report import REASONS, report
from trainer.evaluation.thresholds import OneVersusRest
from trainer.inspections import Inspections

STEPS = [0, 1, 37, 250, 499, 500, 501, 731, 900, 998, 999, 1000]

# Move a slider as a hand does, and read the page once it has been drawn.
_AT = """async ([slider, values]) => {
  const input = document.querySelector(`[data-testid=${slider}]`);
  const found = [];
  for (const value of values) {
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    for (let k = 0; k < 3; k += 1) await new Promise((done) => requestAnimationFrame(done));
    const text = (name) => document.querySelector(`[data-testid=${name}]`).textContent;
    found.push({
      step: Number(document.querySelector("[data-testid=threshold-slider]").value),
      matrix: [...document.querySelectorAll(".ev-cell")].map((cell) => cell.textContent),
      precision: text("readout-precision"),
      recall: text("readout-recall"),
      f1: text("readout-f1"),
      words: text("goal-words"),
      report: [...document.querySelectorAll("[data-testid=report] td")].map((td) => td.textContent),
    });
  }
  return found;
}"""

# Move a slider to places, one a frame, and tell where it stands after the next one.
_AFTER_A_FRAME = """async (input, places) => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const found = [];
  for (const place of places) {
    input.value = place;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await frame();
    found.push(input.value);
  }
  return found;
}"""


@pytest.fixture
def moons(program: Program) -> str:
    return program.trained("moons", epochs=5, noise=0.3)


def test_the_numbers_are_the_trainer_s_at_every_threshold(
    program: Program, viewer: Viewer, moons: str
) -> None:
    counts = newest_counts(program, moons)
    open_evaluation(viewer, moons)

    for positive in (1, 0):
        choose_class(viewer, str(positive))
        outcomes = OneVersusRest.of(counts, positive)
        for step, shown in zip(
            STEPS, viewer.page.evaluate(_AT, ["threshold-slider", STEPS]), strict=True
        ):
            matrix = outcomes.matrix(step)
            if positive == 0:
                matrix = matrix[::-1, ::-1]
            assert shown["matrix"] == cells_of(matrix)
            for name in ("precision", "recall", "f1"):
                assert shown[name] == words(getattr(outcomes, name)[step]), (name, step)
            table = report(matrix)
            rows = zip(
                table.precision,
                table.recall,
                table.specificity,
                table.f1,
                table.class_mcc,
                strict=True,
            )
            cells = [[words(value) for value in row] for row in rows]
            assert shown["report"][0:5] == cells[0]
            assert shown["report"][8:13] == cells[1]
            assert shown["report"][16] == words(table.macro("precision"))
            assert shown["report"][24] == words(table.weighted("precision"))


@pytest.mark.parametrize("goal", ["precision", "recall"])
def test_a_goal_moves_the_threshold_to_the_best_that_gives_it(
    goal: str, program: Program, viewer: Viewer, moons: str
) -> None:
    outcomes = OneVersusRest.of(newest_counts(program, moons), 1)
    wanted = [0.5, 0.8, 0.9, 0.95, 1.0]
    open_evaluation(viewer, moons)

    for at_least, shown in zip(
        wanted, viewer.page.evaluate(_AT, [f"goal-{goal}", wanted]), strict=True
    ):
        step = getattr(outcomes, f"step_for_{goal}")(at_least)
        if step is None:
            assert "not reachable at any threshold" in shown["words"]
        else:
            assert shown["step"] == step
            assert f"threshold {step / 1000:.3f}" in shown["words"]


def test_a_goal_nothing_reaches_is_said_so(program: Program, viewer: Viewer) -> None:
    positives, negatives = np.zeros((2, NUM_BINS)), np.zeros((2, NUM_BINS))
    positives[1, 300], negatives[1, 700] = 3, 2
    positives[0, 300], negatives[0, 700] = 2, 3
    confusion = np.array([[0.0, 2.0], [3.0, 0.0]])
    counts = ClassCounts(positives=positives, negatives=negatives, confusion=confusion)
    open_evaluation(viewer, with_counts(program.store, [counts]))

    (shown,) = viewer.page.evaluate(_AT, ["goal-precision", [0.9]])

    assert shown["words"] == "Precision of at least 0.90 is not reachable at any threshold."
    assert shown["step"] == 500
    (shown,) = viewer.page.evaluate(_AT, ["threshold-slider", [1000]])
    assert shown["precision"] == "undefined"
    precision = viewer.page.get_by_test_id("readout-precision")
    reason = viewer.page.locator(f"#{precision.get_attribute('aria-describedby')}")
    expect(reason).to_be_visible()
    expect(reason).to_have_text(f"Precision: {REASONS['precision']}.")


def test_dragging_and_the_arrow_keys_move_everything_and_ask_no_server(
    program: Program, viewer: Viewer, moons: str
) -> None:
    outcomes = OneVersusRest.of(newest_counts(program, moons), 1)
    open_evaluation(viewer, moons)
    page, threshold = viewer.page, slider(viewer, "threshold")
    cells = page.locator(".ev-cell")
    point = page.locator("[data-testid=curve-precision_recall] ~ .ev-overlay .ev-mark-point")
    expect(point).to_be_attached()
    page.wait_for_load_state("networkidle")
    viewer.requests.clear()
    viewer.sent.clear()
    box = threshold.bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()

    # Up to 0.9: a random step more to the right would move nothing where no score is higher.
    for share in (0.62, 0.3, 0.04, 0.9):
        before = point.get_attribute("style")
        page.mouse.move(box["x"] + share * box["width"], middle, steps=7)
        step = int(threshold.input_value())
        assert step == pytest.approx(1000 * share, abs=30)
        expect(cells).to_have_text(cells_of(outcomes.matrix(step)))
        expect(point).not_to_have_attribute("style", before or "")
    page.mouse.up()

    dragged = int(threshold.input_value())
    for presses in range(1, 6):
        threshold.press("ArrowLeft")
        assert threshold.input_value() == str(dragged - presses)
        expect(cells).to_have_text(cells_of(outcomes.matrix(dragged - presses)))
    page.get_by_test_id("positive-class").focus()
    # A font may come late; nothing else is asked for, nor said.
    assert [address for address in viewer.requests if not address.endswith(".woff2")] == []
    assert viewer.sent == []


def test_the_time_machine_shows_each_epoch_as_it_was(program: Program, viewer: Viewer) -> None:
    epochs = [counted(3, 200 + 10 * seed, seed) for seed in range(6)]
    open_evaluation(viewer, with_counts(program.store, epochs))
    rows, epoch = viewer.page.get_by_test_id("evaluation-rows"), slider(viewer, "epoch")
    expect(rows).to_have_text("250 validation rows after epoch 6")

    epoch.press("Home")
    for k, counts in enumerate(epochs):
        expect(rows).to_have_text(f"{200 + 10 * k} validation rows after epoch {k + 1}")
        expect(viewer.page.locator(".ev-cell")).to_have_text(cells_of(counts.confusion))
        epoch.press("ArrowRight")

    viewer.page.get_by_test_id("play").click()
    expect(viewer.page.get_by_test_id("play")).to_have_text("Pause")
    expect(rows).to_have_text(re.compile("after epoch 3"))
    expect(viewer.page.get_by_test_id("play")).to_have_text("Play")
    expect(rows).to_have_text(re.compile("after epoch 6"))


def test_the_newest_epoch_is_followed_until_a_hand_moves_the_slider(
    program: Program, viewer: Viewer
) -> None:
    run_id = viewer.start(dataset="moons", epochs=3000)
    viewer.expect_points(20)
    open_evaluation(viewer, run_id)
    rows, live = (viewer.page.get_by_test_id(name) for name in ("evaluation-rows", "live"))
    expect(live).to_have_attribute("aria-pressed", "true")
    first = rows.inner_text()
    expect(rows).not_to_have_text(first)

    slider(viewer, "epoch").press("Home")
    expect(live).to_have_attribute("aria-pressed", "false")
    expect(rows).to_have_text(re.compile(r"after epoch 1(;|$)"))
    last = viewer.page.get_by_test_id("epoch-slider").get_attribute("max")
    viewer.page.wait_for_function(
        "last => Number(document.querySelector('[data-testid=epoch-slider]').max) > last",
        arg=int(last or 0),
    )
    expect(rows).to_have_text(re.compile(r"after epoch 1(;|$)"))

    live.click()
    expect(rows).not_to_have_text(re.compile(r"after epoch 1(;|$)"))
    expect(live).to_have_attribute("aria-pressed", "true")


def test_costs_move_the_best_threshold(viewer: Viewer, moons: str) -> None:
    open_evaluation(viewer, moons)
    page = viewer.page
    cheapest = page.get_by_test_id("cost-words")
    meaning = page.get_by_test_id("cost-meaning")
    upper_called_lower = "upper moon called lower moon"
    expect(meaning).to_contain_text(f"A false alarm: {upper_called_lower}. A miss:")

    found = []
    for preset in ("Spam filter", "Cancer screening"):
        before = cheapest.inner_text()
        page.get_by_role("button", name=preset).click()
        expect(cheapest).not_to_have_text(before)
        match = re.search(r"threshold (\d\.\d+)", cheapest.inner_text())
        assert match
        found.append(float(match[1]))
    page.get_by_test_id("use-threshold").click()

    spam, cancer = found
    assert cancer < spam
    expect(slider(viewer, "threshold")).to_have_value(f"{1000 * cancer:.0f}")
    choose_class(viewer, "0")
    expect(meaning).to_contain_text(f"A miss: {upper_called_lower}.")


def test_a_cell_tells_the_page_which_rows_are_asked_for(viewer: Viewer, moons: str) -> None:
    open_evaluation(viewer, moons)
    cells = viewer.page.locator(".ev-cell")
    expect(cells.first).to_have_attribute(
        "aria-label", re.compile(r"true upper moon, predicted upper moon: \d+ rows?")
    )

    cells.first.focus()
    cells.first.press("ArrowRight")
    expect(cells.nth(1)).to_be_focused()
    cells.nth(1).press("Enter")

    expect(viewer.page.get_by_text("not of class lower moon and called so")).to_be_visible()


def test_a_cell_of_the_train_page_leads_to_its_rows(viewer: Viewer, moons: str) -> None:
    viewer.open(run=moons)
    viewer.page.locator(".ev-cell").nth(2).click()

    expect(viewer.page.get_by_text("of class lower moon and not called so")).to_be_in_viewport()
    assert "/evaluate?" in viewer.page.url and viewer.run_id == moons


def test_a_seal_that_is_broken_elsewhere_is_broken_here(program: Program, viewer: Viewer) -> None:
    run_id = program.trained("moons", epochs=5, seed=1)
    open_evaluation(viewer, run_id)
    main = viewer.page.get_by_test_id("stMain")
    expect(main).to_contain_text("sealed: no figure of this run comes from them")
    viewer.page.get_by_role("button", name="Break the seal").scroll_into_view_if_needed()

    Inspections(program.store).ask(run_id, part="test", which="last")

    expect(main).to_contain_text("The seal was broken once.")
    expect(main).to_contain_text("Last epoch (5), at threshold 0.500")


def test_cells_without_rows_are_text(program: Program, viewer: Viewer) -> None:
    run_id = with_counts(program.store, [counted(3, 100)])
    for path in ("/", "/evaluate"):
        viewer.open(path, run=run_id)
        expect(viewer.page.locator(".ev-cell")).to_have_count(9)
        expect(viewer.page.locator("button.ev-cell")).to_have_count(0)
    expect(viewer.page.get_by_text("only for runs of this program's own data")).to_be_visible()


def test_a_thousand_classes_are_thinned_to_the_most_confused(
    program: Program, viewer: Viewer
) -> None:
    counts = counted(1000, 300)
    open_evaluation(viewer, with_counts(program.store, [None] * 20 + [counts] * 4))

    expect(viewer.page.locator(".ev-cell")).to_have_count(400)
    expect(
        viewer.page.get_by_text("The 20 most confused of 1,000 classes.", exact=True)
    ).to_be_visible()
    curve = viewer.page.locator("article", has=viewer.page.get_by_test_id("curve-precision_recall"))
    curve.scroll_into_view_if_needed()
    expect(curve).to_contain_text("one curve for each of the 20 classes shown")
    choose_class(viewer, "999")
    expect(viewer.page.locator(".ev-cell")).to_have_count(4)

    # So many counts are not all kept ready: a hand is not held up by those on their way.
    epoch = slider(viewer, "epoch")
    epoch.press("Home")
    assert epoch.evaluate(_AFTER_A_FRAME, ["2", "1"]) == ["2", "1"]
    rows = viewer.page.get_by_test_id("evaluation-rows")
    # All there are, as of a fork, whose epochs begin late.
    expect(rows).to_have_text("300 validation rows after epoch 22")


def test_a_regression_shows_its_errors(program: Program, viewer: Viewer) -> None:
    run_id = program.trained("diabetes", epochs=3)
    viewer.open(run=run_id)
    expect(viewer.page.get_by_test_id("curve-agreement")).to_be_visible()
    open_evaluation(viewer, run_id)

    expected = regression_report(newest_counts(program, run_id))
    for name, value in (
        ("mae", expected.mean_absolute_error),
        ("rmse", expected.root_mean_squared_error),
        ("r2", expected.r2),
        ("bias", expected.bias),
    ):
        expect(viewer.page.get_by_test_id(f"readout-{name}")).to_have_text(words(value))
    expect(viewer.page.get_by_test_id("reasons")).to_have_text("")
    # From no row on: a single one is seen beside the many.
    viewer.page.wait_for_function(
        "() => document.querySelector('[data-testid=curve-agreement]')._fullData?.[0].zmin === 0"
    )


def test_class_names_are_text_wherever_they_stand(program: Program, viewer: Viewer) -> None:
    attack = "<img src=x onerror='window.attacked=1'><b>bold</b>"
    facts = {"class_names": [attack, "b", "c"], "majority": {"class": 0, "share": 0.5}}
    run_id = with_counts(program.store, [counted(3, 60)], facts=facts)
    open_evaluation(viewer, run_id)

    expect(viewer.page.locator(".ev-matrix th[scope=row]").first).to_have_text(attack)
    expect(viewer.page.locator(".ev-root img")).to_have_count(0)
    viewer.open(run=run_id)
    expect(viewer.page.locator(".ev-matrix")).to_be_visible()
    assert not viewer.has_been_attacked()


def test_a_run_without_validation_data_says_so(program: Program, viewer: Viewer) -> None:
    run_id = program.trained("iris", epochs=2, validation_split=0.0)
    viewer.open(run=run_id)
    empty = viewer.page.get_by_test_id("evaluation-empty")
    expect(empty).to_have_text("This run has no validation data.")

    viewer.open("/evaluate", run=run_id)
    expect(empty).to_have_text("This run has no validation data.")


def test_the_train_page_says_how_far_the_accuracy_is_from_always_guessing(
    program: Program, viewer: Viewer
) -> None:
    run_id = program.trained("digits", epochs=2)
    viewer.open(run=run_id)
    accuracy = program.history(run_id)["val_accuracy"][-1]
    majority = program.store.run(run_id).facts["majority"]
    distance = 100 * (accuracy - majority["share"])

    expect(
        viewer.page.get_by_text(
            f"{distance:.1f} points above always guessing class {majority['class']}"
        )
    ).to_be_visible()
    shape = viewer.chart("accuracy").evaluate("node => node.layout.shapes[0]")
    assert shape["visible"] and shape["y0"] == pytest.approx(majority["share"])


def test_the_way_from_the_curves_to_the_evaluation_and_back(viewer: Viewer, moons: str) -> None:
    viewer.open(run=moons)
    viewer.page.get_by_role("link", name="Evaluate this run in depth").click()
    expect(viewer.page.get_by_test_id("epoch-slider")).to_be_visible()
    assert viewer.run_id == moons

    viewer.page.get_by_role("link", name="Curves").click()
    viewer.expect_points(5)
    assert viewer.run_id == moons


def test_beside_the_boundary_the_table_shows_all_its_columns(viewer: Viewer, moons: str) -> None:
    viewer.page.set_viewport_size({"width": 1440, "height": 900})
    open_evaluation(viewer, moons)

    table = viewer.page.get_by_role("region", name="All figures")
    assert table.evaluate("node => node.scrollWidth <= node.clientWidth")


def test_a_phone_shows_the_evaluation_without_scrolling_sideways(
    program: Program, new_viewer: NewViewer
) -> None:
    phone = new_viewer(
        program, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    open_evaluation(phone, with_counts(program.store, [counted(10, 300)]))

    expect(phone.page.locator(".ev-matrix")).to_be_visible()
    assert not phone.scrolls_sideways()
    open_evaluation(phone, program.trained("diabetes", epochs=3))
    expect(phone.page.get_by_test_id("curve-agreement")).to_be_visible()
    assert not phone.scrolls_sideways()
