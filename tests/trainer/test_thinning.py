"""Keeping evenly chosen ones of many."""

from __future__ import annotations

from itertools import pairwise

import pytest

from trainer.thinning import EvenlyKept


@pytest.mark.parametrize("limit", [2, 10, 400])
def test_however_many_come_first_newest_and_evenly_chosen_ones_are_kept(limit):
    keeping = EvenlyKept(limit)
    kept: list[int] = []
    for item in range(0, 30_000, 3):
        kept.append(item)
        for gone in keeping.add(item):
            kept.remove(gone)
        assert kept[0] == 0
        assert kept[-1] == item
        assert len(kept) <= limit + 1
    gaps = {later - earlier for earlier, later in pairwise(kept[:-1])}
    assert len(gaps) <= 1
    assert len(kept) > limit // 2


def test_few_are_all_kept():
    keeping = EvenlyKept(400)
    assert [keeping.add(item) for item in range(400)] == [[]] * 400


@pytest.mark.parametrize("limit", [0, 1, 7])
def test_a_limit_that_is_not_even_is_refused(limit):
    with pytest.raises(ValueError, match="limit must be an even number"):
        EvenlyKept(limit)
