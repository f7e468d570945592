/*
 * The evaluations of a run: its matrix, threshold and curves, live beside the training (`live`) and in depth
 * on a page of their own (`page`). All is computed here from the counts, so that a slider asks no server.
 */

const PARTS = {
  live: { classes: ["precision_recall"], regression: ["agreement", "residuals"] },
  page: {
    classes: ["precision_recall", "roc", "scores", "reliability", "cost"],
    regression: ["agreement", "residuals"],
  },
};

// A figure whose lines were only moved is drawn when nothing moved for so long, or at the latest after …
const REST = 200; // milliseconds
const LONGEST_MOVE = 2000;
const SCROLL_TIME = 1000;
const EXAMPLES_WAIT = 30_000; // for the page to make room for the rows behind a cell

const MODES = [
  ["counts", "Counts"],
  ["rows", "Share of true"],
  ["columns", "Share of predicted"],
];

const NO_VALIDATION = "This run has no validation data.";
const NOT_YET = "Counts come with the first validated epoch.";
const NEVER = "This run ended before an epoch was validated.";
const NOT_COUNTED = "This run has no counts of its validation rows.";
const HOW_TO_COUNT =
  "No counts so far. They come with EvaluationCounts (of numbers: RegressionEvaluationCounts) among the metrics " +
  "of compile() and validation_data in fit().";

class EvaluationView {
  #dirty = new Set(); // figures that do not show the counts of now
  #unsettled = new Set(); // those that show them only to the eye …
  #settling = new Set(); // … and those of them whose turn it is to be drawn
  #movedAt = null; // when the first of the unsettled was moved
  #rest = null;
  #frame = null;
  #isStale = false; // something but a figure wants to be shown anew
  #isUnpacking = false;
  #derived = new Map(); // what was computed from the counts shown

  constructor(parent) {
    this.step = 500;
    this.goal = null;
    this.epoch = null; // the one chosen; null follows the newest
    this.mode = "counts";
    this.costs = { falseAlarm: 1, miss: 1 };
    this.counts = null;
    this.kind = null;
    this.cards = new Map();
    this.empty = element("p", { class: "ev-empty", "data-testid": "evaluation-empty" });
    this.empty.hidden = true;
    this.title = element("h2", { class: "ev-title" }, "Evaluation");
    this.rows = element("p", { class: "ev-words", "data-testid": "evaluation-rows" });
    this.body = element("div", { class: "ev-body" });
    this.apart = element("div", { class: "ev-grid" }); // for the boundary where there are no counts
    this.boundary = null;
    this.root = element(
      "section",
      { class: "lr-root ev-root", "aria-label": "Evaluation" },
      element("header", { class: "ev-head" }, this.title, this.rows),
      this.empty,
      this.apart,
      this.body,
    );
    parent.append(this.root);
  }

  // -- Streamlit's calls ----------------------------------------------------------------------

  update({ data, setStateValue, setTriggerValue }) {
    // Beside the curves a cell leads to the other page; there it stays chosen.
    this.sendCell = (cell) => (data.part === "page" ? setStateValue("cell", cell) : setTriggerValue("visit", cell));
    this.data = data;
    this.figures = data.figures;
    this.root.dataset.part = data.part;
    this.title.hidden = data.part === "page";
    this.theme = readTheme(this.root);
    this.root.style.colorScheme = this.theme.mode;
    this.palette = data.palettes[this.theme.mode];
    for (const [name, color] of Object.entries(this.palette)) this.root.style.setProperty(`--ev-${name}`, color);
    // A page may hand its place to another page's view of the same run.
    const shown = JSON.stringify([data.run_id, data.part, data.evaluations]);
    if (shown !== this.shownNow) this.#switchTo(data);
    this.shownNow = shown;
    this.#arrangeBoundary(data);
    this.#invalidate();
    if (!this.Plotly) this.#load(data.plotly);
    const isOnItsWay = this.way && !this.way.signal.aborted;
    if (data.part === "page" && registry.cellOf === data.run_id && !isOnItsWay) this.#goToExamples();
  }

