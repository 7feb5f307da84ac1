"""One study of Optuna over ways to fine-tune: what may be set, what a trial scores, and when it is given up.

Settings are proposed by a tree-structured Parzen estimator (Bergstra et al. 2011). A trial is a cross-validation whose
macro-F1 is looked at after each fold, and pruned where it lies below the median of the trials before.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from modeling.errors import ModelingError
from modeling.evaluation.metrics import macro_f1
from modeling.hashing import meta_hash
from modeling.training.cross_validation import Candidate, CrossValidation, OnProgress, TrainingSet
from modeling.training.losses import CONTRAST
from modeling.training.recipe import FineTuneConfig, Method, Recipe
from modeling.types import Folds

FIRST_GUESSES = 4  # trials before the estimator and the pruner have something to go by
RATES: dict[Method, tuple[float, float]] = {"full": (5e-5, 1.5e-3), "lora": (2e-4, 4e-3)}
RANKS, BATCHES = (4, 8, 16, 32, 64), (16, 32, 64)
EPOCHS, CONTRASTS = (1.0, 15.0), (0.0, 0.9)
METHODS: tuple[Method, ...] = ("full", "lora")


def recipe_settings(recipe: Recipe, method: Method) -> dict[str, Any]:
    """Return what the recipe says, as a trial's settings."""
    tuning = recipe.tuning(method)
    settings: dict[str, Any] = {"method": method, "learning_rate": tuning.learning_rate}
    if method == "lora":
        settings["rank"] = tuning.rank
    return {**settings, "epochs": tuning.epochs, "batch": tuning.batch, "contrast": _contrast(tuning)}


def suggest_settings(trial: Trial, recipe: Recipe, methods: Sequence[Method]) -> dict[str, Any]:
    """Ask the study for the next settings: method, learning_rate, rank, epochs, batch, contrast.

    What the recipe says is always within the bounds.
    """
    configs = [recipe.tuning(method) for method in methods]
    method: Method = trial.suggest_categorical("method", methods)  # pyright: ignore[reportAssignmentType]
    settings: dict[str, Any] = {
        "method": method,
        "learning_rate": trial.suggest_float(
            f"{method}_learning_rate", *_widened(RATES[method], recipe.tuning(method).learning_rate), log=True
        ),
    }
    if method == "lora":
        settings["rank"] = trial.suggest_categorical("rank", sorted({*RANKS, recipe.lora.rank}))
    settings["epochs"] = trial.suggest_float(
        "epochs", *_widened(EPOCHS, *(config.epochs for config in configs)), log=True
    )
    settings["batch"] = trial.suggest_categorical("batch", sorted({*BATCHES, *(config.batch for config in configs)}))
    settings["contrast"] = trial.suggest_float(
        "contrast", *_widened(CONTRASTS, *(_contrast(config) for config in configs))
    )
    return {name: _rounded(value) for name, value in settings.items()}


def recipe_with(recipe: Recipe, settings: dict[str, Any]) -> Recipe:
    """Return the recipe with a trial's settings; with "method" alone, the defaults of that."""
    method: Method = settings["method"]
    changes = {name: value for name, value in settings.items() if name != "method"}
    if not changes:
        return recipe.model_copy(update={"method": method})
    tuning: FineTuneConfig = recipe.tuning(method).model_copy(update=changes)
    return recipe.model_copy(update={"method": method, method: tuning})


