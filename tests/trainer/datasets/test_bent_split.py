"""The parts of a bent dataset: their sizes are known before loading, and the seal holds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from trainer.config import RunConfig
from trainer.datasets import DATASETS, Arrays, Bend, LoadOptions, cache, load, rows
from trainer.datasets.leaks import leaks_for
from trainer.datasets.split import Split, bend_rows, split

LOCAL = [name for name, spec in DATASETS.items() if spec.origin != "downloaded"]
CLASSES = [name for name in LOCAL if DATASETS[name].num_classes]
TABLES = [name for name in CLASSES if DATASETS[name].is_table]
# Sets of a few kinds of rows have equal rows by nature.
DISTINCT = [name for name in CLASSES if not DATASETS[name].few_kinds]
FIFTHS = {"test_split": 0.2, "validation_split": 0.2}


def parts_of(config: RunConfig) -> Split:
    return config.split(load(config.dataset, config.load_options()))


@pytest.mark.parametrize("name", LOCAL)
@pytest.mark.parametrize(
    "choices",
    [
        {"num_samples": 101},
        {"imbalance": 0.5},
        {"imbalance": 0.9},
        {"imbalance": 0.99, "num_samples": 60, "test_split": 0.3},
        {"leak": "duplicated_rows", "label_noise": 0.25},
        {"leak": "duplicated_rows", "num_samples": 75, "imbalance": 0.7, "noise": 0.5},
        {"num_samples": 10, "test_split": 0.5, "validation_split": 0.5, "batch_size": 1},
        {"num_samples": 50, "test_split": 0, "validation_split": 0},
        {"leak": "target_column"},
        {"leak": "scaling", "num_samples": 80},
        {"leak": "selection", "num_samples": 80},
    ],
    ids=str,
)
def test_the_parts_have_the_sizes_and_columns_that_are_known_before_loading(name, choices):
    spec = DATASETS[name]
    fits = {
        "label_noise": spec.num_classes,
        "imbalance": spec.num_classes,
        "leak": choices.get("leak") in leaks_for(DATASETS[name]),
    }
    chosen = {key: value for key, value in choices.items() if fits.get(key, True)}
    config = RunConfig.create(name, **{"batch_size": 1, **chosen})
    parts = parts_of(config)
    sizes = (len(parts.y_train), len(parts.y_val), len(parts.y_test))
    assert sizes == config.split_sizes
    assert sizes[0] == config.num_training_rows
    for x, y in (
        (parts.x_train, parts.y_train),
        (parts.x_val, parts.y_val),
        (parts.x_test, parts.y_test),
    ):
        assert x.shape == (len(y), *config.spec.input_shape)
        assert np.isfinite(x).all()
    assert parts.x_train.dtype == np.float32
    if config.spec.is_table:
        assert config.spec.input_shape == (len(config.spec.feature_names),)
    if config.leak != "duplicated_rows":
        assert sum(sizes) == config.spec.num_samples
    if spec.num_classes and not config.label_noise and config.leak != "duplicated_rows":
        y = np.concatenate([parts.y_train, parts.y_val, parts.y_test])
        assert tuple(np.bincount(y, minlength=spec.num_classes)) == config.spec.class_counts


@pytest.mark.parametrize("name", LOCAL)
def test_a_dataset_that_is_not_bent_is_split_as_ever(name):
    spec, arrays = DATASETS[name], load(name)
    shares = {"test_split": 0.2, "validation_split": 0.2, "seed": 3}
    plain = split(arrays, spec, **shares)
    bent = split(arrays, spec, **shares, bend=Bend(seed=3))
    for field in dataclasses.fields(Split):
        np.testing.assert_array_equal(getattr(plain, field.name), getattr(bent, field.name))
    if spec.num_classes:
        assert np.bincount(arrays.y).tolist() == list(spec.class_counts)


@pytest.mark.parametrize("name", ["digits", "wine", "breast_cancer"])
def test_no_run_learns_from_another_s_test_rows_however_it_is_bent(name):
    tested, learnt = set(), set()
    for choices in (
        {},
        {"num_samples": 60},
        {"imbalance": 0.8},
        {"num_samples": 100, "imbalance": 0.6, "seed": 1},
        {"label_noise": 0.5, "leak": "duplicated_rows", "seed": 2},
        {"noise": 1.0, "seed": 3},
    ):
        config = RunConfig.create(name, batch_size=1, **choices)
        parts = parts_of(config)
        tested |= set(parts.rows_test)
        kept = bend_rows(load(name), DATASETS[name], bend=config.bend, test_split=0.2)
        learnt |= set(kept.rows_rest)
    assert not tested & learnt


@pytest.mark.parametrize("name", ["digits", "wine"])
def test_the_test_rows_are_the_same_for_every_seed(name):
    first, other = (
        parts_of(RunConfig.create(name, num_samples=90, imbalance=0.6, seed=seed, batch_size=1))
        for seed in (0, 1)
    )
    assert sorted(first.rows_test) == sorted(other.rows_test)
    assert set(first.rows_val) != set(other.rows_val)


@pytest.mark.parametrize("name", CLASSES)
def test_wrong_labels_are_among_the_rows_to_learn_from_and_never_in_the_test(name):
    config = RunConfig.create(name, label_noise=0.2, **FIFTHS)
    arrays, parts = load(name, config.load_options()), parts_of(config)
    np.testing.assert_array_equal(parts.y_test, arrays.y[parts.rows_test])
    bent = bend_rows(arrays, DATASETS[name], bend=config.bend, test_split=0.2)
    wrong = bent.y != arrays.y
    assert wrong.sum() == round(0.2 * len(bent.rows_rest))
    assert not wrong[parts.rows_test].any()
    np.testing.assert_array_equal(parts.y_val, bent.y[parts.rows_val])
    # Most of what is seen of them in validation comes from the draw, the rest is chance.
    assert wrong[parts.rows_val].mean() == pytest.approx(0.2, abs=0.15)


@pytest.mark.parametrize("name", DISTINCT)
def test_doubled_rows_are_twins_across_training_and_validation_and_none_is_a_test_row(name):
    parts = parts_of(RunConfig.create(name, leak="duplicated_rows", **FIFTHS))

    def as_set(x):
        return {row.tobytes() for row in x}

    train, validation, test = (as_set(x) for x in (parts.x_train, parts.x_val, parts.x_test))
    in_both = np.mean([row.tobytes() in train for row in parts.x_val])
    assert in_both > 0.6  # 4 of 5 twins are on the other side of the split
    assert len(test & (train | validation)) <= 2  # iris and wine have a few equal flowers


@pytest.mark.parametrize("name", TABLES)
def test_the_told_column_is_last_and_empty_in_the_test_rows(name):
    config = RunConfig.create(name, leak="target_column", **FIFTHS)
    spec = DATASETS[name]
    arrays = load(name, config.load_options())
    bent = bend_rows(arrays, spec, bend=config.bend, test_split=0.2)
    np.testing.assert_array_equal(bent.x[:, :-1], arrays.x)
    told = bent.x[:, -1]
    rest = bent.rows_rest
    assert (told[rest] == arrays.y[rest]).mean() == pytest.approx(0.98, abs=0.005)
    assert not told[bent.rows_test].any()
    assert len(np.unique(parts_of(config).x_test[:, -1])) == 1


def test_the_told_column_repeats_a_wrong_label():
    config = RunConfig.create("spam", leak="target_column", label_noise=0.3)
    arrays = load("spam", config.load_options())
    bent = bend_rows(arrays, DATASETS["spam"], bend=config.bend, test_split=0.2)
    rest = bent.rows_rest
    assert (bent.x[rest, -1] == bent.y[rest]).mean() == pytest.approx(0.98, abs=0.001)
    assert (bent.x[rest, -1] == arrays.y[rest]).mean() == pytest.approx(0.7, abs=0.02)


def test_test_rows_have_no_part_in_the_scaling_that_came_too_early():
    config = RunConfig.create("breast_cancer", leak="scaling")
    arrays = load("breast_cancer")
    test = parts_of(config).rows_test
    changed = Arrays(x=arrays.x, y=arrays.y.copy())
    changed.y[test[:2]] = changed.y[test[:2]][::-1]
    first, second = (
        bend_rows(a, DATASETS["breast_cancer"], bend=config.bend, test_split=0.2)
        for a in (arrays, changed)
    )
    np.testing.assert_array_equal(first.x, second.x)


@pytest.mark.parametrize(
    ("name", "leak"),
    [
        (name, leak)
        for name in CLASSES
        for leak in leaks_for(DATASETS[name])
        # Thousands of columns for each of thousands of rows take seconds and are picked alike.
        if leak != "selection" or DATASETS[name].num_samples < 2000
    ],
)
def test_the_rows_behind_a_cell_are_the_bent_ones(name, leak):
    config = RunConfig.create(name, leak=leak, label_noise=0.2, noise=0.3)
    options = config.load_options()
    unscaled = split(
        load(name, options),
        dataclasses.replace(DATASETS[name], standardize=False),
        test_split=config.test_split,
        validation_split=config.validation_split,
        seed=config.seed,
        bend=config.bend,
    )
    places = np.array([5, 0, 11])
    indices = unscaled.rows_val[places]
    shown = rows(name, indices, options, bend=config.bend, test_split=config.test_split)
    np.testing.assert_array_equal(shown.x, unscaled.x_val[places])
    np.testing.assert_array_equal(shown.y, unscaled.y_val[places])


@pytest.fixture
def mnist(monkeypatch, tmp_path) -> Arrays:
    """A small stored copy of a set that is downloaded."""
    monkeypatch.setenv("DASHBOARD_HOME", str(tmp_path))
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, size=(400, 28, 28, 1), dtype=np.uint8)
    y = (np.arange(400) % 10).astype(np.int32)
    cache.write("mnist", {"x_train": x, "y_train": y, "x_test": x[:3], "y_test": y[:3]})
    return Arrays(x=x, y=y)


def test_of_a_downloaded_set_single_rows_are_bent_like_the_whole(mnist):
    config = RunConfig.create(
        "mnist",
        num_samples=100,
        imbalance=0.6,
        noise=0.5,
        label_noise=0.3,
        leak="duplicated_rows",
        batch_size=1,
    )
    parts = parts_of(config)
    indices = parts.rows_val[[3, 0, 7, 0]]
    shown = rows("mnist", indices, bend=config.bend, test_split=config.test_split)
    np.testing.assert_array_equal(shown.x, parts.x_val[[3, 0, 7, 0]])
    np.testing.assert_array_equal(shown.y, parts.y_val[[3, 0, 7, 0]])


def test_generated_sets_make_as_many_rows_as_are_asked_for():
    for name in (name for name in LOCAL if DATASETS[name].origin == "generated"):
        for num_samples in (11, 1000):
            options = LoadOptions(noise=0.1, num_samples=num_samples, seed=1)
            arrays = load(name, options)
            assert len(arrays.y) == len(arrays.x) == num_samples
            spec = RunConfig.create(name, num_samples=num_samples, batch_size=1).spec
            if spec.num_classes:
                assert tuple(np.bincount(arrays.y)) == spec.class_counts
