/*
 * The figures of an evaluation. Python draws them (pages/figures/evaluation.py), here each trace is filled by
 * its role. What moves with the threshold is laid over a figure, so that the figure need not be drawn again.
 */

const NUM_BARS = 50;
const NUM_RELIABILITY_BINS = 10;

// ---------------------------------------------------------------- what the curves are made of

/** As `precision_recall_points` in pages/figures/evaluation.py. */
function precisionRecallPoints({ recall, precision }) {
  const points = { x: [], y: [], customdata: [] };
  for (let step = NUM_BINS - 1; step >= 0; step -= 1) {
    if (!Number.isFinite(recall[step]) || !Number.isFinite(precision[step])) continue;
    if (!points.x.length) addPoint(points, 0, precision[step], step / 1000, true);
    const isFirst = points.x.length === 1;
    addPoint(points, recall[step], precision[step], step / 1000, isFirst);
  }
  return points;
}

/** As `roc_points` in pages/figures/evaluation.py. */
function rocPoints({ falsePositiveRate, recall }) {
  const points = { x: [], y: [], customdata: [] };
  for (let step = NUM_BINS - 1; step >= 0; step -= 1) {
    if (!Number.isFinite(recall[step]) || !Number.isFinite(falsePositiveRate[step])) continue;
    if (!points.x.length) addPoint(points, 0, 0, 1, true);
    addPoint(points, falsePositiveRate[step], recall[step], step / 1000);
  }
  return points;
}

/** Add a point unless it is where the one before is. */
function addPoint({ x, y, customdata }, newX, newY, label, always = false) {
  if (!always && newX === x.at(-1) && newY === y.at(-1)) return;
  x.push(newX);
  y.push(newY);
  customdata.push(label);
}

/** As `score_shares` in pages/figures/evaluation.py. */
function scoreShares(histogram) {
  const bars = new Array(NUM_BARS).fill(0);
  histogram.forEach((rows, bin) => {
    bars[Math.min(NUM_BARS - 1, Math.floor((bin * NUM_BARS) / (NUM_BINS - 1)))] += rows;
  });
  const total = sum(bars);
  return bars.map((rows) => ratio(rows, total));
}

/** As `reliability_points` in pages/figures/evaluation.py. */
function reliabilityPoints({ positives, negatives }) {
  const tenths = Array.from({ length: NUM_RELIABILITY_BINS }, () => ({ rows: 0, scores: 0, positives: 0 }));
  for (let bin = 0; bin < NUM_BINS; bin += 1) {
    const place = Math.min(NUM_RELIABILITY_BINS - 1, Math.floor((bin * NUM_RELIABILITY_BINS) / (NUM_BINS - 1)));
    const rows = positives[bin] + negatives[bin];
    tenths[place].rows += rows;
    tenths[place].scores += rows * Math.min(bin / 1000 + 0.0005, 1);
    tenths[place].positives += positives[bin];
  }
  const filled = tenths.filter(({ rows }) => rows > 0);
  return {
    x: filled.map(({ rows, scores }) => scores / rows),
    y: filled.map(({ rows, positives: right }) => right / rows),
    customdata: filled.map(({ rows }) => rows),
  };
}

/** Several curves as one trace, with gaps between them; each of its points bears the curve's name. */
function joined(curves) {
  const points = { x: [], y: [], customdata: [] };
  for (const { x, y, name } of curves) {
    for (let k = 0; k < x.length; k += 1) {
      points.x.push(x[k]);
      points.y.push(y[k]);
      points.customdata.push(name);
    }
    points.x.push(null);
    points.y.push(null);
    points.customdata.push("");
  }
  const line = { width: 1.5 };
  return { ...points, line, hovertemplate: "%{customdata}<br>x %{x:.3f}, y %{y:.3f}<extra></extra>" };
}

/** Where the middles of equal bins are. */
function middles(low, high, bins) {
  return Array.from({ length: bins }, (_, k) => low + ((high - low) * (k + 0.5)) / bins);
}

// ---------------------------------------------------------------- one figure

