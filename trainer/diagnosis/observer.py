"""Watches one run epoch by epoch, and says what is to be said of it."""

from __future__ import annotations

import functools
import logging
from array import array
from collections.abc import Sequence

import numpy as np

from trainer.config import RunConfig, config_of
from trainer.datasets.audit import Finding
from trainer.diagnosis.auditing import Audits
from trainer.diagnosis.evidence import Evidence
from trainer.diagnosis.rules import diagnose
from trainer.diagnosis.verdict import Verdict
from trainer.evaluation.counts import Counts
from trainer.evaluation.packing import unpack
from trainer.runs import Record, Run
from trainer.store import Store

# So long the auditor is waited for where somebody asks once.
_AUDIT_SECONDS = 3.0
_CURVES = ("loss", "val_loss", "fair_loss")
_LOG = logging.getLogger(__name__)


class Observer:
    """What is said of a run so far. For one thread.

    Attributes:
        is_settled: Whether a diagnosis would say what the last one said; never while nothing is
            said because somebody is still to observe the run, see `trainer.withheld`.

    Args:
        store: Where the run is.
        audits: Who knows whether its data leak; None if nobody does.
    """

    def __init__(self, store: Store, *, audits: Audits | None = None) -> None:
        self.is_settled = False
        self._store = store
        self._audits = audits
        # The values of `_CURVES`, epoch after epoch.
        self._values = array("d")
        self._first_epoch = 0
        self._broken: set[int] = set()
        self._seen: set[str] = set()
        self._config: RunConfig | None = None
        self._leaks: tuple[Finding, ...] | None = None
        self._said: tuple[Verdict, ...] = ()

    def take(self, records: Sequence[Record]) -> None:
        """Take in a run's next records, in order."""
        for record in records:
            if record.kind == "epoch":
                self._take(record)
                self.is_settled = False

    def diagnose(self, run: Run, *, patience: float = 0.0) -> tuple[Verdict, ...]:
        """Return what is said of a run now.

        Args:
            run: The run as it is.
            patience: Seconds to wait for the auditor, without whom nothing is settled.
        """
        try:
            if self._store.is_withheld(run.run_id):
                self.is_settled, self._said = False, ()
                return self._said
            self._ask_auditor(run, patience)
            self.is_settled = self._leaks is not None
            self._said = diagnose(self._evidence(run))
        except Exception:
            # A diagnosis is not worth more than the curves it is about.
            _LOG.exception("A run cannot be diagnosed.", extra={"run_id": run.run_id})
            self.is_settled = True
        return self._said

    def _take(self, record: Record) -> None:
        if not self._values:
            self._first_epoch = record.epoch
        place = record.epoch - self._first_epoch
        # A later launch of the run trains some epochs again.
        del self._values[max(0, place) * len(_CURVES) :]
        self._broken = {epoch for epoch in self._broken if epoch < record.epoch}
        if place < 0:
            self._first_epoch = record.epoch
        self._values.extend([np.nan] * (place * len(_CURVES) - len(self._values)))
        # What was not finite is stored as None.
        logged = {
            name: np.nan if record.data[name] is None else record.data[name]
            for name in _CURVES
            if name in record.data
        }
        self._values.extend(logged.get(name, np.nan) for name in _CURVES)
        losses = [logged[name] for name in ("loss", "val_loss") if name in logged]
        if not np.all(np.isfinite(losses)):
            self._broken.add(record.epoch)
        self._seen |= logged.keys()

    def _ask_auditor(self, run: Run, patience: float) -> None:
        if self._config is None:
            self._config = config_of(run)
        if self._audits is None or self._config is None:
            self._leaks = ()
        elif self._leaks is None:
            self._leaks = self._audits.findings(self._config, seconds=patience)

    def _evidence(self, run: Run) -> Evidence:
        config = self._config
        curves = np.array(self._values).reshape(-1, len(_CURVES))
        curves = np.where(np.isfinite(curves), curves, np.nan)
        loss, val_loss, fair = (
            curves[:, place] if name in self._seen else np.array([])
            for place, name in enumerate(_CURVES)
        )
        return Evidence(
            loss=loss,
            val_loss=val_loss,
            fair_loss=fair,
            counts=self._counts(run.run_id, None),
            config=config,
            first_epoch=self._first_epoch,
            is_over=run.is_over,
            broken=min(self._broken) - self._first_epoch if self._broken else None,
            has_diverged=run.state == "diverged",
            # Rules ask for the same epochs.
            counts_at=functools.cache(functools.partial(self._counts, run.run_id)),
            leaks=self._leaks or (),
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
    observer = Observer(store, audits=audits)
    observer.take(records)
    return observer.diagnose(run, patience=_AUDIT_SECONDS)
