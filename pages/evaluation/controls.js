/*
 * What one sets an evaluation with: the epoch, the class, the threshold, the costs.
 */

/** A slider with its label before it and its value behind. */
class Slider {
  constructor({ label, max, step, testid, words, onInput }) {
    this.words = words;
    this.input = element("input", {
      type: "range",
      min: 0,
      max,
      step,
      class: "lr-slider",
      "data-testid": testid,
      autocomplete: "off",
    });
    this.output = element("output", { class: "lr-value" });
    this.label = element("span", { class: "ev-label" }, label);
    this.node = element("label", { class: "ev-control" }, this.label, this.input, this.output);
    this.input.addEventListener("input", () => onInput(Number(this.input.value)));
  }

  set({ value, max, words = this.words(value) }) {
    if (max !== undefined && Number(this.input.max) !== max) this.input.max = max;
    if (Number(this.input.value) !== value) this.input.value = value;
    if (this.output.textContent !== words) {
      this.output.textContent = words;
      this.input.setAttribute("aria-valuetext", words);
    }
    const share = this.input.max > 0 ? (100 * value) / this.input.max : 0;
    this.input.style.setProperty("--lr-share", `${share.toFixed(1)}%`);
  }

  set isOn(isOn) {
    this.input.disabled = !isOn;
  }
}

/** A row of buttons of which one is pressed. */
class Segments {
  constructor({ label, options, onChoice }) {
    this.buttons = new Map(
      options.map(([value, words]) => {
        const button = element("button", { type: "button", class: "ev-segment", "data-value": value }, words);
        button.addEventListener("click", () => onChoice(value));
        return [value, button];
      }),
    );
    this.node = element("div", { class: "ev-segments", role: "group", "aria-label": label }, ...this.buttons.values());
  }

  set(value) {
    for (const [name, button] of this.buttons) setAttribute(button, "aria-pressed", name === value);
  }
}

function button(words, onClick, attributes = {}) {
  const node = element("button", { type: "button", class: "ev-button", ...attributes }, words);
  node.addEventListener("click", onClick);
  return node;
}

const PLAY_SECONDS = 10; // for all epochs together …
const PLAY_FASTEST = 40; // … in milliseconds an epoch
const PLAY_SLOWEST = 600;

/** The time machine: an epoch slider that plays, and follows a training that goes on. */
class Timeline {
  #timer = null;
  #position = null; // the epoch that was played last, which need not have been drawn yet

  /** `onEpoch` is told of an epoch, or of null for the newest. */
  constructor(onEpoch) {
    this.onEpoch = onEpoch;
    this.epochs = [];
    this.slider = new Slider({
      label: "Epoch",
      max: 0,
      step: 1,
      testid: "epoch-slider",
      words: String,
      onInput: (place) => {
        this.pause();
        this.onEpoch(this.epochs[place] ?? null);
      },
    });
    this.play = button("Play", () => (this.isPlaying ? this.pause() : this.#start()), { "data-testid": "play" });
    this.live = button("Live", () => this.#goLive(), { "data-testid": "live", "aria-pressed": true });
    this.node = element("div", { class: "ev-timeline", role: "group", "aria-label": "Time machine" }, this.play, this.slider.node, this.live);
  }

  get isPlaying() {
    return this.#timer !== null;
  }

  update({ epochs, epoch, isLive, isOver }) {
    this.epochs = epochs;
    this.epoch = epoch;
    const place = Math.max(0, epochs.indexOf(epoch));
    const last = epochs.length ? epochs.at(-1) + 1 : 0;
    this.slider.set({ value: place, max: Math.max(0, epochs.length - 1), words: `${(epoch ?? -1) + 1} of ${last}` });
    this.slider.isOn = epochs.length > 1;
    this.play.disabled = epochs.length < 2;
    setText(this.live, isOver ? "Last" : "Live");
    setAttribute(this.live, "aria-pressed", isLive);
  }

  #start() {
    const isAtEnd = this.epoch === this.epochs.at(-1);
    this.#go(isAtEnd ? this.epochs[0] : this.epoch);
    setText(this.play, "Pause");
    this.#next();
  }

  #go(epoch) {
    this.#position = epoch;
    this.onEpoch(epoch);
  }

  #next() {
    const pause = (1000 * PLAY_SECONDS) / Math.max(1, this.epochs.length);
    this.#timer = setTimeout(
      () => {
        const following = this.epochs.find((epoch) => epoch > this.#position);
        if (following !== undefined) this.#go(following);
        if (following === undefined || following === this.epochs.at(-1)) this.pause();
        else this.#next();
      },
      Math.min(PLAY_SLOWEST, Math.max(PLAY_FASTEST, pause)),
    );
  }

