/*
 * The table of a classification: every ratio by class and on average.
 */

const RATIOS = { precision: "Precision", recall: "Recall", specificity: "Specificity", f1: "F1", mcc: "Matthews correlation" };
const WHOLE = { accuracy: "Accuracy", balancedAccuracy: "Balanced accuracy", mcc: "Matthews correlation" };
const NO_ROWS = "there is no row";
const NO_VALUES = "no class has a value";

class ReportTable {
  #rows = [];
  #shape = "";

  constructor() {
    this.readouts = new Readouts(WHOLE);
    this.body = element("tbody");
    const names = [...Object.values(RATIOS), "Rows"].map((name) => element("th", { scope: "col" }, name));
    this.table = element(
      "table",
      { class: "ev-report", "data-testid": "report" },
      element("caption", { class: "ev-unseen" }, "Ratios by class"),
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Class"), ...names)),
      this.body,
    );
    this.words = element("p", { class: "ev-words" });
    this.node = element(
      "article",
      { class: "lr-card ev-wide" },
      element("header", { class: "lr-card-head" }, element("h3", { class: "lr-title" }, "All figures"), this.words),
      this.readouts.node,
      element("div", { class: "ev-scroll", tabindex: 0, role: "region", "aria-label": "All figures" }, this.table),
    );
  }

  /** Show a report: of these classes (their places in it) under these labels. */
  update({ report, labels, places, chosen, words, reasons }) {
    setText(this.words, words);
    this.readouts.set({
      accuracy: { value: report.accuracy, reason: NO_ROWS },
      balancedAccuracy: { value: report.balancedAccuracy, reason: NO_ROWS },
      mcc: { value: report.mcc, reason: reasons.mcc },
    });
    this.#build([...labels, "Mean of the classes (macro)", "Mean of the rows (weighted)"]);
    places.forEach((place, k) => this.#fill(this.#rows[k], report.classes[place], reasons, place === chosen));
    const averages = this.#rows.slice(places.length);
    ["macro", "weighted"].forEach((kind, k) => {
      const values = Object.fromEntries(Object.keys(RATIOS).map((name) => [name, report[kind](name)]));
      const none = Object.fromEntries(Object.keys(RATIOS).map((name) => [name, NO_VALUES]));
      this.#fill(averages[k], { ...values, support: report.support }, none, false);
    });
  }

  #build(labels) {
    const shape = JSON.stringify(labels);
    if (shape === this.#shape) return;
    this.#shape = shape;
    this.#rows = labels.map((label, k) => {
      const cells = [...Object.keys(RATIOS), "support"].map((name) => [name, element("td")]);
      const node = element("tr", { class: k === labels.length - 2 ? "ev-first-mean" : null });
      node.append(element("th", { scope: "row", title: label }, label), ...cells.map(([, cell]) => cell));
      return { node, cells };
    });
    this.body.replaceChildren(...this.#rows.map(({ node }) => node));
  }

  #fill({ node, cells }, values, reasons, isChosen) {
    node.classList.toggle("ev-chosen", isChosen);
    for (const [name, cell] of cells) {
      const isDefined = Number.isFinite(values[name]);
      const words = name === "support" ? countWords(values[name]) : numberWords(values[name]);
      if (cell.textContent === words) continue;
      cell.textContent = words;
      cell.classList.toggle("ev-undefined", !isDefined);
      setAttribute(cell, "title", isDefined ? null : reasons[name]);
    }
  }
}
