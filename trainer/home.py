"""The data folder: everything this program keeps on disk lies in it."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Return the data folder, made if it does not exist yet.

    The environment variable `DASHBOARD_HOME` names it; without one (or when it is empty) it is the
    platform's folder for user data. It is looked up anew at every call.
    """
    chosen = os.environ.get("DASHBOARD_HOME")
    if chosen:
        folder = Path(chosen).expanduser().absolute()
    else:
        import platformdirs

        folder = Path(platformdirs.user_data_dir("training-dashboard", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
