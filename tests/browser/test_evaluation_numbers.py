"""What the browser computes from counts is what the trainer computes from them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from pages.evaluation.component import SCRIPTS
from pages.figures import evaluation as figures
from pages.live.reader import to_message
from tests.browser.evaluations import (
    choose_class,
    counted,
    open_evaluation,
    slider,
    with_counts,
    words,
)
from tests.browser.program import Program
from tests.browser.viewer import Viewer
from trainer.evaluation.counters import class_counter
from trainer.evaluation.counts import NUM_BINS, ClassCounts
from trainer.evaluation.packing import pack
from trainer.evaluation.report import REASONS, report
from trainer.evaluation.thresholds import OneVersusRest
from trainer.runs import Evaluation

RATIOS = ("precision", "recall", "specificity", "f1")

# All of it by class, and what follows from all classes.
_COMPUTED = """async ([script, message]) => {
  const { unpack, classReport, cheapestStep } = new Function(
    `${script}; return { unpack, classReport, cheapestStep };`,
  )();
  const counts = await unpack(message);
  const n = counts.numClasses;
  const confusion = counts.confusion();
  const report = classReport(confusion, n, counts.areas());
  const names = ["precision", "recall", "specificity", "f1", "mcc", "averagePrecision", "rocAuc"];
  const plain = (value) => {
    if (Array.isArray(value) || ArrayBuffer.isView(value)) return [...value].map(plain);
    return Number.isNaN(value) ? null : value;
  };
  const outcomes = Array.from({ length: n }, (_, k) => counts.against(k));
  return {
    classes: report.classes.map((ratios) => names.map((name) => plain(ratios[name]))),
    support: report.classes.map((ratios) => ratios.support),
    whole: [report.accuracy, report.balancedAccuracy, report.mcc].map(plain),
    macro: names.map((name) => plain(report.macro(name))),
    weighted: names.map((name) => plain(report.weighted(name))),
    about: names.map((name) => report.aboutAverage(name)),
    outcomes: outcomes.map((one) => ({
      precision: plain(one.precision),
      recall: plain(one.recall),
      falsePositiveRate: plain(one.falsePositiveRate),
      f1: plain(Array.from(one.recall, (_, step) => one.f1(step))),
      matrix: Array.from(one.recall, (_, step) => Object.values(one.at(step))),
      cost: plain(one.cost(3, 7)),
      cheapest: cheapestStep(one.cost(3, 7)),
      forPrecision: [0.3, 0.7, 1].map((goal) => one.stepForPrecision(goal)),
      forRecall: [0.3, 0.7, 1].map((goal) => one.stepForRecall(goal)),
      prevalence: plain(one.prevalence),
    })),
  };
}"""

_CONFUSED = """async ([script, message, limits]) => {
  const [unpack, mostConfused] = new Function(`${script}; return [unpack, mostConfused];`)();
  const counts = await unpack(message);
  return limits.map((limit) => mostConfused(counts.confusion(), counts.numClasses, limit));
}"""
_IN_WORDS = """([script, values]) => {
  const numberWords = new Function(`${script}; return numberWords;`)();
  return values.map(numberWords);
}"""

_TRACES = """node => Object.fromEntries(node.data.map(({ meta, x, y, customdata = [] }) => [
  meta.role, { x: [...x], y: [...y], customdata: [...customdata] },
]))"""
# Where each card lies, and how high it is.
_PLACES = """() => [...document.querySelectorAll(".ev-root article")]
  .map((card) => [card.offsetTop, card.offsetHeight])"""


def close(expected: Any) -> Any:
    """Return what a list of numbers must be like, None where a number is undefined."""
    return [
        pytest.approx(value, rel=1e-9, abs=1e-9) if np.isfinite(value) else None
        for value in np.ravel(expected)
    ]


def without_class(counts: ClassCounts, lost: int) -> ClassCounts:
    """Return counts with neither rows nor predictions of a class."""
    positives, confusion = counts.positives.copy(), counts.confusion.copy()
    positives[lost] = 0
    confusion[lost] = confusion[:, lost] = 0
    return dataclasses.replace(counts, positives=positives, confusion=confusion)


CASES = {
    "three classes": counted(3, 400),
    "two classes": counted(2, 400, seed=1),
    "with fractional weights": counted(3, 400, seed=2, is_weighted=True),
    "a class without rows": without_class(counted(3, 200, seed=3), 1),
    "one class only": without_class(without_class(counted(3, 200, seed=4), 0), 2),
    "no rows": ClassCounts(
        positives=np.zeros((3, NUM_BINS)),
        negatives=np.zeros((3, NUM_BINS)),
        confusion=np.zeros((3, 3)),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_browser_s_numbers_are_the_trainer_s(case: str, browser: Browser) -> None:
    counts = CASES[case]
    page = browser.new_page()
    message = to_message(Evaluation(epoch=0, counts=pack(counts)))

    found = page.evaluate(_COMPUTED, [SCRIPTS["counts"], message])
    page.close()

    table = report(counts.confusion)
    all_outcomes = [OneVersusRest.of(counts, k) for k in range(counts.num_classes)]
    areas = np.array([(one.average_precision, one.roc_auc) for one in all_outcomes])
    for k, one in enumerate(all_outcomes):
        mine = found["outcomes"][k]
        assert mine["precision"] == close(one.precision)
        assert mine["recall"] == close(one.recall)
        assert mine["falsePositiveRate"] == close(one.false_positive_rate)
        assert mine["f1"] == close(one.f1)
        for step in range(NUM_BINS):
            (tn, fp), (fn, tp) = one.matrix(step)
            assert mine["matrix"][step] == close([tp, fp, fn, tn])
            assert min(mine["matrix"][step]) >= 0
        cost = one.cost(false_alarm=3, miss=7)
        assert mine["cost"] == close(cost)
        assert mine["cheapest"] == np.argmin(cost)
        assert mine["forPrecision"] == [one.step_for_precision(goal) for goal in (0.3, 0.7, 1)]
        assert mine["forRecall"] == [one.step_for_recall(goal) for goal in (0.3, 0.7, 1)]
        assert [mine["prevalence"]] == close(figures.prevalence(one))
        ratios = [getattr(table, name)[k] for name in RATIOS]
        assert found["classes"][k] == close([*ratios, table.class_mcc[k], *areas[k]])
    assert found["support"] == close(table.support)
    assert found["whole"] == close([table.accuracy, table.balanced_accuracy, table.mcc])
    for kind in ("macro", "weighted"):
        average = getattr(table, kind)
        assert found[kind][:5] == close([average(name) for name in (*RATIOS, "class_mcc")])
    assert found["macro"][5:] == close([mean_of_defined(area) for area in areas.T])
    assert found["about"][:4] == [
        about_mean(int(np.isfinite(getattr(table, name)).sum()), counts.num_classes)
        for name in RATIOS
    ]


def mean_of_defined(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def about_mean(defined: int, num_classes: int) -> str | None:
    if defined == num_classes:
        return None
    if defined == 0:
        return "no class has a value"
    noun = "1 class" if defined == 1 else f"{defined} classes"
    verb = "has" if defined == 1 else "have"
    return f"mean of the {noun} of {num_classes} that {verb} a value"


def test_the_most_confused_classes_are_those_most_often_taken_for_one_another(
    browser: Browser,
) -> None:
    confusion = np.eye(30) * 50
    confusion[0, 1:] = 1  # many mistakes, and none of them often
    confusion[4, 9], confusion[9, 4], confusion[20, 12], confusion[4, 20] = 3, 2, 4, 3
    nothing = np.zeros((30, NUM_BINS))
    counts = ClassCounts(positives=nothing, negatives=nothing, confusion=confusion)
    page = browser.new_page()
    message = to_message(Evaluation(epoch=0, counts=pack(counts)))

    found = page.evaluate(_CONFUSED, [SCRIPTS["counts"], message, [4, 5, 30]])
    page.close()

    assert found == [[4, 9, 12, 20], [0, 4, 9, 12, 20], [*range(30)]]


def test_a_small_number_is_not_written_as_zeros(browser: Browser) -> None:
    page = browser.new_page()

    found = page.evaluate(
        _IN_WORDS, [SCRIPTS["counts"] + SCRIPTS["curves"], [153.7773, 0.25, 0, -0.00012345, 4.2e-9]]
    )
    page.close()

    assert found == ["153.777", "0.250", "0.000", "-0.000123", "4.2e-9"]


@pytest.mark.parametrize("is_weighted", [False, True], ids=["rows", "weighted rows"])
def test_the_curves_on_the_page_are_those_python_draws(
    is_weighted: bool, program: Program, viewer: Viewer
) -> None:
    counts = counted(3, 300, seed=6, is_weighted=is_weighted)
    one = OneVersusRest.of(counts, 2)
    open_evaluation(viewer, with_counts(program.store, [counts]))
    choose_class(viewer, "2")

    def expect_trace(name: str, role: str, **expected: Any) -> None:
        node = viewer.page.get_by_test_id(f"curve-{name}")
        node.scroll_into_view_if_needed()
        expect(node.locator(".js-line").first).to_be_attached()
        viewer.page.wait_for_function(
            "([name, role]) => document.querySelector(`[data-testid=curve-${name}]`)"
            ".data.some((trace) => trace.meta.role === role)",
            arg=[name, role],
        )
        found = node.evaluate(_TRACES)[role]
        for axis, values in expected.items():
            assert found[axis] == close(values), (name, role, axis)

    points = figures.precision_recall_points(one)
    expect_trace(
        "precision_recall", "curve", x=points["x"], y=points["y"], customdata=points["threshold"]
    )
    expect_trace("precision_recall", "no_skill", x=[0, 1], y=[figures.prevalence(one)] * 2)
    points = figures.roc_points(one)
    expect_trace("roc", "curve", x=points["x"], y=points["y"], customdata=points["threshold"])
    for role, side in (("positive", one.positives), ("negative", one.negatives)):
        shares = figures.score_shares(side)
        expect_trace("scores", role, y=[*shares, shares[-1]])
    points = figures.reliability_points(one)
    expect_trace("reliability", "curve", x=points["x"], y=points["y"], customdata=points["rows"])
    expect_trace("cost", "curve", y=one.cost(false_alarm=1, miss=1))


def test_the_areas_are_in_the_table_and_their_mean_over_the_curves(
    program: Program, viewer: Viewer
) -> None:
    counts = counted(3, 300, seed=7)
    areas = [
        (one.average_precision, one.roc_auc)
        for one in (OneVersusRest.of(counts, k) for k in range(3))
    ]
    mean = np.mean(areas, axis=0)
    open_evaluation(viewer, with_counts(program.store, [counts]))

    rows = viewer.page.get_by_test_id("report").locator("tbody tr")
    for k, expected in enumerate([*areas, mean]):
        cells = rows.nth(k).locator("td")
        expect(cells.nth(5)).to_have_text(words(expected[0]))
        expect(cells.nth(6)).to_have_text(words(expected[1]))
    card = viewer.page.locator("article")
    expect(card.filter(has_text="Precision and recall").first).to_contain_text(
        f"mean average precision {words(mean[0])}; one curve for each class"
    )
    expect(card.filter(has_text="ROC").first).to_contain_text(f"mean area {words(mean[1])}")


def test_undefined_numbers_and_partial_means_say_why_in_the_open(
    program: Program, viewer: Viewer
) -> None:
    no_row = class_counter(np.array([0, 1, 2]), 3)(np.full((3, 3), np.nan))
    run_id = with_counts(program.store, [no_row, CASES["a class without rows"]])
    open_evaluation(viewer, run_id)
    page = viewer.page

    partial = "mean of the 2 classes of 3 that have a value"
    expect(page.get_by_test_id("reasons").first).to_have_text(
        f"Precision, Recall and F1: {partial}."
    )
    expect(page.get_by_test_id("reasons").last).to_have_text(f"Balanced accuracy: {partial}.")
    row = page.get_by_test_id("report").locator("tbody tr").nth(1)
    undefined = row.locator("td", has_text="undefined")
    for k in range(undefined.count()):
        note = page.locator(f"#{undefined.nth(k).get_attribute('aria-describedby')}")
        expect(note).to_be_visible()
        expect(note).to_contain_text(" row ")
    macro = page.get_by_test_id("report").locator("tbody tr").nth(3).locator("td").first
    expect(page.locator(f"#{macro.get_attribute('aria-describedby')}")).to_contain_text(partial)

    page.set_viewport_size({"width": 1280, "height": 2000})
    choose_class(viewer, "1")
    slider(viewer, "epoch").press("Home")
    expect(page.get_by_text("There is no row.", exact=True)).to_have_count(3)
    expect(page.get_by_test_id("cost-words")).to_have_text("")
    expect(page.get_by_test_id("use-threshold")).to_be_disabled()


def test_a_correlation_of_a_class_says_which_side_is_missing(
    program: Program, viewer: Viewer
) -> None:
    confusion = np.array([[3.0, 0, 0], [5.0, 0, 0], [0, 0, 0]])
    nothing = np.zeros((3, NUM_BINS))
    counts = ClassCounts(positives=nothing, negatives=nothing, confusion=confusion)
    open_evaluation(viewer, with_counts(program.store, [counts]))

    rows = viewer.page.get_by_test_id("report").locator("tbody tr")
    for k, name in enumerate(("called", "precision", "recall")):
        cell = rows.nth(k).locator("td").nth(4)
        note = viewer.page.locator(f"#{cell.get_attribute('aria-describedby')}")
        expect(note).to_contain_text(REASONS[name])


def test_nothing_below_jumps_when_a_number_becomes_undefined(
    program: Program, viewer: Viewer
) -> None:
    open_evaluation(viewer, with_counts(program.store, [counted(2, 300, seed=8)]))
    threshold = viewer.page.get_by_test_id("threshold-slider")
    for text in viewer.page.get_by_test_id("reasons").all_text_contents():
        assert text == ""
    before = viewer.page.evaluate(_PLACES)

    threshold.press("End")

    expect(viewer.page.get_by_test_id("readout-precision")).to_have_text("undefined")
    expect(viewer.page.get_by_test_id("report-notes").locator("li")).not_to_have_count(0)
    assert viewer.page.evaluate(_PLACES) == before
