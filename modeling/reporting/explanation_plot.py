"""An explanation as one PNG that is readable on a phone: the message with its words coloured, and its neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
    placed = list(_placed(explanation, available))
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
        text = word.text if available.can_draw(word.text) else f"[{number}]"
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
