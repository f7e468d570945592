/*
 * The live view of a run: its header line and its charts. Behind feed.js, elements.js, mounting.js and diagnosis.js.
 */

// ---------------------------------------------------------------- constants

const ACTIVE = new Set(["starting", "training", "paused", "stalled"]);

const FRAME = 50; // milliseconds between two redraws of a chart, at least
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

const STATE_WORDS = {
  queued: "Queued",
  starting: "Starting",
  training: "Training",
  paused: "Paused",
  finished: "Finished",
  stopped: "Stopped",
  diverged: "Diverged",
  interrupted: "Interrupted",
  stalled: "Stalled",
  failed: "Failed",
};

// One shape a state, on a 16 × 16 ground, so that no state is told by colour alone.
const STATE_SHAPES = {
  queued: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 5v3.2l2.2 1.6",
  starting: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
  training: "M8 3.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9Z",
  paused: "M5.5 3.5v9M10.5 3.5v9",
  finished: "M3 8.5l3.4 3.5L13 4.5",
  stopped: "M4 4h8v8H4Z",
  diverged: "M2.5 12.5c3.5 0 6-2 7-9.5M6.8 5.4L9.6 3l2.2 3",
  interrupted: "M8 2.5v6M8 12.6v.4",
  stalled: "M3.5 8h.1M8 8h.1M12.5 8h.1",
  failed: "M4 4l8 8M12 4l-8 8",
};
const FILLED_SHAPES = new Set(["training", "stopped"]);

// ---------------------------------------------------------------- the header

/** The epoch that is running; of a run that is over, how many epochs it has done. */
function progressWords(run) {
  if (run.state === "queued") {
    return run.queue_place ? `place ${run.queue_place} in the queue` : "";
  }
  const epoch = (run.epoch ?? 0) + (ACTIVE.has(run.state) ? 1 : 0);
  if (!run.epochs) return epoch ? `epoch ${epoch}` : "";
  return `epoch ${Math.min(epoch, run.epochs)} of ${run.epochs}`;
}

function speedWords(run) {
  const speed = run.epochs_per_second;
  if (run.state === "paused") return run.speed ? `slow motion, ${run.speed} epochs/s` : "";
  if (!speed || OVER.has(run.state) || run.state === "queued") return "";
  if (speed < 0.5) return `${durationWords(1 / speed)} per epoch`;
  return `${speed < 100 ? speed.toFixed(1) : Math.round(speed)} epochs/s`;
}

function timeWords(run) {
  if (run.state === "queued") return waitWords(run.queue_seconds);
  if (OVER.has(run.state)) return run.seconds ? `took ${durationWords(run.seconds)}` : "";
  if (run.state !== "training" || run.seconds_left === null || run.seconds_left === undefined) return "";
  return `${durationWords(run.seconds_left)} left`;
}

/** What is expected of a queue is told in whole seconds. */
function waitWords(seconds) {
  if (!seconds) return "";
  return `begins in about ${seconds < 60 ? `${seconds} s` : durationWords(seconds)}`;
}

