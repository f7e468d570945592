/*
 * A run's connection: one for each run of the page, shared by everything that shows the run.
 *
 *     const feed = globalThis.liveRuns.feed(runId, streamPath);
 *     const leave = feed.subscribe((event, message) => { … });
 *
 * where event is "message" (any message of the stream, already applied to `feed.run`, `feed.series`,
 * `feed.marks`, `feed.evaluation`, `feed.boundary` and `feed.verdicts`), "notes" (`feed.notes` changed) or "status" (`feed.status` changed).
 * The connection is closed when the last subscriber has left. The file stands before the script of each component that shows a run.
 */

const OVER = new Set(["finished", "stopped", "diverged", "failed", "interrupted"]);

const NO_SUCH_RUN = 4404; // the stream's closing code
const RETRY_FIRST = 250; // milliseconds, doubled up to …
const RETRY_LAST = 5000;
const SILENCE = 15000; // the server says something at least every 5 s
const MAX_POINTS = 4000; // a longer trace is asked for again, thinned …
const MAX_UNDRAWN_POINTS = 200000; // … and one that nobody sees only when it gets large
const THINNING_PAUSE = 2000; // milliseconds between two such questions

// ---------------------------------------------------------------- the page's registry

/** What all mounts of a page share; it outlives single mounts and this module's own reloads. */
const registry = (globalThis.liveRuns ??= {
  feeds: new Map(),
  scripts: new Map(),
  views: new WeakMap(),
  cellOf: null, // the run whose cell was pressed, until its rows are on their way into sight
  settings: { smoothing: 0, log: false, perStep: false },
  feed(runId, path) {
    if (!this.feeds.has(runId)) {
      this.feeds.set(
        runId,
        new RunFeed(path, () => this.feeds.delete(runId)),
      );
    }
    return this.feeds.get(runId);
  },
});

/** The folder Streamlit is served from, whatever page or proxy prefix the address shows. */
function baseAddress() {
  const script = document.querySelector('script[src*="static/js/"]');
  return script ? script.src.replace(/static\/js\/.*$/, "") : new URL("./", document.baseURI).href;
}

function serverAddress(path) {
  return new URL(path.replace(/^\//, ""), baseAddress());
}

/** Load plotly.js once per page. */
function loadPlotly(path) {
  if (globalThis.Plotly) return Promise.resolve(globalThis.Plotly);
  if (!registry.scripts.has(path)) {
    const loaded = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = serverAddress(path).href;
      script.onload = () => resolve(globalThis.Plotly);
      script.onerror = () => {
        registry.scripts.delete(path); // so that the next mount tries again
        script.remove();
        reject(new Error(`${path} could not be loaded`));
      };
      document.head.appendChild(script);
    });
    registry.scripts.set(path, loaded);
  }
  return registry.scripts.get(path);
}

// ---------------------------------------------------------------- series

/** The points of one series, and its best ones, which thinning must not forget. */
class Series {
  constructor() {
    this.x = [];
    this.y = [];
    this.best = { lower: null, higher: null };
  }

  append(x, y) {
    for (let k = 0; k < x.length; k += 1) {
      this.x.push(x[k]);
      this.y.push(y[k]);
      this.#compare(x[k], y[k]);
    }
  }

  #compare(x, y) {
    if (!Number.isFinite(y)) return;
    if (!this.best.lower || y < this.best.lower.y) this.best.lower = { x, y };
    if (!this.best.higher || y > this.best.higher.y) this.best.higher = { x, y };
  }
}

// ---------------------------------------------------------------- the connection

/** One run's stream: keeps its points, reconnects where it left off, ends when the run is over. */
class RunFeed {
  #path;
  #onEmpty;
  #listeners = new Set();
  #socket = null;
  #cursor = null;
  #lastHeard = 0;
  #failures = 0;
  #retry = null;
  #watch = null;
  #thinning = false;
  #thinned = 0;

  constructor(path, onEmpty) {
    this.#path = path;
    this.#onEmpty = onEmpty;
    this.run = null;
    this.series = new Map();
    this.marks = []; // where the learning rate was changed
    this.evaluation = null; // the newest, as it came; evaluation.js unpacks it
    this.boundary = null; // likewise, for boundary.js
    this.verdicts = []; // what the diagnosis says
    this.notes = []; // what the page itself marks on the charts: { x, text, series, isPoint }
    this.status = "connecting"; // then open, reconnecting, over or missing
  }

  get isOver() {
    return this.run !== null && OVER.has(this.run.state);
  }

