"""Training from labelled messages to a verified bundle: `python -m modeling train` as a function that runs anywhere."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from modeling import hashing
from modeling.backbones import backbone as backbones
from modeling.backbones import build, resolve
from modeling.backbones.backbone import Backbone, encode_with_progress
from modeling.backbones.token_lengths import token_lengths
from modeling.classifier import bundle as bundles
from modeling.classifier import head
from modeling.classifier.bundle import Bundle
from modeling.classifier.head import Head
from modeling.classifier.out_of_scope import LANDMARKS, landmarks, limited
from modeling.data.train_test import Inputs
from modeling.errors import ModelingError
from modeling.evaluation.metrics import scores
from modeling.evaluation.promotion_gate import PromotionGate, promotion_gate
from modeling.evaluation.throughput import size_on_disk
from modeling.progress import Reporter
from modeling.text import unread_scripts
from modeling.training import adapters
from modeling.training import recipe as recipes
from modeling.training.cross_validation import Candidate, TrainingSet, kept, tune_on
from modeling.training.method_selection import Selection, select
from modeling.training.recipe import Recipe
from modeling.training.run_directory import RunDirectory
from modeling.training.weight_averaging import blend
from modeling.types import Probabilities, Targets

COMPARED = 256  # test messages whose predictions are compared after reloading
SAME = 0.01  # of a probability: after reloading, and with bfloat16, nothing may differ by more


def train(inputs: Inputs, recipe: Recipe, out: Path, against: str, reporter: Reporter) -> dict[str, Any]:
    """Train a bundle in `out`/bundle and return the "done" event; goes on where a run that was killed stopped.

    Chooses, tunes and calibrates on the training messages alone; the test messages are scored once, at the end.
    Raises ModelingError, on a full disk too, and then no half bundle is left.
    """
    recipe = recipes.for_built_backbone(recipe)
    base = None if build.is_built(recipe.backbone) else resolve.resolve(recipe.backbone)
    read = unread_scripts.installed()  # vectors from before a kill fit only to the same help
    known = resolve.fingerprint(base) if base else build.FORMAT
    asked = [inputs.train.hash, inputs.test.hash, inputs.labels, recipe.hash, known, read, against]
    workplace = RunDirectory(out, hashing.meta_hash(asked))
    with workplace.held():
        done = workplace.finished()
        if done is None:
            base = base or build.build(recipe.backbone, inputs.train.texts, workplace.work / "base", seed=recipe.seed)
            done = _Training(inputs, recipe, base, against, workplace, reporter).run()
            workplace.finish(done)
        return done


@dataclass(slots=True)
class _Training:
    """One run, from loading to the verified bundle."""

    inputs: Inputs
    recipe: Recipe
    base: Path
    against: str
    workplace: RunDirectory
    reporter: Reporter

    def run(self) -> dict[str, Any]:
        began = time.monotonic()
        self.reporter.stage("loading", 0.02)
        backbone = backbones.load(str(self.base))
        material = self._material(backbone)
        self.reporter.stage("head", 0.12)
        frozen = head.fit(
            material.vectors,
            material.targets,
            self.inputs.labels,
            material.described,
            landmarks=LANDMARKS,
            seed=self.recipe.seed,
        )
        selection = self._select(material, frozen, backbone)
        bundle = self._bundle(material, backbone, frozen, selection)
        done = self._evaluated(bundle, backbone, frozen, selection)
        return {**done, "seconds": round(time.monotonic() - began, 1)}

    def _material(self, backbone: Backbone) -> TrainingSet:
        self.reporter.stage("encoding", 0.08)
        train = self.inputs.train
        vectors = encode_with_progress(backbone, train.texts, self.reporter)
        descriptions = self.inputs.descriptions
        described = backbone.encode(descriptions)
        return TrainingSet(train.texts, self.inputs.targets(train), descriptions, vectors, described)

    def _select(self, material: TrainingSet, frozen: Head, backbone: Backbone) -> Selection:
        fitting = adapters.fitting(self.recipe.candidates, backbone) or ("full",)
        recipe = self.recipe.model_copy(update={"candidates": fitting})
        seen: list[str] = []

        def on_progress(stage: str, share: float) -> None:
            if stage not in seen:
                seen.append(stage)
                self.reporter.stage(stage, 0.12 + 0.5 * min(1.0, len(seen) / self.recipe.folds))
            self.reporter.step(share)

        work, averages = self.workplace.work, adapters.is_transformer(backbone)
        return select(material, recipe, self.base, frozen.strength, work, on_progress, averages=averages)

    def _bundle(self, material: TrainingSet, backbone: Backbone, frozen: Head, selection: Selection) -> Bundle:
        """The chosen method on all training messages."""
        chosen = selection.chosen
        if chosen.method == "frozen":
            return Bundle(backbone, frozen, self._meta(backbone, chosen))
        self.reporter.stage("fine-tuning", 0.85)
        everything = np.arange(len(material.texts))
        found = tune_on(
            material, everything, chosen.method, self.recipe, self.base, self.workplace.work, self.reporter.step
        )
        others = kept(self.workplace.work, chosen.method)
        tuned = blend(found.backbone, self.base, chosen.blend, others)
        self.reporter.stage("head", 0.9)
        vectors = encode_with_progress(tuned, self.inputs.train.texts, self.reporter)
        fitted = head.fit(
            vectors,
            material.targets,
            self.inputs.labels,
            tuned.encode(self.inputs.descriptions),
            strength=chosen.strength,
            temperature=chosen.temperature,
            thresholds=chosen.thresholds(),
            scope=limited(landmarks(vectors, material.targets, LANDMARKS), chosen.signs()),
            landmarks=LANDMARKS,
        )
        facts = {**found.facts, "blend": chosen.blend, "averaged": 1 + len(others)}
        return Bundle(tuned, fitted, {**self._meta(backbone, chosen), "tuning": facts})

    def _evaluated(self, bundle: Bundle, backbone: Backbone, frozen: Head, selection: Selection) -> dict[str, Any]:
        """Score the test messages once, save, reload, compare, and let the gate decide."""
        self.reporter.stage("evaluating", 0.94)
        test, labels = self.inputs.test, self.inputs.labels
        targets = self.inputs.targets(test)
        in_memory = bundle.head.probabilities(encode_with_progress(bundle.backbone, test.texts, self.reporter))
        result = scores(*self._scored(in_memory, selection.chosen), labels)
        opponent = self._opponent(backbone, frozen, in_memory if selection.chosen.method == "frozen" else None)
        decided = self._gate(in_memory, opponent, backbone, selection, targets) if opponent else None
        self.reporter.stage("saving", 0.99)
        metrics = {**result.summary(), "per_label": {name: one.f1 for name, one in result.per_label.items()}}
        bundle.meta.update(metrics=metrics, cross_validation=selection.figures, why=selection.why.text)
        bundle.save(self.workplace.bundle)
        fingerprint = self._reload_and_compare(bundle)
        return {
            "event": "done",
            "method": selection.chosen.method,
            **result.summary(),
            "labels": len(labels),
            "bundle": str(self.workplace.bundle),
            "fingerprint": fingerprint,
            "megabytes": round(size_on_disk(self.workplace.bundle) / 1e6, 1),
            "against": self._against(opponent, backbone, selection) if opponent else None,
            "gate": decided.summary() if decided else None,
            "cross_validation": selection.figures,
            "why": selection.why.model_dump(mode="json"),
            "tokens": bundle.meta["data"]["tokens"],
            "tuning": bundle.meta.get("tuning"),
            "notes": [note.model_dump(mode="json") for note in self.inputs.notes],
        }

    def _scored(self, test: Probabilities, candidate: Candidate) -> tuple[Probabilities, Targets]:
        """What figures are of: the test messages, with those out of fold where they are too few to speak alone."""
        targets = self.inputs.targets(self.inputs.test)
        if not self.inputs.few:
            return test, targets
        out_of_fold = candidate.targets[candidate.rows]
        return np.concatenate([test, candidate.probabilities]), np.concatenate([targets, out_of_fold])

    def _against(self, opponent: Baseline, backbone: Backbone, selection: Selection) -> dict[str, Any] | None:
        """The opponent's figures on the same messages; None where it has none that it did not learn from."""
        if opponent.fingerprint == backbone.fingerprint:
            found = self._scored(opponent.test, selection.frozen)
        elif not self.inputs.few:
            found = opponent.test, self.inputs.targets(self.inputs.test)
        else:
            return None
        return {"name": opponent.name, **scores(*found, self.inputs.labels).summary()}

    def _reload_and_compare(self, bundle: Bundle) -> str:
        """Raise ModelingError if the bundle on disk does not say what the one in memory said."""
        texts = (self.inputs.test.texts or self.inputs.train.texts)[:COMPARED]
        in_memory = bundle.classify(texts)
        saved = bundles.load(self.workplace.bundle)
        if float(np.abs(saved.classify(texts) - in_memory).max(initial=0.0)) > SAME:
            raise ModelingError("bundle_predicts_otherwise", folder=self.workplace.bundle)
        return saved.backbone.fingerprint

    def _opponent(self, backbone: Backbone, frozen: Head, known: Probabilities | None) -> Baseline | None:
        """Refit the head of the model to beat on the same training messages, the way that the live system does.

        `known` is what the frozen head said, if it was asked already.
        """
        if not self.against:
            return None
        theirs, old = load_baseline(self.against)
        texts = self.inputs.test.texts
        if theirs.fingerprint == backbone.fingerprint:
            said = (
                frozen.probabilities(encode_with_progress(backbone, texts, self.reporter)) if known is None else known
            )
            return Baseline(self.against, theirs.fingerprint, said)
        train = self.inputs.train
        fitted = head.fit(
            encode_with_progress(theirs, train.texts, self.reporter),
            self.inputs.targets(train),
            self.inputs.labels,
            theirs.encode(self.inputs.descriptions),
            strength=old.strength if old else None,
            temperature=old.temperature if old else None,
            thresholds=np.ones(len(self.inputs.labels), np.float32) if old else None,
        )
        return Baseline(
            self.against, theirs.fingerprint, fitted.probabilities(encode_with_progress(theirs, texts, self.reporter))
        )

    def _gate(
        self, in_memory: Probabilities, opponent: Baseline, backbone: Backbone, selection: Selection, targets: Targets
    ) -> PromotionGate | None:
        """Compare on the test messages, and where the opponent is the frozen head, out of fold on the others too.

        Both have seen none of these messages, and a few dozen held-out messages alone could hardly ever tell.
        """
        ours, theirs, right = in_memory, opponent.test, targets
        chosen = selection.chosen
        if opponent.fingerprint == backbone.fingerprint and chosen.method != "frozen":
            ours = np.concatenate([ours, chosen.probabilities])
            theirs = np.concatenate([theirs, selection.frozen.probabilities[chosen.rows]])
            right = np.concatenate([right, chosen.targets[chosen.rows]])
        return promotion_gate(ours, theirs, right, self.inputs.labels) if len(right) else None

    def _meta(self, backbone: Backbone, chosen: Candidate) -> dict[str, Any]:
        train = self.inputs.train
        return {
            "method": chosen.method,
            "recipe": self.recipe.model_dump(mode="json"),
            "backbone": self.recipe.backbone,
            "base_fingerprint": backbone.fingerprint,
            "parent": self.against or None,
            "data": {
                "hash": train.hash,
                "messages": len(train),
                "notes": [note.text for note in train.notes],
                "tokens": asdict(token_lengths(backbone, train.texts)),
            },
            "held_out": {"hash": self.inputs.test.hash, "messages": len(self.inputs.test)},
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }


@dataclass(frozen=True, slots=True)
class Baseline:
    """The model to beat: its probabilities for the test messages by a head refitted on the same training file."""

    name: str
    fingerprint: str
    test: Probabilities


def load_baseline(name: str) -> tuple[Backbone, Head | None]:
    """Load a bundle's backbone and, if it was fine-tuned, its head; or a plain backbone."""
    if (Path(name) / "meta.json").is_file():
        bundle = bundles.load(Path(name))
        return bundle.backbone, bundle.head if bundle.meta.get("method") != "frozen" else None
    return backbones.load(name), None