function durationWords(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** The done share of the whole run, or null where its length is not known. */
function progressShare(run) {
  if (run.state === "finished") return 1;
  if (!run.epochs) return null;
  const within = run.steps_per_epoch ? Math.min(1, (run.step ?? 0) / run.steps_per_epoch) : 0;
  return Math.max(0, Math.min(1, ((run.epoch ?? 0) + within) / run.epochs));
}

/** On a phone the form lies over the page: whoever has a run to watch wants to see it. */
function putFormAside() {
  if (matchMedia("(min-width: 768px)").matches) return;
  const form = document.querySelector('[data-testid="stSidebar"][data-collapsed="false"]');
  form?.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
}

class HeaderView {
  constructor(parent) {
    this.icon = element("span", { class: "lr-icon" });
    this.word = element("span", { class: "lr-word", role: "status", "data-testid": "run-state" });
    this.name = element("h2", { class: "lr-name", "data-testid": "run-name" });
    this.progress = element("span", { class: "lr-fact lr-progress", "data-testid": "run-progress" });
    this.speed = element("span", { class: "lr-fact lr-speed" });
    this.time = element("span", { class: "lr-fact lr-time" });
    this.hint = element("span", { class: "lr-hint" }, "reconnecting…");
    this.fill = element("div", { class: "lr-fill" });
    this.bar = element(
      "div",
      { class: "lr-bar", role: "progressbar", "aria-label": "Training progress", "aria-valuemin": 0 },
      this.fill,
    );
    this.message = element("p", { class: "lr-message", "data-testid": "run-message" });
    this.root = element(
      "section",
      { class: "lr-root lr-header", "aria-label": "Run" },
      element(
        "div",
        { class: "lr-line" },
        element("span", { class: "lr-state" }, this.icon, this.word),
        this.name,
        element("span", { class: "lr-facts" }, this.hint, this.progress, this.speed, this.time),
      ),
      this.bar,
      this.message,
    );
    this.hint.hidden = true;
    parent.append(this.root);
  }

  update({ data, setStateValue }) {
    this.setStateValue = setStateValue;
    if (data.run_id !== this.runId) this.#switchTo(data);
    else this.feed.wake(data.run.state);
    this.draw();
  }

  #switchTo(data) {
    const leave = this.leave;
    this.runId = data.run_id;
    this.initial = data.run;
    this.knownState = data.run.state;
    this.feed = registry.feed(data.run_id, data.stream);
    this.leave = this.feed.subscribe(() => this.draw());
    leave?.();
    putFormAside();
  }

  draw() {
    const run = { ...this.initial, ...this.feed.run };
    const isMissing = this.feed.status === "missing";
    this.#drawState(isMissing ? "" : run.state);
    setText(this.name, run.name ?? "");
    setText(this.progress, progressWords(run));
    setText(this.speed, speedWords(run));
    setText(this.time, timeWords(run));
    setText(this.message, isMissing ? "This run is not there any more." : (run.message ?? ""));
    this.hint.hidden = this.feed.status !== "reconnecting";
    this.bar.hidden = isMissing;
    this.#drawBar(run);
    this.#reportState(run.state);
  }

  #drawState(state) {
    if (this.root.dataset.state === state) return;
    this.root.dataset.state = state;
    this.word.textContent = STATE_WORDS[state] ?? state ?? "";
    this.icon.classList.toggle("lr-filled", FILLED_SHAPES.has(state));
    this.icon.replaceChildren(...(STATE_SHAPES[state] ? [shape(STATE_SHAPES[state])] : []));
  }

  #drawBar(run) {
    const share = progressShare(run);
    const isWaiting = share === null && !OVER.has(run.state) && run.state !== "queued";
    this.bar.classList.toggle("lr-endless", isWaiting);
    this.fill.style.transform = `scaleX(${share ?? (isWaiting ? 1 : 0)})`;
    setAttribute(this.bar, "aria-valuemax", run.epochs || 1);
    setAttribute(this.bar, "aria-valuenow", share === null ? null : +(share * (run.epochs || 1)).toFixed(2));
    setAttribute(this.bar, "aria-valuetext", progressWords(run) || null);
  }

  /** Tell the page once that the state is another one, so that it can offer other buttons. */
  #reportState(state) {
    if (!this.feed.run || state === this.knownState) return;
    this.knownState = state;
    this.setStateValue("state", state);
  }

  destroy() {
    this.leave?.();
    this.root.remove();
  }
}

// ---------------------------------------------------------------- the charts

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

/** The controls above the charts; what they are set to is shared by all runs of the page. */
class Toolbar {
  constructor(onChange) {
    const { settings } = registry;
    this.slider = element("input", { type: "range", min: 0, max: 0.95, step: 0.05, class: "lr-slider" });
    this.slider.value = settings.smoothing;
    this.value = element("output", { class: "lr-value" });
    this.log = this.#toggle("Log axis", "log", onChange);
    this.perStep = this.#toggle("Per-step curve", "perStep", onChange);
    this.node = element(
      "div",
      { class: "lr-toolbar", role: "group", "aria-label": "How the curves are drawn" },
      element("label", { class: "lr-control" }, "Smoothing", this.slider, this.value),
      this.log,
      this.perStep,
    );
    this.slider.addEventListener("input", () => {
      settings.smoothing = Number(this.slider.value);
      this.#showValue();
      onChange("smoothing");
    });
    this.#showValue();
  }

  #showValue() {
    const { smoothing } = registry.settings;
    this.value.textContent = smoothing ? smoothing.toFixed(2) : "off";
    setAttribute(this.slider, "aria-valuetext", this.value.textContent);
    this.slider.style.setProperty("--lr-share", `${(100 * smoothing) / this.slider.max}%`);
  }

  #toggle(label, setting, onChange) {
    const input = element("input", { type: "checkbox", role: "switch", class: "lr-switch" });
    input.checked = registry.settings[setting];
    input.addEventListener("change", () => {
      registry.settings[setting] = input.checked;
      onChange(setting);
    });
    return element("label", { class: "lr-control" }, input, label);
  }

  offerLog(isOffered) {
    this.log.hidden = !isOffered;
  }
}

class ChartsView {
  #cards = new Map();
  #dirty = new Set();
  #frame = null;
  #timer = null;
  #due = 0;
  #isUrgent = false;
  #reportedSeries = "";

