"""Which encoding a text file is in, and the file as UTF-8."""

from __future__ import annotations

import codecs
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple

_CHUNK = 2**22
_HEAD = 2**16
# A byte order mark, the name of the encoding for Python, and for people. The longer marks first:
# UTF-32's begins like UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with BOM"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


class Text(NamedTuple):
    """A text file.

    Attributes:
        file: Its content in UTF-8 without a byte order mark, at the beginning.
        encoding: The encoding it was in, as people call it.
        nul_line: Number of the first line, from 1, with a NUL character; None without one.
        has_quotes: Whether a quotation mark is in it.
    """

    file: IO[bytes]
    encoding: str
    nul_line: int | None
    has_quotes: bool


def open_text(path: Path, closing: ExitStack) -> Text:
    """Open a text file in any encoding that can be told; `closing` closes it.

    Bytes that no encoding explains are read as Latin-1, which has a character for each.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    for mark, encoding, title in _MARKS:
        if head.startswith(mark):
            if encoding == "utf-8-sig" and _is_in(path, encoding):
                return _opened(path, title, closing, skipping=len(mark))
            if encoding != "utf-8-sig" and _is_in(path, encoding):
                return _converted(path, encoding, title, closing)
    if b"\0" in head:
        import chardet

        # Without a mark, the zeros between Latin letters tell.
        guess = chardet.detect(head)["encoding"] or ""
        if guess.lower().startswith(("utf-16", "utf-32")) and _is_in(path, guess):
            return _converted(path, guess, guess.upper()[:6], closing)
    broken_at = _first_broken_byte(path)
    if broken_at is None:
        return _opened(path, "UTF-8", closing)
    for encoding in (_guess(path, broken_at), "Windows-1252"):
        if _is_in(path, encoding):
            return _converted(path, encoding, encoding, closing)
    return _converted(path, "latin-1", "Latin-1", closing)


def _guess(path: Path, broken_at: int) -> str:
    import chardet

    with open(path, "rb") as file:
        file.seek(max(0, broken_at - _HEAD // 2))
        sample = file.read(2 * _HEAD)
    guess = chardet.detect(
        sample,
        encoding_era=chardet.EncodingEra.MODERN_WEB,
        prefer_superset=True,
        exclude_encodings=["utf-8", "utf-7"],
    )
    return guess["encoding"] or "Windows-1252"


def _first_broken_byte(path: Path) -> int | None:
    """Return where a file ceases to be UTF-8; None where it does not."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    place = 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return max(0, place + error.start)
            place += len(chunk)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return place
    return None


def _is_in(path: Path, encoding: str) -> bool:
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except (UnicodeError, LookupError):
        return False
    return True


def _opened(path: Path, title: str, closing: ExitStack, *, skipping: int = 0) -> Text:
    file = open(path, "rb")  # noqa: SIM115
    closing.callback(file.close)
    file.seek(skipping)
    return _scanned(file, title)


def _converted(path: Path, encoding: str, title: str, closing: ExitStack) -> Text:
    decoder = codecs.getincrementaldecoder(encoding)()
    file = tempfile.TemporaryFile()  # noqa: SIM115
    closing.callback(file.close)
    with open(path, "rb") as source:
        while chunk := source.read(_CHUNK):
            file.write(_encoded(decoder.decode(chunk)))
        file.write(_encoded(decoder.decode(b"", final=True)))
    file.seek(0)
    return _scanned(file, title)


def _encoded(text: str) -> bytes:
    # UTF-16 can hold half a character (a lone surrogate); UTF-8 cannot.
    return text.encode("utf-8", errors="replace")


def _scanned(file: IO[bytes], title: str) -> Text:
    start = file.tell()
    line, nul_line, has_quotes = 1, None, False
    while chunk := file.read(_CHUNK):
        has_quotes = has_quotes or b'"' in chunk
        if (place := chunk.find(b"\0")) >= 0:
            nul_line = line + chunk.count(b"\n", 0, place)
            break
        line += chunk.count(b"\n")
    file.seek(start)
    return Text(file, title, nul_line, has_quotes)
