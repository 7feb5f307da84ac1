"""Distillation: a small student learns from a teacher's probabilities over a pool of texts that nobody labelled.

The method is of Hinton et al. (2015), with the teacher's vectors as one more lesson (Sanh et al. 2019).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from modeling import hashing
from modeling.backbones import backbone as backbones
from modeling.backbones import build
from modeling.backbones.backbone import Backbone, encode_with_progress
from modeling.classifier.bundle import Bundle
from modeling.distillation import comparison, loop, student_head
from modeling.distillation import teacher as teachers
from modeling.distillation.config import DistillConfig, StudentHyperparameters, student_hyperparameters
from modeling.distillation.dataset import DistillDataset, draw_labels
from modeling.distillation.loop import DistillExamples
from modeling.distillation.student_head import EncodedExamples
from modeling.distillation.teacher import Teachers
from modeling.errors import ModelingError
from modeling.events import Distilled
from modeling.progress import Reporter
from modeling.sentences.catalogue import Sentence, sentence
from modeling.text import script_reading
from modeling.training.run_directory import RunDirectory
from modeling.types import Probabilities, Rows, Targets, Vectors


def distill(teacher: str, dataset: DistillDataset, config: DistillConfig, out: Path, reporter: Reporter) -> Distilled:
    """Teach a student in `out`/bundle and return the "done" event; goes on where a run that was killed stopped.

    Everything is chosen without the test messages, which are scored once, at the end. Raises ModelingError.
    """
    hyperparameters = student_hyperparameters(config.student, config.alpha, config.temperature)
    reporter.stage("loading", 0.04)
    loaded = teachers.load(teacher)
    comparison.check_baseline(config.against, dataset)
    request = hashing.meta_hash([dataset.hash, loaded.fingerprints, config.key, script_reading.installed()])
    run_directory = RunDirectory(out, request)
    with run_directory.locked():
        done = run_directory.saved_outcome(Distilled)
        if done is None:
            done = _Distilling(loaded, dataset, config, hyperparameters, run_directory, reporter).run()
            run_directory.save_outcome(done)
        return done


@dataclass(slots=True)
class _Distilling:
    """One run, from the teacher's predictions to the verified bundle."""

    teachers: Teachers
    dataset: DistillDataset
    config: DistillConfig
    hyperparameters: StudentHyperparameters
    run_directory: RunDirectory
    reporter: Reporter

    def run(self) -> Distilled:
        began = time.monotonic()
        notes = list(self.dataset.notes)
        self.reporter.stage("asking the teacher", 0.3)
        targets = self._targets(notes)
        soft, vectors = self.teachers.probabilities_and_vectors(
            self.dataset.texts, self.run_directory.work / "teacher", self.reporter.step
        )
        soft = self._unbiased_probabilities(soft, vectors, targets, notes)
        examples = DistillExamples(self.dataset.texts, soft, vectors, targets)
        student = self._build_student()
        bundle = self._teach(student, examples)
        self.reporter.stage("evaluating", 0.97)
        done = comparison.save_and_compare(
            bundle, self.teachers, self.dataset, self.config, self.run_directory.bundle, self.reporter.step
        )
        seconds = round(time.monotonic() - began, 1)
        return done.model_copy(update={"notes": (*notes, *done.notes), "seconds": seconds})

    def _targets(self, notes: list[Sentence]) -> Targets:
        """The labels that are known. Raises ModelingError where nothing would be learned."""
        targets = self.dataset.targets(self.teachers.labels)
        unknown_labels = sorted({name for name in self.dataset.names if name} - set(self.teachers.labels))
        if unknown_labels:
            notes.append(sentence("teacher_lacks_labels", label=unknown_labels[0], more=len(unknown_labels) - 1))
        if self.hyperparameters.alpha == 0 and (targets < 0).all():
            raise ModelingError("alpha_without_labels")
        return targets

    def _unbiased_probabilities(
        self, soft: Probabilities, vectors: Vectors, targets: Targets, notes: list[Sentence]
    ) -> Probabilities:
        """Replace the teacher's probabilities of messages that it learned from by those out of fold."""
        rows = np.flatnonzero(targets >= 0)
        if not len(rows):
            return soft
        description_vectors = self.teachers.bundles[0].backbone.encode(_descriptions(self.teachers.labels))
        unseen = self.teachers.out_of_fold(vectors, description_vectors, rows, targets[rows], self.config.seed)
        if unseen is None:
            notes.append(sentence("teacher_saw_labelled"))
            return soft
        soft[rows] = unseen
        return soft

    def _build_student(self) -> Backbone:
        """Build or load the student; one that is larger than its teacher is refused."""
        self.reporter.stage("student", 0.4)
        name, config = self.config.student, self.config
        if build.is_built(name):
            folder = build.build(
                name,
                self.dataset.texts,
                self.run_directory.work / "student",
                seed=config.seed,
                source=build.source_of_static(self.teachers.bundles[0].backbone) if name == build.STATIC else None,
                hidden=config.hidden,
                word_vectors=config.word_vectors,
                on_progress=self.reporter.step,
            )
            built = backbones.load(str(folder), as_saved=True)
            student = Backbone(built.model, name, built.folder, built.reading)
        else:
            student = backbones.load(name)
        size, teacher_size = build.parameters(student), self.teachers.parameters
        if size > teacher_size:
            raise ModelingError("student_too_large", name=name, student=size / 1e6, teacher=teacher_size / 1e6)
        return student

    def _teach(self, student: Backbone, examples: DistillExamples) -> Bundle:
        """Teach all but the held-out texts, which then give the head its temperature and thresholds."""
        self.reporter.stage("distilling", 0.85)
        held = self.dataset.held_out()
        rows = np.setdiff1d(np.arange(len(examples.texts)), held)
        taught = examples.of(rows[examples.targets[rows] >= 0] if self.hyperparameters.alpha == 0 else rows)
        work = self.run_directory.work / "distilling"
        backbone, weights, bias = loop.train_student(
            student, taught, self.hyperparameters, seed=self.config.seed, work=work, on_progress=self.reporter.step
        )
        self.reporter.stage("head", 0.9)
        vectors = encode_with_progress(backbone, tuple(examples.texts), self.reporter)
        labelled = rows[examples.targets[rows] >= 0]
        head_rows = labelled if len(labelled) >= len(self.teachers.labels) else rows
        learned = EncodedExamples(vectors[head_rows], self._draw_labels(examples, head_rows))
        held_out_examples = EncodedExamples(vectors[held], self._draw_labels(examples, held)) if len(held) else learned
        description_vectors = backbone.encode(_descriptions(self.teachers.labels))
        fitted = student_head.fit_student_head(
            (weights, bias), learned, held_out_examples, self.teachers.labels, description_vectors
        )
        return Bundle(backbone, fitted, self._meta())

    def _draw_labels(self, examples: DistillExamples, rows: Rows) -> Targets:
        return draw_labels(examples.targets[rows], examples.soft[rows], self.config.seed)

    def _meta(self) -> dict[str, Any]:
        hyperparameters = self.hyperparameters
        return {
            "method": "distilled",
            "backbone": self.config.student,
            "recipe": {field: getattr(hyperparameters, field) for field in hyperparameters.__slots__},
            "parent": self.config.against or str(self.teachers.folders[0]),
            "teachers": self.teachers.fingerprints,
            "data": {"hash": self.dataset.hash, "messages": len(self.dataset.texts)},
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def _descriptions(labels: tuple[str, ...]) -> list[str]:
    return [label.replace("_", " ") for label in labels]
