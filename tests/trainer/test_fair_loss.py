"""The fair training curve: the loss of training rows as Keras' own `evaluate` has it."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.config import RunConfig
from trainer.datasets import load
from trainer.fair_loss import FairLoss
from trainer.models import build, shaped_targets
from trainer.pace import Pace
from trainer.recorder import Recorder
from trainer.store import Store
from trainer.training import Training, WarmModel


def prepared(config: RunConfig):
    parts = config.split(load(config.dataset, config.load_options()))
    one_hot = config.spec.num_classes if config.targets == "one_hot" else 0
    y = shaped_targets(parts.y_train, config.spec.task, one_hot=one_hot)
    model = build(config)
    model.feed(parts.x_train, y, batch_size=32, seed=0, num_logs=1 + len(config.metrics))
    return model, parts.x_train, y


@pytest.mark.parametrize(
    ("dataset", "choices"),
    [
        ("moons", {"dropout": 0.5}),
        ("iris", {"l2": 0.1, "label_smoothing": 0.2, "layers": "dense(8) batch_norm"}),
        ("diabetes", {"l1": 0.01, "dropout": 0.3}),
    ],
    ids=str,
)
def test_it_is_the_loss_that_keras_evaluates_whatever_dropout_and_weight_decay(dataset, choices):
    model, x, y = prepared(RunConfig.create(dataset, **choices))
    fair = FairLoss(model, x, y)
    expected = model.evaluate(x, y, batch_size=len(x), verbose=0, return_dict=True)["loss"]
    assert fair.after_epoch(is_last=True) == pytest.approx(expected, rel=1e-5)


def test_of_many_rows_the_same_few_are_looked_at():
    model, x, y = prepared(RunConfig.create("moons"))
    first, again = (FairLoss(model, x, y, max_rows=50).after_epoch(is_last=True) for _ in "ab")
    losses = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    assert first == again != pytest.approx(losses, rel=1e-6)
    assert first == pytest.approx(losses, rel=0.3)


def test_it_goes_without_epochs_for_which_there_is_no_time_but_never_without_the_last():
    model, x, y = prepared(RunConfig.create("moons"))
    now = iter(np.arange(0, 100, 0.5))
    fair = FairLoss(model, x, y, pace=Pace(share=0.1, clock=lambda: next(now)))
    fair.begin()
    seen = [fair.after_epoch(is_last=False) is not None for _ in range(12)]
    assert seen[0] and 1 <= sum(seen) < 6
    assert fair.after_epoch(is_last=True) is not None


def test_a_run_with_the_switch_has_the_series_and_trains_the_same(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    histories, warm = [], WarmModel()
    for fair_curve in (False, True):
        config = RunConfig.create("moons", epochs=6, dropout=0.4, fair_curve=fair_curve, seed=3)
        claim = store.open_run(config.to_dict(), worker="me", origin="test")
        assert Training(config, Recorder(store, claim), warm=warm).run() == "finished"
        histories.append(store.history(claim.run_id))
    without, with_it = histories
    fair = with_it.pop("fair_loss")
    assert with_it == without
    assert len(fair) == 6 and fair[-1] is not None
    # Without dropout, and with the weights of the end, the same rows cost less.
    assert fair[-1] < with_it["loss"][-1]
    store.close()


def test_a_run_that_does_not_validate_trains_the_same_and_logs_nothing_of_it(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    histories, warm = [], WarmModel()
    for validate in (True, False):
        config = RunConfig.create("moons", epochs=3, validate=validate)
        claim = store.open_run(config.to_dict(), worker="me", origin="test")
        assert Training(config, Recorder(store, claim), warm=warm).run() == "finished"
        histories.append(store.history(claim.run_id))
        assert (store.evaluation(claim.run_id) is not None) == validate
    assert set(histories[1]) == {"loss", "accuracy"}
    assert histories[1]["loss"] == histories[0]["loss"]
    store.close()
