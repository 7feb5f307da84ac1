"""A student beside its teacher: accuracy kept, speed and size gained, and whether it may take a place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from modeling.backbones import resolve
from modeling.backbones.backbone import load as load_backbone
from modeling.classifier import bundle as bundles
from modeling.classifier import bundle_files, head
from modeling.classifier.bundle import Bundle
from modeling.data.examples import Examples, describe_labels, positions
from modeling.distillation.config import DistillConfig
from modeling.distillation.dataset import DistillDataset
from modeling.distillation.teacher import MILLION, Teachers, predict_columns
from modeling.errors import ModelingError
from modeling.evaluation import throughput
from modeling.evaluation.metrics import scores
from modeling.evaluation.promotion_gate import promotion_gate
from modeling.events import Distilled, TeacherFigures
from modeling.sentences.catalogue import Sentence, sentence
from modeling.types import Probabilities

TIMED = 1000  # texts whose reading is timed


def save_and_compare(
    bundle: Bundle,
    teachers: Teachers,
    dataset: DistillDataset,
    config: DistillConfig,
    folder: Path,
    on_progress: Callable[[float], None],
) -> Distilled:
    """Score the test messages once, save the student in `folder`, reload it, and time both as they serve.

    Raises ModelingError when the bundle on disk does not say what the one in memory said.
    """
    labels, test, against = teachers.labels, dataset.test, config.against
    notes: list[Sentence] = []
    figures: dict[str, Any] = {"accuracy": None, "macro_f1": None, "ece": None, "messages": 0}
    teacher_figures: dict[str, Any] = {"accuracy": None, "macro_f1": None}
    baseline, decided = None, None
    if test is not None and len(test):
        all_labels = (*labels, *sorted(set(test.labels) - set(labels)))  # a label that nobody knows counts as wrong
        targets = positions(test.labels, all_labels)
        probabilities = _padded(bundle.classify(test.texts), all_labels)
        baseline_probabilities = teacher_probabilities = _padded(teachers.classify(test.texts), all_labels)
        figures = scores(probabilities, targets, all_labels).summary()
        teacher_figures = scores(teacher_probabilities, targets, all_labels).summary()
        if against:
            baseline_probabilities = _padded(_baseline_probabilities(against, labels, dataset), all_labels)
        name = against or str(teachers.folders[0])
        baseline = scores(baseline_probabilities, targets, all_labels).rounded_of(name)
        decided = promotion_gate(probabilities, baseline_probabilities, targets, all_labels)
    else:
        notes.append(sentence("no_test_messages"))
    texts = _timed(dataset, test)
    agreement = float((bundle.classify(texts).argmax(1) == teachers.classify(texts).argmax(1)).mean())
    bundle.meta.update(metrics=figures, agreement=round(agreement, 4))
    saved = bundle.save_and_verify(folder, texts)
    teacher_speed = teachers.speed_and_size(texts, on_progress)
    teacher = {name: teacher_figures[name] for name in ("accuracy", "macro_f1")} | teacher_speed
    *_, speed = throughput.classified(bundles.as_served(folder), texts, on_progress)
    messages_per_second = round(speed.messages_per_second, 1)
    return Distilled(
        student=config.student,
        teacher=TeacherFigures.model_validate(teacher),
        accuracy=figures["accuracy"],
        macro_f1=figures["macro_f1"],
        ece=figures["ece"],
        messages=figures["messages"],
        labels=len(labels),
        messages_per_second=messages_per_second,
        p50_ms=round(speed.p50_ms, 2),
        megabytes=round(throughput.size_as_served(folder) / MILLION, 1),
        kept=round(figures["accuracy"] / teacher_figures["accuracy"], 4) if teacher_figures["accuracy"] else None,
        times_as_fast=round(messages_per_second / teacher["messages_per_second"], 1),
        agreement=round(agreement, 4),
        against=baseline,
        gate=decided,
        bundle=str(folder),
        fingerprint=saved.backbone.fingerprint,
        notes=tuple(notes),
    )


def check_baseline(against: str, dataset: DistillDataset) -> None:
    """Raise ModelingError, before anything is trained, if the bundle or backbone to compare with is not there."""
    if not against:
        return
    if (Path(against) / bundle_files.META).is_file():
        bundle_files.verify(Path(against))
        return
    resolve.check(against)
    if dataset.labelled is None:
        raise ModelingError("rival_without_head", name=against)


def _padded(probabilities: Probabilities, all_labels: tuple[str, ...]) -> Probabilities:
    """Add columns of nothing for labels that only the test messages have."""
    return np.pad(probabilities, ((0, 0), (0, len(all_labels) - probabilities.shape[1])))


def _baseline_probabilities(name: str, labels: tuple[str, ...], dataset: DistillDataset) -> Probabilities:
    """What another bundle says of the test messages; a plain backbone gets a head from the labelled ones."""
    texts = dataset.test.texts if dataset.test else ()
    if (Path(name) / bundle_files.META).is_file() or dataset.labelled is None:
        return predict_columns(bundles.load(Path(name)), texts, labels)
    return _refit(name, labels, dataset.labelled, texts)


def _refit(name: str, labels: tuple[str, ...], labelled: Examples, texts: tuple[str, ...]) -> Probabilities:
    backbone = load_backbone(name)
    usable = labelled.of(row for row, label in enumerate(labelled.labels) if label in labels)
    targets, description_vectors = positions(usable.labels, labels), backbone.encode(describe_labels(labels))
    fitted = head.fit(backbone.encode(usable.texts), targets, labels, description_vectors)
    return fitted.probabilities(backbone.encode(texts))


def _timed(dataset: DistillDataset, test: Examples | None) -> tuple[str, ...]:
    """Messages that the student did not learn from, if there are any."""
    if test is not None and len(test):
        return test.texts[:TIMED]
    held_out = [dataset.texts[int(row)] for row in dataset.held_out()]
    return tuple(held_out or dataset.texts)[:TIMED]
