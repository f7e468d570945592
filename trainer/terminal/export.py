"""The command that exports a run: its history as CSV or JSON, its Keras code, or its network."""

from __future__ import annotations

import argparse
import csv
import json
import os

from trainer.checkpoints import load_preprocessing
from trainer.config import RunConfig
from trainer.continuing import kept_epoch
from trainer.errors import InvalidInput
from trainer.importing import import_training
from trainer.runs import Run, record_names
from trainer.store import Store
from trainer.terminal.words import OK, described, typed_epoch

_MODEL_SUFFIX = ".keras"


def export_run(store: Store, options: argparse.Namespace) -> int:
    """Print or write a run's history, or its Keras code, or write its network."""
    run = store.run(options.run_id)
    if options.epoch is not None and not options.model:
        raise InvalidInput("--epoch", "must come with --model", options.epoch)
    if options.model:
        # The file is a network; what is printed is how it is used.
        print(_model(run, options))
        return OK
    if options.code:
        text = _code(run, options)
    elif options.json:
        text = json.dumps(described(store, run))
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


def _model(run: Run, options: argparse.Namespace) -> str:
    if "dataset" not in run.config:
        rule = "must be a run that this program set up; others save their own model"
        raise InvalidInput("--model", rule, run.run_id)
    if options.output is None or not options.output.endswith(_MODEL_SUFFIX):
        rule = f"must be given, a file whose name ends in {_MODEL_SUFFIX}"
        raise InvalidInput("--output", rule, options.output)
    epoch = kept_epoch(run.run_id, typed_epoch(run.run_id, options.epoch))
    config = RunConfig.from_dict(run.config)
    import_training()
    from trainer.exporting import model_file
    from trainer.predicting import predicting_code

    _write(options.output, model_file(run.run_id, config, epoch))
    code = predicting_code(
        config, load_preprocessing(run.run_id), file_name=os.path.basename(options.output)
    )
    if options.json:
        return json.dumps({"run_id": run.run_id, "epoch": epoch + 1, "code": code})
    return code.rstrip("\n")


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
