"""Bending a dataset: hand-worked counts, and draws that only add to what was there."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.datasets.shaping import (
    apportioned,
    chosen_rows,
    kept_counts,
    mislabelled,
    shaken_columns,
    shaken_pictures,
)


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        (10, [1, 1], [5, 5]),
        (5, [1, 1], [3, 2]),  # of equal remainders the first
        (10, [357, 212], [6, 4]),  # 6.27 and 3.73
        (100, [98, 2], [98, 2]),
        (10, [98, 2], [9, 1]),  # 9.8 and 0.2: the rare class keeps one
        (3, [1, 1, 1], [1, 1, 1]),
        (2, [5, 3, 1], [1, 1, 0]),  # too few for one each
        (7, [3], [7]),
        (0, [3, 4], [0, 0]),
    ],
)
def test_rows_are_shared_out_by_the_largest_remainder(total, weights, expected):
    assert apportioned(total, weights) == expected


def test_without_a_least_share_a_rare_class_may_go_without():
    assert apportioned(10, [98, 2], least=0) == [10, 0]


@pytest.mark.parametrize(
    ("class_counts", "num_samples", "imbalance", "expected"),
    [
        ((200, 200), 0, 0, (200, 200)),
        ((200, 200), 100, 0, (50, 50)),
        ((200, 200), 0, 0.5, (200, 200)),
        ((200, 200), 0, 0.8, (200, 50)),
        ((200, 200), 0, 0.9, (200, 22)),  # 22.2
        ((200, 200), 0, 0.99, (200, 2)),  # 2.02
        ((200, 200), 100, 0.9, (50, 6)),  # a ninth of fifty: 5.6
        ((200, 200), 10, 0.99, (5, 1)),  # every class keeps a row
        ((212, 357), 0, 0.5, (212, 212)),  # the larger one is thinned
        ((212, 357), 0, 0.6, (212, 318)),  # 1.5 times
        ((212, 357), 0, 0.75, (119, 357)),  # a third
        ((7840, 160), 0, 0.5, (160, 160)),
        ((7840, 160), 0, 0.99, (7840, 79)),
        ((50, 50, 50), 0, 0.9, (50, 6, 6)),
        ((59, 71, 48), 0, 0.5, (48, 48, 48)),
        ((59, 71, 48), 0, 0.6, (47, 71, 47)),  # 47.3, which all others have
        ((59, 71, 48), 0, 0.55, (48, 59, 48)),  # 48 x 1.2222
        ((442,), 100, 0, (100,)),
    ],
)
def test_kept_rows_by_hand(class_counts, num_samples, imbalance, expected):
    assert kept_counts(class_counts, num_samples=num_samples, imbalance=imbalance) == expected


@pytest.mark.parametrize("imbalance", [0.5, 0.6, 0.75, 0.9, 0.95, 0.99])
def test_of_two_classes_the_larger_one_has_the_share_asked_for(imbalance):
    counts = kept_counts((10_000, 30_000), num_samples=0, imbalance=imbalance)
    assert counts[1] / sum(counts) == pytest.approx(imbalance, abs=1e-3)


def choose(counts, *, sealed, seed=0, num_sealed=20):
    classes = np.arange(200) % 2
    return chosen_rows(
        classes, counts, sealed=sealed, num_sealed=num_sealed, seed=seed, seal_seed=0
    )


def test_rows_are_chosen_by_class_and_sealed_ones_stay_sealed():
    classes, sealed = np.arange(200) % 2, np.arange(40)
    rest, test = choose((80, 20), sealed=sealed)
    assert np.bincount(classes[rest]).tolist() == [64, 16]
    assert np.bincount(classes[test]).tolist() == [16, 4]
    assert set(test) <= set(sealed)
    assert not set(rest) & set(sealed)
    assert (np.diff(rest) > 0).all() and (np.diff(test) > 0).all()


def test_another_seed_chooses_other_rows_to_learn_from_and_the_same_to_test():
    first, again, other = (choose((40, 40), sealed=np.arange(40), seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    assert set(first[0]) != set(other[0])
    np.testing.assert_array_equal(first[1], other[1])


def test_more_rows_are_the_same_ones_and_some_more():
    few = choose((40, 10), sealed=np.arange(40), num_sealed=10)
    many = choose((80, 20), sealed=np.arange(40))
    assert set(few[0]) < set(many[0]) and set(few[1]) < set(many[1])


def test_where_too_few_are_sealed_others_are_taken_and_no_row_twice():
    rest, test = choose((100, 100), sealed=np.arange(6))
    assert set(range(6)) <= set(test)
    assert sorted([*rest, *test]) == list(range(200))
    rest, test = choose((100, 100), sealed=np.arange(190))
    assert sorted([*rest, *test]) == list(range(200))


def test_columns_are_shaken_in_units_of_their_own_deviation():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(20_000, 3)) * [1, 100, 0.01] + [0, 5, 9]).astype(np.float32)
    x[:, 1] = np.where(x[:, 1] > 0, 7, -7)
    shift = shaken_columns(x, noise=0.5, seed=3) - x
    np.testing.assert_allclose(shift.std(axis=0) / x.std(axis=0), 0.5, rtol=0.02)
    np.testing.assert_allclose(shift.mean(axis=0) / x.std(axis=0), 0, atol=0.02)
    correlation = np.corrcoef(np.hstack([x, shift]).T)[:3, 3:]
    assert abs(correlation).max() < 0.03


def test_twice_the_noise_shifts_the_same_way_twice_as_far_and_another_seed_elsewhere():
    x = np.random.default_rng(0).normal(size=(50, 2))
    shift = shaken_columns(x, noise=0.5, seed=3) - x
    np.testing.assert_allclose(shaken_columns(x, noise=1.0, seed=3) - x, 2 * shift, atol=1e-12)
    assert not np.allclose(shaken_columns(x, noise=0.5, seed=4) - x, shift)


def test_a_constant_column_stays_constant():
    assert (shaken_columns(np.full((9, 1), 4.0), noise=2.0, seed=0) == 4.0).all()


@pytest.mark.parametrize(("dtype", "highest"), [(np.float32, 1.0), (np.uint8, 255)])
def test_pictures_are_shaken_in_units_of_their_own_deviation_and_stay_in_range(dtype, highest):
    rng = np.random.default_rng(0)
    x = (rng.uniform(0.45, 0.55, size=(4, 60, 60, 1)) * highest).astype(dtype)
    x[1] = np.where(rng.random((60, 60, 1)) < 0.5, 0, highest)
    rows = np.array([7, 1, 3, 9])
    shaken = shaken_pictures(x, rows, noise=1.0, seed=0, highest=highest)
    assert shaken.dtype == dtype
    assert shaken.min() >= 0 and shaken.max() <= highest
    gentle = [0, 2, 3]  # far from black and white
    shift = shaken[gentle].astype(float) - x[gentle]
    expected = x[gentle].std(axis=(1, 2, 3), dtype=float)
    np.testing.assert_allclose(shift.std(axis=(1, 2, 3)), expected, rtol=0.06)
    assert (shaken[1] != x[1]).mean() == pytest.approx(0.5, abs=0.05)  # the rest is cut off


def test_a_picture_is_shaken_alike_whoever_else_is():
    x = np.random.default_rng(0).uniform(size=(5, 8, 8, 1))
    rows = np.array([4, 9, 2, 30, 11])
    whole = shaken_pictures(x, rows, noise=0.3, seed=1, highest=1.0)
    some = shaken_pictures(x[[3, 0]], rows[[3, 0]], noise=0.3, seed=1, highest=1.0)
    np.testing.assert_array_equal(some, whole[[3, 0]])
    other = shaken_pictures(x, rows, noise=0.3, seed=2, highest=1.0)
    assert (other != whole).mean() > 0.9


@pytest.mark.parametrize(
    ("share", "num_wrong"), [(0.0, 0), (0.1, 15), (0.5, 75), (0.333, 50), (0.25, 38)]
)
def test_exactly_the_share_asked_for_is_wrong_among_the_rows_that_may_be(share, num_wrong):
    y = np.arange(200) % 3
    rows = np.arange(50, 200)
    labels = mislabelled(y, rows, share=share, num_classes=3, seed=0)
    wrong = np.flatnonzero(labels != y)
    assert len(wrong) == num_wrong
    assert set(wrong) <= set(rows)
    assert labels.min() >= 0 and labels.max() <= 2


def test_a_wrong_label_is_any_other_class_all_as_likely():
    y = np.repeat(np.arange(4), 10_000)
    labels = mislabelled(y, np.arange(len(y)), share=0.3, num_classes=4, seed=0)
    wrong = labels != y
    table = np.array([np.bincount(labels[wrong & (y == k)], minlength=4) for k in range(4)])
    assert (table.diagonal() == 0).all()
    np.testing.assert_allclose(table[~np.eye(4, dtype=bool)], 1000, rtol=0.12)


def test_more_wrong_labels_are_the_same_ones_and_some_more():
    y, rows = np.arange(300) % 2, np.arange(300)
    few, many, other = (
        mislabelled(y, rows, share=share, num_classes=2, seed=seed)
        for share, seed in ((0.1, 0), (0.3, 0), (0.3, 1))
    )
    assert set(np.flatnonzero(few != y)) < set(np.flatnonzero(many != y))
    assert not np.array_equal(many, other)
    assert y.tolist() == (np.arange(300) % 2).tolist()


def test_a_class_that_is_kept_whole_is_sealed_as_the_whole_set_seals_it():
    classes = np.repeat([0, 1], [357, 212])
    sealed = np.concatenate([np.arange(72), 357 + np.arange(42)])
    rest, test = chosen_rows(classes, (357, 89), sealed=sealed, num_sealed=89, seed=0, seal_seed=0)
    # By their shares 71 and 18; but the whole set seals 72 rows of the first class.
    assert np.bincount(classes[test]).tolist() == [72, 17]
    assert set(test) <= set(sealed) and not set(rest) & set(sealed)
