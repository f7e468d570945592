"""The gate of a training: one thread trains through it, another steers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest

import trainer.gate
from tests.waiting import wait_until
from trainer.gate import Gate

STEPS_PER_EPOCH = 10


class Training(threading.Thread):
    """Takes steps through a gate until it is told to stop, at most four in a call."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.pauses: list[bool] = []
        self.gate = Gate(self.pauses.append)
        self.steps = self.epochs = 0
        self.rates: list[tuple[int, float]] = []
        self.is_open = threading.Event()  # so that a test may steer before the first step

    def run(self) -> None:
        self.is_open.wait()
        while True:
            step = self.steps - self.epochs * STEPS_PER_EPOCH
            taken = self.gate.admit(
                self.epochs,
                step,
                min(4, STEPS_PER_EPOCH - step),
                steps_per_epoch=STEPS_PER_EPOCH,
                set_learning_rate=lambda rate: self.rates.append((self.steps, rate)),
            )
            if not taken:
                return
            self.steps += taken
            if self.steps == (self.epochs + 1) * STEPS_PER_EPOCH:
                self.epochs += 1
                self.gate.end_epoch()

    def waits(self) -> bool:
        return self.pauses[-1:] == [True]

    def wait_for(self, steps: int) -> None:
        """Wait until it has taken exactly so many steps and stands at the gate again."""
        wait_until(lambda: self.steps >= steps and self.waits(), f"{steps} steps are taken")
        # Whoever waits at the gate has read all that was said to it.
        self.gate.set_learning_rate(float(steps))
        wait_until(lambda: self.rates and self.rates[-1][1] == steps, "it stands at the gate")
        assert self.rates[-1] == (steps, float(steps))


@pytest.fixture
def training() -> Iterator[Training]:
    one = Training()
    one.start()
    yield one
    one.gate.stop()
    one.is_open.set()
    one.join(timeout=60)
    assert not one.is_alive()


def test_an_open_gate_lets_everything_through(training):
    training.is_open.set()
    wait_until(lambda: training.epochs > 100, "epochs go by")
    assert training.pauses == []


def test_a_paused_training_waits_and_goes_on_when_it_may(training):
    training.gate.pause()
    training.is_open.set()
    training.wait_for(0)
    training.gate.resume()
    wait_until(lambda: training.epochs > 3, "it goes on")
    training.gate.pause()
    wait_until(training.waits, "it waits")
    assert training.pauses == [True, False, True]


def test_one_step_is_one_step_and_each_further_one_another(training):
    training.gate.pause()
    training.is_open.set()
    training.wait_for(0)
    for steps in (1, 2, 3):
        training.gate.step()
        training.wait_for(steps)
    training.gate.step()
    training.gate.step()
    training.wait_for(5)
    assert training.pauses == [True]  # single steps are no going on


def test_one_epoch_ends_where_the_epoch_does_wherever_it_began(training):
    training.gate.pause()
    training.is_open.set()
    training.gate.epoch()
    training.wait_for(10)
    training.gate.step()
    training.wait_for(11)
    training.gate.epoch()
    training.wait_for(20)
    training.gate.epoch()
    training.gate.epoch()
    training.wait_for(40)


def test_a_step_or_an_epoch_pauses_a_training_that_runs(training):
    training.gate.step()
    training.is_open.set()
    training.wait_for(1)
    training.gate.resume()
    wait_until(lambda: training.epochs > 3, "it goes on")
    training.gate.epoch()
    wait_until(training.waits, "it waits")
    assert training.steps % STEPS_PER_EPOCH == 0


def test_a_pause_takes_back_steps_that_were_not_taken(training):
    for _ in range(5):
        training.gate.step()
        training.gate.epoch()
    training.gate.pause()
    training.is_open.set()
    training.wait_for(0)


def test_a_paused_training_can_be_stopped(training):
    training.gate.pause()
    training.is_open.set()
    training.wait_for(0)
    training.gate.stop()
    training.join(timeout=60)
    assert not training.is_alive()
    assert (training.steps, training.gate.is_stopped) == (0, True)


def test_the_learning_rate_changes_before_the_next_step_and_once(training):
    training.gate.set_learning_rate(0.5)
    training.gate.set_learning_rate(0.25)
    training.gate.pause()
    training.is_open.set()
    training.wait_for(0)
    assert training.rates[0] == (0, 0.25)


class Clock:
    """Time that only waiting moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def slowed(monkeypatch, speed: float, *, steps_per_epoch: int | None, epoch_takes: float = 0.0):
    """Train five epochs in slow motion; return when each began and how many steps calls had."""
    clock = Clock()
    monkeypatch.setattr(trainer.gate, "time", clock)
    gate = Gate()

    def wait(seconds: float | None = None) -> None:
        assert seconds is not None
        clock.now += seconds

    monkeypatch.setattr(gate._changed, "wait", wait)
    gate.slow_down(speed)
    begins, groups = [], []
    for epoch in range(5):
        step = 0
        while step < 100:
            taken = gate.admit(
                epoch,
                step,
                100 - step,
                steps_per_epoch=steps_per_epoch,
                set_learning_rate=lambda rate: None,
            )
            if step == 0:
                begins.append(clock.now - 1000)
            groups.append(taken)
            step += taken
        clock.now += epoch_takes
        gate.end_epoch()
    return begins, groups


def test_slow_motion_spreads_the_steps_of_an_epoch(monkeypatch):
    begins, groups = slowed(monkeypatch, 2.0, steps_per_epoch=100)
    assert begins == pytest.approx([0, 0.5, 1, 1.5, 2])
    assert set(groups) == {10}  # a twentieth of a second each


def test_slow_motion_makes_up_for_a_short_validation_and_never_hurries(monkeypatch):
    begins, _ = slowed(monkeypatch, 2.0, steps_per_epoch=100, epoch_takes=0.05)
    assert begins == pytest.approx([0, 0.5, 1, 1.5, 2])
    begins, _ = slowed(monkeypatch, 2.0, steps_per_epoch=100, epoch_takes=3.0)
    gaps = [later - sooner for sooner, later in pairwise(begins)]
    assert all(gap >= 3.0 + 0.5 - 0.1 - 0.05 for gap in gaps)


def test_without_a_known_length_whole_epochs_are_slowed_down(monkeypatch):
    begins, groups = slowed(monkeypatch, 4.0, steps_per_epoch=None)
    assert begins == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert set(groups) == {100}
