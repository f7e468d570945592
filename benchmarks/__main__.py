"""`python -m benchmarks [NAME …]` measures and prints the table."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.measure import Measure, as_json

GROUPS = (
    *("fit", "callbacks", "evaluation", "boundary", "fair", "evaluate_page"),
    *("page", "viewers", "stream", "server", "uploads", "faults", "classroom", "soak"),
    *("lessons", "diagnosis"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0; 1 when a group could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="NAME", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the table there")
    options = parser.parse_args(arguments)
    for group in options.groups:
        if group not in GROUPS:
            parser.error(f"NAME must be one of {', '.join(GROUPS)}. Got {group!r}.")
    # Being ended is an exit like any other: servers and sides of a comparison end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    measures: list[Measure] = []
    failures = 0
    others: list[str] = []
    began = time.monotonic()
    for group in options.groups or GROUPS:
        print(f"{group} …", file=sys.stderr, flush=True)
        began_group, busy, own = time.monotonic(), _busy_seconds(), _own_seconds()
        module = importlib.import_module(f"benchmarks.{group}")
        try:
            for measure in module.measure(quick=options.quick):
                measures.append(measure)
                print(f"  {measure.name}: {measure.seen}", file=sys.stderr, flush=True)
        except Exception as error:
            # One group that cannot be measured must not take the others' numbers with it.
            failures += 1
            print(f"  {group} could not be measured: {error}", file=sys.stderr)
        # All that this group started has ended, so its time is known.
        foreign = (_busy_seconds() - busy) - (_own_seconds() - own)
        others.append(f"{group} {max(0.0, foreign) / (time.monotonic() - began_group):.2f}")
    _print_table(measures)
    minutes = (time.monotonic() - began) / 60
    print(f"{minutes:.1f} minutes on {os.cpu_count()} cores.")
    print(f"Cores that others kept busy meanwhile: {', '.join(others)}.")
    if options.json is not None:
        options.json.write_text(as_json(measures) + "\n", encoding="utf-8")
    return 1 if failures else 0


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def _own_seconds() -> float:
    return sum(os.times()[:4])


def _print_table(measures: Sequence[Measure]) -> None:
    table = Table("measure", "goal", "seen", "verdict")
    for measure in measures:
        table.add_row(measure.name, measure.goal, measure.seen, measure.verdict)
    is_terminal = sys.stdout.isatty()
    Console(width=None if is_terminal else 160, highlight=False, markup=False).print(table)


if __name__ == "__main__":
    sys.exit(main())
