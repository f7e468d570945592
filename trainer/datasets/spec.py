"""What a dataset is: its description, known before loading, and its arrays, known after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from trainer.datasets.columns import Column

Task = Literal["binary", "multiclass", "regression"]
Origin = Literal["bundled", "generated", "downloaded", "uploaded"]
Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """What a loader may depend on.

    Attributes:
        noise: Standard deviation of the noise that generated sets add; others ignore it.
        seed: Seed of everything random in the data.
        progress: Called with one short sentence now and then while something slow goes on.
    """

    noise: float = 0.0
    seed: int = 0
    progress: Progress = lambda message: None


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """A loaded dataset.

    Attributes:
        x: Features, shape `(num_samples, *input_shape)`, dtype float32, or uint8 for pictures
            and word indicators (the model scales pictures by 1/255). Of an upload the columns as
            they are in the file, shape `(num_samples, num_columns)`, float32 or float64, NaN where
            a value is missing and a category's place in its column's `categories`.
        y: Targets, shape `(num_samples,)`: int32 class indices, or float32 for regression.
    """

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """One entry of the table of datasets: all that is known without loading it.

    Attributes:
        name: Key in the table, e.g. "digits".
        title: Shown to people, e.g. "Handwritten digits".
        summary: One sentence for a learner: what a row is and what is to be predicted.
        task: Kind of target.
        num_samples: Rows available for training and validation together.
        input_shape: Shape of one sample as the network gets it.
        class_names: Names of the classes by index; empty for regression.
        feature_names: Names of the columns of tabular data; empty for pictures and text.
        target_name: What is predicted, e.g. "digit".
        origin: Where the data come from.
        source: Full reference of the source.
        licence: Licence of the data.
        pixel_scale: What the model divides a picture's values by.
        standardize: Whether columns are standardised with the training part's mean and deviation.
        columns: How each column of an upload is prepared; empty for others.
        notes: Of an upload, one sentence for each thing that is not as the file has it.
        default_noise: Noise used when nothing else is asked for; None if there is no such setting.
        defaults: `RunConfig` fields whose default differs on this dataset.
        load: Returns the arrays.
    """

    name: str
    title: str
    summary: str
    task: Task
    num_samples: int
    input_shape: tuple[int, ...]
    class_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    target_name: str
    origin: Origin
    source: str
    licence: str
    pixel_scale: float = 1.0
    standardize: bool = False
    columns: tuple[Column, ...] = ()
    notes: tuple[str, ...] = ()
    default_noise: float | None = None
    defaults: Mapping[str, object] = field(default_factory=dict)
    load: Callable[[LoadOptions], Arrays]

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 for regression."""
        return len(self.class_names)

    @property
    def is_image(self) -> bool:
        """Whether a sample is a picture: (height, width, channels)."""
        return len(self.input_shape) == 3
