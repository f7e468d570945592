/*
 * What a run has for single epochs (evaluations, decision boundaries): what the server has kept, and what its
 * stream brings.
 */

const FETCH_PAUSE = 1000; // milliseconds between two questions to the server
const MAX_DECODED = 6_000_000; // numbers kept ready, about 60 MB
const MAX_KEPT = 1000; // epochs; of more, every second one is let go …
const MAX_BYTES = 50_000_000; // … and of more than this, of very many classes
const ALL_EPOCHS = 999_999_999;

class EpochHistory {
  #messages = new Map(); // epoch -> as it came
  #decoded = new Map(); // epoch -> unpacked, the least used first
  #numDecoded = 0;
  #numBytes = 0; // of all messages, about
  #covered = -1; // the last epoch up to which the server was asked
  #attempt = 0; // the newest launch of the run, and the first epoch that it counted
  #begins = Infinity;
  #isAsking = false;
  #timer = null;
  #isOver = false;

  /**
   * `path` is where the server tells of them, in a list called `list`; without one only the stream does.
   * `unpack` makes of a message what is kept ready, of so many numbers as its `size` says. `isDense` is whether
   * each epoch has one, so that a gap in what the stream brings is one.
   */
  constructor({ path, list, unpack, isDense, onChange }) {
    Object.assign(this, { path, list, unpack, isDense, onChange });
    this.epochs = []; // in their order
    this.isLoaded = !path;
  }

  get latest() {
    return this.epochs.at(-1) ?? null;
  }

  /** Take in what the stream says; it may lag behind what the server was asked for. */
  push(message) {
    if (!message) return;
    if (!this.path) this.#forget();
    this.#add(message);
    if (this.isLoaded && this.isDense) this.#cover(message.epoch);
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
    const attempt = this.#attempt;
    const address = serverAddress(this.path);
    address.searchParams.set("first", this.#covered + 1);
    address.searchParams.set("last", ALL_EPOCHS);
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(`${answer.status}`);
      const { [this.list]: messages } = await answer.json();
      if (this.#isOver) return;
      for (const message of messages) this.#add(message);
      this.isLoaded = true;
      if (attempt && attempt !== this.#attempt) {
        this.#askSoon(); // a newer launch counts from an earlier epoch on
      } else {
        this.#covered = Math.max(this.#covered, known, messages.at(-1)?.epoch ?? -1);
        if (this.latest !== null && this.isDense) this.#cover(this.latest);
      }
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
    const { epoch, attempt = 0 } = message; // decision boundaries do not say of which launch they are
    if (attempt < this.#attempt && epoch >= this.#begins) return; // trained again since
    if (attempt > this.#attempt) {
      this.#attempt = attempt;
      this.#begins = Infinity;
      this.#covered = Math.min(this.#covered, epoch - 1);
    }
    if (attempt === this.#attempt && epoch < this.#begins) {
      this.#begins = epoch;
      this.#dropSuperseded();
    }
    const before = this.#messages.get(epoch);
    if (before && (before.attempt ?? 0) === attempt) return;
    this.#discard(epoch);
    this.#messages.set(epoch, message);
    this.#numBytes += message.data.length - (before?.data.length ?? 0);
    const last = this.latest;
    if (last === null || epoch > last) this.epochs.push(epoch);
    else if (!this.epochs.includes(epoch)) this.epochs = [...this.epochs, epoch].sort((a, b) => a - b);
    if (this.epochs.length > MAX_KEPT || this.#numBytes > MAX_BYTES) this.#thin();
  }

  /** Let go of the epochs of earlier launches that this one trains again. */
  #dropSuperseded() {
    const isOutdated = (epoch) => epoch >= this.#begins && (this.#messages.get(epoch).attempt ?? 0) < this.#attempt;
    this.#keep(this.epochs.filter((epoch) => !isOutdated(epoch)));
  }

  #thin() {
    this.#keep(this.epochs.filter((_, k) => k % 2 === 0 || k === this.epochs.length - 1));
  }

  #keep(kept) {
    const isKept = new Set(kept);
    for (const epoch of this.epochs) {
      if (isKept.has(epoch)) continue;
      this.#numBytes -= this.#messages.get(epoch).data.length;
      this.#messages.delete(epoch);
      this.#discard(epoch);
    }
    this.epochs = kept;
  }

  #forget() {
    this.#messages.clear();
    this.#decoded.clear();
    this.#numDecoded = this.#numBytes = 0;
    this.#covered = -1;
    this.epochs = [];
  }

  #discard(epoch) {
    this.#numDecoded -= this.#decoded.get(epoch)?.size ?? 0;
    this.#decoded.delete(epoch);
  }

  /** What there is of an epoch where it is ready, else null. */
  ready(epoch) {
    const unpacked = this.#decoded.get(epoch) ?? null;
    if (unpacked) {
      this.#decoded.delete(epoch);
      this.#decoded.set(epoch, unpacked);
    }
    return unpacked;
  }

  /** Make what there is of an epoch ready; null if there is nothing. */
  async at(epoch) {
    const message = this.#messages.get(epoch);
    if (!message) return null;
    const unpacked = this.ready(epoch) ?? (await this.unpack(message));
    if (this.#messages.get(epoch) !== message) return unpacked; // there is a newer one by now
    if (!this.#decoded.has(epoch)) {
      this.#decoded.set(epoch, unpacked);
      this.#numDecoded += unpacked.size;
    }
    for (const [old] of this.#decoded) {
      if (this.#numDecoded <= MAX_DECODED || old === epoch) break;
      this.#discard(old);
    }
    return unpacked;
  }

  /** Make ready what fits, so that the slider finds it so. */
  async #decodeAhead() {
    for (const epoch of [...this.epochs]) {
      if (this.#isOver || this.#numDecoded > MAX_DECODED / 2) return;
      if (!this.#decoded.has(epoch)) await this.at(epoch);
    }
  }

  close() {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}

/** The one of some epochs that is closest to an epoch; null if there are none. */
function nearest(epochs, epoch) {
  let best = null;
  for (const other of epochs) if (best === null || Math.abs(other - epoch) < Math.abs(best - epoch)) best = other;
  return best;
}
