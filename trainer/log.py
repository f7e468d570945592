"""The log of the server and its workers: one JSON line an event.

A line says what happened, to which run, and where in the program; never a code, and nothing of
anybody's data: of an error only its kind and its place are told, and of the machine's own (a disk,
a database) its words too.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from typing import Any

from trainer.errors import StoreUnusable

_RUN = re.compile(r"\brun ([0-9a-f]{12})\b")
_OF_THE_MACHINE = (OSError, StoreUnusable)


class JsonLines(logging.Formatter):
    """Writes each record as one line of JSON: `at`, `level`, `logger`, `process`, `event`, and
    where there is one, `run` (its id) and `error` (a list, the cause first)."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        event = record.getMessage()
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "event": event,
        }
        run = _RUN.search(event)
        if run:
            line["run"] = run.group(1)
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _told(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


def log_to_standard_error(*names: str) -> None:
    """Write what these loggers, and those below them, say from *info* on to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    for name in names:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        logger.propagate = False


def _told(error: BaseException | None) -> list[dict[str, Any]]:
    if error is None:
        return []
    told: dict[str, Any] = {"type": type(error).__name__}
    if isinstance(error, _OF_THE_MACHINE):
        told["message"] = str(error)
    told["frames"] = [
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return [*_told(before), told]
