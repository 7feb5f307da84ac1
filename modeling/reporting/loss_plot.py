"""How a loss fell, as numbers for JSON and as a PNG that is readable on a phone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modeling.reporting.fonts import PLAIN, Fonts

POINTS = 60  # of a curve: each is the mean of as many steps as fit
INK, FAINT, WARM = "#2f6f5e", "#d9d9d9", "#c8643c"

Curve = list[tuple[int, float]]


def curve(losses: Sequence[float]) -> Curve:
    """Return at most POINTS pairs of a step, counted from 1, and the mean loss of the steps that end there."""
    parts = np.array_split(np.asarray(losses, np.float64), min(POINTS, len(losses))) if len(losses) else []
    ends = np.cumsum([len(part) for part in parts]).tolist()
    return [(int(end), round(float(part.mean()), 4)) for end, part in zip(ends, parts, strict=True)]


def png(points: Curve, held_out: tuple[float, float], title: str) -> bytes:
    """Draw a loss curve with the held-out loss before the first and after the last step, 900 by 600 pixels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 3), dpi=200, layout="constrained")
    axes = figure.subplots()
    steps, losses = zip(*points, strict=True)
    axes.plot(steps, losses, color=INK, linewidth=2, label="training")
    axes.plot((0, steps[-1]), held_out, "o", color=WARM, markersize=7, label="held out")
    axes.set(xlabel="step", ylabel="loss", title=title)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=FAINT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return Fonts((PLAIN,)).png(figure)
