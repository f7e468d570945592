"""The command line: `python -m trainer run|list|show|evaluate|stop|pause|resume|…|export`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from trainer.errors import RunNotFound, StoreUnusable, TrainerError
from trainer.launch import AbandonedRuns
from trainer.lessons.recorded import FOLDER
from trainer.settings import Settings
from trainer.store import Store
from trainer.terminal.change import STEERING, delete_run, note_run, rename_run, steer_run, stop_run
from trainer.terminal.export import export_run
from trainer.terminal.lesson import run_lesson
from trainer.terminal.look import evaluate_run, list_runs, show_run
from trainer.terminal.train import fork_here, resume_here, run_here, train_more
from trainer.terminal.words import BAD_INPUT, FAILED

_RUN = "the run's id, as list prints it and the page's address has it"

_Command = Callable[[Store, argparse.Namespace], int]


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
        hint = f" `{parser.prog} list` shows the ids." if isinstance(error, RunNotFound) else ""
        print(f"{parser.prog}: {error}{hint}", file=sys.stderr)
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
    run.set_defaults(command=run_here)

    listing = commands.add_parser("list", help="the newest runs")
    listing.set_defaults(command=list_runs)
    for name, function, text in (
        ("show", show_run, "one run with its history"),
        ("evaluate", evaluate_run, "which errors a run's network makes on the validation rows"),
        ("stop", stop_run, "ask a run to stop"),
        ("export", export_run, "a run's history as CSV, its Keras code, or its network"),
    ):
        one = commands.add_parser(name, help=text)
        one.add_argument("run_id", metavar="RUN", help=_RUN)
        one.set_defaults(command=function)
        if name == "evaluate":
            one.add_argument("--epoch", help="counted from 1; default: the last one")
            one.add_argument("--threshold", help="from 0 to 1, in steps of 0.001; default 0.5")
            one.add_argument(
                "--class", dest="positive", help="one class against the rest: its name or number"
            )
        if name == "export":
            what = one.add_mutually_exclusive_group()
            what.add_argument("--code", action="store_true", help="the script that trains it again")
            what.add_argument(
                "--model", action="store_true", help="its network, as a .keras file that predicts"
            )
            one.add_argument(
                "--epoch", help="of the network: counted from 1, or best; default: last"
            )
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
    lesson.set_defaults(command=run_lesson)
    _add_continuing(commands)
    for name, (of_training, text) in STEERING.items():
        one = commands.add_parser(name, help=text)
        one.add_argument("run_id", metavar="RUN", help=_RUN)
        if of_training in ("speed", "learning_rate"):
            one.add_argument("value", metavar="NUMBER")
        one.set_defaults(command=steer_run, of_training=of_training)
    for command in commands.choices.values():
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _add_continuing(commands: Any) -> None:
    def one(name: str, function: _Command, text: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = commands.add_parser(name, help=text)
        parser.add_argument("run_id", metavar="RUN", help=_RUN)
        parser.set_defaults(command=function)
        return parser

    one(
        "resume",
        resume_here,
        "let a paused run go on, or train here what was interrupted or stopped",
    )
    more = one("more", train_more, "train a run that is over for so many more epochs, here")
    more.add_argument("value", metavar="EPOCHS")
    fork = one("fork", fork_here, "train here from a run's checkpoint, with one choice changed")
    fork.add_argument(
        "--set", metavar="KEY=VALUE", action="append", required=True, help="the one choice"
    )
    fork.add_argument("--epoch", help="of the checkpoint, counted from 1, or best; default: last")
    fork.add_argument("--epochs", help="how many the fork has in the end, the earlier ones counted")
    rename = one("rename", rename_run, "give a run another name")
    rename.add_argument("text", metavar="NAME")
    note = one("note", note_run, "write about a run; an empty text takes it back")
    note.add_argument("text", metavar="TEXT")
    one("delete", delete_run, "remove a run that is over, its history and its files, for good")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    sys.exit(main())