  constructor(parent) {
    this.toolbar = new Toolbar((setting) => this.#settingChanged(setting));
    this.problem = element("p", { class: "lr-message", role: "alert" });
    this.problem.hidden = true;
    this.grid = element("div", { class: "lr-grid" });
    this.root = element(
      "section",
      { class: "lr-root lr-charts", "aria-label": "Charts" },
      this.toolbar.node,
      this.problem,
      this.grid,
    );
    parent.append(this.root);
  }

  update({ data, setStateValue }) {
    this.setStateValue = setStateValue;
    this.palettes = data.palettes;
    this.hidesVerdicts = data.hides_verdicts;
    this.theme = readTheme(this.root);
    this.root.style.colorScheme = this.theme.mode;
    if (data.run_id !== this.runId) this.#switchTo(data);
    this.#arrange(data.charts);
    this.#invalidate(this.#cards.values());
    if (!this.Plotly) this.#load(data.plotly);
  }

  #switchTo(data) {
    const leave = this.leave;
    this.runId = data.run_id;
    this.#reportedSeries = "";
    for (const card of this.#cards.values()) card.reset();
    this.feed = registry.feed(data.run_id, data.stream);
    this.leave = this.feed.subscribe((event, message) => this.#heard(event, message));
    leave?.();
    this.#follow(data.parent);
  }

  /** Show the curves of the run that this one was forked from, too. */
  #follow(parent) {
    const leave = this.parent?.leave;
    this.parent = null;
    if (parent) {
      const feed = registry.feed(parent.run_id, parent.stream);
      // Where the two part; runs that only stand beside each other do nowhere.
      const marks = parent.text ? [{ x: parent.x, text: parent.text }] : [];
      this.parent = { feed, marks };
      this.parent.leave = feed.subscribe((event) => {
        if (event === "message") this.#drawSoon(this.#cards.values());
      });
    }
    leave?.();
  }

  /** Keep the cards whose charts are still wanted, add the new ones, in the order given. */
  #arrange(charts) {
    const wanted = new Set(charts.map((chart) => chart.id));
    for (const [id, card] of this.#cards) {
      if (wanted.has(id)) continue;
      this.#cards.delete(id);
      this.#dirty.delete(card);
      card.destroy();
    }
    charts.forEach((chart, place) => {
      const existing = this.#cards.get(chart.id);
      if (existing) existing.setChart(chart);
      else this.#cards.set(chart.id, new ChartCard(chart, (card) => this.#invalidate([card], true)));
      const { node } = this.#cards.get(chart.id);
      if (this.grid.children[place] !== node) this.grid.insertBefore(node, this.grid.children[place] ?? null);
    });
    this.toolbar.offerLog(charts.some((chart) => chart.log));
  }

