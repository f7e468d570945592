"""The texts of lessons as the page shows them: code in them as code, all else as it is."""

from __future__ import annotations

import html
import re

from pages.forms import escaped
from trainer.config import RunConfig
from trainer.glossary import find_terms

_CODE = re.compile(r"`([^`]+)`")


def markdown(text: str) -> str:
    """Return a text of a lesson as Markdown: only what stands in backticks is more than text."""
    parts = _CODE.split(text)
    return "".join(f"`{part}`" if k % 2 else escaped(part) for k, part in enumerate(parts))


def prose(text: str) -> str:
    """Return a text of a lesson as HTML."""
    return _CODE.sub(r"<code>\1</code>", html.escape(text, quote=False))


def explained(text: str) -> str:
    """Return a text as HTML in which each term opens what it means, in place.

    It is a `details` element, which keyboards and screen readers know; so it belongs into a `div`.
    """
    parts, end = [], 0
    for first, last, term in find_terms(text):
        parts.append(prose(text[end:first]))
        parts.append(
            f'<details class="term"><summary>{prose(text[first:last])}</summary>'
            f'<span class="term-sentence">{prose(term.sentence)}</span></details>'
        )
        end = last
    return "".join([*parts, prose(text[end:])])


def locked_words(config: RunConfig) -> str:
    """Return a set-up in one line, as Markdown: all that nobody can change in the lesson."""
    data = f"{config.spec.title}, {config.split_sizes[0]:,} rows to train on"
    rate = f"{config.optimizer}, learning rate {config.learning_rate:g}"
    epochs = f"{config.epochs} epoch{'' if config.epochs == 1 else 's'}"
    batches = f"batches of {config.batch_size}"
    return escaped(" · ".join([data, epochs, batches, rate, f"seed {config.seed}"]))
