"""The texts of lessons as the page shows them: code in them as code, all else as it is."""

from __future__ import annotations

import html
import re

from pages.forms import escaped
from trainer.config import RunConfig

_CODE = re.compile(r"`([^`]+)`")


def markdown(text: str) -> str:
    """Return a text of a lesson as Markdown: only what stands in backticks is more than text."""
    parts = _CODE.split(text)
    return "".join(f"`{part}`" if k % 2 else escaped(part) for k, part in enumerate(parts))


def prose(text: str) -> str:
    """Return a text of a lesson as HTML."""
    return _CODE.sub(r"<code>\1</code>", html.escape(text, quote=False))


def locked_words(config: RunConfig) -> str:
    """Return a set-up in one line, as Markdown: all that nobody can change in the lesson."""
    data = f"{config.spec.title}, {config.split_sizes[0]:,} rows to train on"
    rate = f"{config.optimizer}, learning rate {config.learning_rate:g}"
    epochs = f"{config.epochs} epoch{'' if config.epochs == 1 else 's'}"
    batches = f"batches of {config.batch_size}"
    return escaped(" · ".join([data, epochs, batches, rate, f"seed {config.seed}"]))
