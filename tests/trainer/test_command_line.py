"""The command line: exit codes, one line for bad input, one JSON object, safe exports."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import trainer.datasets
from tests.waiting import wait_until
from trainer.__main__ import main
from trainer.checkpoints import Checkpoint, Checkpoints
from trainer.config import RunConfig
from trainer.datasets import DATASETS
from trainer.evaluation.counters import class_counter, regression_counter
from trainer.evaluation.counts import ClassCounts, Counts, RegressionCounts
from trainer.evaluation.packing import pack
from trainer.inspections import Inspections
from trainer.keras_code import keras_code
from trainer.lessons import LESSONS
from trainer.process import this_process
from trainer.runs import Command, Evaluation, Parent, Record, Scores
from trainer.settings import Settings
from trainer.store import Store

QUICK = ["--dataset", "iris", "--epochs", "2", "--set", "units=4"]


@pytest.fixture(autouse=True)
def handlers():
    """Give back the signal handlers that a training of this process takes."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def store(data_folder):
    opened = Store(Settings.from_environment().store_url)
    yield opened
    opened.close()


@pytest.fixture
def call(capsys):
    """Run a command in this process; return its exit code, standard output and error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as exit:
            code = int(exit.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


# -- run ---------------------------------------------------------------------------------------


def test_a_run_prints_one_json_object_last_and_the_dashboard_sees_it(call, store):
    code, out, err = call(
        *("run", "--dataset", "digits", "--epochs", "3", "--batch-size", "16", "--seed", "7"),
        *("--metrics", "accuracy,top_3_accuracy", "--set", "units=8", "--json"),
    )
    assert (code, err) == (0, "")
    result = json.loads(out.splitlines()[-1])
    assert {"run_id", "state", "epochs", "seconds", "config", "history", "evaluation"} <= set(
        result
    )
    assert (result["state"], result["epochs"]) == ("finished", 3)
    assert result["seconds"] > 0
    chosen = {name: result["config"][name] for name in ("dataset", "batch_size", "seed", "units")}
    assert chosen == {"dataset": "digits", "batch_size": 16, "seed": 7, "units": 8}
    names = ["loss", "accuracy", "top_3_accuracy"]
    assert set(result["history"]) == {*names, *(f"val_{name}" for name in names)}
    assert all(len(values) == 3 for values in result["history"].values())
    last = {name: result["history"][f"val_{name}"][-1] for name in names}
    told = result["evaluation"]
    # Keras' own figure is a float32.
    assert {name: told[name] for name in names} == pytest.approx(last, abs=1e-6)
    assert told["epoch"] == 3
    assert np.sum(told["confusion_matrix"]) == told["rows"] == sum(told["support"]) == 288
    right = np.trace(told["confusion_matrix"])
    assert told["accuracy"] == right / told["rows"]
    for name in ("precision", "recall", "f1", "average_precision", "roc_auc", "support"):
        assert len(told[name]) == 10
    assert result["test_openings"] == []
    run = store.run(result["run_id"])
    assert (run.state, run.origin) == ("finished", "command line")
    assert store.history(run.run_id) == result["history"]


def test_a_run_takes_what_bends_the_data_like_any_other_choice(call):
    bends = {"num_samples": 60, "noise": 0.5, "label_noise": 0.25, "imbalance": 0.6}
    code, out, err = call(
        *("run", "--dataset", "wine", "--epochs", "1", "--batch-size", "16", "--json"),
        *(part for name, value in bends.items() for part in ("--set", f"{name}={value}")),
        *("--set", "leak=scaling"),
    )
    assert code == 0, err
    config = json.loads(out.splitlines()[-1])["config"]
    assert {name: config[name] for name in bends} == bends
    assert config["leak"] == "scaling"
    code, out, err = call("run", "--dataset", "digits", "--set", "leak=scaling")
    assert (code, out) == (2, "")
    assert err.endswith(
        "leak must make sense for digits: one of none, duplicated_rows. Got 'scaling'.\n"
    )


def with_iris(monkeypatch, load) -> None:
    """Put another loader behind the dataset."""
    spec = dataclasses.replace(DATASETS["iris"], load=load)
    monkeypatch.setattr(trainer.datasets, "DATASETS", {**DATASETS, "iris": spec})


def test_a_message_that_looks_like_markup_is_shown_as_it_is(call, monkeypatch):
    def load(options):
        raise ValueError("[/job:localhost] is gone")

    with_iris(monkeypatch, load)
    code, _, err = call("run", *QUICK, "--name", "mine")
    assert code == 1
    assert err.startswith("ValueError: [/job:localhost] is gone ")
    assert err.splitlines()[-1] == "mine: ValueError: [/job:localhost] is gone"


def test_a_run_shows_its_progress_and_its_end_though_the_store_cannot_be_read_for_a_while(
    call, store, monkeypatch, data_folder, caplog
):
    load_iris = DATASETS["iris"].load

    def load(options):
        with contextlib.closing(sqlite3.connect(data_folder / "runs.sqlite")) as another:
            another.execute("ALTER TABLE runs RENAME COLUMN pulse TO beat")
            wait_until(lambda: "nothing was recorded" in caplog.text, "the store was missed")
            another.execute("ALTER TABLE runs RENAME COLUMN beat TO pulse")
        return load_iris(options)

    with_iris(monkeypatch, load)
    code, out, err = call("run", *QUICK, "--name", "mine")
    (run,) = store.runs()
    assert code == 0
    assert out.splitlines()[-1].startswith(run.run_id)
    assert "finished" in out
    assert "epoch 2 of 2" in out
    assert out.rstrip().endswith("mine")
    assert "loss" in err
    assert "2/2" in err


def test_ctrl_c_interrupts_the_run_and_keeps_its_epochs(call, store):
    def press() -> None:
        wait_until(lambda: any(run.epoch >= 2 for run in store.runs()), "some epochs are finished")
        os.kill(os.getpid(), signal.SIGINT)

    with ThreadPoolExecutor(1) as pool:
        pressed = pool.submit(press)
        code, _, err = call("run", *QUICK, "--set", "epochs=100000")
        pressed.result()
    (run,) = store.runs()
    assert (code, run.state) == (1, "interrupted")
    assert "Traceback" not in err
    assert run.message in " ".join(err.split())
    assert len(store.history(run.run_id)["loss"]) == run.epoch >= 2


def test_a_training_that_diverges_exits_with_1_and_says_where(call):
    code, out, err = call(
        *("run", "--dataset", "diabetes", "--epochs", "20", "--learning-rate", "1e9", "--json"),
        *("--set", "optimizer=sgd"),
    )
    result = json.loads(out.splitlines()[-1])
    assert code == 1
    assert result["state"] == "diverged"
    assert result["epochs"] < 20
    assert "The loss stopped being a finite number" in result["message"]
    assert err.count("\n") == 1
    assert result["message"] in err


BAD_INPUT = [
    (["run", "--epochs", "0"], "epochs must be a positive integer. Got 0."),
    (["run", "--epochs", "-1"], "epochs must be a positive integer. Got -1."),
    (["run", "--epochs", "1000000000"], "epochs must be at most 100,000. Got 1000000000."),
    (["run", "--epochs", "five"], "epochs must be an integer. Got 'five'."),
    (["run", "--batch-size", "0"], "batch_size must be a positive integer. Got 0."),
    (
        ["run", "--dataset", "iris", "--batch-size", "121"],
        "batch_size must be at most the number of training rows, 96. Got 121.",
    ),
    (["run", "--learning-rate", "nan"], "learning_rate must be a positive number. Got nan."),
    (["run", "--learning-rate", "1e400"], "learning_rate must be a positive number. Got inf."),
    (["run", "--seed", "-1"], "seed must be an integer from 0 to 2147483647. Got -1."),
    (["run", "--dataset", "nonsense"], "dataset must be one of digits, "),
    (["run", "--dataset", ""], "dataset must be one of digits, "),
    (
        ["run", "--loss", "binary_crossentropy"],
        "loss must fit the multiclass target of digits: one of sparse_categorical_crossentropy, ",
    ),
    (["run", "--metrics", "auc"], "metrics must fit the multiclass target of digits: "),
    (["run", "--metrics", "accuracy,nope"], "metrics must be one of accuracy, "),
    (["run", "--set", "units"], "--set must look like key=value. Got 'units'."),
    (["run", "--set", "nope=1"], "parameter must be one of dataset, "),
    (["run", "--set", "dataset=nope"], "dataset must be one of digits, "),
    (["run", "--set", "validation_split=1"], "validation_split must be a number from 0 to 0.9."),
    (["run", "--set", "layers=flatten dense(0)"], "Layer 2, dense(0): units must be an integer"),
    (["run", "--set", "layers=max_pool(9)"], "Layer 1, max_pool(9): needs at least 9 × 9 pixels."),
    (["run", "--set", "class_weight=1:19"], "class_weight must be none, balanced. Got '1:19'."),
    (["run", "--set", "restore_best=maybe"], "restore_best must be true or false. Got 'maybe'."),
    (["run", "--set", "early_stopping=val_auc"], "early_stopping must be one of none, val_loss, "),
    (["run", "--set", "schedule=slow"], "schedule must be one of constant, cosine, "),
    (["run", "--nonsense"], "unrecognized arguments: --nonsense"),
    (["nonsense"], "invalid choice: 'nonsense'"),
    ([], "required"),
    (["show"], "required"),
    (["show", "nope"], "There is no run with the id 'nope'."),
    (["show", "\udcff"], "There is no run with the id "),
    (["stop", "nope"], "There is no run with the id 'nope'."),
    (["export", "nope"], "There is no run with the id 'nope'."),
    (["lesson", "nope"], "lesson must be one of epochs_and_batches, batch_size_zero, "),
    (["lesson"], "lesson must be one of epochs_and_batches, batch_size_zero, "),
    (["lesson", "fraud", "--seed", "-1"], "seed must be an integer from 0 to 2147483647. Got -1."),
    (["lesson", "fraud", "--seed", "x"], "seed must be an integer from 0 to 2147483647. Got 'x'."),
]


@pytest.mark.parametrize(("arguments", "sentence"), BAD_INPUT, ids=lambda value: str(value)[:40])
def test_bad_input_is_one_line_and_exit_code_2_before_anything_starts(
    call, store, arguments, sentence
):
    code, out, err = call(*arguments)
    assert code == 2
    assert out == ""
    assert sentence in err
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert store.runs() == []


def test_bad_input_in_a_real_process_has_no_traceback_and_loads_no_tensorflow(data_folder):
    command = [sys.executable, "-X", "importtime", "-m", "trainer", "run", "--batch-size", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert done.returncode == 2
    assert done.stdout == ""
    assert lines == ["python -m trainer: batch_size must be a positive integer. Got 0."]
    assert "tensorflow" not in done.stderr


@pytest.mark.parametrize("setting", ["DASHBOARD_SLOTS", "DASHBOARD_STORE", "DASHBOARD_HOME"])
def test_a_setting_that_makes_no_sense_is_one_line(call, monkeypatch, tmp_path, setting):
    file = tmp_path / "file"
    file.write_text("in the way")
    monkeypatch.setenv(setting, str(file))
    code, out, err = call("list")
    assert code in (1, 2)
    assert out == ""
    assert err.count("\n") == 1


def test_a_store_that_is_damaged_is_one_line_and_exit_code_1(call, data_folder):
    data_folder.mkdir()
    (data_folder / "runs.sqlite").write_bytes(b"no database\n" * 500)
    for command in (["list"], ["run", *QUICK]):
        code, out, err = call(*command)
        assert (code, out) == (1, "")
        assert err.count("\n") == 1
        assert "left as it is" in err


# -- list, show, stop --------------------------------------------------------------------------


@pytest.fixture
def trained(store) -> str:
    """A run with three epochs, as another program recorded it."""
    config = {"dataset": "iris", "epochs": 3, "metrics": ["accuracy"]}
    claim = store.open_run(config, worker=this_process(), origin="callback", name="theirs")
    store.write(claim, state="training")
    epochs = [
        {"loss": 0.5, "=cmd()": 1.0, "val_loss": 0.75},
        {"loss": None, "=cmd()": -2.0},
        {"loss": 0.25, "=cmd()": 3.0, "val_loss": 0.5},
    ]
    records = [
        Record(kind="epoch", epoch=number, data=data) for number, data in enumerate(epochs, 1)
    ]
    store.write(claim, first_seq=1, records=records, epoch=4, seconds=2.5, state="finished")
    return claim.run_id


def test_without_runs_the_list_says_how_to_make_one(call):
    assert call("list") == (
        0,
        "No runs yet. Start one: python -m trainer run --dataset digits\n",
        "",
    )
    assert call("list", "--json") == (0, '{"runs": []}\n', "")


def test_the_list_has_the_newest_first(call, store, trained):
    queued = store.create_run({"dataset": "wine"})
    code, out, _ = call("list")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()] == [
        [queued, "queued"],
        [trained, "finished"],
    ]
    listed = json.loads(call("list", "--json")[1])["runs"]
    assert [run["run_id"] for run in listed] == [queued, trained]
    assert listed[1]["epochs"] == 4
    assert listed[1]["seconds"] == 2.5


_RUN_WITH_A_STEP_WITHOUT_END = """
import dataclasses, sys, threading
import trainer.datasets
from trainer.__main__ import main
from trainer.datasets import DATASETS
def load(options):
    print("stuck", flush=True)
    threading.Event().wait()