  pause() {
    clearTimeout(this.#timer);
    this.#timer = null;
    setText(this.play, "Play");
  }

  #goLive() {
    this.pause();
    this.onEpoch(null);
  }
}

/** A few numbers, large enough for the back row, and below them what is to be known about one of them. */
class Readouts {
  static #number = 0;

  constructor(names) {
    const id = `ev-reasons-${(Readouts.#number += 1)}`;
    this.id = id;
    this.values = new Map(
      Object.entries(names).map(([name, words]) => [
        name,
        { title: words, node: element("dd", { "data-testid": `readout-${name}` }), words: element("dt", {}, words) },
      ]),
    );
    this.reasons = element("p", { class: "ev-reasons", id, "data-testid": "reasons" });
    this.node = element(
      "div",
      { class: "ev-numbers" },
      element("dl", { class: "ev-readouts" }, ...[...this.values.values()].map(({ node, words }) => element("div", {}, words, node))),
      this.reasons,
    );
  }

  /** Show numbers by name: each with its `value`, and a `reason` where there is something to say about it. */
  set(values) {
    const names = new Map(); // by what is said of them
    for (const [name, { value, reason }] of Object.entries(values)) {
      const { node, title } = this.values.get(name);
      const words = numberWords(value);
      if (node.textContent !== words) node.textContent = words;
      node.classList.toggle("ev-undefined", !Number.isFinite(value));
      setAttribute(node, "aria-describedby", reason ? this.id : null);
      if (reason) names.set(reason, [...(names.get(reason) ?? []), title]);
    }
    const said = [...names].map(([reason, titles]) => `${listed(titles)}: ${reason}.`).join(" ");
    if (this.reasons.textContent !== said) this.reasons.textContent = said;
  }
}

function listed(words) {
  return [words.slice(0, -1).join(", "), words.at(-1)].filter(Boolean).join(" and ");
}

/** The class that counts as positive, the threshold, and the sliders that ask for one. */
class ThresholdControls {
  #options = "";

  constructor({ onClass, onStep, onGoal }) {
    this.select = element("select", { class: "ev-select", "data-testid": "positive-class", autocomplete: "off" });
    this.select.addEventListener("change", () => {
      onClass(this.select.value === "all" ? null : Number(this.select.value));
    });
    this.class = element("label", { class: "ev-control ev-class" }, element("span", { class: "ev-label" }, "Positive class"), this.select);
    const step = (value) => (value / 1000).toFixed(3);
    this.threshold = new Slider({
      label: "Threshold",
      max: 1000,
      step: 1,
      testid: "threshold-slider",
      words: step,
      onInput: onStep,
    });
    this.goals = Object.fromEntries(
      ["precision", "recall"].map((name) => [
        name,
        new Slider({
          label: `At least this ${name}`,
          max: 1,
          step: 0.01,
          testid: `goal-${name}`,
          words: (value) => value.toFixed(2),
          onInput: (value) => onGoal({ name, value }),
        }),
      ]),
    );
    this.words = element("p", { class: "ev-words", role: "status", "data-testid": "goal-words" });
    this.readouts = new Readouts({ precision: "Precision", recall: "Recall", f1: "F1" });
    this.sliders = element(
      "div",
      { class: "ev-sliders" },
      this.threshold.node,
      this.goals.precision.node,
      this.goals.recall.node,
    );
  }

  /** Offer these classes: pairs of value and words. */
  offer(options, chosen) {
    const signature = JSON.stringify(options);
    if (signature !== this.#options) {
      this.#options = signature;
      this.select.replaceChildren(...options.map(([value, words]) => element("option", { value }, words)));
    }
    if (this.select.value !== String(chosen)) this.select.value = chosen;
  }

