/*
 * The evaluations of a run by epoch: those the server has kept, and those its stream brings.
 */

const FETCH_PAUSE = 1000; // milliseconds between two questions to the server
const MAX_DECODED = 6_000_000; // counts kept ready, about 60 MB
const MAX_KEPT = 1000; // epochs; of more, every second one is let go
const ALL_EPOCHS = 999_999_999;

class EvaluationHistory {
  #messages = new Map(); // epoch -> as it came
  #decoded = new Map(); // epoch -> counts, the least used first
  #numDecoded = 0;
  #covered = -1; // the last epoch up to which the server was asked
  #isAsking = false;
  #timer = null;
  #isOver = false;

  /** `path` is where the server tells of them; without one only the stream does. */
  constructor(path, onChange) {
    this.path = path;
    this.onChange = onChange;
    this.epochs = []; // in their order
    this.isLoaded = !path;
  }

  get latest() {
    return this.epochs.at(-1) ?? null;
  }

  /** Take in what the stream says; a training that begins anew makes the rest outdated. */
  push(message, { isSnapshot }) {
    if (!message) return;
    if (isSnapshot && this.latest !== null && message.epoch < this.latest) this.#forget();
    if (!this.path) this.#forget();
    this.#add(message);
    if (this.isLoaded) this.#cover(message.epoch);
    this.onChange();
  }

  /** Ask for the epochs that were skipped before this one, if any were. */
  #cover(epoch) {
    if (this.path && epoch > this.#covered + 1) this.#askSoon();
    else this.#covered = Math.max(this.#covered, epoch);
  }

  /** Fetch what the server has. */
  async load() {
    if (!this.path || this.#isAsking) return;
    this.#isAsking = true;
    const known = this.latest ?? -1;
    const address = serverAddress(this.path);
    address.searchParams.set("first", this.#covered + 1);
    address.searchParams.set("last", ALL_EPOCHS);
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(`${answer.status}`);
      const { evaluations } = await answer.json();
      if (this.#isOver) return;
      for (const message of evaluations) this.#add(message);
      this.#covered = Math.max(this.#covered, known, evaluations.at(-1)?.epoch ?? -1);
      this.isLoaded = true;
      if (this.latest !== null) this.#cover(this.latest);
    } catch {
      this.#askSoon();
    } finally {
      this.#isAsking = false;
    }
    this.onChange();
    this.#decodeAhead();
  }

  #askSoon() {
    if (this.#timer !== null || this.#isOver) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.load();
    }, FETCH_PAUSE);
  }

  #add(message) {
    const { epoch } = message;
    this.#discard(epoch);
    this.#messages.set(epoch, message);
    const last = this.latest;
    if (last === null || epoch > last) this.epochs.push(epoch);
    else if (!this.epochs.includes(epoch)) this.epochs = [...this.epochs, epoch].sort((a, b) => a - b);
    if (this.epochs.length > MAX_KEPT) this.#thin();
  }

  #thin() {
    const kept = this.epochs.filter((_, k) => k % 2 === 0 || k === this.epochs.length - 1);
    const isKept = new Set(kept);
    for (const epoch of this.epochs) {
      if (isKept.has(epoch)) continue;
      this.#messages.delete(epoch);
      this.#discard(epoch);
    }
    this.epochs = kept;
  }

  #forget() {
    this.#messages.clear();
    this.#decoded.clear();
    this.#numDecoded = 0;
    this.#covered = -1;
    this.epochs = [];
  }

  #discard(epoch) {
    this.#numDecoded -= this.#decoded.get(epoch)?.entries.length ?? 0;
    this.#decoded.delete(epoch);
  }

  /** The counts of an epoch where they are ready, else null. */
  ready(epoch) {
    const counts = this.#decoded.get(epoch) ?? null;
    if (counts) {
      this.#decoded.delete(epoch);
      this.#decoded.set(epoch, counts);
    }
    return counts;
  }

  /** Make the counts of an epoch ready; null if there are none. */
  async counts(epoch) {
    const message = this.#messages.get(epoch);
    if (!message) return null;
    const counts = this.ready(epoch) ?? (await unpack(message));
    if (this.#messages.get(epoch) !== message) return counts; // there are newer ones by now
    if (!this.#decoded.has(epoch)) {
      this.#decoded.set(epoch, counts);
      this.#numDecoded += counts.entries.length;
    }
    for (const [old] of this.#decoded) {
      if (this.#numDecoded <= MAX_DECODED || old === epoch) break;
      this.#discard(old);
    }
    return counts;
  }

  /** Make ready what fits, so that the slider finds it so. */
  async #decodeAhead() {
    for (const epoch of [...this.epochs]) {
      if (this.#isOver || this.#numDecoded > MAX_DECODED / 2) return;
      if (!this.#decoded.has(epoch)) await this.counts(epoch);
    }
  }

  close() {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}
