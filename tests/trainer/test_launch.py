"""The queue in real worker processes, and what becomes of runs whose process is gone."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

import trainer.launch
from tests.waiting import wait_until
from trainer.checkpoints import kept
from trainer.config import RunConfig
from trainer.continuing import resume
from trainer.datasets import uploads
from trainer.launch import AbandonedRuns, LocalLauncher, StalledRuns, kill_worker
from trainer.process import is_running, this_process
from trainer.runs import Run
from trainer.settings import Settings
from trainer.store import Store

FOR_EVER = {"epochs": 100_000, "units": 4}
SHORT = {"epochs": 5, "units": 4}


class Desk:
    """A store and the launcher that works through its queue."""

    def __init__(self, settings: Settings) -> None:
        self.home = settings.home
        self.store = Store(settings.store_url)
        self.launcher = LocalLauncher(self.store, settings)
        self.launcher.start()

    def submit(self, **choices: object) -> str:
        return self.store.create_run(RunConfig.create("iris", **choices).to_dict())

    def when(self, run_id: str, state: str, *, epochs: int = 0) -> Run:
        def is_there() -> Run | None:
            run = self.store.run(run_id)
            assert run.state == state or not run.is_over, f"{run.state}: {run.message}"
            return run if run.state == state and run.epoch >= epochs else None

        return wait_until(is_there, f"the run is {state} with {epochs} epochs", seconds=300)

    def hang(self, run: Run) -> None:
        """Have the process of a run stand still; not while it has the store to itself."""
        with self.store.transaction(writes=True):
            os.kill(pid_of(run), signal.SIGSTOP)

    def epochs(self, run_id: str) -> list[int]:
        records = self.store.updates(run_id)[1]
        return [record.epoch for record in records if record.kind == "epoch"]

    def workers(self) -> list[psutil.Process]:
        return [psutil.Process(int(str(w["pid"]))) for w in self.launcher.workers()]


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    settings = Settings(
        home=folder,
        store_url=f"sqlite:///{(folder / 'runs.sqlite').as_posix()}",
        slots=1,
    )
    shared = Desk(settings)
    yield shared
    shared.launcher.stop()
    shared.store.close()


def pid_of(run: Run) -> int:
    return int(run.worker.rsplit(":", 2)[1])


def test_two_queued_runs_train_one_after_the_other(desk):
    first, second = desk.submit(**SHORT), desk.submit(**SHORT)
    assert desk.store.queue_place(desk.store.run(second)) in (1, 2)
    ended = desk.when(second, "finished")
    before = desk.store.run(first)
    assert before.state == "finished"
    assert before.ended_at <= ended.started_at
    for run in (before, ended):
        assert run.epoch == 5
        assert all(len(values) == 5 for values in desk.store.history(run.run_id).values())
    assert desk.store.history(first) == desk.store.history(second)  # the same seed


def test_a_run_waits_for_its_turn_and_can_be_stopped_like_the_one_before_it(desk):
    training, waiting, last = (desk.submit(**FOR_EVER) for _ in range(3))
    desk.when(training, "training", epochs=1)
    assert desk.store.queue_place(desk.store.run(waiting)) == 1
    assert desk.store.queue_place(desk.store.run(last)) == 2
    desk.store.stop(waiting)
    assert desk.store.run(waiting).state == "stopped"
    desk.store.stop(training)
    stopped = desk.when(training, "stopped")
    assert len(desk.store.history(training)["loss"]) == stopped.epoch >= 1
    desk.when(last, "training", epochs=1)
    desk.store.stop(last)
    desk.when(last, "stopped")
    assert desk.store.run(waiting).epoch == 0


def test_a_run_that_cannot_be_trained_has_failed_and_the_queue_goes_on(desk):
    config = RunConfig.create("iris", **SHORT).to_dict()
    nonsense = desk.store.create_run({**config, "epochs": 0})
    newer = desk.store.create_run({**config, "telepathy": True})
    good = desk.submit(**SHORT)
    assert desk.when(nonsense, "failed").message == "epochs must be a positive integer. Got 0."
    assert "telepathy" in desk.when(newer, "failed").message
    desk.when(good, "finished")


def test_of_a_killed_worker_others_take_the_next_run_and_go_on_with_the_one_it_left(
    desk, monkeypatch
):
    monkeypatch.setenv("DASHBOARD_HOME", str(desk.home))  # where the checkpoints are
    choices = {"units": 8, "dropout": 0.3, "batch_size": 16, "checkpoint_every": 2}
    killed, waiting = desk.submit(epochs=100_000, **choices), desk.submit(**SHORT)
    run = desk.when(killed, "training", epochs=21)
    os.kill(pid_of(run), signal.SIGKILL)
    interrupted = desk.when(killed, "interrupted")
    assert interrupted.message
    assert interrupted.epoch >= run.epoch
    committed = desk.store.history(killed)
    assert len(committed["loss"]) == interrupted.epoch
    assert desk.epochs(killed) == list(range(interrupted.epoch))
    # A checkpoint may be ahead of what was committed.
    assert kept(killed).epochs[0] < interrupted.epoch
    after = desk.when(waiting, "finished")
    assert pid_of(after) != pid_of(run)
    resume(desk.store, killed, epochs=interrupted.epoch + 3)
    finished = desk.when(killed, "finished")
    assert (finished.attempt, finished.epoch) == (2, interrupted.epoch + 3)
    assert desk.epochs(killed) == list(range(finished.epoch))
    history = desk.store.history(killed)
    # What was trained again came out the same.
    assert {name: values[: interrupted.epoch] for name, values in history.items()} == committed
    # The spare one is replaced as well.
    wait_until(
        lambda: [w for w in desk.launcher.workers() if w["running"] and w["pid"] != pid_of(run)][
            1:
        ],
        "there are two workers again",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP is POSIX's")
def test_a_run_whose_worker_hangs_is_stalled_goes_on_with_it_and_can_be_stopped_without_it(
    desk, monkeypatch
):
    monkeypatch.setattr(trainer.launch, "_STALL_SECONDS", 2.0)
    monkeypatch.setattr(trainer.launch, "_UNHEARD_SECONDS", 1.5)
    hangs, waiting = desk.submit(**FOR_EVER), desk.submit(**SHORT)
    before = desk.when(hangs, "training", epochs=1)
    desk.hang(before)
    stalled = desk.when(hangs, "stalled")
    assert stalled.message == "Its process gives no sign of life: wait for it, or press Stop."
    os.kill(pid_of(before), signal.SIGCONT)
    again = desk.when(hangs, "training", epochs=stalled.epoch + 1)
    assert (again.message, again.started_at) == ("", before.started_at)

    desk.hang(before)
    desk.store.stop(hangs)
    stopped = desk.when(hangs, "stopped")
    assert stopped.message == "Its process hangs and did not hear Stop: it was given up."
    assert desk.epochs(hangs) == list(range(stopped.epoch))
    wait_until(lambda: is_running(before.worker) is False, "the process is gone")
    after = desk.when(waiting, "finished")
    assert pid_of(after) != pid_of(before)


def test_the_settings_reach_the_workers(desk):
    for worker in desk.workers():
        with contextlib.suppress(psutil.NoSuchProcess):
            environment = worker.environ()
            assert environment["DASHBOARD_STORE"] == desk.store.url
            assert environment["DASHBOARD_SLOTS"] == "1"
            assert this_process() in worker.cmdline()


def test_the_end_of_the_launcher_ends_its_workers_and_interrupts_the_run(desk):
    # The last test of the shared launcher: stopping it twice, as the fixture will, is no harm.
    training, waiting = desk.submit(**FOR_EVER), desk.submit(**SHORT)
    desk.when(training, "training", epochs=1)
    workers = desk.workers()
    assert len(workers) == 2
    desk.launcher.stop()
    assert not any(worker.is_running() for worker in workers)
    assert desk.launcher.workers() == []
    run = desk.store.run(training)
    assert (run.state, run.epoch >= 1) == ("interrupted", True)
    assert len(desk.store.history(training)["loss"]) == run.epoch
    assert desk.store.run(waiting).state == "queued"


_LAUNCH_FOR_EVER = """
import sys
from trainer.launch import LocalLauncher
from trainer.settings import Settings
from trainer.store import Store
settings = Settings.from_environment()
launcher = LocalLauncher(Store(settings.store_url), settings)
launcher.start()
while len(launcher.workers()) < 2:
    pass