@dataclass(slots=True)
class Trials:
    """The study in a file, and what each of its trials needs."""

    training_set: TrainingSet
    recipe: Recipe
    base: Path
    folds: Folds
    methods: tuple[Method, ...]
    work: Path
    study: optuna.Study
    on_progress: OnProgress

    def run(self) -> None:
        """Run the next trial, and keep in the study what came of it. Whatever `on_progress` raises comes through."""
        trial = self.study.ask()
        settings = suggest_settings(trial, self.recipe, self.methods)
        trial.set_user_attr("settings", settings)
        try:
            score = self._score(trial, settings)
        except optuna.TrialPruned:
            self.study.tell(trial, state=TrialState.PRUNED)
        except ModelingError:
            self.study.tell(trial, state=TrialState.FAIL)
            if settings == self.first:  # then it is no matter of settings
                raise
        else:
            self.study.tell(trial, score)
        self._remove_vectors()

    @property
    def first(self) -> dict[str, Any]:
        """The settings that are tried first: the recipe's own."""
        return recipe_settings(self.recipe, self.methods[0])

    def complete(self) -> list[FrozenTrial]:
        """Return the trials with a score, the best first."""
        trials = self.study.get_trials(states=(TrialState.COMPLETE,))
        return sorted(trials, key=lambda trial: -(trial.value or 0.0))

    def ended(self) -> int:
        """Return how many trials came to a score or were pruned."""
        return len(self.study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED)))

    def candidate(self, settings: dict[str, Any]) -> Candidate:
        """Return the predictions of settings on all folds, from the disk where they were tried already."""
        return self._cross_validation(settings).run(settings["method"], len(self.folds))

    def _score(self, trial: Trial, settings: dict[str, Any]) -> float:
        cross_validation, score = self._cross_validation(settings), 0.0
        for fold in range(len(self.folds)):
            candidate = cross_validation.run(settings["method"], fold + 1)
            score = macro_f1(candidate.probabilities, candidate.targets[candidate.rows])
            trial.report(score, fold)
            if fold + 1 < len(self.folds) and trial.should_prune():
                raise optuna.TrialPruned
        return score

    def _cross_validation(self, settings: dict[str, Any]) -> CrossValidation:
        folder = self._folder(settings)
        folder.mkdir(parents=True, exist_ok=True)
        recipe = recipe_with(self.recipe, settings)
        return CrossValidation(self.training_set, recipe, self.base, self.folds, folder, self.on_progress)

    def _remove_vectors(self) -> None:
        """Keep the vectors of the first and of the best settings only: they are large."""
        kept = [self.first, *(trial.user_attrs["settings"] for trial in self.complete()[:1])]
        for folder in set(self.work.glob("trial-*")) - {self._folder(settings) for settings in kept}:
            shutil.rmtree(folder, ignore_errors=True)

    def _folder(self, settings: dict[str, Any]) -> Path:
        return self.work / f"trial-{meta_hash(settings)}"


def open_study(file: Path, name: str, seed: int, first: Sequence[dict[str, Any]]) -> optuna.Study:
    """Return the study `name` in an SQLite file; a new one tries the settings in `first` before any other.

    A trial that a kill cut off is tried again, and goes on from its folds and checkpoints.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(f"sqlite:///{file}", engine_kwargs={"connect_args": {"timeout": 30}})
    pruner = optuna.pruners.MedianPruner(n_startup_trials=FIRST_GUESSES)
    study = optuna.create_study(
        storage=storage, study_name=name, direction="maximize", pruner=pruner, load_if_exists=True
    )
    before = study.trials
    # As many proposals were drawn before: the same seed again would propose them once more.
    study.sampler = optuna.samplers.TPESampler(n_startup_trials=FIRST_GUESSES, seed=seed + len(before))
    for settings in first if not before else ():
        study.enqueue_trial(_parameters(settings))
    for trial in before:
        if trial.state is TrialState.RUNNING:
            study.enqueue_trial(trial.params)
            study.tell(trial.number, state=TrialState.FAIL)
    return study


def _parameters(settings: dict[str, Any]) -> dict[str, Any]:
    """As the study calls them: each method has a learning rate of its own."""
    rate = {f"{settings['method']}_learning_rate": settings["learning_rate"]}
    return {**{name: value for name, value in settings.items() if name != "learning_rate"}, **rate}


def _contrast(tuning: FineTuneConfig) -> float:
    return CONTRAST if tuning.contrast is None else tuning.contrast


def _widened(bounds: tuple[Any, Any], *values: Any) -> tuple[Any, Any]:
    return min(*bounds, *values), max(*bounds, *values)


def _rounded(value: Any) -> Any:
    """Figures that a person would write down."""
    return float(f"{value:.3g}") if isinstance(value, float) else value
