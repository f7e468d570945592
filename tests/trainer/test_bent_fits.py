"""Real fits on bent data: what a leak, a rare class or a threshold does to validation and test."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.config import RunConfig
from trainer.inspecting import inspect
from trainer.recorder import Recorder
from trainer.runs import Scores
from trainer.store import Store
from trainer.training import Training, WarmModel

SEEDS = (0, 1, 2)
_WARM = WarmModel()


@pytest.fixture
def store(tmp_path):
    opened = Store(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    yield opened
    opened.close()


class Fit:
    """A training that ran to its end, and what its network says of both held-out parts."""

    def __init__(self, store: Store, config: RunConfig) -> None:
        claim = store.open_run(config.to_dict(), worker="me", origin="test")
        run_id = claim.run_id
        assert Training(config, Recorder(store, claim), warm=_WARM).run() == "finished"
        run = store.run(run_id)
        self.validation = inspect(run, part="validation", which="last")[1]
        self.test = inspect(run, part="test", which="last")[1]
        accuracy = store.history(run_id)["val_accuracy"][-1]
        assert accuracy_of(self.validation) == pytest.approx(accuracy, abs=1e-6)


def accuracy_of(scores: Scores) -> float:
    return float((scores.y_score.argmax(axis=1) == scores.y_true).mean())


# Hard to learn and easy to learn by heart, so that there is something to gain from a leak.
HARD = {
    "dataset": "spam",
    "noise": 2.0,
    "num_samples": 1500,
    "hidden_layers": 2,
    "units": 128,
    "epochs": 40,
}


@pytest.fixture(scope="module")
def without_leak(tmp_path_factory) -> np.ndarray:
    """Accuracies on validation and test rows with the switch off, shape `(seeds, 2)`."""
    with pytest.MonkeyPatch.context() as patched:
        folder = tmp_path_factory.mktemp("without leak")
        patched.setenv("DASHBOARD_HOME", str(folder))
        opened = Store(f"sqlite:///{folder / 'runs.sqlite'}")
        found = accuracies(opened, "none")
        opened.close()
    return found


def accuracies(store: Store, leak: str) -> np.ndarray:
    fits = [Fit(store, RunConfig.create(**HARD, leak=leak, seed=seed)) for seed in SEEDS]
    return np.array([[accuracy_of(fit.validation), accuracy_of(fit.test)] for fit in fits])


def test_without_a_leak_validation_and_test_agree(without_leak):
    validation, test = without_leak.T
    assert abs(validation - test).max() <= 0.12
    assert validation.mean() == pytest.approx(test.mean(), abs=0.05)


@pytest.mark.parametrize("leak", ["target_column", "duplicated_rows", "scaling"])
def test_a_leak_raises_validation_and_drops_on_the_sealed_test(store, without_leak, leak):
    validation, test = accuracies(store, leak).T
    # A single seed's figure differs from one kind of processor to another.
    for honest in (without_leak[:, 0], test):
        assert (validation >= honest + 0.1).all()
        assert validation.mean() >= honest.mean() + 0.2
    assert test.mean() <= without_leak[:, 1].mean() + 0.02


def test_of_pictures_doubled_rows_alone_leak(store):
    choices = {"noise": 2.0, "units": 256, "epochs": 30, "num_samples": 900}
    leaky, clean = (
        Fit(store, RunConfig.create("digits", **choices, leak=leak))
        for leak in ("duplicated_rows", "none")
    )
    assert accuracy_of(leaky.validation) >= accuracy_of(clean.validation) + 0.05
    assert accuracy_of(leaky.validation) >= accuracy_of(leaky.test) + 0.05
    assert abs(accuracy_of(clean.validation) - accuracy_of(clean.test)) <= 0.07


def test_wrong_labels_spoil_the_validation_more_than_the_network(store):
    clean, noisy = (
        Fit(store, RunConfig.create("moons", epochs=50, label_noise=share)) for share in (0, 0.25)
    )
    assert accuracy_of(noisy.validation) <= 0.85
    assert accuracy_of(noisy.test) >= accuracy_of(clean.test) - 0.1


# -- the classroom sets -----------------------------------------------------------------------


def cheapest_threshold(scores: Scores, *, false_alarm: float, miss: float) -> float:
    """Return the threshold k/1000 whose errors cost least; the middle one of those alike."""
    thresholds = np.arange(1001) / 1000
    called = scores.y_score[:, 1] >= thresholds[:, np.newaxis]
    is_positive = scores.y_true == 1
    costs = false_alarm * (called & ~is_positive).sum(axis=1)
    costs = costs + miss * (~called & is_positive).sum(axis=1)
    return float(np.median(thresholds[costs == costs.min()]))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fraud_model_is_98_percent_accurate_and_misses_most_frauds(store, seed):
    test = Fit(store, RunConfig.create("fraud", seed=seed)).test
    called = test.y_score[:, 1] >= 0.5
    frauds = test.y_true == 1
    assert 0.975 <= accuracy_of(test) <= 0.99
    assert called[frauds].mean() <= 0.4
    assert abs(accuracy_of(test) - (1 - frauds.mean())) <= 0.01  # no better than "always no"
    few_alarms = test.y_score[:, 1] >= 0.02
    assert few_alarms[frauds].mean() >= 0.65 and few_alarms.mean() <= 0.4


@pytest.mark.parametrize("seed", SEEDS)
def test_spam_wants_a_high_threshold(store, seed):
    scores = Fit(store, RunConfig.create("spam", seed=seed)).test
    assert 0.85 <= accuracy_of(scores) <= 0.95
    assert cheapest_threshold(scores, false_alarm=10, miss=1) > 0.7


@pytest.mark.parametrize("seed", SEEDS)
def test_screening_wants_a_low_threshold(store, seed):
    scores = Fit(store, RunConfig.create("screening", seed=seed)).test
    assert cheapest_threshold(scores, false_alarm=1, miss=20) < 0.2
    called = scores.y_score[:, 1] >= 0.5
    assert called[scores.y_true == 1].mean() <= 0.6
