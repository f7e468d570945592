"""The table of presets: networks to begin with, as choices of a `RunConfig`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.datasets.spec import DatasetSpec
from trainer.layers import LAYERS, Layer, input_shape, parse, written

_WIDE_PICTURE = 16  # pixels; a smaller one has room for a single round of conv and pooling


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One network to begin with.

    Attributes:
        name: Key in the table.
        title: Shown to people.
        help: One sentence for a learner.
        fits: Whether it makes sense for a dataset.
        choices: The fields of `RunConfig` that make it, for a dataset and its defaults; None where
            it stands for whatever those fields say.
    """

    name: str
    title: str
    help: str
    fits: Callable[[DatasetSpec], bool]
    choices: Callable[[DatasetSpec, Mapping[str, Any]], dict[str, Any]] | None


def _dense(spec: DatasetSpec) -> bool:
    return not spec.vocabulary


def _sizes(hidden_layers: int, units: int) -> dict[str, Any]:
    return {"hidden_layers": hidden_layers, "units": units, "dropout": 0.0, "layers": ""}


def _small(spec: DatasetSpec, defaults: Mapping[str, Any]) -> dict[str, Any]:
    return _sizes(defaults["hidden_layers"] or 1, defaults["units"])


def _linear(spec: DatasetSpec, defaults: Mapping[str, Any]) -> dict[str, Any]:
    return _sizes(0, defaults["units"])


def _large(spec: DatasetSpec, defaults: Mapping[str, Any]) -> dict[str, Any]:
    return _sizes(3, 512)


def _convolutional(spec: DatasetSpec, defaults: Mapping[str, Any]) -> dict[str, Any]:
    rounds = "conv(32, 3) max_pool(2)"
    if min(spec.input_shape[:2]) >= _WIDE_PICTURE:
        rounds += " conv(64, 3) max_pool(2)"
    return {"layers": f"{rounds} flatten dense(64)"}


def _text(spec: DatasetSpec, defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {"layers": "embedding(16) global_average_pool dense(16)"}


_TABLE = (
    Preset(
        name="small",
        title="Small",
        help="enough for most of these datasets, and quick",
        fits=_dense,
        choices=_small,
    ),
    Preset(
        name="linear",
        title="Linear",
        help="no hidden layer: straight lines and flat borders only",
        fits=_dense,
        choices=_linear,
    ),
    Preset(
        name="large",
        title="Large enough to overfit",
        help="so many parameters that it can learn the training rows by heart",
        fits=_dense,
        choices=_large,
    ),
    Preset(
        name="convolutional",
        title="Convolutional",
        help="looks for small patterns anywhere in the picture",
        fits=lambda spec: spec.is_image,
        choices=_convolutional,
    ),
    Preset(
        name="text",
        title="Text",
        help="learns numbers for each word and takes their mean",
        fits=lambda spec: bool(spec.vocabulary),
        choices=_text,
    ),
    Preset(
        name="dense",
        title="Dense, own sizes",
        help="hidden layers of one size, as the fields below say",
        fits=_dense,
        choices=None,
    ),
    Preset(
        name="own",
        title="Own layers",
        help="any stack of layers, written line by line",
        fits=lambda spec: True,
        choices=None,
    ),
)

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _TABLE}


def presets_for(spec: DatasetSpec) -> tuple[Preset, ...]:
    """Return the presets that make sense for a dataset."""
    return tuple(preset for preset in _TABLE if preset.fits(spec))


def preset_of(spec: DatasetSpec, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> Preset:
    """Return the preset whose network the values of a form or config are.

    Args:
        spec: The dataset.
        values: `layers`, `hidden_layers`, `units` and `dropout`, whether valid or not.
        defaults: The dataset's own values.
    """
    for preset in presets_for(spec):
        if preset.choices is None:
            continue
        wanted = preset.choices(spec, defaults)
        wanted.setdefault("layers", "")
        if values["hidden_layers"] == 0 == wanted.get("hidden_layers") and not values["layers"]:
            return preset  # without hidden layers their size says nothing
        if all(_alike(name, values[name], value) for name, value in wanted.items()):
            return preset
    return PRESETS["own" if values["layers"] or spec.vocabulary else "dense"]


def dense_layers(
    spec: DatasetSpec, *, hidden_layers: int, units: int, dropout: float
) -> tuple[Layer, ...]:
    """Return the stack of hidden layers of one size, with dropout after each."""
    hidden = [Layer(LAYERS["dense"], {"units": units})]
    if dropout:
        hidden.append(Layer(LAYERS["dropout"], {"rate": dropout}))
    flat = [Layer(LAYERS["flatten"])] if input_shape(spec).form == "picture" else []
    return (*flat, *(hidden * hidden_layers))


def _alike(name: str, value: Any, wanted: Any) -> bool:
    if name != "layers" or not value or not wanted:
        return bool(value == wanted)
    try:
        return written(parse(value)) == wanted
    except ValueError:
        return False
