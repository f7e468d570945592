"""Lessons on what is decided from scores: the matrix, the threshold, its costs, rare classes."""

from __future__ import annotations

import numpy as np

from trainer.lessons.fit import Fit
from trainer.lessons.lesson import (
    Figure,
    Fits,
    Knob,
    Lesson,
    Option,
    Question,
    Scenario,
    Sight,
    at_least,
    at_most,
    between,
    equal,
)

_RATIOS = ("accuracy", "precision", "recall")


def _ratios(fit: Fit, threshold: float, expected: tuple[float | None, ...]) -> list[Figure]:
    """Return figures of accuracy, precision and recall at a threshold, to three digits."""
    seen = fit.at(threshold)
    return [
        equal(f"{name} at {threshold:g}", seen[name], value)
        for name, value in zip(_RATIOS, expected, strict=True)
    ]


def _check_matrix(fits: Fits) -> list[Figure]:
    fit = fits["two_sides"]
    return [
        equal("TN, FP, FN, TP at 0.5", np.ravel(fit.at(0.5)["confusion_matrix"]).tolist(), _HALF),
        *_ratios(fit, 0.5, (0.85, 35 / 45, 0.875)),
        equal("F1 at 0.5", fit.at(0.5)["f1"], 70 / 85, "= 70 / 85 ≈ 0.824"),
        equal("TN, FP, FN, TP at 0.8", np.ravel(fit.at(0.8)["confusion_matrix"]).tolist(), _NONE),
        equal("precision at 0.8", fit.at(0.8)["precision"], None),
    ]


_HALF = [50, 10, 5, 35]
_NONE = [60, 0, 40, 0]

CONFUSION_MATRIX = Lesson(
    name="confusion_matrix",
    title="The confusion matrix",
    removes="Rows and columns swapped.",
    predict=Question(
        text="Left: 50 negatives and 5 positives. Right: 10 negatives and 35 positives. The "
        "network calls right positive. What is its precision?",
        options=(
            Option(
                text="35 / 45 ≈ 0.778",
                feedback="Of the 45 called positive, 35 are.",
                is_right=True,
            ),
            Option(
                text="35 / 40 = 0.875",
                belief="Precision and recall swapped.",
                feedback="That is recall: of 40 positives, 35 found.",
            ),
            Option(
                text="85 / 100 = 0.85",
                belief="Precision is accuracy.",
                feedback="That is accuracy: right in both ways.",
            ),
            Option(
                text="50 / 60 ≈ 0.833",
                belief="Rows and columns swapped.",
                feedback="That is specificity: negatives left alone.",
            ),
        ),
    ),
    scenarios=(Scenario(name="two_sides", title="two sides", dataset="two_sides"),),
    record=(
        Sight(
            text="10 negatives were called positive, 5 positives were missed.",
            is_shown=lambda fit: np.ravel(fit.at(0.5)["confusion_matrix"]).tolist() == _HALF,
        ),
        Sight(
            text="5 negatives were called positive, 10 positives were missed.",
            is_shown=lambda fit: fit.at(0.5)["confusion_matrix"][0][1] == 5,
        ),
    ),
    explain=(
        "Rows are what is true, columns what was said. Precision looks down the column of those "
        "called positive, recall along the row of those that are. At 0.8 nobody is called: then "
        "precision is 0 / 0, undefined, and not 0."
    ),
    knob=Knob(label="Threshold", field="threshold", scenarios=("two_sides",)),
    challenge=Question(
        text="What is F1 at 0.5?",
        options=(
            Option(
                text="0.824",
                feedback="2 · 35 / (2 · 35 + 10 + 5): between precision and recall.",
                is_right=True,
            ),
            Option(text="0.850", feedback="That is accuracy. F1 never looks at the 50."),
            Option(text="0.827", feedback="Close: that is the plain mean of the two."),
        ),
    ),
    shows_matrix=True,
    board=("val_accuracy",),
    check=_check_matrix,
)


