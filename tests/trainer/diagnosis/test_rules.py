"""The rules, on curves made by hand: said where they hold, silent where one condition does not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.trainer.diagnosis.curves import MOONS, evidence, scored
from trainer.config import RunConfig
from trainer.datasets.audit import Finding
from trainer.diagnosis.confident import confident_mistakes
from trainer.diagnosis.gap import unfair_gap
from trainer.diagnosis.improving import still_improving
from trainer.diagnosis.leakage import leakage
from trainer.diagnosis.noise import fluctuating, validation_noisy
from trainer.diagnosis.overfitting import overfitting
from trainer.diagnosis.rules import diagnose
from trainer.diagnosis.standstill import barely_moving, stuck, underfitting
from trainer.evaluation.counts import ClassCounts

DOWN = np.linspace(0.6, 0.1, 20)
TURNED = np.concatenate([np.linspace(0.6, 0.3, 8), np.linspace(0.3, 0.9, 13)[1:]])
ZIGZAG = np.tile([0.5, 0.7], 10)
FLAT = np.full(20, 0.5)
# The epochs of twenty that the fair curve looked at, where there was no time for the others.
AFTER_A_GAP = (np.arange(20) < 12) | (np.arange(20) == 19)
NOW_AND_THEN = np.arange(20) % 5 == 0


def turned(**more):
    counts = {7: scored(195, 5), 19: scored(150, 50)}
    return evidence(DOWN, TURNED, **{"counts": counts[19], "counts_at": counts.get, **more})


def names(verdicts):
    return [verdict.name for verdict in verdicts]


def test_overfitting_names_the_turn_and_both_losses_and_offers_dropout():
    verdict = overfitting(turned())
    assert verdict.sentence == (
        "Overfitting: since epoch 8 the validation loss rose from 0.343 to 0.825, while the "
        "training loss fell from 0.416 to 0.139."
    )
    assert verdict.epochs == (7, 19)
    assert verdict.choices == {"dropout": 0.5}


def test_who_has_dropout_is_offered_early_stopping():
    config = dataclasses.replace(MOONS, dropout=0.2)
    choices = overfitting(turned(config=config)).choices
    assert choices == {"early_stopping": "val_loss", "patience": 10}


def test_epochs_that_the_fair_curve_left_out_lie_on_the_line_between_their_neighbours():
    gaps = np.where(np.isin(np.arange(20), (6, 7, 8)), np.nan, DOWN)
    assert turned().training == pytest.approx(DOWN)
    seen = {7: scored(195, 5), 19: scored(150, 50)}
    with_gaps = evidence(DOWN, TURNED, gaps, counts=seen[19], counts_at=seen.get)
    assert with_gaps.training == pytest.approx(DOWN)
    assert overfitting(with_gaps) is not None
    rare = np.where(np.arange(20) == 19, 0.1, np.nan)
    assert evidence(FLAT, FLAT, rare).training == pytest.approx(FLAT)


@pytest.mark.parametrize(
    "seen",
    [
        evidence(DOWN, DOWN),
        evidence(DOWN, np.where(np.arange(20) < 18, DOWN, 0.5)),
        evidence(FLAT, TURNED),
        turned(counts_at=lambda epoch: scored(150, 50)),
        turned(counts_at=lambda epoch: None),
        turned(config=None),
    ],
    ids=[
        "still falling",
        "best a moment ago",
        "training does not fall",
        "inside the interval",
        "rows not known",
        "loss not known",
    ],
)
def test_overfitting_is_silent_where_one_of_its_conditions_is_not_so(seen):
    assert overfitting(seen) is None


def sure(few: int) -> ClassCounts:
    """Return 180 rows that are right and 20 wrong; of so many of these it was sure."""
    some, others = scored(180, few, sure=0.98), scored(0, 20 - few, sure=0.6)
    return ClassCounts(
        positives=some.positives + others.positives,
        negatives=some.negatives + others.negatives,
        confusion=some.confusion + others.confusion,
    )


def test_a_few_sure_mistakes_are_told_where_the_loss_rises_and_accuracy_holds():
    seen = {7: sure(0), 19: sure(16)}
    verdict = confident_mistakes(turned(counts=seen[19], counts_at=seen.get))
    # By hand: 16 rows cost -log(0.0205), 4 cost -log(0.4005), 180 cost -log(0.9805).
    assert verdict.sentence == (
        "Since epoch 8 the validation loss rose from 0.343 to 0.825, while accuracy held: 0.900 "
        "then, 0.900 now. Sure mistakes, 16 of 200 rows, make up 90% of the loss; then it was 0 "
        "rows and 0%."
    )
    assert verdict.epochs == (7, 19)


@pytest.mark.parametrize(
    "counts",
    [
        {7: sure(0), 19: scored(150, 50, sure=0.98)},
        {7: sure(0), 19: sure(1)},
        {7: scored(100, 100, sure=0.98), 19: scored(100, 100, sure=0.98)},
        {},
    ],
    ids=["accuracy falls", "a small share", "many rows", "not known"],
)
def test_sure_mistakes_are_not_told_where_one_of_their_conditions_is_not_so(counts):
    assert confident_mistakes(turned(counts=sure(0), counts_at=counts.get)) is None


def test_barely_moving_is_a_steady_fall_by_less_than_three_hundredths():
    verdict = barely_moving(evidence(np.linspace(1.0, 0.98, 20)))
    assert "the training loss fell by 2.00%, from 1 to 0.98" in verdict.sentence
    assert verdict.choices == {"learning_rate": MOONS.learning_rate * 10}
    slower = barely_moving(evidence(np.linspace(1.0, 0.999, 20)))
    assert slower.choices == {"learning_rate": pytest.approx(MOONS.learning_rate * 100)}
    assert barely_moving(evidence(np.linspace(1.0, 0.9, 20))) is None
    assert barely_moving(evidence(np.linspace(1.0, 1.1, 20))) is None
    assert barely_moving(evidence(1 - 0.02 * (np.arange(20) % 2))) is None


def test_stuck_is_no_better_than_the_best_constant_and_no_longer_falling():
    verdict = stuck(evidence(np.full(20, 0.69), np.full(20, 0.695)))
    assert "never got below 0.695, and always predicting the same costs 0.693" in verdict.sentence
    assert stuck(evidence(np.full(20, 0.69), np.full(20, 0.6))) is None
    assert stuck(evidence(DOWN, np.full(20, 0.695))) is None
    weighted = dataclasses.replace(MOONS, class_weight="balanced")
    assert stuck(evidence(np.full(20, 0.69), np.full(20, 0.695), config=weighted)) is None


@pytest.mark.parametrize("rule", [stuck, underfitting, barely_moving])
def test_a_training_loss_of_nothing_at_all_is_neither_stuck_nor_settled(rule):
    assert rule(evidence(np.zeros(20), np.full(20, 0.695))) is None
    assert rule(evidence(np.zeros(20), np.zeros(20))) is None


def test_underfitting_has_settled_far_from_zero_in_training_too():
    verdict = underfitting(evidence(np.full(20, 0.49), np.full(20, 0.5)))
    assert "0.5 is 28% below that of always predicting the same" in verdict.sentence
    assert underfitting(evidence(np.full(20, 0.2), np.full(20, 0.5))) is None
    assert underfitting(evidence(np.full(20, 0.2), np.full(20, 0.2))) is None
    assert underfitting(evidence(DOWN, np.full(20, 0.5))) is None


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (evidence(ZIGZAG, ZIGZAG), "fluctuating"),
        (evidence(FLAT, ZIGZAG, FLAT), "validation_noisy"),
        (evidence(FLAT, ZIGZAG, np.where(AFTER_A_GAP, ZIGZAG, np.nan)), "fluctuating"),
        (evidence(FLAT, ZIGZAG, np.where(NOW_AND_THEN, FLAT, np.nan)), None),
        (evidence(FLAT, ZIGZAG), None),
        (evidence(ZIGZAG, ZIGZAG, counts=scored(40, 10)), "validation_noisy"),
        (evidence(ZIGZAG, FLAT), None),
        (evidence(ZIGZAG, np.linspace(9, 1, 20)), None),
    ],
    ids=[
        *("both jump", "fair loss rests", "fair loss jumps, with a gap", "fair loss too seldom"),
        *("not known", "50 rows", "rests", "falls"),
    ],
)
def test_a_jumping_validation_is_told_by_what_the_training_does(seen, expected):
    said = [one for rule in (fluctuating, validation_noisy) if (one := rule(seen)) is not None]
    assert names(said) == ([expected] if expected else [])


def test_still_improving_is_said_once_it_is_over():
    verdict = still_improving(evidence(DOWN, DOWN, is_over=True))
    assert verdict.choices == {"epochs": 40}
    assert verdict.way == "more"
    assert still_improving(evidence(DOWN, DOWN)) is None
    assert still_improving(evidence(DOWN, FLAT, is_over=True)) is None
    assert still_improving(evidence(DOWN, TURNED, is_over=True)) is None
    assert still_improving(evidence(DOWN, DOWN, is_over=True, counts=scored(40, 10))) is None


def test_a_logged_loss_far_above_the_fair_one_is_no_gap():
    verdict = unfair_gap(evidence(FLAT, FLAT / 1.5, FLAT / 2))
    assert "(0.333 and 0.5), but looked at in the same way the training loss is 0.25." in (
        verdict.sentence
    )
    assert unfair_gap(evidence(FLAT, FLAT / 1.5, FLAT / 1.2)) is None
    assert unfair_gap(evidence(FLAT, FLAT, FLAT / 2)) is None
    assert unfair_gap(evidence(FLAT, FLAT / 1.5)) is None


def test_leakage_rests_on_the_auditor_and_not_on_the_curves():
    column = Finding(kind="leak", sentence="“refunded” knows it (AUC 0.980).", evidence="AUC 0.980")
    few = Finding(kind="across", sentence="", share=0.005)
    many = Finding(kind="across", sentence="", share=0.25)
    leaky = RunConfig.create("purchases", leak="target_column")
    found = leakage(evidence(DOWN, DOWN, config=leaky, leaks=(column,)))
    assert "“refunded” knows it" in found.sentence
    assert found.choices == {"leak": "none"}
    # A measurement may well be as good as that.
    assert leakage(evidence(DOWN, DOWN, leaks=(column, few))) is None
    assert "25.0% of the validation rows" in leakage(evidence(DOWN, DOWN, leaks=(many,))).sentence


# -- the order, and the silences ----------------------------------------------------------------


def test_at_most_two_are_said_the_gravest_first():
    counts = {7: scored(195, 5), 19: scored(20, 20)}
    jumping = np.where(np.arange(20) % 2, TURNED * 1.4, TURNED)
    many = Finding(kind="across", sentence="", share=0.25)
    seen = evidence(DOWN, jumping, DOWN, counts=counts[19], counts_at=counts.get, leaks=(many,))
    assert validation_noisy(seen) is not None
    assert len(diagnose(seen)) == 2
    assert diagnose(seen)[0].name == "leakage"


@pytest.mark.parametrize("epochs", [0, 1, 7])
def test_before_eight_epochs_only_a_loss_that_runs_away_is_said(epochs):
    assert diagnose(evidence(ZIGZAG[:epochs], ZIGZAG[:epochs])) == ()
    broken = evidence(ZIGZAG[:epochs], ZIGZAG[:epochs], has_diverged=True)
    assert names(diagnose(broken)) == ["diverging"]
    assert names(diagnose(evidence(ZIGZAG[:8], ZIGZAG[:8]))) == ["fluctuating"]


def test_without_validation_only_a_loss_that_runs_away_is_said():
    assert diagnose(evidence(ZIGZAG, counts=None)) == ()
    assert names(diagnose(evidence([1.0, np.nan], counts=None, broken=1))) == ["diverging"]


def test_a_fork_counts_its_epochs_on_from_its_parent_s():
    counts = {107: scored(195, 5), 119: scored(150, 50)}
    seen = turned(first_epoch=100, counts_at=counts.get, counts=counts[119])
    (verdict, *_) = diagnose(seen)
    assert "since epoch 108" in verdict.sentence
    assert verdict.epochs == (107, 119)


def test_of_somebody_s_own_fit_the_next_step_is_said_but_not_taken():
    for verdict in diagnose(evidence(ZIGZAG, ZIGZAG, config=None)):
        assert verdict.choices == {}
        assert verdict.next_step
