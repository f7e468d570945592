"""The table of layers, and stacks of them as text: `conv(32, 3) max_pool(2) flatten dense(64)`.

Shapes and numbers of parameters are worked out here, without Keras, so that a form can show them
at once; what Keras builds of a stack has the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from trainer.calls import Call
from trainer.datasets.spec import DatasetSpec
from trainer.errors import InvalidInput

ACTIVATIONS = ("relu", "tanh", "sigmoid", "elu", "gelu", "linear")
MAX_LAYERS = 30
MAX_PARAMETERS = 200_000_000

Form = Literal["picture", "row", "words", "sequence"]
Arguments = Mapping[str, Any]

_FORMS: Mapping[Form, str] = {
    "picture": "a picture",
    "row": "a flat row of numbers",
    "words": "words",
    "sequence": "a row of numbers a word",
}
_MENDING: Mapping[tuple[Form, Form], str] = {
    ("picture", "row"): "; put flatten or global_average_pool before it",
    ("sequence", "row"): "; put global_average_pool or flatten before it",
    ("words", "row"): "; put embedding first",
    ("words", "sequence"): "; put embedding first",
}


@dataclass(frozen=True)
class Shape:
    """What one sample is between two layers.

    Attributes:
        form: Its kind: a picture (height, width, channels), a row of numbers (features), words
            (their number; each is an index), or a sequence (words, numbers a word).
        sizes: The sizes above.
        vocabulary: For words, how many different indices there are.
    """

    form: Form
    sizes: tuple[int, ...]
    vocabulary: int = 0

    def __str__(self) -> str:
        sizes = " × ".join(f"{size:,}" for size in self.sizes)
        return f"{sizes} words" if self.form == "words" else sizes

    __repr__ = __str__


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One setting of a layer: a number in a range, or a word.

    Attributes:
        name: What it is called.
        default: What it is where nothing is said; None where it has to be given.
        low: The smallest number.
        high: The largest number.
        is_share: Whether it may be any number from `low` to less than `high`; otherwise it is an
            integer.
        words: What a word may be; then it is no number.
    """

    name: str
    default: Any = None
    low: int = 1
    high: int = 1
    is_share: bool = False
    words: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """What it must be, in words."""
        if self.words:
            return f"must be one of {', '.join(self.words)}"
        if self.is_share:
            return f"must be a number from {self.low} to less than {self.high}"
        return f"must be an integer from {self.low} to {self.high}"


@dataclass(frozen=True, kw_only=True)
class LayerKind:
    """One kind of layer.

    Attributes:
        name: Key in the table.
        help: One sentence for a learner.
        takes: What it can be given.
        parameters: Its settings, in the order they are written.
        example: It, as somebody would begin with it.
        shape: Its output's shape, of its arguments and input; raises `_DoesNotFit`.
        weights: How many numbers it learns, and how many more it keeps, of arguments and input.
        call: Keras' layer, of its arguments and input.
    """

    name: str
    help: str
    takes: tuple[Form, ...]
    parameters: tuple[Parameter, ...] = ()
    example: str
    shape: Callable[[Arguments, Shape], Shape]
    weights: Callable[[Arguments, Shape], tuple[int, int]] = lambda arguments, shape: (0, 0)
    call: Callable[[Arguments, Shape], Call]


@dataclass(frozen=True)
class Layer:
    """One layer of a stack.

    Attributes:
        kind: Its kind.
        arguments: Its settings by name; those that were not given are missing.
        implied: The names of settings that nobody gave.
    """

    kind: LayerKind
    arguments: Arguments = field(default_factory=dict)
    implied: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The layer as it was written."""
        values = [
            self.arguments[parameter.name]
            for parameter in self.kind.parameters
            if parameter.name in self.arguments.keys() - self.implied
        ]
        return f"{self.kind.name}({', '.join(map(str, values))})" if values else self.kind.name

    def with_defaults(self, **defaults: Any) -> Layer:
        """Return the same layer with every setting given; `defaults` come before the table's."""
        values = {p.name: defaults.get(p.name, p.default) for p in self.kind.parameters}
        implied = frozenset(values.keys() - self.arguments.keys())
        return Layer(self.kind, {**values, **self.arguments}, implied)


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A layer in its place in a stack.

    Attributes:
        layer: The layer, with every setting given.
        given: The shape before it.
        shape: The shape after it.
        num_learnt: How many numbers training changes.
        num_kept: How many more it keeps without learning them, such as running means.
    """

    layer: Layer
    given: Shape
    shape: Shape
    num_learnt: int
    num_kept: int

    @property
    def num_parameters(self) -> int:
        """All its numbers."""
        return self.num_learnt + self.num_kept

    @property
    def call(self) -> Call:
        """Keras' layer."""
        return self.layer.kind.call(self.layer.arguments, self.given)


