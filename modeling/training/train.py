"""Training from labelled messages to a verified bundle: `python -m modeling train` as a function that runs anywhere."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from modeling.backbones import backbone as backbones
from modeling.backbones import build, presets, resolve
from modeling.backbones.backbone import Backbone, encode_with_progress
from modeling.classifier import bundle as bundles
from modeling.classifier import head
from modeling.classifier.bundle import Bundle
from modeling.classifier.head import Head
from modeling.classifier.out_of_scope import LANDMARKS, calibrated_detector, choose_landmarks
from modeling.data.sketches import sketch
from modeling.data.train_test import Inputs
from modeling.evaluation.metrics import scores
from modeling.evaluation.promotion_gate import promotion_gate
from modeling.evaluation.throughput import size_as_served
from modeling.events import BaselineScores, Gate, Trained
from modeling.progress import Reporter
from modeling.text import script_reading
from modeling.training import recipe as recipes
from modeling.training.base_selection import Base, best_base, explain_base, read_base
from modeling.training.cross_validation import Candidate, fine_tune_rows, kept_weights
from modeling.training.method_selection import Selection, select
from modeling.training.recipe import Recipe
from modeling.training.run_directory import RunDirectory
from modeling.training.weight_averaging import blend
from modeling.types import Probabilities, Targets


def train(inputs: Inputs, recipe: Recipe, out: Path, against: str, reporter: Reporter) -> Trained:
    """Train a bundle in `out`/bundle and return the "done" event; goes on where a run that was killed stopped.

    Chooses, tunes and calibrates on the training messages alone; the test messages are scored once, at the end.
    Raises ModelingError, on a full disk too, and then no half bundle is left.
    """
    recipe = recipes.for_built_backbone(recipe)
    is_built = build.is_built(recipe.backbone)
    bases = {} if is_built else {name: resolve.resolve(name) for name in presets.candidates(recipe.backbone)}
    help_installed = script_reading.installed()  # vectors from before a kill fit only to the same help
    # One backbone stands for itself in the identity, as it always did: a run of before is still the same run.
    prints = [resolve.fingerprint(folder) for folder in bases.values()] or [build.FORMAT]
    fingerprint = prints[0] if len(prints) == 1 else prints
    identity = [inputs.train.hash, inputs.test.hash, inputs.labels, recipe.hash, fingerprint, help_installed, against]
    run_directory = RunDirectory.of(out, *identity)

    def run() -> Trained:
        if is_built:
            texts, folder = (*inputs.train.texts, *inputs.descriptions), run_directory.work / "base"
            bases[recipe.backbone] = build.build(recipe.backbone, texts, folder, seed=recipe.seed)
        return _Training(inputs, recipe, bases, against, run_directory, reporter).run()

    return run_directory.finish(Trained, run, run_directory.verify_bundle)


@dataclass(slots=True)
class _Training:
    """One run, from loading to the verified bundle."""

    inputs: Inputs
    recipe: Recipe
    bases: Mapping[str, Path]
    against: str
    run_directory: RunDirectory
    reporter: Reporter

    def run(self) -> Trained:
        began = time.monotonic()
        self.reporter.stage("loading", 0.02)
        bases = [
            read_base(name, folder, self.inputs, self.recipe, self.reporter) for name, folder in self.bases.items()
        ]
        base, compared = best_base(bases, self.recipe)
        selection = self._select(base)
        bundle = self._bundle(base, selection)
        done = self._evaluated(bundle, base, compared, selection)
        return done.model_copy(update={"seconds": round(time.monotonic() - began, 1)})

    def _select(self, base: Base) -> Selection:
        recipe = self.recipe.model_copy(update={"candidates": base.methods})
        stages: list[str] = []

        def on_progress(stage: str, share: float) -> None:
            if stage not in stages:
                stages.append(stage)
                self.reporter.stage(stage, 0.12 + 0.5 * min(1.0, len(stages) / self.recipe.folds))
            self.reporter.step(share)

        work = self.run_directory.work
        return select(
            base.training_set, recipe, base.folder, base.frozen.c, work, on_progress, averages=base.is_transformer
        )

    def _bundle(self, base: Base, selection: Selection) -> Bundle:
        """The chosen method on all training messages."""
        chosen, training_set = selection.chosen, base.training_set
        if chosen.method == "frozen":
            return Bundle(base.load(), base.frozen, self._meta(base, chosen))
        self.reporter.stage("fine-tuning", 0.85)
        everything, work = np.arange(len(training_set.texts)), self.run_directory.work
        tuned = fine_tune_rows(
            training_set,
            everything,
            chosen.method,
            self.recipe,
            base.folder,
            self.run_directory.work,
            self.reporter.step,
        )
        kept = kept_weights(work, chosen.method)
        blended = blend(tuned.backbone, base.folder, chosen.blend, kept)
        self.reporter.stage("head", 0.9)
        vectors = encode_with_progress(blended, self.inputs.train.texts, self.reporter)
        fitted = head.fit(
            vectors,
            training_set.targets,
            self.inputs.labels,
            blended.encode(self.inputs.descriptions),
            c=chosen.c,
            temperature=chosen.temperature,
            thresholds=chosen.thresholds(),
            out_of_scope=calibrated_detector(
                choose_landmarks(vectors, training_set.targets, LANDMARKS), chosen.signals()
            ),
            landmarks=LANDMARKS,
        )
        facts = {**tuned.facts, "blend": chosen.blend, "averaged": 1 + len(kept)}
        return Bundle(blended, fitted, {**self._meta(base, chosen), "tuning": facts})

    def _evaluated(self, bundle: Bundle, base: Base, compared: Sequence[Base], selection: Selection) -> Trained:
        """Score the test messages once, save, reload, compare, and let the gate decide."""
        self.reporter.stage("evaluating", 0.94)
        test, labels = self.inputs.test, self.inputs.labels
        targets = self.inputs.targets(test)
        in_memory = bundle.head.probabilities(encode_with_progress(bundle.backbone, test.texts, self.reporter))
        result = scores(*self._with_out_of_fold(in_memory, selection.chosen), labels)
        baseline = self._refit_baseline(base, in_memory if selection.chosen.method == "frozen" else None)
        frozen = frozen_of(baseline, base, compared, selection) if baseline else None
        decided = self._promotion_gate(in_memory, baseline, frozen, selection, targets) if baseline else None
        self.reporter.stage("saving", 0.99)
        metrics = {**result.summary(), "per_label": {name: label.f1 for name, label in result.per_label.items()}}
        bundle.meta.update(metrics=metrics, cross_validation=selection.figures, why=selection.why.text)
        bundle = replace(bundle, sketches=sketch(self.inputs.train.texts))
        saved = bundle.save_and_verify(self.run_directory.bundle, self.inputs.test.texts or self.inputs.train.texts)
        why_base = explain_base(base, compared)
        return Trained(
            method=selection.chosen.method,
            **result.rounded().model_dump(),
            labels=len(labels),
            bundle=str(self.run_directory.bundle),
            fingerprint=saved.backbone.fingerprint,
            megabytes=round(size_as_served(self.run_directory.bundle) / 1e6, 1),
            backbone=base.name,
            against=self._baseline_figures(baseline, frozen) if baseline else None,
            gate=decided,
            cross_validation=selection.figures,
            why=selection.why,
            tokens=bundle.meta["data"]["tokens"],
            tuning=bundle.meta.get("tuning"),
            notes=(*self.inputs.notes, why_base) if why_base else self.inputs.notes,
        )

    def _with_out_of_fold(self, test: Probabilities, candidate: Candidate) -> tuple[Probabilities, Targets]:
        """What figures are of: the test messages, with those out of fold where they are too few to speak alone."""
        targets = self.inputs.targets(self.inputs.test)
        if not self.inputs.few:
            return test, targets
        out_of_fold = candidate.targets[candidate.rows]
        return np.concatenate([test, candidate.probabilities]), np.concatenate([targets, out_of_fold])

    def _baseline_figures(self, baseline: Baseline, frozen: Candidate | None) -> BaselineScores | None:
        """The baseline's figures on the same messages; None where it has none that it did not learn from."""
        if frozen is not None:
            scored = self._with_out_of_fold(baseline.test, frozen)
        elif not self.inputs.few:
            scored = baseline.test, self.inputs.targets(self.inputs.test)
        else:
            return None
        return scores(*scored, self.inputs.labels).rounded_of(baseline.name)

    def _refit_baseline(self, base: Base, predicted: Probabilities | None) -> Baseline | None:
        """Refit the head of the model to beat on the same training messages, the way that the live system does.

        `predicted` are the frozen head's probabilities of the test messages, if they are there already.
        """
        if not self.against:
            return None
        baseline_backbone, baseline_head = load_baseline(self.against)
        texts = self.inputs.test.texts
        if baseline_backbone.fingerprint == base.fingerprint:
            if predicted is None:
                predicted = base.frozen.probabilities(encode_with_progress(baseline_backbone, texts, self.reporter))
            return Baseline(self.against, baseline_backbone.fingerprint, predicted)
        train = self.inputs.train
        fitted = head.fit(
            encode_with_progress(baseline_backbone, train.texts, self.reporter),
            self.inputs.targets(train),
            self.inputs.labels,
            baseline_backbone.encode(self.inputs.descriptions),
            c=baseline_head.c if baseline_head else None,
            temperature=baseline_head.temperature if baseline_head else None,
            # never used, but given with the other two they spare choosing all three
            thresholds=np.ones(len(self.inputs.labels), np.float32) if baseline_head else None,
        )
        return Baseline(
            self.against,
            baseline_backbone.fingerprint,
            fitted.probabilities(encode_with_progress(baseline_backbone, texts, self.reporter)),
        )

    def _promotion_gate(
        self,
        in_memory: Probabilities,
        baseline: Baseline,
        frozen: Candidate | None,
        selection: Selection,
        targets: Targets,
    ) -> Gate | None:
        """Compare on the test messages, and where the baseline is a `frozen` head, out of fold on the others too.

        Both have seen none of these messages, and a few dozen held-out messages alone could hardly ever tell.
        """
        probabilities, baseline_probabilities, compared = in_memory, baseline.test, targets
        chosen = selection.chosen
        if frozen is not None and frozen is not chosen:
            probabilities = np.concatenate([probabilities, chosen.probabilities])
            baseline_probabilities = np.concatenate([baseline_probabilities, frozen.of(chosen.rows)])
            compared = np.concatenate([compared, chosen.targets[chosen.rows]])
        if not len(compared):
            return None
        return promotion_gate(probabilities, baseline_probabilities, compared, self.inputs.labels)

    def _meta(self, base: Base, chosen: Candidate) -> dict[str, Any]:
        train = self.inputs.train
        return {
            "method": chosen.method,
            "recipe": self.recipe.model_dump(mode="json"),
            "backbone": base.name,
            "base_fingerprint": base.fingerprint,
            "parent": self.against or None,
            "data": {
                "hash": train.hash,
                "messages": len(train),
                "notes": [note.text for note in train.notes],
                "tokens": base.tokens.model_dump(),
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


def frozen_of(baseline: Baseline, base: Base, compared: Sequence[Base], selection: Selection) -> Candidate | None:
    """Return what the baseline says out of fold, where it is a frozen head on a backbone that was read here."""
    if baseline.fingerprint == base.fingerprint:
        return selection.frozen
    return next((other.out_of_fold for other in compared if other.fingerprint == baseline.fingerprint), None)


def load_baseline(name: str) -> tuple[Backbone, Head | None]:
    """Load a bundle's backbone and, if it was fine-tuned, its head; or a plain backbone."""
    if (Path(name) / "meta.json").is_file():
        bundle = bundles.load(Path(name))
        return bundle.backbone, bundle.head if bundle.meta.get("method") != "frozen" else None
    return backbones.load(name), None
