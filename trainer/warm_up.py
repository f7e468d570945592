"""WarmUp: a learning rate that rises in the first steps, which Keras has for cosine decay only."""

from __future__ import annotations

import keras


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Another schedule, rising to it evenly during the first steps.

    Args:
        schedule: The learning rate by step, or one for all steps.
        steps: How many steps the rise takes.
    """

    def __init__(
        self, schedule: keras.optimizers.schedules.LearningRateSchedule | float, steps: int
    ) -> None:
        self.schedule = schedule
        self.steps = steps

    def __call__(self, step):  # type: ignore[no-untyped-def]
        """Return the learning rate of the update after so many updates."""
        rate = self.schedule(step) if callable(self.schedule) else self.schedule
        done = (keras.ops.cast(step, "float32") + 1.0) / self.steps
        return rate * keras.ops.minimum(done, 1.0)

    def get_config(self):  # type: ignore[no-untyped-def]
        """Return what makes the same schedule again."""
        return {"schedule": self.schedule, "steps": self.steps}
