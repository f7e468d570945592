/*
 * One chart of a run, in its card. Behind feed.js, elements.js and diagnosis.js.
 */

const MAX_MARKS = 30; // changes of the learning rate that are drawn, the newest ones
const LEGEND_WIDTH = 358; // pixels of training, validation, best and another entry's line
const LINE_WIDTH = 100; // pixels of the margins and of an entry's line
const LETTER_WIDTH = 6.5;
const LEGEND_LINE = 1.4; // a line of the legend, in sizes of its font
const LINE_LETTERS = 9; // as wide as an entry's line and the gap beside it
const MIN_NAME = 5; // letters of a name that say enough
const MARKERS_UP_TO = 40; // a short curve shows its points, also the single one of the first epoch

const NO_PLOTLY = "The charts could not be loaded. Reload the page to try again.";
const PLOTLY_CONFIG = {
  displaylogo: false,
  doubleClick: "autosize",
  modeBarButtons: [["toImage"], ["zoom2d", "pan2d"], ["autoScale2d"]],
};

// A finger scrolls the page: it must not zoom into the charts on its way, and has no pointer to hover with.
const IS_TOUCH = matchMedia("(pointer: coarse)").matches;
if (IS_TOUCH) PLOTLY_CONFIG.displayModeBar = false;

/**
 * TensorBoard's debiased moving average, which is pandas' `ewm(alpha=1 - weight).mean()`.
 *
 * The weight is per epoch: where points are not one epoch apart (a thinned curve) it is raised to their
 * distance. A missing value stays missing and does not count.
 */
function movingAverage({ x, y }, weight) {
  let average = 0;
  let debias = 0;
  let lastX = null;
  return y.map((value, k) => {
    if (!Number.isFinite(value)) return null;
    const decay = weight ** (lastX === null || x[k] <= lastX ? 1 : x[k] - lastX);
    average = average * decay + (1 - decay) * value;
    debias = debias * decay + (1 - decay);
    lastX = x[k];
    return average / debias;
  });
}

/** What one kind of binding puts into its trace. */
const FILL = {
  step(binding, series, settings) {
    const points = settings.perStep ? series.get(binding.series) : null;
    if (!points) return { x: [], y: [], showlegend: false };
    return { x: points.x, y: points.y, showlegend: true };
  },

  raw(binding, series, settings) {
    const points = series.get(binding.series) ?? { x: [], y: [] };
    return {
      x: points.x,
      y: points.y,
      mode: points.x.length <= MARKERS_UP_TO ? "lines+markers" : "lines",
      opacity: settings.smoothing > 0 ? 0.35 : 1,
      showlegend: !(settings.smoothing > 0),
    };
  },

  smooth(binding, series, settings) {
    const points = settings.smoothing > 0 ? series.get(binding.series) : null;
    if (!points) return { x: [], y: [], showlegend: false };
    return { x: points.x, y: movingAverage(points, settings.smoothing), showlegend: true };
  },

  parent(binding, series, settings, parent) {
    const points = parent?.get(binding.series) ?? { x: [], y: [] };
    return { x: points.x, y: settings.smoothing > 0 ? movingAverage(points, settings.smoothing) : points.y };
  },

  verdict(binding, series, settings, parent, { verdicts, notes }) {
    return ringedPoints(binding.among, series, verdicts, notes);
  },

  best(binding, series) {
    for (const name of [binding.best_of, binding.fallback]) {
      const best = series.get(name)?.best[binding.better];
      if (best) return { x: [best.x], y: [best.y] };
    }
    return { x: [], y: [] };
  },
};

/** One chart in its card. The Plotly node is made once and stays. */
class ChartCard {
  #revision = 0;
  #hidden = new Set(); // roles switched off in the legend
  #zoom = { x: null, y: null }; // axis ranges while zoomed
  #isDrawn = false;
  #roles = []; // of the traces that are drawn
  #legendLines = 1;

  constructor(chart, onChange) {
    this.onChange = onChange;
    this.size = null;
    this.title = element("h3", { class: "lr-title" });
    this.help = element("button", { class: "lr-help", type: "button" }, "?");
    this.plot = element("div", { class: "lr-plot", role: "group" });
    this.empty = element("p", { class: "lr-empty" });
    this.empty.hidden = true; // until it is known that there is nothing
    this.note = element("p", { class: "lr-note" });
    this.note.hidden = true;
    this.node = element(
      "article",
      { class: "lr-card" },
      element("header", { class: "lr-card-head" }, this.title, this.help, this.note),
      element("div", { class: "lr-frame" }, this.plot, this.empty),
    );
    this.resizing = new ResizeObserver(([entry]) => this.#resized(entry.contentRect));
    this.resizing.observe(this.plot);
    this.setChart(chart);
  }

  setChart(chart) {
    const signature = JSON.stringify(chart);
    if (signature === this.signature) return;
    this.signature = signature;
    this.chart = chart;
    this.title.textContent = chart.title;
    this.help.hidden = !chart.help;
    setAttribute(this.help, "aria-label", chart.help || null);
    setAttribute(this.help, "data-help", chart.help || null);
    setAttribute(this.plot, "data-chart", chart.id);
    setAttribute(this.plot, "data-testid", `chart-${chart.id}`);
    setAttribute(this.plot, "aria-label", `${chart.title} chart`);
    this.onChange(this);
  }

  /** Forget what belonged to another run's curves; what is hidden stays hidden. */
  reset() {
    this.#zoom = { x: null, y: null };
  }

  resetY() {
    this.#zoom.y = null;
  }

  #resized({ width, height }) {
    const size = { width: Math.floor(width), height: Math.floor(height) };
    if (!size.width || !size.height) return;
    if (this.size?.width === size.width && this.size?.height === size.height) return;
    this.size = size;
    this.onChange(this);
  }

