/*
 * The charts of a run and the controls above them. Behind chart.js.
 */

const FRAME = 50; // milliseconds between two redraws of a chart, at least

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
