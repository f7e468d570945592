"""The table of datasets. Adding one is adding one entry to a module of this package.

Importing it is cheap: what loading needs (scikit-learn, Keras) is imported by the loaders.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trainer.datasets import bundled, cache, classroom, downloaded, generated
from trainer.datasets.spec import Arrays, DatasetSpec, LoadOptions
from trainer.errors import DatasetUnavailable, InvalidInput

__all__ = [
    "DATASETS",
    "Arrays",
    "DatasetSpec",
    "LoadOptions",
    "load",
    "rows",
    "sample",
]

DATASETS: Mapping[str, DatasetSpec] = {
    spec.name: spec for spec in (*bundled.SPECS, *generated.SPECS, *classroom.SPECS, *downloaded.SPECS)
}


def load(name: str, options: LoadOptions | None = None) -> Arrays:
    """Return all rows of a dataset, downloading it first where that is needed.

    A set that has to be downloaded imports Keras, so this belongs into a worker process; a page
    asks for a `sample`.

    Raises:
        InvalidInput: There is no such dataset, or an option is out of range.
        DatasetUnavailable: It has to be downloaded and cannot be.
    """
    return _spec(name).load(options or LoadOptions())


def sample(name: str, options: LoadOptions | None = None, *, rows: int = 500) -> Arrays:
    """Return at least the first `rows` rows of a dataset, cheaply and without Keras.

    Small sets come whole; of a downloaded set only that many rows are read from disk.

    Raises:
        InvalidInput: There is no such dataset, or an option is out of range.
        DatasetUnavailable: It has not been downloaded yet.
    """
    spec = _spec(name)
    if spec.origin != "downloaded":
        return spec.load(options or LoadOptions())
    stored = cache.read(name, rows=rows)
    if stored is None:
        raise DatasetUnavailable(
            f"{spec.title} is downloaded when a training with it starts for the first time."
        )
    return stored


def rows(name: str, indices: np.ndarray, options: LoadOptions | None = None) -> Arrays:
    """Return some rows of a dataset in the order asked for, cheaply and without Keras.

    Args:
        name: Name of the dataset.
        indices: Which rows, each at most once, shape `(num_rows,)`.
        options: As they were when the rows were trained with.

    Raises:
        InvalidInput: There is no such dataset, or an option is out of range.
        DatasetUnavailable: It has not been downloaded to this machine.
    """
    spec = _spec(name)
    if spec.origin != "downloaded":
        arrays = spec.load(options or LoadOptions())
        return Arrays(x=arrays.x[indices], y=arrays.y[indices])
    stored = cache.read_rows(name, indices)
    if stored is None:
        raise DatasetUnavailable(f"{spec.title} is not on this machine any more.")
    return stored


def _spec(name: str) -> DatasetSpec:
    if name not in DATASETS:
        raise InvalidInput("dataset", f"must be one of {', '.join(DATASETS)}", name)
    return DATASETS[name]
