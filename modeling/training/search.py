"""Searching for a better recipe in a given time, by cross-validation on the training messages alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from modeling.atomic_files import written_atomically
from modeling.backbones import backbone as backbones
from modeling.backbones import resolve
from modeling.backbones.backbone import encode_with_progress
from modeling.classifier import head
from modeling.data.folds import stratified_folds, stratified_group_folds
from modeling.data.near_duplicates import near_copy_groups
from modeling.data.train_test import Inputs
from modeling.errors import ModelingError
from modeling.evaluation.bootstrap import interval, macro_f1_difference
from modeling.evaluation.metrics import macro_f1
from modeling.events import ScoredSettings, SearchGain, Tuned, rounded
from modeling.progress import Reporter
from modeling.sentences.catalogue import Sentence, sentence
from modeling.text import script_reading
from modeling.training import adapters
from modeling.training.cross_validation import Candidate, TrainingSet, frozen_candidate, make_folds
from modeling.training.method_selection import expected_to_gain
from modeling.training.recipe import Method, Recipe
from modeling.training.run_directory import RunDirectory
from modeling.training.study import METHODS, Trials, open_study, recipe_settings, recipe_with
from modeling.types import Folds, Rows, Targets

METRIC = "cross_validated_macro_f1"
RECIPE, STUDY, SPENT = "recipe.toml", "study.sqlite", "seconds"
LEARNED, SAMPLED = 500, 4  # messages that a trial learns from where there are many; times as many it sees in all
NOTE_SECONDS = 1.0  # seconds between two notes of the time that is spent


class _OutOfTime(Exception):
    """The budget is spent."""


def tune(
    inputs: Inputs, recipe: Recipe, minutes: float, max_trials: int | None, out: Path, reporter: Reporter
) -> Tuned:
    """Search for `minutes`, or until `max_trials` are done; write `out`/recipe.toml and return the "tuned" event.

    Goes on where a run that was killed stopped, with the time that was left. Raises ModelingError.
    """
    base = resolve.resolve(recipe.backbone)
    identity = [inputs.train.hash, inputs.labels, recipe.hash, resolve.fingerprint(base), script_reading.installed()]
    run_directory = RunDirectory.of(out, "tune", *identity, minutes, max_trials)
    search = _Search(inputs, recipe, base, 60 * minutes, max_trials, run_directory, reporter)
    return run_directory.finish(Tuned, search.run)


@dataclass(slots=True)
class _Clock:
    """Seconds since the start, those before a kill too, which a file beside the checkpoints remembers."""

    file: Path
    budget: float
    began: float = field(init=False)
    noted: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        try:
            before = float(self.file.read_text("utf-8"))
        except (OSError, ValueError):
            before = 0.0
        self.began = time.monotonic() - before

    @property
    def spent(self) -> float:
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        return max(0.0, self.budget - self.spent)

    def note(self) -> None:
        if self.spent - self.noted >= NOTE_SECONDS:
            self.noted = self.spent
            self.file.write_text(f"{self.spent:.1f}", "utf-8")


@dataclass(frozen=True, slots=True)
class _Scored:
    """Settings with their predictions for messages that they did not see."""

    settings: dict[str, Any]
    candidate: Candidate

    @property
    def score(self) -> float:
        return macro_f1(self.candidate.probabilities, self.candidate.targets[self.candidate.rows])

    def summary(self) -> ScoredSettings:
        return ScoredSettings.model_validate({"score": round(self.score, 4), "metric": METRIC, **self.settings})


@dataclass(slots=True)
class _Search:
    inputs: Inputs
    recipe: Recipe
    base: Path
    budget: float
    max_trials: int | None
    run_directory: RunDirectory
    reporter: Reporter

    def run(self) -> Tuned:
        clock = _Clock(self.run_directory.work / SPENT, self.budget)
        self._left(clock)
        self.reporter.stage("loading", 0.01)
        backbone = backbones.load(self.recipe.backbone)
        self.reporter.stage("encoding", 0.03)
        training_set = self._encode_training_set(backbone)
        folds = _make_folds(training_set, self.recipe)
        frozen = self._frozen(training_set, folds)
        trials = self._trials(training_set, folds, adapters.fitting(METHODS, backbone), clock)
        self._search(trials, clock)
        outcome = self._outcome(trials, frozen, training_set)
        return outcome.model_copy(update={"seconds": round(clock.spent, 1)})

    def _encode_training_set(self, backbone: backbones.Backbone) -> TrainingSet:
        train, descriptions = self.inputs.train, self.inputs.descriptions
        if len(train) < 2 * self.recipe.folds:
            raise ModelingError("too_few_to_search", count=len(train), fewest=2 * self.recipe.folds)
        targets = self.inputs.targets(train)
        some = _sample(targets, self.recipe.seed)
        texts = tuple(train.texts[row] for row in some)
        vectors = encode_with_progress(backbone, texts, self.reporter)
        return TrainingSet(texts, targets[some], descriptions, vectors, backbone.encode(descriptions))

    def _frozen(self, training_set: TrainingSet, folds: Folds) -> Candidate:
        fitted = head.fit(
            training_set.vectors,
            training_set.targets,
            self.inputs.labels,
            training_set.description_vectors,
            seed=self.recipe.seed,
        )
        return frozen_candidate(training_set, folds, fitted.c)

    def _trials(self, training_set: TrainingSet, folds: Folds, methods: tuple[Method, ...], clock: _Clock) -> Trials:
        first = [recipe_settings(self.recipe, method) for method in methods]
        study = open_study(self.run_directory.folder / STUDY, self.run_directory.request, self.recipe.seed, first)
        on_progress = self._on_progress(clock)
        work = self.run_directory.work
        return Trials(training_set, self.recipe, self.base, folds, methods, work, study, on_progress)

    def _on_progress(self, clock: _Clock) -> Callable[[str, float], None]:
        def on_progress(stage: str, share: float) -> None:
            self._left(clock)
            clock.note()
            if clock.left <= 0:
                raise _OutOfTime
            self.reporter.step(clock.spent / self.budget)

        return on_progress

    def _search(self, trials: Trials, clock: _Clock) -> None:
        """A trial under way is stopped when the time is over, and counts as none."""
        while clock.left > 0 and (self.max_trials is None or trials.ended() < self.max_trials):
            self.reporter.stage(f"trial {trials.ended() + 1}", 0.99)
            self.reporter.step(clock.spent / self.budget)
            try:
                trials.run()
            except _OutOfTime:
                break
        self.reporter.left = None

    def _left(self, clock: _Clock) -> None:
        self.reporter.left = clock.left

    def _outcome(self, trials: Trials, frozen: Candidate, training_set: TrainingSet) -> Tuned:
        self.reporter.stage("comparing", 1.0)
        default, notes = self._default(trials, frozen)
        best, gain = self._best(trials, default), None
        if best is default:
            notes.append(sentence("search_found_nothing_better"))
        else:
            gain = _gain(best.candidate, default.candidate)
            if gain.low <= 0:
                notes.append(sentence("search_gain_by_chance"))
        # Of many messages most are held out, once, and a trial learns from the others.
        if len(trials.folds) == 1:
            learned = len(training_set.texts) - len(trials.folds[0])
            messages = len(self.inputs.train)
            notes.append(sentence("search_learned_from_some", learned=learned, messages=messages))
        path = self.run_directory.folder / RECIPE
        # What the default leaves open stays open: training suits it to how many messages there are.
        chosen = {"method": best.settings["method"]} if best is default else best.settings
        _write(recipe_with(self.recipe, chosen), path)
        return Tuned(
            trials=trials.ended(),
            pruned=trials.ended() - len(trials.complete()),
            best=best.summary(),
            default=default.summary(),
            gain=gain,
            messages=len(training_set.texts),
            folds=len(trials.folds),
            recipe=str(path),
            notes=(*notes, *self.inputs.notes),
        )

    def _default(self, trials: Trials, frozen: Candidate) -> tuple[_Scored, list[Sentence]]:
        """What `train` would choose by itself between the frozen head and its usual way to tune."""
        alone = _Scored({"method": "frozen"}, frozen)
        if trials.first not in (trial.user_attrs["settings"] for trial in trials.complete()):
            return alone, [sentence("search_default_not_measured")]
        tuned = _Scored(trials.first, trials.candidate(trials.first))
        return (tuned if expected_to_gain(tuned.candidate, frozen) else alone), []

    def _best(self, trials: Trials, default: _Scored) -> _Scored:
        best = next(iter(trials.complete()), None)
        if best is None or (best.value or 0.0) <= default.score:
            return default
        settings = best.user_attrs["settings"]
        return _Scored(settings, trials.candidate(settings))


def _sample(targets: Targets, seed: int) -> Rows:
    """Return the rows that settings are compared on: all, but of very many messages as many as a trial has time for."""
    count = len(targets) // LEARNED
    if count <= SAMPLED:
        return np.arange(len(targets))
    return np.sort(np.concatenate(stratified_folds(targets, count, seed)[:SAMPLED]))


def _make_folds(training_set: TrainingSet, recipe: Recipe) -> Folds:
    """Return what is held out, one part after the other: folds, or of many messages, once, all that none learns from.

    Near copies of a message are on one side.
    """
    count = len(training_set.texts) // LEARNED
    if count < 2:
        return make_folds(training_set, recipe)
    learned = stratified_group_folds(training_set.targets, near_copy_groups(training_set.texts), count, recipe.seed)[0]
    return [np.setdiff1d(np.arange(len(training_set.texts)), learned)]


def _gain(best: Candidate, default: Candidate) -> SearchGain:
    """The difference in macro-F1 with its 95% paired bootstrap interval. The best of many is a little flattered."""
    default_probabilities, targets = default.of(best.rows), best.targets[best.rows]
    gain = interval(macro_f1_difference(best.probabilities, default_probabilities, targets))
    return SearchGain.model_validate(rounded(gain))


def _write(recipe: Recipe, path: Path) -> None:
    with written_atomically(path) as draft:
        draft.write_text(tomli_w.dumps(recipe.model_dump(mode="json", exclude_none=True)), "utf-8")