/** One figure in its card, with what is laid over it. The Plotly node is made once and stays. */
class CurveCard {
  #frame = ""; // all of the figure but its points
  #isDrawn = false;
  #marks = new Map();

  /**
   * `fill(view)` returns `{traces: {role: changes}, note, empty, layout}`, and `marks(view)` what is laid over
   * the figure: `{name: {x, y}}`, where y is null for a line from bottom to top.
   */
  constructor({ id, title, help, fill, marks, legend, needsClass = false }, onChange) {
    this.id = id;
    this.needsClass = needsClass;
    this.fill = fill;
    this.marks = marks ?? (() => ({}));
    this.title = element("h3", { class: "lr-title" }, title);
    this.help = element("button", { class: "lr-help", type: "button", "aria-label": help, "data-help": help }, "?");
    this.note = element("p", { class: "lr-note" });
    this.plot = element("div", { class: "lr-plot", role: "img", "data-testid": `curve-${id}`, "aria-label": title });
    this.overlay = element("div", { class: "ev-overlay", "aria-hidden": "true" });
    this.empty = element("p", { class: "lr-empty" });
    this.empty.hidden = true;
    this.legend = element("p", { class: "ev-legend" });
    this.legend.hidden = !legend;
    this.name = title;
    this.node = element(
      "article",
      { class: "lr-card" },
      element("header", { class: "lr-card-head" }, this.title, this.help, this.note),
      element("div", { class: "lr-frame" }, this.plot, this.overlay, this.empty),
      this.legend,
    );
    this.isSeen = false;
    this.resizing = new ResizeObserver(([entry]) => {
      const size = { width: Math.floor(entry.contentRect.width), height: Math.floor(entry.contentRect.height) };
      if (!size.width || !size.height) return;
      if (this.size?.width === size.width && this.size?.height === size.height) return;
      this.size = size;
      onChange(this);
    });
    this.resizing.observe(this.plot);
    this.seeing = new IntersectionObserver((entries) => {
      this.isSeen = entries.at(-1).isIntersecting; // a busy page is told of several at once
      if (this.isSeen) onChange(null);
    });
    this.seeing.observe(this.plot);
  }

  get canBeDrawn() {
    return this.isSeen && Boolean(this.size);
  }

