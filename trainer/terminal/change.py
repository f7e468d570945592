"""The commands that change a run: steering, stop, rename, note and delete."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping

from trainer.runs import CommandName
from trainer.steering import steer
from trainer.store import Store
from trainer.terminal.words import OK, tell, typed
from trainer.tidying import annotate, delete, rename

# What a training is told by each command that takes a run, with its help.
STEERING: Mapping[str, tuple[CommandName, str]] = {
    "pause": ("pause", "make a training wait before its next step"),
    "step": ("step", "take one step (more), then pause"),
    "epoch": ("epoch", "go on to the end of the epoch, then pause"),
    "speed": ("speed", "slow motion: at most so many epochs a second; 0 is full speed"),
    "rate": ("learning_rate", "go on with another learning rate"),
}


def steer_run(store: Store, options: argparse.Namespace) -> int:
    """Tell a training what the command says."""
    name: CommandName = options.of_training
    value = None
    if "value" in options:
        value = typed(name, options.value, float, "a number")
    steer(store, options.run_id, name, value)
    return tell(store, options)


def stop_run(store: Store, options: argparse.Namespace) -> int:
    """Ask a run to stop."""
    store.stop(options.run_id)
    return tell(store, options)


def rename_run(store: Store, options: argparse.Namespace) -> int:
    """Give a run another name."""
    rename(store, options.run_id, options.text)
    return tell(store, options)


def note_run(store: Store, options: argparse.Namespace) -> int:
    """Write about a run."""
    annotate(store, options.run_id, options.text)
    return tell(store, options)


def delete_run(store: Store, options: argparse.Namespace) -> int:
    """Remove a run for good."""
    delete(store, options.run_id)
    print(json.dumps({"run_id": options.run_id, "deleted": True}) if options.json else "deleted")
    return OK
