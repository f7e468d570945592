"""The commands that look at runs: list, show and evaluate."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from trainer.checkpoints import disk_use, kept
from trainer.config import config_of
from trainer.errors import InvalidInput
from trainer.evaluation.counts import ClassCounts, Counts
from trainer.evaluation.packing import unpack
from trainer.evaluation.summary import WHY_UNDEFINED, summary
from trainer.inspections import Inspections
from trainer.openings import moment, openings_before, told_openings
from trainer.runs import Run
from trainer.settings import MEGABYTE
from trainer.store import Store
from trainer.terminal.words import FAILED, OK, described, line, shown, summary_of, typed
from trainer.waiting import waiting

# A wider matrix fits no screen.
_MAX_PRINTED_CLASSES = 30


def list_runs(store: Store, options: argparse.Namespace) -> int:
    """Print the newest runs."""
    runs = store.runs()
    if options.json:
        print(json.dumps({"runs": [summary_of(run) for run in runs]}))
    else:
        for run in runs:
            print(line(run))
        if not runs:
            print("No runs yet. Start one: python -m trainer run --dataset digits")
    return OK


def show_run(store: Store, options: argparse.Namespace) -> int:
    """Print one run with its history."""
    run = store.run(options.run_id)
    if options.json:
        print(json.dumps(described(store, run)))
        return OK
    print(line(run))
    if run.message:
        print(run.message)
    if (waits := waiting(store, run)) is not None:
        begins = "" if waits.seconds is None else f", begins in about {waits.seconds:.0f} s"
        print(f"place {waits.place} in the queue{begins}")
        if waits.reason:
            print(waits.reason)
    if run.note:
        print(run.note)
    if run.parent is not None:
        print(f"forked from {run.parent.name} ({run.parent.run_id}) after epoch ", end="")
        print(f"{run.parent.epoch + 1}: {run.parent.parameter} {run.parent.before} → ", end="")
        print(run.parent.after)
    if (epochs := kept(run.run_id)).epochs:
        numbers = ", ".join(str(epoch + 1) for epoch in epochs.epochs)
        megabytes = disk_use(run.run_id) / MEGABYTE
        print(f"checkpoints after epoch {numbers}: {megabytes:.1f} MB")
    for name, value in run.config.items():
        print(f"  {name:18} {', '.join(value) if isinstance(value, list) else value}")
    for name, values in store.history(run.run_id).items():
        print(f"  {name:18} {values[-1]}")
    inspections = Inspections(store)
    for opening in told_openings(inspections.of_run(run.run_id, "test")):
        print(f"  {'test set':18} {_opening_line(opening)}")
    if before := openings_before(run, inspections.num_openings, store.run):
        print(f"  {'test set':18} opened {before} × on what it was forked from")
    return OK


def _opening_line(opening: Mapping[str, Any]) -> str:
    opened = f"opened {moment(opening['opened_at'])}"
    if opening["evaluation"] is None:
        return f"{opened}: not looked at yet"
    name, value = next(iter(opening["evaluation"].items()))
    epoch = f"epoch {opening['epoch']} ({opening['which']})"
    return f"{opened}: {epoch}, {name.replace('_', ' ')} {shown(value)}"


def evaluate_run(store: Store, options: argparse.Namespace) -> int:
    """Print which errors a run's network makes on the validation rows."""
    run = store.run(options.run_id)
    epoch = threshold = None
    if options.epoch is not None:
        epoch = typed("epoch", options.epoch, int, "an integer from 1 to the last epoch's number")
    if options.threshold is not None:
        threshold = typed("threshold", options.threshold, float, "a number from 0 to 1")
        if not 0 <= threshold <= 1:
            raise InvalidInput("threshold", "must be a number from 0 to 1", options.threshold)
    evaluation = store.evaluation(run.run_id)
    if evaluation is not None and epoch is not None:
        is_possible = 1 <= epoch <= run.epoch
        evaluation = store.evaluation(run.run_id, epoch - 1) if is_possible else None
        if evaluation is None:
            rule = f"must be the number of an epoch that was evaluated, 1 to {run.epoch}"
            if is_possible:
                rule = "must be the number of an epoch that was evaluated, which this one was not"
            raise InvalidInput("epoch", rule, options.epoch)
    if evaluation is None:
        print(f"{run.name} has no evaluation: {_why_none(run)}.", file=sys.stderr)
        return FAILED
    counts = unpack(evaluation.counts)
    names = _class_names(run, counts)
    chosen = None if options.positive is None else _class_index(options.positive, names)
    if threshold is not None and not names:
        raise InvalidInput("threshold", "must not be given for a regression", options.threshold)
    if threshold is not None and chosen is None and len(names) != 2:
        rule = "must come with --class, one class against the rest"
        raise InvalidInput("threshold", rule, options.threshold)
    answer = {
        "run_id": run.run_id,
        "epoch": evaluation.epoch + 1,
        **summary(counts, threshold=0.5 if threshold is None else threshold, class_index=chosen),
    }
    if options.json:
        print(json.dumps(answer))
        return OK
    print(f"{run.name}, epoch {answer['epoch']}")
    if "class" in answer:
        names = [f"not {names[answer['class']]}", names[answer["class"]]]
    for name, value in answer.items():
        if name in ("run_id", "epoch", "confusion_matrix"):
            continue
        if isinstance(value, list):
            continue
        because = f": {WHY_UNDEFINED[name]}" if value is None and name in WHY_UNDEFINED else ""
        of_class = f" ({names[1]})" if name == "class" else ""
        print(f"  {name:24} {shown(value)}{of_class}{because}")
    by_class = {name: value for name, value in answer.items() if isinstance(value, list)}
    by_class.pop("confusion_matrix", None)
    if by_class:
        _print_classes(by_class, names)
    if "confusion_matrix" in answer:
        _print_matrix(answer["confusion_matrix"], names)
    return OK