  subscribe(listener) {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#start();
    return () => {
      if (!this.#listeners.delete(listener) || this.#listeners.size) return;
      this.#stop();
      this.#onEmpty();
    };
  }

  /** Mark something on all charts of the run, instead of what was marked before. */
  note(notes) {
    if (JSON.stringify(notes) === JSON.stringify(this.notes)) return;
    this.notes = notes;
    this.#tell("notes", null);
  }

  /** Connect again to a run that was over but is known to train once more. */
  wake(state) {
    if (this.status === "over" && !OVER.has(state)) this.#connect();
  }

  #start() {
    this.#lastHeard = Date.now();
    this.#watch = setInterval(this.#listenForSilence, 1000);
    window.addEventListener("online", this.#hurry);
    document.addEventListener("visibilitychange", this.#hurry);
    this.#connect();
  }

  #stop() {
    clearInterval(this.#watch);
    window.removeEventListener("online", this.#hurry);
    document.removeEventListener("visibilitychange", this.#hurry);
    this.#drop();
  }

  #connect() {
    this.#drop();
    const address = serverAddress(this.#path);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    if (this.#cursor !== null) address.searchParams.set("after", this.#cursor);
    const socket = new WebSocket(address);
    this.#socket = socket;
    this.#lastHeard = Date.now();
    this.#thinning = false;
    // A socket that was given up may still speak: only the current one is heard.
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#receive(event.data);
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#closed(event.code);
    };
  }

  /** Give up the socket and any plan to open another. */
  #drop() {
    clearTimeout(this.#retry);
    this.#retry = null;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #closed(code) {
    this.#socket = null;
    if (code === NO_SUCH_RUN) this.#setStatus("missing");
    else if (code === 1000 && this.isOver) this.#setStatus("over");
    else this.#retryLater();
  }

  #retryLater() {
    this.#setStatus("reconnecting");
    const delay = Math.min(RETRY_LAST, RETRY_FIRST * 2 ** this.#failures);
    this.#failures += 1;
    // Spread out, so that a room of viewers does not come back in one instant.
    this.#retry = setTimeout(() => this.#connect(), delay * (0.8 + 0.4 * Math.random()));
  }

  #listenForSilence = () => {
    if (!this.#socket || Date.now() - this.#lastHeard < SILENCE) return;
    this.#drop();
    this.#retryLater();
  };

  /** The network or the tab is back: do not wait for the next try. */
  #hurry = () => {
    if (document.visibilityState === "hidden") return;
    if (this.#retry !== null) {
      this.#failures = 0;
      this.#connect();
    } else {
      this.#listenForSilence();
    }
  };

  #receive(text) {
    this.#lastHeard = Date.now();
    this.#failures = 0;
    const message = JSON.parse(text);
    if (message.cursor !== undefined) this.#cursor = message.cursor;
    if (message.run) this.run = message.run;
    for (const newest of ["evaluation", "boundary"]) {
      if (message[newest] || message.type === "snapshot") this[newest] = message[newest] ?? null;
    }
    this.verdicts = message.verdicts ?? (message.type === "snapshot" ? [] : this.verdicts);
    if (message.type === "snapshot") this.marks = [];
    this.marks.push(...(message.marks ?? []));
    if (message.type === "snapshot") this.#replace(message.series ?? {});
    else if (message.type === "delta") this.#append(message.series ?? {});
    this.#setStatus("open");
    this.#tell("message", message);
    this.thinIfLong();
  }

  #replace(received) {
    const before = this.series;
    this.series = new Map();
    for (const [name, { x, y }] of Object.entries(received)) {
      const series = new Series();
      series.append(x, y);
      if (this.#thinning && before.has(name)) series.best = before.get(name).best;
      this.series.set(name, series);
    }
    this.#thinning = false;
  }

  #append(received) {
    for (const [name, { x, y }] of Object.entries(received)) {
      if (!this.series.has(name)) this.series.set(name, new Series());
      this.series.get(name).append(x, y);
    }
  }

  /** Ask for a thinned picture once a trace holds more points than a chart can show. */
  thinIfLong() {
    if (this.#thinning || this.#socket?.readyState !== WebSocket.OPEN) return;
    if (Date.now() - this.#thinned < THINNING_PAUSE) return;
    for (const [name, series] of this.series) {
      const isDrawn = !name.startsWith("step/") || registry.settings.perStep;
      if (series.x.length <= (isDrawn ? MAX_POINTS : MAX_UNDRAWN_POINTS)) continue;
      this.#thinning = true;
      this.#thinned = Date.now();
      this.#socket.send("snapshot");
      return;
    }
  }

  #setStatus(status) {
    if (this.status === status) return;
    this.status = status;
    this.#tell("status", null);
  }

  #tell(event, message) {
    for (const listener of [...this.#listeners]) listener(event, message);
  }
}
