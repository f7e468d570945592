"""Reading files that people bring: read right and told, or refused with the line and the reason."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from trainer.errors import TableUnreadable
from trainer.tables import Limits, Table, read_table
from trainer.tables.facts import column_facts

ROWS = [["Name", "Größe", "Datum"], ["Müller", "1,82", "31.12.2024"], ["Jörg", "1,75", "1.2.2024"]]


@pytest.fixture
def read(tmp_path: Path):
    """Read these bytes as a file of this name."""

    def read_bytes(data: bytes, file_name: str = "table.csv", **limits: Any) -> Table:
        path = tmp_path / "file"
        path.write_bytes(data)
        return read_table(path, file_name=file_name, limits=Limits(**limits) if limits else None)

    return read_bytes


def columns(table: Table) -> dict[str, list[Any]]:
    return table.data.to_pydict()


def kinds(table: Table) -> list[str]:
    return [table.kind(name) for name in table.names]


def written(rows: list[list[str]], delimiter: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


# -- what is read right ------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8 with BOM"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("latin-1", "Windows-1252"),
        ("cp1252", "Windows-1252"),
    ],
)
def test_delimiter_encoding_decimal_comma_and_dates_are_recognised(
    delimiter: str, encoding: str, title: str, read
) -> None:
    table = read(written(ROWS, delimiter).encode(encoding))

    assert columns(table) == {
        "Name": ["Müller", "Jörg"],
        "Größe": [1.82, 1.75],
        "Datum": [datetime.datetime(2024, 12, 31), datetime.datetime(2024, 2, 1)],
    }
    assert kinds(table) == ["text", "number", "date"]
    assert (table.recognised.delimiter, table.recognised.encoding) == (delimiter, title)
    assert table.recognised.decimal == ","
    assert not table.notes


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", "2", ""], "integer", [1, 2, None]),
        (["1.5", "NA", "-2e3"], "number", [1.5, None, -2000.0]),
        (["1.5", "?", "n/a"], "number", [1.5, None, None]),
        (["inf", "-Infinity", "nan"], "number", [np.inf, -np.inf, None]),
        (["true", "FALSE", ""], "boolean", [True, False, None]),
        (["yes", "no", ""], "text", ["yes", "no", None]),
        ([" yes", "yes ", "no"], "text", ["yes", "yes", "no"]),
        (["1.234,5", "12.000,25", "1"], "number", [1234.5, 12000.25, 1.0]),
        (["1,234.5", "12,000.25", "1"], "number", [1234.5, 12000.25, 1.0]),
        (["2024-01-02", "2024-12-31", ""], "date", ["2024-01-02", "2024-12-31", None]),
        (["2024-01-02T10:30:00Z", "2024-01-02 11:30", ""], "text", None),
        (["12/31/2024", "1/2/2024", ""], "date", ["2024-12-31", "2024-01-02", None]),
        (["31/12/2024", "1/2/2024", ""], "date", ["2024-12-31", "2024-02-01", None]),
        (["31.12.24 10:30", "1.2.24", ""], "date", ["2024-12-31 10:30", "2024-02-01", None]),
        (["2024-13-45", "a", ""], "text", ["2024-13-45", "a", None]),
        (["", "", ""], "empty", [None, None, None]),
        (["12:30:00", "00:00:10", ""], "number", [45000.0, 10.0, None]),
        (["99999999999999999999", "1", "2"], "number", [1e20, 1.0, 2.0]),
    ],
)
def test_types_and_missing_values_are_recognised(
    cells: list[str], kind: str, values: list[Any] | None, read
) -> None:
    table = read(written([["a", "b"], *([cell, "x"] for cell in cells)], ";").encode())

    assert table.kind("a") == kind
    if kind == "date":
        values = [value and datetime.datetime.fromisoformat(value) for value in values or []]
    if values is not None:
        assert columns(table)["a"] == values


def test_dates_that_can_be_read_in_two_ways_are_read_in_one_and_it_is_said(read) -> None:
    table = read(b"when,b\n1/2/2024,1\n3/4/2024,2\n")

    assert columns(table)["when"][0] == datetime.datetime(2024, 1, 2)
    (note,) = table.notes
    assert "“when”" in note and "month first" in note


def test_commas_are_thousands_where_a_comma_tells_cells_apart_and_decimals_elsewhere(read) -> None:
    assert columns(read(b'a,b\n"1,234",1\n"5,678",2\n'))["a"] == [1234, 5678]
    assert columns(read(b"a;b\n1,234;1\n5,678;2\n"))["a"] == [1.234, 5.678]


def test_a_file_of_numbers_without_names_loses_no_row(read) -> None:
    table = read(b"5.1,3.5,setosa\n4.9,3.0,setosa\n6.2,3.4,virginica\n")

    assert table.num_rows == 3
    assert table.names == ("column 1", "column 2", "column 3")
    assert not table.recognised.has_header
    assert "is read as a row" in table.notes[0]


@pytest.mark.parametrize("header", ["2019,2020,2021", "a,b,1", "x,y,z"])
def test_years_and_words_are_names(header: str, read) -> None:
    assert read(f"{header}\n1,2,3\n4,5,6\n".encode()).names == tuple(header.split(","))


def test_quoted_cells_may_hold_delimiters_quotes_and_line_breaks(read) -> None:
    table = read(b'a,b\n"x, ""y""\nz",1\nplain,2\n')

    assert columns(table) == {"a": ['x, "y"\nz', "plain"], "b": [1, 2]}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_ending_is_read_and_empty_lines_are_no_rows(end: str, read) -> None:
    assert columns(read(f"{end}a,b{end}1,2{end}{end}3,4{end}".encode())) == {
        "a": [1, 3],
        "b": [2, 4],
    }


def test_names_are_made_different_and_it_is_said(read) -> None:
    table = read(b"a,a,,  ,a\n1,2,3,4,5\n6,7,8,9,10\n")

    assert table.names == ("a", "a (2)", "column 3", "column 4", "a (3)")
    assert table.notes == (
        "Columns 3, 4 had no name and are called by number.",
        "Columns 2, 5 have the name of an earlier one and got a number added.",
    )


def test_names_have_no_signs_that_cannot_be_seen(read) -> None:
    hostile = "\u202eevil\x07"
    assert read(f"{hostile},b\n1,2\n3,4\n".encode()).names == ("evil", "b")


def test_a_parquet_file_brings_its_types(read, tmp_path: Path) -> None:
    data = pa.table(
        {
            "i": pa.array([1, None, 3], pa.int16()),
            "f": pa.array([1.5, float("nan"), None], pa.float32()),
            "s": pa.array(["x", "y", "x"]).dictionary_encode(),
            "d": pa.array([datetime.date(2024, 1, 2)] * 3),
            "b": [True, False, None],
            "list": [[1], [2], [3]],
            "bytes": [b"1", b"2", b"3"],
        }
    )
    pyarrow.parquet.write_table(data, tmp_path / "t.parquet")

    table = read((tmp_path / "t.parquet").read_bytes(), "t.parquet")

    assert columns(table) == {
        "i": [1, None, 3],
        "f": [1.5, None, None],
        "s": ["x", "y", "x"],
        "d": [datetime.datetime(2024, 1, 2)] * 3,
        "b": [True, False, None],
    }
    assert table.recognised.format == "Parquet"
    (note,) = table.notes
    assert "“list”, “bytes”" in note


def test_arrays_of_one_length_become_columns(read) -> None:
    file = io.BytesIO()
    np.savez(file, x=np.arange(12.0).reshape(3, 2, 2), y=[0, 1, 0], name=["a", "b", "c"])

    table = read(file.getvalue(), "arrays.npz")

    assert table.names == ("x 1", "x 2", "x 3", "x 4", "y", "name")
    assert columns(table)["x 4"] == [3.0, 7.0, 11.0]
    assert kinds(table)[-2:] == ["integer", "text"]


def test_the_pixels_of_pictures_count_as_no_columns(read) -> None:
    pictures = np.arange(3 * 32 * 32 * 3, dtype=np.uint8).reshape(3, 32, 32, 3)

    table = read(saved(x=pictures, y=[0, 1, 0]), "arrays.npz")

    assert table.recognised.picture == (0, 32, 32, 3)
    assert len(table.names) == 32 * 32 * 3 + 1
    pixel, *_, label = column_facts(table)
    assert (pixel.minimum, pixel.maximum, pixel.values) == (0, 0, ())
    assert label.values == (("0", 2), ("1", 1))


def test_the_pixels_of_one_array_alone_count_as_no_columns(read) -> None:
    pictures = {f"x{k}": np.zeros((2, 32, 32, 3), np.uint8) for k in range(40)}

    with pytest.raises(TableUnreadable, match="The arrays have 3,072 columns or more"):
        read(saved(**pictures, y=[0, 1]), "arrays.npz")


# -- what is refused, with the line ------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\n\n\n", "The file is empty: it has no line with text."),
        (b"a,b,c\n", "Line 1 names the columns, and no line follows: there are no rows."),
        (b"a,b,c", "Line 1 names the columns, and no line follows: there are no rows."),
        (b"a,b\n1,2\n", "Line 2 is the only row; training needs at least two."),
        (b"a,b\n1,2\n3\n4,5\n", "Line 3 has 1 cell where the first line has 2."),
        (b"a,b\n1,2\n\n3,4,5\n", "Line 4 has 3 cells where the first line has 2."),
        (b'a,b\n1,2\n3,"4\n5,6\n', "Line 3: a quotation mark that opens there is never closed."),
        (b'a,b\n1,2\n3,4\n5,"6', "Line 4: a quotation mark that opens there is never closed."),
        (b'"a,b\n1,2\n3,4\n', "Line 1: a quotation mark that opens there is never closed."),
        (
            b"a,b\n1,2\n3,\x004\n",
            "Line 3 holds a NUL character, which no text has: the file is damaged or not a CSV "
            "file.",
        ),
    ],
)
def test_a_broken_file_is_refused_with_its_line(data: bytes, sentence: str, read) -> None:
    with pytest.raises(TableUnreadable) as refused:
        read(data)
    assert str(refused.value) == sentence


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.csv", "a,b\n1,2\n3,4\n")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (zipped(), "ZIP archive"),
        (gzip.compress(b"a,b\n1,2\n3,4\n"), "packed with gzip"),
        (pickle.dumps([1, 2, 3]), "Python pickle, which is never loaded"),
        (b"\x89HDF\r\n\x1a\n" + bytes(50), "never loaded"),
    ],
    # Not of the bytes: gzip's hold the time, and all processes must name a test alike.
    ids=["zip", "gzip", "pickle", "hdf5"],
)
@pytest.mark.parametrize("file_name", ["table.csv", "table.tsv"])
def test_other_files_named_like_tables_are_refused_before_they_are_parsed(
    data: bytes, words: str, file_name: str, read
) -> None:
    with pytest.raises(TableUnreadable, match=words):
        read(data, file_name)


def test_a_table_named_otherwise_is_known_by_its_content(read, tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pa.table({"a": [1, 2]}), tmp_path / "t")
    assert columns(read((tmp_path / "t").read_bytes(), "t.csv")) == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ((",".join(f"c{k}" for k in range(100_000)) + "\n1\n2\n").encode(), "100,000 columns"),
        (b"x" * 5000 + b",b\n1,2\n3,4\n", "name of column 1 has 5,000 characters"),
        (b"x" * 1_000_000 + b",b\n1,2\n3,4\n", "Line 1: a cell is far too long"),
        (
            b"a,b\n1,2\n3," + b"x" * 120_000 + b"\n",
            "Line 3 has a cell of 120,000 characters|cell of",
        ),
        (b"a,b\n1,2\n3," + b"x" * 3_000_000 + b"\n", "Line 3: a cell is far too long"),
    ],
)
def test_what_is_too_large_inside_is_refused(data: bytes, words: str, read) -> None:
    with pytest.raises(TableUnreadable, match=words):
        read(data)


def test_a_file_above_the_limit_is_not_even_opened(read) -> None:
    with pytest.raises(TableUnreadable, match=r"The file has 0\.0 MB; at most 0 MB are read"):
        read(b"a,b\n1,2\n3,4\n", file_bytes=10)


def test_the_limit_is_the_one_that_streamlit_has() -> None:
    assert Limits.from_environment({}).file_bytes == 20 * 2**20
    raised = Limits.from_environment({"STREAMLIT_SERVER_MAX_UPLOAD_SIZE": "500"})
    assert raised.file_bytes == 500 * 2**20


def test_more_cells_than_are_read_are_refused(read) -> None:
    with pytest.raises(TableUnreadable, match="3 rows of 2 cells; at most 5"):
        read(b"a,b\n1,2\n3,4\n5,6\n", cells=5)


def saved(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


class Trap:
    """Says so when it is unpickled."""

    def __reduce__(self):  # type: ignore[no-untyped-def]
        return (pytest.fail, ("an object was unpickled",))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (saved(x=np.array([Trap(), Trap()], dtype=object)), "Python objects, which are never"),
        (saved(x=[1, 2, 3], y=[1, 2]), "must have one length"),
        (saved(x=np.float64(3)), "must have one length"),
        (saved(x=[1]), "1 rows; training needs at least two"),
        (saved(x=np.zeros((3, 5000))), "5,000 columns"),
        (
            saved(x=np.zeros((3, 99, 99, 3))),
            "99 × 99 × 3 are 29,403 values each, and at most 12,288",
        ),
        (
            saved(x=np.zeros((3, 64, 64)) - 1),
            "“x” is no set of pictures, for some values are below",
        ),
        (saved(x=np.zeros((3, 64, 64)), z=np.zeros((3, 64, 64))), "4,096 columns or more"),
        (saved(x=np.array([1j, 2j])), "neither numbers, texts nor dates"),
        (saved(x=[1, 2, 3])[:-40], "damaged"),
        (zipped(), "ZIP archive of other files"),
    ],
)
def test_arrays_that_are_no_table_are_refused(data: bytes, words: str, read) -> None:
    with pytest.raises(TableUnreadable, match=words):
        read(data, "arrays.npz")


def test_arrays_that_say_they_are_huge_are_refused_before_they_are_made(read) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open("x.npy", "w") as member:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
        np.lib.format.write_array_header_1_0(member, header)
    with pytest.raises(TableUnreadable, match="1,000,000,000,000 rows"):
        read(file.getvalue(), "arrays.npz")


def test_a_damaged_parquet_file_is_refused(read, tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pa.table({"a": list(range(1000))}), tmp_path / "t.parquet")
    data = (tmp_path / "t.parquet").read_bytes()
    for length in (4, 50, len(data) // 2, len(data) - 1):
        with pytest.raises(TableUnreadable, match="damaged"):
            read(data[:length], "t.parquet")


def test_a_long_file_whose_types_show_late_is_read_as_if_they_had_shown_at_once(read) -> None:
    rows = [f"{k},{k},x,2024-01-02" for k in range(200_000)]
    assert read(("a,b,c,d\n" + "\n".join(rows)).encode()).num_rows == 200_000
    rows[-1] = "1.5,oops,x,"
    table = read(("a,b,c,d\n" + "\n".join(rows)).encode())

    assert kinds(table) == ["number", "text", "text", "date"]
    assert columns(table)["b"][-1] == "oops"
    assert columns(table)["a"][-2:] == [199998.0, 1.5]
    rows[150_000] = "1,2,3"
    with pytest.raises(TableUnreadable, match="Line 150002 has 3 cells where the first line has 4"):
        read(("a,b,c,d\n" + "\n".join(rows)).encode())
