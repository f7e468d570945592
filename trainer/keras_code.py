"""The Keras code of a config: a script of its own that trains the same network again.

Run alone with the versions it names, it gives the history of the run, to about 1e-5: plain `fit()`
rounds otherwise than the compiled epochs of `trainer.feeding`.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib.metadata
import importlib.util
import io
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from trainer.calls import Call, Own
from trainer.choices import NONE
from trainer.class_weights import ratio_of
from trainer.compiling import early_stopping_call, loss_call, metric_calls, optimizer_call
from trainer.config import RunConfig, defaults_for
from trainer.datasets import load
from trainer.datasets.split import split_sizes
from trainer.network import network
from trainer.recipes import RECIPES

DATA_FILE = "data.npz"
_WIDTH = 88
_PACKAGES = ("keras", "tensorflow", "numpy", "scikit-learn")

# Fields that say nothing of the data, or whose part in them is written out below. Any other one
# makes this module hand over the rows themselves.
_WRITTEN = frozenset(
    {
        *("dataset", "target", "task", "noise", "test_split", "validation_split", "seed", "name"),
        *("hidden_layers", "units", "activation", "dropout", "layers", "initializer", "l1", "l2"),
        *("loss", "label_smoothing", "class_weight", "metrics", "optimizer", "learning_rate"),
        *("schedule", "decay_rate", "decay_epochs", "warmup_epochs", "epochs", "batch_size"),
        *("early_stopping", "patience", "min_delta", "direction", "restore_best"),
        *("checkpoint_every", "validate", "fair_curve"),
    }
)


def needs_data_file(config: RunConfig) -> bool:
    """Return whether the script reads its rows from `DATA_FILE`, which `data_file` makes.

    Otherwise it makes, loads or downloads them itself.
    """
    if config.dataset not in RECIPES:
        return True
    if config.noise and "NOISE" not in RECIPES[config.dataset].code:
        return True
    defaults = defaults_for(config.dataset)
    bent = [
        field.name
        for field in dataclasses.fields(config)
        if field.name not in _WRITTEN and getattr(config, field.name) != defaults[field.name]
    ]
    return bool(bent) or not _can_stratify(config)


def data_file(config: RunConfig) -> bytes:
    """Return the rows that are trained and validated on, prepared for the network, as `.npz`.

    Raises:
        DatasetUnavailable: The data cannot be had here.
    """
    arrays = load(config.unbent_spec, config.load_options())
    parts = config.split(arrays)
    file = io.BytesIO()
    np.savez_compressed(
        file, x_train=parts.x_train, y_train=parts.y_train, x_val=parts.x_val, y_val=parts.y_val
    )
    return file.getvalue()


def keras_code(config: RunConfig) -> str:
    """Return the script, which needs Keras, TensorFlow, NumPy and scikit-learn only.

    Raises:
        InvalidInput: The layers do not fit the data.
    """
    sections = (_head, _imports, _numbers, _own_parts, _data, _model, _training)
    return "\n\n".join("\n".join(lines) for section in sections if (lines := [*section(config)]))


def _head(config: RunConfig) -> Iterator[str]:
    python = ".".join(map(str, sys.version_info[:3]))
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES]
    yield f'"""{inert(config.spec.title)}: a network trained with plain Keras.'
    yield ""
    yield "With these versions it gives the history of the run it was made of, to about 1e-5:"
    yield f"Python {python}, {', '.join(versions)}."
    if needs_data_file(config):
        yield f"It reads its rows from {DATA_FILE}, which belongs beside it."
    yield '"""'


def _imports(config: RunConfig) -> Iterator[str]:
    yield "import keras"
    yield "import numpy as np"
    yield "import tensorflow as tf"
    sklearn = []
    if not needs_data_file(config):
        sklearn = [RECIPES[config.dataset].imports]
        if config.test_split or config.validation_split:
            sklearn.append("from sklearn.model_selection import train_test_split")
    if config.class_weight == "balanced":
        sklearn.append("from sklearn.utils.class_weight import compute_class_weight")
    yield from filter(None, sklearn)


def _numbers(config: RunConfig) -> Iterator[str]:
    yield f"SEED = {config.seed}  # of the split, the first weights and the order of the rows"
    if not needs_data_file(config) and "NOISE" in RECIPES[config.dataset].code:
        yield f"NOISE = {config.noise!r}"
    yield f"EPOCHS = {config.epochs}"
    yield f"BATCH_SIZE = {config.batch_size}"


def _own_parts(config: RunConfig) -> Iterator[str]:
    calls = [optimizer_call(config), *metric_calls(config)]
    for own in sorted(set().union(*(call.own_parts() for call in calls)), key=lambda o: o.name):
        yield "\n" + _source(own)


def _data(config: RunConfig) -> Iterator[str]:
    parts = ["train"] + (["val"] if config.validates else [])
    if needs_data_file(config):
        yield f'with np.load("{DATA_FILE}") as data:'
        yield from (
            f'    x_{part}, y_{part} = data["x_{part}"], data["y_{part}"]' for part in parts
        )
    else:
        yield from comment(f"The data: {config.spec.summary}")
        yield RECIPES[config.dataset].code
        yield ""
        yield from _split(config)
        if config.spec.standardize:
            yield from _standardizing(parts)
    if config.class_weight == "balanced":
        yield ""
        yield "# Each class counts as much as any other."
        yield "classes = np.unique(y_train)"
        yield 'weights = compute_class_weight("balanced", classes=classes, y=y_train)'
        yield "class_weight = dict(zip(classes.tolist(), weights.tolist()))"
    elif config.class_weight != NONE:
        yield ""
        yield f"class_weight = {{0: 1.0, 1: {ratio_of(config.class_weight)!r}}}"
    shaping = {
        "binary": '{0} = {0}.astype("float32").reshape(-1, 1)',
        "number": '{0} = {0}.astype("float32").reshape(-1, 1)',
        "index": "",
        "one_hot": f'{{0}} = np.eye({config.spec.num_classes}, dtype="float32")[{{0}}]',
    }[config.targets]
    if shaping:
        yield ""
        yield from (shaping.format(f"y_{part}") for part in parts)


