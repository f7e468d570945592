"""Lessons on what curves tell: shapes and their causes, and what loss and metric have to do."""

from __future__ import annotations

import numpy as np

from trainer.config import RunConfig
from trainer.errors import InvalidInput
from trainer.lessons.fit import Fit, largest_difference
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
    equal,
)
from trainer.lessons.steps import four_points

_AREA = "area_under_line"
_PEAK = 29
_PATIENCE = 5


def _plane(name: str, title: str, learning_rate: float) -> Scenario:
    choices = {"learning_rate": learning_rate, "fair_curve": True}
    return Scenario(name=name, title=title, dataset="plane", choices=choices)


def moons(
    name: str,
    title: str,
    *,
    rows: int,
    batch_size: int,
    learning_rate: float,
    num_validation: int = 400,
    **more: object,
) -> Scenario:
    """Return a training on so many noisy moons, with many to validate on."""
    choices = {
        "num_samples": rows + num_validation,
        "noise": 0.4,
        "test_split": 0.0,
        "validation_split": num_validation / (rows + num_validation),
        "hidden_layers": 2,
        "units": 64,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "epochs": 60,
        "fair_curve": True,
        **more,
    }
    return Scenario(name=name, title=title, dataset="moons", choices=choices)


OVERFITTING = moons(
    "overfitting",
    "40 rows, overfitting",
    rows=40,
    num_validation=360,
    batch_size=8,
    learning_rate=0.02,
    epochs=100,
)


def wiggle(fit: Fit) -> float:
    """Return the median change of the validation loss between epochs over its median."""
    losses = fit.series("val_loss")
    return float(f"{np.median(np.abs(np.diff(losses))) / np.median(losses):.3g}")


def rise(fit: Fit) -> float:
    """Return the last validation loss over the lowest one."""
    losses = fit.series("val_loss")
    return float(f"{losses[-1] / losses.min():.3g}")


def _check_curves(fits: Fits) -> list[Figure]:
    stuck = fits["stuck"].series("loss")
    return [
        at_most("validation loss in the end, good", fits["good"].last("val_loss"), 0.40),
        at_most("share by which the loss fell, stuck", float(1 - stuck[-1] / stuck[0]), 0.02),
        at_least("median change of the validation loss over it", wiggle(fits["fluctuating"]), 0.1),
        equal("how the learning rate of 2 ended", fits["diverging"].state, "diverged"),
        at_least("last validation loss over the lowest, 40 rows", rise(fits["overfitting"]), 1.2),
        at_most("last validation loss over the lowest, 400 rows", rise(fits["cured"]), 1.15),
    ]


READING_CURVES = Lesson(
    name="reading_curves",
    title="Reading curves",
    removes="Any gap or wiggle is overfitting.",
    predict=Question(
        text="A learning rate of 0.5 on noisy data. What will the validation loss do?",
        options=(
            Option(
                text="Fall smoothly and level off.",
                belief="Any learning rate ends at the same place.",
                feedback="That is what 0.02 does here.",
            ),
            Option(
                text="Hardly move.",
                belief="A large rate gets stuck.",
                feedback="That is what 0.00001 does here.",
            ),
            Option(
                text="Jump up and down without settling.",
                feedback="Each update overshoots: the network runs around the best point.",
                is_right=True,
            ),
            Option(
                text="Shoot up without end.",
                belief="Any rate that is too large diverges.",
                feedback="That is what 2 does here.",
            ),
        ),
    ),
    scenarios=(
        _plane("fluctuating", "learning rate 0.5", 0.5),
        _plane("good", "learning rate 0.02", 0.02),
        _plane("stuck", "learning rate 0.00001", 1e-5),
        _plane("diverging", "learning rate 2", 2.0),
        OVERFITTING,
        moons("cured", "400 rows", rows=400, batch_size=32, learning_rate=0.005),
    ),
    record=(
        Sight(
            text="The validation loss jumped by a tenth or more from epoch to epoch.",
            is_shown=lambda fit: wiggle(fit) >= 0.1,
        ),
        Sight(text="It was smooth.", is_shown=lambda fit: wiggle(fit) < 0.1),
    ),
    explain=(
        "Too small a learning rate hardly moves, too large a one jumps or runs away. Overfitting "
        "is another thing: the training loss goes on falling while the validation loss has turned "
        "and rises. A gap alone, or a wiggle alone, is none."
    ),
    knob=Knob(
        label="Learning rate",
        field="learning_rate",
        scenarios=("good", "stuck", "fluctuating", "diverging"),
    ),
    challenge=Question(
        text="40 rows overfit within 100 epochs. What cures it best?",
        options=(
            Option(
                text="Ten times as many rows.",
                feedback="What 400 rows have in common is more often true of all.",
                is_right=True,
            ),
            Option(text="More epochs.", feedback="They learn the 40 rows by heart all the more."),
            Option(text="More units.", feedback="They have more room for learning by heart."),
        ),
        scenarios=("overfitting", "cured"),
    ),
    board=("val_loss",),
    check=_check_curves,
)


