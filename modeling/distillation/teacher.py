"""Who a student learns from: one bundle or several, whose probabilities are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from modeling import hashing
from modeling.atomic_files import written_atomically
from modeling.classifier import bundle as saved_bundles
from modeling.classifier import calibration
from modeling.classifier.bundle import Bundle
from modeling.classifier.logistic_regression import Problem, softmax
from modeling.data.folds import stratified_folds
from modeling.errors import ModelingError
from modeling.evaluation import throughput
from modeling.progress import OnProgress
from modeling.types import Probabilities, Rows, Targets, Vectors

AT_ONCE = 512
FOLDS = 5
MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Teachers:
    """Bundles that know the same labels; `labels` gives the order of all columns."""

    folders: tuple[Path, ...]
    bundles: tuple[Bundle, ...]
    labels: tuple[str, ...]

    @property
    def parameters(self) -> int:
        """The numbers in all their backbones."""
        return sum(bundle.backbone.parameters for bundle in self.bundles)

    @property
    def fingerprints(self) -> list[str]:
        """What they are, for naming a run."""
        return [hashing.meta_hash(bundle.meta) for bundle in self.bundles]

    def classify(self, texts: Sequence[str]) -> Probabilities:
        """Return averaged probabilities float32 [n, k]."""
        return np.mean([_align_columns(bundle, bundle.classify(texts), self.labels) for bundle in self.bundles], axis=0)

    def probabilities_and_vectors(
        self, texts: Sequence[str], cache: Path, on_progress: OnProgress
    ) -> tuple[Probabilities, Vectors]:
        """Return averaged probabilities [n, k] and the vectors [n, d] of all side by side.

        Each portion is kept in the folder `cache`, so that none is asked twice.
        """
        cache.mkdir(parents=True, exist_ok=True)
        portions: list[dict[str, Vectors]] = []
        for start in range(0, len(texts), AT_ONCE):
            file = cache / f"{start}.safetensors"
            if not file.is_file():
                with written_atomically(file) as draft:
                    save_file(self._ask(texts[start : start + AT_ONCE]), draft)
                on_progress(min(1.0, (start + AT_ONCE) / len(texts)))
            portions.append(load_file(file))
        probabilities, vectors = (
            np.concatenate([portion[name] for portion in portions]) for name in ("probabilities", "vectors")
        )
        return probabilities, vectors

    def _ask(self, texts: Sequence[str]) -> dict[str, Vectors]:
        vectors = [bundle.backbone.encode(texts) for bundle in self.bundles]
        both = zip(self.bundles, vectors, strict=True)
        probabilities = [_align_columns(bundle, bundle.head.probabilities(rows), self.labels) for bundle, rows in both]
        return {
            "probabilities": np.stack(probabilities).mean(axis=0, dtype=np.float32),
            "vectors": np.concatenate(vectors, axis=1),
        }

    def out_of_fold(
        self, vectors: Vectors, description_vectors: Vectors, rows: Rows, targets: Targets, seed: int
    ) -> Probabilities | None:
        """Return what one frozen teacher says of labelled rows when its head has not learned from them, [m, k].

        `vectors` [n, d] are the teacher's own, `rows` [m] the places of the labelled ones, `targets` [m] their labels.
        None where that takes fine-tuning again: for tuned teachers, several of them, or too few messages.
        """
        bundle = self.bundles[0]
        if len(self.bundles) > 1 or bundle.meta.get("method") != "frozen" or len(rows) < 2 * FOLDS:
            return None
        labelled = vectors[rows]
        problem = Problem.around(labelled, targets, description_vectors)
        scores = calibration.out_of_fold(problem, stratified_folds(targets, FOLDS, seed), bundle.head.c)
        return softmax(scores / np.float32(bundle.head.temperature))

    def speed_and_size(self, texts: Sequence[str], on_progress: OnProgress) -> dict[str, Any]:
        """Return messages a second and megabytes of all of them, one after another, as the live system reads."""
        served = [saved_bundles.as_served(folder) for folder in self.folders]
        seconds = [1 / throughput.classified(bundle, texts, on_progress)[2].messages_per_second for bundle in served]
        size = sum(throughput.size_as_served(folder) for folder in self.folders)
        return {"messages_per_second": round(1 / sum(seconds), 1), "megabytes": round(size / MILLION, 1)}


def load(names: str) -> Teachers:
    """Load the bundles that a comma separates. Raises ModelingError when one was altered or knows other labels."""
    folders = tuple(Path(name.strip()) for name in names.split(",") if name.strip())
    if not folders:
        raise ModelingError("no_teacher")
    bundles = tuple(saved_bundles.load(folder) for folder in folders)
    labels = bundles[0].head.labels
    for folder, bundle in zip(folders, bundles, strict=True):
        different = sorted(set(labels) ^ set(bundle.head.labels))
        if different:
            raise ModelingError(
                "teachers_of_other_labels", first=folders[0], second=folder, label=different[0], more=len(different) - 1
            )
    return Teachers(folders, bundles, labels)


def _align_columns(bundle: Bundle, probabilities: Probabilities, labels: tuple[str, ...]) -> Probabilities:
    """Put a bundle's columns [n, k] into the order of `labels`; labels that it does not know get nothing."""
    aligned = np.zeros((len(probabilities), len(labels)), np.float32)
    columns = {label: column for column, label in enumerate(bundle.head.labels)}
    for column, label in enumerate(labels):
        if label in columns:
            aligned[:, column] = probabilities[:, columns[label]]
    return aligned


def predict_columns(bundle: Bundle, texts: Sequence[str], labels: tuple[str, ...]) -> Probabilities:
    """Return a bundle's probabilities [n, k] for the columns `labels`."""
    return _align_columns(bundle, bundle.classify(texts), labels)
