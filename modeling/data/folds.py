"""Folds of cross-validation, of every label alike; near copies stay together."""

from __future__ import annotations

import numpy as np

from modeling.types import Folds, Groups, Targets


def stratified_folds(targets: Targets, count: int, seed: int) -> Folds:
    """Split the examples' rows into `count` folds, every label spread over them as evenly as it goes."""
    order = np.random.default_rng(seed).permutation(len(targets))
    order = order[np.argsort(targets[order], kind="stable")]
    return [np.sort(order[start::count]) for start in range(count)]


def stratified_group_folds(targets: Targets, groups: Groups, count: int, seed: int) -> Folds:
    """Split as `deal` does, but leave rows of equal `groups` [n] in one fold: near copies of a message test nothing.

    A label whose messages are in fewer groups than there are folds, as those of a program that says the same all day,
    is dealt message by message, for otherwise a fold would learn nothing of it.
    """
    kinds = {label: len(np.unique(groups[targets == label])) for label in np.unique(targets)}
    alone = np.array([kinds[label] < count for label in targets], bool)
    joined = np.where(alone, groups.max(initial=0) + 1 + np.arange(len(groups)), groups)
    _, first, member = np.unique(joined, return_index=True, return_inverse=True)
    if len(first) == len(targets):
        return stratified_folds(targets, count, seed)
    folds = stratified_folds(targets[first], count, seed)
    return [np.flatnonzero(np.isin(member, fold)) for fold in folds]
