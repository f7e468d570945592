"""What is noteworthy about data before anything is trained: sentences, each with its evidence.

Nothing here forbids anything; what cannot be trained at all is refused where a dataset is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trainer.datasets.columns import Column, is_called_like_an_id
from trainer.datasets.preprocessing import number_columns
from trainer.datasets.spec import DatasetSpec
from trainer.datasets.split import Parts

Kind = Literal[
    "note",
    "duplicates",
    "across",
    "leak",
    "identifier",
    "constant",
    "missing",
    "rare",
    "target",
    "small",
]

# A single column that orders the classes better than this is too good to be taken on trust.
SUSPICIOUS_AUC = 0.95
# So is one that explains this share of a target's variance.
SUSPICIOUS_R2 = 0.98
# More rows than these tell nothing more about a column.
_JUDGED_ROWS = 50_000
_MISSING_SHARE = 0.2
_RARE_SHARE = 0.02
_RARE_ROWS = 10
_MANY_CLASSES = 20
_FEW_ROWS = 50
_LISTED = 5


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is noteworthy.

    Attributes:
        kind: What it is about.
        sentence: What was found, with its evidence, in one or two sentences. Names in it are
            anybody's text.
        evidence: Of a column that knows too much, how much, e.g. "AUC 0.985"; no name is in it.
        share: Of validation rows that are trained on too, their share of all validation rows.
    """

    kind: Kind
    sentence: str
    evidence: str = ""
    share: float = 0.0


def audit(spec: DatasetSpec, parts: Parts) -> tuple[Finding, ...]:
    """Return what is noteworthy about a dataset, the gravest first.

    What a column knows of the target is judged without the sealed test rows.

    Args:
        spec: The dataset as it is bent.
        parts: Its rows.
    """
    unsealed = np.unique(parts.rows_unsealed)
    kept = np.union1d(unsealed, parts.rows_test)
    findings = [
        *_single_columns(spec, parts.x[unsealed], parts.y[unsealed]),
        *_duplicates(parts),
        *_classes(spec, parts.y[kept]),
        *_target(spec, parts.y[kept]),
        *_columns(spec, parts.x[kept]),
        *(Finding(kind="note", sentence=note) for note in spec.notes),
    ]
    num_rows = len(parts.rows_unsealed) + len(parts.rows_test)
    if num_rows < _FEW_ROWS:
        few = f"There are only {num_rows} rows; figures on so few rows vary from split to split."
        findings.append(Finding(kind="small", sentence=few))
    return tuple(findings)


# -- rows ---------------------------------------------------------------------------------------


def _duplicates(parts: Parts) -> Iterator[Finding]:
    hashes = _row_hashes(parts.x)
    kept = np.sort(np.concatenate([parts.rows_unsealed, parts.rows_test]))
    _, first, counts = np.unique(hashes[kept], return_index=True, return_counts=True)
    again = len(kept) - len(first)
    if not again:
        return
    example = int(kept[first[counts.argmax()]]) + 1
    yield Finding(
        kind="duplicates",
        sentence=(
            f"{_rows(again)} ({again / len(kept):.1%}) {'repeats' if again == 1 else 'repeat'} an "
            "earlier one in every column that is learnt from; the most frequent, row "
            f"{example:,}, stands there {int(counts.max()):,} times."
        ),
    )
    in_training = np.unique(hashes[parts.rows_train])
    for rows, name in ((parts.rows_val, "validation"), (parts.rows_test, "test")):
        shared = int(np.isin(hashes[rows], in_training).sum())
        if shared:
            yield Finding(
                kind="across",
                sentence=(
                    f"{shared:,} of {len(rows):,} {name} rows ({shared / len(rows):.1%}) "
                    f"{'stands' if shared == 1 else 'stand'} among the training rows too, so "
                    f"{name} figures look better than they are."
                ),
                share=shared / len(rows) if name == "validation" else 0.0,
            )


def _row_hashes(x: np.ndarray) -> np.ndarray:
    """Return a number for each row, equal for equal rows (missing values being equal)."""
    from pandas.util import hash_array

    flat = x.reshape(len(x), -1)
    if flat.dtype == np.uint8 and flat.shape[1] > 64:
        # Pictures and words: as strings of bytes, which is far faster than column by column.
        rows = np.ascontiguousarray(flat).view(np.dtype((np.void, flat.shape[1]))).ravel()
        return np.unique(rows, return_inverse=True)[1].astype(np.uint64)
    hashes = np.zeros(len(flat), dtype=np.uint64)
    for column in flat.T:
        # -0.0 and 0.0 are equal; every missing value is like the other.
        values = np.where(np.isnan(column), np.nan, column + 0.0).astype(np.float64)
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + hash_array(values)
    return hashes


# -- single columns that know too much ----------------------------------------------------------


