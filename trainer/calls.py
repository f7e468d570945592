"""Calls of Keras as data: made here, and written out the same in the script of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Name:
    """A variable of the script, e.g. the model that a metric looks at."""

    name: str


@dataclass(frozen=True)
class Own:
    """A class of this package's, that Keras does not have.

    Attributes:
        module: The module that defines it, which imports nothing but Keras.
        name: The class.
    """

    module: str
    name: str


class Call:
    """A call that can be made and be written as Python.

    Args:
        target: What is called: a path below `keras`, e.g. "layers.Dense", or a class of our own.
        arguments: Positional arguments: plain values, calls and names.
        keywords: Keyword arguments, alike.
    """

    def __init__(self, target: str | Own, *arguments: Any, **keywords: Any) -> None:
        self.target = target
        self.arguments = arguments
        self.keywords = keywords

    def having(self, **keywords: Any) -> Call:
        """Return the same call with more keyword arguments."""
        return Call(self.target, *self.arguments, **{**self.keywords, **keywords})

    def make(self, names: Mapping[str, Any] | None = None) -> Any:
        """Make the call and return what it returns; this imports Keras.

        Args:
            names: What the names among the arguments stand for.
        """
        names = names or {}
        keywords = {key: _made(value, names) for key, value in self.keywords.items()}
        return _found(self.target)(*(_made(value, names) for value in self.arguments), **keywords)

    def code(self) -> str:
        """Return the call as Python, in a script that has imported Keras."""
        return f"{self.target_code}({', '.join(self.argument_codes)})"

    @property
    def target_code(self) -> str:
        """What is called, as Python."""
        return self.target.name if isinstance(self.target, Own) else f"keras.{self.target}"

    @property
    def argument_codes(self) -> list[str]:
        """The arguments as Python, in their order."""
        keywords = [f"{key}={_written(value)}" for key, value in self.keywords.items()]
        return [*map(_written, self.arguments), *keywords]

    def own_parts(self) -> set[Own]:
        """Return the classes of our own that the call needs, those of its arguments too."""
        found = {self.target} if isinstance(self.target, Own) else set()
        for value in (*self.arguments, *self.keywords.values()):
            if isinstance(value, Call):
                found |= value.own_parts()
        return found


def _found(target: str | Own) -> Any:
    import importlib

    if isinstance(target, Own):
        return getattr(importlib.import_module(target.module), target.name)
    found: Any = importlib.import_module("keras")
    for part in target.split("."):
        found = getattr(found, part)
    return found


def _made(value: Any, names: Mapping[str, Any]) -> Any:
    if isinstance(value, Call):
        return value.make(names)
    return names[value.name] if isinstance(value, Name) else value


def _written(value: Any) -> str:
    if isinstance(value, Call):
        return value.code()
    if isinstance(value, Name):
        return value.name
    return f'"{value}"' if isinstance(value, str) else repr(value)
