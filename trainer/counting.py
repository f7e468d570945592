"""EvaluationCounts: a Keras metric that counts what every other figure follows from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainer.evaluation.counters import EDGES, FACTOR
from trainer.evaluation.counts import NUM_BINS, ClassCounts, Counts, RegressionCounts

_SUMS = ("count", "total", "total_squares", "error", "absolute_error", "squared_error")


class _Counting(keras.metrics.Metric):
    """A metric that logs nothing, but counts what passes it since the last reset.

    Keras' `result` is a number for the logs; these counts are read with `counts`.
    """

    _cells: keras.Variable

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        # Of several replicas (tf.distribute) all pause together.
        self._is_paused = self.add_variable(
            (), "zeros", "bool", aggregation="only_first_replica", name="is_paused"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch, see `_counted`, unless it is paused."""
        cells = self._cells.value
        if isinstance(cells, tf.distribute.DistributedValues):
            # Of several replicas each has its own, which can neither be added to in a branch nor
            # at single places.
            places, values = self._counted(y_true, y_pred, sample_weight)
            added = tf.scatter_nd(places[:, None], values, self._cells.shape)
            is_counted = tf.cast(tf.logical_not(self._is_paused.value), added.dtype)
            self._cells.assign(cells + is_counted * added)
            return

        def count() -> bool:
            places, values = self._counted(y_true, y_pred, sample_weight)
            # Whoever adds a whole vector, most of it zeros, takes eight times as long of 1,000
            # classes.
            cells.scatter_add(tf.IndexedSlices(values, places))
            return True

        tf.cond(self._is_paused.value, lambda: False, count)

    def pause(self) -> None:
        """Count nothing until the next reset: what passes in training is in nobody's evaluation."""
        self._is_paused.assign(True)

    def result(self) -> dict[str, Any]:
        """Return no values: logs are numbers."""
        return {}

    def snapshot(self) -> Callable[[], Counts]:
        """Return what makes the counts since the last reset, at any time and in any thread."""
        # Shares memory with the variable until that changes: TensorFlow writes into a buffer only
        # while nobody else has it. A third of the time of `read_value`, in every epoch.
        variable = self._cells.value
        if isinstance(variable, tf.distribute.DistributedValues):
            cells = variable.read_value()  # the sum of all replicas
        else:
            cells = tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)
        return lambda: self._counts_of(cells.numpy())

    def counts(self) -> Any:
        """Return what was counted since the last reset, as arrays of its own."""
        return self.snapshot()()

    def _counted(self, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any]:
        """Return the places in `_cells` to which a batch adds, and what it adds there."""
        raise NotImplementedError

    def _counts_of(self, cells: np.ndarray) -> Counts:
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="trainer")
class EvaluationCounts(_Counting):
    """Counts confusion matrix and score histograms during `fit()`'s own validation pass.

    ```python
    model.compile(..., metrics=["accuracy", EvaluationCounts(num_classes=10)])
    model.fit(..., validation_data=..., callbacks=[LiveCallback()])
    ```

    The output holds one score a class, or a single score for class 1 of two. A score lies in
    [0, 1]; what lies outside is counted as the nearest of both. Labels are class indices or
    one-hot. Give it as one of `weighted_metrics` to honour sample weights. A row with a score that
    is not finite, or a label out of range, is only counted as left out.

    Args:
        num_classes: Number of classes, at least 2.
        from_logits: Whether the output is logits, as for the loss.
        class_names: Names of the classes by index, for people.
        name: Name of the metric; it logs nothing.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        from_logits: bool = False,
        class_names: Sequence[str] | None = None,
        name: str = "evaluation",
    ) -> None:
        super().__init__(name=name)
        if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 2:
            raise ValueError(f"num_classes must be an integer of at least 2. Got {num_classes!r}.")
        if class_names is not None and len(class_names) != num_classes:
            raise ValueError(
                f"class_names must have one name for each of {num_classes} classes. "
                f"Got {len(class_names)}."
            )
        self.num_classes = num_classes
        self.from_logits = from_logits
        self.class_names = None if class_names is None else [str(name) for name in class_names]
        # All counts in one variable, because each operation costs more than its arithmetic: rows of
        # each class by the bin of its score, those of all others, by true and predicted class, and
        # left out. Sums of weights: float32 would stop counting at 2**24.
        k = num_classes
        self._sizes = (k * NUM_BINS, k * NUM_BINS, k * k, 1)
        self._cells = self.add_variable((sum(self._sizes),), "zeros", "float64", name="cells")

    def _counted(self, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any]:
        """Return places and values of a batch.

        Args:
            y_true: Class indices, shape `(batch,)` or `(batch, 1)`, or one-hot, `(batch, K)`.
            y_pred: Output, shape `(batch, K)`, or `(batch, 1)` where K is 2.
            sample_weight: Weights of the rows, shape `(batch,)`; 1 if not given.
        """
        ops, k = keras.ops, self.num_classes
        scores, predicted = self._scores(y_pred)
        labels = self._labels(y_true)
        known = ops.clip(labels, 0, k - 1)
        # A sum is finite only where all of its terms are.
        is_good = ops.logical_and(labels == known, ops.isfinite(ops.sum(scores, axis=-1)))
        given = ops.ones_like(labels, dtype="float64")
        if sample_weight is not None:
            given = ops.reshape(ops.cast(sample_weight, "float64"), (-1,))
        weights = given * ops.cast(is_good, "float64")
        bins = self._bins(scores)
        _, of_others, by_pair, left_out = np.cumsum([0, *self._sizes[:-1]]).tolist()
        classes = ops.arange(k, dtype="int32")
        is_other = ops.cast(known[:, None] != classes, "int32")
        places = [
            ops.reshape(bins + classes * NUM_BINS + is_other * of_others, (-1,)),
            by_pair + known * k + predicted,
            ops.full_like(known, left_out),
        ]
        of_all = ops.reshape(ops.broadcast_to(weights[:, None], ops.shape(bins)), (-1,))
        values = [of_all, weights, given - weights]
        return ops.concatenate(places), ops.concatenate(values)

    def _counts_of(self, cells: np.ndarray) -> ClassCounts:
        k = self.num_classes
        parts = np.split(cells, np.cumsum(self._sizes)[:-1])
        return ClassCounts(
            positives=parts[0].reshape(k, NUM_BINS),
            negatives=parts[1].reshape(k, NUM_BINS),
            confusion=parts[2].reshape(k, k),
            left_out=float(parts[3][0]),
        )

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same metric again."""
        return {
            "num_classes": self.num_classes,
            "from_logits": self.from_logits,
            "class_names": self.class_names,
            "name": self.name,
        }

    def _scores(self, y_pred: Any) -> tuple[Any, Any]:
        ops = keras.ops
        y_pred = ops.cast(y_pred, "float32")
        units = y_pred.shape[-1] if len(y_pred.shape) > 1 else 1
        if units == 1 and self.num_classes == 2:
            score = ops.reshape(y_pred, (-1,))
            score = ops.sigmoid(score) if self.from_logits else score
            return ops.stack([1 - score, score], axis=-1), ops.cast(score >= 0.5, "int32")
        if units != self.num_classes:
            raise ValueError(
                f"y_pred must have {self.num_classes} scores a row, one for each class. "
                f"Got {units}."
            )
        scores = ops.reshape(y_pred, (-1, self.num_classes))
        scores = ops.softmax(scores, axis=-1) if self.from_logits else scores
        # Keras' argmax, which tells zeros of both signs apart, takes four times as long.
        return scores, tf.argmax(scores, axis=-1, output_type=tf.int32)

    @staticmethod
    def _bins(scores: Any) -> Any:
        """Return k of the highest k/1000 that is at most the score, which is cut to [0, 1]."""
        scores = tf.clip_by_value(scores, 0.0, 1.0)
        # What was rounded up to an edge is taken back. A score that is no number goes anywhere.
        bins = tf.clip_by_value(tf.cast(scores * FACTOR, tf.int32), 0, NUM_BINS - 1)
        # Looked up: in a graph, TensorFlow makes of a division by 1000 a product that is not exact.
        return bins - tf.cast(scores < tf.gather(EDGES, bins), tf.int32)

    def _labels(self, y_true: Any) -> Any:
        ops = keras.ops
        y_true = ops.convert_to_tensor(y_true)
        if len(y_true.shape) > 1 and y_true.shape[-1] == self.num_classes:
            one_hot = ops.reshape(y_true, (-1, self.num_classes))
            return tf.argmax(one_hot, axis=-1, output_type=tf.int32)
        return ops.cast(ops.reshape(y_true, (-1,)), "int32")


