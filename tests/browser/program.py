"""The real program: `streamlit run dashboard.py` on a free port, with a data folder of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.waiting import wait_until
from trainer.config import RunConfig
from trainer.runs import ACTIVE
from trainer.steering import steer
from trainer.store import Store

ROOT = Path(__file__).resolve().parents[2]
END_SECONDS = 30


class Program:
    """A server process, its workers, and the store they share with the test.

    Args:
        home: Its data folder.
        settings: Environment variables; with a class code, `get` asks as a student.

    Attributes:
        url: Its address, without a slash at the end; the same after every start.
        store: The store that it uses, as another process has it.
    """

    def __init__(self, home: Path, **settings: str) -> None:
        self._home = home
        self._settings = settings
        self._cookies = ""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        home.mkdir(parents=True, exist_ok=True)
        self._log = home / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._trained: dict[RunConfig, str] = {}
        self._start()
        self.store = Store(f"sqlite:///{(home / 'runs.sqlite').as_posix()}")

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def worker_pids(self) -> list[int]:
        """The process ids of its workers."""
        try:
            health = self.get("/api/health")
        except urllib.error.HTTPError as answer:  # with no worker it is not well
            health = json.load(answer)
        return [worker["pid"] for worker in health["workers"] if worker["running"]]

    def get(self, path: str) -> Any:
        """Return the JSON that the server answers."""
        request = urllib.request.Request(self.url + path, headers={"Cookie": self._cookies})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def sign_in(self, code: str) -> str:
        """Show a code as a new browser does, and return the Cookie header that it has then."""
        form = urlencode({"code": code, "to": "/"})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/sign-in", form)
            given = connection.getresponse().headers.get_all("set-cookie", [])
            return "; ".join(cookie.partition(";")[0] for cookie in given)
        finally:
            connection.close()

    def history(self, run_id: str) -> dict[str, list[float | None]]:
        """Return what the API tells of a run's epochs."""
        history: dict[str, list[float | None]] = self.get(f"/api/runs/{run_id}")["history"]
        return history

    def trained(self, dataset: str, **choices: object) -> str:
        """Return a run of this set-up that has finished, the same to all who only look at it."""
        config = RunConfig.create(dataset, **choices)
        if config not in self._trained:
            run_id = self.store.create_run(config.to_dict(), name=config.name)
            wait_until(lambda: self.store.run(run_id).is_over, "the run is over")
            assert self.store.run(run_id).state == "finished"
            self._trained[config] = run_id
        return self._trained[config]

    def kill_writer(self, run_id: str) -> None:
        """Kill the worker that trains this run, in the way nobody can prepare for."""
        pid = int(self.store.run(run_id).worker.split(":")[1])
        assert pid in self.worker_pids
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    def slow_down(self, run_id: str, epochs_per_second: float = 10) -> None:
        """Have a training leave most of the machine to those who look at it."""
        wait_until(lambda: self.store.run(run_id).state in ACTIVE, "it trains")
        steer(self.store, run_id, "speed", epochs_per_second)

    def python(self, *arguments: str) -> subprocess.Popen[str]:
        """Start another Python process that writes into the same store."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end_all_runs(self) -> None:
        """Stop whatever still trains or waits, so that the next test finds the queue empty."""
        for run in self.store.runs():
            if not run.is_over:
                self.store.stop(run.run_id)
        wait_until(lambda: all(run.is_over for run in self.store.runs()), "all runs are over")

    def restart(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the server, by default as `kill` does, and start it again at the same address."""
        self._end(how)
        self._start()

    def close(self) -> None:
        """End the server, and with it its workers."""
        self.store.close()
        self._end()

    def log(self) -> str:
        """Return what server and workers wrote."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DASHBOARD_HOME": str(self._home),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **self._settings,
        }

    def _start(self) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "streamlit",
                    "run",
                    "dashboard.py",
                    f"--server.port={self.port}",
                ],
                cwd=ROOT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, f"the server answers; it wrote:\n{self.log()}")

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, self.log()
        try:
            code = self._settings.get("DASHBOARD_CLASS_CODE")
            if code and not self._cookies:
                self._cookies = self.sign_in(code)
            return bool(self.get("/api/health"))
        except OSError:
            return False

    def _end(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
