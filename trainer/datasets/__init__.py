"""The table of datasets. Adding one is adding one entry to a module of this package.

Importing it is cheap: what loading needs (scikit-learn, Keras) is imported by the loaders.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trainer.datasets import bundled, cache, downloaded, generated
from trainer.datasets.spec import Arrays, DatasetSpec, LoadOptions
from trainer.datasets.uploaded import read_rows, upload_spec
from trainer.datasets.uploads import is_upload
from trainer.errors import DatasetUnavailable, InvalidInput

__all__ = [
    "DATASETS",
    "Arrays",
    "DatasetSpec",
    "LoadOptions",
    "find",
    "load",
    "rows",
    "sample",
]

DATASETS: Mapping[str, DatasetSpec] = {
    spec.name: spec for spec in (*bundled.SPECS, *generated.SPECS, *downloaded.SPECS)
}


def find(name: str, *, target: str = "", task: str = "") -> DatasetSpec:
    """Return a dataset's description: one of the table, or an upload with its target.

    Args:
        name: Key of `DATASETS`, or the name of an upload.
        target: The column of an upload that is predicted; empty for others.
        task: Kind of an upload's target; empty for the one that its values suggest.

    Raises:
        InvalidInput: There is no such dataset, or its target or task is another.
        DatasetUnavailable: The upload is gone.
    """
    if isinstance(name, str) and is_upload(name):
        return upload_spec(name, target=target, task=task)
    if not isinstance(name, str) or name not in DATASETS:
        raise InvalidInput("dataset", f"must be one of {', '.join(DATASETS)}", name)
    spec = DATASETS[name]
    if target not in ("", spec.target_name):
        raise InvalidInput("target", f"must be {spec.target_name!r} for {name}", target)
    if task not in ("", spec.task):
        raise InvalidInput("task", f"must be {spec.task} for {name}", task)
    return spec


def load(dataset: str | DatasetSpec, options: LoadOptions | None = None) -> Arrays:
    """Return all rows of a dataset (its name or what `find` returned), downloading it if needed.

    A set that has to be downloaded imports Keras, so this belongs into a worker process; a page
    asks for a `sample`.

    Raises:
        InvalidInput: There is no such dataset, or an option is out of range.
        DatasetUnavailable: It has to be downloaded and cannot be.
    """
    return _spec(dataset).load(options or LoadOptions())


def sample(
    dataset: str | DatasetSpec, options: LoadOptions | None = None, *, rows: int = 500
) -> Arrays:
    """Return at least the first `rows` rows of a dataset, cheaply and without Keras.

    Small sets come whole; of a downloaded or uploaded set only that many rows are read from disk.

    Raises:
        InvalidInput: There is no such dataset, or an option is out of range.
        DatasetUnavailable: It has not been downloaded yet.
    """
    spec = _spec(dataset)
    if spec.origin == "uploaded":
        return read_rows(spec, slice(rows))
    if spec.origin != "downloaded":
        return spec.load(options or LoadOptions())
    stored = cache.read(spec.name, rows=rows)
    if stored is None:
        raise DatasetUnavailable(
            f"{spec.title} is downloaded when a training with it starts for the first time."
        )
    return stored


def rows(
    dataset: str | DatasetSpec, indices: np.ndarray, options: LoadOptions | None = None
) -> Arrays:
    """Return some rows of a dataset in the order asked for, cheaply and without Keras.

    Args:
        dataset: Its name, or what `find` returned.
        indices: Which rows, each at most once, shape `(num_rows,)`.
        options: As they were when the rows were trained with.

    Raises:
        InvalidInput: There is no such dataset, or an option is out of range.
        DatasetUnavailable: It has not been downloaded to this machine.
    """
    spec = _spec(dataset)
    if spec.origin == "uploaded":
        return read_rows(spec, indices)
    if spec.origin != "downloaded":
        arrays = spec.load(options or LoadOptions())
        return Arrays(x=arrays.x[indices], y=arrays.y[indices])
    stored = cache.read_rows(spec.name, indices)
    if stored is None:
        raise DatasetUnavailable(f"{spec.title} is not on this machine any more.")
    return stored


def _spec(dataset: str | DatasetSpec) -> DatasetSpec:
    return dataset if isinstance(dataset, DatasetSpec) else find(dataset)
