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
from modeling.data.examples import Examples
from modeling.distillation import teacher as teachers
from modeling.distillation.dataset import DistillDataset
from modeling.distillation.teacher import MILLION, Teachers
from modeling.errors import ModelingError
from modeling.evaluation import throughput
from modeling.evaluation.metrics import scores
from modeling.evaluation.promotion_gate import promotion_gate
from modeling.sentences.catalogue import Sentence, sentence
from modeling.types import Probabilities, Targets

TIMED = 1000  # texts whose reading is timed
COMPARED = 256  # texts whose predictions are compared after reloading
SAME = 0.01  # of a probability


def measured(
    bundle: Bundle,
    taught_by: Teachers,
    classroom: DistillDataset,
    against: str,
    folder: Path,
    on_progress: Callable[[float], None],
) -> dict[str, Any]:
    """Score the test messages once, save the student in `folder`, reload it, and time both as they serve.

    Raises ModelingError when the bundle on disk does not say what the one in memory said.
    """
    labels, test = taught_by.labels, classroom.test
    notes: list[Sentence] = []
    found: dict[str, Any] = {"accuracy": None, "macro_f1": None, "ece": None, "messages": 0}
    theirs: dict[str, Any] = {"accuracy": None, "macro_f1": None}
    opponent, decided = None, None
    if test is not None and len(test):
        every = (*labels, *sorted(set(test.labels) - set(labels)))  # a label that nobody knows counts as wrong
        right = np.array([every.index(name) for name in test.labels], np.int64)
        said, teacher_said = _wide(bundle.classify(test.texts), every), _wide(taught_by.classify(test.texts), every)
        found, theirs = scores(said, right, every).summary(), scores(teacher_said, right, every).summary()
        rival = _wide(_rival(against, labels, classroom), every) if against else teacher_said
        opponent = {"name": against or str(taught_by.folders[0]), **scores(rival, right, every).summary()}
        decided = promotion_gate(said, rival, right, every).summary()
    else:
        notes.append(sentence("no_test_messages"))
    texts = _timed(classroom, test)
    agreement = float((bundle.classify(texts).argmax(1) == taught_by.classify(texts).argmax(1)).mean())
    bundle.meta.update(metrics=found, agreement=round(agreement, 4))
    bundle.save(folder)
    saved = _reloaded(bundle, folder, texts)
    teacher = {name: theirs[name] for name in ("accuracy", "macro_f1")} | _as_served(taught_by).measured(
        texts, on_progress
    )
    *_, took = throughput.classified(_serving(saved), texts, on_progress)
    ours = round(took.messages_per_second, 1)
    return {
        "event": "done",
        "method": "distilled",
        "teacher": teacher,
        **found,
        "labels": len(labels),
        "messages_per_second": ours,
        "p50_ms": round(took.p50_ms, 2),
        "megabytes": round(throughput.size_on_disk(folder) / MILLION, 1),
        "kept": round(found["accuracy"] / theirs["accuracy"], 4) if theirs["accuracy"] else None,
        "times_as_fast": round(ours / teacher["messages_per_second"], 1),
        "agreement": round(agreement, 4),
        "against": opponent,
        "gate": decided,
        "bundle": str(folder),
        "fingerprint": saved.backbone.fingerprint,
        "notes": [note.model_dump(mode="json") for note in notes],
    }


def check(against: str, classroom: DistillDataset) -> None:
    """Raise ModelingError, before anything is trained, if the bundle or backbone to compare with is not there."""
    if not against:
        return
    if (Path(against) / bundle_files.META).is_file():
        bundle_files.verify(Path(against))
        return
    resolve.check(against)
    if classroom.labelled is None:
        raise ModelingError("rival_without_head", name=against)


def _wide(said: Probabilities, every: tuple[str, ...]) -> Probabilities:
    """Add columns of nothing for labels that only the test messages have."""
    return np.pad(said, ((0, 0), (0, len(every) - said.shape[1])))


def _rival(name: str, labels: tuple[str, ...], classroom: DistillDataset) -> Probabilities:
    """What another bundle says of the test messages; a plain backbone gets a head from the labelled ones."""
    texts = classroom.test.texts if classroom.test else ()
    if (Path(name) / bundle_files.META).is_file() or classroom.labelled is None:
        return teachers.ordered(bundles.load(Path(name)), texts, labels)
    return _refitted(name, labels, classroom.labelled, texts)


def _refitted(name: str, labels: tuple[str, ...], labelled: Examples, texts: tuple[str, ...]) -> Probabilities:
    backbone = load_backbone(name)
    known = labelled.of(row for row, label in enumerate(labelled.labels) if label in labels)
    targets: Targets = np.array([labels.index(label) for label in known.labels], np.int64)
    described = backbone.encode([label.replace("_", " ") for label in labels])
    return head.fit(backbone.encode(known.texts), targets, labels, described).probabilities(backbone.encode(texts))


def _timed(classroom: DistillDataset, test: Examples | None) -> tuple[str, ...]:
    """Messages that the student did not learn from, if there are any."""
    if test is not None and len(test):
        return test.texts[:TIMED]
    held = [classroom.texts[int(row)] for row in classroom.held_out()]
    return tuple(held or classroom.texts)[:TIMED]


def _reloaded(bundle: Bundle, folder: Path, texts: tuple[str, ...]) -> Bundle:
    saved = bundles.load(folder)
    compared = texts[:COMPARED]
    if float(np.abs(saved.classify(compared) - bundle.classify(compared)).max(initial=0.0)) > SAME:
        raise ModelingError("student_predicts_otherwise", folder=folder)
    return saved


def _serving(bundle: Bundle) -> Bundle:
    return Bundle(bundle.backbone.for_reading(), bundle.head, bundle.meta)


def _as_served(taught_by: Teachers) -> Teachers:
    return Teachers(taught_by.folders, tuple(_serving(each) for each in taught_by.bundles), taught_by.labels)