  #switchTo(data) {
    const leave = this.leave;
    this.runId = data.run_id;
    this.history?.close();
    this.timeline?.pause();
    this.counts = null;
    this.wanted = null;
    this.epoch = null;
    this.goal = null;
    this.chosen = undefined; // the default of the run's first counts
    this.told = null;
    this.history = new EpochHistory({
      path: data.evaluations,
      list: "evaluations",
      unpack,
      isDense: true,
      onChange: () => this.#seek(),
    });
    this.feed = registry.feed(data.run_id, data.stream);
    this.leave = this.feed.subscribe((event, message) => this.#heard(event, message));
    leave?.();
    this.history.push(this.feed.evaluation);
    this.history.load();
  }

  async #load(path) {
    try {
      this.Plotly = await loadPlotly(path);
    } catch {
      return; // the charts above say so
    }
    this.boundary?.useWith(this.Plotly);
    this.#invalidate();
  }

  /** Show the decision boundary of a run that has one, as the first of the cards. */
  #arrangeBoundary(data) {
    if (!data.boundary) {
      this.boundary?.destroy();
      this.boundary = null;
      return;
    }
    this.boundary ??= new BoundaryCard();
    this.boundary.update({ figure: data.boundary, path: data.boundaries, feed: this.feed, theme: this.theme });
    if (this.Plotly) this.boundary.useWith(this.Plotly);
    this.#placeBoundary();
  }

  #placeBoundary() {
    if (!this.boundary) return;
    const grid = (this.counts && this.body.querySelector(".ev-grid")) || this.apart;
    if (grid.firstChild !== this.boundary.node) grid.prepend(this.boundary.node);
  }

  #heard(event, message) {
    if (event !== "message") return;
    this.history.push(message.evaluation);
    const told = JSON.stringify([message.run?.facts, message.run?.state, this.counts ? null : message.run?.epoch]);
    if (told === this.told) return;
    this.told = told;
    this.#invalidate();
  }

  // -- which counts are shown -----------------------------------------------------------------

  /** Show the epoch that is wanted as soon as its counts are ready. */
  #seek() {
    const isKnown = this.epoch === null || this.history.epochs.includes(this.epoch);
    if (!isKnown) this.epoch = nearest(this.history.epochs, this.epoch);
    this.boundary?.seek(this.epoch);
    this.#changed(); // the slider is longer now
    const epoch = this.epoch ?? this.history.latest;
    if (epoch === null) return;
    const ready = this.history.ready(epoch);
    if (ready) this.#show(ready);
    else this.#unpack();
  }

  async #unpack() {
    if (this.#isUnpacking) return; // its end looks for what is wanted then
    this.#isUnpacking = true;
    const { history } = this;
    const epoch = this.epoch ?? history.latest;
    try {
      const counts = await history.at(epoch);
      if (counts && history === this.history) this.#show(counts);
    } finally {
      this.#isUnpacking = false;
    }
    const wanted = this.epoch ?? this.history.latest;
    if (wanted !== null && (wanted !== epoch || history !== this.history)) this.#seek();
  }

  #show(counts) {
    if (counts === this.counts) return;
    this.counts = counts;
    this.#derived.clear();
    this.#build(counts);
    this.#placeBoundary();
    this.#invalidate();
  }

  /** Make the cards for this kind of run, once. */
  #build({ kind, numClasses }) {
    const shape = `${this.data.part} ${kind} ${this.data.has_examples}`;
    if (kind === "classes" && this.chosen === undefined) this.chosen = numClasses === 2 ? 1 : null;
    if (shape === this.kind) return;
    this.kind = shape;
    for (const cards of [this.#dirty, this.#unsettled, this.#settling]) cards.clear();
    for (const card of this.cards.values()) card.destroy();
    this.timeline?.pause();
    this.timeline = this.report = this.costControls = this.hint = null;
    this.cards = new Map(
      PARTS[this.data.part][kind].map((id) => [id, new CurveCard({ id, ...CURVES[id] }, (card) => this.#resized(card))]),
    );
    this.body.replaceChildren(...(kind === "classes" ? this.#classParts() : this.#regressionParts()));
  }

  #classParts() {
    const isPage = this.data.part === "page";
    this.segments = new Segments({
      label: "What the cells show",
      options: MODES,
      onChoice: (mode) => this.#set({ mode }),
    });
    this.matrix = new MatrixTable(this.data.has_examples ? (row, column) => this.#activate(row, column) : null);
    this.matrixTitle = element("h3", { class: "lr-title" }, "Confusion matrix");
    this.matrixCard = element(
      "article",
      { class: "lr-card ev-matrix-card" },
      element("header", { class: "lr-card-head ev-wrap" }, this.matrixTitle, this.segments.node),
      this.matrix.node,
    );
    this.threshold = new ThresholdControls({
      onClass: (chosen) => this.#choose(chosen),
      onStep: (step) => this.#set({ step, goal: null }),
      onGoal: (goal) => this.#set({ goal }),
    });
    const { class: choice, sliders, words, readouts } = this.threshold;
    const curve = this.cards.get("precision_recall");
    if (!isPage) {
      curve.help.after(choice);
      curve.node.firstChild.after(readouts.node, sliders, words);
      return [element("div", { class: "ev-grid" }, this.matrixCard, curve.node)];
    }
    this.report = new ReportTable();
    this.reportShown = null;
    this.costControls = new CostControls({
      onCosts: (costs) => this.#setCosts(costs),
      onUse: () => this.#set({ step: this.cheapest, goal: null }),
    });
    this.cards.get("cost").node.append(this.costControls.node);
    const bar = element(
      "div",
      { class: "ev-bar" },
      element("div", { class: "ev-row" }, this.#newTimeline().node, choice),
      element("div", { class: "ev-row ev-lower" }, sliders, readouts.node),
      words,
    );
    const cards = [...this.cards.values()].map(({ node }) => node);
    this.hint = element("p", { class: "ev-empty ev-wide" }, CHOOSE);
    return [bar, element("div", { class: "ev-grid" }, this.matrixCard, ...cards, this.hint, this.report.node)];
  }

  #regressionParts() {
    this.errors = new Readouts({ mae: "Mean absolute error", rmse: "Root mean squared error", r2: "R²", bias: "Mean error" });
    const cards = [...this.cards.values()].map(({ node }) => node);
    const above = element("div", { class: "ev-bar" }, this.errors.node);
    if (this.data.part === "page") above.prepend(element("div", { class: "ev-row" }, this.#newTimeline().node));
    return [above, element("div", { class: "ev-grid" }, ...cards)];
  }

  #newTimeline() {
    this.timeline = new Timeline((epoch) => {
      this.epoch = epoch;
      this.#seek();
    });
    return this.timeline;
  }

  // -- what is set ----------------------------------------------------------------------------

  #set(settings) {
    Object.assign(this, settings);
    this.#changed();
  }

  #choose(chosen) {
    this.chosen = chosen;
    this.goal = null;
    this.#invalidate();
  }

  #setCosts(costs) {
    this.costs = costs;
    this.#invalidate([this.cards.get("cost")]);
  }

  #activate(row, column) {
    const { classes } = this.shownMatrix;
    const isOne = this.chosen !== null;
    registry.cellOf = this.runId;
    const place = (index) => (isOne ? Number(classes[index] === this.chosen) : classes[index]);
    this.sendCell({
      run_id: this.runId,
      epoch: this.counts.epoch,
      true: place(row),
      predicted: place(column),
      positive: this.chosen,
      threshold: isOne ? this.step / 1000 : null,
    });
    if (this.data.part === "page") this.#goToExamples();
  }

  /** Bring the rows behind a cell into sight, until they rest there or somebody goes elsewhere. */
  #goToExamples() {
    this.way?.abort();
    const way = (this.way = new AbortController());
    const { signal } = way;
    const end = () => {
      registry.cellOf = null;
      way.abort();
    };
    for (const event of ["wheel", "touchmove", "pointerdown", "keydown"]) {
      addEventListener(event, end, { signal, passive: true });
    }
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    const giveUp = performance.now() + EXAMPLES_WAIT;
    let before = NaN;
    const look = () => {
      if (signal.aborted) return;
      // Another mount of this page takes over.
      if (!this.root.isConnected) return way.abort();
      const rows = document.querySelector(`.st-key-${this.data.examples}`);
      const isReady = rows && this.counts;
      const top = isReady ? rows.getBoundingClientRect().top : NaN;
      const isInSight = top >= 0 && top < 0.6 * innerHeight;
      // A page that is still being built moves them, or cuts the way to them short.
      if ((isInSight && top === before) || performance.now() > giveUp) return end();
      if (isReady && !isInSight) rows.scrollIntoView({ behavior, block: "start" });
      before = top;
      setTimeout(look, isReady ? SCROLL_TIME : 50);
    };
    look();
  }

  // -- what the figures ask -------------------------------------------------------------------

  get facts() {
    return this.feed.run?.facts ?? this.data.facts ?? {};
  }

  get targetName() {
    return this.facts.target_name ?? "";
  }

  /** A class as it stands beside the matrix. */
  nameOf(index) {
    return this.facts.class_names?.[index] ?? String(index);
  }

  against(index) {
    return this.#once(index, () => this.counts.against(index));
  }

  /** The areas under both curves of the class that is chosen. */
  get areas() {
    return this.#areas()[this.chosen];
  }

  /** The mean of an area over the classes, in words. */
  meanArea(name) {
    const report = this.#fullReport();
    const about = report.aboutAverage(name);
    return `${numberWords(report.macro(name))}${about ? ` (${about})` : ""}`;
  }

  /** Compute something once for the counts that are shown. */
  #once(name, compute) {
    if (!this.#derived.has(name)) this.#derived.set(name, compute());
    return this.#derived.get(name);
  }

  #confusion() {
    return this.#once("confusion", () => this.counts.confusion());
  }

  #areas() {
    return this.#once("areas", () => this.counts.areas());
  }

  /** The report of the whole matrix, where the class with the highest score is predicted. */
  #fullReport() {
    return this.#once("report", () => classReport(this.#confusion(), this.counts.numClasses, this.#areas()));
  }

  // -- drawing --------------------------------------------------------------------------------

  /** Everything may have changed, or these figures. */
  #invalidate(cards = this.cards.values()) {
    for (const card of cards) this.#dirty.add(card);
    this.#changed();
  }

  #resized(card) {
    if (card) this.#dirty.add(card);
    this.#schedule();
  }

  /** All but the figures has changed; however often that is told, it is shown once a frame. */
  #changed() {
    this.#isStale = true;
    this.#schedule();
  }

  #schedule() {
    if (this.#frame !== null) return;
    const isWaiting = this.Plotly && this.counts && this.#nextToDraw();
    if (this.#isStale || isWaiting) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = null;
    if (this.#isStale) {
      this.#isStale = false;
      this.#drawWords();
      if (this.counts) this.#drawNumbers();
    }
    if (this.counts && this.Plotly) this.#drawFigures();
    this.#schedule();
  }

  /** Move the lines of all figures in sight, and draw one figure: the page shall answer in between. */
  #drawFigures() {
    const moved = [...this.#dirty].filter((card) => card.canBeDrawn && card.move(this));
    for (const card of moved) {
      this.#dirty.delete(card);
      this.#unsettled.add(card);
    }
    if (moved.length) this.#settleSoon();
    const card = this.#nextToDraw();
    if (!card) return;
    for (const cards of [this.#dirty, this.#unsettled, this.#settling]) cards.delete(card);
    card.draw(this.Plotly, this);
  }

  #nextToDraw() {
    return [...this.#dirty, ...this.#settling].find((card) => card.canBeDrawn);
  }

  /** Draw the figures whose lines were moved as soon as they rest. */
  #settleSoon() {
    const now = performance.now();
    this.#movedAt ??= now;
    clearTimeout(this.#rest);
    this.#rest = setTimeout(
      () => {
        this.#movedAt = null;
        for (const card of this.#unsettled) this.#settling.add(card);
        this.#unsettled.clear();
        this.#schedule();
      },
      Math.max(0, Math.min(REST, this.#movedAt + LONGEST_MOVE - now)),
    );
  }

  #drawWords() {
    const { counts } = this;
    this.root.dataset.epoch = counts ? counts.epoch : "";
    this.body.hidden = !counts;
    if (!counts) {
      const isTold = this.feed.run !== null || !this.data.has_validation;
      setText(this.empty, isTold ? this.#whyEmpty() : "");
      setText(this.rows, "");
      return;
    }
    setText(this.empty, "");
    const isClasses = counts.kind === "classes";
    const rows = isClasses ? this.#once("rows", () => sum(this.#confusion())) : counts.sums.count;
    const why = isClasses ? "a score was not finite, or the label is none of the classes" : "the target or the prediction was not finite";
    const leftOut = counts.leftOut ? `, ${countWords(counts.leftOut)} left out: ${why}` : "";
    setText(this.rows, `${countWords(rows)} validation rows after epoch ${counts.epoch + 1}${leftOut}${this.#thinnedWords()}`);
  }

  /** Of a long run not every epoch is here. */
  #thinnedWords() {
    const { length, 0: first } = this.history.epochs;
    const total = this.history.latest - first + 1; // those of a fork begin late
    // The last few may only be on their way.
    if (this.data.part !== "page" || length > 0.8 * total) return "";
    return `; ${countWords(length)} of ${countWords(total)} epochs can be chosen`;
  }

  #whyEmpty() {
    if (this.data.has_validation === false) return NO_VALIDATION;
    const hasEpochs = (this.feed.run?.epoch ?? 0) > 0;
    // Somebody's own fit counts only where it was told to.
    if (hasEpochs && this.data.has_validation === null) return HOW_TO_COUNT;
    if (!this.feed.isOver) return NOT_YET;
    return hasEpochs ? NOT_COUNTED : NEVER;
  }

  #drawNumbers() {
    const { counts } = this;
    this.timeline?.update({
      epochs: this.history.epochs,
      epoch: this.epoch ?? counts.epoch, // its counts may still be on their way
      isLive: this.epoch === null,
      isOver: this.feed.isOver,
    });
    if (counts.kind === "classes") this.#drawClasses();
    else this.#drawErrors();
  }

  #drawErrors() {
    const report = this.counts.report();
    const { accuracy: noRows } = this.data.reasons;
    const shown = (value, reason = noRows) => ({ value, reason: Number.isFinite(value) ? null : reason });
    this.errors.set({
      mae: shown(report.meanAbsoluteError),
      rmse: shown(report.rootMeanSquaredError),
      r2: shown(report.r2, report.support ? "all targets are the same" : noRows),
      bias: shown(report.bias),
    });
  }

  #drawClasses() {
    const n = this.counts.numClasses;
    if (this.chosen !== null && this.chosen >= n) this.chosen = null;
    this.outcomes = this.chosen === null ? null : this.against(this.chosen);
    const goalWords = this.#reachGoal();
    this.#drawMatrix();
    this.#drawThreshold(goalWords);
    for (const card of this.cards.values()) card.node.hidden = card.needsClass && !this.outcomes;
    if (this.hint) this.hint.hidden = Boolean(this.outcomes);
    if (this.report) this.#drawReport();
    if (this.costControls) this.#drawCosts();
    // The figures stand still while a threshold moves: only what lies over them follows.
    for (const card of this.cards.values()) if (card.isSeen && !this.#dirty.has(card)) card.place(this);
    for (const card of this.cards.values()) if (card.id === "scores") card.setLegend(this.#sides());
  }

  #sides() {
    if (this.chosen === null) return [];
    return [this.#wordsOf(this.chosen), this.counts.numClasses === 2 ? this.#wordsOf(1 - this.chosen) : "all others"];
  }

  #wordsOf(index) {
    return className(this.facts, index);
  }

  /** Move the threshold to where it gives what was asked for. */
  #reachGoal() {
    const { goal, outcomes } = this;
    if (!goal || !outcomes) return "";
    const isPrecision = goal.name === "precision";
    const step = isPrecision ? outcomes.stepForPrecision(goal.value) : outcomes.stepForRecall(goal.value);
    const asked = `${isPrecision ? "Precision" : "Recall"} of at least ${goal.value.toFixed(2)}`;
    if (step === null) return `${asked} is not reachable at any threshold.`;
    this.step = step;
    const other = isPrecision ? `recall ${numberWords(outcomes.recall[step])}` : `precision ${numberWords(outcomes.precision[step])}`;
    return `${asked}: threshold ${(step / 1000).toFixed(3)} gives the best ${other}.`;
  }

  #drawMatrix() {
    const { counts, chosen, outcomes } = this;
    const n = counts.numClasses;
    this.segments.set(this.mode);
    this.shownMatrix = outcomes ? this.#oneAgainstRest() : this.#allClasses();
    const { classes, values, labels, thinned } = this.shownMatrix;
    this.shown = outcomes ? [chosen] : classes;
    this.matrix.update({
      labels,
      values,
      mode: this.mode,
      thinned,
      caption: outcomes && n > 2 ? `Confusion matrix of ${this.#wordsOf(chosen)} against all others` : "Confusion matrix",
    });
  }

  #oneAgainstRest() {
    const { tp, fp, fn, tn } = this.outcomes.at(this.step);
    const { chosen } = this;
    if (this.counts.numClasses > 2) {
      return { classes: [null, chosen], labels: ["all others", this.nameOf(chosen)], values: [tn, fp, fn, tp] };
    }
    const values = chosen === 1 ? [tn, fp, fn, tp] : [tp, fn, fp, tn];
    return { classes: [0, 1], labels: [this.nameOf(0), this.nameOf(1)], values };
  }

  #allClasses() {
    const n = this.counts.numClasses;
    const all = this.#confusion();
    const isThin = n > MAX_CLASSES;
    const classes = this.#once("shown classes", () =>
      isThin ? mostConfused(all, n, MAX_CLASSES) : Array.from({ length: n }, (_, k) => k),
    );
    const values = isThin ? classes.flatMap((i) => classes.map((j) => all[i * n + j])) : all;
    const thinned = isThin ? `The ${MAX_CLASSES} most confused of ${n.toLocaleString("en")} classes.` : "";
    return { classes, values, thinned, labels: classes.map((k) => this.nameOf(k)) };
  }

  #drawThreshold(goalWords) {
    const { outcomes, step, facts } = this;
    const n = this.counts.numClasses;
    if (this.offered !== facts || this.offeredClasses !== n) {
      this.offered = facts;
      this.offeredClasses = n;
      this.options = Array.from({ length: n }, (_, k) => [k, this.#wordsOf(k)]);
      if (n > 2) this.options.unshift(["all", "all classes"]);
    }
    this.threshold.offer(this.options, this.chosen ?? "all");
    const { reasons } = this.data;
    const report = outcomes ? null : this.#fullReport();
    const ratios = Object.fromEntries(
      ["precision", "recall", "f1"].map((name) => {
        if (report) return [name, { value: report.macro(name), reason: report.aboutAverage(name) }];
        const value = name === "f1" ? outcomes.f1(step) : outcomes[name][step];
        return [name, { value, reason: Number.isFinite(value) ? null : reasons[name] }];
      }),
    );
    const words = outcomes
      ? goalWords
      : "The class with the highest score counts, and the numbers are means of the classes. Choose one class to set a threshold.";
    this.threshold.update({ step, goal: this.goal, words, ratios, isOn: Boolean(outcomes) });
  }

  #drawReport() {
    const { reasons } = this.data;
    const n = this.counts.numClasses;
    if (n === 2) {
      const { values, labels } = this.shownMatrix;
      const words = `at threshold ${(this.step / 1000).toFixed(3)} for ${this.#wordsOf(this.chosen)}`;
      const report = classReport(values, 2, this.#areas());
      this.report.update({ report, labels, places: [0, 1], chosen: null, words, reasons });
      return;
    }
    // It does not follow the threshold.
    const shown = [this.counts, this.chosen, this.facts];
    if (shown.every((value, k) => value === this.reportShown?.[k])) return;
    this.reportShown = shown;
    const { classes, labels, thinned } = this.#allClasses();
    const words = `the class with the highest score is predicted${thinned ? `; ${thinned.toLowerCase()}` : ""}`;
    this.report.update({ report: this.#fullReport(), labels, places: classes, chosen: this.chosen, words, reasons });
  }

  /** What the two mistakes are: it depends on the class that was chosen which is which. */
  #mistakeWords() {
    const chosen = this.nameOf(this.chosen);
    const other = this.counts.numClasses === 2 ? this.nameOf(1 - this.chosen) : "another class";
    return `A false alarm: ${other} called ${chosen}. A miss: ${chosen} called ${other}.`;
  }

  #drawCosts() {
    const { outcomes, costs, step } = this;
    let [meaning, words] = ["", ""];
    if (outcomes?.numRows) {
      const asked = JSON.stringify(costs);
      if (this.costOf !== outcomes || this.costAsked !== asked) {
        this.costOf = outcomes;
        this.costAsked = asked;
        this.cost = outcomes.cost(costs.falseAlarm, costs.miss);
        this.cheapest = cheapestStep(this.cost);
      }
      const [now, best] = [step, this.cheapest].map((k) => costWords(this.cost[k]));
      meaning = this.#mistakeWords();
      words = `Cheapest at threshold ${(this.cheapest / 1000).toFixed(3)}: ${best} a row. Now: ${now}.`;
    }
    this.costControls.update(costs, meaning, words, Boolean(words) && this.cheapest !== step);
  }

  destroy() {
    this.leave?.();
    this.history?.close();
    this.boundary?.destroy();
    this.timeline?.pause();
    clearTimeout(this.#rest);
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    for (const card of this.cards.values()) card.destroy();
    this.root.remove();
  }
}

export default mounting({ live: EvaluationView, page: EvaluationView });