class _Typed(str):
    """What somebody typed, quoted without quotation marks."""

    __repr__ = str.__str__


class _DoesNotFit(Exception):
    """A layer cannot take what it is given; says what it needs and what came."""

    def __init__(self, needs: str, got: object) -> None:
        super().__init__(needs)
        self.needs, self.got = needs, got


def _window(arguments: Arguments, shape: Shape, *, stride: int, padding: str) -> tuple[int, int]:
    size, (height, width) = arguments["size"], shape.sizes[:2]
    if padding == "same":
        return math.ceil(height / stride), math.ceil(width / stride)
    if min(height, width) < size:
        raise _DoesNotFit(
            f"needs at least {size} × {size} pixels", Shape("picture", (height, width))
        )
    return (height - size) // stride + 1, (width - size) // stride + 1


def _conv_shape(arguments: Arguments, shape: Shape) -> Shape:
    pixels = _window(arguments, shape, stride=1, padding=arguments["padding"])
    return Shape("picture", (*pixels, arguments["filters"]))


def _conv_call(arguments: Arguments, shape: Shape) -> Call:
    call = Call("layers.Conv2D", arguments["filters"], arguments["size"])
    if arguments["padding"] != "valid":
        call = call.having(padding=arguments["padding"])
    return call.having(activation=arguments["activation"])


def _pool_shape(arguments: Arguments, shape: Shape) -> Shape:
    pixels = _window(arguments, shape, stride=arguments["size"], padding="valid")
    return Shape("picture", (*pixels, shape.sizes[2]))


def _global_pool_call(arguments: Arguments, shape: Shape) -> Call:
    sides = "2D" if shape.form == "picture" else "1D"
    return Call(f"layers.GlobalAveragePooling{sides}")


def _same(arguments: Arguments, shape: Shape) -> Shape:
    return shape


_ACTIVATION = Parameter(name="activation", words=ACTIVATIONS)
_SIZE = Parameter(name="size", low=1, high=32)
_ANY: tuple[Form, ...] = ("picture", "row", "sequence")

_TABLE = (
    LayerKind(
        name="dense",
        help="Every unit looks at all numbers before it.",
        takes=("row",),
        parameters=(Parameter(name="units", low=1, high=4096), _ACTIVATION),
        example="dense(64)",
        shape=lambda arguments, shape: Shape("row", (arguments["units"],)),
        weights=lambda arguments, shape: ((shape.sizes[0] + 1) * arguments["units"], 0),
        call=lambda arguments, shape: Call(
            "layers.Dense", arguments["units"], activation=arguments["activation"]
        ),
    ),
    LayerKind(
        name="dropout",
        help="Switches off a share of the numbers at random in each step, against overfitting.",
        takes=_ANY,
        parameters=(Parameter(name="rate", low=0, high=1, is_share=True),),
        example="dropout(0.2)",
        shape=_same,
        call=lambda arguments, shape: Call("layers.Dropout", arguments["rate"]),
    ),
    LayerKind(
        name="batch_norm",
        help="Brings the numbers of each batch to one scale, which often speeds up learning.",
        takes=_ANY,
        example="batch_norm",
        shape=_same,
        weights=lambda arguments, shape: (2 * shape.sizes[-1], 2 * shape.sizes[-1]),
        call=lambda arguments, shape: Call("layers.BatchNormalization"),
    ),
    LayerKind(
        name="conv",
        help="Filters that look for the same small pattern everywhere in the picture; "
        "with same the picture keeps its size.",
        takes=("picture",),
        parameters=(
            Parameter(name="filters", low=1, high=1024),
            Parameter(name="size", default=3, low=1, high=32),
            Parameter(name="padding", default="valid", words=("valid", "same")),
            _ACTIVATION,
        ),
        example="conv(32, 3)",
        shape=_conv_shape,
        weights=lambda arguments, shape: (
            (arguments["size"] ** 2 * shape.sizes[2] + 1) * arguments["filters"],
            0,
        ),
        call=_conv_call,
    ),
    LayerKind(
        name="max_pool",
        help="Shrinks a picture: of each square of pixels only the largest stays.",
        takes=("picture",),
        parameters=(_SIZE,),
        example="max_pool(2)",
        shape=_pool_shape,
        call=lambda arguments, shape: Call("layers.MaxPooling2D", arguments["size"]),
    ),
    LayerKind(
        name="average_pool",
        help="Shrinks a picture: of each square of pixels only the mean stays.",
        takes=("picture",),
        parameters=(_SIZE,),
        example="average_pool(2)",
        shape=_pool_shape,
        call=lambda arguments, shape: Call("layers.AveragePooling2D", arguments["size"]),
    ),
    LayerKind(
        name="global_average_pool",
        help="The mean over the whole picture, or over all words, of each channel.",
        takes=("picture", "sequence"),
        example="global_average_pool",
        shape=lambda arguments, shape: Shape("row", shape.sizes[-1:]),
        call=_global_pool_call,
    ),
    LayerKind(
        name="flatten",
        help="Lays all numbers in one row, as a dense layer needs them.",
        takes=_ANY,
        example="flatten",
        shape=lambda arguments, shape: Shape("row", (math.prod(shape.sizes),)),
        call=lambda arguments, shape: Call("layers.Flatten"),
    ),
    LayerKind(
        name="embedding",
        help="Learns a few numbers for each word, alike for words that are used alike.",
        takes=("words",),
        parameters=(Parameter(name="dimensions", low=1, high=512),),
        example="embedding(16)",
        shape=lambda arguments, shape: Shape("sequence", (shape.sizes[0], arguments["dimensions"])),
        weights=lambda arguments, shape: (shape.vocabulary * arguments["dimensions"], 0),
        # Index 0 fills up short texts; what is no word has no part in the mean of all words.
        call=lambda arguments, shape: Call(
            "layers.Embedding", shape.vocabulary, arguments["dimensions"], mask_zero=True
        ),
    ),
)

