"""Processes of the measurement: one for each side, spoken to in lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
LINE_SECONDS = 240.0
_END_SECONDS = 20.0


class CaseFailed(Exception):
    """A side's process ended before it had answered; the text is what it last wrote."""


class Case:
    """`python -m benchmarks.<module> …` in a process of its own.

    It reads commands, one a line, and answers in JSON, one object a line. What it and its
    libraries write otherwise goes to a file that is shown when it fails.

    Args:
        module: Module of this package.
        arguments: Its command line.
        environment: Added to this process' own environment.
    """

    def __init__(self, module: str, *arguments: object, environment: Mapping[str, str]) -> None:
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def say(self, command: str = "go") -> None:
        """Send a command."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise CaseFailed(self._last_words()) from None

    def hear(self, timeout: float = LINE_SECONDS) -> dict[str, Any]:
        """Return the next answer.

        Raises:
            CaseFailed: The process ended, or said nothing for `timeout` seconds.
        """
        assert self._process.stdout is not None
        # A pipe has no timeout of its own; the end of the process ends the reading.
        watchdog = threading.Timer(timeout, self._process.kill)
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise CaseFailed(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, command: str = "go") -> dict[str, Any]:
        """Send a command and return its answer."""
        self.say(command)
        return self.hear()

    def close(self) -> None:
        """End the process: its input ends, and if that does not do, the process is ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def _last_words(self) -> str:
        self._process.wait(_END_SECONDS)
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return "\n".join(lines[-8:]) or f"ended with {self._process.returncode}"
