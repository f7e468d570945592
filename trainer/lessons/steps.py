"""Lessons on what an epoch, a batch and an update are."""

from __future__ import annotations

import math

import numpy as np

from trainer.config import RunConfig
from trainer.errors import InvalidInput
from trainer.lessons.fit import Fit
from trainer.lessons.lesson import (
    PLAIN_ROWS,
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
    equal,
)

_ROWS = 4
_BATCHES = (1, 2, 4)
_RATES = {"rate_010": 0.1, "rate_012": 0.12}
_LONG = 200


def four_points(name: str, title: str, **choices: object) -> Scenario:
    """Return a training on the four points of y = 2x."""
    return Scenario(name=name, title=title, dataset="four_points", choices=choices)


def _updates(batch_size: int, epochs: int = 3) -> int:
    return epochs * math.ceil(_ROWS / batch_size)


def final_error(fit: Fit) -> float:
    """Return the mean squared error of the line that was fitted in the end, on the four points."""
    weight, bias = (float(part.reshape(-1)[0]) for part in fit.weights)
    x = np.arange(1, _ROWS + 1)
    return float(f"{np.mean((weight * x + bias - 2 * x) ** 2):.6g}")


def _check_epochs(fits: Fits) -> list[Figure]:
    figures = []
    for size in _BATCHES:
        fit = fits[f"batch_{size}"]
        words = f"= 3 · ceil(4 / {size}) = {_updates(size)}"
        figures.append(equal(f"updates, batches of {size}", fit.updates, _updates(size), words))
    for size in _BATCHES:
        falls = fits[f"batch_{size}"].falls("loss")
        figures.append(equal(f"the loss falls in every epoch, batches of {size}", falls, True))
    errors = [final_error(fits[f"batch_{size}"]) for size in _BATCHES]
    for size, error, less in zip(_BATCHES, errors, [0.0, *errors], strict=False):
        name = f"squared error in the end, batches of {size}"
        rule = f"> {less:g}, that of batches of {size // 2}" if size > 1 else "> 0"
        figures.append(Figure(name=name, value=error, rule=rule, holds=error > less))
    slow, fast = (fits[name].series("loss") for name in _RATES)
    return [
        *figures,
        at_most("last loss over the first, learning rate 0.10", _share(slow), 0.01),
        at_least("last loss over the first, learning rate 0.12", _share(fast), 2),
    ]


def _share(losses: np.ndarray) -> float:
    return float(f"{losses[-1] / losses[0]:.3g}")


EPOCHS_AND_BATCHES = Lesson(
    name="epochs_and_batches",
    title="Epochs and batches",
    removes="An epoch is one update.",
    predict=Question(
        text="Four rows, 3 epochs, batches of 2. How many times are the weights updated?",
        options=(
            Option(
                text="3",
                belief="An epoch is one update.",
                feedback="That would be one an epoch. Each batch makes an update.",
            ),
            Option(text="6", feedback="Two batches an epoch, three epochs.", is_right=True),
            Option(
                text="12",
                belief="Every row is an update of its own.",
                feedback="That is with batches of 1: every row its own update.",
            ),
            Option(
                text="2",
                belief="The batch size is the number of updates.",
                feedback="2 is how many rows make one update, not how many updates.",
            ),
        ),
    ),
    scenarios=(
        *(four_points(f"batch_{n}", f"batches of {n}", batch_size=n) for n in (2, 1, 4)),
        *(
            four_points(
                name, f"learning rate {rate:.2f}", batch_size=4, learning_rate=rate, epochs=_LONG
            )
            for name, rate in _RATES.items()
        ),
    ),
    record=(
        Sight(text="The loss fell in every epoch.", is_shown=lambda fit: fit.falls("loss")),
        Sight(text="The loss rose at least once.", is_shown=lambda fit: not fit.falls("loss")),
        Sight(
            text="An epoch had two steps.",
            is_shown=lambda fit: fit.steps_per_epoch == 2,
        ),
    ),
    explain=(
        "An epoch passes once over all rows. A batch is the rows that make one update. Four rows "
        "in batches of 2 are two updates an epoch, six in three epochs. Smaller batches update "
        "more often, so after as many epochs they have come further."
    ),
    knob=Knob(label="Batch size", field="batch_size", scenarios=("batch_1", "batch_2", "batch_4")),
    challenge=Question(
        text="With one batch of all four rows: which learning rate breaks it?",
        options=(
            Option(text="0.02", feedback="That is slow and safe."),
            Option(text="0.10", feedback="Close to the edge, and it still converges."),
            Option(
                text="0.12",
                feedback="Each step lands further off on the other side than it began. The edge is "
                "at 2 / 16.7 ≈ 0.1198: two over the steepest curvature of this loss.",
                is_right=True,
            ),
        ),
        scenarios=("rate_010", "rate_012"),
    ),
    check=_check_epochs,
)