def _check_thresholds(fits: Fits) -> list[Figure]:
    fit = fits["clouds"]
    outcomes = fit.outcomes
    precision = outcomes.precision[np.isfinite(outcomes.precision)]
    low, high = fit.at(0.1)["precision"], fit.at(0.9)["precision"]
    spam, _ = fit.cheapest(false_alarm=10, miss=1)
    screening, _ = fit.cheapest(false_alarm=1, miss=20)
    return [
        equal(
            "recall rises somewhere as the threshold does",
            bool((np.diff(outcomes.recall) > 0).any()),
            False,
        ),
        equal(
            "precision dips somewhere as the threshold rises",
            bool((np.diff(precision) < 0).any()),
            True,
        ),
        Figure(
            name="precision at 0.9 against that at 0.1",
            value=[high, low],
            rule="higher",
            holds=high is not None and low is not None and high > low,
        ),
        at_least("cheapest threshold, a false alarm costs 10 misses", spam, 0.7),
        at_most("cheapest threshold, a miss costs 20 false alarms", screening, 0.2),
    ]


PRECISION_AND_RECALL = Lesson(
    name="precision_and_recall",
    title="Precision and recall",
    removes="0.5 is the right threshold.",
    predict=Question(
        text="The threshold goes up to 0.9. Which one cannot have risen?",
        options=(
            Option(
                text="Recall",
                feedback="Fewer are called, so no more of the positives can be among them.",
                is_right=True,
            ),
            Option(
                text="Precision",
                belief="A stricter threshold lowers precision.",
                feedback="It mostly rises, though it may dip on the way.",
            ),
            Option(
                text="Both can rise.",
                belief="A stricter threshold makes everything better.",
                feedback="Whoever calls fewer finds no more.",
            ),
        ),
    ),
    scenarios=(Scenario(name="clouds", title="two clouds", dataset="clouds"),),
    record=(
        Sight(
            text="At 0.9 precision was higher and recall lower than at 0.1.",
            is_shown=lambda fit: (
                fit.at(0.9)["precision"] > fit.at(0.1)["precision"]
                and fit.at(0.9)["recall"] < fit.at(0.1)["recall"]
            ),
        ),
        Sight(
            text="At 0.9 recall was higher than at 0.1.",
            is_shown=lambda fit: fit.at(0.9)["recall"] > fit.at(0.1)["recall"],
        ),
    ),
    explain=(
        "The network gives a score, and where the line is drawn is somebody's decision. A false "
        "alarm may cost more than a miss (a letter among the spam) or far less (a healthy person "
        "examined once more). With honest scores the cheapest line is near "
        "cost of a false alarm / (cost of a false alarm + cost of a miss)."
    ),
    knob=Knob(label="Threshold", field="threshold", scenarios=("clouds",)),
    challenge=Question(
        text="In a screening a miss costs 20 times a false alarm. Where is the cheapest threshold?",
        options=(
            Option(text="Near 0.05", feedback="1 / (1 + 20) ≈ 0.048.", is_right=True),
            Option(text="At 0.5", feedback="That is right where both cost the same."),
            Option(text="Near 0.95", feedback="That is where a false alarm costs 20 misses."),
        ),
    ),
    shows_matrix=True,
    board=("val_loss",),
    check=_check_thresholds,
)


def _rare(name: str, title: str, **choices: object) -> Scenario:
    return Scenario(name=name, title=title, dataset="rare", choices=choices)


def _check_paradox(fits: Fits) -> list[Figure]:
    plain, weighted = fits["plain"].at(0.5), fits["weighted"].at(0.5)
    return [
        between("accuracy", plain["accuracy"], 0.945, 0.955),
        at_most("recall", plain["recall"], 0.05),
        at_least("recall with class weights 1:19", weighted["recall"], 0.5),
        at_most("accuracy with class weights 1:19", weighted["accuracy"], 0.75),
    ]


