"""Charts that people look at in a chat, as PNG. What is on them is said beside, in the chat's language."""

from __future__ import annotations

import io
from collections.abc import Sequence

from workers.store.overview import AccuracyPoint

INK, FAINT = "#2f6f5e", "#d9d9d9"


def accuracy_png(points: Sequence[AccuracyPoint]) -> bytes:
    """Share of right answers (percent) against the number of labels when they were given. Imports matplotlib."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.2), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    labels, percents = [point.labels for point in points], [100 * point.accuracy for point in points]
    axes.plot(labels, percents, color=INK, linewidth=2)  # pyright: ignore[reportUnknownMemberType]
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    axes.yaxis.set_major_formatter("{x:.0f}%")
    axes.grid(axis="y", color=FAINT)  # pyright: ignore[reportUnknownMemberType]
    axes.spines[["top", "right"]].set_visible(False)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")  # pyright: ignore[reportUnknownMemberType]
    return drawn.getvalue()
