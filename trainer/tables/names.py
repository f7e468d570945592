"""Column names: printable, of a bearable length, none empty and no two alike."""

from __future__ import annotations

from collections.abc import Sequence

from trainer.errors import TableUnreadable
from trainer.tables.limits import Limits


def checked_names(names: Sequence[str], limits: Limits) -> tuple[list[str], list[str]]:
    """Return names that can be used, and a sentence for each change.

    Raises:
        TableUnreadable: There are too many, or one is too long.
    """
    if len(names) > limits.columns:
        raise TableUnreadable(
            f"The file has {len(names):,} columns; at most {limits.columns:,} are read."
        )
    for place, name in enumerate(names, start=1):
        if len(name) > limits.name_characters:
            raise TableUnreadable(
                f"The name of column {place} has {len(name):,} characters; "
                f"at most {limits.name_characters} are read."
            )
    notes = []
    cleaned = [_printable(name) for name in names]
    nameless = [place for place, name in enumerate(cleaned, start=1) if not name]
    if nameless:
        notes.append(f"{_columns(nameless)} had no name and {_are(nameless)} called by number.")
    taken = set(cleaned)
    used: set[str] = set()
    result = []
    again = []
    for place, name in enumerate(cleaned, start=1):
        chosen = name or f"column {place}"
        if chosen in used or (not name and chosen in taken):
            chosen = _free(chosen, taken | used)
            again.append(place)
        used.add(chosen)
        result.append(chosen)
    if again:
        has = "has" if len(again) == 1 else "have"
        notes.append(f"{_columns(again)} {has} the name of an earlier one and got a number added.")
    return result, notes


def _printable(name: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in name).split())


def _free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"


def _columns(places: Sequence[int]) -> str:
    shown = ", ".join(map(str, places[:10]))
    more = f" and {len(places) - 10} more" if len(places) > 10 else ""
    return f"Column{'' if len(places) == 1 else 's'} {shown}{more}"


def _are(places: Sequence[int]) -> str:
    return "is" if len(places) == 1 else "are"