@keras.saving.register_keras_serializable(package="trainer")
class RegressionEvaluationCounts(_Counting):
    """Counts predictions against targets during `fit()`'s own validation pass.

    Like `EvaluationCounts`, for a model with one number as its output.

    Args:
        low: Smallest target there is, the left edge of the first bin.
        high: Largest target there is, the right edge of the last bin; more than `low`.
        num_bins: Bins along both sides.
        name: Name of the metric; it logs nothing.
    """

    def __init__(
        self, low: float, high: float, *, num_bins: int = 40, name: str = "evaluation"
    ) -> None:
        super().__init__(name=name)
        if not low < high:
            raise ValueError(f"high must be more than low, {low:g}. Got {high!r}.")
        self.low, self.high, self.num_bins = float(low), float(high), num_bins
        # As above: the grid, the residuals, and the sums.
        self._sizes = (num_bins * num_bins, 2 * num_bins, len(_SUMS) + 1)
        self._cells = self.add_variable((sum(self._sizes),), "zeros", "float64", name="cells")

    def _counted(self, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any]:
        """Return places and values of a batch.

        Args:
            y_true: Targets, shape `(batch,)` or `(batch, 1)`.
            y_pred: Predictions, of the same shape.
            sample_weight: Weights of the rows, shape `(batch,)`; 1 if not given.
        """
        ops = keras.ops
        target = ops.cast(ops.reshape(y_true, (-1,)), "float64")
        predicted = ops.cast(ops.reshape(y_pred, (-1,)), "float64")
        weights = ops.ones_like(target)
        if sample_weight is not None:
            weights = weights * ops.reshape(ops.cast(sample_weight, "float64"), (-1,))
        is_good = ops.isfinite(target + predicted)
        nothing = ops.zeros_like(target)
        counted = ops.where(is_good, weights, nothing)
        target = ops.where(is_good, target, nothing)
        predicted = ops.where(is_good, predicted, nothing)
        error = predicted - target

        n, span = self.num_bins, self.high - self.low
        rows, columns = (self._bin(part, self.low, span, n) for part in (target, predicted))
        residuals = self._bin(error, -span, 2 * span, 2 * n)
        terms = [
            *(ops.ones_like(target), target, target * target),
            *(error, ops.abs(error), error * error),
        ]
        sums = [*(ops.sum(counted * term) for term in terms), ops.sum(weights - counted)]
        in_grids = n * n + 2 * n
        places = [
            rows * n + columns,
            n * n + residuals,
            ops.arange(in_grids, in_grids + len(sums), dtype="int32"),
        ]
        return ops.concatenate(places), ops.concatenate([counted, counted, ops.stack(sums)])

    def _counts_of(self, cells: np.ndarray) -> RegressionCounts:
        n = self.num_bins
        joint, residuals, sums = np.split(cells, np.cumsum(self._sizes)[:-1])
        *totals, left_out = sums.tolist()
        return RegressionCounts(
            joint=joint.reshape(n, n),
            residuals=residuals,
            low=self.low,
            high=self.high,
            left_out=left_out,
            **dict(zip(_SUMS, totals, strict=True)),
        )

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same metric again."""
        return {
            "low": self.low,
            "high": self.high,
            "num_bins": self.num_bins,
            "name": self.name,
        }

    @staticmethod
    def _bin(values: Any, low: float, span: float, num_bins: int) -> Any:
        ops = keras.ops
        place = ops.floor((values - low) / span * num_bins)
        return ops.cast(ops.clip(place, 0, num_bins - 1), "int32")


def counting_metric(model: keras.Model) -> _Counting | None:
    """Return the first metric of a compiled and built model that counts for an evaluation."""
    for metric in model.metrics:
        for part in getattr(metric, "metrics", [metric]):
            if isinstance(part, _Counting):
                return part
    return None
