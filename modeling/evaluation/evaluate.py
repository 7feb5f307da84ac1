"""Everything that can be said about a bundle from labelled messages: `python -m modeling evaluate` as a function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sklearn.metrics import confusion_matrix

from modeling.classifier import bundle as bundles
from modeling.classifier.bundle import Bundle
from modeling.classifier.out_of_scope import LIMIT
from modeling.data import sketches
from modeling.data.examples import Examples, positions, spelled_as
from modeling.errors import ModelingError
from modeling.evaluation import bootstrap, curves, significance, throughput
from modeling.evaluation.bootstrap import Figures, Interval
from modeling.evaluation.curves import Bin, OutOfScopeFigures, Spoken
from modeling.evaluation.significance import Comparison
from modeling.evaluation.throughput import Speed
from modeling.progress import Reporter
from modeling.sentences.catalogue import Sentence, sentence
from modeling.text.names import one_spelling
from modeling.types import ConfusionMatrix, Predicted


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured. `labels` are the bundle's and the test file's; `matrix` is int [true, predicted] over them."""

    bundle: Path
    labels: tuple[str, ...]
    messages: int
    figures: Figures
    ece: Interval
    matrix: ConfusionMatrix
    reliability: list[Bin]
    coverage: list[Spoken]
    at_thresholds: Spoken
    out_of_scope: OutOfScopeFigures | None
    speed: Speed
    size: int
    against: Path | None
    comparison: Comparison | None
    notes: tuple[Sentence, ...]


def evaluate(
    folder: Path,
    test: Examples,
    against: Path | None,
    outside: Sequence[str],
    reporter: Reporter,
) -> Evaluation:
    """Measure the bundle in `folder` on test messages, beside another bundle and on out-of-scope texts if there are.

    A label that the bundle does not know counts as wrong, for it would be wrong in a chat too; out of scope is only
    what is given as such. Raises ModelingError when the bundle knows none of the labels, or cannot be loaded.
    """
    reporter.stage("loading", 0.05)
    bundle = bundles.load(folder)
    known_labels = bundle.head.labels
    test = spelled_as(test, known_labels)
    notes = [*test.notes, *_unknown(known_labels, test), *_learned_from(folder, test)]
    theirs = bundles.load(against) if against else None
    # The bundle's own labels first: the columns of its probabilities are then positions in this set.
    their_labels = one_spelling(theirs.head.labels, known_labels) if theirs else {}
    labels = tuple(dict.fromkeys((*known_labels, *their_labels.values(), *sorted(set(test.labels)))))
    targets = positions(test.labels, labels)
    reporter.stage("evaluating", 0.7)
    probabilities, ood_scores, speed = throughput.classified(bundle, test.texts, reporter.step)
    silent = ood_scores > (LIMIT if bundle.head.out_of_scope else 1.0)  # serving does not answer these
    predicted, classes = probabilities.argmax(1), len(labels)
    reporter.stage("out of scope", 0.8)
    detected = curves.out_of_scope(ood_scores, bundle.read(outside)[1]) if len(outside) else None
    reporter.stage("comparing", 0.95)
    other = _predicted(theirs, test, their_labels, labels) if theirs else None
    comparison = None if other is None else significance.compare(predicted, other, targets, classes)
    reporter.stage("intervals", 1.0)
    return Evaluation(
        bundle=folder,
        labels=labels,
        messages=len(test),
        figures=bootstrap.figures(predicted, targets, classes),
        ece=bootstrap.calibration_error(probabilities, targets),
        matrix=confusion_matrix(targets, predicted, labels=range(classes)),
        reliability=curves.reliability(probabilities, targets),
        coverage=curves.coverage(probabilities, targets),
        at_thresholds=curves.at_thresholds(probabilities, targets, bundle.head.thresholds, silent),
        out_of_scope=detected,
        speed=speed,
        size=throughput.size_on_disk(folder),
        against=against,
        comparison=comparison,
        notes=tuple(notes),
    )


def _unknown(known_labels: Sequence[str], test: Examples) -> list[Sentence]:
    unknown = Counter(label for label in test.labels if label not in set(known_labels))
    if not unknown:
        return []
    if len(unknown) == len(set(test.labels)):
        raise ModelingError(
            "no_label_in_common", label=min(unknown), example=known_labels[0], more=len(known_labels) - 1
        )
    count, labels, more = sum(unknown.values()), [label for label, _ in unknown.most_common(3)], len(unknown) - 3
    if more > 0:
        return [sentence("many_labels_unknown", count=count, labels=labels, more=more)]
    return [sentence("labels_unknown", count=count, labels=labels)]


def _learned_from(folder: Path, test: Examples) -> list[Sentence]:
    kept = bundles.learned_from(folder)
    count = 0 if kept is None else int(sketches.repeated(test.texts, kept).sum())
    return [sentence("tested_on_training", count=count, total=len(test))] if count else []


def _predicted(theirs: Bundle, test: Examples, spelling: Mapping[str, str], labels: Sequence[str]) -> Predicted:
    """Another bundle's labels for the same messages, as positions in `labels`."""
    return positions([spelling[label] for label in theirs.head.labels], labels)[theirs.classify(test.texts).argmax(1)]