print(*(worker["pid"] for worker in launcher.workers()), flush=True)
sys.stdin.read()
"""


def test_a_worker_that_has_had_its_runs_is_replaced_and_none_outlives_a_killed_launcher(
    data_folder, monkeypatch
):
    monkeypatch.setenv("DASHBOARD_WORKER_RUNS", "1")
    store = Store(Settings.from_environment().store_url)
    command = [sys.executable, "-c", _LAUNCH_FOR_EVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        first = {int(pid) for pid in server.stdout.readline().split()}
        run_id = store.create_run(RunConfig.create("iris", **SHORT).to_dict())

        def workers() -> dict[int, psutil.Process]:
            return {worker.pid: worker for worker in psutil.Process(server.pid).children()}

        wait_until(lambda: store.run(run_id).is_over, "the run is over")
        run = store.run(run_id)
        assert run.state == "finished" and pid_of(run) in first
        wait_until(
            lambda: len(workers().keys() - {pid_of(run)}) == 2 and pid_of(run) not in workers(),
            "there is another worker in its place",
        )
        left = list(workers().values())
        server.kill()
    gone, alive = psutil.wait_procs(left, timeout=120)
    assert alive == []
    assert len(gone) == len(left) == 2
    store.close()


def test_a_launcher_that_can_start_no_process_goes_on_and_tries_again(
    data_folder, monkeypatch, caplog
):
    monkeypatch.setattr(trainer.launch, "_YOUNG_SECONDS", 0.0)
    settings = Settings.from_environment()
    store = Store(settings.store_url)
    launcher = LocalLauncher(store, settings)
    host, pid, start = this_process().rsplit(":", 2)
    worker = f"{host}:{pid}:{float(start) - 100:.2f}"
    abandoned = store.open_run({}, worker=worker, origin="callback").run_id
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", str(data_folder / "no python here"))
        launcher.start()
        wait_until(lambda: "no worker could be started" in caplog.text, "the failure is logged")
        wait_until(lambda: store.run(abandoned).is_over, "what else there is to do is done")
    wait_until(launcher.workers, "there is a worker")
    launcher.stop()
    store.close()


# -- runs whose process is gone ----------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    opened = Store(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    yield opened
    opened.close()


def test_only_a_run_whose_process_is_gone_is_interrupted(store):
    host, pid, start = this_process().rsplit(":", 2)
    workers = {
        "lives": this_process(),
        "gone": f"{host}:{pid}:{float(start) - 100:.2f}",
        "elsewhere": f"elsewhere:{pid}:{start}",
        "unknown": "somebody",
    }
    run_ids = {}
    for name, worker in workers.items():
        claim = store.open_run({}, worker=worker, origin="callback")
        store.write(claim, state="training")
        run_ids[name] = claim.run_id
    queued = store.create_run({})
    AbandonedRuns(store).interrupt()
    states = {name: store.run(run_id).state for name, run_id in run_ids.items()}
    assert states == {
        "lives": "training",
        "gone": "interrupted",
        "elsewhere": "training",
        "unknown": "training",
    }
    assert store.run(queued).state == "queued"


def test_a_run_on_another_machine_is_given_up_after_a_long_silence(store, monkeypatch):
    claim = store.open_run({}, worker="elsewhere:1:1.0", origin="callback")
    now = [1000.0]
    monkeypatch.setattr(trainer.launch.time, "monotonic", lambda: now[0])
    abandoned = AbandonedRuns(store)
    abandoned.interrupt()
    for _ in range(5):
        now[0] += 29
        store.write(claim, state="training")
        abandoned.interrupt()
        assert store.run(claim.run_id).state == "training"
    now[0] += 29
    abandoned.interrupt()
    assert store.run(claim.run_id).state == "training"
    now[0] += 29
    abandoned.interrupt()
    assert store.run(claim.run_id).state == "interrupted"


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets."""
    now = [1000.0]
    monkeypatch.setattr(trainer.launch.time, "monotonic", lambda: now[0])
    return now


