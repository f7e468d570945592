"""The table of datasets. Adding one is adding one entry to a module of this package.

Importing it is cheap: what loading needs (scikit-learn, Keras) is imported by the loaders.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trainer.datasets import bundled, cache, classroom, downloaded, generated, lessons
from trainer.datasets.shaping import Bend, shaken_pictures
from trainer.datasets.spec import Arrays, DatasetSpec, LoadOptions
from trainer.datasets.split import bend_rows, bend_targets
from trainer.datasets.uploaded import read_rows, read_targets, upload_spec
from trainer.datasets.uploads import is_upload
from trainer.errors import DatasetUnavailable, InvalidInput

__all__ = [
    "DATASETS",
    "Arrays",
    "Bend",
    "DatasetSpec",
    "LoadOptions",
    "find",
    "load",
    "rows",
]

DATASETS: Mapping[str, DatasetSpec] = {
    spec.name: spec
    for spec in (
        *bundled.SPECS,
        *generated.SPECS,
        *classroom.SPECS,
        *lessons.SPECS,
        *downloaded.SPECS,
    )
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
    asks for `rows`, or looks with `trainer.looks`.

    Raises:
        InvalidInput: There is no such dataset, or an option is out of range.
        DatasetUnavailable: It has to be downloaded and cannot be.
    """
    return _spec(dataset).load(options or LoadOptions())


def rows(
    dataset: str | DatasetSpec,
    indices: np.ndarray,
    options: LoadOptions | None = None,
    *,
    bend: Bend | None = None,
    test_split: float = 0.0,
) -> Arrays:
    """Return some rows of a dataset in the order asked for, cheaply and without Keras.

    They are as a training got them, save that no column is standardised.

    Args:
        dataset: Its name, or what `find` returned.
        indices: Which rows, shape `(num_rows,)`.
        options: As they were when the rows were trained with.
        bend: As it was then.
        test_split: As it was then.

    Raises:
        InvalidInput: There is no such dataset, or an option is out of range.
        DatasetUnavailable: It has not been downloaded to this machine.
    """
    spec = _spec(dataset)
    if spec.origin == "uploaded":
        return _uploaded(spec, indices, bend or Bend(), test_split)
    if spec.origin != "downloaded":
        whole = spec.load(options or LoadOptions())
        bent = bend_rows(whole, spec, bend=bend or Bend(), test_split=test_split)
        return Arrays(x=bent.x[indices], y=bent.y[indices])
    stored = _downloaded(spec, indices, bend or Bend(), test_split)
    if stored is None:
        raise DatasetUnavailable(f"{spec.title} is not on this machine any more.")
    return stored


def _spec(dataset: str | DatasetSpec) -> DatasetSpec:
    return dataset if isinstance(dataset, DatasetSpec) else find(dataset)


def _uploaded(spec: DatasetSpec, indices: np.ndarray, bend: Bend, test_split: float) -> Arrays:
    arrays = read_rows(spec, indices)
    if bend.noise and spec.is_image:
        x = shaken_pictures(
            arrays.x, indices, noise=bend.noise, seed=bend.seed, highest=spec.pixel_scale
        )
        arrays = Arrays(x=x, y=arrays.y)
    if not bend.label_noise:
        return arrays
    y, _, _ = bend_targets(read_targets(spec), spec, bend=bend, test_split=test_split)
    return Arrays(x=arrays.x, y=y[indices])


def _downloaded(
    spec: DatasetSpec, indices: np.ndarray, bend: Bend, test_split: float
) -> Arrays | None:
    y = cache.read_targets(spec.name)
    if y is None:
        return None
    y, _, _ = bend_targets(y, spec, bend=bend, test_split=test_split)
    once, places = np.unique(indices, return_inverse=True)
    stored = cache.read_rows(spec.name, once)
    if stored is None:
        return None
    x = stored.x
    if bend.noise and spec.is_image:
        x = shaken_pictures(x, once, noise=bend.noise, seed=bend.seed, highest=spec.pixel_scale)
    return Arrays(x=x[places], y=y[indices])
