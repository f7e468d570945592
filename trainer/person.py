"""Who asks the store for something, and what they may change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody, or a program.

    Attributes:
        owner: As whom they own the runs they start; empty for nobody in particular.
        is_in_charge: Whether they may change everybody's runs: who sits at the machine, a teacher.
    """

    owner: str = ""
    is_in_charge: bool = False

    def may_change(self, owner: str) -> bool:
        """Return whether they may change a run that belongs to `owner`."""
        return self.is_in_charge or (self.owner == owner != "")


# A command line, a notebook, a worker: whoever starts one could write the files themselves.
MACHINE = Person(is_in_charge=True)