def test_only_who_is_told_to_stop_and_does_not_hear_it_is_given_up(store, clock):
    claims = [store.open_run({}, worker=f"worker {n}", origin="callback") for n in range(3)]
    silent, told, well = claims
    for claim in claims:
        store.write(claim, state="training")
    given_up = []
    stalled = StalledRuns(store, kill=given_up.append)
    states = []
    for seconds in (0, 3.5, 2, 2):
        clock[0] += seconds
        store.write(well)
        stalled.look()
        states.append(store.run(told.run_id).state)
        # Pressed while the writer has been silent for a while, which it may be with good reason.
        for claim in (told, well) if seconds == 0 else ():
            store.stop(claim.run_id)
    assert states == ["training", "training", "training", "stopped"]
    assert given_up == ["worker 1"]
    assert [store.run(claim.run_id).state for claim in (silent, well)] == ["training"] * 2
    clock[0] += 5
    stalled.look()
    assert store.run(silent.run_id).state == "stalled"
    store.write(silent, state="paused")
    clock[0] += 2
    stalled.look()
    assert store.run(silent.run_id).state == "paused"


def test_a_writer_that_waits_for_a_locked_store_is_not_taken_for_one_that_hangs(
    store, clock, monkeypatch
):
    claim = store.open_run({}, worker=this_process(), origin="callback")
    stalled = StalledRuns(store, kill=lambda worker: None)
    stalled.look()
    store.stop(claim.run_id)
    transaction = store.transaction

    @contextlib.contextmanager
    def after_a_lock(*, writes=False):
        with transaction(writes=writes) as connection:
            clock[0] += 10 * writes
            yield connection

    with monkeypatch.context() as patched:
        patched.setattr(store, "transaction", after_a_lock)
        clock[0] += 20
        stalled.look()
    clock[0] += 2
    stalled.look()
    assert store.run(claim.run_id).state == "starting"