  /** Draw the figure of the counts of now. */
  draw(Plotly, view) {
    const filled = this.#filled(view);
    const { data, layout } = filled.figure;
    this.#frame = frameOf(filled.figure); // Plotly writes into the layout that it is given
    if (this.#isDrawn) Plotly.react(this.plot, data, layout);
    else Plotly.react(this.plot, data, layout, { displayModeBar: false });
    this.#isDrawn = true;
    this.#say(filled, view);
  }

  /**
   * Move only the lines to the counts of now; return whether that was enough for the eye.
   *
   * Plotly takes twenty milliseconds for a figure, too long for each epoch that a hand runs through: the
   * figure itself is drawn when the hand rests.
   */
  move(view) {
    if (!this.#isDrawn) return false;
    const filled = this.#filled(view);
    if (frameOf(filled.figure) !== this.#frame || !this.#moveLines(filled.figure.data)) return false;
    this.#say(filled, view);
    return true;
  }

  #say({ note, empty }, view) {
    setText(this.note, note ?? "");
    setText(this.empty, empty ?? "");
    setAttribute(this.plot, "aria-label", [this.name, note || empty].filter(Boolean).join(": "));
    this.plot.classList.toggle("ev-blank", Boolean(empty));
    this.place(view);
  }

  /** Put each line where its points are; return false where there is more to a figure than lines. */
  #moveLines(data) {
    const nodes = this.plot.querySelectorAll(".scatterlayer .trace");
    if (data.some(({ type }) => type !== "scatter") || nodes.length !== data.length) return false;
    const { xaxis, yaxis } = this.plot._fullLayout;
    // Where a figure scales itself to its points, new ones may lie beyond the scale of the old ones.
    const [low, high] = yaxis.range;
    if (data.some(({ y }) => y.some((value) => value > high || value < low))) return false;
    const paths = [...nodes].map((node) => [node.querySelector(".js-line"), node.querySelector(".js-fill")]);
    const points = [...nodes].map((node) => node.querySelectorAll(".point"));
    const isUnlike = ({ mode, fill, x }, k) =>
      !paths[k][0] || (fill && !paths[k][1]) || points[k].length !== (mode === "lines" ? 0 : x.length);
    if (data.some(isUnlike)) return false;
    data.forEach(({ x, y, line: { shape }, fill }, k) => {
      const path = linePath(x, y, shape, xaxis, yaxis);
      paths[k][0].setAttribute("d", path);
      // Plotly gives each stretch between two gaps a path of its own; the first one has them all now.
      for (const rest of [...nodes[k].querySelectorAll(".js-line")].slice(1)) rest.setAttribute("d", "");
      points[k].forEach((point, n) => {
        point.setAttribute("transform", `translate(${xaxis.d2p(x[n])},${yaxis.d2p(y[n])})`);
      });
      if (!fill) return;
      const ground = yaxis.d2p(0).toFixed(1);
      const ends = [x.at(-1), x[0]].map((end) => `L${xaxis.d2p(end).toFixed(1)},${ground}`);
      paths[k][1].setAttribute("d", `${path}${ends.join("")}Z`);
    });
    return true;
  }

  #filled(view) {
    const base = view.figures[this.id];
    const { traces = {}, note, empty, layout = {} } = this.fill(view);
    const data = [];
    for (const trace of base.data) {
      const change = traces[trace.meta.role];
      if (!change) continue; // an empty trace costs as much as a full one
      const color = trace.meta.color === "neutral" ? fade(view.theme.text, 0.6) : view.palette[trace.meta.color];
      const colored = { ...trace, ...change };
      if (trace.line) colored.line = { ...trace.line, ...change.line, color };
      if (trace.marker) colored.marker = { ...trace.marker, color };
      if (trace.fill) colored.fillcolor = fadeHex(color, 0.28);
      if (trace.colorscale) colored.colorscale = [[0, fadeHex(color, 0.3)], [1, color]];
      data.push(colored);
    }
    return { figure: { data, layout: this.#layout(base.layout, layout, view.theme, Boolean(empty)) }, note, empty };
  }

  #layout(base, change, theme, isEmpty) {
    const axis = { color: theme.text, gridcolor: fade(theme.text, 0.13), visible: !isEmpty };
    const line = { color: fade(theme.text, 0.6) };
    const titled = (name) => ({ title: { ...base[name].title, ...change[name]?.title } });
    return {
      ...base,
      ...this.size,
      autosize: false,
      font: { ...base.font, color: theme.text, family: theme.font },
      hoverlabel: {
        bgcolor: theme.background,
        bordercolor: theme.border,
        font: { ...base.hoverlabel?.font, color: theme.text, family: theme.font },
      },
      xaxis: { ...base.xaxis, ...axis, ...change.xaxis, ...titled("xaxis") },
      yaxis: { ...base.yaxis, ...axis, ...change.yaxis, ...titled("yaxis") },
      shapes: isEmpty
        ? []
        : (base.shapes ?? []).map((shape) => ({ ...shape, ...change.shape, line: { ...shape.line, ...line } })),
    };
  }

  /** Put what moves with the threshold where it belongs, without drawing the figure. */
  place(view) {
    if (!this.#isDrawn) return;
    const { xaxis, yaxis } = this.plot._fullLayout;
    const marks = this.empty.hidden ? this.marks(view) : {};
    for (const [name, node] of this.#marks) if (!marks[name]) node.hidden = true;
    for (const [name, { x, y }] of Object.entries(marks)) {
      const node = this.#mark(name);
      node.hidden = !Number.isFinite(x) || (y !== null && !Number.isFinite(y));
      if (node.hidden) continue;
      const left = xaxis._offset + xaxis.d2p(x);
      const top = yaxis._offset + (y === null ? 0 : yaxis.d2p(y));
      node.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
      if (y === null) node.style.height = `${yaxis._length}px`;
    }
  }

  #mark(name) {
    if (!this.#marks.has(name)) {
      const node = element("div", { class: `ev-mark ev-mark-${name}`, "data-mark": name });
      this.#marks.set(name, node);
      this.overlay.append(node);
    }
    return this.#marks.get(name);
  }

  setLegend(entries) {
    const signature = entries.join("\n");
    if (signature === this.legendSignature) return;
    this.legendSignature = signature;
    this.legend.replaceChildren(
      ...entries.map((words, k) =>
        element("span", { class: "ev-key" }, element("i", { class: `ev-swatch ev-swatch-${k}` }), words),
      ),
    );
    this.legend.hidden = !entries.length;
  }

  destroy() {
    this.resizing.disconnect();
    this.seeing.disconnect();
    globalThis.Plotly?.purge(this.plot);
    this.node.remove();
  }
}

/** All of a figure but its points, to tell whether they alone are new. */
function frameOf({ data, layout }) {
  return JSON.stringify([layout, data.map(({ meta, line }) => [meta, line])]);
}

/** A line in pixels; null is a gap, and Plotly's shapes hv and vh are steps. */
function linePath(x, y, shape, xaxis, yaxis) {
  const parts = [];
  let isGap = true;
  for (let k = 0; k < x.length; k += 1) {
    if (x[k] === null || y[k] === null) {
      isGap = true;
      continue;
    }
    const left = xaxis.d2p(x[k]).toFixed(1);
    const top = yaxis.d2p(y[k]).toFixed(1);
    if (isGap) parts.push(`M${left},${top}`);
    else if (shape === "hv") parts.push(`H${left}V${top}`);
    else if (shape === "vh") parts.push(`V${top}H${left}`);
    else parts.push(`L${left},${top}`);
    isGap = false;
  }
  return parts.join("");
}

function fadeHex(color, opacity) {
  const [red, green, blue] = [1, 3, 5].map((place) => parseInt(color.slice(place, place + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${opacity})`;
}

// ---------------------------------------------------------------- all figures

const CHOOSE = "Choose one positive class to see its scores, their reliability, and what mistakes cost.";
const NO_ROWS = "There is no row.";
const NO_POSITIVES = "No row is of this class.";
const NO_NEGATIVES = "All rows are of this class.";
const BEYOND = "rows beyond the frame are counted at its edge";

function operatingPoint(x, y) {
  return ({ outcomes, step }) => (outcomes ? { point: { x: outcomes[x][step], y: outcomes[y][step] } } : {});
}

function thresholdLine({ step }) {
  return { line: { x: step / 1000, y: null } };
}

/** One curve for each class where no class is chosen. */
function curves(view, points, mean) {
  const traces = { curve: joined(view.shown.map((k) => ({ ...points(view.against(k)), name: plainText(view.nameOf(k)) }))) };
  const isAll = view.shown.length === view.counts.numClasses;
  return { traces, note: `${mean}; one curve for each ${isAll ? "class" : `of the ${view.shown.length} classes shown`}` };
}

const CURVES = {
  precision_recall: {
    title: "Precision and recall",
    help: "Each point is a threshold: what share of the rows it finds, and what share of its finds are right.",
    marks: operatingPoint("recall", "precision"),
    fill(view) {
      const { outcomes } = view;
      if (!outcomes) return curves(view, precisionRecallPoints, `mean average precision ${view.meanArea("averagePrecision")}`);
      if (!outcomes.numPositives) return { empty: NO_POSITIVES };
      const traces = {
        curve: precisionRecallPoints(outcomes),
        no_skill: { x: [0, 1], y: [outcomes.prevalence, outcomes.prevalence] },
      };
      const note = `average precision ${numberWords(view.areas.averagePrecision)}, no skill ${numberWords(outcomes.prevalence)}`;
      return { traces, note };
    },
  },

  roc: {
    title: "ROC",
    help: "Each point is a threshold: the share of false alarms among the negatives, and what share of the positives it finds.",
    marks: operatingPoint("falsePositiveRate", "recall"),
    fill(view) {
      const { outcomes } = view;
      if (!outcomes) return curves(view, rocPoints, `mean area ${view.meanArea("rocAuc")}`);
      if (!outcomes.numPositives) return { empty: NO_POSITIVES };
      if (!outcomes.numNegatives) return { empty: NO_NEGATIVES };
      return { traces: { curve: rocPoints(outcomes) }, note: `area ${numberWords(view.areas.rocAuc)}, no skill 0.500` };
    },
  },

  scores: {
    title: "Scores",
    needsClass: true,
    help: "How the scores of the class and those of all other rows are spread; what is right of the line is called positive.",
    legend: true,
    marks: thresholdLine,
    fill({ outcomes }) {
      if (!outcomes.numRows) return { empty: NO_ROWS };
      const x = Array.from({ length: NUM_BARS + 1 }, (_, k) => k / NUM_BARS);
      const traces = {};
      for (const [role, side] of [["positive", "positives"], ["negative", "negatives"]]) {
        const y = scoreShares(outcomes[side]);
        if (Number.isFinite(y[0])) traces[role] = { x, y: [...y, y.at(-1)] };
      }
      return { traces };
    },
  },

  reliability: {
    title: "Reliability",
    needsClass: true,
    help: "Of the rows with a score near 0.8, are eight in ten positive? Then the curve lies on the dashed line.",
    fill({ outcomes }) {
      if (!outcomes.numRows) return { empty: NO_ROWS };
      return { traces: { curve: reliabilityPoints(outcomes) } };
    },
  },

  cost: {
    title: "Cost",
    needsClass: true,
    help: "What a row costs on average, when a false alarm and a miss have a price.",
    marks({ step, cost, cheapest }) {
      return {
        line: { x: step / 1000, y: null },
        minimum: { x: cheapest / 1000, y: cost[cheapest] },
        point: { x: step / 1000, y: cost[step] },
      };
    },
    fill({ outcomes, cost }) {
      if (!outcomes.numRows) return { empty: NO_ROWS };
      return { traces: { curve: { x: STEPS, y: cost } } };
    },
  },

  agreement: {
    title: "Predicted against actual",
    help: "Each cell counts the rows with this target and this prediction; perfect ones lie on the dashed line.",
    fill({ counts, targetName }) {
      const { low, high, numBins } = counts;
      const joint = counts.joint();
      const at = middles(low, high, numBins);
      const z = at.map((_, y) => at.map((__, x) => joint[x * numBins + y] || null));
      const name = targetName ? ` ${plainText(targetName)}` : "";
      const axis = (word) => ({ range: [low, high], title: { text: `${word}${name}` } });
      const layout = {
        xaxis: axis("actual"),
        yaxis: axis("predicted"),
        shape: { x0: low, y0: low, x1: high, y1: high },
      };
      const atEdge = joint.some((rows, k) => rows && [0, numBins - 1].includes(k % numBins));
      // Without the upper end Plotly takes no lower one either: one row would be next to nothing.
      return { traces: { joint: { x: at, y: at, z, zmax: Math.max(...joint) } }, layout, note: atEdge ? BEYOND : null };
    },
  },

  residuals: {
    title: "Errors",
    help: "How many rows are how far off: left of 0 the prediction is too low, right of it too high.",
    marks: () => ({ zero: { x: 0, y: null } }),
    fill({ counts }) {
      const span = counts.high - counts.low;
      const rows = counts.residuals();
      const x = middles(-span, span, rows.length);
      // As far as there are rows, the same to both sides.
      const far = Math.max(0.05 * span, ...x.filter((_, k) => rows[k]).map(Math.abs)) * 1.1;
      const note = rows[0] || rows.at(-1) ? BEYOND : null;
      return { traces: { residuals: { x, y: Array.from(rows) } }, layout: { xaxis: { range: [-far, far] } }, note };
    },
  },
};

const STEPS = Array.from({ length: NUM_BINS }, (_, k) => k / 1000);

/** A cost, with digits enough to tell it from the cheapest. */
function costWords(value) {
  return value < 1 ? value.toPrecision(3) : numberWords(value);
}

/** A number with three decimals; with three digits where those would be zeros. */
function numberWords(value) {
  if (!Number.isFinite(value)) return "undefined";
  return value && Math.abs(value) < 0.001 ? String(Number(value.toPrecision(3))) : value.toFixed(3);
}
