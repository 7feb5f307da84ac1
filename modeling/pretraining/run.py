"""Continued pretraining on unlabelled messages: `python -m modeling pretrain` as a function that runs anywhere."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from modeling.atomic_files import written_atomically
from modeling.backbones import backbone as backbones
from modeling.backbones import resolve
from modeling.backbones.backbone import Backbone
from modeling.classifier import bundle_files
from modeling.data.examples import Examples
from modeling.data.unlabelled import Pool
from modeling.errors import ModelingError
from modeling.events import Pretrained
from modeling.pretraining import objectives, plan, probe
from modeling.pretraining.plan import Outcome, PretrainingConfig
from modeling.pretraining.probe import Gain
from modeling.progress import Reporter
from modeling.reporting import loss_plot
from modeling.reporting.drawing import attempt
from modeling.sentences.catalogue import Sentence, sentence
from modeling.text import script_reading
from modeling.training.run_directory import RunDirectory

PROVENANCE = "pretraining.json"  # not meta.json, by which a bundle is known
CURVE = "curve.png"


def pretrain(
    pool: Pool, labelled: Examples | None, settings: PretrainingConfig, out: Path, reporter: Reporter
) -> Pretrained:
    """Write a backbone that went on learning to `out`/backbone and return the "pretrained" event.

    A run that was killed goes on where it stopped when it is started again with the same arguments. With `labelled`
    messages the gain is measured on them by cross-validation. Raises ModelingError.
    """
    base = resolve.resolve(settings.base)
    identity = [pool.hash, labelled.hash if labelled else "", asdict(settings), resolve.fingerprint(base)]
    run_directory = RunDirectory.of(out, *identity, script_reading.installed())
    return run_directory.finish(
        Pretrained, _Run(pool, labelled, settings, base, run_directory, reporter).run, _verify_backbone
    )


def _verify_backbone(done: Pretrained) -> None:
    if backbones.load(done.backbone).fingerprint != done.fingerprint:
        raise ModelingError("base_altered", folder=done.backbone)


@dataclass(slots=True)
class _Run:
    """One run, from loading to the saved backbone."""

    pool: Pool
    labelled: Examples | None
    settings: PretrainingConfig
    base: Path
    run_directory: RunDirectory
    reporter: Reporter

    def run(self) -> Pretrained:
        began = time.monotonic()
        self.reporter.stage("loading", 0.02)
        backbone = backbones.load(self.settings.base)
        objective = objectives.choose(self.settings.objective, backbone)
        model = objectives.build(objective, backbone, self.base, self.settings.seed)
        self.reporter.stage("pretraining", 0.9 if self.labelled else 0.97)
        outcome = plan.learn(
            model, self.pool.texts, self.pool.held_out, self.settings, self.run_directory.work, self.reporter.step
        )
        trained = self._saved(backbone, objective, outcome)
        gained, notes = self._gain(trained)
        self.reporter.stage("saving", 1.0)
        curve = loss_plot.curve(outcome.losses)
        problem = attempt(lambda: self._draw(curve, objective, outcome))
        notes += [problem] if isinstance(problem, Sentence) else []
        return Pretrained(
            objective=objective,
            base=self.settings.base,
            texts=len(self.pool.texts),
            held_out=len(self.pool.held_out),
            steps=len(outcome.losses),
            loss_first=curve[0][1],
            loss_last=curve[-1][1],
            curve=tuple(curve),
            held_out_before=round(outcome.before, 4),
            held_out_after=round(outcome.after, 4),
            gain=gained.rounded() if gained else None,
            backbone=str(trained.folder),
            fingerprint=trained.fingerprint,
            notes=(*self.pool.notes, *self._about(outcome, started_over=bool(model.new_parameters)), *notes),
            seconds=round(time.monotonic() - began, 1),
        )

    def _saved(self, backbone: Backbone, objective: str, outcome: Outcome) -> Backbone:
        """The trained backbone, saved with where it comes from, and loaded again."""
        folder = self.run_directory.folder / bundle_files.BACKBONE
        origin = {
            "base": self.settings.base,
            "base_fingerprint": resolve.fingerprint(self.base),
            "objective": objective,
            "steps": len(outcome.losses),
            "texts": {"hash": self.pool.hash, "messages": len(self.pool.texts)},
            "settings": asdict(self.settings),
        }
        with written_atomically(folder) as draft:
            Backbone(backbone.model, backbone.name, None, backbone.reading).save(draft)
            (draft / PROVENANCE).write_text(json.dumps(origin, indent=2) + "\n", "utf-8")
        return backbones.load(str(folder))

    def _gain(self, trained: Backbone) -> tuple[Gain | None, list[Sentence]]:
        if self.labelled is None:
            return None, [sentence("gain_unmeasured")]
        self.reporter.stage("cross-validation", 0.98)
        gain = probe.measure(
            self.labelled, backbones.load(self.settings.base), trained, self.settings.seed, self.reporter.step
        )
        return gain, [gain.sentence]

    def _draw(self, curve: loss_plot.Curve, objective: str, outcome: Outcome) -> None:
        drawn = loss_plot.png(curve, (outcome.before, outcome.after), objective.upper())
        (self.run_directory.folder / CURVE).write_bytes(drawn)

    def _about(self, outcome: Outcome, *, started_over: bool) -> list[Sentence]:
        """Sentences without which the losses could be read wrongly."""
        notes: list[Sentence] = []
        if started_over:
            notes.append(sentence("word_layer_made"))
        if not outcome.in_time:
            notes.append(sentence("pretraining_out_of_time", steps=len(outcome.losses)))
        if outcome.after >= outcome.before:
            notes.append(sentence("held_out_loss_did_not_fall"))
        return notes