def _single_columns(spec: DatasetSpec, x: np.ndarray, y: np.ndarray) -> Iterator[Finding]:
    columns = named_columns(spec, x)
    if len(columns) < 2:
        return  # with a single column there is nothing else to learn from
    chosen = _spread(len(y))
    y = y[chosen]
    told = []
    for place, column in enumerate(columns):
        evidence = _evidence(x[chosen, place].astype(np.float64), y, column, spec)
        if evidence is not None:
            told.append((column.name, evidence))
    for place, (name, evidence) in enumerate(told[:_LISTED]):
        sentence = f"“{name}” alone predicts “{spec.target_name}” almost perfectly ({evidence})."
        if place == 0:
            sentence += (
                " Either it is that good, or it was derived from the target and will not be known "
                "in time."
            )
        yield Finding(kind="leak", sentence=sentence, evidence=evidence)
    if more := len(told[_LISTED:]):
        others = "1 more column predicts" if more == 1 else f"{more} more columns predict"
        yield Finding(kind="leak", sentence=f"{others} the target almost perfectly.")


def _evidence(x: np.ndarray, y: np.ndarray, column: Column, spec: DatasetSpec) -> str | None:
    if spec.task == "regression":
        r2 = _r2(x, y, column)
        return f"R² {r2:.3f}" if r2 >= SUSPICIOUS_R2 else None
    if len(np.unique(y)) < 2:
        return None
    auc = binary_auc(x, y, column) if spec.num_classes == 2 else _many_class_auc(x, y)
    if auc >= SUSPICIOUS_AUC:
        return f"AUC {auc:.3f}"
    if spec.num_classes == 2 and auc <= 1 - SUSPICIOUS_AUC:
        return f"AUC {1 - auc:.3f}, by low values"
    return None


def binary_auc(x: np.ndarray, y: np.ndarray, column: Column) -> float:
    """Return the area under the ROC curve of a single column as the score of class 1.

    Missing numbers count as the median. A category's score is the share of class 1 among the other
    half of the rows that have it, so that categories of one row each do not seem to know anything.

    Args:
        x: The column, shape `(num_rows,)`, NaN where a value is missing.
        y: Class indices 0 and 1, shape `(num_rows,)`.
        column: What it holds.
    """
    from sklearn.metrics import roc_auc_score

    if column.kind == "category":
        half = _half(len(y))
        x = _target_means(x, y, half)[~half]
        y = y[~half]
        if len(np.unique(y)) < 2:
            return 0.5
    return float(roc_auc_score(y, _filled(x)))


def _many_class_auc(x: np.ndarray, y: np.ndarray) -> float:
    # The classes may lie along a column in any order: a small tree finds their intervals.
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    half = _half(len(y))
    # A class that is too rare to be judged must not keep the others from it.
    classes = np.intersect1d(y[half], y[~half])
    if not 2 <= len(classes) <= 50:
        return 0.5
    is_judged = np.isin(y, classes)
    x, y, half = x[is_judged], y[is_judged], half[is_judged]
    tree = DecisionTreeClassifier(max_leaf_nodes=4 * len(classes), random_state=0)
    filled = _filled(x)[:, np.newaxis]
    tree.fit(filled[half], y[half])
    scores = tree.predict_proba(filled[~half])
    if len(classes) == 2:
        return float(roc_auc_score(y[~half], scores[:, 1]))
    return float(roc_auc_score(y[~half], scores, multi_class="ovr"))


def _r2(x: np.ndarray, y: np.ndarray, column: Column) -> float:
    if column.kind == "category":
        half = _half(len(y))
        x, y = _target_means(x, y, half)[~half], y[~half]
    x = _filled(x)
    if x.std() == 0 or y.std() == 0:
        return 0.0
    return float(np.corrcoef(x, y.astype(np.float64))[0, 1] ** 2)


def _half(num_rows: int) -> np.ndarray:
    """Return which rows a column is judged by, and which on; drawn, for rows may alternate."""
    return np.random.default_rng(0).random(num_rows) < 0.5


def _target_means(x: np.ndarray, y: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    codes = np.where(np.isnan(x), -1, x).astype(np.int64) + 1
    size = int(codes.max()) + 1
    counts = np.bincount(codes[fitted], minlength=size)
    sums = np.bincount(codes[fitted], weights=y[fitted], minlength=size)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), y[fitted].mean())
    return means[codes]


def _filled(x: np.ndarray) -> np.ndarray:
    if not np.isnan(x).any():
        return x
    return np.where(np.isnan(x), np.nanmedian(x) if not np.isnan(x).all() else 0.0, x)


# -- columns ------------------------------------------------------------------------------------


