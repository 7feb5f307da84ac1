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

from modeling.backbones import backbone as backbones
from modeling.backbones import build
from modeling.backbones.backbone import Backbone, encode_with_progress
from modeling.classifier import head
from modeling.classifier.bundle import Bundle
from modeling.classifier.calibration import best_temperature, thresholds
from modeling.classifier.head import Head
from modeling.classifier.logistic_regression import Problem, softmax, solve
from modeling.data.examples import describe_labels
from modeling.data.sketches import sketch
from modeling.distillation import comparison, loop
from modeling.distillation import teacher as teachers
from modeling.distillation.config import DistillConfig, StudentHyperparameters, student_hyperparameters
from modeling.distillation.dataset import DistillDataset, draw_labels
from modeling.distillation.loop import DistillExamples
from modeling.distillation.teacher import Teachers
from modeling.errors import ModelingError
from modeling.events import Distilled
from modeling.progress import Reporter
from modeling.sentences.catalogue import Sentence, sentence
from modeling.text import script_reading
from modeling.training.run_directory import RunDirectory
from modeling.types import Bias, Logits, Probabilities, Rows, Targets, Vectors, Weights

C_GRID = (0.3, 1.0, 3.0, 10.0, 30.0)


def distill(teacher: str, dataset: DistillDataset, config: DistillConfig, out: Path, reporter: Reporter) -> Distilled:
    """Teach a student in `out`/bundle and return the "done" event; goes on where a run that was killed stopped.

    Everything is chosen without the test messages, which are scored once, at the end. Raises ModelingError.
    """
    hyperparameters = student_hyperparameters(config.student, config.alpha, config.temperature)
    reporter.stage("loading", 0.04)
    loaded = teachers.load(teacher)
    dataset = dataset.spelled_as(loaded.labels)
    comparison.check_baseline(config.against, dataset)
    run_directory = RunDirectory.of(out, dataset.hash, loaded.fingerprints, config.key, script_reading.installed())
    distilling = _Distilling(loaded, dataset, config, hyperparameters, run_directory, reporter)
    return run_directory.finish(Distilled, distilling.run, run_directory.verify_bundle)


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
        description_vectors = self.teachers.bundles[0].backbone.encode(describe_labels(self.teachers.labels))
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
                (*self.dataset.texts, *describe_labels(self.teachers.labels)),
                self.run_directory.work / "student",
                seed=config.seed,
                source=build.source_of_static(self.teachers.bundles[0].backbone) if name == build.STATIC else None,
                hidden=config.hidden,
                word_vectors=config.word_vectors,
                on_progress=self.reporter.step,
            )
            built = backbones.load(str(folder), as_saved=True)
            # By the name that was asked for: its folder in `work` will be removed.
            student = Backbone(built.model, name, built.folder, built.reading)
        else:
            student = backbones.load(name)
        size, teacher_size = student.parameters, self.teachers.parameters
        if size > teacher_size:
            raise ModelingError("student_too_large", name=name, student=size / 1e6, teacher=teacher_size / 1e6)
        return student

    def _teach(self, student: Backbone, examples: DistillExamples) -> Bundle:
        """Teach all but the held-out texts, which then give the head its temperature and thresholds."""
        self.reporter.stage("distilling", 0.85)
        held = self.dataset.held_out()
        rows = np.setdiff1d(np.arange(len(examples.texts)), held)
        # Without the teacher's part of the loss, only labelled texts teach anything.
        taught = examples.of(rows[examples.targets[rows] >= 0] if self.hyperparameters.alpha == 0 else rows)
        work = self.run_directory.work / "distilling"
        backbone, weights, bias = loop.train_student(
            student, taught, self.hyperparameters, seed=self.config.seed, work=work, on_progress=self.reporter.step
        )
        self.reporter.stage("head", 0.9)
        vectors = encode_with_progress(backbone, tuple(examples.texts), self.reporter)
        labelled = rows[examples.targets[rows] >= 0]
        # With fewer labelled texts than labels, some label would surely have no example.
        head_rows = labelled if len(labelled) >= len(self.teachers.labels) else rows
        learned = EncodedExamples(vectors[head_rows], self._draw_labels(examples, head_rows))
        held_out_examples = EncodedExamples(vectors[held], self._draw_labels(examples, held)) if len(held) else learned
        description_vectors = backbone.encode(describe_labels(self.teachers.labels))
        fitted = fit_student_head(
            (weights, bias), learned, held_out_examples, self.teachers.labels, description_vectors
        )
        # Of a text without a label it learned what its teacher says, which a test does not ask about.
        labelled_texts = [text for text, name in zip(self.dataset.texts, self.dataset.names, strict=True) if name]
        return Bundle(backbone, fitted, self._meta(), sketch(labelled_texts))

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


@dataclass(frozen=True, slots=True)
class EncodedExamples:
    """Unit vectors [n, d] with their targets [n]."""

    vectors: Vectors
    targets: Targets


def fit_student_head(
    classifier: tuple[Weights, Bias],
    learned: EncodedExamples,
    held_out: EncodedExamples,
    labels: tuple[str, ...],
    description_vectors: Vectors,
) -> Head:
    """Return the head of a student that has its own `classifier` (weights [k, d], bias [k]).

    Its `c` is for heads that are fitted later to the same vectors: the best one for those that were `learned`,
    measured, like temperature and thresholds, on `held_out`.
    """
    weights, bias = classifier
    candidates = [(*_held_out_loss(_scores_at(learned, held_out, description_vectors, c), held_out), c) for c in C_GRID]
    loss, temperature, c = min(candidates)
    own_loss, own_temperature = _held_out_loss(held_out.vectors @ weights.T + bias, held_out)
    if own_loss <= loss:
        scores, temperature = held_out.vectors @ weights.T + bias, own_temperature
    else:
        scores = _scores_at(learned, held_out, description_vectors, c)
    limits = thresholds(softmax(scores / np.float32(temperature)), held_out.targets)
    if own_loss <= loss:
        count = len(learned.targets)
        return Head(labels, weights, bias, temperature, limits, c, False, count, count)
    return head.fit(
        learned.vectors,
        learned.targets,
        labels,
        description_vectors,
        c=c,
        temperature=temperature,
        thresholds=limits,
    )


def _held_out_loss(scores: Logits, held_out: EncodedExamples) -> tuple[float, float]:
    temperature, loss = best_temperature(scores, held_out.targets)
    return loss, temperature


def _scores_at(learned: EncodedExamples, held_out: EncodedExamples, description_vectors: Vectors, c: float) -> Logits:
    """Scores [m, k] of held-out vectors by a head fitted to the learned ones."""
    problem = Problem.around(learned.vectors, learned.targets, description_vectors)
    weights, bias = solve(problem, c, loose=True)
    return held_out.vectors @ weights.T + bias