LAYERS: Mapping[str, LayerKind] = {kind.name: kind for kind in _TABLE}

_PIECES = re.compile(r"[\s,]*(?P<name>[^\s(),]+)\s*(?:\((?P<arguments>[^()]*)\))?")


def layers_for(spec: DatasetSpec) -> tuple[LayerKind, ...]:
    """Return the kinds of layers that can stand anywhere in a stack for this dataset."""
    of_input = input_shape(spec).form
    reachable: set[Form] = {of_input, "row"} | ({"sequence"} if of_input == "words" else set())
    return tuple(kind for kind in _TABLE if reachable & set(kind.takes))


def input_shape(spec: DatasetSpec) -> Shape:
    """Return what one sample of a dataset is."""
    if spec.vocabulary:
        return Shape("words", spec.input_shape, spec.vocabulary)
    return Shape("picture" if spec.is_image else "row", spec.input_shape)


def parse(text: str) -> tuple[Layer, ...]:
    """Return the layers that a text names, from the input on.

    Raises:
        InvalidInput: A layer or one of its settings is not in the table; names the layer.
    """
    layers: list[Layer] = []
    place = 0
    text = text.rstrip().rstrip(", \n")
    while place < len(text):
        found = _PIECES.match(text, place)
        if found is None:
            raise _refusal(
                len(layers), "", "must be a name, with settings in brackets", _Typed(text[place:])
            )
        layers.append(_layer(len(layers), found["name"], found["arguments"]))
        place = found.end()
    if len(layers) > MAX_LAYERS:
        raise InvalidInput("layers", f"must be at most {MAX_LAYERS} layers", len(layers))
    return tuple(layers)


def written(layers: Sequence[Layer], separator: str = " ") -> str:
    """Return layers as text, which `parse` reads."""
    return separator.join(layer.text for layer in layers)


def place(layers: Sequence[Layer], shape: Shape) -> tuple[Placed, ...]:
    """Return each layer in its place; the last one's shape is a row, as an output layer needs it.

    Args:
        layers: From the input on, with every setting given.
        shape: One sample of the data.

    Raises:
        InvalidInput: A layer cannot take what the one before it gives; names the layer.
    """
    stack = tuple(walk(layers, shape))
    end = stack[-1].shape if stack else shape
    if end.form != "row":
        name = layers[-1].text if layers else "none"
        mending = _MENDING[end.form, "row"].replace("before it", "after it")
        rule = f"comes before the output, which needs {_FORMS['row']}{mending}"
        raise _refusal(max(len(layers) - 1, 0), name, rule, end)
    return stack


