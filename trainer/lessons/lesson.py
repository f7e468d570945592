"""What a lesson is: data, no code of its own but the check of what its fits must show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trainer.config import RunConfig
from trainer.lessons.fit import Fit


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One training of a lesson.

    Attributes:
        name: Key within the lesson.
        title: Shown to people, e.g. "batches of 2".
        dataset: Key of the table of datasets.
        choices: `RunConfig` fields that differ from the dataset's defaults.
        opens_test: Whether its sealed test rows are looked at in the end.
    """

    name: str
    title: str
    dataset: str
    choices: Mapping[str, object] = field(default_factory=dict)
    opens_test: bool = False

    def config(self, seed: int) -> RunConfig:
        """Return its set-up with this seed.

        Raises:
            InvalidInput: The seed is none.
        """
        return RunConfig.create(self.dataset, **{"name": self.title, **self.choices, "seed": seed})


@dataclass(frozen=True, kw_only=True)
class Option:
    """One answer to a question.

    Attributes:
        text: The answer.
        feedback: What is said to whoever gives it.
        is_right: Whether it is the right one.
        belief: The misconception that whoever gives it may have; of questions that a class votes
            on each wrong answer has one.
    """

    text: str
    feedback: str
    is_right: bool = False
    belief: str = ""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question with the answers to choose from, one of them right.

    Attributes:
        text: The question.
        options: The answers.
        scenarios: The cases of the lesson that show it live, in order.
    """

    text: str
    options: tuple[Option, ...]
    scenarios: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Knob:
    """The one thing that is changed, while all others are locked.

    Attributes:
        label: What it is called.
        field: The field of `RunConfig` it turns; "threshold" and "costs" belong to the evaluation.
        scenarios: The lesson's scenarios at its positions, in order; one where it only moves what
            is looked at.
    """

    label: str
    field: str
    scenarios: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One thing that the fits of a lesson showed.

    Attributes:
        name: What it is.
        value: What it was; None where it is undefined.
        rule: What it must be, in words.
        holds: Whether it is.
    """

    name: str
    value: object
    rule: str
    holds: bool


@dataclass(frozen=True, kw_only=True)
class Sight:
    """Something that can be seen in the picture, or not.

    Attributes:
        text: What somebody says they saw.
        is_shown: Whether the fit of the lesson's first scenario showed it.
    """

    text: str
    is_shown: Callable[[Fit], bool]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fits:
    """What the trainings of a lesson showed.

    Attributes:
        fits: By the scenario's name.
        plain_steps: Steps of one epoch that Keras' own `fit()` makes of `PLAIN_ROWS` rows, by the
            batch size it was given.
    """

    fits: Mapping[str, Fit]
    plain_steps: Mapping[int, int] = field(default_factory=dict)

    def __getitem__(self, scenario: str) -> Fit:
        return self.fits[scenario]


# What plain `fit()` is tried on.
PLAIN_ROWS = 40


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """One lesson: predict, run, record, explain, change one knob, challenge.

    Attributes:
        name: Key in the table.
        title: Shown to people.
        removes: The belief that it puts right.
        predict: Asked before anything runs.
        scenarios: Its trainings, the one that is run first at the front.
        record: What to look for in the picture of the first one.
        explain: Why it was so, in a few sentences.
        knob: What is changed then.
        challenge: Asked last.
        plain_batch_sizes: Batch sizes that Keras' own `fit()` is tried with.
        questions: Of the quiz: all its questions.
        shows_matrix: Whether it is about what is decided from scores: matrix and threshold.
        board: What the class board draws of everybody's run, as the history names it.
        check: Returns what the fits showed.
    """

    name: str
    title: str
    removes: str
    predict: Question
    scenarios: tuple[Scenario, ...]
    record: tuple[Sight, ...]
    explain: str
    knob: Knob
    challenge: Question
    plain_batch_sizes: tuple[int, ...] = ()
    questions: tuple[Question, ...] = ()
    shows_matrix: bool = False
    board: tuple[str, ...] = ("loss",)
    check: Callable[[Fits], list[Figure]]

    def scenario(self, name: str) -> Scenario:
        """Return the scenario of this name; KeyError if there is none."""
        return {one.name: one for one in self.scenarios}[name]

    def seen_in(self, fit: Fit) -> list[int]:
        """Return the numbers of the sights that a fit shows; none before its first epoch is done.

        A fit can end so early: whoever owns a run may set a rate with which it diverges at once.
        """
        if not fit.epochs:
            return []
        return [number for number, sight in enumerate(self.record) if sight.is_shown(fit)]


def between(name: str, value: float | None, low: float, high: float) -> Figure:
    """Return a figure that must lie within bounds; an undefined one does not."""
    is_within = value is not None and low <= value <= high
    return Figure(name=name, value=value, rule=f"{low:g} to {high:g}", holds=is_within)


def at_least(name: str, value: float | None, low: float) -> Figure:
    """Return a figure that must not be lower; an undefined one is."""
    is_enough = value is not None and value >= low
    return Figure(name=name, value=value, rule=f"≥ {low:g}", holds=is_enough)


def at_most(name: str, value: float | None, high: float) -> Figure:
    """Return a figure that must not be higher; an undefined one is."""
    is_enough = value is not None and value <= high
    return Figure(name=name, value=value, rule=f"≤ {high:g}", holds=is_enough)


def equal(name: str, value: object, expected: object, rule: str = "") -> Figure:
    """Return a figure that must be one value; floats may differ by less than 5e-4."""
    if isinstance(value, float) and isinstance(expected, int | float):
        holds = abs(value - expected) < 5e-4
    else:
        holds = value == expected
    words = {"None": "undefined", "True": "yes", "False": "no"}.get(str(expected), f"= {expected}")
    return Figure(name=name, value=value, rule=rule or words, holds=bool(holds))
