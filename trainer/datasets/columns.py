"""Which columns of a table are learnt from, and how: numbers, yes or no, dates, categories."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trainer.tables.facts import ColumnFacts

FeatureKind = Literal["number", "boolean", "date", "category"]

MAX_OUTPUTS = 50
"""Inputs of a network that one category column becomes at most; rarer ones share the last."""

# A column of texts with more different ones than rows for each is a text, not a category.
_FEW_CATEGORIES = 20
_ROWS_PER_CATEGORY = 2
_TEXT_CHARACTERS = 100
_ID_ROWS = 10
# "customer_id", "No", "customerId", and the nameless first column that pandas writes.
_ID_NAME = re.compile(r"(?i:(.*[\s_.-])?(id|uuid|guid|index|key|nr|no)|unnamed.*)|.*I[dD]|column 1")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column that is learnt from.

    Attributes:
        name: Its name.
        kind: How it is prepared.
        categories: The texts, in rising order; a loaded table holds their places here.
        is_gappy: Whether values are missing.
    """

    name: str
    kind: FeatureKind
    categories: tuple[str, ...] = ()
    is_gappy: bool = False

    @property
    def num_outputs(self) -> int:
        """Inputs of a network that the column becomes."""
        if self.kind != "category":
            return 1
        return max(1, min(len(self.categories) + self.is_gappy, MAX_OUTPUTS))


def chosen_columns(
    facts: Sequence[ColumnFacts], num_rows: int
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Return the columns to learn from, and a sentence for each that is left out.

    A column that counts or names the rows is kept where there is no other.
    """
    columns: list[Column] = []
    identifying: list[tuple[Column, str]] = []
    reasons: list[str] = []
    for fact in facts:
        column, reason, is_identifying = _judged(fact, num_rows)
        if column is not None and not reason:
            columns.append(column)
        elif column is not None and is_identifying:
            identifying.append((column, reason))
        else:
            reasons.append(_left_out(fact.name, reason))
    if not columns and identifying:
        return tuple(column for column, _ in identifying), tuple(reasons)
    reasons += [_left_out(column.name, reason) for column, reason in identifying]
    return tuple(columns), tuple(reasons)


def is_usable(fact: ColumnFacts, num_rows: int) -> bool:
    """Return whether a column can be learnt from, if only where there is no other."""
    return _judged(fact, num_rows)[0] is not None


def is_called_like_an_id(name: str) -> bool:
    """Return whether a column bears a name as columns do that number the rows."""
    return _ID_NAME.fullmatch(name) is not None


def _left_out(name: str, reason: str) -> str:
    return f"“{name}” is left out: {reason}."


def _judged(fact: ColumnFacts, num_rows: int) -> tuple[Column | None, str, bool]:
    num_values = num_rows - fact.num_missing
    if fact.kind == "empty" or num_values == 0:
        return None, "it has no values", False
    # Of a text, being missing is a category too.
    says_nothing = not (fact.num_missing and fact.kind == "text")
    if fact.num_distinct == 1 and says_nothing and not fact.num_infinite:
        return None, "all its values are the same", False
    if fact.kind == "text":
        return _judged_text(fact, num_values)
    is_gappy = fact.num_missing > 0
    kind: FeatureKind = {"boolean": "boolean", "date": "date"}.get(fact.kind, "number")  # type: ignore[assignment]
    column = Column(name=fact.name, kind=kind, is_gappy=is_gappy)
    if fact.is_counter and num_rows >= _ID_ROWS and is_called_like_an_id(fact.name):
        return column, "it numbers the rows", True
    return column, "", False


def _judged_text(fact: ColumnFacts, num_values: int) -> tuple[Column | None, str, bool]:
    distinct = fact.num_distinct or 0
    column = None
    if fact.values:
        column = Column(
            name=fact.name,
            kind="category",
            categories=tuple(value for value, _ in fact.values),
            is_gappy=fact.num_missing > 0,
        )
    if distinct == num_values and num_values >= _ID_ROWS:
        return column, "every row has a text of its own there, as names and numbers do", True
    if distinct > _FEW_CATEGORIES and distinct * _ROWS_PER_CATEGORY > num_values:
        return column, f"its {distinct:,} texts are too many to be categories", True
    if column is None or fact.mean_length > _TEXT_CHARACTERS:
        return None, f"its {distinct:,} texts are too many or too long to be categories", False
    return column, "", False
