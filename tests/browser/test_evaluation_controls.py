"""Every control that shows an evaluation has an effect: a walk over all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.evaluations import choose_class, counted, open_evaluation, slider, with_counts
from tests.browser.program import Program
from tests.browser.viewer import Viewer

# What a reader reads, and nothing of what a control says of itself.
_OUTPUTS = r"""() => {
  const all = (selector, read) =>
    JSON.stringify([...document.querySelectorAll(selector)].map(read));
  const text = (node) => node.textContent;
  const main = document.querySelector("[data-testid=stMain]").innerText;
  return {
    rows: all("[data-testid=evaluation-rows]", text),
    cells: all(".ev-cell", text),
    names: all(".ev-cell", (node) => node.ariaLabel),
    readouts: all(".ev-readouts dd", text),
    report: all("[data-testid=report] td", text),
    goal: all("[data-testid=goal-words]", text),
    costs: all("[data-testid=cost-words]", text),
    marks: all(".ev-mark", (node) => node.hidden || node.style.transform),
    figures: all(
      ".ev-root :is(.js-line, .barlayer path, .heatmaplayer image)",
      (node) => node.getAttribute("d") ?? node.getAttribute("xlink:href"),
    ),
    tips: all(".lr-help", (node) => getComputedStyle(node, "::after").visibility),
    examples: main.match(/\d+ validation rows? .*of class .* after epoch \d+/)?.[0] ?? "",
    seal: main.match(/sealed: no figure|seal was broken.*/)?.[0] ?? "",
    address: location.pathname,
  };
}"""
_HAVE_CHANGED = f"""([before, names]) => {{
  const now = ({_OUTPUTS})();
  return names.every((name) => now[name] && now[name] !== before[name]);
}}"""
# A third of a second of frames in which nothing moved: figures are drawn one a frame, and late.
_REST = f"""async () => {{
  let [before, still] = ["", 0];
  while (still < 18) {{
    await new Promise((done) => requestAnimationFrame(done));
    const now = JSON.stringify(({_OUTPUTS})());
    still = now === before ? still + 1 : 0;
    before = now;
  }}
}}"""
# Name all controls below a node, and mark them with their names. Streamlit's own tools above a
# table are not ours; of the many cells of a matrix the first one stands for all.
_NAMES = """node => {
  const selector = "a, button, input, select, textarea, summary, [role=slider], [role=tab]";
  const tools = "[data-testid=stElementToolbar], [data-testid=stDataFrame]";
  const [first] = node.querySelectorAll(".ev-cell");
  const controls = [...node.querySelectorAll(selector)].filter((control) =>
    !control.closest(tools) && (control === first || !control.matches(".ev-cell")));
  const caption = (control) =>
    (control.querySelector("[data-testid=stMarkdownContainer]") ?? control).textContent.trim();
  for (const control of controls) {
    const title = control.closest("article")?.querySelector("h3").textContent;
    const own = control.closest(".ev-root") && control.dataset.testid;
    if (control === first) control.dataset.control = "cell";
    else if (control.matches(".lr-help")) control.dataset.control = `? ${title}`;
    else control.dataset.control = own || caption(control);
  }
  return controls.map((control) => control.dataset.control);
}"""

Step = Callable[[Viewer], None]


class Control(NamedTuple):
    """How a control is used, and which outputs change by that.

    Attributes:
        act: Uses it.
        changes: Names in `_OUTPUTS`.
        prepare: Puts the page where it is enabled, not yet pressed, and has an effect.
    """

    act: Callable[[Locator], object]
    changes: tuple[str, ...]
    prepare: Step


def both(*steps: Step) -> Step:
    return lambda viewer: [step(viewer) for step in steps] and None


def press(testid: str, key: str) -> Step:
    return lambda viewer: viewer.page.get_by_test_id(testid).press(key)


def click(name: str) -> Step:
    return lambda viewer: viewer.page.get_by_role("button", name=name, exact=True).click()


def fill(testid: str, value: str) -> Step:
    return lambda viewer: viewer.page.get_by_test_id(testid).fill(value)


def nothing(viewer: Viewer) -> None:
    pass


def one_class(viewer: Viewer) -> None:
    choose_class(viewer, "1")


def go_live(viewer: Viewer) -> None:
    press("epoch-slider", "End")(viewer)
    viewer.page.get_by_test_id("live").click()


def press_last_cell(viewer: Viewer) -> None:
    viewer.page.locator(".ev-cell").last.click()
    expect_examples(viewer.page)


def press_first_cell(viewer: Viewer) -> None:
    viewer.page.locator(".ev-cell").first.click()
    expect_examples(viewer.page)


def choose_rows_of(epoch: str) -> Step:
    def step(viewer: Viewer) -> None:
        examples = viewer.page.locator(".st-key-examples_of_cell")
        examples.get_by_text(epoch, exact=True).click()
        last = examples.get_by_text(f"after epoch {ROUGHLY['epochs']}")
        expect(last).to_have_count(1 if epoch == "Last epoch" else 0)
        expect_examples(viewer.page)

    return step


def expect_examples(page: Page) -> None:
    examples = page.locator(".st-key-examples_of_cell")
    expect(examples.get_by_text("after epoch").first).to_be_visible()


def break_seal(button: Locator) -> None:
    button.click()
    popover = button.page.get_by_test_id("stPopoverBody")
    popover.get_by_text("Best epoch").click()
    popover.get_by_role("button", name="Test it").click()


first_epoch = press("epoch-slider", "Home")
equal_costs = both(one_class, fill("cost-false-alarm", "1"), fill("cost-miss", "1"))
# Where every row of another class is a false alarm, and where every one of the class is missed.
all_alarms = both(equal_costs, press("threshold-slider", "Home"))
all_misses = both(equal_costs, press("threshold-slider", "End"))

MATRIX = {
    "Counts": Control(Locator.click, ("cells", "names"), click("Share of true")),
    "Share of true": Control(Locator.click, ("cells", "names"), click("Counts")),
    "Share of predicted": Control(Locator.click, ("cells", "names"), click("Counts")),
}
THRESHOLD = {
    "positive-class": Control(
        lambda select: select.select_option("0"),
        ("readouts", "figures"),
        # Off the middle, where of two classes both may have the same ratios.
        both(one_class, fill("threshold-slider", "300")),
    ),
    "threshold-slider": Control(
        lambda one: one.press("Home"),
        ("cells", "readouts", "marks"),
        both(one_class, press("threshold-slider", "End")),
    ),
    "goal-precision": Control(
        lambda one: one.press("ArrowRight"),
        ("cells", "goal", "marks"),
        both(one_class, press("threshold-slider", "Home")),
    ),
    "goal-recall": Control(
        lambda one: one.press("ArrowRight"),
        ("cells", "goal", "marks"),
        both(one_class, press("threshold-slider", "End")),
    ),
}
COSTS = {
    "cost-false-alarm": Control(lambda one: one.fill("7"), ("costs", "figures"), all_alarms),
    "cost-miss": Control(lambda one: one.fill("7"), ("costs", "figures"), all_misses),
    "Spam filter": Control(Locator.click, ("costs", "figures"), all_alarms),
    "Cancer screening": Control(Locator.click, ("costs", "figures"), all_misses),
    "use-threshold": Control(
        Locator.click,
        ("cells", "costs", "readouts", "marks"),
        both(one_class, click("Spam filter"), press("threshold-slider", "Home")),
    ),
}
TIME = {
    "play": Control(Locator.click, ("rows", "readouts"), first_epoch),
    "epoch-slider": Control(lambda one: one.press("Home"), ("rows", "readouts"), go_live),
    "live": Control(Locator.click, ("rows", "readouts"), first_epoch),
}
ROWS = {
    "cell": Control(Locator.click, ("examples",), press_last_cell),
    "Best epoch": Control(
        Locator.click, ("examples",), both(press_first_cell, choose_rows_of("Last epoch"))
    ),
    "Last epoch": Control(
        Locator.click, ("examples",), both(press_first_cell, choose_rows_of("Best epoch"))
    ),
}
LEAVING = {
    "Break the seal": Control(break_seal, ("seal",), nothing),
    "Curves": Control(Locator.click, ("address",), press("epoch-slider", "Escape")),
}


def helps(*titles: str) -> dict[str, Control]:
    return {f"? {title}": Control(Locator.focus, ("tips",), nothing) for title in titles}


ALL_CURVES = ("Precision and recall", "ROC", "Scores", "Reliability", "Cost")
CLASSES = {**MATRIX, **THRESHOLD, **COSTS, **TIME, **helps(*ALL_CURVES), **ROWS, **LEAVING}
REGRESSION = {**TIME, **helps("Predicted against actual", "Errors"), **LEAVING}
BESIDE_THE_CURVES = {
    **MATRIX,
    **THRESHOLD,
    **helps("Precision and recall"),
    "cell": Control(Locator.click, ("address", "examples"), nothing),
}
BOUNDARY = helps("Decision boundary")
# Trained so roughly that the best epoch is not the last one.
ROUGHLY = {"epochs": 12, "learning_rate": 0.1}
CASES = {
    "two classes": ("/evaluate", {"dataset": "moons", "noise": 0.3}, {**BOUNDARY, **CLASSES}),
    "three classes": ("/evaluate", {"dataset": "wine"}, CLASSES),
    "a regression": ("/evaluate", {"dataset": "diabetes"}, REGRESSION),
    "two classes while watching": (
        "/",
        {"dataset": "moons", "noise": 0.3},
        {**BOUNDARY, **BESIDE_THE_CURVES},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_control_has_an_effect(case: str, program: Program, viewer: Viewer) -> None:
    path, choices, table = CASES[case]
    run_id = program.trained(**choices, **ROUGHLY)
    losses = program.history(run_id)["val_loss"]
    assert min(loss for loss in losses if loss is not None) != losses[-1]
    page = viewer.page
    if path == "/evaluate":
        # A figure out of sight is drawn once it is looked at.
        page.set_viewport_size({"width": 1600, "height": 2400})
        open_evaluation(viewer, run_id)
        if "cell" in table:
            press_first_cell(viewer)
    else:
        viewer.open(run=run_id)
        expect(page.locator("button.ev-cell").first).to_be_visible()
    scope = page.get_by_test_id("stMain") if path == "/evaluate" else page.locator(".ev-root")

    # No control is missing here, and none there.
    assert sorted(scope.evaluate(_NAMES)) == sorted(table)

    for name, (act, changes, prepare) in table.items():
        prepare(viewer)
        scope.evaluate(_NAMES)
        control = scope.locator(f"[data-control='{name}']")
        control.scroll_into_view_if_needed()
        page.evaluate(_REST)
        expect(control, name).to_be_enabled()
        expect(control, name).not_to_have_attribute("aria-pressed", "true")
        before = page.evaluate(_OUTPUTS)
        act(control)
        try:
            page.wait_for_function(_HAVE_CHANGED, arg=[before, changes])
        except Exception as error:
            now = page.evaluate(_OUTPUTS)
            same = [output for output in changes if now[output] == before[output]]
            pytest.fail(f"{name} has no effect on {same or changes}: {error}")


def test_costs_that_make_no_sense_are_marked_until_they_do(
    program: Program, viewer: Viewer
) -> None:
    open_evaluation(viewer, with_counts(program.store, [counted(2, 200)]))
    miss, words = (viewer.page.get_by_test_id(f"cost-{name}") for name in ("miss", "words"))
    cheapest = words.inner_text()

    for text, got in (("-1", "-1"), ("", "none")):
        sentence = f"A cost must be a number of at least 0. Got {got}."
        miss.fill(text)
        expect(miss).to_have_attribute("aria-invalid", "true")
        expect(words).to_have_text(sentence)
        expect(miss).to_have_accessible_description(sentence)
    miss.blur()
    expect(words).to_have_text(cheapest)
    expect(miss).not_to_have_attribute("aria-invalid", "true")
    miss.fill("-1")
    viewer.page.get_by_role("button", name="Spam filter").click()

    expect(miss).to_have_value("1")
    expect(miss).not_to_have_attribute("aria-invalid", "true")


def test_a_cost_beyond_the_figure_is_never_drawn_outside_of_it(
    program: Program, viewer: Viewer
) -> None:
    open_evaluation(viewer, with_counts(program.store, [counted(2, 200)]))
    costs = viewer.page.get_by_test_id("curve-cost")
    costs.scroll_into_view_if_needed()
    expect(costs.locator(".js-line")).to_be_attached()
    viewer.page.evaluate(_REST)

    highest = viewer.page.evaluate(
        """async () => {
          const input = document.querySelector("[data-testid=cost-miss]");
          input.value = 100;
          input.dispatchEvent(new Event("input", { bubbles: true }));
          let highest = Infinity;
          for (let k = 0; k < 30; k += 1) {
            await new Promise((done) => requestAnimationFrame(done));
            const line = document.querySelector("[data-testid=curve-cost] .js-line");
            const numbers = [...line.getAttribute("d").matchAll(/,(-?[\\d.]+)/g)];
            highest = Math.min(highest, ...numbers.map(([, y]) => Number(y)));
          }
          return highest;
        }"""
    )

    assert highest >= 0


def test_the_threshold_stays_where_it_was_when_the_epoch_changes(
    program: Program, viewer: Viewer
) -> None:
    epochs = [counted(2, 200, seed) for seed in range(4)]
    open_evaluation(viewer, with_counts(program.store, epochs))
    threshold = slider(viewer, "threshold")
    threshold.press("Home")
    for _ in range(3):
        threshold.press("ArrowRight")

    slider(viewer, "epoch").press("Home")

    expect(viewer.page.get_by_test_id("evaluation-rows")).to_contain_text("after epoch 1")
    expect(threshold).to_have_value("3")
