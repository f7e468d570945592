"""Uploads: kept whole under ids, described, turned into datasets, and removed when unneeded."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from trainer.config import RunConfig, defaults_for
from trainer.datasets import find, load, rows, uploads
from trainer.datasets.uploaded import fitting_tasks, proposed_task
from trainer.datasets.uploads import Upload
from trainer.errors import DatasetUnavailable, InvalidInput, TableUnreadable


def bring(text: str, *, file_name: str = "table.csv", owner: str = "me") -> Upload:
    return uploads.add(io.BytesIO(text.encode()), file_name=file_name, owner=owner)


def table_of(**columns: list[object]) -> str:
    lines = [
        ",".join(columns),
        *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True)),
    ]
    return "\n".join(lines) + "\n"


# -- on disk -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file_name", "title"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\data\\mine.csv", "mine.csv"),
        ("<img src=x onerror=alert(1)>.csv", "<img src=x onerror=alert(1)>.csv"),
        ("..", "table"),
        ("a\nb\x00c.csv", "a b c.csv"),
        ("x" * 500, "x" * 80),
    ],
)
def test_names_on_disk_are_ids_whatever_the_file_is_called(
    file_name: str, title: str, data_folder: Path
) -> None:
    upload = bring("a,b\n1,2\n3,4\n", file_name=file_name)

    assert upload.title == title
    (folder,) = (data_folder / "uploads").iterdir()
    assert upload.name == f"upload-{folder.name}"
    assert sorted(file.name for file in folder.iterdir()) == [
        "original",
        "table.arrow",
        "upload.json",
    ]
    assert (folder / "original").read_bytes() == b"a,b\n1,2\n3,4\n"


def test_a_file_that_is_refused_leaves_nothing_behind(data_folder: Path) -> None:
    for text in ("", "a,b\n1\n", "a,b\n1,2\n"):
        with pytest.raises(TableUnreadable):
            bring(text)
    assert list((data_folder / "uploads").iterdir()) == []


def test_the_same_file_of_the_same_owner_is_kept_once(data_folder: Path) -> None:
    first, again, other = (bring("a,b\n1,2\n3,4\n", owner=owner) for owner in ("me", "me", "you"))

    assert first == again
    assert other.name != first.name
    assert uploads.uploads_of("me") == [first]
    assert uploads.uploads_of("you") == [other]


def test_what_is_known_survives_another_process(data_folder: Path) -> None:
    upload = bring("name;größe\nMüller;1,5\nJörg;\n")
    uploads._described.cache_clear()

    assert uploads.upload(upload.name) == upload
    assert upload.recognised.delimiter == ";"
    assert upload.column("größe").num_missing == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["upload-0123456789abcdef", "upload-../../x", "upload-", "iris"])
def test_an_upload_that_is_not_there_is_said_to_be_gone(name: str) -> None:
    with pytest.raises(DatasetUnavailable):
        uploads.upload(name)


def test_a_damaged_description_is_said_to_be_gone(data_folder: Path) -> None:
    upload = bring("a,b\n1,2\n3,4\n")
    (uploads.path(upload.name) / "upload.json").write_text("{")
    with pytest.raises(DatasetUnavailable):
        uploads.upload(upload.name)


def test_unneeded_uploads_are_removed_after_a_day_and_needed_ones_stay(data_folder: Path) -> None:
    needed, old, new = (bring(f"a,b\n1,{k}\n3,4\n") for k in range(3))
    broken_off = data_folder / "uploads" / ".part-abc"
    broken_off.mkdir()
    past = time.time() - 2 * uploads.DAY_SECONDS
    for folder in (uploads.path(needed.name), uploads.path(old.name), broken_off):
        os.utime(folder, (past, past))

    assert uploads.remove_unneeded({needed.name}) == [old.name]

    assert uploads.upload(needed.name) and uploads.upload(new.name)
    assert not broken_off.exists()
    with pytest.raises(DatasetUnavailable):
        find(old.name, target="a")


# -- as a dataset ------------------------------------------------------------------------------


def people(num_rows: int = 60) -> Upload:
    rng = np.random.default_rng(0)
    return bring(
        table_of(
            id=list(range(num_rows)),
            age=[rng.integers(18, 90) if k % 7 else "" for k in range(num_rows)],
            city=[["Berlin", "Rome", "Oslo"][k % 3] for k in range(num_rows)],
            joined=[f"2024-01-{1 + k % 28:02}" for k in range(num_rows)],
            member=[["true", "false"][k % 2] for k in range(num_rows)],
            note=[f"met in spring {k}" for k in range(num_rows)],
            same=["x"] * num_rows,
            bought=[["no", "yes"][k % 4 == 0] if k % 10 else "" for k in range(num_rows)],
        )
    )


def test_an_upload_with_a_target_is_a_dataset() -> None:
    upload = people()
    spec = find(upload.name, target="bought")

    assert (spec.task, spec.class_names, spec.num_samples) == ("binary", ("no", "yes"), 54)
    assert spec.feature_names == ("age", "city", "joined", "member")
    assert spec.input_shape == (1 + 3 + 1 + 1,)
    assert spec.origin == "uploaded"
    said = " ".join(spec.notes)
    for left_out in ("“id”", "“note”", "“same”", "6 rows have no finite value in “bought”"):
        assert left_out in said
    arrays = load(spec)
    assert arrays.x.shape == (54, 4)
    assert arrays.y.tolist() == [int(k % 4 == 0) for k in range(60) if k % 10]
    assert arrays.x[0].tolist()[1:] == [2.0, 8767.0, 0.0]  # Rome, 2 January 2024, false
    assert np.isnan(arrays.x[:, 0]).sum() == sum(1 for k in range(60) if k % 10 and not k % 7)


def test_rows_of_an_upload_are_those_of_the_whole() -> None:
    spec = find(people().name, target="bought")
    whole = load(spec)

    chosen = rows(spec, np.array([40, 3, 17]))
    np.testing.assert_array_equal(chosen.x, whole.x[[40, 3, 17]])
    np.testing.assert_array_equal(chosen.y, whole.y[[40, 3, 17]])


@pytest.mark.parametrize(
    ("values", "task", "fitting"),
    [
        (["a", "b"] * 30, "binary", ("binary",)),
        (["a", "b", "c"] * 20, "multiclass", ("multiclass",)),
        ([0, 1] * 30, "binary", ("binary", "regression")),
        ([3, 7] * 30, "binary", ("binary", "regression")),
        ([1, 2, 3, 4, 5] * 12, "multiclass", ("multiclass", "regression")),
        ([1.0, 2.0, "", 3.0] * 15, "multiclass", ("multiclass", "regression")),
        (["true", "false"] * 30, "binary", ("binary", "regression")),
        ([k * 0.37 for k in range(60)], "regression", ("multiclass", "regression")),
        (list(range(60)), "regression", ("multiclass", "regression")),
    ],
)
def test_a_task_is_proposed_and_can_be_changed(values, task, fitting) -> None:
    upload = bring(table_of(x=list(range(60)), y=values))

    assert proposed_task(upload, "y") == task
    assert fitting_tasks(upload, "y") == fitting
    for other in fitting:
        assert find(upload.name, target="y", task=other).task == other


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["a"] * 60, "must have at least two different values"),
        ([1.5] * 60, "must have at least two different values"),
        ([""] * 60, "must be a column with values"),
        ([f"2024-01-{1 + k % 28:02}" for k in range(60)], "must be a column of numbers or classes"),
        ([f"text {k}" for k in range(60)], "must have values that come again"),
    ],
)
def test_a_target_that_cannot_be_predicted_is_refused(values: list[object], words: str) -> None:
    upload = bring(table_of(x=list(range(60)), y=values))
    with pytest.raises(InvalidInput, match=f"target {words}"):
        RunConfig.create(upload.name, target="y")


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({}, "target must be one of the columns id, age, .*Got ''"),
        ({"target": "price"}, "target must be one of the columns id, age, .*Got 'price'"),
        ({"target": "bought", "task": "regression"}, "task must be one of binary for"),
        ({"target": "bought", "task": "x"}, "task must be one of binary, multiclass, regression"),
        ({"target": 3}, "target must be a text"),
    ],
)
def test_a_config_says_what_is_wrong_with_its_target(choices, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        RunConfig.create(people().name, **choices)


def test_other_sets_have_their_own_target() -> None:
    assert RunConfig.create("iris", target="species").spec.name == "iris"
    with pytest.raises(InvalidInput, match="target must be 'species' for iris. Got 'x'"):
        RunConfig.create("iris", target="x")
    with pytest.raises(InvalidInput, match="task must be multiclass for iris. Got 'binary'"):
        RunConfig.create("iris", task="binary")


def test_a_table_without_a_column_to_learn_from_is_refused_with_the_reasons() -> None:
    upload = bring(table_of(same=["x"] * 60, y=[0, 1] * 30))
    with pytest.raises(InvalidInput, match="“same” is left out: all its values are the same"):
        find(upload.name, target="y")


def test_the_only_column_is_learnt_from_even_where_it_numbers_the_rows() -> None:
    upload = bring(table_of(id=list(range(60)), y=[k * 0.5 for k in range(60)]))
    assert find(upload.name, target="y").feature_names == ("id",)


def test_infinite_numbers_are_missing_ones_and_a_target_must_be_finite() -> None:
    upload = bring(table_of(x=[1.0, "inf", 3.0] * 20, y=[0.5, 1.5, "-inf"] * 20))
    spec = find(upload.name, target="y")

    arrays = load(spec)

    assert spec.num_samples == 40 == len(arrays.y)
    assert np.isnan(arrays.x[:, 0]).sum() == 20
    assert np.isfinite(arrays.y).all()


def test_whole_numbers_too_large_for_float32_stay_exact() -> None:
    large = [2**40 + k * k for k in range(60)]
    arrays = load(
        find(bring(table_of(x=large, z=[1.5] * 59 + [2], y=[0, 1] * 30)).name, target="y")
    )
    assert arrays.x[:, 0].astype(np.int64).tolist() == large


def test_small_and_large_tables_get_a_batch_size_that_can_be_trained() -> None:
    small = bring(table_of(x=[1.5, 2.5, 3.5, 4.0, 5.0], y=[0, 1, 0, 1, 0]))
    assert RunConfig.create(small.name, target="y").batch_size == 1
    assert defaults_for(people().name, target="bought")["batch_size"] == 18


def test_a_config_of_an_upload_survives_json_and_says_when_the_file_is_gone() -> None:
    upload = people()
    config = RunConfig.create(upload.name, target="bought", epochs=3)
    stored = json.loads(json.dumps(config.to_dict()))
    assert RunConfig.from_dict(stored) == config

    uploads.remove_unneeded((), older_than=-1)

    with pytest.raises(DatasetUnavailable, match="bring it again"):
        RunConfig.from_dict(stored)
    with pytest.raises(DatasetUnavailable):
        _ = config.spec


# -- bent --------------------------------------------------------------------------------------

BENDS = [
    {},
    {"num_samples": 30},
    {"imbalance": 0.8},
    {"label_noise": 0.2},
    {"leak": "duplicated_rows"},
    {"num_samples": 40, "imbalance": 0.7, "label_noise": 0.1, "leak": "duplicated_rows"},
]


def cities(num_rows: int = 90) -> Upload:
    """Return a table of which two network inputs are one column and one row has no target."""
    return bring(
        table_of(
            city=["Rome", "Oslo", "Oslo"] * (num_rows // 3),
            size=[k * 1.5 for k in range(num_rows)],
            y=["", "no", "yes"] + ["yes", "no", "no"] * (num_rows // 3 - 1),
        )
    )


@pytest.mark.parametrize("choices", BENDS)
def test_the_rows_of_a_bent_upload_are_the_very_ones_of_its_training(
    choices: dict[str, object],
) -> None:
    config = RunConfig.create(cities().name, target="y", batch_size=8, seed=4, **choices)
    parts = config.split(load(config.unbent_spec, config.load_options()))

    shown = rows(
        config.unbent_spec,
        parts.rows_val,
        config.load_options(),
        bend=config.bend,
        test_split=config.test_split,
    )

    assert parts.preprocessing is not None
    np.testing.assert_array_equal(parts.preprocessing(shown.x), parts.x_val)
    np.testing.assert_array_equal(shown.y, parts.y_val)
    sizes = tuple(len(part) for part in (parts.y_train, parts.y_val, parts.y_test))
    assert config.split_sizes == sizes


def test_the_classes_of_an_upload_are_counted_without_the_rows_that_have_none() -> None:
    spec = find(cities().name, target="y")

    assert (spec.class_names, spec.class_counts) == (("no", "yes"), (59, 30))
    assert np.bincount(load(spec).y).tolist() == [59, 30]
    assert find(cities().name, target="size").class_counts == ()


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"noise": 0.1}, "noise must be 0 for upload-.*, whose data are as given. Got 0.1."),
        ({"leak": "scaling"}, "leak must make sense for upload-.*: one of none, duplicated_rows."),
        ({"leak": "target_column"}, "leak must make sense for upload-.*: one of none, duplicated"),
    ],
)
def test_columns_that_may_hold_categories_are_neither_shaken_nor_added_to(
    choices: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        RunConfig.create(cities().name, target="y", **choices)
