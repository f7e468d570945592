"""The command line: `python -m trainer run|list|show|evaluate|stop|pause|resume|…|export`."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from trainer.checkpoints import disk_use, kept
from trainer.choices import MAX_SEED
from trainer.config import RunConfig, parse_choice
from trainer.continuing import fork, resume
from trainer.datasets import DATASETS, uploads
from trainer.errors import InvalidInput, NotPossible, StoreUnusable, TrainerError
from trainer.evaluation.counts import ClassCounts, Counts
from trainer.evaluation.packing import unpack
from trainer.evaluation.summary import summary
from trainer.importing import import_training
from trainer.launch import AbandonedRuns
from trainer.lessons import LESSONS, Scenario, find_lesson
from trainer.lessons.recorded import FOLDER
from trainer.openings import moment, told_openings
from trainer.process import this_process
from trainer.runs import ACTIVE, Claim, CommandName, Run, record_names
from trainer.settings import MEGABYTE, Settings
from trainer.shutdown import Shutdown
from trainer.steering import steer
from trainer.store import Store
from trainer.tables import SUFFIXES
from trainer.tidying import annotate, delete, rename

_Command = Callable[[Store, argparse.Namespace], int]

OK, FAILED, BAD_INPUT = 0, 1, 2

# A wider matrix fits no screen.
_MAX_PRINTED_CLASSES = 30

# What a training is told by each command that takes a run, with its help.
_STEERING: Mapping[str, tuple[CommandName, str]] = {
    "pause": ("pause", "make a training wait before its next step"),
    "step": ("step", "take one step (more), then pause"),
    "epoch": ("epoch", "go on to the end of the epoch, then pause"),
    "speed": ("speed", "slow motion: at most so many epochs a second; 0 is full speed"),
    "rate": ("learning_rate", "go on with another learning rate"),
}

# Choices that have an option of their own.
_OPTIONS = ("target", "loss", "metrics", "epochs", "batch_size", "learning_rate", "seed", "name")


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 bad input."""
    parser = _arguments()
    options = parser.parse_args(arguments)
    try:
        store = Store(Settings.from_environment().store_url)
        AbandonedRuns(store).interrupt()
        command: _Command = options.command
        return command(store, options)
    except TrainerError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return FAILED if isinstance(error, StoreUnusable) else BAD_INPUT


