"""What a dataset is: its description, known before loading, and its arrays, known after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from trainer.datasets.columns import Column

Task = Literal["binary", "multiclass", "regression"]
Targets = Literal["binary", "index", "one_hot", "number"]
Origin = Literal["bundled", "generated", "downloaded", "uploaded"]
Progress = Callable[[str], None]

# The forms that the targets of a task can have; the first one is taken where it will do.
FORMS: Mapping[Task, tuple[Targets, ...]] = {
    "binary": ("binary",),
    "multiclass": ("index", "one_hot"),
    "regression": ("number",),
}


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """What a loader may depend on.

    Attributes:
        noise: Standard deviation of the noise that generated sets add; others ignore it.
        num_samples: Rows that generated sets make, 0 for as many as usual; others ignore it.
        seed: Seed of everything random in the data.
        progress: Called with one short sentence now and then while something slow goes on.
    """

    noise: float = 0.0
    num_samples: int = 0
    seed: int = 0
    progress: Progress = lambda message: None


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """A loaded dataset.

    Attributes:
        x: Features, shape `(num_samples, *input_shape)`, dtype float32, or uint8 for pictures
            and word indicators (the model scales pictures by 1/255), or uint16 for words. Of an
            upload the columns as they are in the file, shape `(num_samples, num_columns)`, float32
            or float64, NaN where a value is missing and a category's place in its column's
            `categories`.
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
        num_samples: Rows there are; of a generated set as many as are usually made.
        input_shape: Shape of one sample as the network gets it.
        class_names: Names of the classes by index; empty for regression.
        class_counts: Rows of each class among `num_samples`; empty for regression, and where they
            are not known, so that classes cannot be thinned.
        feature_names: Names of the columns of tabular data; empty for pictures and text.
        target_name: What is predicted, e.g. "digit".
        origin: Where the data come from.
        source: Full reference of the source.
        licence: Licence of the data.
        pixel_scale: What the model divides a picture's values by.
        vocabulary: How many different words there are, where a sample is a row of words' indices.
        standardize: Whether columns are standardised with the training part's mean and deviation.
        few_kinds: Whether only a few kinds of rows occur, all of them often: training and
            validation rows then have each kind, not only each class, in its share.
        columns: How each column of an upload is prepared; empty for others.
        notes: Of an upload, one sentence for each thing that is not as the file has it.
        default_noise: Noise used when nothing else is asked for, where the set makes noise of its
            own; None elsewhere.
        told_name: Name of the column that gives the answer away when a leak adds one.
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
    class_counts: tuple[int, ...] = ()
    feature_names: tuple[str, ...] = ()
    target_name: str
    origin: Origin
    source: str
    licence: str
    pixel_scale: float = 1.0
    vocabulary: int = 0
    standardize: bool = False
    few_kinds: bool = False
    columns: tuple[Column, ...] = ()
    notes: tuple[str, ...] = ()
    default_noise: float | None = None
    told_name: str = "noted afterwards"
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

    @property
    def is_table(self) -> bool:
        """Whether a sample is a row of named columns, all of them numbers."""
        return bool(self.feature_names) and self.origin in ("bundled", "generated")

    @property
    def can_be_shaken(self) -> bool:
        """Whether noise makes sense: no indicators of words, say."""
        return self.default_noise is not None or self.is_image or self.is_table
