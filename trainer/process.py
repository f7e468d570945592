"""Names a process so that others can tell whether it still runs."""

from __future__ import annotations

import os
import socket

import psutil


def this_process() -> str:
    """Return what names this process among all that ever ran: host, process id and start."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def is_running(name: str) -> bool | None:
    """Return whether the process that `this_process` named still runs; None if on another host."""
    host, pid, created = name.rsplit(":", 2)
    if host != socket.gethostname():
        return None
    try:
        process = psutil.Process(int(pid))
        # A process id is used again; its start tells the two apart.
        is_same = abs(process.create_time() - float(created)) < 1
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
