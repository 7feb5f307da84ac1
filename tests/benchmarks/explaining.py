"""Do explanations name the words that matter? python -m tests.benchmarks.explaining BUNDLE CSV [--messages 100]

Of each message the fifth of its words that weighs most is left out and it is classified again; then as many words by
chance, several times. The words that an explanation names should change the label at least twice as often. Prints a
table; the interval of the ratio is a bootstrap over messages.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from rich.console import Console
from rich.table import Table

from modeling.classifier.bundle import Bundle, load
from modeling.data.examples import read
from modeling.explanation.attribution import without
from modeling.explanation.explain import explain

DRAWS, RESAMPLES, FEWEST = 20, 2000, 3


@dataclass(frozen=True, slots=True)
class Trial:
    """Whether leaving out the named words changed a message's label, and in what share of draws random ones did."""

    named: bool
    random: float
    way: str
    error: float
    seconds: float


def tried(bundle: Bundle, text: str, rng: np.random.Generator) -> Trial | None:
    began = time.perf_counter()
    found = explain(bundle, text)
    took = time.perf_counter() - began
    all_words, weights = found.attribution.words, found.attribution.weights
    if len(all_words) < FEWEST:
        return None
    count = max(1, round(len(all_words) / 5))
    chosen = [np.argsort(-weights, kind="stable")[:count]]
    chosen += [rng.choice(len(all_words), count, replace=False) for _ in range(DRAWS)]
    variants = [without(found.text, all_words, set(places.tolist())) for places in chosen]
    labels = bundle.classify(variants).argmax(1)
    changed = labels != bundle.head.labels.index(found.label)
    way, error = found.attribution.way, found.attribution.error
    return Trial(bool(changed[0]), float(changed[1:].mean()), way, error, took)


def interval(trials: list[Trial], rng: np.random.Generator) -> tuple[float, float]:
    rows = rng.integers(0, len(trials), (RESAMPLES, len(trials)))
    named, random = (np.array([getattr(each, name) for each in trials], float) for name in ("named", "random"))
    low, high = np.quantile(named[rows].sum(1) / np.maximum(random[rows].sum(1), 1e-9), (0.025, 0.975))
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    bundle, texts = load(given.bundle), read(given.file).texts
    trials: list[Trial] = []
    order: list[int] = rng.permutation(len(texts)).tolist()
    for row in order:
        found = tried(bundle, texts[row], rng)
        trials += [found] if found else []
        if len(trials) == given.messages:
            break
    named, random = (100 * float(np.mean([getattr(each, name) for each in trials])) for name in ("named", "random"))
    low, high = interval(trials, rng)
    ways = ", ".join(sorted({each.way for each in trials}))
    table = Table(title=f"{given.bundle} explaining {len(trials)} messages of {given.file.name} by {ways}")
    for heading in ("what", "measured"):
        table.add_column(heading)
    table.add_row("label changes without the top fifth of words", f"{named:.1f}%")
    table.add_row(f"without as many random words ({DRAWS} draws)", f"{random:.1f}%")
    table.add_row("ratio (95% interval)", f"{named / max(random, 1e-9):.2f} ({low:.2f} to {high:.2f})")
    errors = [each.error for each in trials]
    table.add_row("error of the sum", f"median {100 * np.median(errors):.1f}%, largest {100 * max(errors):.1f}%")
    table.add_row("seconds an explanation", f"{np.median([each.seconds for each in trials]):.2f} (median)")
    Console().print(table)


if __name__ == "__main__":
    main()
