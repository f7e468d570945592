"""Telling whether a process still runs, by name."""

from __future__ import annotations

import socket
import subprocess
import sys

import psutil
import pytest

from tests.waiting import wait_until
from trainer.process import is_running, this_process

_SAY_NAME_AND_WAIT = (
    "import sys; from trainer.process import this_process;"
    "print(this_process(), flush=True); sys.stdin.read()"
)


@pytest.fixture
def other_process():
    with subprocess.Popen(
        [sys.executable, "-c", _SAY_NAME_AND_WAIT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def test_a_process_that_runs_is_running_and_one_that_was_killed_is_not(other_process):
    name = other_process.stdout.readline().strip()
    assert name != this_process()
    assert is_running(name) is True
    other_process.kill()
    other_process.wait()
    assert is_running(name) is False


def test_a_killed_process_that_nobody_waited_for_is_not_running(other_process):
    name = other_process.stdout.readline().strip()
    other_process.kill()
    # The pipe closes when the process ends; it stays a zombie until somebody waits for it.
    other_process.stdout.read()
    process = psutil.Process(other_process.pid)
    wait_until(lambda: process.status() == psutil.STATUS_ZOMBIE, "the process is a zombie")
    assert is_running(name) is False


def test_this_process_is_running():
    assert is_running(this_process()) is True
    assert this_process() == this_process()


def test_another_process_with_the_same_id_is_not_the_same():
    host, pid, start = this_process().rsplit(":", 2)
    assert is_running(f"{host}:{pid}:{float(start) - 5:.2f}") is False


def test_of_a_process_on_another_host_nobody_here_knows():
    _, pid, start = this_process().rsplit(":", 2)
    assert is_running(f"elsewhere-{socket.gethostname()}:{pid}:{start}") is None


@pytest.mark.parametrize("name", ["", "worker", "a:b", "a:b:c", f"{socket.gethostname()}:x:y"])
def test_a_name_that_is_none_says_nothing(name):
    assert is_running(name) is None


def test_a_process_still_runs_after_the_clock_was_set(monkeypatch):
    name = this_process()
    boot_time = psutil.boot_time()
    # On Linux setting the clock moves the time of boot, and with it every process's start.
    monkeypatch.setattr(psutil._psplatform, "boot_time", lambda: boot_time + 3600)
    assert is_running(name) is True


@pytest.mark.parametrize("question", ["create_time", "status"])
def test_of_a_process_that_may_not_be_looked_at_nobody_knows(monkeypatch, question):
    name = this_process()

    def refuse(process: psutil.Process) -> None:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, question, refuse)
    assert is_running(name) is None