def refusal(batch_size: object) -> str | None:
    """Return the sentence with which a batch size is refused for the four points; None if not."""
    try:
        RunConfig.create("four_points", batch_size=batch_size)
    except InvalidInput as problem:
        return str(problem)
    return None


def check_batch_size_zero(fits: Fits) -> list[Figure]:
    """Return what is shown of plain Keras with `batch_size=0`, and of this program."""
    plain = fits.plain_steps[0]
    figures = [
        equal(
            f"steps an epoch of Keras' own fit(batch_size=0) on {PLAIN_ROWS} rows",
            plain,
            math.ceil(PLAIN_ROWS / 32),
            f"= ceil({PLAIN_ROWS} / 32): it silently uses 32",
        )
    ]
    for value in (0, -1, True, 2.5):
        said = refusal(value)
        words = "refused, naming batch_size"
        is_named = said is not None and said.startswith("batch_size must be a positive integer.")
        figures.append(
            Figure(name=f"here batch_size={value!r}", value=said, rule=words, holds=is_named)
        )
    said = refusal(100)
    is_named = said is not None and "at most the number of training rows, 4" in said
    return [
        *figures,
        Figure(
            name="here batch_size=100 with 4 rows",
            value=said,
            rule="refused, naming the rows there are",
            holds=is_named,
        ),
        equal(
            f"steps an epoch of Keras' own fit(batch_size=100) on {PLAIN_ROWS} rows",
            fits.plain_steps[100],
            1,
        ),
        equal("steps an epoch, batches of 1", fits["batch_1"].steps_per_epoch, 4),
        equal("steps an epoch, one batch of all", fits["batch_4"].steps_per_epoch, 1),
    ]


BATCH_SIZE_ZERO = Lesson(
    name="batch_size_zero",
    title="A batch of nothing",
    removes="0 means all.",
    predict=Question(
        text="What does Keras' fit(x, y, batch_size=0) do with arrays?",
        options=(
            Option(
                text="Nothing: there is nothing in a batch.",
                belief="Zero rows a batch train nothing.",
                feedback="It does train.",
            ),
            Option(
                text="It ends with an error.",
                belief="Keras refuses what makes no sense.",
                feedback="It should, and it does not.",
            ),
            Option(
                text="It silently uses 32.",
                feedback="0 counts as “not given” there, and the default is 32.",
                is_right=True,
            ),
            Option(
                text="It takes all rows at once.",
                belief="0 means all.",
                feedback="Forty rows make two steps, not 1.",
            ),
        ),
    ),
    scenarios=(
        four_points("batch_1", "batches of 1", batch_size=1),
        four_points("batch_4", "one batch of all four rows", batch_size=4),
    ),
    record=(
        Sight(
            text="With batches of 1 there are four steps an epoch.",
            is_shown=lambda fit: fit.steps_per_epoch == 4,
        ),
        Sight(text="There is one step an epoch.", is_shown=lambda fit: fit.steps_per_epoch == 1),
    ),
    explain=(
        "Steps an epoch are rows over batch size, rounded up, and 4 / 0 is no number. A program "
        "that puts its own default there trains something that nobody asked for, and does not say "
        "so. This one refuses 0, numbers below it, fractions and true or false before it starts. "
        "A batch larger than all rows is refused too; Keras makes it one step of what there is."
    ),
    knob=Knob(label="Batch size", field="batch_size", scenarios=("batch_1", "batch_4")),
    challenge=Question(
        text="Why is a silent default worse than an error?",
        options=(
            Option(
                text="You go on with results of a set-up that you do not know of.",
                feedback="An error costs a minute, a wrong belief can spoil the project.",
                is_right=True,
            ),
            Option(text="It is slower.", feedback="It costs no time. It costs knowing."),
            Option(
                text="It is not worse.",
                feedback="Forty rows were trained in two batches, and nobody was told.",
            ),
        ),
    ),
    plain_batch_sizes=(0, 100),
    check=check_batch_size_zero,
)
