/*
 * The decision boundary: what the network says everywhere, under the rows it learns from. Python draws the rows
 * (pages/figures/boundary.py), here the surface below them is filled in, for one epoch after the other.
 */

const GROUND = 0.45; // how much of a class's colour lies under its rows, at the most …
const GROUND_LEAST = 0.06; // … and where its score is hardly above the other's

const MOST = 6; // the logit of the highest score that is told from 1
const REDRAW = 200; // milliseconds between two pictures of a training that goes on

const BOUNDARY_WORDS = {
  score: ["Decision boundary", "The colour is the class that the network calls, paler where its score is nearer to one half."],
  winner: ["Decision boundary", "The colour is the class with the highest score, paler where that score is lower."],
  value: ["What is predicted", "The colour is the number that the network predicts; the rows have the colours of their own."],
  curve: ["The fitted curve", "The line is what the network predicts, the marks are the rows."],
};
const NO_BOUNDARY = "No picture of this run was kept.";
const BOUNDARY_TO_COME = "It is drawn after the first epoch.";

// ---------------------------------------------------------------- what is drawn

/** Return the surface that `pack` in trainer/evaluation/surface.py was given. */
async function unpackSurface(message) {
  return new Surface(message, await inflated(message));
}

class Surface {
  constructor({ epoch, kind, low, high, size, values }, raw) {
    Object.assign(this, { epoch, kind, low, high, side: size });
    if (kind === "curve") {
      this.y = Array.from(new Float32Array(raw), (value) => (Number.isFinite(value) ? value : null));
      this.x = this.y.map((_, k) => low[0] + ((high[0] - low[0]) * k) / (size - 1));
      return;
    }
    const bytes = new Uint8Array(raw);
    const [floor, ceiling] = values;
    const isWinner = kind === "winner";
    this.z = Array.from({ length: size }, (_, row) =>
      Array.from({ length: size }, (_, column) => {
        const place = row * size + column;
        const level = bytes[isWinner ? size * size + place : place];
        if (level === 255) return null;
        // Of many classes each has a stretch of the scale of its own, by its score.
        if (isWinner) return bytes[place] + Math.min(0.999, level / 254);
        return floor + (level / 254) * (ceiling - floor);
      }),
    );
  }

  /** What the edge follows: logits, for between two cells scores are no straight line. */
  get logits() {
    this.#logits ??= this.z.map((row) =>
      row.map((score) => (score === null ? null : Math.max(-MOST, Math.min(MOST, Math.log(score / (1 - score)))))),
    );
    return this.#logits;
  }

  #logits = null;

  get size() {
    return this.side ** (this.kind === "curve" ? 1 : 2);
  }

  /** In a sentence, for those who cannot see it. */
  words(classes) {
    if (this.kind === "curve") {
      const known = this.y.flatMap((value, k) => (value === null ? [] : [k]));
      if (!known.length) return "It predicts no finite number anywhere.";
      const end = (k) => `${numberWords(this.y[k])} at ${numberWords(this.x[k])}`;
      return `The line goes from ${end(known[0])} to ${end(known.at(-1))}.`;
    }
    const all = this.z.flat().filter((value) => value !== null);
    if (!all.length) return "No score is a finite number anywhere.";
    if (this.kind === "value") {
      const [least, most] = [Math.min(...all), Math.max(...all)];
      return `The predictions go from ${numberWords(least)} to ${numberWords(most)}.`;
    }
    const called = new Map();
    for (const value of all) {
      const index = this.kind === "score" ? Number(value >= 0.5) : Math.floor(value);
      called.set(index, (called.get(index) ?? 0) + 1);
    }
    const shares = [...called].sort(([, a], [, b]) => b - a);
    const parts = shares.map(([index, count]) => `${Math.round((100 * count) / all.length)}% ${classes[index]}`);
    return `Of the area shown the network calls ${parts.join(", ")}.`;
  }
}

