"""Which rows a page may show: those of an uploaded file are nobody's but its owner's."""

from __future__ import annotations

from pages.visitor import this_owner
from trainer.datasets import DATASETS, uploads
from trainer.datasets.spec import DatasetSpec
from trainer.datasets.uploads import Upload
from trainer.errors import DatasetUnavailable

ROWS_NOT_SHOWN = "Rows of an uploaded file are shown only to whoever brought it."


def shows_rows(spec: DatasetSpec) -> bool:
    """Return whether the rows of a dataset may be shown to whoever looks at the page."""
    if spec.origin != "uploaded":
        return True
    try:
        return uploads.upload(spec.name).owner == this_owner()
    except DatasetUnavailable:
        return False


def own_uploads() -> dict[str, str]:
    """Return the uploads of whoever looks at the page: what each is called, by its dataset's name.

    The newest comes first. A file that is called like an earlier one is numbered.
    """
    titles: dict[str, str] = {}
    for upload in reversed(uploads.uploads_of(this_owner())):
        titles[upload.name] = _unlike(upload, {*DATASETS, *titles.values()})
    return dict(reversed(titles.items()))


def _unlike(upload: Upload, taken: set[str]) -> str:
    title, number = upload.title, 1
    while title in taken:
        number += 1
        title = f"{upload.title} ({number})"
    return title
