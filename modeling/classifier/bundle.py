"""A bundle: backbone, head and where they came from, as one immutable folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from modeling.atomic_files import written_atomically
from modeling.backbones import backbone as backbones
from modeling.backbones.backbone import Backbone
from modeling.classifier import bundle_files
from modeling.classifier.head import Head
from modeling.classifier.out_of_scope import OutOfScopeDetector
from modeling.errors import ModelingError
from modeling.inference import prepared
from modeling.inference.encoder import Encoder
from modeling.inference.prepared import Opened
from modeling.sentences.catalogue import Sentence
from modeling.text import script_reading
from modeling.text.script_reading import Reading
from modeling.types import OodScores, Probabilities, Sketches, Targets, Vectors

COMPARED = 256  # texts whose predictions are compared after saving
TOLERANCE = 0.01  # of a probability: products in bfloat16 are no more exact


@dataclass(frozen=True, slots=True)
class Classifier:
    """Texts to probabilities: what reads them, and a head over its vectors."""

    encoder: Encoder
    head: Head

    def classify(self, texts: Sequence[str]) -> Probabilities:
        """Return probabilities float32 [n, k] for cleaned texts; the columns are `head.labels`."""
        return self.read(texts)[0]

    def read(self, texts: Sequence[str]) -> tuple[Probabilities, OodScores]:
        """Return probabilities [n, k] and out-of-scope scores float32 [n] from 0 to 1.

        Without a detector the score is one less the top probability.
        """
        vectors = self.encoder.encode(texts)
        probabilities = self.head.probabilities(vectors)
        scores = self.head.ood_scores(vectors)
        return probabilities, 1 - probabilities.max(axis=1) if scores is None else scores


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model version. `meta` holds recipe, label set, backbone, data hash, metrics and parent.

    `sketches` are of the texts that it learned from; None where that is not said.
    """

    backbone: Backbone
    head: Head
    meta: dict[str, Any] = field(default_factory=dict)
    sketches: Sketches | None = None

    def classify(self, texts: Sequence[str]) -> Probabilities:
        """Return probabilities float32 [n, k] for cleaned texts; the columns are `head.labels`."""
        return Classifier(self.backbone, self.head).classify(texts)

    def read(self, texts: Sequence[str]) -> tuple[Probabilities, OodScores]:
        """Return probabilities [n, k] and out-of-scope scores float32 [n], as `Classifier.read`."""
        return Classifier(self.backbone, self.head).read(texts)

    def save(self, folder: Path, texts: Sequence[str] = ()) -> None:
        """Write the bundle to `folder`, which then exists completely or not at all. Raises OSError.

        With some cleaned `texts` it also gets what reads them without torch, compared on them.
        """
        with written_atomically(folder) as draft:
            draft.mkdir(parents=True)
            self.backbone.save(draft / bundle_files.BACKBONE)
            _save_head(self.head, draft / bundle_files.HEAD)
            if self.sketches is not None:
                save_file({"sketches": self.sketches}, draft / bundle_files.LEARNED_FROM)
            settings = {"labels": list(self.head.labels), "head": _settings(self.head)}
            # Where onnx is not installed, as on a machine that only trains, the export is made when it first serves.
            exported = self._exported(draft, texts) if texts and find_spec("onnx") and find_spec("onnxruntime") else {}
            bundle_files.seal(draft, {**self.meta, **settings, **exported})

    def _exported(self, draft: Path, texts: Sequence[str]) -> dict[str, Any]:
        """Write the backbone as it is read without torch; return how faithful it is, or why torch has to read it."""
        from modeling.inference import export

        reading = script_reading.load(draft / bundle_files.BACKBONE) or Reading()
        fingerprint = backbones.fingerprint_of(draft / bundle_files.BACKBONE, {}, reading)
        try:
            written, fidelity = export.export(
                self.backbone, draft / bundle_files.INFERENCE, fingerprint, texts[:COMPARED], self._label
            )
        except ModelingError as error:
            return {"inference": {"precision": "torch", "reason": error.sentence.model_dump(mode="json")}}
        return {"inference": {"precision": written.precision, **asdict(fidelity)}}

    def _label(self, vectors: Vectors) -> Targets:
        return self.head.probabilities(vectors).argmax(axis=1)

    def save_and_verify(self, folder: Path, texts: Sequence[str]) -> Bundle:
        """Write the bundle to `folder` and return it as loaded again, compared on the first of some cleaned texts.

        Raises OSError, and ModelingError if a probability is not the one in memory within TOLERANCE.
        """
        self.save(folder, texts)
        saved, compared = load(folder), texts[:COMPARED]
        if float(np.abs(saved.classify(compared) - self.classify(compared)).max(initial=0.0)) > TOLERANCE:
            raise ModelingError("bundle_predicts_otherwise", folder=folder)
        return saved


