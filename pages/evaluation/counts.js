/*
 * Evaluations: what is counted on the validation rows, and all that follows from it.
 *
 * The definitions are those of trainer/evaluation, number for number: NaN is undefined, a threshold is k/1000,
 * and a row is called positive where its score is at least the threshold.
 */

const NUM_BINS = 1001;
const NUMBER_TYPES = { "<u1": Uint8Array, "<u2": Uint16Array, "<u4": Uint32Array, "<f8": Float64Array };

/** Return the bytes that a message holds deflated and in base64. */
function inflated({ data }) {
  const deflated = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/** Return the counts that `pack` in trainer/evaluation/packing.py was given. */
async function unpack(message) {
  const raw = await inflated(message);
  const Gap = NUMBER_TYPES[message.gap_type];
  const Value = NUMBER_TYPES[message.value_type];
  const positions = new Uint32Array(message.entries);
  const gaps = new Gap(raw, 0, message.entries);
  let position = -1;
  for (let k = 0; k < gaps.length; k += 1) {
    position += gaps[k];
    positions[k] = position;
  }
  // Cut out, for the values need not lie where their type wants them.
  const values = new Value(raw.slice(message.entries * Gap.BYTES_PER_ELEMENT));
  const entries = new Entries(positions, values);
  return message.kind === "classes" ? new ClassCounts(message, entries) : new RegressionCounts(message, entries);
}

/** A long vector that is mostly zero: the places and values of what is not. */
class Entries {
  constructor(positions, values) {
    this.positions = positions;
    this.values = values;
  }

  get length() {
    return this.positions.length;
  }

  /** Where the entries from this place on begin. */
  #first(place) {
    let low = 0;
    let high = this.positions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.positions[middle] < place) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Return a part of the vector, zeros and all. */
  part(start, length) {
    const part = new Float64Array(length);
    const end = this.#first(start + length);
    for (let k = this.#first(start); k < end; k += 1) part[this.positions[k] - start] = this.values[k];
    return part;
  }
}

/** The counts of a classification with K classes. */
class ClassCounts {
  kind = "classes";

  constructor({ epoch, num_classes: numClasses, left_out: leftOut }, entries) {
    this.epoch = epoch;
    this.numClasses = numClasses;
    this.leftOut = leftOut;
    this.entries = entries;
  }

  get size() {
    return this.entries.length;
  }

  /** The outcomes of a class against the rest, by threshold. */
  against(index) {
    const positives = this.entries.part(index * NUM_BINS, NUM_BINS);
    const negatives = this.entries.part((this.numClasses + index) * NUM_BINS, NUM_BINS);
    return new OneVersusRest(positives, negatives);
  }

  /** The areas under both curves of each class against the rest. */
  areas() {
    const histogram = (place) => this.entries.part(place * NUM_BINS, NUM_BINS);
    return Array.from({ length: this.numClasses }, (_, k) => areasOf(histogram(k), histogram(this.numClasses + k)));
  }

  /** Rows by true (first) and predicted class, row after row. */
  confusion() {
    return this.entries.part(2 * this.numClasses * NUM_BINS, this.numClasses ** 2);
  }
}

/** The counts of a regression, in a grid over the range of the target. */
class RegressionCounts {
  kind = "regression";

  constructor(message, entries) {
    const bins = message.num_bins;
    Object.assign(this, {
      epoch: message.epoch,
      numBins: bins,
      low: message.low,
      high: message.high,
      leftOut: message.left_out,
      sums: message,
      entries,
    });
  }

  get size() {
    return this.entries.length;
  }

  /** Rows by the bins of target (first) and prediction, row after row. */
  joint() {
    return this.entries.part(0, this.numBins ** 2);
  }

  /** Rows by the bin of prediction minus target, from `low - high` to `high - low`. */
  residuals() {
    return this.entries.part(this.numBins ** 2, 2 * this.numBins);
  }

  report() {
    const { count, total, total_squares: squares, error, absolute_error: absolute } = this.sums;
    const squared = this.sums.squared_error;
    const spread = squares - total ** 2 / count;
    return {
      support: count,
      meanAbsoluteError: count ? absolute / count : NaN,
      rootMeanSquaredError: count ? Math.sqrt(squared / count) : NaN,
      r2: count && spread > 1e-12 * squares ? 1 - squared / spread : NaN,
      bias: count ? error / count : NaN,
    };
  }
}

function ratio(numerator, denominator) {
  return denominator === 0 ? NaN : numerator / denominator;
}

function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** The outcomes of one class against the rest by threshold; every array has 1,001 values. */
class OneVersusRest {
  constructor(positives, negatives) {
    this.positives = positives;
    this.negatives = negatives;
    this.truePositives = fromAbove(positives);
    this.falsePositives = fromAbove(negatives);
    // Not the histograms' own sums: added up in another order, weights give another last digit.
    this.numPositives = this.truePositives[0];
    this.numNegatives = this.falsePositives[0];
    this.precision = this.truePositives.map((tp, step) => ratio(tp, tp + this.falsePositives[step]));
    this.recall = this.truePositives.map((tp) => ratio(tp, this.numPositives));
    this.falsePositiveRate = this.falsePositives.map((fp) => ratio(fp, this.numNegatives));
  }

  /** The four outcomes at a threshold. */
  at(step) {
    const tp = this.truePositives[step];
    const fp = this.falsePositives[step];
    return { tp, fp, fn: this.numPositives - tp, tn: this.numNegatives - fp };
  }

  f1(step) {
    const { tp, fp, fn } = this.at(step);
    return ratio(2 * tp, 2 * tp + fp + fn);
  }

  get numRows() {
    return this.numPositives + this.numNegatives;
  }

  /** The share of positive rows: the precision of calling all of them. */
  get prevalence() {
    return ratio(this.numPositives, this.numRows);
  }

  /** The step with the highest recall whose precision is at least this; null if there is none. */
  stepForPrecision(atLeast) {
    return bestStep(this.recall, this.precision, atLeast);
  }

  /** The step with the highest precision whose recall is at least this; null if there is none. */
  stepForRecall(atLeast) {
    return bestStep(this.precision, this.recall, atLeast);
  }

  /** The mean cost of a row by threshold. */
  cost(falseAlarm, miss) {
    return Array.from(this.truePositives, (tp, step) =>
      ratio(this.falsePositives[step] * falseAlarm + (this.numPositives - tp) * miss, this.numRows),
    );
  }
}

/** What is in a histogram from each bin on. */
function fromAbove(histogram) {
  const above = new Float64Array(histogram.length);
  let total = 0;
  for (let bin = histogram.length - 1; bin >= 0; bin -= 1) {
    total += histogram[bin];
    above[bin] = total;
  }
  return above;
}

/** The areas under both curves of a class against the rest, from its histograms. */
function areasOf(positives, negatives) {
  let [numPositives, numNegatives] = [0, 0];
  for (let step = NUM_BINS - 1; step >= 0; step -= 1) {
    numPositives += positives[step];
    numNegatives += negatives[step];
  }
  let [tp, fp, averagePrecision, rocAuc] = [0, 0, 0, 0];
  for (let step = NUM_BINS - 1; step >= 0; step -= 1) {
    const [p, n] = [positives[step], negatives[step]];
    if (!p && !n) continue;
    rocAuc += (n / numNegatives) * ((tp + p / 2) / numPositives);
    tp += p;
    fp += n;
    if (p) averagePrecision += (p / numPositives) * (tp / (tp + fp));
  }
  return {
    averagePrecision: numPositives ? averagePrecision : NaN,
    rocAuc: numPositives && numNegatives ? rocAuc : NaN,
  };
}

function bestStep(value, condition, atLeast) {
  let best = null;
  for (let step = NUM_BINS - 1; step >= 0; step -= 1) {
    if (!(condition[step] >= atLeast) || !Number.isFinite(value[step])) continue;
    if (best === null || value[step] > value[best]) best = step;
  }
  return best;
}

/** The first step with the lowest cost. */
function cheapestStep(cost) {
  let best = 0;
  for (let step = 1; step < cost.length; step += 1) if (cost[step] < cost[best]) best = step;
  return best;
}

/** The table of a classification from its n × n confusion matrix, row after row, and the areas of its classes. */
function classReport(matrix, n, areas) {
  const support = new Float64Array(n);
  const predicted = new Float64Array(n);
  const classes = [];
  let [total, right] = [0, 0];
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) {
      support[i] += matrix[i * n + j];
      predicted[j] += matrix[i * n + j];
    }
    right += matrix[i * n + i];
    total += support[i];
  }
  let [covariance, ofPredicted, ofSupport] = [right * total, total ** 2, total ** 2];
  for (let k = 0; k < n; k += 1) {
    const tp = matrix[k * n + k];
    const [fp, fn] = [predicted[k] - tp, support[k] - tp];
    const [others, uncalled] = [total - support[k], total - predicted[k]];
    const tn = Math.max(0, others - fp);
    covariance -= support[k] * predicted[k];
    ofPredicted -= predicted[k] ** 2;
    ofSupport -= support[k] ** 2;
    classes.push({
      precision: ratio(tp, predicted[k]),
      recall: ratio(tp, support[k]),
      specificity: ratio(tn, others),
      f1: ratio(2 * tp, 2 * tp + fp + fn),
      mcc: ratio(tp * tn - fp * fn, Math.sqrt(predicted[k] * support[k] * others * uncalled)),
      ...areas[k],
      support: support[k],
    });
  }
  const spread = ofPredicted * ofSupport;
  const defined = (name) => classes.filter((ratios) => Number.isFinite(ratios[name]));
  const average = (name, weight) => {
    const weights = sum(defined(name).map(weight));
    return weights ? sum(defined(name).map((ratios) => ratios[name] * weight(ratios))) / weights : NaN;
  };
  return {
    classes,
    support: total,
    accuracy: ratio(right, total),
    balancedAccuracy: average("recall", () => 1),
    mcc: spread > 0 ? covariance / Math.sqrt(spread) : NaN,
    macro: (name) => average(name, () => 1),
    weighted: (name) => average(name, (ratios) => ratios.support),
    /** What to know about an average: of how many classes it is, where some have no value. */
    aboutAverage: (name) => meanWords(defined(name).length, n),
  };
}