/** A colour scale from the ground to each class's colour. */
function classScale(kind, colours, numClasses) {
  if (kind === "score") {
    const [none, one] = colours;
    return [
      [0, fadeHex(none, GROUND)],
      [0.5, fadeHex(none, GROUND_LEAST)],
      [0.5, fadeHex(one, GROUND_LEAST)],
      [1, fadeHex(one, GROUND)],
    ];
  }
  return Array.from({ length: numClasses }, (_, k) => {
    const colour = colours[k % colours.length];
    return [
      [k / numClasses, fadeHex(colour, GROUND_LEAST)],
      [(k + 1) / numClasses, fadeHex(colour, GROUND)],
    ];
  }).flat();
}

// ---------------------------------------------------------------- the card

/** The figure in its card, with the history of its surfaces. The Plotly node is made once and stays. */
class BoundaryCard {
  #frame = null;
  #due = 0;
  #timer = null;
  #isDrawn = false;
  #base = ""; // what the figure looked like but for its surface
  #isStale = true; // there is another surface than the one drawn
  #isSeeking = false;
  #rows = ""; // the figure as Python drew it …
  #figures = 0; // … and how many it has drawn

  constructor() {
    this.epoch = null; // the one to show; null follows the newest
    this.surface = null;
    this.title = element("h3", { class: "lr-title" });
    this.help = element("button", { class: "lr-help", type: "button" }, "?");
    this.note = element("p", { class: "lr-note", "data-testid": "boundary-note" });
    this.words = element("p", { class: "ev-unseen", id: `boundary-words-${(BoundaryCard.count += 1)}` });
    this.plot = element("div", {
      class: "lr-plot",
      role: "img",
      "data-testid": "boundary",
      "aria-describedby": this.words.id,
    });
    this.legend = element("p", { class: "ev-legend" });
    this.node = element(
      "article",
      { class: "lr-card ev-boundary" },
      element("header", { class: "lr-card-head" }, this.title, this.help, this.note),
      element("div", { class: "lr-frame" }, this.plot),
      this.legend,
      this.words,
    );
    this.isSeen = false;
    this.resizing = new ResizeObserver(([{ contentRect }]) => {
      const size = { width: Math.floor(contentRect.width), height: Math.floor(contentRect.height) };
      if (!size.width || !size.height) return;
      this.size = size;
      this.#schedule();
    });
    this.resizing.observe(this.plot);
    this.seeing = new IntersectionObserver((entries) => {
      this.isSeen = entries.at(-1).isIntersecting; // a busy page is told of several at once
      this.#schedule();
    });
    this.seeing.observe(this.plot);
  }

  static count = 0;

  // -- what is told ---------------------------------------------------------------------------

  /** Show the run of a feed: `figure` has its rows, `path` is where the server tells of earlier epochs. */
  update({ figure, path, feed, theme }) {
    this.theme = theme;
    const rows = JSON.stringify(figure);
    if (rows !== this.#rows) {
      this.#rows = rows;
      this.#figures += 1;
      this.figure = figure;
      this.#introduce(figure.layout.meta);
    }
    if (feed !== this.feed || path !== this.path) this.#follow(feed, path);
    this.#drawLegend();
    this.#schedule();
  }

  useWith(Plotly) {
    this.Plotly = Plotly;
    this.#schedule();
  }

  /** Show an epoch, or the nearest that has a surface; null follows the newest. */
  seek(epoch) {
    if (epoch === this.epoch) return;
    this.epoch = epoch;
    this.#due = 0; // a hand waits for it
    this.#seek();
  }

