"""The network drawn: one card a layer, with the shape that comes out of it and its parameters.

Plain HTML, because text wraps in it, a screen reader reads it, and a narrow page stacks it.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from trainer.layers import Shape
from trainer.network import Part


def network_html(parts: Sequence[Part]) -> str:
    """Return the drawing of a network, from the input to the output.

    A picture is a square, a stack of them where it has channels, and a row of numbers a bar; each
    grows with the logarithm of its size. A filled one has parameters of its own.
    """
    learnt = sum(part.num_learnt for part in parts)
    kept = sum(part.num_kept for part in parts)
    total = f"{_counted(learnt, 'parameter')} to learn"
    if kept:
        total += f", and {_counted(kept, 'number')} kept beside them"
    cards = "".join(_card(part) for part in parts)
    return f'<ol class="network">{cards}</ol><p class="network-total">{total}</p>'


def shapes_beside(shapes: Sequence[str]) -> str:
    """Return the shapes that stand beside the lines of a stack, a line each."""
    lines = "".join(f"<li>{html.escape(shape) or '&nbsp;'}</li>" for shape in shapes)
    return f'<p class="layer-shapes-title">Shape after it</p><ol class="layer-shapes">{lines}</ol>'


def _card(part: Part) -> str:
    name, bracket, settings = part.text.partition("(")
    title = html.escape(name.replace("_", " "))
    details = [bracket and settings.removesuffix(")")]
    if part.activation and part.activation not in part.text:
        details.append(part.activation)
    shown = html.escape(", ".join(filter(None, details)))
    own = _counted(part.num_parameters, "parameter") if part.num_parameters else ""
    return (
        f'<li title="{html.escape(part.help)}">'
        f'<span class="network-glyph">{_glyph(part.shape, filled=part.num_parameters > 0)}</span>'
        f'<strong>{title}</strong><span class="network-settings">{shown}</span>'
        f'<span class="network-shape">{html.escape(str(part.shape))}</span>'
        f'<span class="network-own">{own}</span></li>'
    )


def _glyph(shape: Shape, *, filled: bool) -> str:
    size = [_pixels(number) for number in shape.sizes]
    sheets = 1
    if shape.form == "picture":
        height, width = size[:2]
        sheets = 1 + min(4, round(math.log2(shape.sizes[2]) / 1.5))
    elif shape.form == "row":
        height, width = size[0], 10
    elif shape.form == "sequence":
        height, width = size[1], size[0]
    else:
        height, width = 10, size[0]
    look = "network-sheet filled" if filled else "network-sheet"
    placed = "".join(
        f'<span class="{look}" style="width:{width}px;height:{height}px;'
        f'margin-left:{4 * number}px;margin-top:{4 * number}px"></span>'
        for number in range(sheets)
    )
    side = 4 * (sheets - 1)
    return (
        f'<span class="network-sheets" style="width:{width + side}px;height:{height + side}px">'
        f"{placed}</span>"
    )


def _pixels(number: int) -> int:
    return round(12 + 7 * math.log2(max(number, 1)))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
