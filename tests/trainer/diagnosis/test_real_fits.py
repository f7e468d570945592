"""What is said of trainings that are really made, and what their counts know of single rows."""

from __future__ import annotations

import pytest

from trainer.diagnosis.observer import verdicts_on
from trainer.diagnosis.row_losses import RowLosses
from trainer.diagnosis.scenarios import SCENARIOS
from trainer.evaluation.packing import unpack
from trainer.settings import Settings
from trainer.store import Store
from trainer.teaching import train


@pytest.fixture
def store(data_folder):
    store = Store(Settings.from_environment().store_url)
    yield store
    store.close()


@pytest.mark.parametrize("name", ["coin flips", "paradox"])
def test_a_known_training_gets_its_verdict_and_its_rows_losses_are_keras_own(store, name):
    known = SCENARIOS[name]
    fit = train(store, known.scenario, seed=5)
    assert known.expected in {verdict.name for verdict in verdicts_on(store, fit.run_id)}
    for epoch in (0, fit.epochs - 1):
        counts = unpack(store.evaluation(fit.run_id, epoch).counts)
        rows = RowLosses.of(counts, fit.config.loss)
        # The score is known to 1/1000: of sure mistakes a little is missing.
        assert rows.mean == pytest.approx(fit.history["val_loss"][epoch], rel=0.05)