def _split(config: RunConfig) -> Iterator[str]:
    num_train, num_val, num_test = split_sizes(
        config.spec.num_samples, config.test_split, config.validation_split
    )
    alike = ", stratify=y[rows]" if config.spec.num_classes else ""
    yield "# The split; the test rows are sealed away and not used here."
    yield f"rows = np.arange({config.spec.num_samples})"
    for name, rest, held_out, seed in (
        ("test", num_train + num_val, num_test, "0"),
        ("validation", num_train, num_val, "SEED"),
    ):
        if held_out:
            yield f"rows, {name} = train_test_split("
            yield f"    rows, train_size={rest}, test_size={held_out}, random_state={seed}{alike}"
            yield ")"
    yield "x_train, y_train = x[rows], y[rows]"
    if num_val:
        yield "x_val, y_val = x[validation], y[validation]"


def _standardizing(parts: list[str]) -> Iterator[str]:
    yield ""
    yield "# Each column is centred and scaled by what the training rows say."
    yield 'mean = x_train.mean(axis=0, dtype="float64")'
    yield 'deviation = x_train.std(axis=0, dtype="float64")'
    yield "deviation[x_train.max(axis=0) == x_train.min(axis=0)] = 1.0"
    yield from (f'x_{part} = ((x_{part} - mean) / deviation).astype("float32")' for part in parts)


def _model(config: RunConfig) -> Iterator[str]:
    yield "# The network."
    yield "keras.utils.set_random_seed(SEED)"
    yield "model = keras.Sequential("
    yield "    ["
    for part in network(config):
        yield from _laid(8, part.call, f",  # {part.shape}")
    yield "    ]"
    yield ")"
    yield "model.compile("
    yield from _laid(4, optimizer_call(config), ",", "optimizer=")
    yield from _laid(4, loss_call(config), ",", "loss=")
    yield "    metrics=["
    for call in metric_calls(config):
        yield from _laid(8, call, ",")
    yield "    ],"
    yield ")"
    yield "model.summary()"
    yield ""


def _training(config: RunConfig) -> Iterator[str]:
    yield from _FEEDING.strip().splitlines()
    stopping = early_stopping_call(config)
    yield "history = model.fit("
    yield "    training,"
    yield "    epochs=EPOCHS,"
    yield "    steps_per_epoch=int(np.ceil(len(x_train) / BATCH_SIZE)),"
    if config.validates:
        yield "    validation_data=(x_val, y_val),"
        yield "    validation_batch_size=2048,"
    if config.class_weight != NONE:
        yield "    class_weight=class_weight,"
    if stopping is not None:
        yield "    callbacks=["
        yield from _laid(8, stopping, ",")
        yield "    ],"
    yield "    verbose=2,"
    yield ")"
    yield ""


_FEEDING = """
# Every epoch sees the training rows in another order, which the seed fixes.
def batches_of(epoch):
    rows = tf.range(len(x_train))
    order = tf.random.experimental.stateless_shuffle(rows, seed=[SEED, epoch])
    return tf.data.Dataset.from_tensor_slices(order).batch(BATCH_SIZE)


x_rows, y_rows = tf.constant(x_train), tf.constant(y_train)
training = (
    tf.data.Dataset.range(EPOCHS)
    .flat_map(batches_of)
    .map(lambda rows: (tf.gather(x_rows, rows), tf.gather(y_rows, rows)))
    .prefetch(tf.data.AUTOTUNE)
)
"""


def _laid(indent: int, call: Call, after: str, before: str = "") -> Iterator[str]:
    """Yield a call in one line, or with a line for each argument where it is too long."""
    margin = " " * indent
    line = f"{margin}{before}{call.code()}{after}"
    if len(line) <= _WIDTH:
        yield line
        return
    yield f"{margin}{before}{call.target_code}("
    yield from (f"{margin}    {argument}," for argument in call.argument_codes)
    yield f"{margin}){after}"


def comment(text: str) -> Iterator[str]:
    """Yield the lines of a comment, which holds anybody's text."""
    yield from textwrap.wrap(
        inert(text), _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False
    )


def _can_stratify(config: RunConfig) -> bool:
    # As `split` does it: with fewer rows in a part than there are classes, it cannot.
    num_train, num_val, num_test = split_sizes(
        config.spec.num_samples, config.test_split, config.validation_split
    )
    sizes = [size for size in (num_train, num_val, num_test) if size]
    return min(sizes) >= config.spec.num_classes


def _source(own: Own) -> str:
    """Return the source of a class of our own, which imports nothing but Keras."""
    found = importlib.util.find_spec(own.module)
    assert found is not None and found.origin is not None
    text = Path(found.origin).read_text(encoding="utf-8")
    (definition,) = (
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef) and node.name == own.name
    )
    lines = text.splitlines()[definition.lineno - 1 : definition.end_lineno]
    return re.sub(r"  # type: ignore.*", "", "\n".join(lines))


def inert(text: str) -> str:
    """Return text that stays within a comment or a docstring."""
    line = " ".join(text.split()).replace("\\", "/").replace('"', "'")
    return "".join(sign for sign in line if sign.isprintable())