def _arguments() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m trainer", description="Train networks and look at runs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    run = commands.add_parser(
        "run", help="train here, with a progress bar; seen live in an open dashboard"
    )
    run.add_argument(
        "--dataset",
        default="digits",
        help="a dataset's name (default digits), or a CSV, TSV, Parquet or .npz file",
    )
    run.add_argument("--target", help="the column of the file that is predicted")
    run.add_argument("--loss", help="what training minimises")
    run.add_argument("--metrics", help="what is watched, separated by commas")
    for parameter in ("epochs", "batch-size", "learning-rate", "seed"):
        run.add_argument(f"--{parameter}")
    run.add_argument("--name", help="what the run is called")
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other choice, e.g. units=32",
    )
    run.set_defaults(command=_run)

    listing = commands.add_parser("list", help="the newest runs")
    listing.set_defaults(command=_list)
    for name, function, text in (
        ("show", _show, "one run with its history"),
        ("evaluate", _evaluate, "which errors a run's network makes on the validation rows"),
        ("stop", _stop, "ask a run to stop"),
        ("export", _export, "a run's history as CSV, or its Keras code"),
    ):
        one = commands.add_parser(name, help=text)
        one.add_argument("run_id", metavar="RUN")
        one.set_defaults(command=function)
        if name == "evaluate":
            one.add_argument("--epoch", help="counted from 1; default: the last one")
            one.add_argument("--threshold", help="from 0 to 1; default 0.5")
            one.add_argument(
                "--class", dest="positive", help="one class against the rest: its name or number"
            )
        if name == "export":
            one.add_argument("--code", action="store_true", help="the script that trains it again")
            one.add_argument("--output", metavar="FILE", help="default: standard output")
    lesson = commands.add_parser("lesson", help="train a lesson here and check what it showed")
    lesson.add_argument("name", metavar="NAME", nargs="?", help="one of those that --list names")
    lesson.add_argument("--list", action="store_true", help="all lessons with their questions")
    lesson.add_argument("--seed", default="0")
    lesson.add_argument(
        "--record",
        nargs="?",
        const=FOLDER,
        type=Path,
        metavar="FOLDER",
        help="record what a class votes on, for when nothing can be trained",
    )
    lesson.set_defaults(command=_lesson)
    _add_continuing(commands)
    for name, (of_training, text) in _STEERING.items():
        one = commands.add_parser(name, help=text)
        one.add_argument("run_id", metavar="RUN")
        if of_training in ("speed", "learning_rate"):
            one.add_argument("value", metavar="NUMBER")
        one.set_defaults(command=_steer, of_training=of_training)
    for command in commands.choices.values():
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _add_continuing(commands: Any) -> None:
    def one(name: str, function: _Command, text: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = commands.add_parser(name, help=text)
        parser.add_argument("run_id", metavar="RUN")
        parser.set_defaults(command=function)
        return parser

    one("resume", _resume, "let a paused run go on, or train here what was interrupted or stopped")
    more = one("more", _more, "train a run that is over for so many more epochs, here")
    more.add_argument("value", metavar="EPOCHS")
    fork = one("fork", _fork, "train here from a run's checkpoint, with one choice changed")
    fork.add_argument("--set", metavar="KEY=VALUE", required=True, help="the one choice")
    fork.add_argument("--epoch", help="of the checkpoint, counted from 1, or best; default: last")
    fork.add_argument("--epochs", help="how many the fork has in the end, the earlier ones counted")
    rename = one("rename", _rename, "give a run another name")
    rename.add_argument("text", metavar="NAME")
    note = one("note", _note, "write about a run; an empty text takes it back")
    note.add_argument("text", metavar="TEXT")
    one("delete", _delete, "remove a run that is over, its history and its files, for good")


def _run(store: Store, options: argparse.Namespace) -> int:
    config = _config(options)
    claim = store.open_run(
        config.to_dict(),
        worker=this_process(),
        origin="command line",
        name=config.name,
        subject=config.subject,
    )
    return _train(store, claim, options)


def _resume(store: Store, options: argparse.Namespace) -> int:
    if store.run(options.run_id).state in ACTIVE:
        options.of_training = "resume"
        return _steer(store, options)
    return _train(store, resume(store, options.run_id, worker=this_process()), options)


def _more(store: Store, options: argparse.Namespace) -> int:
    more = _typed("epochs", options.value, int, "a positive integer")
    if more < 1:
        raise InvalidInput("epochs", "must be a positive integer", more)
    epochs = store.run(options.run_id).epoch + more
    claim = resume(store, options.run_id, epochs=epochs, worker=this_process())
    return _train(store, claim, options)


def _fork(store: Store, options: argparse.Namespace) -> int:
    parameter, separator, text = options.set.partition("=")
    if not separator:
        raise InvalidInput("--set", "must look like key=value", options.set)
    epoch = epochs = None
    if options.epoch == "best":
        epoch = kept(options.run_id).best
    elif options.epoch not in (None, "last"):
        epoch = _typed("epoch", options.epoch, int, "an integer, last or best") - 1
    if options.epochs is not None:
        epochs = _typed("epochs", options.epochs, int, "a positive integer")
    change = {parameter: parse_choice(parameter, text)}
    claim = fork(store, options.run_id, change, epoch=epoch, epochs=epochs, worker=this_process())
    assert not isinstance(claim, str)
    return _train(store, claim, options)


def _rename(store: Store, options: argparse.Namespace) -> int:
    rename(store, options.run_id, options.text)
    return _tell(store, options)


def _note(store: Store, options: argparse.Namespace) -> int:
    annotate(store, options.run_id, options.text)
    return _tell(store, options)


def _delete(store: Store, options: argparse.Namespace) -> int:
    delete(store, options.run_id)
    print(json.dumps({"run_id": options.run_id, "deleted": True}) if options.json else "deleted")
    return OK


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
        print(json.dumps(_described(store, run)))
    else:
        print(_line(run))
    is_good = state not in ("failed", "diverged", "interrupted")
    if not is_good:
        print(f"{run.name}: {run.message}", file=sys.stderr)
    if training.is_left:
        # The interpreter cannot take itself apart around a step that still runs.
        sys.stdout.flush()
        os._exit(FAILED)
    return OK if is_good else FAILED


def _lesson(store: Store, options: argparse.Namespace) -> int:
    if options.list:
        return _list_lessons(options)
    lesson = find_lesson(options.name)
    seed = _typed("seed", options.seed, int, f"an integer from 0 to {MAX_SEED}")
    lesson.scenarios[0].config(seed)  # a seed that makes no sense is told before Keras is imported
    import_training()
    from trainer.recording import record
    from trainer.teaching import teach

    def tell(scenario: Scenario) -> None:
        if not options.json:
            print(f"training: {scenario.title}", file=sys.stderr)

    try:
        if options.record is not None:
            path = record(store, lesson, seed=seed, shutdown=Shutdown(), folder=options.record)
            print(json.dumps({"recorded": str(path)}) if options.json else f"recorded: {path}")
            return OK
        taught = teach(store, lesson, seed=seed, shutdown=Shutdown(), before=tell)
    except NotPossible as error:
        print(f"{lesson.title}: {error}", file=sys.stderr)
        return FAILED
    if options.json:
        print(json.dumps(taught.to_dict()))
        return OK
    print(f"{lesson.title}: {lesson.predict.text}")
    for figure in taught.figures:
        mark = "yes" if figure.holds else "NO "
        print(f"  {mark}  {figure.name}: {_shown(figure.value)}  ({figure.rule})")
    print(f"holds: {str(taught.holds).lower()}")
    return OK


def _list_lessons(options: argparse.Namespace) -> int:
    if options.json:
        told = [
            {
                "name": lesson.name,
                "title": lesson.title,
                "question": lesson.predict.text,
                "knob": lesson.knob.label,
                "scenarios": [scenario.name for scenario in lesson.scenarios],
            }
            for lesson in LESSONS.values()
        ]
        print(json.dumps({"lessons": told}))
        return OK
    for lesson in LESSONS.values():
        print(f"{lesson.name:22} {lesson.title}: {lesson.predict.text}")
    return OK


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


def _list(store: Store, options: argparse.Namespace) -> int:
    runs = store.runs()
    if options.json:
        print(json.dumps({"runs": [_summary(run) for run in runs]}))
    else:
        for run in runs:
            print(_line(run))
        if not runs:
            print("No runs yet. Start one: python -m trainer run --dataset digits")
    return OK


def _show(store: Store, options: argparse.Namespace) -> int:
    run = store.run(options.run_id)
    if options.json:
        print(json.dumps(_described(store, run)))
        return OK
    print(_line(run))
    if run.message:
        print(run.message)
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
    for opening in told_openings(store.inspections(run.run_id, "test")):
        print(f"  {'test set':18} {_opening_line(opening)}")
    return OK


def _opening_line(opening: Mapping[str, Any]) -> str:
    opened = f"opened {moment(opening['opened_at'])}"
    if opening["evaluation"] is None:
        return f"{opened}: not looked at yet"
    name, value = next(iter(opening["evaluation"].items()))
    epoch = f"epoch {opening['epoch']} ({opening['which']})"
    return f"{opened}: {epoch}, {name.replace('_', ' ')} {_shown(value)}"


def _evaluate(store: Store, options: argparse.Namespace) -> int:
    run = store.run(options.run_id)
    epoch = threshold = None
    if options.epoch is not None:
        epoch = _typed("epoch", options.epoch, int, "an integer from 1 to the last epoch's number")
    if options.threshold is not None:
        threshold = _typed("threshold", options.threshold, float, "a number from 0 to 1")
        if not 0 <= threshold <= 1:
            raise InvalidInput("threshold", "must be a number from 0 to 1", options.threshold)
    evaluation = store.evaluation(run.run_id)
    if evaluation is not None and epoch is not None:
        is_possible = 1 <= epoch <= run.epoch
        evaluation = store.evaluation(run.run_id, epoch - 1) if is_possible else None
        if evaluation is None:
            rule = f"must be the number of an epoch that was evaluated, 1 to {run.epoch}"
            raise InvalidInput("epoch", rule, options.epoch)
    if evaluation is None:
        print(f"{run.name} has no evaluation: no validation has ended yet.", file=sys.stderr)
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
        print(f"  {name:24} {_shown(value)}")
    if "confusion_matrix" in answer:
        _print_matrix(answer["confusion_matrix"], names)
    return OK


def _typed(parameter: str, text: str, kind: type, words: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise InvalidInput(parameter, f"must be {words}", text) from None


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


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name} {_shown(part)}" for name, part in value.items())
    if isinstance(value, list):
        return "  ".join(_shown(part) for part in value)
    if value is None:
        return "undefined"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _print_matrix(matrix: Sequence[Sequence[float]], names: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    if len(names) > _MAX_PRINTED_CLASSES:
        print(f"  The matrix of {len(names):,} classes is in --json.")
        return
    table = Table("true / predicted", *names)
    for name, row in zip(names, matrix, strict=True):
        table.add_row(name, *(f"{value:,.10g}" for value in row))
    # Names are somebody's: nothing in them is markup.
    Console(markup=False, emoji=False, highlight=False).print(table)


def _steer(store: Store, options: argparse.Namespace) -> int:
    name: CommandName = options.of_training
    value = None
    if "value" in options:
        value = _typed(name, options.value, float, "a number")
    steer(store, options.run_id, name, value)
    return _tell(store, options)


def _stop(store: Store, options: argparse.Namespace) -> int:
    store.stop(options.run_id)
    return _tell(store, options)


def _tell(store: Store, options: argparse.Namespace) -> int:
    run = store.run(options.run_id)
    print(json.dumps(_summary(run)) if options.json else _line(run))
    return OK


def _export(store: Store, options: argparse.Namespace) -> int:
    run = store.run(options.run_id)
    if options.code:
        text = _code(run, options)
    elif options.json:
        text = json.dumps(_described(store, run))
    else:
        _, records = store.updates(run.run_id)
        epochs = {record.epoch: record for record in records if record.kind == "epoch"}
        names = record_names(list(epochs.values()))
        lines = _Lines()
        rows = csv.writer(lines, lineterminator="\n")
        rows.writerow(["epoch", *map(_inert, names)])
        for epoch, record in epochs.items():
            # Not every epoch has every value: fit() need not validate after each.
            rows.writerow([epoch + 1, *(record.data.get(name) for name in names)])
        text = "".join(lines).rstrip("\n")
    if options.output is None:
        print(text)
    else:
        _write(options.output, (text + "\n").encode())
    return OK


def _code(run: Run, options: argparse.Namespace) -> str:
    from trainer.keras_code import DATA_FILE, data_file, keras_code, needs_data_file

    if "dataset" not in run.config:
        rule = "must be a run that this program set up; others have their own code"
        raise InvalidInput("--code", rule, run.run_id)
    config = RunConfig.from_dict(run.config)
    if needs_data_file(config):
        if options.output is None:
            rule = f"must be given, because the script's rows go into {DATA_FILE} beside it"
            raise InvalidInput("--output", rule, options.output)
        _write(os.path.join(os.path.dirname(options.output), DATA_FILE), data_file(config))
    code = keras_code(config)
    return json.dumps({"run_id": run.run_id, "code": code}) if options.json else code.rstrip("\n")


def _write(path: str, content: bytes) -> None:
    try:
        with open(path, "wb") as file:
            file.write(content)
    except OSError as error:
        reason = f"must be a file that can be written ({error.strerror})"
        raise InvalidInput("--output", reason, path) from error


class _Lines(list[str]):
    """A list that the CSV writer can write to."""

    write = list.append


def _inert(cell: str) -> str:
    # A spreadsheet would run a cell that begins like a formula, and begin one at a stray return.
    cell = cell.replace("\r", " ")
    return f"'{cell}" if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t")) else cell


def _summary(run: Run) -> dict[str, Any]:
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


def _described(store: Store, run: Run) -> dict[str, Any]:
    history = store.history(run.run_id)
    return {
        **_summary(run),
        "history": history,
        "learning_rates": [
            {"epoch": record.epoch + 1, "step": record.step + 1, **record.data}
            for record in store.learning_rates(run.run_id)
        ],
        "evaluation": _newest_evaluation(store, run, history),
        "test_openings": told_openings(store.inspections(run.run_id, "test")),
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


def _line(run: Run) -> str:
    # While a training goes on, the epoch that is running; then how many it has done.
    epoch = run.epoch + (run.state in ACTIVE)
    progress = f"epoch {min(epoch, run.epochs)} of {run.epochs}" if run.epochs else f"epoch {epoch}"
    return f"{run.run_id}  {run.state:11}  {progress}  {run.seconds:.1f} s  {run.name}"


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


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    sys.exit(main())
