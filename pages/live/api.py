"""What programs may ask the server: its health and the runs. Nothing here changes anything."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pages.live.browser import browser_of, owner_of
from pages.live.reader import boundary_message, to_message
from trainer.errors import InvalidInput, RoomNotFound, RunNotFound, StoreUnusable, TrainerError
from trainer.inspections import Inspections
from trainer.openings import openings_before, seal_signs, told_openings
from trainer.person import Person
from trainer.process import is_running
from trainer.rooms import Rooms
from trainer.runs import Run
from trainer.store import Store
from trainer.version import VERSION
from trainer.waiting import waiting

DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000
# Evaluations in one answer: more epochs than a slider can tell apart are thinned, and more bytes
# than a page can be made to wait for. What was left out can be asked for by `first` and `last`.
MAX_EVALUATIONS = 400
MAX_EVALUATION_BYTES = 1_900_000

_LOG = logging.getLogger(__name__)


def api_routes(
    store: Store, workers: Callable[[], list[dict[str, Any]]], *, start_seconds: float = 30
) -> list[Route]:
    """Return the routes `/api/health`, `/api/runs`, `/api/runs/{run_id}`, what lies below it,
    `/api/broadcast` and `/api/rooms/{code}`.

    Args:
        store: Where the runs are.
        workers: Tells the workers of this server, as plain values for JSON.
        start_seconds: From how long after the start on health needs a worker that runs.
    """
    api = _Api(store, workers, start_seconds)
    return [
        Route("/api/health", _answering(api.health)),
        Route("/api/runs", _answering(api.runs)),
        Route("/api/runs/{run_id}", _answering(api.run)),
        Route("/api/runs/{run_id}/seal", _answering(api.seal)),
        Route("/api/broadcast", _answering(api.broadcast)),
        Route("/api/rooms/{code}", _answering(api.room)),
        Route("/api/runs/{run_id}/evaluations", _answering(api.evaluations)),
        Route("/api/runs/{run_id}/boundaries", _answering(api.boundaries)),
        # Otherwise Streamlit would answer with its page.
        Route("/api/{rest:path}", _answering(api.nothing)),
    ]


class _Api:
    """The answers; each method blocks and runs in a thread. A status code and a body."""

    def __init__(
        self, store: Store, workers: Callable[[], list[dict[str, Any]]], start_seconds: float
    ) -> None:
        self._store = store
        self._inspections = Inspections(store)
        self._workers = workers
        self._start_seconds = start_seconds
        self._started = time.monotonic()

    def health(self, request: Request) -> tuple[int, dict[str, Any]]:
        uptime = round(time.monotonic() - self._started, 3)
        status, store_state = 200, "ok"
        hanging: set[int] = set()
        try:
            hanging = self._hanging()
        except Exception:
            _LOG.exception("The store cannot be read.")
            status, store_state = 503, "failed"
        workers: list[dict[str, Any]] = []
        try:
            workers = [{**worker, "hangs": worker["pid"] in hanging} for worker in self._workers()]
        except Exception:
            _LOG.exception("The workers cannot be listed.")
            status = 503
        is_starting = uptime < self._start_seconds
        if not is_starting and not any(one["running"] and not one["hangs"] for one in workers):
            status = 503  # nothing that is queued would train
        return status, {
            "server": {"state": "ok", "version": VERSION, "uptime_seconds": uptime},
            "store": {"state": store_state},
            "workers": workers,
        }

    def _hanging(self) -> set[int]:
        """Return the process ids of those here whose run is stalled."""
        stalled = [run.worker for run in self._store.active_runs() if run.state == "stalled"]
        return {int(name.rsplit(":", 2)[1]) for name in stalled if is_running(name)}

    def runs(self, request: Request) -> tuple[int, dict[str, Any]]:
        limit = request.query_params.get("limit", str(DEFAULT_LIMIT))
        is_number = limit.isascii() and limit.isdigit() and len(limit) < 10
        if not (is_number and 1 <= int(limit) <= MAX_LIMIT):
            raise InvalidInput("limit", f"must be an integer from 1 to {MAX_LIMIT}", limit)
        return 200, {"runs": [_facts(run) for run in self._store.runs(limit=int(limit))]}

    def run(self, request: Request) -> tuple[int, dict[str, Any]]:
        run_id = _run_id(request)
        run = self._store.run(run_id)
        waits = waiting(self._store, run)
        return 200, {
            **_facts(run),
            "message": run.message if waits is None else waits.reason,
            "queue_place": None if waits is None else waits.place,
            "queue_seconds": None if waits is None else waits.seconds,
            "history": self._store.history(run_id),
            "test_openings": told_openings(self._inspections.of_run(run_id, "test")),
            "test_openings_before": openings_before(
                run, self._inspections.num_openings, self._store.run
            ),
        }

    def seal(self, request: Request) -> tuple[int, dict[str, Any]]:
        """Tell those who look at a run whether its test set was opened, and nothing else."""
        asked = self._inspections.of_run(_run_id(request), "test")
        return 200, {"signs": seal_signs(asked)}

    def broadcast(self, request: Request) -> tuple[int, dict[str, Any]]:
        run = self._store.broadcast_run()
        shown = None if run is None else {"run_id": run.run_id, "name": run.name}
        return 200, {"run": shown}

    def room(self, request: Request) -> tuple[int, dict[str, Any]]:
        """Tell those who are in a room whether it has gone on, and nothing else."""
        browser = browser_of(request.headers.get("cookie", ""))
        person = Person(owner=owner_of(browser) if browser else "")
        signs = Rooms(self._store.used_by(person)).signs(request.path_params["code"])
        if signs is None:
            raise RoomNotFound
        return 200, {"signs": signs}

    def evaluations(self, request: Request) -> tuple[int, dict[str, Any]]:
        run_id = _run_id(request)
        found = self._store.evaluations(
            run_id,
            first=_whole(request, "first", 0),
            last=_whole(request, "last", None),
            limit=MAX_EVALUATIONS,
            max_bytes=MAX_EVALUATION_BYTES,
        )
        return 200, {
            "evaluations": [to_message(evaluation) for evaluation in found.shown],
            "epochs_total": found.epochs_total,
            "every": found.every,
        }

    def boundaries(self, request: Request) -> tuple[int, dict[str, Any]]:
        run_id = _run_id(request)
        found = self._store.boundaries(
            run_id,
            first=_whole(request, "first", 0),
            last=_whole(request, "last", None),
            limit=MAX_EVALUATIONS,
        )
        return 200, {"boundaries": [boundary_message(boundary) for boundary in found]}

    def nothing(self, request: Request) -> tuple[int, dict[str, Any]]:
        return 404, {"error": "There is nothing at this address."}


def _run_id(request: Request) -> str:
    run_id: str = request.path_params["run_id"]
    if not (run_id.isascii() and run_id.isalnum()):
        raise RunNotFound(run_id)
    return run_id


def _whole(request: Request, parameter: str, default: int | None) -> Any:
    text = request.query_params.get(parameter)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput(parameter, "must be an integer of at least 0", text)
    return int(text)


def _facts(run: Run) -> dict[str, Any]:
    """Return a run as the command line tells it too: `epochs` are those done."""
    return {
        "run_id": run.run_id,
        "name": run.name,
        "origin": run.origin,
        "state": run.state,
        "message": run.message,
        "epoch": run.epoch,
        "epochs": run.epoch,
        "step": run.step,
        "steps_per_epoch": run.steps_per_epoch,
        "seconds": run.seconds,
        "config": run.config,
        "parent": None if run.parent is None else run.parent._asdict(),
        "note": run.note,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
    }


def _answering(
    answer: Callable[[Request], tuple[int, dict[str, Any]]],
) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> JSONResponse:
        try:
            status, body = await asyncio.to_thread(answer, request)
        except (RunNotFound, RoomNotFound) as error:
            status, body = 404, {"error": str(error)}
        except StoreUnusable:
            # The sentence of this error may carry what only the log should have.
            _LOG.exception("The store cannot be read.")
            status, body = 503, {"error": "The store cannot be read at the moment."}
        except TrainerError as error:
            status, body = 400, {"error": str(error)}
        return JSONResponse(body, status_code=status, headers={"Cache-Control": "no-store"})

    return endpoint