  /** Draw the curves; `isKnown` says whether the stream has told what there is. */
  draw(Plotly, { series, parent, marks, said, isKnown, isOver, facts, settings, theme, palettes }) {
    if (!this.size) return; // not laid out yet; its first size draws it
    const palette = palettes[theme.mode];
    const log = settings.log && this.chart.log;
    this.#revision += 1;
    const traces = this.#traces(series, parent, said, settings, theme, palette);
    const isEmpty = traces.length === 0;
    const layout = this.#layout(series, log, theme);
    // The axes of nothing would show numbers that mean nothing.
    layout.xaxis.visible = layout.yaxis.visible = !isEmpty;
    const majority = isEmpty ? null : facts?.majority;
    layout.shapes = this.#shapes(majority, isEmpty ? [] : marks, isEmpty ? [] : said.verdicts, facts, theme);
    // The settings do not change, and taking them again costs a fifth of a redraw.
    if (this.#isDrawn) {
      Plotly.react(this.plot, traces, layout);
    } else {
      Plotly.react(this.plot, traces, layout, PLOTLY_CONFIG);
      this.#listen();
    }
    this.#isDrawn = true;
    const nothing = isOver ? "The run ended before its first epoch did." : "Curves begin with the first epoch.";
    setText(this.empty, isKnown && isEmpty ? nothing : "");
    setAttribute(this.plot, "data-points", this.#longest(series));
    const isCompared = majority && layout.shapes.some((shape) => shape.name === "majority");
    setText(this.note, isCompared ? this.#distanceWords(series, majority, facts) : "");
  }

  /** What always guessing the most frequent class reaches, and where the learning rate was changed. */
  #shapes(majority, marks, verdicts, facts, theme) {
    return this.chart.figure.layout.shapes.flatMap((base) => {
      if (base.name === "mark") return this.#markShapes(base, marks, theme);
      if (base.name === "span") return spanShapes(base, verdicts);
      if (!majority) return base;
      const text = `always ${plainText(className(facts, majority.class))}`;
      const font = { ...base.label.font, color: theme.text, family: theme.font };
      const line = { ...base.line, color: fade(theme.text, 0.6) };
      const y = majority.share;
      return { ...base, visible: true, y0: y, y1: y, line, label: { ...base.label, text, font } };
    });
  }

  #markShapes(base, marks, theme) {
    const font = { ...base.label.font, color: theme.text, family: theme.font };
    const line = { ...base.line, color: fade(theme.text, 0.6) };
    return marks.slice(-MAX_MARKS).map(({ x, learning_rate: rate, text }) => {
      const words = text ? plainText(text) : `${base.label.text} ${Number(rate.toPrecision(4))}`;
      const label = { ...base.label, text: words, font };
      return { ...base, visible: true, x0: x, x1: x, line, label };
    });
  }