def _area(name: str, title: str, **choices: object) -> Scenario:
    return four_points(
        name, title, **{"batch_size": 4, "epochs": 60, "metrics": [_AREA], **choices}
    )


def _stopping(name: str, direction: str) -> Scenario:
    return _area(
        name,
        f"early stopping on the area, {direction}",
        early_stopping=_AREA,
        direction=direction,
        patience=_PATIENCE,
    )


def _open_direction() -> str | None:
    """Return the sentence with which early stopping on the area without a direction is refused."""
    try:
        RunConfig.create("four_points", metrics=[_AREA], early_stopping=_AREA)
    except InvalidInput as problem:
        return str(problem)
    return None


def _check_area(fits: Fits) -> list[Figure]:
    watched = fits["watched"]
    area = watched.series(_AREA)
    said = _open_direction()
    return [
        equal("the loss never rises", bool((np.diff(watched.series("loss")) <= 0).all()), True),
        equal("epoch in which the area is largest", int(area.argmax()) + 1, _PEAK),
        equal("the area is smaller in the end", bool(area[-1] < area.max()), True),
        equal(
            "largest difference of the weights, with and without the metric",
            largest_difference(watched, fits["unwatched"]),
            0.0,
        ),
        Figure(
            name="early stopping on the area, no direction",
            value=said,
            rule="refused, asking for min or max",
            holds=said is not None and said.startswith("direction must be min or max"),
        ),
        equal("epochs with early stopping, max", fits["stop_max"].epochs, _PEAK + _PATIENCE),
        equal("epochs with early stopping, min", fits["stop_min"].epochs, 1 + _PATIENCE),
    ]


LOSS_AND_METRIC = Lesson(
    name="loss_and_metric",
    title="Loss and metric",
    removes="A metric steers training.",
    predict=Question(
        text="The loss falls in every epoch. Must the area under the line always rise?",
        options=(
            Option(
                text="Yes, both say how good it is.",
                belief="Loss and metric measure the same.",
                feedback="The area does not say that.",
            ),
            Option(
                text="Yes, as long as it trains.",
                belief="A metric steers training.",
                feedback="Training looks at the loss alone.",
            ),
            Option(
                text="No, it may rise and fall.",
                feedback="Nothing in training looks at the area.",
                is_right=True,
            ),
        ),
    ),
    scenarios=(
        _area("watched", "the area watched"),
        _area("unwatched", "nothing watched", metrics=[]),
        _stopping("stop_max", "max"),
        _stopping("stop_min", "min"),
    ),
    record=(
        Sight(
            text="The area rose, and then fell.",
            is_shown=lambda fit: bool(0 < fit.series(_AREA).argmax() < fit.epochs - 1),
        ),
        Sight(
            text="The area only rose.",
            is_shown=lambda fit: bool((np.diff(fit.series(_AREA)) > 0).all()),
        ),
    ),
    explain=(
        "Each example has a loss. Its mean over the batch, the cost, is what an update makes "
        "smaller. A metric is only watched: with and without it, the weights are the same to the "
        "last bit. It gets a say only where somebody gives it one, as early stopping does."
    ),
    knob=Knob(label="Metric", field="metrics", scenarios=("watched", "unwatched")),
    challenge=Question(
        text="Early stopping on the area: what must be said beside the patience?",
        options=(
            Option(
                text="Whether larger or smaller is better.",
                feedback="With max it ends a few epochs after the peak, with min right away.",
                is_right=True,
            ),
            Option(text="The batch size.", feedback="It has no part in stopping."),
            Option(text="Nothing.", feedback="Of an area nobody knows which way is better."),
        ),
        scenarios=("stop_min", "stop_max"),
    ),
    board=(_AREA,),
    check=_check_area,
)
