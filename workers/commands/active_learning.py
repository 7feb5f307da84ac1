"""Which messages `ask` asks about: what is stored of a chat becomes a pool, and modeling chooses from it.

Nothing is encoded here. The vectors are those that were stored when messages came in, and a class without an example,
whose description has no stored vector, is sought among messages that the model took for it: as long as a class has no
example, the model goes by its description.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import Connection

from modeling.active_learning.strategies import Pool, Strategy, choose
from modeling.types import Vectors
from workers.core.events import ChatRef
from workers.store import candidates, labels, predictions, training_set, versions
from workers.store.messages import Stored

NEWEST = 2000
"""Messages to choose from, the newest: most like what will be written, and few enough to compare each with each."""
LABELLED = 1200
"""Labelled messages that are compared with, as many of each class: a head is fitted to them in about 0.1 s."""


def questions(c: Connection, chat: ChatRef, count: int, strategy: Strategy, seed: int) -> list[Stored]:
    """Up to `count` messages of a chat to ask about, the best question first.

    Where no stored message has a vector, those on which the version was least sure. Raises BackchannelError before
    there is a version.
    """
    version, ids = versions.active(c), candidates.newest(c, chat, NEWEST)
    read = candidates.backbones(c, ids)
    if not read:
        return candidates.least_sure(c, chat, count, version.id)
    # The one that has read most of them: after a retraining there are old messages that only the former backbone has
    # read. A base version's own fingerprint is unknown until it is loaded.
    backbone = max(read, key=lambda name: (read[name], name == version.fingerprint))
    vector_of = predictions.vectors(c, backbone, ids)
    ids = [id for id in ids if id in vector_of]
    rows = choose(pool(c, backbone, ids, vector_of), count, strategy, seed)
    return candidates.in_order(c, [ids[int(row)] for row in rows])


def pool(c: Connection, backbone: str, ids: Sequence[int], vector_of: Mapping[int, bytes]) -> Pool:
    """The messages `ids` to choose from, and what is labelled in all chats, as this backbone sees it."""
    index_of = {label.id: index for index, label in enumerate(labels.living(c))}
    labelled = newest_of_each(training_set.labelled(c), LABELLED // max(1, len(index_of)) + 1)
    labelled_vectors = predictions.vectors(c, backbone, [message for message, _ in labelled])
    targets = [index_of[label] for message, label in labelled if message in labelled_vectors]
    known = [labelled_vectors[message] for message, _ in labelled if message in labelled_vectors]
    wanting = len(set(targets)) < len(index_of)
    foreseen = candidates.foreseen(c, ids) if wanting else {}
    rows = [foreseen.get(id, (0, 0.0)) for id in ids]
    vectors = matrix([vector_of[id] for id in ids])
    return Pool(
        vectors,
        matrix(known) if known else vectors[:0],
        np.array(targets, np.int64),
        len(index_of),
        np.array([index_of.get(label, -1) for label, _ in rows], np.int64),
        np.array([probability for _, probability in rows], np.float32),
    )


def newest_of_each(labelled: Sequence[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """Of (message, label) in the order of messages, the newest `most` of each label."""
    taken, kept = Counter[int](), list[tuple[int, int]]()
    for message, label in reversed(labelled):
        taken[label] += 1
        if taken[label] <= most:
            kept.append((message, label))
    return kept


def matrix(raw: Sequence[bytes]) -> Vectors:
    """Stored vectors as float32 [n, d]."""
    return np.frombuffer(b"".join(raw), np.float32).reshape(len(raw), -1)