  update({ step, goal, words, ratios, isOn }) {
    this.threshold.set({ value: step });
    this.threshold.isOn = isOn;
    for (const [name, slider] of Object.entries(this.goals)) {
      slider.isOn = isOn;
      const shown = goal?.name === name ? goal.value : Math.floor(100 * (ratios[name].value || 0) + 1e-9) / 100;
      slider.set({ value: isOn ? shown : 0, words: isOn ? undefined : "" });
    }
    setText(this.words, words);
    this.words.hidden = false; // its line is kept, so that nothing below jumps
    this.readouts.set(ratios);
  }
}

const PRESETS = {
  "Spam filter": { falseAlarm: 10, miss: 1 },
  "Cancer screening": { falseAlarm: 1, miss: 10 },
};

const COST_WORDS = "ev-cost-words"; // one evaluation a page has costs

/** What a false alarm and a miss cost. */
class CostControls {
  #shown = []; // what `update` was called with last
  #fault = ""; // what is wrong with what somebody is typing

  constructor({ onCosts, onUse }) {
    this.onCosts = onCosts;
    const input = (name, label) => {
      const node = element("input", {
        type: "number",
        min: 0,
        step: "any",
        class: "ev-number",
        "data-testid": `cost-${name}`,
        autocomplete: "off",
      });
      node.addEventListener("input", () => this.#changed());
      node.addEventListener("blur", () => this.#leave());
      return [node, element("label", { class: "ev-control" }, element("span", {}, label), node)];
    };
    const [falseAlarm, falseAlarmLabel] = input("false-alarm", "A false alarm costs");
    const [miss, missLabel] = input("miss", "a miss costs");
    Object.assign(this, { falseAlarm, miss });
    this.presets = new Segments({
      label: "Examples of costs",
      options: Object.keys(PRESETS).map((name) => [name, name]),
      onChoice: (name) => onCosts(PRESETS[name]),
    });
    this.meaning = element("p", { class: "ev-words", "data-testid": "cost-meaning" });
    this.words = element("p", { class: "ev-words", "data-testid": "cost-words", id: COST_WORDS });
    this.use = button("Use this threshold", onUse, { "data-testid": "use-threshold" });
    this.node = element(
      "div",
      { class: "ev-costs" },
      element("div", { class: "ev-row" }, falseAlarmLabel, missLabel, this.presets.node),
      this.meaning,
      element("div", { class: "ev-row" }, this.words, this.use),
    );
  }

  #changed() {
    const nodes = [this.falseAlarm, this.miss];
    const isBad = (node) => !(node.valueAsNumber >= 0 && Number.isFinite(node.valueAsNumber));
    for (const node of nodes) this.#mark(node, isBad(node));
    const bad = nodes.find(isBad);
    this.#fault = bad ? `A cost must be a number of at least 0. Got ${bad.value || "none"}.` : "";
    setText(this.words, this.#fault);
    const [falseAlarm, miss] = nodes.map((node) => node.valueAsNumber);
    if (!bad) this.onCosts({ falseAlarm, miss });
  }

  #mark(node, isBad) {
    setAttribute(node, "aria-invalid", isBad ? true : null);
    setAttribute(node, "aria-describedby", isBad ? COST_WORDS : null);
  }

  /** What cannot be a cost is not left standing there. */
  #leave() {
    this.#fault = "";
    this.update(...this.#shown);
  }

  /** Show the costs; what a false alarm and a miss are; what follows; and whether it can be used. */
  update(...shown) {
    this.#shown = shown;
    const [{ falseAlarm, miss }, meaning, words, isOn] = shown;
    for (const [node, value] of [[this.falseAlarm, falseAlarm], [this.miss, miss]]) {
      // What somebody is typing is theirs.
      if (document.activeElement === node) continue;
      if (node.valueAsNumber !== value) node.value = value;
      this.#mark(node, false);
    }
    const preset = Object.entries(PRESETS).find(([, costs]) => costs.falseAlarm === falseAlarm && costs.miss === miss);
    this.presets.set(preset?.[0]);
    setText(this.meaning, meaning);
    setText(this.words, this.#fault || words);
    this.use.disabled = !isOn;
  }
}
