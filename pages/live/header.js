/*
 * A run's header line: its name, state and progress. Behind feed.js and elements.js.
 */

const ACTIVE = new Set(["starting", "training", "paused", "stalled"]);

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
  if (!speed || OVER.has(run.state) || run.state === "queued" || run.state === "stalled") return "";
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