def load(folder: Path) -> Bundle:
    """Load a bundle after checking every file. Raises ModelingError that says what is missing or altered."""
    meta = bundle_files.verify(folder)
    head = _head(folder, meta)
    return Bundle(backbones.load(str(folder / bundle_files.BACKBONE), as_saved=True), head, meta)


def learned_from(folder: Path) -> Sketches | None:
    """Return the sketches of the texts that a bundle learned from; None where it keeps none. Raises ModelingError."""
    meta = bundle_files.verify(folder, without=(bundle_files.BACKBONE, bundle_files.INFERENCE))
    if bundle_files.LEARNED_FROM not in meta["files"]:
        return None
    return load_file(folder / bundle_files.LEARNED_FROM)["sketches"]


def _head(folder: Path, meta: dict[str, Any]) -> Head:
    try:
        return _load_head(folder / bundle_files.HEAD, meta)
    except (SafetensorError, KeyError, TypeError, ValueError, OSError):
        raise ModelingError("head_unreadable", folder=folder) from None


def open_for_inference(folder: Path) -> tuple[Opened, Head]:
    """Return what reads for a bundle, without torch where that can be, and its head. Raises ModelingError."""
    meta = bundle_files.verify(folder, without=(bundle_files.BACKBONE, bundle_files.INFERENCE))
    backbone, exported = str(folder / bundle_files.BACKBONE), meta.get("inference")
    head = _head(folder, meta)
    if exported is None:  # a bundle of before: its backbone is exported beside
        bundle_files.verify(folder)
        return prepared.open_encoder(backbone, as_saved=True), head
    if exported["precision"] == "torch":
        bundle_files.verify(folder)
        return prepared.by_torch(backbone, True, Sentence.model_validate(exported["reason"])), head
    bundle_files.verify(folder, without=(bundle_files.BACKBONE,))
    return prepared.open_exported(folder / bundle_files.INFERENCE, backbone, as_saved=True), head


def as_served(folder: Path) -> Classifier:
    """Return a bundle as the live system reads by it. Raises ModelingError."""
    opened, head = open_for_inference(folder)
    return Classifier(opened.encoder, head)


def _settings(head: Head) -> dict[str, Any]:
    return {
        "temperature": head.temperature,
        # Keys stay as in earlier versions, whose bundles are still read; so does "scope" among the tensors.
        "strength": head.c,
        "guess": head.guess,
        "examples": head.examples,
        "chosen_at": head.chosen_at,
    }


def _save_head(head: Head, path: Path) -> None:
    tensors = {"weights": head.weights, "bias": head.bias, "thresholds": head.thresholds}
    as_float32 = {name: np.ascontiguousarray(value, np.float32) for name, value in tensors.items()}
    save_file(as_float32 | (head.out_of_scope.tensors() if head.out_of_scope else {}), path)


def _load_head(path: Path, meta: dict[str, Any]) -> Head:
    tensors, settings, labels = load_file(path), meta["head"], tuple(meta["labels"])
    if tensors["weights"].shape[0] != len(labels):
        raise ValueError("another number of labels")
    return Head(
        labels=labels,
        weights=tensors["weights"],
        bias=tensors["bias"],
        temperature=float(settings["temperature"]),
        thresholds=tensors["thresholds"],
        c=float(settings["strength"]),
        guess=bool(settings["guess"]),
        examples=int(settings["examples"]),
        chosen_at=int(settings["chosen_at"]),
        out_of_scope=OutOfScopeDetector.from_tensors(tensors),
    )
