"""How good predictions were, over rows of (true label, predicted label or None, probability)."""

from __future__ import annotations

from collections.abc import Sequence

Row = tuple[str, str | None, float]


def accuracy(rows: Sequence[Row]) -> float:
    """The share of rows that were predicted correctly."""
    return sum(truth == predicted for truth, predicted, _ in rows) / len(rows) if rows else 0.0


def macro_f1(rows: Sequence[Row]) -> float:
    """F1 averaged over the true labels, each counting the same."""
    scores: list[float] = []
    for label in sorted({truth for truth, _, _ in rows}):
        hits = sum(truth == predicted == label for truth, predicted, _ in rows)
        wrong = sum((truth == label) != (predicted == label) for truth, predicted, _ in rows)
        scores.append(2 * hits / (2 * hits + wrong) if hits else 0.0)
    return sum(scores) / len(scores) if scores else 0.0


def ece(rows: Sequence[Row], bins: int = 15) -> float:
    """Expected calibration error over equal-width bins of probability (Guo et al. 2017)."""
    total = 0.0
    for number in range(bins):
        inside = [row for row in rows if number < row[2] * bins <= number + 1]
        if inside:
            total += abs(sum(row[2] for row in inside) - sum(row[0] == row[1] for row in inside))
    return total / len(rows) if rows else 0.0


def scored(rows: Sequence[Row]) -> dict[str, float]:
    """All three, as the report prints them."""
    return {
        "accuracy": round(accuracy(rows), 4),
        "macro_f1": round(macro_f1(rows), 4),
        "ece": round(ece(rows), 4),
    }


def percentiles(values: Sequence[float], *ranks: int) -> dict[str, float]:
    """Nearest-rank percentiles, rounded to a tenth; empty when there are no values."""
    ordered = sorted(values)
    return {f"p{p}": round(ordered[min(len(ordered) - 1, len(ordered) * p // 100)], 1) for p in ranks if ordered}
