"""What a chat reads about an explanation: label and threshold, the words that weigh most, and the nearest messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def told(language: str, found: Explanation, labels: Sequence[Label], *, foreign: bool) -> str:
    """The explanation in words, a line each for the label, for what spoke for and against it, and for what is near.

    `foreign`: the message seems to belong to no label at all.
    """
    emoji = {label.name: label.emoji for label in labels}
    weighed = sorted(weights(found), key=lambda each: -abs(each[1]))
    kept = [each for each in weighed if abs(each[1]) >= FAINT * abs(weighed[0][1])]
    pro, contra = [each for each in kept if each[1] > 0][:FOR], [each for each in kept if each[1] < 0][:AGAINST]
    lines = [verdict(language, found, emoji.get(found.label, ""), foreign=foreign)]
    lines += [say(language, "explained_for", words=named(pro))] if pro else []
    lines += [say(language, "explained_against", words=named(contra))] if contra else []
    total = {"sum": f"{found.attribution.weights.sum():+.1f}", "difference": f"{found.attribution.difference:+.1f}"}
    lines.append(say(language, "explained_sum", **total, other=found.runner_up.label))
    if found.neighbours:
        near = (f"{emoji.get(one.label, '')} {one.label} “{cut(one.text, MESSAGE)}”" for one in found.neighbours)
        lines.append(say(language, "explained_near", messages="; ".join(each.strip() for each in near)))
    return "\n".join([*lines, *(note.render(language) for note in found.notes)])


def verdict(language: str, found: Explanation, emoji: str, *, foreign: bool) -> str:
    """Label, probability, and whether that is enough."""
    threshold = min(100, round(100 * found.threshold))
    key = "explained_foreign" if foreign else "explained_said" if found.spoken else "explained_silent"
    spoken = say(language, key, threshold=threshold)
    shares = {"percent": round(100 * found.probability), "other_percent": round(100 * found.runner_up.probability)}
    names = {"emoji": emoji, "label": found.label, "other": found.runner_up.label}
    return say(language, "explained", **names, **shares, spoken=spoken).strip()


def weights(found: Explanation) -> Iterable[tuple[str, float]]:
    """Each word with its weight; one that comes several times, once with all of it."""
    total: dict[str, float] = {}
    for word, weight in zip(found.attribution.words, found.attribution.weights.tolist(), strict=True):
        total[word.text] = total.get(word.text, 0.0) + weight
    return total.items()


def named(weighed: Sequence[tuple[str, float]]) -> str:
    """Words with their weights."""
    return ", ".join(f"“{cut(word, WORD)}” {weight:+.1f}" for word, weight in weighed)


def cut(text: str, most: int) -> str:
    """The beginning of a text."""
    return text if len(text) <= most else text[: most - 1] + "…"