  async #load(path) {
    try {
      this.Plotly = await loadPlotly(path);
      this.problem.hidden = true;
    } catch {
      setText(this.problem, NO_PLOTLY);
    }
    this.#invalidate(this.#cards.values(), true);
  }

  #heard(event, message) {
    if (event === "notes") this.#drawSoon(this.#cards.values());
    if (event !== "message" || !message.series) return;
    const isChanged = (name) => name in message.series;
    const isDrawn = ({ kind }) => kind !== "step" || registry.settings.perStep;
    const cards = [...this.#cards.values()].filter(({ chart }) =>
      chart.bindings.some((binding) => isDrawn(binding) && isChanged(binding.series ?? binding.best_of)),
    );
    // The first message and the last tell also that there is nothing, which is drawn too.
    const isTold = message.type === "snapshot" || message.marks || message.verdicts || OVER.has(message.run?.state);
    this.#drawSoon(isTold ? this.#cards.values() : cards);
    this.#reportSeries();
  }

  /** Tell the page once about series that no chart shows; it may answer with more charts. */
  #reportSeries() {
    const shown = new Set();
    for (const { chart } of this.#cards.values()) {
      for (const { series } of chart.bindings) shown.add(series);
    }
    const names = [...this.feed.series.keys()];
    const unknown = names.filter((name) => !shown.has(name) && !name.startsWith("step/"));
    if (!unknown.length || unknown.join() === this.#reportedSeries) return;
    this.#reportedSeries = unknown.join();
    this.setStateValue("series", names);
  }

  #settingChanged(setting) {
    if (setting === "log") for (const card of this.#cards.values()) card.resetY();
    if (setting === "perStep") this.feed.thinIfLong();
    this.#invalidate(this.#cards.values(), true);
  }

  /** Draw these cards when their turn comes; without a pause where a hand is waiting for it. */
  #invalidate(cards, isUrgent = false) {
    for (const card of cards) this.#dirty.add(card);
    this.#isUrgent ||= isUrgent;
    this.#schedule();
  }

  #schedule() {
    if (!this.#dirty.size || !this.Plotly || this.#frame !== null) return;
    clearTimeout(this.#timer);
    const request = () => {
      this.#frame = requestAnimationFrame(() => this.#drawNext());
    };
    const wait = this.#isUrgent ? 0 : this.#due - performance.now();
    if (wait > 0) this.#timer = setTimeout(request, wait);
    else request();
  }

  /** Draw at once what a message has changed, where the page has rested since the last drawing. */
  #drawSoon(cards) {
    const isFree = !this.#dirty.size && this.#frame === null && performance.now() >= this.#due;
    this.#invalidate(cards);
    if (!isFree || !this.#dirty.size || !this.Plotly || document.hidden) return;
    cancelAnimationFrame(this.#frame);
    this.#drawNext();
  }

  /** Draw the card that waits longest: one a frame, so that the page answers in between. */
  #drawNext() {
    this.#frame = null;
    const [card] = this.#dirty;
    if (!card) return;
    this.#dirty.delete(card);
    const start = performance.now();
    card.draw(this.Plotly, {
      series: this.feed.series,
      parent: this.parent?.feed.series,
      marks: [...(this.parent?.marks ?? []), ...this.feed.marks, ...this.feed.notes],
      said: { verdicts: this.hidesVerdicts ? [] : this.feed.verdicts, notes: this.feed.notes },
      isKnown: this.feed.run !== null,
      isOver: OVER.has(this.feed.run?.state),
      facts: this.feed.run?.facts,
      settings: registry.settings,
      theme: this.theme,
      palettes: this.palettes,
    });
    const now = performance.now();
    // On a slow machine drawing takes at most two thirds of the time, the page keeps the rest.
    this.#due = now + Math.max(FRAME / this.#cards.size - (now - start), (now - start) / 2);
    if (!this.#dirty.size) this.#isUrgent = false;
    this.#schedule();
  }

  destroy() {
    this.leave?.();
    this.parent?.leave();
    clearTimeout(this.#timer);
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    for (const card of this.#cards.values()) card.destroy();
    this.root.remove();
  }
}

// ---------------------------------------------------------------- a figure that stays as it is

/** A figure without a run: drawn once, and again when the page's theme or width changes. */
class FigureView {
  constructor(parent) {
    this.plot = element("div", { class: "lr-figure", role: "img" });
    this.problem = element("p", { class: "lr-message", role: "alert" });
    this.problem.hidden = true;
    this.root = element("section", { class: "lr-root" }, this.problem, this.plot);
    parent.append(this.root);
    this.resizing = new ResizeObserver(() => this.#draw());
    this.resizing.observe(this.root);
  }

  async update({ data }) {
    this.data = data;
    this.plot.setAttribute("aria-label", data.label);
    this.plot.style.height = `${data.figure.layout.height}px`;
    try {
      this.Plotly = await loadPlotly(data.plotly);
      this.problem.hidden = true;
    } catch {
      setText(this.problem, NO_PLOTLY);
    }
    this.#draw();
  }

  #draw() {
    const width = Math.floor(this.root.clientWidth);
    if (!this.Plotly || !width) return;
    const { figure, palettes, classes } = this.data;
    const theme = readTheme(this.root);
    const drawn = JSON.stringify([figure, theme, width]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const { aspect } = figure.layout.meta ?? {};
    const height = aspect ? Math.min(figure.layout.height, aspect * width) : figure.layout.height;
    this.plot.style.height = `${height}px`;
    const font = { ...figure.layout.font, color: theme.text, family: theme.font };
    const axis = { color: theme.text, gridcolor: fade(theme.text, 0.13) };
    this.Plotly.react(
      this.plot,
      figure.data.map((trace) => this.#recolored(trace, palettes[theme.mode], classes[theme.mode])),
      {
        ...figure.layout,
        width,
        height,
        font,
        xaxis: { ...figure.layout.xaxis, ...axis },
        yaxis: { ...figure.layout.yaxis, ...axis },
      },
      { displayModeBar: false },
    );
  }

  #recolored(trace, palette, classes) {
    const { color: role, class: place } = trace.meta ?? {};
    const color = role ? palette[role] : classes[place % classes.length];
    if (!color) return trace;
    const part = trace.line ? "line" : "marker";
    return { ...trace, [part]: { ...trace[part], color } };
  }

  destroy() {
    this.resizing.disconnect();
    this.Plotly?.purge(this.plot);
    this.root.remove();
  }
}

// ---------------------------------------------------------------- mounting

export default mounting({
  header: HeaderView,
  charts: ChartsView,
  diagnosis: DiagnosisView,
  marks: MarksView,
  figure: FigureView,
});
