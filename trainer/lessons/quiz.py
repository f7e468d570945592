"""The quiz: five questions, each with a case that runs live."""

from __future__ import annotations

from trainer.lessons.lesson import (
    Figure,
    Fits,
    Knob,
    Lesson,
    Option,
    Question,
    Scenario,
    Sight,
    equal,
)
from trainer.lessons.steps import check_batch_size_zero, four_points

_QUESTIONS = (
    Question(
        text="What does `epochs` set?",
        options=(
            Option(
                text="How many updates there are.",
                belief="An epoch is one update.",
                feedback="That is epochs times batches.",
            ),
            Option(
                text="How often training passes over all training rows.",
                feedback="3 epochs are three passes, each of as many updates as there are batches.",
                is_right=True,
            ),
            Option(
                text="How many rows make one update.",
                belief="Epochs and batch size confused.",
                feedback="That is the batch size.",
            ),
            Option(
                text="How many layers there are.",
                belief="Epochs are part of the network.",
                feedback="That is the network's own affair.",
            ),
        ),
        scenarios=("batch_2",),
    ),
    Question(
        text="Which call trains 10 epochs with batches of 32?",
        options=(
            Option(
                text="model.fit(x, y, 10, 32)",
                belief="Epochs come first by position.",
                feedback="By position that is a batch size of 10 and 32 epochs.",
            ),
            Option(
                text="model.fit(x, y, epochs=32, batch_size=10)",
                belief="Epochs and batch size confused.",
                feedback="The two are swapped.",
            ),
            Option(
                text="model.compile(epochs=10, batch_size=32)",
                belief="compile() says how long to train.",
                feedback="compile() is told how to learn, fit() how long and of what.",
            ),
            Option(
                text="model.fit(x, y, epochs=10, batch_size=32)",
                feedback="Both by name: nobody has to remember an order.",
                is_right=True,
            ),
        ),
        scenarios=("ten_epochs",),
    ),
    Question(
        text="Four points of y = 2x, 3 epochs, batches of 2. What does the loss do?",
        options=(
            Option(
                text="It falls; its exact values vary with the seed.",
                feedback="Another seed begins with other weights and another order of rows.",
                is_right=True,
            ),
            Option(
                text="It falls to 0 at once.",
                belief="Training solves the task exactly and at once.",
                feedback="Six small updates do not get there.",
            ),
            Option(
                text="It rises.",
                belief="The loss measures success.",
                feedback="Only with far too large a learning rate.",
            ),
            Option(
                text="It falls, with the same values for everybody.",
                belief="Training has no chance in it.",
                feedback="Only with the same seed.",
            ),
        ),
        scenarios=("batch_2",),
    ),
    Question(
        text="What is wrong with `batch_size=0`?",
        options=(
            Option(
                text="Nothing: it means all rows.",
                belief="0 means all.",
                feedback="It does not: Keras uses 32.",
            ),
            Option(
                text="It is too slow.",
                belief="A small batch is only a slow one.",
                feedback="It is never slow: it is something else.",
            ),
            Option(
                text="A batch of no rows makes no sense; Keras silently uses 32.",
                feedback="Steps an epoch are rows over batch size, and 4 / 0 is no number.",
                is_right=True,
            ),
        ),
        scenarios=("batch_1",),
    ),
    Question(
        text="Which parameter lets you watch performance on rows that are not trained on?",
        options=(
            Option(
                text="verbose",
                belief="Printing is evaluating.",
                feedback="That sets how much is printed.",
            ),
            Option(
                text="validation_data",
                feedback="Its loss and metrics come after each epoch, as val_loss and so on.",
                is_right=True,
            ),
            Option(
                text="shuffle",
                belief="Mixing rows is validating.",
                feedback="That mixes the training rows in each epoch.",
            ),
            Option(
                text="metrics",
                belief="A metric is validation.",
                feedback="They say what is watched, not on which rows.",
            ),
        ),
        scenarios=("validated",),
    ),
)


def _check_quiz(fits: Fits) -> list[Figure]:
    first, ten = fits["batch_2"], fits["ten_epochs"]
    logged = sorted(name for name in fits["validated"].history if name.startswith("val_"))
    return [
        equal("epochs of the first case", first.epochs, 3),
        equal("epochs of 10 epochs with batches of 32", ten.epochs, 10),
        equal("steps an epoch of 200 rows in batches of 32", ten.steps_per_epoch, 7),
        equal("the loss of the four points falls", first.falls("loss"), True),
        *check_batch_size_zero(fits),
        equal("what validation adds to the history", "val_loss" in logged, True, "val_loss"),
        equal("what the case without it has", "val_loss" in first.history, False, "no val_loss"),
    ]


QUIZ = Lesson(
    name="quiz",
    title="The quiz",
    removes="I know it already.",
    predict=_QUESTIONS[0],
    scenarios=(
        four_points("batch_2", "batches of 2", batch_size=2),
        four_points("batch_1", "batches of 1", batch_size=1),
        four_points("batch_4", "one batch of all four rows", batch_size=4),
        Scenario(
            name="ten_epochs",
            title="10 epochs, batches of 32",
            dataset="plane",
            choices={"epochs": 10, "validate": False},
        ),
        Scenario(
            name="validated",
            title="10 epochs, validated",
            dataset="plane",
            choices={"epochs": 10},
        ),
    ),
    record=(Sight(text="The loss fell in every epoch.", is_shown=lambda fit: fit.falls("loss")),),
    explain="Five questions about what fit() is told. Each has a case that runs.",
    knob=Knob(label="Batch size", field="batch_size", scenarios=("batch_1", "batch_2", "batch_4")),
    challenge=_QUESTIONS[-1],
    plain_batch_sizes=(0, 100),
    questions=_QUESTIONS,
    check=_check_quiz,
)