@pytest.mark.parametrize("is_worker", [True, False])
def test_of_those_who_hang_only_workers_are_killed(is_worker):
    program = "print(flush=True); input()"
    command = [sys.executable, "-c", program, *(["trainer.worker"] if is_worker else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()  # until then it may still look like this process
        host, _, _ = this_process().rsplit(":", 2)
        start = psutil.Process(other.pid).create_time() - psutil.boot_time() * psutil.LINUX
        kill_worker(f"{host}:{other.pid}:{start:.2f}")
        _, alive = psutil.wait_procs([psutil.Process(other.pid)], timeout=60 if is_worker else 0.5)
        assert bool(alive) != is_worker
        other.kill()


def test_the_start_removes_old_uploads_that_no_run_was_given(store, data_folder):
    needed, unneeded, new = (
        uploads.add(io.BytesIO(f"a,y\n1,{k}\n3,4\n".encode()), file_name="t.csv").name
        for k in range(3)
    )
    store.create_run({"dataset": needed, "target": "y"})
    past = time.time() - 2 * uploads.DAY_SECONDS
    for name in (needed, unneeded):
        os.utime(uploads.path(name), (past, past))
    launcher = LocalLauncher(store, Settings.from_environment(), delay=3600)
    launcher.start()
    try:
        wait_until(lambda: not uploads.path(unneeded).exists(), "the unneeded upload is gone")
    finally:
        launcher.stop()
    assert uploads.path(needed).exists() and uploads.path(new).exists()
