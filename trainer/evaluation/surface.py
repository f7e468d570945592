"""Surfaces: what a network of one or two inputs says everywhere, as few bytes.

Two inputs span a plane: on a grid over it lie the score of class 1, or the winning class with its
score, or the predicted number. One input with a number to predict gives a curve.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from trainer.datasets.spec import DatasetSpec
from trainer.datasets.split import Split

Kind = Literal["score", "winner", "value", "curve"]

# Along each side of a plane: as fine as a picture of it can be told from a finer one.
NUM_CELLS = 50
NUM_CURVE_POINTS = 101
# Of the span of the rows, on each side of them.
_MARGIN = 0.1
# A byte for each score: the levels from 0 to 1, and one for what is no number. 0.5 is a level.
_LEVELS = 254
_NOT_A_NUMBER = 255
_COMPRESSION = 6


def surface_kind(spec: DatasetSpec) -> Kind | None:
    """Return what is known at each point over a dataset; None where there is no picture of it."""
    if spec.origin == "uploaded":
        return None  # the picture shows rows, and those are their owner's
    if spec.input_shape == (1,) and spec.task == "regression":
        return "curve"
    # A byte names the class.
    if spec.input_shape != (2,) or spec.num_classes > 256:
        return None
    kinds: Mapping[str, Kind] = {"binary": "score", "multiclass": "winner", "regression": "value"}
    return kinds[spec.task]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Points over the rows of a dataset and a margin around them.

    Attributes:
        kind: What is known at each point: "score" of class 1 of two, "winner" (the class with the
            highest score, and that score), "value" (a prediction), or a "curve" of predictions.
        low: Smallest coordinate of each input.
        high: Largest coordinate of each input.
        size: Points along each input.
        values: Smallest and largest target, where a value is predicted.
    """

    kind: Kind
    low: tuple[float, ...]
    high: tuple[float, ...]
    size: int
    values: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def over(cls, spec: DatasetSpec, parts: Split) -> Grid | None:
        """Return the grid over the training and validation rows; None if they have no picture.

        The test rows have no part in it.
        """
        kind = surface_kind(spec)
        if kind is None:
            return None
        x = np.concatenate([parts.x_train, parts.x_val])
        y = np.concatenate([parts.y_train, parts.y_val])
        low, high = (edge.astype(np.float64) for edge in (x.min(axis=0), x.max(axis=0)))
        span = np.where(high > low, high - low, 1.0)
        return cls(
            kind=kind,
            low=tuple((low - _MARGIN * span).tolist()),
            high=tuple((high + _MARGIN * span).tolist()),
            size=NUM_CURVE_POINTS if kind == "curve" else NUM_CELLS,
            values=(0.0, 1.0) if spec.num_classes else (float(y.min()), float(y.max())),
        )

    def points(self) -> np.ndarray:
        """Return the points, shape `(size ** inputs, inputs)`, float32; the first input fastest."""
        sides = [
            np.linspace(low, high, self.size) for low, high in zip(self.low, self.high, strict=True)
        ]
        axes = np.meshgrid(*reversed(sides), indexing="ij")
        return np.stack([axis.ravel() for axis in reversed(axes)], axis=1).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """What a network says at each point of a grid.

    Attributes:
        grid: The points.
        outputs: The network's output at each of them, shape `(num_points, units)`.
    """

    grid: Grid
    outputs: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedSurface:
    """A surface as it is stored and sent.

    Attributes:
        header: Plain values for JSON: the grid's `kind`, `low`, `high`, `size` and `values`.
        data: Deflated by zlib, point after point: of a "score" a byte for 0 to 1 in 254 steps; of a
            "winner" the byte of the class at each point, then of its score at each; of a "value" a
            byte for the range of the targets, beyond which nothing is told apart; of a "curve"
            little-endian float32. The byte 255, and NaN, is what is no finite number.
    """

    header: Mapping[str, Any]
    data: bytes


def pack(surface: Surface) -> PackedSurface:
    """Return a surface as few bytes; scores are rounded to the nearest of 255 levels."""
    grid, outputs = surface.grid, surface.outputs
    header = {
        "kind": grid.kind,
        "low": list(grid.low),
        "high": list(grid.high),
        "size": grid.size,
        "values": list(grid.values),
    }
    if grid.kind == "curve":
        curve = outputs[:, 0].astype("<f4")
        raw = np.where(np.isfinite(curve), curve, np.float32(np.nan)).tobytes()
    elif grid.kind == "winner":
        winner = outputs.argmax(axis=1)
        raw = winner.astype(np.uint8).tobytes() + _levels(outputs.max(axis=1)).tobytes()
    else:
        low, high = grid.values
        raw = _levels((outputs[:, 0] - low) / ((high - low) or 1.0)).tobytes()
    return PackedSurface(header=header, data=zlib.compress(raw, _COMPRESSION))


def unpack(packed: PackedSurface) -> np.ndarray:
    """Return the values of a packed surface, NaN for what is no finite number.

    Returns:
        Float64 of shape `(size,)` for a curve; of `(size, size)` for scores and values, by the
        second input, then the first; of `(2, size, size)` for the winning classes and their scores.
    """
    header, raw = packed.header, zlib.decompress(packed.data)
    size = header["size"]
    if header["kind"] == "curve":
        return np.frombuffer(raw, "<f4").astype(float)
    planes = np.frombuffer(raw, np.uint8).reshape(-1, size, size)
    levels = planes[-1] / _LEVELS
    levels[planes[-1] == _NOT_A_NUMBER] = np.nan
    if header["kind"] == "winner":
        return np.stack([planes[0].astype(float), levels])
    low, high = header["values"]
    return low + levels * (high - low)


def _levels(shares: np.ndarray) -> np.ndarray:
    is_good = np.isfinite(shares)
    levels = np.round(np.clip(np.where(is_good, shares, 0.0), 0.0, 1.0) * _LEVELS)
    return np.where(is_good, levels, _NOT_A_NUMBER).astype(np.uint8)
