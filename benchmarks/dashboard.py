"""The program under measurement: `streamlit run dashboard.py` with a data folder of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from benchmarks.process import ROOT
from trainer.settings import Settings
from trainer.store import Store

_START_SECONDS = 90.0
_END_SECONDS = 20.0


class Dashboard:
    """A running server on a free port of 127.0.0.1, and the store it works on.

    Attributes:
        pid: The server's process, of its last start.
        url: Its address, without a slash at the end.
        environment: What another process needs to write into the same store.
        store: That store, for this process.
        database: Its file.
        began: When it was started, on the monotonic clock.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True)
        home = Path(self._folder.name)
        self.environment = {"DASHBOARD_HOME": str(home), "DASHBOARD_STORE": ""}
        self._log_path = home / "server.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._start()
        self.database = home / "runs.sqlite"
        self.store = Store(f"sqlite:///{self.database.as_posix()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.store.close()
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _start(self) -> None:
        self.began = time.monotonic()
        with self._log_path.open("w") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "streamlit", "run", "dashboard.py"),
                    f"--server.port={self._port}",
                ],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.pid = self._process.pid

    def kill_and_restart(self) -> None:
        """Kill the server, as nobody can prepare for, and start it at the same address."""
        self._process.kill()
        self._process.wait()
        self._start()

    def wait_for_port(self) -> None:
        """Wait until the server answers."""
        self._wait(lambda: self.get("/api/health"), "it answered", pause=0.02)

    def wait_for_workers(self) -> None:
        """Wait until every worker has TensorFlow imported and is ready, the spare too."""
        self.wait_for_port()
        num_workers = Settings.from_environment().slots + 1

        def all_ready() -> bool:
            return self._log_path.read_text(errors="replace").count("ready") >= num_workers

        self._wait(all_ready, "its workers were ready", pause=0.2)

    def wait_for_end(self, run_id: str) -> None:
        """Wait until a run is over."""
        self._wait(lambda: self.store.run(run_id).is_over, "the run was over", pause=0.05)

    def get(self, path: str) -> Any:
        """Return the JSON that the server answers."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def stream_url(self, run_id: str) -> str:
        """Return the address of a run's WebSocket."""
        return f"ws{self.url.removeprefix('http')}/api/runs/{run_id}/stream"

    def _wait(self, condition: Callable[[], Any], what: str, *, pause: float) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                if condition():
                    return
            except OSError:
                pass  # Nobody listens yet.
            time.sleep(pause)
        log = self._log_path.read_text(errors="replace").strip()
        raise TimeoutError(f"The server gave up before {what}:\n{log[-2000:]}")
