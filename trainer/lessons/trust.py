"""Lessons on what a number can be trusted for: validation, and what leaks into it."""

from __future__ import annotations

from trainer.lessons.fit import largest_difference
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


def _coins(name: str, title: str, **choices: object) -> Scenario:
    return Scenario(name=name, title=title, dataset="coin_flips", choices=choices)


def _check_validation(fits: Fits) -> list[Figure]:
    validated = fits["validated"]
    return [
        at_least("accuracy on the training rows", validated.last("accuracy"), 0.95),
        between("accuracy on the validation rows", validated.last("val_accuracy"), 0.40, 0.60),
        equal(
            "largest difference of the weights, with and without validation",
            largest_difference(validated, fits["unvalidated"]),
            0.0,
        ),
    ]


VALIDATION = Lesson(
    name="validation",
    title="What validation is for",
    removes="Training accuracy is skill. Validation trains.",
    predict=Question(
        text="Each row is labelled by a coin. How accurate will the network get?",
        options=(
            Option(
                text="About 0.5 on the training rows and on new ones.",
                belief="What holds for no new row cannot be learnt by heart.",
                feedback="On new ones, yes. The training rows can be learnt by heart.",
            ),
            Option(
                text="Near 1 on the training rows, about 0.5 on new ones.",
                feedback="It learns the coins by heart, and that helps with no other coin.",
                is_right=True,
            ),
            Option(
                text="Near 1 on both.",
                belief="Training accuracy is skill.",
                feedback="Nobody can tell how a coin will fall.",
            ),
        ),
    ),
    scenarios=(
        _coins("validated", "coin flips, validated"),
        _coins("unvalidated", "coin flips, not validated", validate=False),
    ),
    record=(
        Sight(
            text="Training accuracy rose to nearly 1, validation accuracy stayed near 0.5.",
            is_shown=lambda fit: fit.last("accuracy") > 0.9 and fit.last("val_accuracy") < 0.65,
        ),
        Sight(text="Both rose.", is_shown=lambda fit: fit.last("val_accuracy") > 0.65),
    ),
    explain=(
        "Rows that the network was not trained on say what it can do with new ones. They are only "
        "looked at: trained with and without validation, the weights are the same to the last bit."
    ),
    knob=Knob(label="Validation", field="validate", scenarios=("validated", "unvalidated")),
    challenge=Question(
        text="Validation is switched off. What happens to the training accuracy?",
        options=(
            Option(text="It falls.", feedback="Training never looked at those rows."),
            Option(text="Nothing at all.", feedback="Same weights, same curve.", is_right=True),
            Option(text="It rises.", feedback="There are no more rows to train on than before."),
        ),
        scenarios=("unvalidated",),
    ),
    board=("accuracy", "val_accuracy"),
    check=_check_validation,
)


def _purchases(name: str, title: str, **choices: object) -> Scenario:
    return Scenario(name=name, title=title, dataset="purchases", choices=choices, opens_test=True)


def _check_leakage(fits: Fits) -> list[Figure]:
    leaky, clean, picked = (fits[name] for name in ("leaky", "clean", "picked"))
    gap = clean.last("val_accuracy") - clean.test_accuracy
    return [
        at_least("with the refund column: validation", leaky.last("val_accuracy"), 0.95),
        at_most("with the refund column: next month", _rounded(leaky.test_accuracy), 0.60),
        between("without it: validation", clean.last("val_accuracy"), 0.69, 0.78),
        between("without it: next month", _rounded(clean.test_accuracy), 0.69, 0.78),
        at_most("without it: how far they are apart", _rounded(abs(gap)), 0.05),
        between("20 picked of 5,000: validation", picked.last("val_accuracy"), 0.72, 0.94),
        between("20 picked of 5,000: fresh rows", _rounded(picked.test_accuracy), 0.44, 0.56),
    ]


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


LEAKAGE = Lesson(
    name="leakage",
    title="The answer leaked",
    removes="Good validation proves it.",
    predict=Question(
        text="Validation says 98 % on which purchases come back. What will next month's say?",
        options=(
            Option(
                text="About 98 %: that is what validation is for.",
                belief="Good validation proves it.",
                feedback="Next month's purchases have no refund yet, and that gave it away.",
            ),
            Option(
                text="About 90 %.",
                belief="A leak costs a little accuracy.",
                feedback="It is far worse: without refunds it must guess.",
            ),
            Option(
                text="About 50 %: a guess.",
                feedback="It had learnt to read the refund column, which is still empty then.",
                is_right=True,
            ),
        ),
    ),
    scenarios=(
        _purchases("leaky", "with the refund column", leak="target_column"),
        _purchases("clean", "without the refund column"),
        Scenario(
            name="picked",
            title="20 of 5,000 columns picked too early",
            dataset="guesses",
            choices={"leak": "selection", "test_split": 1000 / 1150},
            opens_test=True,
        ),
    ),
    record=(
        Sight(
            text="Validation accuracy was above 0.95.",
            is_shown=lambda fit: fit.last("val_accuracy") > 0.95,
        ),
        Sight(
            text="Validation accuracy was below 0.8.",
            is_shown=lambda fit: fit.last("val_accuracy") < 0.8,
        ),
    ),
    explain=(
        "The refund was booked after the fact, so it was there in all rows that were collected, "
        "those to validate on too. Validation shares every mistake that was made before the rows "
        "were parted. Ask of each column: would I know this at the moment of the prediction?"
    ),
    knob=Knob(label="Refund column", field="leak", scenarios=("leaky", "clean")),
    challenge=Question(
        text="The 20 columns of 5,000 that go best with the answers are picked before the rows are "
        "parted. All are noise. What will validation say?",
        options=(
            Option(text="About 0.5.", feedback="So say fresh rows. These helped to pick."),
            Option(
                text="Far above 0.5.",
                feedback="The validation rows had a say in which columns were picked.",
                is_right=True,
            ),
            Option(text="Far below 0.5.", feedback="The columns were picked because they fit."),
        ),
        scenarios=("picked",),
    ),
    board=("val_accuracy",),
    check=_check_leakage,
)
