"""AreaUnderLine: a metric of the network itself, whatever it is given to look at."""

from __future__ import annotations

import keras


class AreaUnderLine(keras.metrics.Metric):
    """The area under the fitted line between 0 and 1: the mean prediction there.

    Of a linear network it is w/2 + b; of others the midpoint rule over 256 points. Its value is
    that of the weights after the last step, no mean over steps.

    Args:
        model: The network, with one number as its input and one as its output.
        name: Name in the history.
    """

    def __init__(self, model: keras.Model, name: str = "area_under_line") -> None:
        super().__init__(name=name)
        self._model = model
        self._area = self.add_variable((), "zeros", name="area")

    def update_state(self, y_true, y_pred, sample_weight=None):  # type: ignore[no-untyped-def]
        """Look at the network as it is now."""
        x = (keras.ops.arange(256, dtype="float32") + 0.5) / 256
        line = self._model(keras.ops.reshape(x, (-1, 1)), training=False)
        self._area.assign(keras.ops.mean(line))

    def result(self):  # type: ignore[no-untyped-def]
        """Return the area as it was seen last."""
        return self._area
