"""Why a message got its label: which words spoke for it, which labelled messages lie near, and whether it was enough.

What is explained is how far the label's score lies above the runner-up's, in log-odds: the logarithm of how many times
likelier the one is than the other. For a person asks why it is this label and not that one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modeling.classifier.bundle import Bundle
from modeling.data.examples import Examples
from modeling.errors import ModelingError
from modeling.explanation.attribution import ADDED_UP, MOST_OCCLUDED, Attribution, attribute
from modeling.sentences.catalogue import Sentence, sentence
from modeling.text.cleaning import LIMIT, clean

NEAREST = 3


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A labelled message and the cosine between its vector and that of the message explained."""

    text: str
    label: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Likely:
    """A label and its probability."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """`attribution` is of the cleaned `text`; positive weights speak for the label, negative for the runner-up.

    `spoken` says whether the label's probability reaches its `threshold` and the message is not `out_of_scope`;
    `neighbours` are the nearest first.
    """

    text: str
    label: str
    probability: float
    threshold: float
    runner_up: Likely
    attribution: Attribution
    neighbours: tuple[Neighbour, ...]
    notes: tuple[Sentence, ...]
    out_of_scope: bool = False

    @property
    def spoken(self) -> bool:
        """Whether the bot would have said the label."""
        return self.probability >= self.threshold and not self.out_of_scope


def explain(bundle: Bundle, raw: str, labelled: Examples | None = None) -> Explanation:
    """Explain what a bundle says about a message, with the nearest of the `labelled` messages.

    A copy of the message among them counts. Raises ModelingError for a message without words, and for a bundle that
    knows one label only.
    """
    text, head = clean(raw), bundle.head
    if not text:
        raise ModelingError("nothing_to_explain")
    if len(head.labels) < 2:
        raise ModelingError("one_label_to_explain", label="".join(head.labels))
    vectors = bundle.backbone.encode([text])
    probabilities = head.probabilities(vectors)[0]
    first, second = (int(position) for position in np.argsort(-probabilities, kind="stable")[:2])
    # The difference of two logits is linear in the vector, and the log-odds of both without a softmax.
    attribution = attribute(
        bundle.backbone, text, (head.weights[first] - head.weights[second]) / np.float32(head.temperature)
    )
    return Explanation(
        text,
        head.labels[first],
        float(probabilities[first]),
        float(head.thresholds[first]),
        Likely(head.labels[second], float(probabilities[second])),
        attribution,
        _nearest(bundle, text, labelled) if labelled else (),
        tuple(_notes(raw, text, attribution)),
        bool(head.is_out_of_scope(vectors)[0]),
    )


def _nearest(bundle: Bundle, text: str, labelled: Examples) -> tuple[Neighbour, ...]:
    similar = bundle.backbone.encode(labelled.texts) @ bundle.backbone.encode([text])[0]
    order = np.argsort(-similar, kind="stable")[:NEAREST].tolist()
    return tuple(Neighbour(labelled.texts[row], labelled.labels[row], float(similar[row])) for row in order)


def _notes(raw: str, text: str, attribution: Attribution) -> list[Sentence]:
    notes: list[Sentence] = []
    # A cut text may be a few characters short of the limit: spaces at the cut are gone.
    if len(text) > LIMIT - 10 and len(raw) > len(text):
        notes.append(sentence("long_message_read_in_part", characters=len(raw)))
    if attribution.unread:
        notes.append(sentence("last_words_not_read", count=attribution.unread))
    if attribution.way == "occlusion" and len(attribution.words) > MOST_OCCLUDED:
        notes.append(sentence("several_words_at_a_time"))
    if attribution.error >= ADDED_UP:
        total = float(attribution.weights.sum())
        notes.append(sentence("shares_do_not_add_up", sum=total, difference=attribution.difference))
    return notes
