"""An explanation as one PNG that is readable on a phone: the message with its words coloured, and its neighbours."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import TYPE_CHECKING

from rich.cells import cell_len

from modeling.explanation.explain import Explanation
from modeling.reporting import fonts
from modeling.reporting.explanation_report import strongest_weight, tint
from modeling.reporting.fonts import Fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 40  # letters in a line; a Chinese character is as wide as two
MOST_LINES = 24
WIDTH, LINE = 4.5, 0.26  # inches
NAME, MESSAGE = 24, 56  # letters of a label's name, and of a neighbour's text
WORDS = {
    "en": {
        "headline": "{label} {percent}% (said from {threshold}%)",
        "legend": "green speaks for {label}, orange for {other} ({percent}%)",
        "near": "Nearest labelled messages",
    },
    "zh": {
        "headline": "{label} {percent}%（从 {threshold}% 起回答）",
        "legend": "绿色支持{label}，橙色支持{other}（{percent}%）",
        "near": "最相近的已标注消息",
    },
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A word's letters that go into one line, from a column on, with the colour behind them."""

    text: str
    line: int
    column: int
    colour: tuple[float, ...]


def png(explanation: Explanation, language: str) -> bytes:
    """Draw it, 900 pixels wide. A word that no font on this system can draw is shown by its number in the message."""
    from matplotlib.figure import Figure

    available = fonts.find()
    words = available.words(WORDS, language)
    placed = _in_reading_order(list(_placed(explanation, available)))
    lines = 1 + max((word.line for word in placed), default=0)
    below = [_cut(f"{neighbour.label}: {neighbour.text}", available, MESSAGE) for neighbour in explanation.neighbours]
    height = LINE * (lines + 4 + (len(below) + 2 if below else 0))
    figure = Figure(figsize=(WIDTH, height), dpi=200)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-1, COLUMNS + 1), ylim=(-height / LINE, 0))
    axes.axis("off")
    first, second = (_cut(name, available, NAME) for name in (explanation.label, explanation.runner_up.label))
    percent, threshold = (round(100 * share) for share in (explanation.probability, explanation.threshold))
    headline = words["headline"].format(label=first, percent=percent, threshold=min(threshold, 100))
    axes.text(0, -1, headline, fontsize=11, fontweight="bold", va="center")
    _draw_words(axes, placed, top=-2.5)
    row = -3 - lines
    other = round(100 * explanation.runner_up.probability)
    axes.text(0, row, words["legend"].format(label=first, other=second, percent=other), fontsize=7, va="center")
    for number, line in enumerate([words["near"], *below] if below else []):
        axes.text(0, row - 1.5 - number, line, fontsize=8, va="center", fontweight="normal" if number else "bold")
    return available.png(figure)


def _placed(explanation: Explanation, available: Fonts) -> Iterator[Placed]:
    """Break the message into lines between its words, and words that are longer than a line where that is full."""
    line, column, last, strongest = 0, 0, 0, strongest_weight(explanation)
    weighed = zip(explanation.attribution.words, explanation.attribution.weights.tolist(), strict=True)
    for number, (word, weight) in enumerate(weighed, 1):
        written = available.written(word.text)
        text = written if written and available.can_draw(written) else f"[{number}]"
        column += 1 if column and word.start > last else 0
        if column and column + cell_len(text) > COLUMNS:
            line, column = line + 1, 0
        colour = tuple(part / 255 for part in tint(weight / strongest))
        for piece in _pieces(text):
            if column and column + cell_len(piece) > COLUMNS:
                line, column = line + 1, 0
            if line >= MOST_LINES:
                yield Placed("…", line, 0, (1.0, 1.0, 1.0))
                return
            yield Placed(piece, line, column, colour)
            column += cell_len(piece)
        last = word.end


def _in_reading_order(placed: list[Placed]) -> list[Placed]:
    """Turn the lines of a message that is read from the right, and in any message the words that go the other way.

    This is Unicode's bidirectional algorithm (UAX 9) for whole words; matplotlib does the same for the letters in them.
    """
    leads = next((way for word in placed if (way := _from_right(word.text)) is not None), False)
    turned: list[Placed] = []
    for _, group in groupby(placed, lambda word: word.line):
        line = list(group)
        ways = _ways([word.text for word in line], leads)
        line = _mirrored(line, 0, COLUMNS) if leads else line
        for way, run in groupby(zip(ways, line, strict=True), lambda pair: pair[0]):
            words = [word for _, word in run]
            turned += words if way == leads else _mirrored(words, *_span(words))
    return turned


def _ways(texts: list[str], leads: bool) -> list[bool]:
    """Whether each word is read from the right; a number is like the words around it, or else like the message."""
    own = [_from_right(text) for text in texts]
    before = list(accumulate(own, _latest, initial=leads))[:-1]
    after = list(accumulate(reversed(own), _latest, initial=leads))[-2::-1]
    around = [one if one == other else leads for one, other in zip(before, after, strict=True)]
    return [near if way is None else way for way, near in zip(own, around, strict=True)]


def _latest(last: bool, way: bool | None) -> bool:
    return last if way is None else way


def _from_right(text: str) -> bool | None:
    """Whether the first letter is of a script that is read from the right; None of a text without letters."""
    strong = (kind for character in text if (kind := unicodedata.bidirectional(character)) in ("L", "R", "AL"))
    return next((kind != "L" for kind in strong), None)


def _span(words: list[Placed]) -> tuple[int, int]:
    return min(word.column for word in words), max(word.column + cell_len(word.text) for word in words)


def _mirrored(words: list[Placed], low: int, high: int) -> list[Placed]:
    return [replace(word, column=low + high - word.column - cell_len(word.text)) for word in words]


def _pieces(text: str) -> Iterator[str]:
    while text:
        size = next((size for size in range(len(text), 0, -1) if cell_len(text[:size]) <= COLUMNS), 1)
        yield text[:size]
        text = text[size:]


def _draw_words(axes: Axes, placed: list[Placed], top: float) -> None:
    """Letters stand in the middle of as much room as a line of their number gives them, whatever the font."""
    from matplotlib.patches import Rectangle

    for word in placed:
        width = cell_len(word.text)
        axes.add_patch(Rectangle((word.column, top - word.line - 0.42), width, 0.84, color=word.colour, linewidth=0))
        axes.text(
            word.column + width / 2, top - word.line, word.text, ha="center", va="center", fontsize=8, color="black"
        )


def _cut(text: str, available: Fonts, longest: int) -> str:
    return fonts.named([text], available, longest)[0] or "?"
