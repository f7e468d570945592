"""The commands that train here: run, resume, more and fork."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import threading
from pathlib import Path

from trainer import continuing
from trainer.config import RunConfig, parse_choice
from trainer.datasets import DATASETS, uploads
from trainer.errors import InvalidInput, StoreUnusable
from trainer.importing import import_training
from trainer.process import this_process
from trainer.runs import ACTIVE, Claim
from trainer.settings import Settings
from trainer.shutdown import Shutdown
from trainer.store import Store
from trainer.tables import SUFFIXES
from trainer.terminal.change import steer_run
from trainer.terminal.words import FAILED, OK, described, line, typed, typed_epoch

# Choices that have an option of their own.
_OPTIONS = ("target", "loss", "metrics", "epochs", "batch_size", "learning_rate", "seed", "name")


def run_here(store: Store, options: argparse.Namespace) -> int:
    """Train a set-up."""
    config = _config(options)
    claim = store.open_run(
        config.to_dict(),
        worker=this_process(),
        origin="command line",
        name=config.name,
        subject=config.subject,
    )
    return _train(store, claim, options)


def resume_here(store: Store, options: argparse.Namespace) -> int:
    """Let a paused run go on, or train on what was interrupted or stopped."""
    if store.run(options.run_id).state in ACTIVE:
        options.of_training = "resume"
        return steer_run(store, options)
    return _train(store, continuing.resume(store, options.run_id, worker=this_process()), options)


def train_more(store: Store, options: argparse.Namespace) -> int:
    """Train a run that is over for more epochs."""
    more = typed("epochs", options.value, int, "a positive integer")
    if more < 1:
        raise InvalidInput("epochs", "must be a positive integer", more)
    epochs = store.run(options.run_id).epoch + more
    claim = continuing.resume(store, options.run_id, epochs=epochs, worker=this_process())
    return _train(store, claim, options)


def fork_here(store: Store, options: argparse.Namespace) -> int:
    """Train from a run's checkpoint, with one choice changed."""
    if len(options.set) != 1:
        raise InvalidInput("--set", "must be given once: a fork changes one choice", options.set)
    parameter, separator, text = options.set[0].partition("=")
    if not separator:
        raise InvalidInput("--set", "must look like key=value", options.set[0])
    epoch = typed_epoch(options.run_id, options.epoch)
    epochs = None
    if options.epochs is not None:
        epochs = typed("epochs", options.epochs, int, "a positive integer")
    change = {parameter: parse_choice(parameter, text)}
    claim = continuing.fork(
        store, options.run_id, change, epoch=epoch, epochs=epochs, worker=this_process()
    )
    assert not isinstance(claim, str)
    return _train(store, claim, options)


def _train(store: Store, claim: Claim | None, options: argparse.Namespace) -> int:
    assert claim is not None
    shutdown = Shutdown()
    import_training()
    from trainer.recorder import Recorder
    from trainer.training import Training

    run = store.run(claim.run_id)
    config = RunConfig.from_dict(run.config)
    recorder = Recorder(store, claim, seconds_before=run.seconds)
    with _Progress(store, claim.run_id, config.epochs, quiet=options.json):
        training = Training(
            config,
            recorder,
            before=run,
            shutdown=shutdown,
            checkpoint_bytes=Settings.from_environment().checkpoint_bytes,
        )
        state = training.run()
    run = store.run(claim.run_id)
    if options.json:
        print(json.dumps(described(store, run)))
    else:
        print(line(run))
    is_good = state not in ("failed", "diverged", "interrupted")
    if not is_good:
        print(f"{run.name}: {run.message}", file=sys.stderr)
    if training.is_left:
        # The interpreter cannot take itself apart around a step that still runs.
        sys.stdout.flush()
        os._exit(FAILED)
    return OK if is_good else FAILED


def _config(options: argparse.Namespace) -> RunConfig:
    typed = {name: value for name in _OPTIONS if (value := getattr(options, name)) is not None}
    for choice in options.set:
        parameter, separator, value = choice.partition("=")
        if not separator:
            raise InvalidInput("--set", "must look like key=value", choice)
        typed[parameter] = value
    choices = {parameter: parse_choice(parameter, text) for parameter, text in typed.items()}
    dataset = str(choices.pop("dataset", options.dataset))
    return RunConfig.create(_brought(dataset), **choices)


def _brought(dataset: str) -> str:
    """Return a dataset's name; a file is read and kept first."""
    path = Path(dataset)
    is_file = path.suffix.lower() in SUFFIXES or os.sep in dataset
    if dataset in DATASETS or not is_file:
        return dataset
    try:
        with open(path, "rb") as file:
            return uploads.add(file, file_name=path.name, owner="command line").name
    except OSError as error:
        reason = f"must be a file that can be read and kept ({error.strerror})"
        raise InvalidInput("dataset", reason, dataset) from error


class _Progress:
    """A progress bar on standard error, fed from the store like any other view of the run."""

    def __init__(self, store: Store, run_id: str, epochs: int, *, quiet: bool) -> None:
        self._store = store
        self._run_id = run_id
        self._epochs = epochs
        self._over = threading.Event()
        self._thread = None if quiet else threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> None:
        if self._thread is not None:
            self._thread.start()

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("Starting", total=self._epochs)
            while True:
                is_last = self._over.wait(0.1)
                # A look that fails is made up for by the next one.
                with contextlib.suppress(StoreUnusable):
                    run = self._store.run(self._run_id)
                    loss = self._store.last_logs(self._run_id).get("loss")
                    shown = run.message or (f"loss {loss:.4g}" if loss is not None else run.state)
                    progress.update(task, completed=run.epoch, description=shown)
                if is_last:
                    return
