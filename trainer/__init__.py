"""Trains networks, remembers what they learnt, and can be used without the dashboard.

`from trainer import LiveCallback` gives a Keras callback that streams anybody's `fit()`, and
`EvaluationCounts` a metric that gives such a run its evaluations. Importing this package imports
neither TensorFlow nor Keras; asking for one of these does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.callback import LiveCallback
    from trainer.counting import EvaluationCounts, RegressionEvaluationCounts

__all__ = ["EvaluationCounts", "LiveCallback", "RegressionEvaluationCounts"]


def __getattr__(name: str) -> object:
    if name == "LiveCallback":
        from trainer.callback import LiveCallback

        return LiveCallback
    if name in ("EvaluationCounts", "RegressionEvaluationCounts"):
        from trainer import counting

        return getattr(counting, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