  #introduce({ kind }) {
    const [title, help] = BOUNDARY_WORDS[kind];
    this.title.textContent = title;
    this.help.setAttribute("aria-label", help);
    this.help.setAttribute("data-help", help);
    this.plot.setAttribute("aria-label", title);
  }

  #follow(feed, path) {
    const leave = this.leave;
    this.feed = feed;
    this.path = path;
    this.history?.close();
    this.surface = null;
    this.epoch = null;
    this.history = new EpochHistory({
      path,
      list: "boundaries",
      unpack: unpackSurface,
      isDense: false,
      onChange: () => this.#seek(),
    });
    this.leave = feed.subscribe((event, message) => this.#heard(event, message));
    leave?.();
    this.history.push(feed.boundary);
    this.history.load();
    this.#say();
  }

  #heard(event, message) {
    if (event === "message") this.history.push(message.boundary);
    // What was missed while the connection was lost.
    else if (this.feed.status === "open" && this.history.isLoaded) this.history.load();
    if (!this.surface) this.#say();
  }

  // -- which surface is shown -----------------------------------------------------------------

  get #wanted() {
    return this.epoch === null ? this.history.latest : nearest(this.history.epochs, this.epoch);
  }

  async #seek() {
    if (this.#isSeeking) return; // it looks for what is wanted then
    this.#isSeeking = true;
    try {
      let history;
      let wanted;
      do {
        ({ history } = this);
        wanted = this.#wanted;
        const surface = wanted === null ? null : await history.at(wanted);
        if (surface && history === this.history) this.#show(surface);
      } while (history !== this.history || wanted !== this.#wanted);
    } finally {
      this.#isSeeking = false;
    }
    this.#say();
  }

  #show(surface) {
    if (surface === this.surface) return;
    this.surface = surface;
    this.#isStale = true;
    this.#schedule();
  }

  // -- drawing --------------------------------------------------------------------------------

  /** Draw in the next frame, if there is something new; after a pause where drawing is slow. */
  #schedule() {
    if (this.#frame !== null || !this.Plotly || !this.size || !this.isSeen || !this.figure) return;
    if (!this.#isStale && this.#signature() === this.#base) return;
    clearTimeout(this.#timer);
    const request = () => {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = null;
        this.#draw();
      });
    };
    const wait = this.#due - performance.now();
    if (wait > 0) this.#timer = setTimeout(request, wait);
    else request();
  }

  #signature() {
    return JSON.stringify([this.size, this.theme, this.#figures]);
  }

  #draw() {
    const began = performance.now();
    const base = this.#signature();
    // Another run may have come since this frame was asked for.
    if (this.#isDrawn && this.surface && base === this.#base) this.#fill();
    else this.#drawAll();
    this.#base = base;
    this.#isStale = false;
    const ended = performance.now();
    const isFollowing = this.epoch === null && !this.feed.isOver;
    this.#due = ended + Math.max(ended - began, isFollowing ? REDRAW - (ended - began) : 0);
    setAttribute(this.plot, "data-epoch", this.surface?.epoch ?? null);
    setAttribute(this.plot, "data-drawn", (ended - began).toFixed(1));
  }

  /** Put another surface under the rows, which stay as they are. */
  #fill() {
    const places = (role) => this.drawn.flatMap(({ meta }, k) => (meta.role === role ? [k] : []));
    const { surface } = this;
    const { x, y, z } = surface;
    const edges = places("edge");
    if (edges.length) this.Plotly.restyle(this.plot, { z: [z, surface.logits] }, [...places("surface"), ...edges]);
    else if (z) this.Plotly.restyle(this.plot, { z: [z] }, places("surface"));
    else this.Plotly.restyle(this.plot, { x: [x], y: [y] }, places("curve"));
  }

  #drawAll() {
    const { layout, data } = this.figure;
    const { theme, surface } = this;
    const axis = { color: theme.text, gridcolor: fade(theme.text, 0.13) };
    this.drawn = data.map((trace) => this.#dressed(trace, surface));
    const figureLayout = {
      ...layout,
      ...this.size,
      autosize: false,
      uirevision: "kept",
      font: { ...layout.font, color: theme.text, family: theme.font },
      hoverlabel: {
        bgcolor: theme.background,
        bordercolor: theme.border,
        font: { ...layout.hoverlabel?.font, color: theme.text, family: theme.font },
      },
      xaxis: { ...layout.xaxis, ...axis },
      yaxis: { ...layout.yaxis, ...axis },
    };
    // A finger scrolls the page.
    if (matchMedia("(pointer: coarse)").matches) figureLayout.dragmode = false;
    const config = { displayModeBar: false, doubleClick: "reset" };
    if (this.#isDrawn) this.Plotly.react(this.plot, this.drawn, figureLayout);
    else this.Plotly.react(this.plot, this.drawn, figureLayout, config);
    this.#isDrawn = true;
  }

  /** A trace in the colours of the page, with the surface where it belongs. */
  #dressed(trace, surface) {
    const { role } = trace.meta;
    const { kind, classes } = this.figure.layout.meta;
    const { theme } = this;
    if (role === "curve") return { ...trace, x: surface?.x ?? [], y: surface?.y ?? [], line: { ...trace.line, color: theme.text } };
    if (role === "edge") return { ...trace, z: surface?.logits ?? [], line: { ...trace.line, color: theme.text } };
    if (role === "surface") {
      const colorscale = kind === "value" ? trace.colorscale : classScale(kind, this.#colours, classes.length);
      return { ...trace, z: surface?.z ?? [], colorscale };
    }
    const isFilled = role === "training";
    let colours = isFilled ? trace.marker.color : trace.marker.line.color;
    if (classes.length) colours = trace.customdata.map((index) => this.#colourOf(index));
    else if (kind === "curve") colours = this.#colours[isFilled ? 0 : 5];
    const line = { ...trace.marker.line, color: isFilled ? theme.background : colours };
    return { ...trace, marker: { ...trace.marker, color: isFilled ? colours : theme.background, line } };
  }

  get #colours() {
    return this.figure.layout.meta.colours[this.theme.mode];
  }

  #colourOf(index) {
    return this.#colours[index % this.#colours.length];
  }

  // -- words ----------------------------------------------------------------------------------

  #say() {
    const { surface } = this;
    if (!surface) {
      setText(this.note, this.feed.run === null ? "" : this.feed.isOver ? NO_BOUNDARY : BOUNDARY_TO_COME);
      setText(this.words, "");
      return;
    }
    const isOther = this.epoch !== null && surface.epoch !== this.epoch;
    const where = `after epoch ${surface.epoch + 1}`;
    setText(this.note, isOther ? `${where}, the nearest that was kept` : where);
    setText(this.words, `${surface.words(this.#classNames)} This is ${where}.`);
  }

  get #classNames() {
    const { classes } = this.figure.layout.meta;
    return classes.map((_, index) => className({ class_names: classes }, index));
  }

  #drawLegend() {
    const { kind, classes } = this.figure.layout.meta;
    const has = (role) => this.figure.data.some(({ meta, x }) => meta.role === role && x.length);
    const names = this.#classNames.slice(0, 10);
    const swatches = names.map((name, index) =>
      element("span", { class: "ev-key" }, element("i", { class: "ev-swatch", style: `background: ${this.#colourOf(index)}` }), name),
    );
    if (classes.length > names.length) swatches.push(element("span", { class: "ev-key" }, "…"));
    const parts = ["training", "validation"].filter(has).map((role) =>
      element("span", { class: "ev-key" }, element("i", { class: `ev-dot ev-dot-${role}` }), role),
    );
    if (kind === "curve") parts.push(element("span", { class: "ev-key" }, element("i", { class: "ev-dash" }), "predicted"));
    this.legend.replaceChildren(...swatches, ...parts);
  }

  destroy() {
    this.leave?.();
    this.history?.close();
    clearTimeout(this.#timer);
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.resizing.disconnect();
    this.seeing.disconnect();
    globalThis.Plotly?.purge(this.plot);
    this.node.remove();
  }
}
