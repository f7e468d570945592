"""A run's network and what prepares its rows, as one model that loads with nothing but Keras.

It takes rows as people have them, and says of them what the run's own network says.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Collection, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import keras
import numpy as np

from trainer.checkpoints import Checkpoints, load_preprocessing
from trainer.config import RunConfig
from trainer.datasets.columns import Column
from trainer.datasets.preprocessing import Preprocessing, Step
from trainer.datasets.uploaded import picture_scale
from trainer.errors import WeightsMissing
from trainer.network import network
from trainer.tables.facts import LARGEST


def model_file(run_id: str, config: RunConfig, epoch: int) -> bytes:
    """Return a run's network after an epoch as a `.keras` file.

    Args:
        run_id: A run that this program's own worker trained.
        config: Its set-up.
        epoch: The 0-based epoch of one of its checkpoints.

    Raises:
        WeightsMissing: There is no such checkpoint, it is another network's, or what the rows were
            prepared with was not kept.
        DatasetUnavailable: The data are gone, and so is what is known of their columns.
    """
    weights = Checkpoints(run_id).at(epoch).weights
    model = exported_model(config, weights, load_preprocessing(run_id))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        model.save(file)
        return file.read_bytes()


def exported_model(
    config: RunConfig, weights: Sequence[np.ndarray], preprocessing: Preprocessing | None
) -> keras.Model:
    """Return a network behind the preparation of its rows.

    Of an upload with columns it takes a dict with an array of shape `(num_rows,)` for each column:
    numbers, 0 and 1, days since 2000-01-01, or texts, "" where one is missing. Of all other data it
    takes an array as their loader gives it, and of uploaded pictures as they are in the file.

    Args:
        config: What was trained.
        weights: The network's, in Keras' order.
        preprocessing: What was fitted on the training rows; None where nothing was.

    Raises:
        WeightsMissing: The weights are another network's, or the preparation is missing.
    """
    spec = config.spec
    if preprocessing is None and (spec.columns or spec.standardize):
        raise WeightsMissing("The preparation of this run's rows was not kept.")
    names = [column.name for column in spec.columns]
    trained = _network(config, weights, name=_free("network", names))
    inputs: Any
    if preprocessing is None:
        inputs = keras.Input(spec.input_shape, dtype=trained.inputs[0].dtype)
        scale = picture_scale(spec)
        return keras.Model(inputs, trained(inputs if scale == 1 else inputs / scale))
    steps = preprocessing.steps
    if not spec.columns:
        inputs = keras.Input((len(steps),), dtype="float64")
        return keras.Model(inputs, trained(_scaled(steps, inputs)))
    inputs = {
        step.column.name: keras.Input((), dtype=_dtype(step.column), name=_input_name(step.column))
        for step in steps
    }
    preparation = _preparation(steps, name=_free("preparation", names))
    outputs = trained(preparation([*inputs.values()]))
    with warnings.catch_warnings():
        # That a column with a slash is called otherwise inside.
        warnings.simplefilter("ignore", UserWarning)
        return keras.Model(inputs, outputs)


def _network(config: RunConfig, weights: Sequence[np.ndarray], *, name: str) -> keras.Model:
    inputs, *layers = (part.call.make() for part in network(config))
    outputs = inputs
    for layer in layers:
        outputs = layer(outputs)
    model = keras.Model(inputs, outputs, name=name)
    try:
        model.set_weights(weights)
    except ValueError as error:
        raise WeightsMissing("The weights of this run fit another network.") from error
    return model


def _preparation(steps: Sequence[Step], *, name: str) -> keras.Model:
    """Return what `Preprocessing` does, as a model that takes a tensor for each column."""
    columns = [keras.Input((), dtype=_dtype(step.column)) for step in steps]
    prepared = []
    # Neighbouring columns of numbers go together: a wide table would else be slow to load.
    for dtype, group in groupby(
        zip(steps, columns, strict=True), key=lambda one: _dtype(one[0].column)
    ):
        if dtype == "string":
            prepared += [_encoded(step, column) for step, column in group]
        else:
            together, tensors = zip(*group, strict=True)
            prepared.append(_scaled(together, keras.ops.stack(tensors, axis=-1)))
    return keras.Model(columns, keras.ops.concatenate(prepared, axis=-1), name=name)


def _scaled(steps: Sequence[Step], numbers: Any) -> Any:
    fill, mean, deviation = (
        np.array([getattr(step, name) for step in steps]) for name in ("fill", "mean", "deviation")
    )
    # No comparison holds for NaN; what float32 cannot hold is missing too.
    filled = keras.ops.where(keras.ops.abs(numbers) <= LARGEST, numbers, fill)
    return keras.ops.cast((filled - mean) / deviation, "float32")


def _encoded(step: Step, texts: Any) -> Any:
    categories = ["" if one is None else one for one in step.categories] or [""]
    # What each text becomes, that of all others first.
    rows = np.zeros((1 + len(categories), step.column.num_outputs), dtype="float32")
    if step.rare:
        rows[:, len(step.categories)] = 1.0
    for place in range(len(step.categories)):
        rows[place + 1] = 0.0
        rows[place + 1, place] = 1.0
    other = _free("[UNK]", categories)
    places = keras.layers.StringLookup(vocabulary=categories, oov_token=other)(texts)
    table = keras.layers.Embedding(*rows.shape, weights=[rows], trainable=False)
    return table(places)


def _dtype(column: Column) -> str:
    return "string" if column.kind == "category" else "float64"


def _input_name(column: Column) -> str:
    # Keras allows every sign but this one.
    return column.name.replace("/", "∕")


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name
