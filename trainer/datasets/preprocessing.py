"""How rows become what a network reads: fitted on the training rows, and kept with the run.

scikit-learn fits (median, mean and deviation, categories); what it found is plain numbers and
texts, so that it can be stored without pickling and applied wherever NumPy is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trainer.datasets.columns import MAX_OUTPUTS, Column, FeatureKind

# Columns are fitted in blocks of about so many cells, which bounds the copies.
_BLOCK_CELLS = 4_000_000
# A category that fewer training rows have is rare: 1 %, but at most so many rows.
_RARE_ROWS = 10


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one column becomes.

    A number, date or boolean becomes `(value - mean) / deviation`, `fill` where it is missing. A
    category becomes one input for each of `categories`, 1 where the row has it; `rare` says
    whether one more stands for all others. What is left of `num_outputs` stays 0.

    Attributes:
        column: The column.
        fill: What stands for a missing number: the median, of booleans the more frequent value.
        mean: What is subtracted.
        deviation: What is divided by.
        categories: Categories with an input of their own, None standing for missing ones.
        rare: Whether rare and unknown categories have an input together.
    """

    column: Column
    fill: float = 0.0
    mean: float = 0.0
    deviation: float = 1.0
    categories: tuple[str | None, ...] = ()
    rare: bool = False

    @property
    def output_names(self) -> tuple[str, ...]:
        """A name for each input of the network, for people."""
        name = self.column.name
        if self.column.kind != "category":
            return (name,)
        shown = [f"{name} = {'missing' if one is None else one}" for one in self.categories]
        shown += [f"{name} = other"] * self.rare
        return tuple(shown + [f"{name} (unused)"] * (self.column.num_outputs - len(shown)))


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """A fitted preparation of rows.

    Attributes:
        steps: What each column becomes, in the order of the columns.
    """

    steps: tuple[Step, ...]

    @classmethod
    def fit(cls, x: np.ndarray, columns: Sequence[Column]) -> Preprocessing:
        """Fit on rows: the training rows, and no others.

        Args:
            x: The rows, shape `(num_rows, num_columns)`, NaN where a value is missing.
            columns: What they hold; categories are places in `Column.categories`.
        """
        steps: list[Step] = []
        for first, last in _blocks(columns, max(1, _BLOCK_CELLS // max(1, len(x)))):
            block = x[:, first:last].astype(np.float64)
            steps += _fitted(block, columns[first:last])
        return cls(steps=tuple(steps))

    @property
    def num_outputs(self) -> int:
        """Number of inputs of the network."""
        return sum(step.column.num_outputs for step in self.steps)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return rows as the network reads them, float32 of shape `(num_rows, num_outputs)`.

        Args:
            x: The rows as they were fitted on, shape `(num_rows, num_columns)`.
        """
        prepared = np.zeros((len(x), self.num_outputs), dtype=np.float32)
        place = 0
        for values, step in zip(x.T, self.steps, strict=True):
            width = step.column.num_outputs
            if step.column.kind == "category":
                _encode(values, step, prepared[:, place : place + width])
            else:
                filled = np.where(np.isnan(values), step.fill, values.astype(np.float64))
                prepared[:, place] = (filled - step.mean) / step.deviation
            place += width
        return prepared

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that survive JSON."""
        return {"steps": [asdict(step) for step in self.steps]}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Preprocessing:
        """Return what `to_dict` made.

        Raises:
            KeyError, TypeError, ValueError: It did not make this.
        """
        steps = []
        for one in stored["steps"]:
            column = {**one["column"], "categories": tuple(one["column"]["categories"])}
            numbers = {name: float(one[name]) for name in ("fill", "mean", "deviation")}
            steps.append(
                Step(
                    column=Column(**column),
                    categories=tuple(one["categories"]),
                    rare=bool(one["rare"]),
                    **numbers,
                )
            )
        return cls(steps=tuple(steps))


def number_columns(names: Sequence[str], count: int) -> tuple[Column, ...]:
    """Return columns of numbers, named by place where there are no names."""
    if len(names) != count:
        names = [f"column {place + 1}" for place in range(count)]
    return tuple(Column(name=name, kind="number") for name in names)


def _blocks(columns: Sequence[Column], width: int) -> Iterator[tuple[int, int]]:
    """Yield runs of neighbouring columns of one kind, none wider than `width`; a category alone."""
    first = 0
    for place in range(1, len(columns) + 1):
        is_end = place == len(columns) or columns[place].kind != columns[first].kind
        if is_end or place - first == width or columns[first].kind == "category":
            yield first, place
            first = place


def _fitted(x: np.ndarray, columns: Sequence[Column]) -> list[Step]:
    if columns[0].kind == "category":
        return [_fitted_category(x, columns[0])]
    return _fitted_numbers(x, columns, columns[0].kind)


def _fitted_numbers(x: np.ndarray, columns: Sequence[Column], kind: FeatureKind) -> list[Step]:
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import StandardScaler

    if np.isnan(x).any():
        strategy = "most_frequent" if kind == "boolean" else "median"
        # Of a column that has no value among these rows, 0 stands for all.
        imputer = SimpleImputer(strategy=strategy, keep_empty_features=True)
        x = imputer.fit_transform(x)
        fills = imputer.statistics_
    else:
        # None is missing here, but one may be in a row to come.
        fills = x.mean(axis=0).round() if kind == "boolean" else np.median(x, axis=0)
    if kind == "boolean":
        return [
            Step(column=column, fill=float(fill))
            for column, fill in zip(columns, fills, strict=True)
        ]
    scaler = StandardScaler().fit(x)
    # A constant column says nothing; its deviation may be a rounding error instead of 0.
    deviations = np.where(x.max(axis=0) == x.min(axis=0), 1.0, scaler.scale_)
    return [
        Step(column=column, fill=float(fill), mean=float(mean), deviation=float(deviation))
        for column, fill, mean, deviation in zip(
            columns, fills, scaler.mean_, deviations, strict=True
        )
    ]


def _fitted_category(x: np.ndarray, column: Column) -> Step:
    from sklearn.preprocessing import OneHotEncoder

    encoder = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=rare_below(len(x)),
        max_categories=MAX_OUTPUTS,
    ).fit(x)
    (rare,) = encoder.infrequent_categories_ if encoder.infrequent_categories_ else (None,)
    rare_places = set() if rare is None else {_name(code, column) for code in rare}
    names = [_name(code, column) for code in encoder.categories_[0]]
    kept = tuple(name for name in names if name not in rare_places)
    return Step(column=column, categories=kept, rare=bool(rare_places))


def rare_below(num_rows: int) -> int:
    """Return how many training rows a category needs for an input of its own."""
    return min(_RARE_ROWS, max(1, num_rows // 100))


def _name(code: float, column: Column) -> str | None:
    return None if np.isnan(code) else column.categories[int(code)]


def _encode(values: np.ndarray, step: Step, prepared: np.ndarray) -> None:
    places = {text: place for place, text in enumerate(step.categories)}
    unknown = len(step.categories) if step.rare else -1
    # By code; the last entry is for missing ones.
    known = [places.get(text, unknown) for text in step.column.categories]
    of_code = np.array([*known, places.get(None, unknown)])
    codes = np.where(np.isnan(values), len(known), values).astype(np.int64)
    outputs = of_code[codes]
    rows = np.flatnonzero(outputs >= 0)
    prepared[rows, outputs[rows]] = 1.0
