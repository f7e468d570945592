"""A share of the time, by a clock that the test moves."""

from __future__ import annotations

from trainer.pace import Pace


class Clock:
    """Shows the seconds that somebody has set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def spend(pace: Pace, clock: Clock, seconds: float) -> None:
    with pace.spending():
        clock.now += seconds


def test_only_what_stays_within_the_share_of_the_time_gone_by_is_affordable():
    clock = Clock()
    pace = Pace(share=0.05, clock=clock)
    assert not pace.affords(0.001)
    clock.now += 1
    assert pace.affords(0.049)
    assert not pace.affords(0.051)


def test_what_was_spent_is_waited_for():
    clock = Clock()
    pace = Pace(share=0.05, clock=clock)
    clock.now += 10
    spend(pace, clock, 0.5)
    assert pace.last == 0.5
    assert not pace.affords(0.1)
    clock.now += 1.4
    assert not pace.affords(0.1)
    clock.now += 0.2
    assert pace.affords(0.1)


def test_the_beginning_counts_as_if_a_while_had_gone_by():
    clock = Clock()
    pace = Pace(share=0.05, head_start=1.0, clock=clock)
    assert pace.affords(0.05)
    spend(pace, clock, 0.04)
    assert pace.affords(0.01)
    assert not pace.affords(0.02)
    clock.now += 2
    assert pace.affords(0.06)


def test_what_was_before_the_beginning_does_not_count():
    clock = Clock()
    pace = Pace(share=0.05, clock=clock)
    clock.now += 100
    spend(pace, clock, 1)
    pace.begin()
    assert not pace.affords(0.01)
    clock.now += 1
    assert pace.affords(0.05)


def test_whatever_takes_its_time_never_takes_more_than_its_share():
    clock = Clock()
    pace = Pace(share=0.05, clock=clock)
    began = clock.now
    spent = 0.0
    for step in range(10_000):
        clock.now += 0.003
        cost = 0.001 * (1 + step % 5)
        if pace.affords(cost):
            spend(pace, clock, cost)
            spent += cost
        assert spent <= 0.05 * (clock.now - began) + 1e-9
    assert spent > 0.045 * (clock.now - began)
