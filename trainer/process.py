"""Names a process so that others can tell whether it still runs."""

from __future__ import annotations

import os
import socket

import psutil


def this_process() -> str:
    """Return what names this process among all that ever ran: host, process id and start."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start(psutil.Process()):.2f}"


def is_running(name: str) -> bool | None:
    """Return whether the process that `this_process` named still runs.

    None if nobody can tell from here: it is on another host, the name is no process's, or the
    system does not let this process look at it.
    """
    try:
        host, pid_text, start_text = name.rsplit(":", 2)
        pid, start = int(pid_text), float(start_text)
    except ValueError:
        return None
    if host != socket.gethostname():
        return None
    try:
        process = psutil.Process(pid)
        # A process id is used again; its start tells the two apart.
        return abs(_start(process) - start) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return None


def memory_bytes() -> int:
    """Return how much memory this process takes."""
    return int(psutil.Process().memory_info().rss)


def _start(process: psutil.Process) -> float:
    # On Linux a process's start is told as of the boot, whose time moves when the clock is set.
    return process.create_time() - (psutil.boot_time() if psutil.LINUX else 0.0)