def _why_none(run: Run) -> str:
    config = config_of(run)
    if config is not None and not config.validates:
        return "it has no validation data"
    if not run.is_over:
        return "no validation has ended yet"
    if config is None and run.epoch:
        return "its fit() had no EvaluationCounts among the metrics, or no validation data"
    return "no epoch was validated"


def _class_names(run: Run, counts: Counts) -> list[str]:
    if not isinstance(counts, ClassCounts):
        return []
    return run.facts.get("class_names") or [str(index) for index in range(counts.num_classes)]


def _class_index(text: str, names: Sequence[str]) -> int:
    if text in names:
        return names.index(text)
    if text.isascii() and text.isdigit() and int(text) < len(names):
        return int(text)
    rule = f"must be one of {', '.join(names)}" if names else "must not be given for a regression"
    if len(names) > _MAX_PRINTED_CLASSES:
        rule = f"must be the name of a class or its number, 0 to {len(names) - 1}"
    raise InvalidInput("class", rule, text)


def _print_classes(figures: Mapping[str, Sequence[float | None]], names: Sequence[str]) -> None:
    if len(names) > _MAX_PRINTED_CLASSES:
        return
    heads = [name.replace("_", " ") for name in figures]
    rows = []
    for name, row in zip(names, zip(*figures.values(), strict=True), strict=True):
        rows.append((name, *("–" if value is None else shown(value) for value in row)))
    _print_table(("class", *heads), rows, has_lines=False)
    for head, (name, values) in zip(heads, figures.items(), strict=True):
        if None in values:
            print(f"  –: {head} is undefined where {WHY_UNDEFINED[name]}")


def _print_matrix(matrix: Sequence[Sequence[float]], names: Sequence[str]) -> None:
    if len(names) > _MAX_PRINTED_CLASSES:
        print(f"  The matrix and the figures of {len(names):,} classes are in --json.")
        return
    rows = zip(names, matrix, strict=True)
    _print_table(
        ("true / predicted", *names),
        [(name, *(f"{value:,.10g}" for value in row)) for name, row in rows],
    )


def _print_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, has_lines: bool = True
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    # Without lines between the columns more of them fit.
    table = (
        Table(*heads, box=box.HEAVY_HEAD)
        if has_lines
        else Table(*heads, box=None, padding=(0, 2, 0, 0))
    )
    for row in rows:
        table.add_row(*row)
    # Names are somebody's: nothing in them is markup.
    Console(markup=False, emoji=False, highlight=False).print(table)
