"""Watches one run epoch by epoch, and says what is to be said of it."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Sequence

import numpy as np

from trainer.config import RunConfig
from trainer.diagnosis.auditing import Audits
from trainer.diagnosis.evidence import Evidence
from trainer.diagnosis.rules import diagnose
from trainer.diagnosis.verdict import Verdict
from trainer.errors import DatasetUnavailable, InvalidInput
from trainer.evaluation.counts import Counts
from trainer.evaluation.packing import unpack
from trainer.runs import Record, Run
from trainer.store import Store

# Of a training that goes on a diagnosis is made so often at most, and in this share of the time.
_PAUSE_SECONDS = 0.5
_SHARE = 0.02
# So long the auditor is waited for where somebody asks once.
AUDIT_SECONDS = 3.0
_CURVES = ("loss", "val_loss", "fair_loss")
_LOG = logging.getLogger(__name__)


class Observer:
    """What is said of a run so far. For one thread.

    Args:
        store: Where the run is.
        audits: Who knows whether its data leak; None if nobody does.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        store: Store,
        *,
        audits: Audits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._audits = audits
        self._clock = clock
        self._epochs: list[tuple[float, float, float]] = []
        self._first_epoch = 0
        self._seen: set[str] = set()
        self._is_new = True
        self._due = 0.0
        self._config: RunConfig | None = None
        self._said: tuple[Verdict, ...] = ()

    def observe(
        self, run: Run, records: Sequence[Record], *, patience: float = 0.0
    ) -> tuple[Verdict, ...]:
        """Take in a run's next records, and return what is said of it now.

        Args:
            run: The run as it is.
            records: Those that came since the last call, in order.
            patience: Seconds to wait for the auditor.
        """
        for record in records:
            if record.kind == "epoch":
                self._take(record)
        is_training = run.state == "training"
        if not self._is_new and not run.is_over:
            return self._said
        now = self._clock()
        if is_training and now < self._due:
            return self._said
        self._is_new = False
        try:
            self._said = diagnose(self._evidence(run, patience))
        except Exception:
            # A diagnosis is not worth more than the curves it is about.
            _LOG.exception("A run cannot be diagnosed.", extra={"run_id": run.run_id})
        took = self._clock() - now
        self._due = now + max(_PAUSE_SECONDS, took / _SHARE)
        return self._said

    def _take(self, record: Record) -> None:
        if not self._epochs:
            self._first_epoch = record.epoch
        place = record.epoch - self._first_epoch
        # A later launch of the run trains some epochs again.
        del self._epochs[max(0, place) :]
        if place < 0:
            self._first_epoch = record.epoch
        self._epochs += [(np.nan, np.nan, np.nan)] * (place - len(self._epochs))
        values = (record.data.get(name) for name in _CURVES)
        loss, val_loss, fair = (np.nan if value is None else value for value in values)
        self._epochs.append((loss, val_loss, fair))
        self._seen |= record.data.keys() & set(_CURVES)
        self._is_new = True

    def _evidence(self, run: Run, patience: float) -> Evidence:
        if self._config is None:
            self._config = _config(run)
        config = self._config
        curves = np.array(self._epochs, dtype=float).reshape(-1, 3)
        curves = np.where(np.isfinite(curves), curves, np.nan)
        loss, val_loss, fair = (
            curves[:, place] if name in self._seen else np.array([])
            for place, name in enumerate(_CURVES)
        )
        leaks = None
        if self._audits is not None and config is not None:
            leaks = self._audits.findings(config, seconds=patience)
        return Evidence(
            loss=loss,
            val_loss=val_loss,
            fair_loss=fair,
            counts=self._counts(run.run_id, None),
            config=config,
            first_epoch=self._first_epoch,
            is_over=run.is_over,
            has_diverged=run.state == "diverged",
            # Rules ask for the same epochs.
            counts_at=functools.cache(functools.partial(self._counts, run.run_id)),
            leaks=leaks or (),
        )

    def _counts(self, run_id: str, epoch: int | None) -> Counts | None:
        evaluation = self._store.evaluation(run_id, epoch)
        return None if evaluation is None else unpack(evaluation.counts)


def verdicts_on(store: Store, run_id: str, *, audits: Audits | None = None) -> tuple[Verdict, ...]:
    """Return what is said of a run as it is now.

    Raises:
        RunNotFound: There is no such run.
    """
    run, records = store.updates(run_id)
    return Observer(store, audits=audits).observe(run, records, patience=AUDIT_SECONDS)


def _config(run: Run) -> RunConfig | None:
    if "dataset" not in run.config:
        return None
    try:
        return RunConfig.from_dict(run.config)
    except (InvalidInput, DatasetUnavailable):
        return None
