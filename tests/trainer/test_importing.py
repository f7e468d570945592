"""Importing what trains: whoever collects garbage is back at work afterwards."""

from __future__ import annotations

import gc
import sys

import trainer.training
from trainer.importing import import_training


def test_garbage_is_looked_for_again_once_what_trains_is_imported(monkeypatch):
    monkeypatch.setattr(trainer, "training", trainer.training)  # as it was, when this is over
    monkeypatch.delitem(sys.modules, "trainer.training")
    import_training()
    assert "trainer.training" in sys.modules
    assert gc.isenabled()
    frozen = gc.get_freeze_count()
    import_training()
    assert gc.get_freeze_count() <= frozen  # what is imported is left as it is
