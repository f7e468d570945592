"""Which rows a page may show: those of an uploaded file are nobody's but its owner's."""

from __future__ import annotations

from trainer.datasets.spec import DatasetSpec

ROWS_NOT_SHOWN = "Rows of an uploaded file are shown only to whoever brought it."


def shows_rows(spec: DatasetSpec) -> bool:
    """Return whether the rows of a dataset may be shown to whoever opens a page."""
    return spec.origin != "uploaded"
