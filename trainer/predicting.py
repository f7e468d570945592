"""The script that uses an exported network: it loads it and predicts, with Keras and NumPy only.

It predicts one row that it makes up, and says of each column what belongs there.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator

import numpy as np

from trainer.config import RunConfig
from trainer.datasets.preprocessing import Preprocessing, Step
from trainer.datasets.uploaded import picture_scale
from trainer.keras_code import comment, inert

_PACKAGES = ("keras", "tensorflow")


def predicting_code(
    config: RunConfig, preprocessing: Preprocessing | None, *, file_name: str
) -> str:
    """Return the script.

    Args:
        config: What was trained.
        preprocessing: What the run prepared its rows with; None where it read them as they are.
        file_name: What the exported network is called.
    """
    sections = (
        _head(config, file_name),
        ["import keras", "import numpy as np"],
        [f"model = keras.saving.load_model({file_name!r})"],
        [*_rows(config, preprocessing)],
        [*_answers(config)],
    )
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _head(config: RunConfig, file_name: str) -> list[str]:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES]
    return [
        f'"""{inert(config.spec.title)}: predicts with the trained network of a run.',
        "",
        f"{inert(file_name)} holds the network and what prepares its rows.",
        f"It was made with {', '.join(versions)}.",
        '"""',
    ]


def _rows(config: RunConfig, preprocessing: Preprocessing | None) -> Iterator[str]:
    spec = config.spec
    if preprocessing is None:
        shape = ", ".join(map(str, (1, *spec.input_shape)))
        yield from comment(f"Rows as the network reads them, here a single one: {_read(config)}.")
        yield f'rows = np.zeros(({shape}), dtype="{"int32" if spec.vocabulary else "float32"}")'
    elif spec.columns:
        if any(step.column.kind == "date" for step in preprocessing.steps):
            yield _DAYS
        yield "# For each column of the file an array with a value for each row, here a single one."
        yield "rows = {"
        for step in preprocessing.steps:
            value, meaning = _typical(step)
            yield f"    {step.column.name!r}: {value},  # {meaning}"
        yield "}"
    else:
        yield "# A value for each column, here of a single row; NaN where one is missing."
        yield "rows = np.array("
        yield "    [["
        for step in preprocessing.steps:
            yield f"        {step.fill:.6g},  # {inert(step.column.name)}"
        yield "    ]]"
        yield ")"


def _read(config: RunConfig) -> str:
    spec = config.spec
    if spec.is_image:
        white = spec.pixel_scale * picture_scale(spec)
        return f"a picture's values go from 0 to {white:g}, black to white"
    if spec.vocabulary:
        return f"the places of words in a list of {spec.vocabulary:,}"
    if spec.feature_names and len(spec.feature_names) <= 10:
        return ", ".join(spec.feature_names)
    return f"{spec.input_shape[0]:,} numbers, as the dataset has them"


def _typical(step: Step) -> tuple[str, str]:
    """Return a value as Python writes it, and what values of its column have to be."""
    if step.column.kind == "category":
        named = [one for one in step.categories if one is not None]
        text = named[0] if named else ""
        return f"np.array([{text!r}], dtype=object)", 'a text; "" where it is missing'
    if step.column.kind == "date":
        day = np.datetime64("2000-01-01") + np.timedelta64(round(step.fill), "D")
        return f'days("{day}")', "a date"
    if step.column.kind == "boolean":
        return f"np.array([{step.fill:g}])", "1 for yes, 0 for no; NaN where it is missing"
    return f"np.array([{step.fill:.6g}])", "a number; NaN where it is missing"


def _answers(config: RunConfig) -> Iterator[str]:
    spec = config.spec
    yield "predicted = model.predict(rows)"
    if spec.task == "regression":
        yield from comment(f"For each row: {spec.target_name}.")
        yield "print(predicted[:, 0])"
        return
    yield f"classes = {list(spec.class_names)!r}"
    if spec.task == "binary":
        yield "# For each row the score of the second class; at 0.5 and above it is chosen."
        yield "for (score,) in predicted:"
        yield "    print(classes[int(score >= 0.5)], score)"
    else:
        yield "# For each row the scores of all classes; the highest one is chosen."
        yield "for scores in predicted:"
        yield "    print(classes[scores.argmax()], scores.max())"


_DAYS = '''
def days(*dates):
    """Return dates as the network reads them: days since 2000-01-01."""
    since = np.array(dates, dtype="datetime64[us]") - np.datetime64("2000-01-01")
    return since / np.timedelta64(1, "D")

'''
