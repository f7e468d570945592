"""What a set-up will train on, looked at before anything is trained; the test rows stay sealed."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

import numpy as np

from trainer.config import RunConfig
from trainer.datasets import cache, load, rows
from trainer.datasets.audit import Finding, audit, named_columns
from trainer.datasets.columns import Column, FeatureKind
from trainer.datasets.spec import Arrays, DatasetSpec
from trainer.datasets.split import Parts
from trainer.errors import DatasetUnavailable

# More rows than these show nothing more; of a wide table fewer are kept.
_MAX_ROWS = 20_000
_MAX_CELLS = 1_000_000
# Of a downloaded set only so many are read from its file.
_MAX_READ = 2_000

# Where one of these makes no sense, there are no rows to look at.
DECIDE_ROWS = (
    *("noise", "num_samples", "label_noise", "imbalance", "leak"),
    *("test_split", "validation_split", "seed"),
)


@dataclass(frozen=True, kw_only=True)
class ColumnLook:
    """What is in a column of the rows to train and validate on.

    Attributes:
        name: Its name; of an upload anybody's text.
        kind: What it holds.
        num_missing: Rows without a value.
        num_distinct: Number of different values.
        minimum: Smallest value; of a date in days since 2000-01-01, of a category None.
        mean: Mean of the values.
        maximum: Largest value.
    """

    name: str
    kind: FeatureKind
    num_missing: int
    num_distinct: int
    minimum: float | None = None
    mean: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, kw_only=True)
class Look:
    """The rows to train and to validate on, as people know them: bent, but not yet scaled.

    Attributes:
        spec: The dataset as it is bent.
        arrays: Rows of it, evenly chosen where there are very many; `x` and `y` as a loader
            returns them.
        is_validation: Which of those are to validate on, shape `(len(arrays.y),)`.
        y_train: Targets of all rows to train on.
        y_val: Targets of all rows to validate on.
        num_test: Number of rows that are sealed away, of which nothing else is told.
        columns: What is in each column of a table; empty for pictures and texts.
        findings: What the auditor says.
        words: Of texts the words that they are made of, the most frequent first, where known.
    """

    spec: DatasetSpec
    arrays: Arrays
    is_validation: np.ndarray
    y_train: np.ndarray
    y_val: np.ndarray
    num_test: int
    columns: tuple[ColumnLook, ...]
    findings: tuple[Finding, ...]
    words: tuple[str, ...] = ()

    @property
    def num_unsealed(self) -> int:
        """Rows to train and to validate on."""
        return len(self.y_train) + len(self.y_val)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What may make a training mean less than it seems; the rest is only worth knowing."""
        return tuple(one for one in self.findings if one.kind != "note")


def look(config: RunConfig) -> Look:
    """Look at what a set-up will train on, without Keras.

    Raises:
        DatasetUnavailable: It has not been downloaded yet, or is an upload that is gone.
    """
    if config.spec.origin == "downloaded":
        return _look_at_download(config)
    parts = config.parts(load(config.unbent_spec, config.load_options()))
    numbers, is_validation = _unsealed(parts)
    columns = named_columns(config.spec, parts.x)
    width = int(np.prod(parts.x.shape[1:]))
    chosen = _spread(len(numbers), min(_MAX_ROWS, max(1, _MAX_CELLS // width)))
    return Look(
        spec=config.spec,
        arrays=Arrays(x=parts.x[numbers[chosen]], y=parts.y[numbers[chosen]]),
        is_validation=is_validation[chosen],
        y_train=parts.y[parts.rows_train],
        y_val=parts.y[parts.rows_val],
        num_test=len(parts.rows_test),
        columns=tuple(
            _column_look(column, parts.x[numbers, place]) for place, column in enumerate(columns)
        ),
        findings=audit(config.spec, parts),
    )


def _look_at_download(config: RunConfig) -> Look:
    spec = config.unbent_spec
    y = cache.read_targets(spec.name)
    if y is None:
        raise DatasetUnavailable(
            f"{spec.title} is downloaded when a training with it starts for the first time."
        )
    # Its rows are far too many to be read for a page: each stands for itself by its number.
    numbers_of_rows = np.arange(len(y), dtype=np.float32)[:, np.newaxis]
    unshaken = dataclasses.replace(config, noise=0.0)
    parts = unshaken.parts(Arrays(x=numbers_of_rows, y=y))
    numbers, is_validation = _unsealed(parts)
    chosen = _spread(len(numbers), _MAX_READ)
    return Look(
        spec=config.spec,
        arrays=rows(
            spec,
            numbers[chosen],
            config.load_options(),
            bend=config.bend,
            test_split=config.test_split,
        ),
        is_validation=is_validation[chosen],
        y_train=parts.y[parts.rows_train],
        y_val=parts.y[parts.rows_val],
        num_test=len(parts.rows_test),
        columns=(),
        findings=audit(config.spec, parts),
        words=cache.read_words(spec.name),
    )


def _unsealed(parts: Parts) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows' numbers in rising order, and which of them are to validate on."""
    numbers = parts.rows_unsealed
    order = np.argsort(numbers, kind="stable")
    return numbers[order], (np.arange(len(numbers)) >= len(parts.rows_train))[order]


def _column_look(column: Column, values: np.ndarray) -> ColumnLook:
    known = values[~np.isnan(values)]
    bounds: dict[str, float] = {}
    if column.kind != "category" and len(known):
        bounds = {
            "minimum": float(known.min()),
            "mean": float(known.mean(dtype=np.float64)),
            "maximum": float(known.max()),
        }
    return ColumnLook(
        name=column.name,
        kind=column.kind,
        num_missing=len(values) - len(known),
        num_distinct=len(np.unique(known)),
        **bounds,
    )


def _spread(num_rows: int, most: int) -> np.ndarray:
    return np.unique(np.linspace(0, num_rows - 1, min(most, num_rows)).round().astype(int))


def key_of_rows(config: RunConfig) -> str:
    """Return what tells set-ups with other rows apart: all that the rows depend on."""
    values = config.to_dict()
    return json.dumps([values[name] for name in ("dataset", "target", "task", *DECIDE_ROWS)])
