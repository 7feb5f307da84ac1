"""An evaluation as one PNG that is readable on a phone: mix-ups, calibration, precision by coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modeling.evaluation.evaluate import Evaluation
from modeling.evaluation.metrics import most_confused
from modeling.reporting import fonts
from modeling.reporting.fonts import Fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, WARM, FAINT = "#2f6f5e", "#c8643c", "#d9d9d9"
LABELS = 8
NAME = 18  # characters of a label's name
WORDS = {
    "en": {
        "headline": "{accuracy} right, macro-F1 {macro_f1}, {messages} messages",
        "mix-ups": "What is taken for what",
        "said": "taken for (number as on the left)",
        "calibration": "Sure, and right",
        "confidence": "sure",
        "accuracy": "right",
        "spoken": "Speaking only when sure",
        "coverage": "share of messages answered",
        "precision": "answers right",
        "thresholds": "as set now",
    },
    "zh": {
        "headline": "正确率 {accuracy}，宏 F1 {macro_f1}，{messages} 条消息",
        "mix-ups": "哪些标签被混淆",
        "said": "被判为（编号同左）",
        "calibration": "把握与正确率",
        "confidence": "把握",
        "accuracy": "正确率",
        "spoken": "只在有把握时回答",
        "coverage": "回答的消息占比",
        "precision": "答对的比例",
        "thresholds": "当前设置",
    },
}


def png(evaluation: Evaluation, language: str) -> bytes:
    """Draw the three charts one below the other, 900 pixels wide.

    A label whose name no font on this system can draw is shown by its number; `numbered` says which that is.
    """
    from matplotlib.figure import Figure

    available = fonts.find()
    words = available.words(WORDS, language)
    figure = Figure(figsize=(4.5, 11), dpi=200, layout="constrained")
    first, second, third = np.ravel(np.asarray(figure.subfigures(3, 1, height_ratios=(1.1, 1, 1))))
    _draw_mix_ups(first.subplots(), evaluation, available, words)
    _draw_reliability(second.subplots(), evaluation, words)
    _draw_coverage(third.subplots(), evaluation, words)
    accuracy, macro = (
        f"{100 * interval.value:.1f}%" for interval in (evaluation.figures.accuracy, evaluation.figures.macro_f1)
    )
    figure.suptitle(
        words["headline"].format(accuracy=accuracy, macro_f1=macro, messages=evaluation.messages), fontsize=11
    )
    return available.png(figure)


def numbered(evaluation: Evaluation) -> dict[int, str]:
    """Return the labels of the first chart by the numbers that they have there, for the names that no font can draw."""
    return {
        number: evaluation.labels[label]
        for number, label in enumerate(most_confused(evaluation.matrix, LABELS).tolist(), 1)
    }


def _draw_mix_ups(axes: Axes, evaluation: Evaluation, available: Fonts, words: dict[str, str]) -> None:
    shown_labels = most_confused(evaluation.matrix, LABELS)
    counts = evaluation.matrix[np.ix_(shown_labels, shown_labels)]
    of_all = counts / np.maximum(evaluation.matrix[shown_labels].sum(1, keepdims=True), 1)
    diagonal = np.eye(len(shown_labels), dtype=bool)
    for part, colours in ((diagonal, "Greens"), (~diagonal, "Oranges")):
        axes.imshow(np.where(part & (counts > 0), of_all, np.nan), cmap=colours, vmin=0, vmax=1)
    for row, column in np.argwhere(counts).tolist():
        ink = "white" if of_all[row, column] > 0.6 else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=ink, fontsize=9)
    numbers = range(1, len(shown_labels) + 1)
    names = fonts.named([evaluation.labels[label] for label in shown_labels.tolist()], available, NAME)
    axes.set_xticks(range(len(shown_labels)), [str(number) for number in numbers])
    axes.set_yticks(
        range(len(shown_labels)),
        [f"{name} {number}" if name else str(number) for number, name in zip(numbers, names, strict=True)],
    )
    axes.set(title=words["mix-ups"], xlabel=words["said"])
    axes.tick_params(length=0, labelsize=9)


def _draw_reliability(axes: Axes, evaluation: Evaluation, words: dict[str, str]) -> None:
    """Draw the accuracy of every bin as a bar; those of a well calibrated model end at the line."""
    bins = evaluation.reliability
    width = bins[0].high - bins[0].low
    axes.bar(
        [group.low for group in bins], [group.accuracy for group in bins], width, align="edge", color=INK, ec="white"
    )
    axes.plot((0, 1), (0, 1), color=WARM, linewidth=2)
    for group in bins:
        axes.text(
            group.low + width / 2, 0.02, _short(group.messages), ha="center", fontsize=7, color="white", rotation=90
        )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=words["confidence"], ylabel=words["accuracy"])
    axes.set_title(f"{words['calibration']} (ECE {100 * evaluation.ece.value:.1f}%)")
    _plain(axes)


def _draw_coverage(axes: Axes, evaluation: Evaluation, words: dict[str, str]) -> None:
    axes.plot(
        [point.coverage for point in evaluation.coverage],
        [point.precision for point in evaluation.coverage],
        color=INK,
        lw=2,
    )
    now = evaluation.at_thresholds
    axes.plot(now.coverage, now.precision, "o", color=WARM, markersize=9, label=words["thresholds"])
    lowest = min(point.precision for point in (*evaluation.coverage, now))
    axes.set(xlim=(0, 1), ylim=(max(0.0, lowest - 0.05), 1.005), xlabel=words["coverage"], ylabel=words["precision"])
    axes.set_title(words["spoken"])
    axes.legend(loc="lower left", frameon=False)
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
    axes.grid(axis="y", color=FAINT)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _short(count: int) -> str:
    return str(count) if count < 10_000 else f"{count / 1000:.0f}k"