  /** How far the newest accuracy is from always guessing the most frequent class. */
  #distanceWords(series, majority, facts) {
    const curves = this.chart.bindings.filter((binding) => binding.kind === "raw");
    const points = curves.map(({ series: name }) => series.get(name)).filter((curve) => curve?.x.length);
    const last = points[points.length - 1]?.y.at(-1); // validation comes after training
    if (!Number.isFinite(last)) return "";
    const distance = (100 * (last - majority.share)).toFixed(1);
    const guess = `always guessing ${className(facts, majority.class)}`;
    if (Number(distance) === 0) return `no better than ${guess}`;
    return `${distance.replace("-", "")} points ${last > majority.share ? "above" : "below"} ${guess}`;
  }

  /** The most points any of its per-epoch curves has. */
  #longest(series) {
    const curves = this.chart.bindings.filter((binding) => binding.kind === "raw");
    return Math.max(0, ...curves.map(({ series: name }) => series.get(name)?.x.length ?? 0));
  }

  #traces(series, parent, said, settings, theme, palette) {
    const traces = this.chart.figure.data.map((base) => ({ ...base, x: [], y: [] }));
    const hasEpochs = this.#longest(series) > 0;
    for (const binding of this.chart.bindings) {
      const filled = FILL[binding.kind](binding, series, settings, parent, said);
      const trace = Object.assign(traces[binding.trace], filled);
      if (binding.kind === "step" && !hasEpochs) trace.hoverinfo = "all"; // there is nothing else to read
    }
    // Each trace costs a tenth of a redraw, with points or without.
    const drawn = traces.filter((trace) => trace.x.length);
    this.#roles = drawn.map((trace) => trace.meta.role);
    for (const trace of drawn) {
      const color = palette[trace.meta.color];
      if (trace.line) trace.line = { ...trace.line, color };
      if (trace.marker) trace.marker = { ...trace.marker, color };
      if (trace.text) trace.textfont = { ...trace.textfont, color: theme.text, family: theme.font };
      if (trace.marker?.line) trace.marker.line = { ...trace.marker.line, color: theme.background };
      // The best epoch is a point of its curve, and goes with it.
      const { role, color: owner } = trace.meta;
      const isHidden = this.#hidden.has(role) || (role === "best" && this.#hidden.has(owner));
      trace.visible = isHidden ? "legendonly" : true;
    }
    this.#nameOthers(drawn.filter((trace) => trace.meta.name));
    return drawn;
  }

  /** Names are as long as the legend's line has room; a second line is made for the running mean alone. */
  #nameOthers(traces) {
    let room = Math.floor((this.size.width - LEGEND_WIDTH) / LETTER_WIDTH);
    this.#legendLines = 1;
    for (const trace of traces) {
      const { name, role } = trace.meta;
      if (role === "step" && name.length > room) {
        room = Math.floor((this.size.width - LINE_WIDTH) / LETTER_WIDTH);
        this.#legendLines = 2;
      }
      const shown = name.length > room ? `${name.slice(0, Math.max(0, room - 1))}…` : name;
      trace.name = plainText(shown);
      trace.showlegend &&= room >= MIN_NAME;
      if (trace.showlegend) room -= shown.length + LINE_LETTERS;
    }
  }

  #layout(series, log, theme) {
    const base = this.chart.figure.layout;
    const axis = { color: theme.text, gridcolor: fade(theme.text, 0.13), spikecolor: fade(theme.text, 0.5) };
    const layout = {
      ...base,
      ...this.size,
      autosize: false,
      datarevision: this.#revision,
      uirevision: "kept",
      // The page's own ground: hover lines are outlined in it, and a saved picture has one.
      paper_bgcolor: theme.background,
      plot_bgcolor: theme.background,
      font: { ...base.font, color: theme.text, family: theme.font },
      hoverlabel: {
        ...base.hoverlabel,
        bgcolor: theme.background,
        bordercolor: theme.border,
        font: { ...base.hoverlabel?.font, color: theme.text, family: theme.font },
      },
      modebar: {
        bgcolor: "rgba(0, 0, 0, 0)",
        color: fade(theme.text, 0.5),
        activecolor: theme.text,
      },
      xaxis: { ...base.xaxis, ...axis, ...this.#range("x") },
      yaxis: { ...base.yaxis, ...axis, ...this.#range("y"), type: log ? "log" : "linear" },
      margin: { ...base.margin, t: base.margin.t + (this.#legendLines - 1) * LEGEND_LINE * base.font.size },
    };
    const span = this.#zoom.x ? this.#zoom.x[1] - this.#zoom.x[0] : this.#lastEpoch(series);
    if (span > 1 && span <= 10) layout.xaxis.dtick = 1; // whole epochs only
    if (log) layout.yaxis.tickformat = ""; // Plotly's own: powers of ten where numbers would be long
    if (IS_TOUCH) layout.dragmode = false;
    return layout;
  }

  #lastEpoch(series) {
    let last = 2; // a single point is drawn with room around it
    for (const { series: name } of this.chart.bindings) {
      const x = series.get(name)?.x;
      if (x?.length) last = Math.max(last, x[x.length - 1]);
    }
    return last;
  }

  #range(name) {
    const range = this.#zoom[name];
    return range ? { range: [...range], autorange: false } : { autorange: true };
  }

  #listen() {
    this.plot.on("plotly_relayout", (change) => this.#zoomed(change));
    this.plot.on("plotly_restyle", ([change, traces]) => this.#restyled(change, traces));
  }

  #zoomed(change) {
    for (const name of ["x", "y"]) {
      const axis = `${name}axis`;
      if (`${axis}.range[0]` in change || `${axis}.range` in change) {
        this.#zoom[name] = change[`${axis}.range`] ?? [
          change[`${axis}.range[0]`],
          change[`${axis}.range[1]`],
        ];
      } else if (change[`${axis}.autorange`]) {
        this.#zoom[name] = null;
      }
    }
    this.onChange(this);
  }

  #restyled(change, traces) {
    if (!change.visible) return;
    const values = [].concat(change.visible);
    // The raw and the smoothed curve are one thing to the reader: they hide together.
    const roles = new Map();
    traces.forEach((trace, k) => {
      roles.set(this.#roles[trace], values[k % values.length]);
    });
    for (const [role, visible] of roles) {
      if (visible === true) this.#hidden.delete(role);
      else this.#hidden.add(role);
    }
    this.onChange(this);
  }

  destroy() {
    this.resizing.disconnect();
    globalThis.Plotly?.purge(this.plot);
    this.node.remove();
  }
}