def _columns(spec: DatasetSpec, x: np.ndarray) -> Iterator[Finding]:
    constant, identifiers = [], []
    named: list[str] = []
    for place, column in enumerate(named_columns(spec, x)):
        values = x[:, place]
        if values.dtype.kind != "f":
            continue
        missing = int(np.isnan(values).sum())
        if missing / len(values) >= _MISSING_SHARE:
            filling = "a value of their own" if column.kind == "category" else "the median"
            yield Finding(
                kind="missing",
                sentence=(
                    f"“{column.name}” is missing in {missing:,} of {_rows(len(values))} "
                    f"({missing / len(values):.0%}); {filling} stands in."
                ),
            )
        if missing == len(values):
            continue
        low, high = np.nanmin(values), np.nanmax(values)
        if low == high and not missing:
            constant.append(column.name)
        elif column.kind == "number" and not missing and _counts_rows(values, low, high):
            identifiers.append(column.name)
        elif column.kind == "number" and is_called_like_an_id(column.name) and _all_differ(values):
            named.append(column.name)
    if constant:
        yield Finding(
            kind="constant",
            sentence=f"The same in every row, so they teach nothing: {_listed(constant)}.",
        )
    for name in identifiers[:_LISTED]:
        yield Finding(
            kind="identifier",
            sentence=(
                f"“{name}” looks like a number of the row: whole numbers without gap or "
                f"repetition over {_rows(len(x))}. New rows will have numbers never seen."
            ),
        )
    for name in named[:_LISTED]:
        yield Finding(
            kind="identifier",
            sentence=(
                f"“{name}” is named like a number of the row, and has a different whole number in "
                f"each of {_rows(len(x))}. New rows will have numbers never seen."
            ),
        )


def _counts_rows(values: np.ndarray, low: float, high: float) -> bool:
    if high - low + 1 != len(values) or low != round(low) or len(values) < _RARE_ROWS:
        return False
    return bool((np.sort(values) == np.arange(low, high + 1)).all())


def _all_differ(values: np.ndarray) -> bool:
    is_whole = bool((values == np.round(values)).all())  # False where one is missing
    return is_whole and len(values) >= _RARE_ROWS and len(np.unique(values)) == len(values)


# -- the target ---------------------------------------------------------------------------------


def _classes(spec: DatasetSpec, y: np.ndarray) -> Iterator[Finding]:
    if not spec.num_classes:
        return
    counts = np.bincount(y, minlength=spec.num_classes)
    single = [spec.class_names[k] for k in np.flatnonzero(counts == 1)]
    if single:
        yield Finding(
            kind="rare",
            sentence=(
                f"{'Class' if len(single) == 1 else 'Classes'} with one row alone: "
                f"{_listed(single)}. It is either learnt from or tested on, never both, and no "
                "class keeps its share in the split."
            ),
        )
    for k in np.flatnonzero((counts > 1) & _is_rare(counts, len(y)))[:_LISTED]:
        yield Finding(
            kind="rare",
            sentence=(
                f"Class “{spec.class_names[k]}” has {counts[k]:,} of {_rows(len(y))} "
                f"({counts[k] / len(y):.2%}); accuracy says next to nothing about it."
            ),
        )
    absent = [spec.class_names[k] for k in np.flatnonzero(counts == 0)]
    if absent:
        yield Finding(kind="rare", sentence=f"Classes without a single row: {_listed(absent)}.")


def _is_rare(counts: np.ndarray, num_rows: int) -> np.ndarray:
    fair = num_rows / len(counts)
    return (counts < _RARE_ROWS) | ((counts / num_rows < _RARE_SHARE) & (counts < fair / 4))


def _target(spec: DatasetSpec, y: np.ndarray) -> Iterator[Finding]:
    if spec.num_classes > _MANY_CLASSES and _are_numbers(spec.class_names):
        yield Finding(
            kind="target",
            sentence=(
                f"“{spec.target_name}” has {spec.num_classes:,} different numbers, each treated as "
                "a class of its own: this looks like a regression, where being close counts."
            ),
        )
    if spec.task == "regression" and len(y):
        distinct = np.unique(y[_spread(len(y))])
        if len(distinct) <= 10 and (distinct == np.round(distinct)).all():
            yield Finding(
                kind="target",
                sentence=(
                    f"“{spec.target_name}” has only {len(distinct)} different values, all whole "
                    "numbers: these may be classes."
                ),
            )


def _are_numbers(names: Sequence[str]) -> bool:
    try:
        return all(math.isfinite(float(name)) for name in names)
    except ValueError:
        return False


def named_columns(spec: DatasetSpec, x: np.ndarray) -> tuple[Column, ...]:
    """Return the columns of a table; none for pictures and texts."""
    if spec.columns:
        return spec.columns
    if spec.feature_names and x.ndim == 2:
        return number_columns(spec.feature_names, x.shape[1])
    return ()


def _spread(num_rows: int) -> np.ndarray:
    count = min(num_rows, _JUDGED_ROWS)
    return np.linspace(0, num_rows - 1, count).round().astype(int)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(f"“{name}”" for name in names[:_LISTED]) + more
