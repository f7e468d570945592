/*
 * What the diagnosis says of a run, in sentences below its charts. Behind elements.js, before chart.js.
 *
 * The sentences come with the stream (`feed.verdicts`), each with its rule and its next step; charts mark their
 * points with the same numbers. The marks of an early stopping that is replayed come from the page.
 */

/** Where a verdict is marked: on its own curve, or on that of the loss where the run has no such one. */
function markedSeries(verdict, series) {
  return [verdict.series, "val_loss", "loss"].find((name) => series.get(name)?.x.length);
}

/** The points of a chart's curves that the verdicts rest on, with the verdicts' numbers, and those of notes. */
function ringedPoints(names, series, verdicts, notes) {
  const points = new Map();
  for (const { series: name, x } of notes) {
    const point = names.includes(name) && series.has(name) ? pointAt(series.get(name), x) : null;
    if (point) points.set(`${name} ${point.x}`, { ...point, text: "" });
  }
  verdicts.forEach((verdict, place) => {
    const name = markedSeries(verdict, series);
    if (!names.includes(name)) return;
    for (const epoch of verdict.epochs) {
      const point = pointAt(series.get(name), epoch + 1);
      if (!point) continue;
      const key = `${name} ${point.x}`;
      points.set(key, { ...point, text: [points.get(key)?.text, place + 1].filter(Boolean).join(", ") });
    }
  });
  const found = [...points.values()];
  return { x: found.map(({ x }) => x), y: found.map(({ y }) => y), text: found.map(({ text }) => text) };
}

/** The ground below all epochs that a verdict is about. */
function spanShapes(base, verdicts) {
  return verdicts
    .filter(({ spans, epochs }) => spans && epochs.length)
    .map(({ epochs }) => ({ ...base, visible: true, x0: epochs[0] + 1, x1: epochs.at(-1) + 1 }));
}

/** The last point of a curve that is not beyond x; a thinned curve lacks some, a broken one ends. */
function pointAt({ x: xs, y: ys }, x) {
  for (let k = xs.length - 1; k >= 0; k -= 1) {
    if (xs[k] <= x && Number.isFinite(ys[k])) return { x: xs[k], y: ys[k] };
  }
  return null;
}

class DiagnosisView {
  #items = new Map();

  constructor(parent) {
    this.list = element("ol", { class: "lr-verdicts" });
    this.root = element(
      "section",
      { class: "lr-root lr-diagnosis", "aria-label": "Diagnosis", "data-testid": "diagnosis" },
      element("h3", { class: "lr-title" }, "Diagnosis"),
      this.list,
    );
    this.root.hidden = true;
    parent.append(this.root);
  }

  update({ data, setTriggerValue }) {
    this.press = (name) => setTriggerValue("next_step", { run_id: data.run_id, verdict: name });
    this.canStart = data.can_start;
    this.isHidden = data.is_hidden;
    if (data.run_id !== this.runId) {
      const leave = this.leave;
      this.runId = data.run_id;
      this.feed = registry.feed(data.run_id, data.stream);
      this.leave = this.feed.subscribe((event) => {
        if (event === "message") this.#draw();
      });
      leave?.();
    }
    this.#draw();
  }

  #draw() {
    const verdicts = this.isHidden ? [] : this.feed.verdicts;
    const names = new Set(verdicts.map(({ name }) => name));
    for (const [name, item] of this.#items) {
      if (names.has(name)) continue;
      item.node.remove();
      this.#items.delete(name);
    }
    verdicts.forEach((verdict, place) => {
      if (!this.#items.has(verdict.name)) this.#items.set(verdict.name, this.#item(verdict.name));
      this.#fill(this.#items.get(verdict.name), verdict);
      const { node } = this.#items.get(verdict.name);
      if (this.list.children[place] !== node) this.list.insertBefore(node, this.list.children[place] ?? null);
    });
    this.root.hidden = verdicts.length === 0;
  }

  /** One verdict; it stays as it is, opened or not, while its numbers change. */
  #item(name) {
    const sentence = element("p", { class: "lr-sentence" });
    const rule = element("p", { class: "lr-rule" });
    const advice = element("p", { class: "lr-advice" });
    const button = element("button", { class: "lr-step", type: "button" });
    button.addEventListener("click", () => this.press(name));
    const why = element("details", { class: "lr-why" }, element("summary", {}, "Why is this said?"), rule);
    const next = element("div", { class: "lr-next" }, button, advice, why);
    const node = element("li", { class: "lr-verdict", "data-verdict": name }, sentence, next);
    return { node, sentence, rule, advice, button };
  }

  #fill({ sentence, rule, advice, button }, verdict) {
    const isOffered = this.canStart && Object.keys(verdict.choices).length > 0;
    setText(sentence, verdict.sentence);
    setText(rule, verdict.rule);
    setText(button, isOffered ? verdict.next_step.replace(/\.$/, "") : "");
    setText(advice, isOffered ? "" : verdict.next_step);
  }

  destroy() {
    this.leave?.();
    this.root.remove();
  }
}

/** Marks of the page's own on the charts of a run, e.g. where early stopping would have ended it. */
class MarksView {
  constructor(parent) {
    this.root = element("span", { hidden: "" });
    parent.append(this.root);
  }

  update({ data }) {
    this.#leave();
    this.feed = registry.feed(data.run_id, data.stream);
    this.leave = this.feed.subscribe(() => {});
    this.feed.note(data.notes);
  }

  #leave() {
    const { feed, leave } = this;
    feed?.note([]);
    leave?.();
  }

  destroy() {
    this.#leave();
    this.root.remove();
  }
}
