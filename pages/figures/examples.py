"""Rows of a dataset with what a network says of them: pictures side by side, or a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pages.figures.preview import as_bytes, column_values, png
from trainer.datasets.spec import Arrays, DatasetSpec

# A small picture is shown with pixels of a size that can be seen.
_SIDE = 96


def example_pictures(spec: DatasetSpec, arrays: Arrays) -> list[str]:
    """Return each row of a dataset of pictures as the address of an enlarged picture."""
    factor = max(1, _SIDE // max(spec.input_shape[:2]))
    pictures = []
    for picture in arrays.x:
        bytes_ = np.repeat(np.repeat(as_bytes(picture), factor, axis=0), factor, axis=1)
        pictures.append(png(np.broadcast_to(bytes_, (*bytes_.shape[:2], 3)).copy()))
    return pictures


def example_table(
    spec: DatasetSpec,
    arrays: Arrays,
    scores: Sequence[float],
    verdicts: Sequence[str],
    *,
    heading: str = "predicted",
) -> pd.DataFrame:
    """Return rows of a dataset as a table: the verdict with its score, the truth, the features.

    Args:
        spec: The dataset.
        arrays: The rows.
        scores: The score behind each row's verdict.
        verdicts: What the network says of each row, e.g. the name of its predicted class.
        heading: What kind of verdict that is.
    """
    columns: dict[str, object] = {
        heading: list(verdicts),
        "score": list(scores),
        "true": [spec.class_names[k] for k in arrays.y],
    }
    if spec.feature_names:
        for j, feature in enumerate(spec.feature_names):
            shown = column_values(spec, arrays.x, j)
            columns[f"{feature} (feature)" if feature in columns else feature] = shown
    elif spec.vocabulary:
        columns["words"] = (arrays.x > 0).sum(axis=1)
    else:
        columns["different words"] = arrays.x.sum(axis=1, dtype=np.int64)
    return pd.DataFrame(columns)
