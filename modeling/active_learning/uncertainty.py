"""Messages on which a classifier wavers: by margin, by entropy, and by the gradient that they would cause."""

from __future__ import annotations

import numpy as np

from modeling.classifier import head
from modeling.types import Cosines, Probabilities, Rows, Targets, Vectors


def probabilities(candidates: Vectors, labelled: Vectors, targets: Targets) -> Probabilities:
    """Return float32 [n, k] over the k labels that have an example, by a head fitted to `labelled` [m, d] just now.

    What was predicted when a message came in is from before the answers that were given since.
    """
    present, rows = np.unique(targets, return_inverse=True)
    names, thresholds = [str(label) for label in present], np.zeros(len(present), np.float32)
    fitted = head.fit(labelled, rows, names, None, c=head.DEFAULT_C, temperature=1.0, thresholds=thresholds)
    return fitted.probabilities(candidates)


def margins(probabilities: Probabilities) -> Cosines:
    """Return the distance [n] of the likeliest label to the second (T. Scheffer, C. Decomain, S. Wrobel 2001)."""
    best = np.partition(probabilities, -2, axis=1)
    return best[:, -1] - best[:, -2]


def entropies(probabilities: Probabilities) -> Cosines:
    """Return the entropy [n] in nats (C. Shannon 1948)."""
    return -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(axis=1)


def badge(probabilities: Probabilities, candidates: Vectors, count: int, rng: np.random.Generator) -> Rows:
    """Return rows whose gradients of the last layer are long and unlike each other, by the seeding of k-means++.

    J. Ash, C. Zhang, A. Krishnamurthy, J. Langford, A. Agarwal (2020), "Deep batch active learning by diverse,
    uncertain gradient lower bounds". The gradient is the outer product of (p - likeliest) and the vector, [k, d], and
    is never built: products of two factor into the products of their parts.
    """
    residuals = probabilities.astype(np.float64)
    residuals[np.arange(len(residuals)), probabilities.argmax(axis=1)] -= 1
    lengths = (residuals**2).sum(axis=1) * (candidates**2).sum(axis=1)
    chosen, nearest = [int(lengths.argmax())], np.full(len(lengths), np.inf)
    while len(chosen) < min(count, len(lengths)):
        last = chosen[-1]
        products = (residuals @ residuals[last]) * (candidates @ candidates[last])
        nearest = np.minimum(nearest, np.maximum(lengths + lengths[last] - 2 * products, 0))
        nearest[chosen] = 0
        if not nearest.sum():
            break
        chosen.append(int(rng.choice(len(nearest), p=nearest / nearest.sum())))
    return np.array(chosen, np.int64)
