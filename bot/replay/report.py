"""What a replay found out, by comparing what people did with what the store and the server hold: how good, how fast."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.replay.script import Participants
from workers.core.errors import BackchannelError
from workers.core.events import MessageRef
from workers.store import head_fits, ledger
from workers.store.database import Database

WINDOW = 50
FIRST_LABELS = 60
"""What a newcomer has given when the first curiosity is over: the sample conversation gets about a hundred."""
LAST_MESSAGES = 100
LONGEST_TEXT = 80
"""Characters of a row in the report."""
Row = tuple[str, str | None, float]
"""(true label, predicted label or None, probability)."""


def test_rows(participants: Participants, refs: Sequence[MessageRef]) -> list[Row]:
    """The rows of messages that were only predicted."""
    outcomes = [(participants.truth[ref.key], participants.observer.all(ref.key)[0]) for ref in refs]
    return [(truth, outcome.label, outcome.probability) for truth, outcome in outcomes]


def unpredicted(participants: Participants) -> list[dict[str, Any]]:
    """The rows that were played and got no prediction, each once."""
    rows = {row: None for ref, row in participants.played.items() if not participants.observer.all(ref)}
    return [{"file": row.file, "row": row.row, "text": row.text[:LONGEST_TEXT]} for row in rows]


def trouble(report: Mapping[str, Any]) -> str | None:
    """What is not as it should be in a report, in one sentence; None where all is well."""
    if report["stopped"]:
        return report["stopped"]
    if without := report["unpredicted"]:
        row = without[0]
        return (
            f"{len(without)} rows got no prediction, the first of them row {row['row']} of {row['file']} "
            f"({row['text']!r}): see unpredicted in the report. A message without words gets none."
        )
    if report["left_out"]:
        return f"{report['left_out']} rows without text or label were left out."
    if report["lost"] or report["doubled"]:
        return f"{report['lost']} messages or labels were lost and {report['doubled']} had more than one effect."
    return None


def online_accuracy(participants: Participants) -> list[tuple[int, float]]:
    """How often the bot was right before it was told, over windows of 50 labelled messages."""
    order = sorted(participants.labelled_when, key=participants.labelled_when.__getitem__)
    predicted = [ref for ref in order if ref in participants.outcomes]
    rows = [(participants.truth[ref], participants.outcomes[ref].label, 0.0) for ref in predicted]
    ends = range(WINDOW, len(rows) + 1, WINDOW)
    return [(end, round(accuracy(rows[end - WINDOW : end]), 3)) for end in ends]


def seen(participants: Participants, refs: Sequence[str]) -> dict[str, Any]:
    """What people saw of these messages: how many were shown a label, and which share of those the file's.

    `accuracy`: the share of all predictions that were right, shown or not. None where there is nothing to count.
    """
    outcomes = [(participants.truth[ref], participants.outcomes[ref]) for ref in refs if ref in participants.outcomes]
    predicted = [(truth, outcome.label, 0.0) for truth, outcome in outcomes]
    shown = [(truth, outcome.label, 0.0) for truth, outcome in outcomes if outcome.shown]
    return {
        "messages": len(refs),
        "shown": len(shown),
        "shown_right": round(accuracy(shown), 4) if shown else None,
        "accuracy": round(accuracy(predicted), 4) if predicted else None,
    }


def seen_in_time(participants: Participants) -> dict[str, Any]:
    """What people saw in each third of the run, once they had given some labels, and in the end."""
    refs = list(participants.accepted)
    ends = [len(refs) * third // 3 for third in range(4)]
    thirds = [refs[start:end] for start, end in itertools.pairwise(ends) if start < end]
    later = [ref for ref in refs if participants.labels_before[ref] >= FIRST_LABELS]
    return {
        "thirds": [{"labels": participants.labels_before[third[-1]], **seen(participants, third)} for third in thirds],
        f"after_{FIRST_LABELS}_labels": seen(participants, later),
        f"last_{LAST_MESSAGES}": seen(participants, refs[-LAST_MESSAGES:]),
    }


def label_to_head(database: Database, participants: Participants) -> list[float]:
    """Milliseconds from the acknowledgement of a label to the first head that was fitted with it."""
    with database.read() as c:
        rows = ledger.numbers(c)
        fitted = head_fits.every(c)
    waits: list[float] = []
    index = 0
    for number, key in sorted(rows):
        while index < len(fitted) and fitted[index].ledger < number:
            index += 1
        if index < len(fitted) and key in participants.server.acknowledged:
            # Not below zero: a head may have a label before its acknowledgement is back here.
            waits.append(1000 * max(0.0, fitted[index].at - participants.server.acknowledged[key]))
    return waits


def lost_and_doubled(database: Database, participants: Participants) -> tuple[int, int]:
    """Messages or labels of which nothing came, and those that had an effect more than once."""
    with database.read() as c:
        stored = Counter((row.ref.key, row.annotator.id, row.emoji) for row in ledger.ledger(c))
    given = Counter(participants.given)
    lost = sum(not participants.observer.all(ref) for ref in participants.accepted) + (given - stored).total()
    shown_refs = (ref for ref, outcome in participants.outcomes.items() if outcome.shown)
    lost += sum(ref not in participants.reacted_at for ref in shown_refs)
    doubled = (stored - given).total()
    doubled += sum(len(participants.observer.all(ref)) > 1 for ref in participants.accepted)
    doubled += sum(len(replies) > 1 for replies in participants.server.reactions.values())
    return lost, doubled


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


def save(path: Path, text: str = "") -> None:
    """Write the report or, without a text, see whether it could be. Raises BackchannelError when it can't."""
    try:
        with path.open("w" if text else "a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise BackchannelError(
            f"The report can't be written to {path} ({error.strerror}): name a file in a folder that is there."
        ) from error