def walk(layers: Iterable[Layer], shape: Shape) -> Iterator[Placed]:
    """Yield each layer in its place, as `place` does, wherever the last one ends.

    Raises:
        InvalidInput: The next layer cannot take what the one before it gives; names the layer.
    """
    total = 0
    for number, layer in enumerate(layers):
        kind = layer.kind
        if shape.form not in kind.takes:
            needs = " or ".join(_FORMS[form] for form in kind.takes)
            mending = _MENDING.get((shape.form, kind.takes[0]), "")
            raise _refusal(number, layer.text, f"needs {needs}{mending}", shape)
        try:
            after = kind.shape(layer.arguments, shape)
        except _DoesNotFit as problem:
            raise _refusal(number, layer.text, problem.needs, problem.got) from None
        learnt, kept = kind.weights(layer.arguments, shape)
        total += learnt + kept
        if total > MAX_PARAMETERS:
            rule = f"brings the network over {MAX_PARAMETERS:,} parameters"
            raise _refusal(number, layer.text, rule, total)
        yield Placed(layer=layer, given=shape, shape=after, num_learnt=learnt, num_kept=kept)
        shape = after


def shapes_by_line(text: str, shape: Shape) -> list[str]:
    """Return the shape after each line of a stack in words; empty from a line that does not fit on.

    Args:
        text: Layers, in as many lines as somebody likes.
        shape: One sample of the data.
    """
    shapes: list[str] = []
    layers: list[Layer] = []
    for line in text.split("\n"):
        try:
            layers += [layer.with_defaults() for layer in parse(line)]
            after = [placed.shape for placed in walk(layers, shape)]
        except InvalidInput:
            break
        shapes.append(str(after[-1]) if after and line.strip() else "")
    return shapes + [""] * (text.count("\n") + 1 - len(shapes))


def with_layer(text: str, kind: LayerKind, shape: Shape) -> str:
    """Return a stack, a layer a line, with one more layer in the last place where it fits.

    Where it fits nowhere it comes last. A text that cannot be read is kept as it is.

    Args:
        text: The stack.
        kind: What to add, as in its example.
        shape: One sample of the data.
    """
    (new,) = parse(kind.example)
    try:
        layers = list(parse(text))
    except InvalidInput:
        return f"{text.rstrip()}\n{new.text}"
    stacks = [[*layers[:at], new, *layers[at:]] for at in range(len(layers), -1, -1)]
    fitting = (stack for stack in stacks if _fits(stack, shape))
    return written(next(fitting, stacks[0]), "\n")


def _fits(layers: Sequence[Layer], shape: Shape) -> bool:
    try:
        place([layer.with_defaults() for layer in layers], shape)
    except InvalidInput:
        return False
    return True


def _refusal(number: int, text: str, rule: str, got: object) -> InvalidInput:
    where = f"Layer {number + 1}" + (f", {text}" if text else "")
    return InvalidInput("layers", f"must fit the data and each other. {where}: {rule}", got)


def _layer(number: int, name: str, typed: str | None) -> Layer:
    if name not in LAYERS:
        raise _refusal(number, "", f"must be one of {', '.join(LAYERS)}", _Typed(name))
    kind = LAYERS[name]
    parts = [part.strip() for part in (typed or "").split(",") if part.strip()]
    text = f"{name}({', '.join(parts)})" if parts else name
    numbers = [parameter for parameter in kind.parameters if not parameter.words]
    arguments: dict[str, Any] = {}
    for part in parts:
        taking = [parameter for parameter in kind.parameters if part in parameter.words]
        parameter = taking[0] if taking else (numbers.pop(0) if numbers else None)
        if parameter is None or parameter.name in arguments:
            words = [word for p in kind.parameters for word in p.words]
            rule = f"takes {_listed(kind)}" + (
                f", and of words {', '.join(words)}" if words else ""
            )
            raise _refusal(number, text, rule, _Typed(part))
        try:
            arguments[parameter.name] = part if taking else _number(parameter, part)
        except ValueError:
            rule = f"{parameter.name} {parameter.rule}"
            raise _refusal(number, text, rule, _Typed(part)) from None
    for parameter in numbers:
        if parameter.default is None:
            rule = f"{parameter.name} must be given, as in {kind.example}"
            raise _refusal(number, text, rule, _Typed(text))
    return Layer(kind, arguments)


def _listed(kind: LayerKind) -> str:
    names = [parameter.name for parameter in kind.parameters if not parameter.words]
    return " and ".join(names) or "no settings"


def _number(parameter: Parameter, text: str) -> float | int:
    if not text.isascii():
        raise ValueError(text)
    if parameter.is_share:
        share = float(text)
        if parameter.low <= share < parameter.high:
            return share
    elif len(text) <= 9 and parameter.low <= int(text) <= parameter.high:
        return int(text)
    raise ValueError(text)
