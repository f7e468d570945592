/*
 * The table of a classification: every ratio by class and on average.
 */

const BY_MATRIX = { precision: "Precision", recall: "Recall", specificity: "Specificity", f1: "F1", mcc: "Matthews correlation" };
const BY_SCORES = { averagePrecision: "Average precision", rocAuc: "ROC AUC" };
const RATIOS = { ...BY_MATRIX, ...BY_SCORES };
const WHOLE = { accuracy: "Accuracy", balancedAccuracy: "Balanced accuracy", mcc: "Matthews correlation" };

/** The small letters behind numbers, and the list of what they stand for. */
class Footnotes {
  #letters = new Map();
  #shown = "";

  constructor() {
    this.node = element("ul", { class: "ev-notes", "data-testid": "report-notes" });
  }

  begin() {
    this.#letters.clear();
  }

  /** Return the letter of a note. */
  letter(words) {
    if (!this.#letters.has(words)) this.#letters.set(words, String.fromCharCode(97 + this.#letters.size));
    return this.#letters.get(words);
  }

  end() {
    const notes = [...this.#letters];
    const shown = JSON.stringify(notes);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.node.replaceChildren(
      ...notes.map(([words, letter]) => element("li", { id: `ev-note-${letter}` }, element("sup", {}, letter), ` ${words}`)),
    );
  }
}

class ReportTable {
  #rows = [];
  #shape = "";
  #notes = new Footnotes();

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
      this.#notes.node,
    );
  }

  /** Show a report: of these classes (their places in it) under these labels. */
  update({ report, labels, places, chosen, words, reasons }) {
    setText(this.words, words);
    const { accuracy, balancedAccuracy, mcc } = report;
    this.readouts.set({
      accuracy: { value: accuracy, reason: report.support ? null : reasons.accuracy },
      balancedAccuracy: { value: balancedAccuracy, reason: report.aboutAverage("recall") },
      mcc: { value: mcc, reason: Number.isFinite(mcc) ? null : reasons.mcc },
    });
    this.#build([...labels, "Mean of the classes (macro)", "Mean of the rows (weighted)"]);
    this.#notes.begin();
    const undefinedFor = { ...reasons, averagePrecision: reasons.recall, rocAuc: null };
    places.forEach((place, k) => {
      const values = report.classes[place];
      undefinedFor.rocAuc = values.support ? reasons.specificity : reasons.recall;
      const missing = ["recall", "precision", "specificity"].find((name) => !Number.isFinite(values[name]));
      undefinedFor.mcc = reasons[missing ?? "called"];
      const about = (name) => (Number.isFinite(values[name]) ? null : undefinedFor[name]);
      this.#fill(this.#rows[k], values, about, place === chosen);
    });
    const averages = this.#rows.slice(places.length);
    ["macro", "weighted"].forEach((kind, k) => {
      const values = Object.fromEntries(Object.keys(RATIOS).map((name) => [name, report[kind](name)]));
      this.#fill(averages[k], { ...values, support: report.support }, report.aboutAverage, false);
    });
    this.#notes.end();
  }

  #build(labels) {
    const shape = JSON.stringify(labels);
    if (shape === this.#shape) return;
    this.#shape = shape;
    this.#rows = labels.map((label, k) => {
      const cells = [...Object.keys(RATIOS), "support"].map((name) => ({ name, node: element("td"), words: "", letter: null }));
      const node = element("tr", { class: k === labels.length - 2 ? "ev-first-mean" : null });
      node.append(element("th", { scope: "row", title: label }, label), ...cells.map((cell) => cell.node));
      return { node, cells };
    });
    this.body.replaceChildren(...this.#rows.map(({ node }) => node));
  }

  /** `about(name)` tells what is to be known about a number, or null. */
  #fill({ node, cells }, values, about, isChosen) {
    node.classList.toggle("ev-chosen", isChosen);
    for (const cell of cells) {
      const value = values[cell.name];
      const isCount = cell.name === "support";
      const words = isCount ? countWords(value) : numberWords(value);
      const note = isCount ? null : about(cell.name);
      const letter = note ? this.#notes.letter(note) : null;
      if (cell.words !== words) {
        cell.words = words;
        cell.node.textContent = words;
        cell.node.classList.toggle("ev-undefined", !Number.isFinite(value));
      }
      if (cell.letter === letter) continue;
      cell.letter = letter;
      setAttribute(cell.node, "data-note", letter);
      setAttribute(cell.node, "aria-describedby", letter && `ev-note-${letter}`);
    }
  }
}
