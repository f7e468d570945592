"""What every command says of a run, and how it reads what was typed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from trainer.checkpoints import disk_use, kept
from trainer.errors import InvalidInput
from trainer.evaluation.packing import unpack
from trainer.evaluation.summary import summary
from trainer.inspections import Inspections
from trainer.openings import openings_before, told_openings
from trainer.runs import ACTIVE, Run
from trainer.store import Store
from trainer.waiting import waiting

OK, FAILED, BAD_INPUT = 0, 1, 2


def typed(parameter: str, text: str, kind: type, words: str) -> Any:
    """Return what a text stands for.

    Raises:
        InvalidInput: It is not of its kind.
    """
    try:
        return kind(text)
    except ValueError:
        raise InvalidInput(parameter, f"must be {words}", text) from None


def typed_epoch(run_id: str, text: str | None) -> int | None:
    """Return the 0-based epoch of a checkpoint that somebody named; None for the last one.

    Raises:
        InvalidInput: It is neither a number nor last or best.
    """
    if text in (None, "last"):
        return None
    if text == "best":
        return kept(run_id).best
    return int(typed("epoch", text, int, "an integer, last or best")) - 1


def shown(value: Any) -> str:
    """Return a value for people."""
    if isinstance(value, dict):
        return "  ".join(f"{name} {shown(part)}" for name, part in value.items())
    if value is None:
        return "undefined"
    if not isinstance(value, float):
        return str(value)
    # Of a small one four decimals would be zeros.
    return f"{value:.3g}" if 0 < abs(value) < 0.001 else f"{value:.4f}"


def line(run: Run) -> str:
    """Return a run in a line."""
    # While a training goes on, the epoch that is running; then how many it has done.
    epoch = run.epoch + (run.state in ACTIVE)
    progress = f"epoch {min(epoch, run.epochs)} of {run.epochs}" if run.epochs else f"epoch {epoch}"
    return f"{run.run_id}  {run.state:11}  {progress}  {run.seconds:.1f} s  {run.name}"


def tell(store: Store, options: argparse.Namespace) -> int:
    """Print the run that a command was about."""
    run = store.run(options.run_id)
    print(json.dumps(summary_of(run)) if options.json else line(run))
    return OK


def summary_of(run: Run) -> dict[str, Any]:
    """Return a run in values for JSON, without its history."""
    return {
        "run_id": run.run_id,
        "name": run.name,
        "state": run.state,
        "message": run.message,
        "epochs": run.epoch,
        "seconds": run.seconds,
        "config": dict(run.config),
        "parent": None if run.parent is None else run.parent._asdict(),
        "note": run.note,
        "disk_bytes": disk_use(run.run_id),
    }


def described(store: Store, run: Run) -> dict[str, Any]:
    """Return a run in values for JSON, as `run --json` and `show --json` print it."""
    history = store.history(run.run_id)
    waits = waiting(store, run)
    inspections = Inspections(store)
    return {
        **summary_of(run),
        "queue_place": None if waits is None else waits.place,
        "queue_seconds": None if waits is None else waits.seconds,
        "history": history,
        "learning_rates": [
            {"epoch": record.epoch + 1, "step": record.step + 1, **record.data}
            for record in store.learning_rates(run.run_id)
        ],
        "evaluation": _newest_evaluation(store, run, history),
        "test_openings": told_openings(inspections.of_run(run.run_id, "test")),
        "test_openings_before": openings_before(run, inspections.num_openings, store.run),
    }


def _newest_evaluation(
    store: Store, run: Run, history: Mapping[str, Sequence[float | None]]
) -> dict[str, Any]:
    held_out = {
        name.removeprefix("val_"): values
        for name, values in history.items()
        if name.startswith("val_")
    }
    # fit() need not validate after each epoch.
    validated = [
        place
        for values in held_out.values()
        for place, value in enumerate(values)
        if value is not None
    ]
    logged = {name: values[max(validated, default=-1)] for name, values in held_out.items()}
    evaluation = store.evaluation(run.run_id)
    if evaluation is None:
        return logged
    # Keras logs 0 where a ratio is undefined; the counts know better.
    return {**logged, "epoch": evaluation.epoch + 1, **summary(unpack(evaluation.counts))}
