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
from modeling.distillation import comparison, config, loop, student_head
from modeling.distillation import teacher as teachers
from modeling.distillation.config import DistillConfig, StudentHyperparameters
from modeling.distillation.dataset import DistillDataset, likely
from modeling.distillation.loop import Lessons
from modeling.distillation.student_head import Seen
from modeling.distillation.teacher import Teachers
from modeling.errors import ModelingError
from modeling.progress import Reporter
from modeling.sentences.catalogue import Sentence, sentence
from modeling.text import unread_scripts
from modeling.training.run_directory import RunDirectory
from modeling.types import Probabilities, Rows, Targets, Vectors


def distill(
    teacher: str, classroom: DistillDataset, wish: DistillConfig, out: Path, reporter: Reporter
) -> dict[str, Any]:
    """Teach a student in `out`/bundle and return the "done" event; goes on where a run that was killed stopped.

    Everything is chosen without the test messages, which are scored once, at the end. Raises ModelingError.
    """
    pace = config.student_hyperparameters(wish.student, wish.alpha, wish.temperature)
    reporter.stage("loading", 0.04)
    known = teachers.load(teacher)
    comparison.check(wish.against, classroom)
    order = hashing.meta_hash([classroom.hash, known.fingerprints, wish.key, unread_scripts.installed()])
    workplace = RunDirectory(out, order)
    with workplace.held():
        done = workplace.finished()
        if done is None:
            done = _Distilling(known, classroom, wish, pace, workplace, reporter).run()
            workplace.finish(done)
        return done


@dataclass(slots=True)
class _Distilling:
    """One run, from the teacher's word to the verified bundle."""

    teachers: Teachers
    classroom: DistillDataset
    wish: DistillConfig
    pace: StudentHyperparameters
    workplace: RunDirectory
    reporter: Reporter

    def run(self) -> dict[str, Any]:
        began = time.monotonic()
        notes = list(self.classroom.notes)
        self.reporter.stage("asking the teacher", 0.3)
        targets = self._targets(notes)
        soft, vectors = self.teachers.taught(self.classroom.texts, self.workplace.work / "teacher", self.reporter.step)
        soft = self._without_what_it_learned(soft, vectors, targets, notes)
        lessons = Lessons(self.classroom.texts, soft, vectors, targets)
        student = self._student()
        bundle = self._taught(student, lessons)
        self.reporter.stage("evaluating", 0.97)
        done = comparison.measured(
            bundle, self.teachers, self.classroom, self.wish.against, self.workplace.bundle, self.reporter.step
        )
        seconds = round(time.monotonic() - began, 1)
        return {
            **done,
            "student": self.wish.student,
            "notes": [*(note.model_dump(mode="json") for note in notes), *done["notes"]],
            "seconds": seconds,
        }

    def _targets(self, notes: list[Sentence]) -> Targets:
        """The labels that are known. Raises ModelingError where nothing would be learned."""
        targets = self.classroom.targets(self.teachers.labels)
        strange = sorted({name for name in self.classroom.names if name} - set(self.teachers.labels))
        if strange:
            notes.append(sentence("teacher_lacks_labels", label=strange[0], more=len(strange) - 1))
        if self.pace.alpha == 0 and (targets < 0).all():
            raise ModelingError("alpha_without_labels")
        return targets

    def _without_what_it_learned(
        self, soft: Probabilities, vectors: Vectors, targets: Targets, notes: list[Sentence]
    ) -> Probabilities:
        """Put what the teacher says out of fold in the place of what it says of messages that it learned from."""
        rows = np.flatnonzero(targets >= 0)
        if not len(rows):
            return soft
        described = self.teachers.bundles[0].backbone.encode(_descriptions(self.teachers.labels))
        unseen = self.teachers.unseen(vectors, described, rows, targets[rows], self.wish.seed)
        if unseen is None:
            notes.append(sentence("teacher_saw_labelled"))
            return soft
        soft[rows] = unseen
        return soft

    def _student(self) -> Backbone:
        """Build or load the student; one that is larger than its teacher is refused."""
        self.reporter.stage("student", 0.4)
        name, wish = self.wish.student, self.wish
        if build.is_built(name):
            folder = build.build(
                name,
                self.classroom.texts,
                self.workplace.work / "student",
                seed=wish.seed,
                source=build.source_of_static(self.teachers.bundles[0].backbone) if name == build.STATIC else None,
                hidden=wish.hidden,
                word_vectors=wish.word_vectors,
                on_progress=self.reporter.step,
            )
            found = backbones.load(str(folder), as_saved=True)
            student = Backbone(found.model, name, found.folder, found.reading)
        else:
            student = backbones.load(name)
        ours, theirs = build.parameters(student), self.teachers.parameters
        if ours > theirs:
            raise ModelingError("student_too_large", name=name, student=ours / 1e6, teacher=theirs / 1e6)
        return student

    def _taught(self, student: Backbone, lessons: Lessons) -> Bundle:
        """Teach all but the held-out texts, which then give the head its temperature and thresholds."""
        self.reporter.stage("distilling", 0.85)
        held = self.classroom.held_out()
        rows = np.setdiff1d(np.arange(len(lessons.texts)), held)
        taught = lessons.of(rows[lessons.targets[rows] >= 0] if self.pace.alpha == 0 else rows)
        work = self.workplace.work / "distilling"
        backbone, weights, bias = loop.train_student(
            student, taught, self.pace, seed=self.wish.seed, work=work, on_progress=self.reporter.step
        )
        self.reporter.stage("head", 0.9)
        vectors = encode_with_progress(backbone, tuple(lessons.texts), self.reporter)
        labelled = rows[lessons.targets[rows] >= 0]
        known = labelled if len(labelled) >= len(self.teachers.labels) else rows
        learned = Seen(vectors[known], self._likely(lessons, known))
        unseen = Seen(vectors[held], self._likely(lessons, held)) if len(held) else learned
        described = backbone.encode(_descriptions(self.teachers.labels))
        fitted = student_head.settle((weights, bias), learned, unseen, self.teachers.labels, described)
        return Bundle(backbone, fitted, self._meta())

    def _likely(self, lessons: Lessons, rows: Rows) -> Targets:
        return likely(lessons.targets[rows], lessons.soft[rows], self.wish.seed)

    def _meta(self) -> dict[str, Any]:
        pace = self.pace
        return {
            "method": "distilled",
            "backbone": self.wish.student,
            "recipe": {field: getattr(pace, field) for field in pace.__slots__},
            "parent": self.wish.against or str(self.teachers.folders[0]),
            "teachers": self.teachers.fingerprints,
            "data": {"hash": self.classroom.hash, "messages": len(self.classroom.texts)},
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def _descriptions(labels: tuple[str, ...]) -> list[str]:
    return [label.replace("_", " ") for label in labels]