ACCURACY_PARADOX = Lesson(
    name="accuracy_paradox",
    title="The accuracy paradox",
    removes="High accuracy means good.",
    predict=Question(
        text="A network is right in 95 % of all rows. Can it be that it catches nobody?",
        options=(
            Option(
                text="No, 95 % is a good network.",
                belief="High accuracy means good.",
                feedback="Not where 95 % are negative.",
            ),
            Option(
                text="Yes.",
                feedback="If one row in twenty is positive, always saying no is right in 95 %.",
                is_right=True,
            ),
            Option(
                text="Only without validation.",
                belief="Validation finds every trap.",
                feedback="Those are the validation rows.",
            ),
        ),
    ),
    scenarios=(
        _rare("plain", "one in twenty"),
        _rare("weighted", "one in twenty, weighted 1:19", class_weight="1:19"),
    ),
    record=(
        Sight(
            text="Accuracy was about 0.95, recall about 0.",
            is_shown=lambda fit: fit.at(0.5)["accuracy"] > 0.94 and fit.at(0.5)["recall"] <= 0.05,
        ),
        Sight(
            text="Accuracy and recall were both high.",
            is_shown=lambda fit: fit.at(0.5)["recall"] > 0.5,
        ),
    ),
    explain=(
        "Accuracy counts the many. Where nearly all rows are of one class, always naming that "
        "class is hard to beat by it. Weighting the rare rows 19 times makes both classes count "
        "the same: accuracy falls, and most of the rare ones are found."
    ),
    knob=Knob(label="Class weights", field="class_weight", scenarios=("plain", "weighted")),
    challenge=Question(
        text="What tells of the trap at once?",
        options=(
            Option(
                text="The accuracy of always naming the most frequent class.",
                feedback="The dashed line in the accuracy chart: 0.95 is no better than it.",
                is_right=True,
            ),
            Option(text="The loss.", feedback="It falls as it should."),
            Option(text="The training accuracy.", feedback="It is about 0.95, too."),
        ),
        scenarios=("weighted",),
    ),
    shows_matrix=True,
    board=("val_accuracy", "val_recall"),
    check=_check_paradox,
)


def _check_fraud(fits: Fits) -> list[Figure]:
    fit = fits["risk_levels"]
    rows = fit.at(0.5)["rows"]
    threshold, cost = fit.cheapest(false_alarm=1, miss=100)
    return [
        *_ratios(fit, 0.5, (0.9808, 0.60, 0.12)),
        *_ratios(fit, 0.1, (0.952, 120 / 520, 0.60)),
        *_ratios(fit, 0.02, (0.812, 170 / 2020, 0.85)),
        equal("accuracy of always saying no", 1 - fit.at(0.5)["support"] / rows, 0.98),
        between("cheapest threshold, a miss costs 100 alarms", threshold, 0.004, 0.033),
        equal("its cost for 10,000 payments", round(cost * rows), 4850),
    ]


FRAUD = Lesson(
    name="fraud",
    title="98 % accurate: ship it?",
    removes="98 % is production-ready.",
    predict=Question(
        text="A fraud alarm is right in 98 % of all payments. Ship it?",
        options=(
            Option(
                text="Yes, 98 % is excellent.",
                belief="98 % is production-ready.",
                feedback="Never raising an alarm has 98 % too.",
            ),
            Option(
                text="First see how many frauds it catches.",
                feedback="Here it is 24 of 200.",
                is_right=True,
            ),
            Option(
                text="No, wait for 99.9 %.",
                belief="Enough accuracy makes it ready.",
                feedback="Accuracy is the wrong thing to wait for.",
            ),
        ),
    ),
    scenarios=(Scenario(name="risk_levels", title="risk levels", dataset="risk_levels"),),
    record=(
        Sight(
            text="At 0.5 it caught about one fraud in eight.",
            is_shown=lambda fit: 0.1 <= fit.at(0.5)["recall"] <= 0.15,
        ),
        Sight(
            text="At 0.5 it caught most frauds.", is_shown=lambda fit: fit.at(0.5)["recall"] > 0.5
        ),
    ),
    explain=(
        "Always saying no is right in 98 %. The lower the threshold, the more frauds are caught, "
        "and the more honest payments are stopped: 24, 120, 170 of 200 frauds for 16, 400, 1,850 "
        "false alarms. Which of these is best, accuracy cannot say. Costs can."
    ),
    knob=Knob(label="Threshold", field="threshold", scenarios=("risk_levels",)),
    challenge=Question(
        text="A missed fraud costs 100, a false alarm 1. Which threshold is cheapest?",
        options=(
            Option(text="0.5", feedback="Costs 17,616: 176 frauds are missed."),
            Option(text="0.1", feedback="Costs 8,400."),
            Option(text="0.02", feedback="Costs 4,850, near 1 / 101.", is_right=True),
            Option(text="0", feedback="Costs 9,800: everybody is stopped."),
        ),
    ),
    shows_matrix=True,
    board=("val_accuracy", "val_recall"),
    check=_check_fraud,
)