/** What a mean leaves out; null where that is nothing. */
function meanWords(defined, n) {
  if (defined === n) return null;
  if (!defined) return "no class has a value";
  const total = n.toLocaleString("en");
  return defined === 1 ? `mean of the 1 class of ${total} that has a value` : `mean of the ${defined.toLocaleString("en")} classes of ${total} that have a value`;
}

/** The classes that are most often taken for one another, pair by pair, in their order. */
function mostConfused(matrix, n, limit) {
  const mistakes = new Float64Array(n);
  const pairs = [];
  for (let i = 0; i < n; i += 1) {
    for (let j = i + 1; j < n; j += 1) {
      const rows = matrix[i * n + j] + matrix[j * n + i];
      if (!rows) continue;
      mistakes[i] += rows;
      mistakes[j] += rows;
      pairs.push({ rows, both: [i, j] });
    }
  }
  pairs.sort((a, b) => b.rows - a.rows); // of equal ones the first comes first
  const found = new Set();
  for (const { both } of pairs) {
    const added = both.filter((k) => !found.has(k));
    if (found.size + added.length <= limit) for (const k of added) found.add(k);
    if (found.size === limit) break;
  }
  // Where too few are confused, or one place is left.
  const order = Array.from(mistakes.keys()).sort((a, b) => mistakes[b] - mistakes[a] || a - b);
  for (const k of order) if (found.size < limit) found.add(k);
  return [...found].sort((a, b) => a - b);
}
