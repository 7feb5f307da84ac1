"""Small messages of our own."""

from __future__ import annotations

import csv
from pathlib import Path

OPENINGS = ("please", "hey,", "today", "honestly", "so", "folks,", "quick note:", "again", "fyi", "well")
KINDS = {
    "bug_report": (
        "the page crashes when I open settings",
        "saving a file throws an error",
        "the app freezes on start",
        "the button does nothing at all",
    ),
    "thanks": (
        "thank you for the quick fix",
        "you are wonderful, thanks",
        "much appreciated, great work",
        "thanks a lot for your help",
    ),
    "meeting": (
        "can we meet on Tuesday at ten",
        "moving the call to three o'clock",
        "the meeting room is booked for an hour",
        "shall we postpone the stand-up",
    ),
}


def messages(openings: tuple[str, ...] = OPENINGS) -> list[tuple[str, str]]:
    """Every kind's sentences after every opening."""
    return [(f"{opening} {line}", kind) for kind, lines in KINDS.items() for line in lines for opening in openings]


def write_csv(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("text", "label"))
        writer.writerows(rows)
    return path