spec = dataclasses.replace(DATASETS["iris"], load=load)
trainer.datasets.DATASETS = {**DATASETS, "iris": spec}
sys.exit(main(["run", "--dataset", "iris"]))
"""


def test_a_second_ctrl_c_does_not_wait_for_the_step_that_runs(store):
    command = [sys.executable, "-c", _RUN_WITH_A_STEP_WITHOUT_END]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "stuck\n"
        process.send_signal(signal.SIGINT)
        run_id = store.runs()[0].run_id
        pulse = store.run(run_id).pulse
        wait_until(lambda: store.run(run_id).pulse > pulse + 1, "the first one changed nothing")
        process.send_signal(signal.SIGINT)
        try:
            wait_until(lambda: process.poll() is not None, "the process has ended")
        finally:
            process.kill()
    assert process.returncode == 1
    assert store.run(run_id).state == "interrupted"


@pytest.mark.parametrize(
    ("epoch", "state", "words"),
    [
        (0, "starting", "epoch 1 of 5"),
        (2, "training", "epoch 3 of 5"),
        (5, "training", "epoch 5 of 5"),
        (2, "stopped", "epoch 2 of 5"),
        (5, "finished", "epoch 5 of 5"),
    ],
)
def test_the_list_says_which_epoch_is_running_or_how_many_are_done(
    call, store, epoch, state, words
):
    claim = store.open_run({"epochs": 5}, worker=this_process(), origin="callback")
    store.write(claim, epoch=epoch, state=state)
    assert f"  {words}  " in call("list")[1]


def test_show_tells_what_is_known_of_a_run(call, trained):
    code, out, _ = call("show", trained)
    assert code == 0
    assert out.startswith(trained)
    assert "theirs" in out
    assert "dataset            iris" in out
    shown = json.loads(call("show", trained, "--json")[1])
    assert shown["history"]["loss"] == [0.5, None, 0.25]
    assert shown["evaluation"] == {"loss": 0.5}
    assert shown["config"]["metrics"] == ["accuracy"]


def test_show_of_a_run_that_was_not_trained_yet(call, store):
    run_id = store.create_run({"dataset": "iris"})
    assert call("show", run_id)[0] == 0
    shown = json.loads(call("show", run_id, "--json")[1])
    assert (shown["history"], shown["evaluation"], shown["epochs"]) == ({}, {}, 0)


def test_show_of_a_run_that_waits_tells_its_place_and_why_nobody_knows_how_long(call, store):
    first, second = (store.create_run({"dataset": "iris"}) for _ in range(2))
    assert "place 1 in the queue, begins in about 0 s" in call("show", first)[1]
    store.write(store.claim_next(this_process(), slots=1), state="paused")
    told = call("show", second)[1]
    assert "place 1 in the queue\n" in told
    assert "It waits for a run that is paused" in told
    shown = json.loads(call("show", second, "--json")[1])
    assert (shown["queue_place"], shown["queue_seconds"]) == (1, None)


def test_stop_ends_a_queued_run_and_asks_a_training_one(call, store):
    queued = store.create_run({})
    claim = store.open_run({}, worker=this_process(), origin="callback")
    assert json.loads(call("stop", queued, "--json")[1])["state"] == "stopped"
    code, out, _ = call("stop", claim.run_id)
    assert (code, out.split()[0]) == (0, claim.run_id)
    assert store.take_commands(claim.run_id) == [Command("stop")]


def test_stop_after_the_end_leaves_the_run_as_it_is(call, trained):
    assert json.loads(call("stop", trained, "--json")[1])["state"] == "finished"


STEERING = [
    (["pause"], Command("pause")),
    (["resume"], Command("resume")),
    (["step"], Command("step")),
    (["epoch"], Command("epoch")),
    (["speed", "0.5"], Command("speed", 0.5)),
    (["rate", "1e-4"], Command("learning_rate", 1e-4)),
]


@pytest.mark.parametrize(("words", "command"), STEERING)
def test_a_training_is_steered_by_one_word_and_its_run(call, store, words, command):
    claim = store.open_run({}, worker=this_process(), origin="callback")
    verb, *number = words
    code, out, _ = call(verb, claim.run_id, *number, "--json")
    assert (code, json.loads(out)["run_id"]) == (0, claim.run_id)
    assert store.take_commands(claim.run_id) == [command]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["pause"], "The run must be training for that. It is finished."),
        (["speed", "fast"], "speed must be a number. Got 'fast'."),
        (["rate", "-1"], "learning_rate must be a positive number. Got -1.0."),
    ],
)
def test_what_cannot_be_steered_is_one_line(call, trained, words, sentence):
    verb, *number = words
    code, out, err = call(verb, trained, "--", *number)
    assert (code, out) == (2, "")
    assert err == f"python -m trainer: {sentence}\n"


def test_a_run_is_continued_extended_and_forked_here(call, store):
    run_id = store.create_run(RunConfig.create("iris", epochs=2, units=4).to_dict())
    call("stop", run_id)
    code, out, _ = call("resume", run_id, "--json")
    resumed = json.loads(out)
    assert (code, resumed["state"], resumed["epochs"]) == (0, "finished", 2)
    assert store.run(run_id).attempt == 1
    code, _, err = call("resume", run_id)
    assert (code, err) == (
        2,
        "python -m trainer: The run has had all its 2 epochs; give it more.\n",
    )
    code, out, _ = call("more", run_id, "1", "--json")
    more = json.loads(out)
    assert (code, more["state"], more["epochs"]) == (0, "finished", 3)
    assert len(more["history"]["loss"]) == 3
    assert more["disk_bytes"] > 0
    choice = ("--set", "learning_rate=0.5", "--epochs", "5", "--json")
    code, out, _ = call("fork", run_id, *choice)
    forked = json.loads(out)
    assert (code, forked["epochs"], len(forked["history"]["loss"])) == (0, 5, 2)
    assert (forked["parent"]["run_id"], forked["parent"]["epoch"]) == (run_id, 2)
    assert forked["config"]["learning_rate"] == 0.5
    _, out, _ = call("show", forked["run_id"])
    assert f"({run_id}) after epoch 3: learning_rate 0.01 → 0.5" in out
    assert "checkpoints after epoch" in out
    code, out, _ = call("fork", run_id, "--epoch", "best", "--set", "l2=0.1", "--json")
    assert (code, json.loads(out)["config"]["l2"]) == (0, 0.1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["more", "{}", "0"], "epochs must be a positive integer. Got 0."),
        (["more", "{}", "some"], "epochs must be a positive integer. Got 'some'."),
        (["fork", "{}", "--set", "l2"], "--set must look like key=value. Got 'l2'."),
        (
            ["fork", "{}", "--set", "l2=0.1", "--set", "l1=1"],
            "--set must be given once: a fork changes one choice. Got ['l2=0.1', 'l1=1'].",
        ),
        (["fork", "{}", "--set", "l2=0.1"], "The run has no checkpoint to go on from."),
        (["rename", "{}", " "], "name must be 1 to 80 printable characters. Got ''."),
        (
            ["delete", "nonsense"],
            "There is no run with the id 'nonsense'. `python -m trainer list` shows the ids.",
        ),
    ],
)
def test_what_cannot_be_done_with_a_run_is_one_line(call, store, words, sentence):
    claim = store.open_run(
        RunConfig.create("iris").to_dict(), worker=this_process(), origin="callback"
    )
    store.write(claim, state="finished")
    code, out, err = call(*(word.format(claim.run_id) for word in words))
    assert (code, out) == (2, "")
    assert err == f"python -m trainer: {sentence}\n"


def test_a_run_is_renamed_annotated_and_deleted(call, store, trained, data_folder):
    Checkpoints(trained).save(Checkpoint(epoch=0, weights=[np.zeros(3, "float32")]))
    assert json.loads(call("rename", trained, "best yet", "--json")[1])["name"] == "best yet"
    assert json.loads(call("note", trained, "try more", "--json")[1])["note"] == "try more"
    assert "try more" in call("show", trained)[1]
    assert json.loads(call("note", trained, "", "--json")[1])["note"] == ""
    assert json.loads(call("delete", trained, "--json")[1]) == {"run_id": trained, "deleted": True}
    assert store.runs() == []
    assert list((data_folder / "checkpoints").iterdir()) == []


def test_any_command_marks_runs_whose_process_is_gone(call, store):
    host, pid, start = this_process().rsplit(":", 2)
    worker = f"{host}:{pid}:{float(start) - 100:.2f}"
    claim = store.open_run({}, worker=worker, origin="callback")
    call("list")
    assert store.run(claim.run_id).state == "interrupted"


# -- evaluate ----------------------------------------------------------------------------------


def two_classes(tn: int, fp: int, fn: int, tp: int) -> ClassCounts:
    """Return the counts of two classes whose scores are 0.2 or 0.8."""
    positives, negatives = np.zeros((2, 2, 1001))
    positives[1, [200, 800]] = negatives[0, [800, 200]] = fn, tp
    positives[0, [200, 800]] = negatives[1, [800, 200]] = fp, tn
    confusion = np.array([[tn, fp], [fn, tp]], dtype=float)
    return ClassCounts(positives=positives, negatives=negatives, confusion=confusion)


def many_classes(num_classes: int, rows: int) -> ClassCounts:
    """Return the counts of classes that are all predicted right, with a score of 1."""
    positives, negatives = np.zeros((2, num_classes, 1001))
    positives[:, 1000] = rows
    negatives[:, 0] = rows * (num_classes - 1)
    confusion = np.eye(num_classes) * rows
    return ClassCounts(positives=positives, negatives=negatives, confusion=confusion)


def evaluated(store: Store, *counts: Counts, logs: dict | None = None, **facts: object) -> str:
    """Return a run with what was counted after each of its epochs."""
    config = {"model": "m", "epochs": len(counts)}
    claim = store.open_run(config, worker=this_process(), origin="callback", name="mine")
    records = [
        Record(kind="epoch", epoch=number, data=logs or {"loss": 1.0}, evaluation=pack(one))
        for number, one in enumerate(counts)
    ]
    done = {"epoch": len(counts), "state": "finished", "facts": facts}
    store.write(claim, first_seq=1, records=records, **done)
    return claim.run_id


def test_evaluate_tells_the_newest_epoch(call, store):
    run_id = evaluated(store, two_classes(5, 5, 5, 5), two_classes(50, 10, 5, 35))
    code, out, err = call("evaluate", run_id, "--json")
    told = json.loads(out)
    assert (code, err) == (0, "")
    assert (told["run_id"], told["epoch"], told["class"], told["threshold"]) == (run_id, 2, 1, 0.5)
    assert told["confusion_matrix"] == [[50, 10], [5, 35]]
    assert told["accuracy"] == 0.85
    assert told["precision"] == pytest.approx(0.778, abs=5e-4)
    assert told["recall"] == 0.875
    assert {"f1", "average_precision", "roc_auc", "support"} <= set(told)


def test_evaluate_tells_an_earlier_epoch_another_threshold_and_the_other_class(call, store):
    run_id = evaluated(
        store, two_classes(40, 20, 10, 30), two_classes(50, 10, 5, 35), class_names=["no", "yes"]
    )

    def told(*options: str) -> dict:
        code, out, _ = call("evaluate", run_id, *options, "--json")
        assert code == 0
        return json.loads(out)

    assert told("--epoch", "1")["confusion_matrix"] == [[40, 20], [10, 30]]
    assert told("--threshold", "0.2")["confusion_matrix"] == [[0, 60], [0, 40]]
    assert told("--threshold", "0.801")["precision"] is None
    for name in ("no", "0"):
        other = told("--class", name)
        assert (other["class"], other["confusion_matrix"]) == (0, [[35, 5], [10, 50]])
    assert told("--class", "yes", "--epoch", "1")["confusion_matrix"] == [[40, 20], [10, 30]]


def test_evaluate_of_many_classes_takes_one_against_the_rest(call, store):
    run_id = evaluated(store, many_classes(3, 7), class_names=["a", "b", "c"])
    of_all = json.loads(call("evaluate", run_id, "--json")[1])
    assert of_all["confusion_matrix"] == [[7, 0, 0], [0, 7, 0], [0, 0, 7]]
    assert of_all["support"] == [7, 7, 7]
    one = json.loads(call("evaluate", run_id, "--class", "b", "--threshold", "0", "--json")[1])
    assert (one["class"], one["threshold"]) == (1, 0)
    assert one["confusion_matrix"] == [[0, 14], [0, 7]]


def test_evaluate_without_json_is_for_people(call, store):
    run_id = evaluated(store, two_classes(1_234_567, 10, 5, 35), class_names=["no", "yes"])
    code, out, _ = call("evaluate", run_id)
    assert code == 0
    assert out.startswith("mine, epoch 1\n")
    assert "recall                   0.8750" in out
    assert "1,234,567" in out
    assert "not yes" in out
    undefined = call("evaluate", run_id, "--threshold", "0.9")[1]
    assert "precision                undefined: no row was predicted to be of" in undefined


def test_evaluate_tells_people_each_class_by_its_name_and_why_a_figure_is_missing(call, store):
    confusion = np.array([[7.0, 2, 0], [3, 8, 0], [0, 0, 0]])
    positives = np.zeros((3, 1001))
    positives[:, 500] = confusion.sum(axis=1)
    negatives = np.zeros((3, 1001))
    negatives[:, 400] = 20 - positives[:, 500]
    counts = ClassCounts(positives=positives, negatives=negatives, confusion=confusion)
    out = call("evaluate", evaluated(store, counts, class_names=["cat", "dog", "bird"]))[1]
    dog = next(line for line in out.splitlines() if "dog" in line and "0." in line)
    assert dog.split()[:3] == ["dog", "0.8000", "0.7273"]
    assert "precision is undefined where no row was predicted to be of this class" in out
    assert "recall is undefined where no row is of this class" in out


@pytest.mark.parametrize("kind", ["classes", "regression"])
def test_evaluate_says_why_nothing_is_known_where_no_score_was_finite(call, store, kind):
    rows, scores = np.array([[0.0], [1.0]]), np.full((2, 1), np.nan)
    count = class_counter if kind == "classes" else regression_counter
    counts = count(rows[:, 0].astype(int), *((2,) if kind == "classes" else (0.0, 1.0)))(scores)
    code, out, err = call("evaluate", evaluated(store, counts))
    assert (code, err) == (0, "")
    figures = [line for line in out.splitlines() if "undefined" in line]
    assert len(figures) == (9 if kind == "classes" else 4)
    assert all("undefined: " in line for line in figures)


HOSTILE_CLASSES = ["[/x]", "[bold red]b[/bold red]", ":smile:"]


def test_evaluate_shows_names_of_classes_as_they_are(call, store):
    run_id = evaluated(store, many_classes(3, 7), class_names=HOSTILE_CLASSES)
    code, out, err = call("evaluate", run_id)
    assert (code, err) == (0, "")
    assert all(name in out for name in HOSTILE_CLASSES)
    code, out, _ = call("evaluate", run_id, "--class", "[/x]")
    assert code == 0
    assert "not [/x]" in out


def test_evaluate_of_very_many_classes_prints_no_matrix_that_fits_no_screen(call, store):
    run_id = evaluated(store, many_classes(100, 2))
    code, out, _ = call("evaluate", run_id)
    assert code == 0
    assert "The matrix and the figures of 100 classes are in --json." in out
    assert out.count("\n") < 20
    told = json.loads(call("evaluate", run_id, "--json")[1])
    assert np.shape(told["confusion_matrix"]) == (100, 100)
    code, _, err = call("evaluate", run_id, "--class", "100")
    assert (code, err.count("\n")) == (2, 1)
    assert "class must be the name of a class or its number, 0 to 99. Got '100'." in err


def regression_counts() -> RegressionCounts:
    sums = {"total": 3.0, "total_squares": 5.0, "error": 0.0}
    sums |= {"absolute_error": 1.0, "squared_error": 0.5}
    joint, residuals = np.eye(2), np.zeros(4)
    return RegressionCounts(joint=joint, residuals=residuals, low=0.0, high=1.0, count=2.0, **sums)


def test_evaluate_of_a_regression_tells_its_errors(call, store):
    run_id = evaluated(store, regression_counts())
    told = json.loads(call("evaluate", run_id, "--json")[1])
    assert (told["mean_absolute_error"], told["support"], told["left_out"]) == (0.5, 2, 0)
    assert isinstance(told["support"], int)
    assert "mean_absolute_error      0.5000" in call("evaluate", run_id)[1]


WRONG_QUESTIONS = [
    (2, ["--epoch", "0"], "epoch must be the number of an epoch that was evaluated, 1 to 2."),
    (2, ["--epoch", "3"], "epoch must be the number of an epoch that was evaluated, 1 to 2."),
    (2, ["--epoch", "-1"], "epoch must be the number of an epoch that was evaluated, 1 to 2."),
    (2, ["--epoch", "9" * 30], "epoch must be the number of an epoch that was evaluated, 1 to 2."),
    (2, ["--epoch", "last"], "epoch must be an integer from 1 to the last epoch's number."),
    (2, ["--threshold", "1.1"], "threshold must be a number from 0 to 1. Got '1.1'."),
    (2, ["--threshold", "nan"], "threshold must be a number from 0 to 1. Got 'nan'."),
    (2, ["--threshold", "half"], "threshold must be a number from 0 to 1. Got 'half'."),
    (2, ["--class", "2"], "class must be one of no, yes. Got '2'."),
    (2, ["--class", ""], "class must be one of no, yes. Got ''."),
    (2, ["--nonsense"], "unrecognized arguments: --nonsense"),
    (3, ["--threshold", "0.5"], "threshold must come with --class, one class against the rest."),
    (1, ["--threshold", "0.5"], "threshold must not be given for a regression. Got '0.5'."),
    (1, ["--class", "0"], "class must not be given for a regression. Got '0'."),
]


@pytest.mark.parametrize(("num_classes", "options", "sentence"), WRONG_QUESTIONS)
def test_a_question_that_makes_no_sense_is_one_line_and_exit_code_2(
    call, store, num_classes, options, sentence
):
    matrix = two_classes(1, 2, 3, 4)
    run_id = {
        1: lambda: evaluated(store, regression_counts()),
        2: lambda: evaluated(store, matrix, matrix, class_names=["no", "yes"]),
        3: lambda: evaluated(store, many_classes(3, 7)),
    }[num_classes]()
    code, out, err = call("evaluate", run_id, *options)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_evaluate_of_no_run_is_refused(call):
    code, out, err = call("evaluate", "nope")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_evaluate_of_a_run_that_was_not_counted_says_why(call, store):
    unvalidated = RunConfig.create("iris", validation_split=0.0)
    waiting, blind, stopped = (
        store.create_run(config.to_dict(), name="theirs")
        for config in (RunConfig.create("iris"), unvalidated, RunConfig.create("iris"))
    )
    store.stop(stopped)
    theirs = store.open_run({"model": "m"}, worker="a worker", origin="callback", name="theirs")
    store.write(theirs, epoch=3, state="finished")
    at_work = store.open_run({"model": "m"}, worker="a worker", origin="callback", name="theirs")
    store.write(at_work, epoch=1, state="training")  # it may validate each second epoch
    reasons = {
        theirs.run_id: "its fit() had no EvaluationCounts among the metrics, or no validation data",
        blind: "it has no validation data",
        stopped: "no epoch was validated",
        waiting: "no validation has ended yet",
        at_work.run_id: "no validation has ended yet",
    }
    for run_id, reason in reasons.items():
        for options in ([], ["--json"], ["--epoch", "1"]):
            code, out, err = call("evaluate", run_id, *options)
            assert (code, out) == (1, "")
            assert err == f"theirs has no evaluation: {reason}.\n"


def test_evaluate_of_an_epoch_that_was_left_out_says_so(call, store):
    run_id = evaluated(store, two_classes(1, 2, 3, 4))
    claim = store.reopen(store.run(run_id), worker=this_process())
    last = Record(kind="epoch", epoch=2, data={"loss": 1.0}, evaluation=pack(many_classes(2, 3)))
    store.write(claim, first_seq=1, records=[last], epoch=3, state="finished")
    assert call("evaluate", run_id, "--epoch", "3")[0] == 0
    code, out, err = call("evaluate", run_id, "--epoch", "2")
    assert (code, out) == (2, "")
    assert "an epoch that was evaluated, which this one was not. Got '2'." in err


def test_what_was_counted_wins_over_what_keras_logged(call, store):
    # Nothing is called positive: Keras logs a precision of 0 where there is none.
    logs = {"loss": 0.7, "val_loss": 0.6, "val_precision": 0.0, "val_accuracy": 0.60000002}
    run_id = evaluated(store, two_classes(60, 0, 40, 0), logs=logs)
    told = json.loads(call("show", run_id, "--json")[1])["evaluation"]
    assert told["precision"] is None
    assert told["accuracy"] == 0.6
    assert told["loss"] == 0.6
    assert told["epoch"] == 1
    assert told["confusion_matrix"] == [[60, 0], [40, 0]]


def test_the_logs_beside_it_are_those_of_the_epoch_that_was_validated(call, store):
    claim = store.open_run({}, worker=this_process(), origin="callback")
    logs = [{"loss": 3.0}, {"loss": 2.0, "val_loss": 4.0}, {"loss": 1.0}]
    records = [Record(kind="epoch", epoch=number, data=data) for number, data in enumerate(logs)]
    packed = pack(two_classes(1, 2, 3, 4))
    records[1] = dataclasses.replace(records[1], evaluation=packed)
    store.write(claim, first_seq=1, records=records, epoch=3, state="finished")
    told = json.loads(call("show", claim.run_id, "--json")[1])["evaluation"]
    assert (told["epoch"], told["loss"]) == (2, 4.0)


def test_every_opening_of_the_test_set_is_told_with_the_run(call, store):
    run_id = evaluated(store, two_classes(50, 10, 5, 35))
    Inspections(store).ask(run_id, part="test", which="best")
    best = Inspections(store).claim("a worker", lambda worker: False)
    scores = Scores(rows=np.arange(1), y_true=np.arange(1), y_score=np.ones((1, 2), "float32"))
    found = Evaluation(epoch=0, counts=pack(two_classes(40, 10, 10, 40)))
    Inspections(store).end(best, (found, scores))
    Inspections(store).ask(run_id, part="test", which="last")
    failed = Inspections(store).claim("a worker", lambda worker: False)
    Inspections(store).end(failed, None, "why not")
    Inspections(store).ask(run_id, part="validation", which="last")
    Inspections(store).ask(run_id, part="test", which="last")
    for command in ("show", "export"):
        first, second = json.loads(call(command, run_id, "--json")[1])["test_openings"]
        assert (first["which"], first["state"], first["epoch"]) == ("best", "done", 1)
        assert first["evaluation"]["accuracy"] == 0.8
        assert first["evaluation"]["rows"] == 100
        assert (second["state"], second["epoch"], second["evaluation"]) == ("asked", None, None)
        assert second["opened_at"] >= first["opened_at"] > 0
    shown = [line for line in call("show", run_id)[1].splitlines() if "test set" in line]
    assert len(shown) == 2
    fork_id = store.create_run({}, parent=Parent(run_id, "a run", 0, "learning_rate", 0.1, 0.2))
    told = json.loads(call("show", fork_id, "--json")[1])
    assert (told["test_openings"], told["test_openings_before"]) == ([], 2)
    assert "opened 2 × on what it was forked from" in call("show", fork_id)[1]
    assert shown[0].endswith("UTC: epoch 1 (best), accuracy 0.8000")
    assert shown[1].endswith("UTC: not looked at yet")


# -- export ------------------------------------------------------------------------------------


def test_an_export_has_a_row_an_epoch_and_no_cell_that_runs_as_a_formula(call, trained):
    code, out, _ = call("export", trained)
    assert code == 0
    assert list(csv.reader(io.StringIO(out))) == [
        ["epoch", "loss", "'=cmd()", "val_loss"],
        ["2", "0.5", "1.0", "0.75"],
        ["3", "", "-2.0", ""],
        ["4", "0.25", "3.0", "0.5"],
    ]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_a_name_that_looks_like_a_formula_is_made_inert(call, store, name):
    claim = store.open_run({}, worker=this_process(), origin="callback")
    record = Record(kind="epoch", epoch=0, data={name: 1.0})
    store.write(claim, first_seq=1, records=[record])
    _, out, _ = call("export", claim.run_id)
    header = next(csv.reader(io.StringIO(out)))
    assert header == ["epoch", f"'{name}"]


def test_a_return_in_a_name_begins_no_new_cell(call, store):
    claim = store.open_run({}, worker=this_process(), origin="callback")
    record = Record(kind="epoch", epoch=0, data={"a\r=1": 1.0, "\r=1": 2.0, "b\n=1": 3.0})
    store.write(claim, first_seq=1, records=[record])
    _, out, _ = call("export", claim.run_id)
    header = next(csv.reader(io.StringIO(out)))
    assert header == ["epoch", "a =1", "' =1", "b\n=1"]


def test_an_export_goes_into_a_file_or_says_why_not(call, trained, tmp_path):
    file = tmp_path / "history.csv"
    assert call("export", trained, "--output", str(file)) == (0, "", "")
    assert file.read_text().splitlines()[0] == "epoch,loss,'=cmd(),val_loss"
    code, out, err = call("export", trained, "--output", str(tmp_path))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "--output must be a file that can be written" in err
    assert call("export", trained, "--json", "--output", str(file))[0] == 0
    assert json.loads(file.read_text())["run_id"] == trained


def test_an_export_of_a_run_without_epochs_is_a_header(call, store):
    run_id = store.create_run({"dataset": "iris"})
    assert call("export", run_id) == (0, "epoch\n", "")


def test_the_keras_code_of_a_run_is_exported(call, store, tmp_path):
    run_id = store.create_run(RunConfig.create("iris", epochs=3).to_dict())
    code, out, _ = call("export", run_id, "--code")
    assert code == 0
    assert out.rstrip("\n") == keras_code(RunConfig.create("iris", epochs=3)).rstrip("\n")
    assert json.loads(call("export", run_id, "--code", "--json")[1])["code"].startswith('"""Iris')
    assert call("export", run_id, "--code", "--output", str(tmp_path / "train.py")) == (0, "", "")
    assert (tmp_path / "train.py").read_text() == out


