"""Looks at a run's kept network once more: over its validation rows, or the sealed test rows."""

from __future__ import annotations

import keras
import numpy as np

from trainer.checkpoints import load_weights
from trainer.config import RunConfig
from trainer.datasets import load
from trainer.errors import InvalidInput, WeightsMissing
from trainer.evaluation.packing import pack
from trainer.models import build, evaluation_counter
from trainer.runs import Evaluation, Part, Run, Scores, Which

_ROWS_PER_BATCH = 2048


def inspect(run: Run, *, part: Part, which: Which) -> tuple[Evaluation, Scores]:
    """Return what a run's network makes of a part of its rows.

    Args:
        run: A run that this program's own worker trained.
        part: Which rows.
        which: Which weights.

    Raises:
        WeightsMissing: The weights are not there, or are another network's.
        InvalidInput: The run's config is not one that this program can train, or there are no such
            rows.
        DatasetUnavailable: The data cannot be had any more.
    """
    config = RunConfig.from_dict(run.config)
    spec = config.spec
    arrays = load(config.unbent_spec, config.load_options())
    parts = config.split(arrays)
    x, y, rows = {
        "validation": (parts.x_val, parts.y_val, parts.rows_val),
        "test": (parts.x_test, parts.y_test, parts.rows_test),
    }[part]
    if not len(rows):
        raise InvalidInput(f"{part}_split", f"must be more than 0 to have {part} rows", 0)
    weights = load_weights(run.run_id, which)
    model = build(config)
    try:
        model.set_weights(weights.arrays)
    except ValueError as error:
        raise WeightsMissing("The weights of this run fit another network.") from error
    y_score = _predicted(model, x)
    counts = evaluation_counter(spec, y, parts.y_unsealed)(y_score)
    evaluation = Evaluation(epoch=weights.epoch, counts=pack(counts))
    if spec.task == "binary":
        y_score = np.concatenate([1 - y_score, y_score], axis=1)
    return evaluation, Scores(rows=rows, y_true=y, y_score=y_score)


def _predicted(model: keras.Model, x: np.ndarray) -> np.ndarray:
    starts = range(0, len(x), _ROWS_PER_BATCH)
    batches = [model(x[first : first + _ROWS_PER_BATCH], training=False) for first in starts]
    predicted = np.concatenate([keras.ops.convert_to_numpy(batch) for batch in batches])
    return predicted.astype("float32")
