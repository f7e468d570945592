/*
 * The confusion matrix: a table of buttons, each as dark as its cell is full.
 */

const MAX_CLASSES = 20; // shown at once
const MANY_CLASSES = 10; // from here on cells are small
const NUMBERS = new Intl.NumberFormat("en", { maximumFractionDigits: 2, signDisplay: "negative" });

/** A count: whole, unless somebody gave weights. */
function countWords(value) {
  // Asking for the words of a small number takes longer than all else about a cell.
  return Number.isInteger(value) && value < 1000 ? String(value) : NUMBERS.format(value);
}

function shareWords(value, isShort) {
  if (!Number.isFinite(value)) return "–";
  if (isShort && value > 0 && value < 0.005) return "<1%";
  return `${(100 * value).toFixed(isShort ? 0 : 1)}%`;
}

class MatrixTable {
  #cells = []; // row after row
  #focus = 0;
  #shape = "";

  /** `onCell(row, column)` is told of a click and of the keyboard's; without it cells are text. */
  constructor(onCell) {
    this.onCell = onCell;
    this.head = element("thead");
    this.body = element("tbody");
    this.caption = element("caption", { class: "ev-unseen" });
    this.columns = element("colgroup");
    this.table = element(
      "table",
      { class: "ev-matrix", "data-testid": "matrix" },
      this.caption,
      this.columns,
      this.head,
      this.body,
    );
    this.thinned = element("p", { class: "ev-words" });
    this.thinned.hidden = true;
    this.node = element("div", { class: "ev-matrix-frame" }, this.table, this.thinned);
    if (!onCell) {
      // With no button to go to, the keyboard scrolls a wide one from here.
      for (const [name, value] of Object.entries({ tabindex: 0, role: "region", "aria-label": "Confusion matrix" })) {
        this.node.setAttribute(name, value);
      }
      return;
    }
    this.table.addEventListener("click", (event) => this.#activate(event.target.closest("button")));
    this.table.addEventListener("keydown", (event) => this.#move(event));
  }

  /**
   * Show a matrix.
   *
   * `labels` name its classes, `values` are its counts row after row; `mode` is counts, rows or columns;
   * `caption` says what it is, `thinned` what is left out.
   */
  update({ labels, values, mode, caption, thinned }) {
    this.#build(labels);
    const n = labels.length;
    setText(this.caption, caption);
    setText(this.thinned, thinned ?? "");
    const sums = new Float64Array(n);
    let largest = 0;
    for (let i = 0; i < n; i += 1) {
      for (let j = 0; j < n; j += 1) {
        const value = values[i * n + j];
        sums[mode === "columns" ? j : i] += value;
        if (value > largest) largest = value;
      }
    }
    for (let i = 0; i < n; i += 1) {
      for (let j = 0; j < n; j += 1) {
        const value = values[i * n + j];
        const share = ratio(value, sums[mode === "columns" ? j : i]);
        const filled = mode === "counts" ? ratio(value, largest) : share;
        const cell = this.#cells[i * n + j];
        this.#fill(cell, mode === "counts" ? countWords(value) : shareWords(share, n > MANY_CLASSES), filled);
        if (this.onCell) this.#name(cell, value, mode, share);
      }
    }
  }

  #fill(cell, text, filled) {
    if (cell.text !== text) {
      cell.text = text;
      cell.node.firstChild.data = text;
    }
    // By the root, so that one mistake among hundreds is seen.
    const tone = Number.isFinite(filled) ? Math.round(100 * Math.sqrt(filled)) : 0;
    if (cell.tone !== tone) {
      cell.tone = tone;
      cell.node.style.setProperty("--ev-tone", `${tone}%`);
      cell.node.classList.toggle("ev-full", tone > 60);
    }
  }

  /** Give a button its name; text is read with its row's and its column's heads. */
  #name(cell, value, mode, share) {
    const rows = `${countWords(value)} ${value === 1 ? "row" : "rows"}`;
    const ofWhat = { rows: "true", columns: "predicted" }[mode];
    const shown = ofWhat && Number.isFinite(share) ? `${shareWords(share, false)} of ${ofWhat}, ` : "";
    setAttribute(cell.node, "aria-label", `${cell.words}: ${shown}${rows}`);
  }

  #build(labels) {
    const shape = JSON.stringify(labels);
    if (shape === this.#shape) return;
    this.#shape = shape;
    this.#cells = [];
    this.#focus = 0;
    const n = labels.length;
    const room = n > MANY_CLASSES ? 2 : 3;
    const isLong = n > 4 && labels.some((label) => label.length > room);
    this.table.classList.toggle("ev-upright", isLong);
    this.table.classList.toggle("ev-many", n > MANY_CLASSES);
    this.table.style.setProperty("--ev-classes", n);
    const longest = Math.max(...labels.map((label) => label.length));
    const beside = element("col", { style: `width: ${Math.min(16, longest + 3)}ch` });
    this.columns.replaceChildren(element("col"), beside, ...labels.map(() => element("col")));
    const names = labels.map((label) =>
      element("th", { scope: "col", title: label }, element("span", {}, label)),
    );
    this.head.replaceChildren(
      element(
        "tr",
        {},
        element("td", { class: "ev-corner", colspan: 2, rowspan: 2 }),
        element("th", { class: "ev-axis", colspan: n, scope: "colgroup" }, "predicted"),
      ),
      element("tr", {}, ...names),
    );
    const rows = labels.map((label, i) => {
      const row = element("tr", {});
      if (i === 0) {
        const axis = element("th", { class: "ev-axis ev-axis-true", rowspan: n, scope: "rowgroup" });
        axis.append(element("span", {}, "true"));
        row.append(axis);
      }
      row.append(element("th", { scope: "row", title: label }, element("span", {}, label)));
      labels.forEach((other, j) => row.append(this.#cell(i, j, `true ${label}, predicted ${other}`, n)));
      return row;
    });
    this.body.replaceChildren(...rows);
  }

  #cell(i, j, words, n) {
    // One stop for the tabulator; the arrow keys lead on from there.
    const asButton = { type: "button", tabindex: i + j === 0 ? 0 : -1, "data-cell": i * n + j };
    const node = element(this.onCell ? "button" : "span", {
      class: i === j ? "ev-cell ev-right" : "ev-cell ev-wrong",
      ...(this.onCell ? asButton : {}),
    });
    node.append(document.createTextNode(""));
    this.#cells.push({ node, words, text: "", tone: null });
    return element("td", {}, node);
  }

  #activate(button) {
    if (!button) return;
    const place = Number(button.dataset.cell);
    this.#focusOn(place);
    const n = Math.sqrt(this.#cells.length);
    this.onCell(Math.floor(place / n), place % n);
  }

  #move(event) {
    const n = Math.sqrt(this.#cells.length);
    const row = Math.floor(this.#focus / n);
    const column = this.#focus % n;
    const to = {
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      Home: [row, 0],
      End: [row, n - 1],
    }[event.key];
    if (!to || !event.target.closest("button")) return;
    event.preventDefault();
    if (to[0] < 0 || to[0] >= n || to[1] < 0 || to[1] >= n) return;
    this.#focusOn(to[0] * n + to[1]);
  }

  #focusOn(place) {
    this.#cells[this.#focus].node.tabIndex = -1;
    this.#focus = place;
    this.#cells[place].node.tabIndex = 0;
    this.#cells[place].node.focus();
  }
}
