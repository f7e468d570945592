"""How every figure looks: one colour pair, sizes that carry to the back row, transparent grounds.

A figure is drawn without knowing whether the page is light or dark. What must differ between
the two (text, grid, the training blue) is set by whoever shows it: `pages/live/chart.js` reads
Streamlit's colours, and looks up each trace's `meta["color"]` in `PALETTES`, or its `meta["class"]`
in `CLASS_PALETTES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Okabe and Ito's blue and vermilion: told apart with every common colour vision, and both dark
# enough for a thin line on white (3:1 and more).
TRAINING = "#0072B2"
VALIDATION = "#D55E00"

# Their bluish green and reddish purple, for the rows of a class and all others.
POSITIVE = "#009E73"
NEGATIVE = "#CC79A7"

TEXT = "#6B7280"

# On a dark ground their sky blue and orange have twice the contrast. What is neutral is set by
# whoever shows the figure.
PALETTES: Mapping[str, Mapping[str, str]] = {
    "light": {
        "training": TRAINING,
        "validation": VALIDATION,
        "positive": POSITIVE,
        "negative": NEGATIVE,
        "neutral": TEXT,
    },
    "dark": {
        "training": "#56B4E9",
        "validation": "#E69F00",
        "positive": POSITIVE,
        "negative": NEGATIVE,
        "neutral": "#9CA3AF",
    },
}

# Okabe and Ito's palette, which colour-blind people can tell apart; its black would vanish on a
# dark page and is grey here.
CLASS_COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#F0E442",
    "#999999",
)

# On a dark ground the blue and the sky blue change places: the first classes are the most frequent.
CLASS_PALETTES: Mapping[str, tuple[str, ...]] = {
    "light": CLASS_COLOURS,
    "dark": (CLASS_COLOURS[4], *CLASS_COLOURS[1:4], CLASS_COLOURS[0], *CLASS_COLOURS[5:]),
}

GRID = "rgba(128, 128, 128, 0.22)"
FONT_SIZE = 14
TRANSPARENT = "rgba(0, 0, 0, 0)"


def base_layout() -> dict[str, Any]:
    """Return the layout every figure starts from; a new dict each time, safe to change."""
    return {
        "template": "none",
        "autosize": True,
        "paper_bgcolor": TRANSPARENT,
        "plot_bgcolor": TRANSPARENT,
        "font": {"size": FONT_SIZE, "color": TEXT},
        # What does not fit must not move the axes while somebody looks at them.
        "margin": {"l": 48, "r": 12, "t": 30, "b": 40, "autoexpand": False},
        "hovermode": "x unified",
        "hoverlabel": {"font": {"size": FONT_SIZE}, "namelength": -1},
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.0,
            "yanchor": "bottom",
            "font": {"size": FONT_SIZE},
            "bgcolor": TRANSPARENT,
            "tracegroupgap": 2,
        },
        "xaxis": {**_axis(), "spikethickness": 1, "spikedash": "solid", "spikecolor": TEXT},
        "yaxis": {**_axis(), "nticks": 7, "showspikes": False},
    }


def _axis() -> dict[str, Any]:
    return {
        "gridcolor": GRID,
        "gridwidth": 1,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "exponentformat": "power",
        "automargin": False,
        # Looking for labels that reach over the edge takes a sixth of each redraw.
        "ticklabeloverflow": "allow",
    }
