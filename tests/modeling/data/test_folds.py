"""Folds of cross-validation that do not test what was learnt by heart."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from modeling.data.folds import stratified_folds, stratified_group_folds
from modeling.data.near_duplicates import near_copies, near_copy_groups

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=3, max_size=60)


@given(ROWS, st.integers(2, 4))
def test_every_row_is_in_one_fold_and_groups_stay_together(rows: list[tuple[int, int]], count: int) -> None:
    targets = np.array([label for label, _ in rows])
    groups = np.array([100 * label + group for label, group in rows])
    folds = stratified_group_folds(targets, groups, count, seed=1)
    assert sorted(int(row) for fold in folds for row in fold) == list(range(len(rows)))
    place = {int(row): number for number, fold in enumerate(folds) for row in fold}
    for label in set(targets.tolist()):
        mine = np.flatnonzero(targets == label)
        kinds = set(groups[mine].tolist())
        if len(kinds) >= count:
            for group in kinds:
                assert len({place[int(row)] for row in np.flatnonzero(groups == group)}) == 1
        elif len(mine) >= count:  # a fold alone would have taken all that is known of this label
            assert len({place[int(row)] for row in mine}) > 1


def test_without_near_copies_folds_are_dealt_as_ever() -> None:
    targets = np.arange(30) % 4
    grouped = stratified_group_folds(targets, np.arange(30), 3, seed=5)
    assert [fold.tolist() for fold in grouped] == [fold.tolist() for fold in stratified_folds(targets, 3, seed=5)]


def test_near_copies_and_their_copies_share_a_number() -> None:
    texts = [
        "the nightly build number 4711 of the billing service has failed",
        "who brings the cake on Friday",
        "the nightly build number 4712 of the billing service has failed",
        "The nightly build number 4712 of the billing service has failed!",
        "which room is the review in",
    ]
    groups = near_copy_groups(texts).tolist()
    assert groups[0] == groups[2] == groups[3]
    assert len({groups[0], groups[1], groups[4]}) == 3
    for row, place in near_copies(texts, texts):
        assert groups[row] == groups[place]
