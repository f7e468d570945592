"""Trains networks, remembers what they learnt, and can be used without the dashboard.

`from trainer import LiveCallback` gives a Keras callback that streams anybody's `fit()`.
Importing this package imports neither TensorFlow nor Keras; asking for `LiveCallback` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.callback import LiveCallback

__all__ = ["LiveCallback"]


def __getattr__(name: str) -> object:
    if name == "LiveCallback":
        from trainer.callback import LiveCallback

        return LiveCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