def test_rows_that_a_script_cannot_make_lie_beside_it(call, store, tmp_path):
    run_id = store.create_run(RunConfig.create("iris", test_split=0.01).to_dict())
    code, out, err = call("export", run_id, "--code")
    assert (code, out) == (2, "")
    assert "--output must be given, because the script's rows go into data.npz beside it" in err
    assert call("export", run_id, "--code", "--output", str(tmp_path / "train.py"))[0] == 0
    assert {path.name for path in tmp_path.glob("*.*")} >= {"train.py", "data.npz"}
    code, _, err = call("export", run_id, "--code", "--output", str(tmp_path / "no" / "train.py"))
    assert code == 2
    assert "--output must be a file that can be written" in err


def test_somebody_s_own_fit_has_no_code_here(call, store):
    run_id = store.create_run({"model": "functional_1", "epochs": 3})
    code, out, err = call("export", run_id, "--code")
    assert (code, out) == (2, "")
    assert "--code must be a run that this program set up" in err
    assert err.count("\n") == 1


def test_the_network_of_a_run_is_exported_with_the_script_that_uses_it(call, store, tmp_path):
    code, out, _ = call("run", *QUICK, "--json")
    run_id = json.loads(out.splitlines()[-1])["run_id"]
    file = tmp_path / "mine.keras"
    code, out, err = call("export", run_id, "--model", "--output", str(file))
    assert (code, err) == (0, "")
    assert zipfile.is_zipfile(file)
    assert "keras.saving.load_model('mine.keras')" in out
    told = json.loads(
        call("export", run_id, "--model", "--epoch", "best", "--output", str(file), "--json")[1]
    )
    assert (told["run_id"], told["epoch"], told["code"].rstrip()) == (run_id, 2, out.rstrip())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--model"], "--output must be given, a file whose name ends in .keras. Got None."),
        (["--model", "--output", "a.h5"], "must be given, a file whose name ends in .keras"),
        (["--model", "--code"], "not allowed with argument --model"),
        (["--epoch", "1"], "--epoch must come with --model. Got '1'."),
        (["--model", "--output", "a.keras"], "The run has no checkpoint"),
        (["--model", "--output", "a.keras", "--epoch", "x"], "epoch must be an integer, last or"),
    ],
)
def test_an_export_that_makes_no_sense_is_one_line(call, store, words, sentence):
    run_id = store.create_run(RunConfig.create("iris").to_dict())
    code, out, err = call("export", run_id, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err


def test_somebody_s_own_fit_has_no_network_here(call, store):
    run_id = store.create_run({"model": "functional_1", "epochs": 3})
    code, out, err = call("export", run_id, "--model", "--output", "a.keras")
    assert (code, out) == (2, "")
    assert "--model must be a run that this program set up" in err


# -- files that people bring -------------------------------------------------------------------


def test_a_file_is_trained_on_and_its_run_keeps_it(call, store, tmp_path):
    file = tmp_path / "My data.csv"
    file.write_text("x;y\n" + "".join(f"{k},5;{'no' if k < 30 else 'yes'}\n" for k in range(60)))
    code, out, err = call(
        *("run", "--dataset", str(file), "--target", "y", "--epochs", "2", "--set", "units=4"),
        "--json",
    )
    assert code == 0, err
    result = json.loads(out.splitlines()[-1])
    assert result["state"] == "finished"
    assert result["config"]["target"] == "y"
    upload = trainer.datasets.uploads.upload(result["config"]["dataset"])
    assert (upload.title, upload.num_rows) == ("My data.csv", 60)
    assert set(result["history"]) >= {"loss", "accuracy"}


@pytest.mark.parametrize(
    ("text", "more", "sentence"),
    [
        ("", (), "The file is empty."),
        ("a,b\n1,2\n3\n", ("--target", "b"), "Line 3 has 1 cell where the first line has 2."),
        ("a,b\n1,2\n3,4\n", (), "target must be one of the columns a, b. Got ''."),
        ("a,b\n1,2\n3,4\n", ("--target", "c"), "target must be one of the columns a, b. Got 'c'."),
        (
            "a,b\n1,2\n3,4\n",
            ("--target", "b", "--set", "task=multiclass"),
            "task must be one of binary, regression for the column 'b'. Got 'multiclass'.",
        ),
    ],
)
def test_a_file_that_cannot_be_trained_on_is_one_line_and_no_run(
    call, store, tmp_path, text, more, sentence
):
    file = tmp_path / "data.csv"
    file.write_text(text)
    code, out, err = call("run", "--dataset", str(file), *more)
    assert (code, out) == (2, "")
    assert err == f"python -m trainer: {sentence}\n"
    assert store.runs() == []


@pytest.mark.parametrize("path", ["no such file.csv", "/", "./no/such/file"])
def test_a_path_that_leads_to_no_file_is_one_line(call, path):
    code, _, err = call("run", "--dataset", path, "--target", "y")
    assert code == 2
    assert err.startswith("python -m trainer: dataset must be a file that can be read")
    assert len(err.splitlines()) == 1


def test_the_list_of_lessons_is_the_table_for_people_and_for_programs(call, store):
    code, out, err = call("lesson", "--list")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == list(LESSONS)
    code, out, _ = call("lesson", "--list", "--json")
    listed = json.loads(out)["lessons"]
    assert code == 0
    assert {one["name"]: one["question"] for one in listed} == {
        name: lesson.predict.text for name, lesson in LESSONS.items()
    }
    assert store.runs() == []


def test_a_lesson_says_what_its_fit_showed_and_whether_that_holds(call, store):
    code, out, err = call("lesson", "confusion_matrix", "--seed", "7", "--json")
    told = json.loads(out)
    assert (code, err) == (0, "")
    assert (told["lesson"], told["seed"], told["holds"]) == ("confusion_matrix", 7, True)
    seen = {figure["name"]: figure["value"] for figure in told["figures"]}
    assert seen["TN, FP, FN, TP at 0.5"] == [50, 10, 5, 35]
    assert all(figure["holds"] for figure in told["figures"])
    (run,) = store.runs()
    assert (run.run_id, run.state) == (told["runs"][0]["run_id"], "finished")
