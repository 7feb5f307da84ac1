"""What a chat reads about an explanation: label and threshold, the words that weigh most, and the nearest messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workers.core.i18n import say
from workers.store.labels import Label

if TYPE_CHECKING:
    from modeling.explanation.explain import Explanation

FOR, AGAINST = 4, 2
"""How many words are named."""
FAINT = 0.05
"""Of the strongest word's weight: what weighs less is not named."""
WORD, MESSAGE = 30, 80
"""Characters shown of a word, and of a labelled message."""


def explanation_text(language: str, explained: Explanation, labels: Sequence[Label]) -> str:
    """The explanation in words, a line each for the label, for what spoke for and against it, and for what is near."""
    display = {label.name: label.display for label in labels}
    ranked = sorted(word_weights(explained).items(), key=lambda pair: -abs(pair[1]))
    strong = [(word, weight) for word, weight in ranked if abs(weight) >= FAINT * abs(ranked[0][1])]
    supporting = [pair for pair in strong if pair[1] > 0][:FOR]
    opposing = [pair for pair in strong if pair[1] < 0][:AGAINST]
    lines = [verdict(language, explained, display.get(explained.label, explained.label))]
    lines += [say(language, "explained_for", words=listed(supporting))] if supporting else []
    lines += [say(language, "explained_against", words=listed(opposing))] if opposing else []
    attribution, other = explained.attribution, explained.runner_up.label
    total, difference = f"{attribution.weights.sum():+.1f}", f"{attribution.difference:+.1f}"
    lines.append(say(language, "explained_sum", sum=total, difference=difference, other=other))
    if explained.neighbours:
        near = (
            f"{display.get(message.label, message.label)} “{cut(message.text, MESSAGE)}”"
            for message in explained.neighbours
        )
        lines.append(say(language, "explained_near", messages="; ".join(near)))
    return "\n".join([*lines, *(note.render(language) for note in explained.notes)])


def verdict(language: str, explained: Explanation, label: str) -> str:
    """Label, probability, and whether that is enough."""
    code = "explained_said" if explained.spoken else "explained_silent"
    if explained.out_of_scope:
        code = "explained_out_of_scope"
    spoken = say(language, code, threshold=min(100, round(100 * explained.threshold)))
    runner_up = explained.runner_up
    return say(
        language,
        "explained",
        label=label,
        percent=round(100 * explained.probability),
        spoken=spoken,
        other=runner_up.label,
        other_percent=round(100 * runner_up.probability),
    )


def word_weights(explained: Explanation) -> dict[str, float]:
    """Each word with its weight; one that comes several times, once with all of it."""
    total: dict[str, float] = {}
    for word, weight in zip(explained.attribution.words, explained.attribution.weights.tolist(), strict=True):
        total[word.text] = total.get(word.text, 0.0) + weight
    return total


def listed(weighted: Sequence[tuple[str, float]]) -> str:
    """Words with their weights."""
    return ", ".join(f"“{cut(word, WORD)}” {weight:+.1f}" for word, weight in weighted)


def cut(text: str, most: int) -> str:
    """The beginning of a text."""
    return text if len(text) <= most else text[: most - 1] + "…"
