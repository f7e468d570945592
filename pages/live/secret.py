"""The server's secret, with which it signs what browsers keep; it outlives a restart."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from trainer.errors import InvalidInput

_NUM_BYTES = 32


def secret(home: Path) -> bytes:
    """Return the secret of a data folder, made when somebody first asks for it.

    Only the owner of the folder can read it.

    Raises:
        InvalidInput: The file with the secret is damaged or cannot be read.
    """
    path = home / "secret"
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    except OSError as error:
        raise InvalidInput(
            "DASHBOARD_HOME", "must be a folder that can be written", home
        ) from error
    else:
        with os.fdopen(made, "wb") as file:
            file.write(secrets.token_bytes(_NUM_BYTES))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput("secret", "must be a file that can be read", path) from error
    if len(content) != _NUM_BYTES:
        rule = f"must be a file of {_NUM_BYTES} bytes (delete it to get another)"
        raise InvalidInput("secret", rule, f"{len(content)} bytes")
    return content
