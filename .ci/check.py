"""Sets up a virtual environment and a browser, then runs every check: `python3 .ci/check.py`.

Needs nothing but Python 3.11 to 3.13. Arguments are handed on to pytest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
SCRIPTS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")


def main() -> int:
    """Run everything and return 0 if all of it passed."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        print(f"Python must be 3.11, 3.12 or 3.13. Got {sys.version.split()[0]}.")
        return 2
    if shutil.which("pip", path=str(SCRIPTS)) is None:  # pip comes last: without, it is half made
        venv.create(ENVIRONMENT, with_pip=True)
    python = str(SCRIPTS / "python")
    run((python, "-m", "pip", "install", "--quiet", "-r", "requirements-dev.txt"))
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    browser = find_browser(python)
    if browser:
        environment["DASHBOARD_TEST_BROWSER"] = browser
    for check in (
        (python, "-m", "ruff", "check", "."),
        (python, "-m", "ruff", "format", "--check", "."),
        (python, "-m", "mypy"),
        (str(SCRIPTS / "lint-imports"),),
        (python, "-m", "pytest", "-n", "2", "--no-loadscope-reorder", *sys.argv[1:]),
    ):
        run(check, environment)
    return 0


def find_browser(python: str) -> str | None:
    """Return an installed Chromium, installing one where there is none; None for Playwright's."""
    installed = next(filter(None, map(shutil.which, BROWSERS)), None)
    if installed is not None:
        return installed
    is_root = getattr(os, "geteuid", lambda: 1)() == 0
    if is_root and shutil.which("apt-get"):
        update = ("apt-get", "update", "-qq")
        install = ("apt-get", "install", "-y", "-qq", "chromium")
        if succeeds(update) and succeeds(install):
            return shutil.which("chromium")
    with_system_libraries = ("--with-deps",) if is_root else ()
    if not succeeds((python, "-m", "playwright", "install", *with_system_libraries, "chromium")):
        print("The tests need a browser: install Chromium or Chrome, and run this again.")
        sys.exit(2)
    return None


def run(command: Sequence[str], environment: dict[str, str] | None = None) -> None:
    """Run a command in the project's folder; end with 1 if it fails."""
    if not succeeds(command, environment):
        sys.exit(1)


def succeeds(command: Sequence[str], environment: dict[str, str] | None = None) -> bool:
    """Run a command in the project's folder and return whether it did what it should."""
    print("$", *command, flush=True)
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
