"""The network of a config, layer by layer, as data: what is built, drawn and written out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trainer.calls import Call
from trainer.config import RunConfig
from trainer.layers import Shape, input_shape

# Layers whose kernel is drawn by the initializer, and held small by L1 and L2.
_WITH_KERNEL = ("layers.Dense", "layers.Conv2D")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One layer of a network, the output among them.

    Attributes:
        text: What it is, e.g. "conv(32, 3)" or "output".
        activation: Its activation; empty if it has none.
        help: One sentence for a learner.
        shape: What it gives for one sample.
        num_learnt: How many numbers training changes in it.
        num_kept: How many more it keeps without learning them, such as running means.
        call: Keras' layer.
    """

    text: str
    activation: str = ""
    help: str
    shape: Shape
    num_learnt: int = 0
    num_kept: int = 0
    call: Call

    @property
    def num_parameters(self) -> int:
        """All its numbers."""
        return self.num_learnt + self.num_kept


def network(config: RunConfig) -> tuple[Part, ...]:
    """Return the layers of a config's network, from the input to the output.

    Raises:
        InvalidInput: The layers do not fit the data.
    """
    return tuple(_parts(config))


def _parts(config: RunConfig) -> Iterator[Part]:
    spec = config.spec
    shape = input_shape(spec)
    words = {"dtype": "int32"} if shape.form == "words" else {}
    yield Part(
        text="input",
        help=f"One row of {spec.title}.",
        shape=shape,
        call=Call("Input", spec.input_shape, **words),
    )
    if spec.pixel_scale != 1:
        yield Part(
            text="rescale",
            help="Brings the pixels from 0 to 1.",
            shape=shape,
            call=Call("layers.Rescaling", 1 / spec.pixel_scale),
        )
    for placed in config.stack:
        shape = placed.shape
        yield Part(
            text=placed.layer.text,
            activation=placed.layer.arguments.get("activation", ""),
            help=placed.layer.kind.help,
            shape=shape,
            num_learnt=placed.num_learnt,
            num_kept=placed.num_kept,
            call=_with_kernel_options(placed.call, config),
        )
    units, activation, words_of_it = {
        "binary": (1, "sigmoid", "The chance of the second class, from 0 to 1."),
        "multiclass": (spec.num_classes, "softmax", "A chance for each class; they add up to 1."),
        "regression": (1, "linear", "The predicted number."),
    }[spec.task]
    yield Part(
        text="output",
        activation=activation,
        help=words_of_it,
        shape=Shape("row", (units,)),
        num_learnt=(shape.sizes[0] + 1) * units,
        call=_with_kernel_options(Call("layers.Dense", units, activation=activation), config),
    )


def _with_kernel_options(call: Call, config: RunConfig) -> Call:
    if call.target not in _WITH_KERNEL:
        return call
    options: dict[str, Any] = {}
    if config.initializer != "glorot_uniform":
        options["kernel_initializer"] = config.initializer
    shares = {name: value for name in ("l1", "l2") if (value := getattr(config, name))}
    if shares:
        options["kernel_regularizer"] = Call("regularizers.L1L2", **shares)
    return call.having(**options)
