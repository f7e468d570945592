"""The table of lessons. A lesson is data: scenarios, questions, a knob, a check.

Adding one is adding one entry to a module of this package.

Importing it imports neither Keras nor Streamlit; `trainer.teaching` trains lessons.
"""

from __future__ import annotations

from collections.abc import Mapping

from trainer.errors import InvalidInput
from trainer.lessons import curves, decisions, quiz, steps, trust
from trainer.lessons.fit import Fit
from trainer.lessons.lesson import Figure, Fits, Lesson, Question, Scenario

__all__ = ["LESSONS", "Figure", "Fit", "Fits", "Lesson", "Question", "Scenario", "find_lesson"]

LESSONS: Mapping[str, Lesson] = {
    lesson.name: lesson
    for lesson in (
        steps.EPOCHS_AND_BATCHES,
        steps.BATCH_SIZE_ZERO,
        trust.VALIDATION,
        curves.READING_CURVES,
        decisions.CONFUSION_MATRIX,
        decisions.PRECISION_AND_RECALL,
        decisions.ACCURACY_PARADOX,
        decisions.FRAUD,
        trust.LEAKAGE,
        curves.LOSS_AND_METRIC,
        quiz.QUIZ,
    )
}


def find_lesson(name: str) -> Lesson:
    """Return a lesson of the table.

    Raises:
        InvalidInput: There is none of this name.
    """
    if name not in LESSONS:
        raise InvalidInput("lesson", f"must be one of {', '.join(LESSONS)}", name)
    return LESSONS[name]
