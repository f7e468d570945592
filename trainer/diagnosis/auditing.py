"""The auditor's findings for many who wait for a diagnosis: made once, in a thread of their own."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime

from trainer.config import RunConfig
from trainer.datasets.audit import Finding
from trainer.errors import DatasetUnavailable, InvalidInput
from trainer.looks import key_of_rows, look

_MAX_KEPT = 50
_LOG = logging.getLogger(__name__)


class Audits:
    """Has data audited that may leak: uploads, and sets with a leak built in. For many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_closed = False
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit")
        self._kept: OrderedDict[str, Future[tuple[Finding, ...]]] = OrderedDict()

    def findings(self, config: RunConfig, *, seconds: float = 0.0) -> tuple[Finding, ...] | None:
        """Return what the auditor says; nothing of data that cannot leak, None if it is not done.

        Args:
            config: The set-up.
            seconds: How long to wait for it.
        """
        if config.leak == "none" and config.spec.origin != "uploaded":
            return ()
        key = key_of_rows(config)
        with self._lock:
            if self._is_closed:
                return None
            audited = self._kept.get(key)
            if audited is None:
                audited = self._kept[key] = self._executor.submit(_audited, config)
                while len(self._kept) > _MAX_KEPT:
                    self._kept.popitem(last=False)
        try:
            return audited.result(timeout=seconds)
        except (NotInTime, CancelledError):
            return None
        except (DatasetUnavailable, InvalidInput):
            # The next who asks may find them there again.
            with self._lock:
                if self._kept.get(key) is audited:
                    del self._kept[key]
            return ()

    def close(self) -> None:
        """End the thread; what waits for it is never done."""
        with self._lock:
            self._is_closed = True
        self._executor.shutdown(wait=False, cancel_futures=True)


def _audited(config: RunConfig) -> tuple[Finding, ...]:
    try:
        return look(config).findings
    except (DatasetUnavailable, InvalidInput):
        raise
    except Exception:
        # A diagnosis is not worth more than the training that it is about.
        _LOG.exception("The data of a run cannot be audited.")
        return ()
