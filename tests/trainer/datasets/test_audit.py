"""The auditor: what it says about built-in data and about tables made to be suspicious."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from trainer.config import RunConfig
from trainer.datasets import DATASETS, Arrays, load, uploads
from trainer.datasets.audit import Finding, audit, binary_auc
from trainer.datasets.columns import Column
from trainer.datasets.spec import DatasetSpec
from trainer.datasets.split import Parts

NUM_ROWS = 400


def findings(frame: pd.DataFrame, target: str = "y", task: str = "") -> list[Finding]:
    """Return what is said of a table that somebody uploads."""
    upload = uploads.add(
        io.BytesIO(frame.to_csv(index=False).encode()), file_name="t.csv", owner="me"
    )
    config = RunConfig.create(upload.name, target=target, task=task)
    arrays = load(config.spec)
    return list(audit(config.spec, config.parts(arrays)))


def innocent(**more: object) -> pd.DataFrame:
    """Return a table of two classes about which there is nothing to say."""
    rng = np.random.default_rng(0)
    y = np.arange(NUM_ROWS) % 2
    return pd.DataFrame(
        {
            "a": rng.normal(size=NUM_ROWS) + 0.5 * y,
            "b": rng.normal(size=NUM_ROWS),
            "c": rng.choice(["x", "z"], NUM_ROWS),
            **more,
            "y": y,
        }
    )


def said(found: list[Finding], kind: str) -> str:
    return " ".join(finding.sentence for finding in found if finding.kind == kind)


def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    assert findings(innocent()) == []


@pytest.mark.parametrize("sign", [1, -1])
def test_a_column_that_gives_the_answer_away_is_named_with_its_auc(sign: int) -> None:
    frame = innocent()
    rng = np.random.default_rng(1)
    frame["refund"] = sign * (frame["y"] + rng.normal(0, 0.3, NUM_ROWS))
    frame = frame[["refund", "a", "b", "c", "y"]]
    # The test rows stay sealed.
    seen, _ = train_test_split(
        np.arange(NUM_ROWS), test_size=0.2, random_state=0, stratify=frame["y"]
    )
    auc = roc_auc_score(frame["y"][seen], sign * frame["refund"][seen])
    assert auc > 0.95

    sentence = said(findings(frame), "leak")

    assert sentence.startswith("“refund” alone predicts “y” almost perfectly")
    by = "" if sign > 0 else ", by low values"
    assert f"(AUC {auc:.3f}{by})" in sentence


def test_a_category_that_gives_the_answer_away_is_named_and_one_of_chance_is_not() -> None:
    frame = innocent()
    rng = np.random.default_rng(1)
    frame["status"] = np.where(frame["y"] == 1, "refunded", "none")
    frame["shop"] = [f"shop {k}" for k in rng.integers(0, 150, NUM_ROWS)]
    frame = frame[["status", "shop", "a", "b", "c", "y"]]

    sentence = said(findings(frame), "leak")

    assert "“status” alone" in sentence and "AUC 1.000" in sentence
    assert "“shop”" not in sentence


def test_a_text_that_is_there_for_one_class_alone_is_named() -> None:
    frame = innocent()
    frame["ticket"] = np.where(frame["y"] == 1, "open", "")
    assert "“ticket” alone" in said(findings(frame[["ticket", "a", "b", "y"]]), "leak")


def test_the_auc_of_a_column_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=500).round(1), rng.integers(0, 2, 500)
    column = Column(name="x", kind="number")
    assert binary_auc(x, y, column) == roc_auc_score(y, x)
    gappy = np.where(rng.random(500) < 0.2, np.nan, x)
    filled = np.where(np.isnan(gappy), np.nanmedian(gappy), gappy)
    assert binary_auc(gappy, y, column) == roc_auc_score(y, filled)


def test_a_column_that_tells_many_classes_or_a_number_is_named() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(NUM_ROWS) % 3
    frame = pd.DataFrame(
        {
            "told": (y * 7) % 3 + rng.normal(0, 0.05, NUM_ROWS),
            "b": rng.normal(size=NUM_ROWS),
            "y": [f"k{k}" for k in y],
        }
    )
    assert "“told” alone" in said(findings(frame), "leak")
    # A class that is too rare to be judged by does not hide it.
    frame.loc[0, "y"] = "once"
    frame.loc[[1, 2], "y"] = "twice"
    assert "“told” alone" in said(findings(frame), "leak")
    number = rng.normal(size=NUM_ROWS)
    frame = pd.DataFrame({"gross": 1.19 * number, "b": rng.normal(size=NUM_ROWS), "y": number})
    assert "“gross” alone predicts “y” almost perfectly (R² 1.000)" in said(findings(frame), "leak")


def test_rows_that_stand_twice_are_counted_in_all_and_across_the_split() -> None:
    frame = innocent()
    frame = pd.concat([frame, frame.iloc[:100]], ignore_index=True)

    found = findings(frame)

    assert said(found, "duplicates").startswith("100 rows (20.0%) repeat an earlier one")
    across = said(found, "across")
    upload = uploads.uploads_of("me")[0]
    config = RunConfig.create(upload.name, target="y")
    parts = config.split(load(config.spec))
    # By hand: row k and row 400 + k are one another's only twins.
    held = {0: set(), 1: set(parts.rows_val.tolist()), 2: set(parts.rows_test.tolist())}
    held[0] = set(range(500)) - held[1] - held[2]
    twins = {**{k: k + 400 for k in range(100)}, **{k + 400: k for k in range(100)}}
    for part, name in ((1, "validation"), (2, "test")):
        count = sum(twins.get(row) in held[0] for row in held[part])
        assert f"{count} of {len(held[part])} {name} rows" in across


def test_missing_constant_and_numbering_columns_are_told_with_their_shares() -> None:
    frame = innocent()
    frame["d"] = np.where(np.arange(NUM_ROWS) % 4 == 0, np.nan, frame["b"] * 2)
    frame["visit"] = np.random.default_rng(0).permutation(NUM_ROWS) + 100
    frame["same"] = 7
    frame["id"] = np.arange(NUM_ROWS)

    found = findings(frame)

    missing = said(found, "missing")
    assert missing == "“d” is missing in 100 of 400 rows (25%); the median stands in."
    assert "“visit” looks like a number of the row" in said(found, "identifier")
    notes = said(found, "note")
    assert "“same” is left out: all its values are the same." in notes
    assert "“id” is left out: it numbers the rows." in notes


def test_numbers_with_gaps_are_told_where_the_name_says_what_they_are() -> None:
    numbers = np.random.default_rng(0).choice(10**6, NUM_ROWS, replace=False)
    frame = innocent(order_id=numbers, income=numbers + 1)

    assert said(findings(frame), "identifier") == (
        "“order_id” is named like a number of the row, and has a different whole number in each of "
        "400 rows. New rows will have numbers never seen."
    )
    frame.loc[0, "order_id"] = frame.loc[1, "order_id"]
    assert not said(findings(frame), "identifier")


def test_rare_classes_are_told_with_their_counts() -> None:
    frame = innocent()
    frame["y"] = ["rare"] * 5 + ["once"] + ["often"] * 200 + ["common"] * 194

    sentence = said(findings(frame), "rare")

    assert "Class with one row alone: “once”" in sentence
    assert "Class “rare” has 5 of 400 rows (1.25%)" in sentence
    assert "often" not in sentence


def test_a_number_treated_as_classes_and_classes_treated_as_a_number_are_told() -> None:
    frame = innocent()
    frame["y"] = np.random.default_rng(0).integers(0, 50, NUM_ROWS)
    assert "looks like a regression" in said(findings(frame, task="multiclass"), "target")
    frame["y"] = np.arange(NUM_ROWS) % 4
    assert "these may be classes" in said(findings(frame, task="regression"), "target")


@pytest.mark.parametrize("name", [n for n, s in DATASETS.items() if s.origin != "downloaded"])
def test_built_in_sets_are_audited_too(name: str) -> None:
    config = RunConfig.create(name)
    arrays = load(name)
    found = audit(config.spec, config.parts(arrays))
    assert all(finding.sentence.endswith(".") for finding in found)


def test_built_in_sets_that_everybody_knows_are_told_truly() -> None:
    def of(name: str) -> list[Finding]:
        return list(audit(DATASETS[name], Parts.undivided(load(name))))

    # One flower stands twice in scikit-learn's iris; a single cell measure orders tumours well.
    x, _ = load("iris").x, load("iris").y
    again = len(x) - len(np.unique(x, axis=0))
    assert f"{again} row" in said(of("iris"), "duplicates")
    assert "“worst perimeter” alone" in said(of("breast_cancer"), "leak")
    assert "AUC 0.975, by low values" in said(of("breast_cancer"), "leak")


def test_pictures_that_stand_twice_are_found() -> None:
    x = np.random.default_rng(0).integers(0, 256, (100, 28, 28, 1), dtype=np.uint8)
    x[50] = x[3]
    spec: DatasetSpec = DATASETS["mnist"]
    arrays = Arrays(x=x, y=(np.arange(100) % 10).astype(np.int32))
    found = list(audit(spec, Parts.undivided(arrays)))
    assert said(found, "duplicates").startswith("1 row (1.0%) repeats an earlier one")
