"""Folds of cross-validation, of every label alike; near copies stay together.

Our own lines in place of scikit-learn's, for three reasons. StratifiedKFold refuses more folds than the largest label
has messages, as in leave-one-out. StratifiedGroupKFold puts a label whose messages are all alike into one fold, so that
it is not learned from there, and takes 0.4 s where these take 10 ms (800 messages). And other folds would change every
figure of before: the balance is as good without groups; with groups it is a few messages a label worse.
"""

from __future__ import annotations

import numpy as np

from modeling.types import Folds, Groups, Targets


def stratified_folds(targets: Targets, count: int, seed: int) -> Folds:
    """Return the rows [m] of each of `count` folds; every label is spread over them as evenly as possible."""
    order = np.random.default_rng(seed).permutation(len(targets))
    # Stable: within a label the shuffled order stays.
    order = order[np.argsort(targets[order], kind="stable")]
    # Every count-th row: neighbours, which share a label, go to different folds.
    return [np.sort(order[start::count]) for start in range(count)]


def stratified_group_folds(targets: Targets, groups: Groups, count: int, seed: int) -> Folds:
    """Split as `stratified_folds` does, with rows of equal `groups` [n] in one fold: near copies test nothing.

    A label with fewer groups than there are folds, such as that of a program that repeats one message, is split message
    by message; otherwise the training part of some fold would lack it.
    """
    group_counts = {label: len(np.unique(groups[targets == label])) for label in np.unique(targets)}
    alone = np.array([group_counts[label] < count for label in targets], bool)
    # Numbers beyond those of all groups: each of these messages is a group of its own.
    joined = np.where(alone, groups.max(initial=0) + 1 + np.arange(len(groups)), groups)
    _, first, member = np.unique(joined, return_index=True, return_inverse=True)
    # Nothing is joined: then the folds are the same as if nobody had looked for copies.
    if len(first) == len(targets):
        return stratified_folds(targets, count, seed)
    folds = stratified_folds(targets[first], count, seed)
    return [np.flatnonzero(np.isin(member, fold)) for fold in folds]
