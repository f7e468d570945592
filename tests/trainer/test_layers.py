"""Stacks of layers: shapes and parameters as Keras has them, and refusals that name the layer."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from trainer.config import RunConfig
from trainer.datasets import DATASETS
from trainer.errors import InvalidInput
from trainer.layers import (
    LAYERS,
    MAX_LAYERS,
    Shape,
    input_shape,
    layers_for,
    parse,
    shapes_by_line,
    with_layer,
    written,
)
from trainer.models import build
from trainer.network import network

STACKS = [
    ("digits", ""),
    ("digits", "flatten"),
    ("digits", "global_average_pool"),
    ("digits", "conv(32, 3) max_pool(2) flatten dense(64) dropout(0.2)"),
    ("digits", "conv(4) conv(8, 2, same, tanh) batch_norm average_pool(3) dropout(0.5) flatten"),
    ("digits", "max_pool(8) flatten batch_norm dense(3)"),
    ("digits", "conv(5, 8) global_average_pool dense(7, elu) flatten"),
    ("mnist", "conv(8, 5) max_pool(3) conv(16, 3) max_pool(2) flatten dense(32)"),
    ("cifar10", "conv(6, 4, same) average_pool(5) conv(3, 6) flatten"),
    ("moons", "dense(8) batch_norm dense(4, linear) dropout(0.25)"),
    ("line", "dense(16, gelu)"),
    ("imdb_words", "embedding(16) global_average_pool dense(16)"),
    ("imdb_words", "embedding(3) dropout(0.1) batch_norm flatten dense(2)"),
]


def config(dataset: str, layers: str) -> RunConfig:
    return RunConfig.create(dataset, layers=layers)


@pytest.mark.parametrize(("dataset", "layers"), STACKS)
def test_shapes_and_numbers_of_parameters_are_those_of_keras(dataset, layers):
    parts = network(config(dataset, layers))
    model = build(config(dataset, layers))
    assert [(None, *part.shape.sizes) for part in parts[1:]] == [
        layer.output.shape for layer in model.layers[1:]
    ]
    assert [part.num_parameters for part in parts] == [
        layer.count_params() for layer in model.layers
    ]
    assert sum(part.num_learnt for part in parts) == sum(
        int(np.prod(weight.shape)) for weight in model.trainable_weights
    )


@pytest.mark.parametrize(("dataset", "layers"), STACKS)
def test_every_stack_takes_a_row_of_its_data(dataset, layers):
    spec = DATASETS[dataset]
    high = spec.vocabulary or spec.pixel_scale + 1
    kind = "uint16" if spec.vocabulary else "float32"
    rows = np.random.default_rng(0).uniform(0, high, size=(3, *spec.input_shape)).astype(kind)
    outputs = np.array(build(config(dataset, layers))(rows))
    assert outputs.shape == (3, spec.num_classes if spec.task == "multiclass" else 1)
    assert np.isfinite(outputs).all()


def test_what_fills_up_a_short_text_has_no_part_in_its_mean():
    model = build(config("imdb_words", "embedding(4) global_average_pool"))
    text = np.zeros((1, 200), "uint16")
    text[0, :3] = [5, 9, 5]
    embedding, weights, bias = model.get_weights()
    mean = embedding[[5, 9, 5]].mean(axis=0)
    expected = 1 / (1 + np.exp(-(mean @ weights + bias)))
    np.testing.assert_allclose(np.array(model(text))[0], expected, rtol=1e-5)


def test_settings_reach_keras():
    config = RunConfig.create(
        "digits",
        layers="conv(4, 2, same, tanh) flatten dense(5)",
        activation="elu",
        initializer="he_normal",
        l1=0.25,
        l2=0.5,
    )
    _, conv, _, dense, output = build(config).layers
    assert (conv.filters, conv.kernel_size, conv.padding) == (4, (2, 2), "same")
    assert (dense.units, output.units) == (5, 10)
    assert [layer.activation.__name__ for layer in (conv, dense)] == ["tanh", "elu"]
    for layer in (conv, dense, output):
        assert isinstance(layer.kernel_initializer, keras.initializers.HeNormal)
        assert layer.kernel_regularizer.l1 == pytest.approx(0.25)
        assert layer.kernel_regularizer.l2 == pytest.approx(0.5)


def test_a_penalty_is_added_to_the_loss_of_every_kernel():
    chosen = {"hidden_layers": 1, "units": 3, "l1": 0.01, "l2": 0.1}
    plain = build(RunConfig.create("moons", hidden_layers=1, units=3))
    held = build(RunConfig.create("moons", **chosen))
    held.set_weights(plain.get_weights())
    x = np.random.default_rng(0).normal(size=(20, 2))
    y = np.ones((20, 1))
    kernels = [weights for weights in plain.get_weights() if weights.ndim == 2]
    penalty = sum(0.01 * np.abs(k).sum() + 0.1 * (k**2).sum() for k in kernels)
    losses = [model.evaluate(x, y, verbose=0)[0] for model in (plain, held)]
    assert losses[1] - losses[0] == pytest.approx(penalty, rel=1e-4)


REFUSED = [
    ("conv(32, 3) max_pool(9)", "Layer 2, max_pool(9): needs at least 9 × 9 pixels. Got 6 × 6."),
    ("conv(32, 9)", "Layer 1, conv(32, 9): needs at least 9 × 9 pixels. Got 8 × 8."),
    (
        "dense(64)",
        "Layer 1, dense(64): needs a flat row of numbers; put flatten or global_average_pool "
        "before it. Got 8 × 8 × 1.",
    ),
    (
        "conv(32, 3)",
        "Layer 1, conv(32, 3): comes before the output, which needs a flat row of numbers; put "
        "flatten or global_average_pool after it. Got 6 × 6 × 32.",
    ),
    ("flatten conv(32, 3)", "Layer 2, conv(32, 3): needs a picture. Got 64."),
    ("flatten embedding(3)", "Layer 2, embedding(3): needs words. Got 64."),
    ("flatten dnse(3)", "Layer 2: must be one of dense, dropout, "),
    ("flatten dense", "Layer 2, dense: units must be given, as in dense(64). Got dense."),
    (
        "flatten dense(0)",
        "Layer 2, dense(0): units must be an integer from 1 to 4096. Got 0.",
    ),
    ("flatten dense(1e3)", "units must be an integer from 1 to 4096. Got 1e3."),
    ("flatten dense(²)", "units must be an integer from 1 to 4096. Got ²."),
    (f"flatten dense({'9' * 500})", "units must be an integer from 1 to 4096. Got 999"),
    ("flatten dropout(1)", "rate must be a number from 0 to less than 1. Got 1."),
    ("flatten dropout(nan)", "rate must be a number from 0 to less than 1. Got nan."),
    ("flatten dense(3, 4)", "Layer 2, dense(3, 4): takes units, and of words relu, "),
    ("flatten dense(3, relu, tanh)", "Layer 2, dense(3, relu, tanh): takes units"),
    ("flatten flatten(2)", "Layer 2, flatten(2): takes no settings. Got 2."),
    ("flatten dense(3))", "Layer 3: must be a name, with settings in brackets. Got )."),
    ("flatten dense((3))", "Layer 2, dense: units must be given"),
    (
        "flatten dense(4096) " + " ".join(["dense(4096)"] * 12),
        "Layer 14, dense(4096): brings the network over 200,000,000 parameters. Got 2",
    ),
]


@pytest.mark.parametrize(("layers", "sentence"), REFUSED, ids=[text[:30] for text, _ in REFUSED])
def test_a_stack_that_cannot_be_built_is_refused_with_the_layer_named(layers, sentence):
    with pytest.raises(InvalidInput) as caught:
        config("digits", layers)
    message = str(caught.value)
    assert caught.value.parameter == "layers"
    assert message.startswith("layers must fit the data and each other. Layer ")
    assert sentence in message
    assert "\n" not in message


def test_dense_layers_cannot_read_words():
    for choices in ({"layers": "dense(64)"}, {"layers": ""}):
        with pytest.raises(InvalidInput, match=r"needs a flat row of numbers; put embedding first"):
            RunConfig.create("imdb_words", **choices)


def test_too_many_layers_are_refused():
    config("moons", " ".join(["batch_norm"] * MAX_LAYERS))
    with pytest.raises(InvalidInput, match=r"^layers must be at most 30 layers\. Got 31\.$"):
        config("moons", " ".join(["batch_norm"] * (MAX_LAYERS + 1)))


@pytest.mark.parametrize("value", [None, 5, ["dense(3)"], "x" * 1001])
def test_layers_that_are_no_text_are_refused(value):
    with pytest.raises(InvalidInput, match=r"^layers must be at most 1000 characters"):
        RunConfig.create("moons", layers=value)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("dense(64)\ndropout(0.2)\n", "dense(64) dropout(0.2)"),
        (" dense( 64 ,tanh ) , batch_norm ", "dense(64, tanh) batch_norm"),
        ("dense(tanh, 64)", "dense(64, tanh)"),
        ("dropout(0.123456789)", "dropout(0.123456789)"),
        ("", ""),
    ],
)
def test_a_stack_is_kept_in_one_spelling(typed, text):
    assert config("moons", typed).layers == text
    assert written(parse(text)) == text


def test_the_stack_of_the_dense_fields_is_made_of_the_same_layers():
    fields = RunConfig.create("digits", hidden_layers=2, units=5, activation="tanh", dropout=0.5)
    layers = "flatten dense(5) dropout(0.5) dense(5) dropout(0.5)"
    written_out = RunConfig.create("digits", layers=layers, activation="tanh")
    assert [part.call.code() for part in network(fields)] == [
        part.call.code() for part in network(written_out)
    ]
    assert [part.text for part in network(fields)] == ["input", *layers.split(), "output"]


@pytest.mark.parametrize("kind", LAYERS.values(), ids=LAYERS)
def test_every_layer_has_a_sentence_and_an_example_that_fits_some_data(kind):
    assert kind.help.endswith(".")
    (layer,) = parse(kind.example)
    assert layer.kind is kind
    assert layer.text == kind.example
    assert any(kind in layers_for(spec) for spec in DATASETS.values())


def test_only_layers_that_can_stand_somewhere_are_offered():
    assert [kind.name for kind in layers_for(DATASETS["moons"])] == [
        *("dense", "dropout", "batch_norm", "flatten"),
    ]
    assert "embedding" not in [kind.name for kind in layers_for(DATASETS["digits"])]
    assert "conv" not in [kind.name for kind in layers_for(DATASETS["imdb_words"])]


def test_a_shape_is_told_in_words():
    assert str(Shape("picture", (28, 28, 1))) == "28 × 28 × 1"
    assert str(Shape("row", (1600,))) == "1,600"
    assert str(Shape("words", (200,), 5004)) == "200 words"


def test_shapes_are_told_line_by_line_up_to_the_first_that_does_not_fit():
    picture = input_shape(DATASETS["digits"])
    text = "conv(8, 3) max_pool(2)\n\nflatten\nconv(3)\ndense(2)"
    assert shapes_by_line(text, picture) == ["3 × 3 × 8", "", "72", "", ""]
    assert shapes_by_line("", picture) == [""]
    assert shapes_by_line("dense(", picture) == [""]


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("", "flatten", "flatten"),
        ("flatten dense(8)", "max_pool", "max_pool(2)\nflatten\ndense(8)"),
        ("flatten dense(8)", "dense", "flatten\ndense(8)\ndense(64)"),
        ("conv(4) flatten", "batch_norm", "conv(4)\nflatten\nbatch_norm"),
        ("flatten", "embedding", "flatten\nembedding(16)"),
        ("flatten dense(", "dense", "flatten dense(\ndense(64)"),
    ],
)
def test_a_layer_is_added_in_the_last_place_where_it_fits(text, kind, expected):
    assert with_layer(text, LAYERS[kind], input_shape(DATASETS["digits"])) == expected
