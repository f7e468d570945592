"""What the words mean, in one sentence each: for the lessons, and for the help of the form.

What a loss or a metric of the table is, that table says; here are the words around them. Terms that
are a choice of a run go by the name of its field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from trainer.metrics import METRICS


@dataclass(frozen=True, kw_only=True)
class Term:
    """One word.

    Attributes:
        word: As people say it.
        sentence: What it is.
        forms: How else it stands in a text, e.g. in the plural.
    """

    word: str
    sentence: str
    forms: tuple[str, ...] = ()


def _metric(name: str, *forms: str) -> Term:
    metric = METRICS[name]
    return Term(word=metric.title, sentence=metric.help, forms=forms)


GLOSSARY: Mapping[str, Term] = {
    "epochs": Term(
        word="epoch",
        sentence="How many times training passes over all training rows.",
        forms=("epochs",),
    ),
    "batch_size": Term(
        word="batch",
        sentence="How many rows make one update of the weights.",
        forms=("batches", "batch size"),
    ),
    "update": Term(
        word="update",
        sentence="One change of all weights, by the slopes that one batch of rows gives; a step.",
        forms=("updates", "updated", "steps"),
    ),
    "weights": Term(
        word="weights",
        sentence="The numbers of a network that training changes; all that it has learnt.",
    ),
    "loss": Term(word="loss", sentence="What training minimises, step by step."),
    "metrics": Term(
        word="metric",
        sentence="What is only watched: training never looks at it.",
        forms=("metrics",),
    ),
    "cost": Term(
        word="cost",
        sentence="The mean loss over the rows of a batch; in decisions, what a mistake costs.",
    ),
    "optimizer": Term(
        word="optimizer", sentence="The rule that turns slopes into updates of the weights."
    ),
    "learning_rate": Term(
        word="learning rate",
        sentence="How large each update is: too small learns slowly, too large never settles.",
    ),
    "seed": Term(
        word="seed",
        sentence="Fixes everything random: the same seed gives the same curves again.",
    ),
    "units": Term(
        word="unit",
        sentence="How many units each hidden layer has; more can learn more, and overfit more.",
        forms=("units",),
    ),
    "validation_split": Term(
        word="validation",
        sentence="The share of the other rows that training never sees, to find out how well the "
        "network does on new ones.",
        forms=("validation rows", "validated"),
    ),
    "test_split": Term(
        word="test rows",
        sentence="The share of rows sealed away until all tuning is done: the honest exam at the "
        "end.",
        forms=("fresh rows",),
    ),
    "overfitting": Term(
        word="overfitting",
        sentence="Learning the training rows by heart: the training loss still falls while the "
        "validation loss has turned and rises.",
        forms=("overfit",),
    ),
    "fair_curve": Term(
        word="fair training curve",
        sentence="One more curve: the loss of training rows, taken like the validation loss with "
        "the weights of the epoch's end and without dropout, so that the two can be compared.",
    ),
    "leak": Term(
        word="leak",
        sentence="A mistake that lets the answer into the rows that are tuned on, and never into "
        "the test rows: validation looks too good, and the sealed test tells.",
        forms=("leaks", "leaked", "leakage"),
    ),
    "class_weight": Term(
        word="class weights",
        sentence="How much a row counts in training, by its class: balanced gives each class the "
        "same weight in all; 1:19 lets a row of the second class count 19 times.",
    ),
    "early_stopping": Term(
        word="early stopping",
        sentence="Ends the training once this value stands still; none trains all epochs.",
    ),
    "patience": Term(word="patience", sentence="How many epochs the value may stand still."),
    "score": Term(
        word="score",
        sentence="How sure a network is of a class, from 0 to 1.",
        forms=("scores",),
    ),
    "threshold": Term(
        word="threshold",
        sentence="From which score on a row is called positive.",
        forms=("thresholds",),
    ),
    "positive": Term(
        word="positive",
        sentence="A row of the class that is looked for, be it wanted or not: a fraud, an illness.",
        forms=("positives",),
    ),
    "negative": Term(
        word="negative",
        sentence="A row that is not of the class that is looked for.",
        forms=("negatives",),
    ),
    "false_alarm": Term(
        word="false alarm",
        sentence="A negative that was called positive (FP).",
        forms=("false alarms",),
    ),
    "miss": Term(
        word="miss",
        sentence="A positive that was not called (FN).",
        forms=("misses", "missed"),
    ),
    "confusion_matrix": Term(
        word="confusion matrix",
        sentence="How many rows of each true class were called what: rows are true, columns said.",
        forms=("matrix",),
    ),
    "accuracy": _metric("accuracy"),
    "precision": _metric("precision"),
    "recall": _metric("recall"),
    "f1": _metric("f1"),
}


def sentence(name: str) -> str:
    """Return what a word means; KeyError if it is not in the glossary."""
    return GLOSSARY[name].sentence


def find_terms(text: str) -> list[tuple[int, int, Term]]:
    """Return where terms stand in a text: begin, end and the term, in order.

    Each term is found where it stands first; of two that overlap, the longer one.
    """
    found = []
    seen: set[str] = set()
    for match in _PATTERN.finditer(text):
        term = _BY_FORM[match.group().lower()]
        if term.word not in seen:
            seen.add(term.word)
            found.append((match.start(), match.end(), term))
    return found


_BY_FORM: Mapping[str, Term] = {
    form.lower(): term for term in GLOSSARY.values() for form in (term.word, *term.forms)
}
_PATTERN = re.compile(
    r"(?<![\w`=])(?:"
    + "|".join(re.escape(form) for form in sorted(_BY_FORM, key=len, reverse=True))
    + r")(?![\w`=(])",
    re.IGNORECASE,
)
