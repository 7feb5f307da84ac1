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
from modeling.training.recipe import Method, Recipe, Tuning
from modeling.types import Folds

FIRST_GUESSES = 4  # trials before the estimator and the pruner have something to go by
RATES: dict[Method, tuple[float, float]] = {"full": (5e-5, 1.5e-3), "lora": (2e-4, 4e-3)}
RANKS, BATCHES = (4, 8, 16, 32, 64), (16, 32, 64)
EPOCHS, CONTRASTS = (1.0, 15.0), (0.0, 0.9)
METHODS: tuple[Method, ...] = ("full", "lora")


def usual(recipe: Recipe, method: Method) -> dict[str, Any]:
    """Return what the recipe says, as a trial's settings."""
    tuning = recipe.tuning(method)
    found: dict[str, Any] = {"method": method, "learning_rate": tuning.learning_rate}
    if method == "lora":
        found["rank"] = tuning.rank
    return {**found, "epochs": tuning.epochs, "batch": tuning.batch, "contrast": _contrast(tuning)}


def proposed(trial: Trial, recipe: Recipe, ways: Sequence[Method]) -> dict[str, Any]:
    """Ask the study for the next settings: method, learning_rate, rank, epochs, batch, contrast.

    What the recipe says is always within the bounds.
    """
    own = [recipe.tuning(way) for way in ways]
    method: Method = trial.suggest_categorical("method", ways)  # pyright: ignore[reportAssignmentType]
    found: dict[str, Any] = {
        "method": method,
        "learning_rate": trial.suggest_float(
            f"{method}_learning_rate", *_with(RATES[method], recipe.tuning(method).learning_rate), log=True
        ),
    }
    if method == "lora":
        found["rank"] = trial.suggest_categorical("rank", sorted({*RANKS, recipe.lora.rank}))
    found["epochs"] = trial.suggest_float("epochs", *_with(EPOCHS, *(each.epochs for each in own)), log=True)
    found["batch"] = trial.suggest_categorical("batch", sorted({*BATCHES, *(each.batch for each in own)}))
    found["contrast"] = trial.suggest_float("contrast", *_with(CONTRASTS, *(_contrast(each) for each in own)))
    return {name: _short(value) for name, value in found.items()}


def recipe_with(recipe: Recipe, settings: dict[str, Any]) -> Recipe:
    """Return the recipe with a trial's settings; with "method" alone, the defaults of that."""
    method: Method = settings["method"]
    own = {name: value for name, value in settings.items() if name != "method"}
    if not own:
        return recipe.model_copy(update={"method": method})
    tuning: Tuning = recipe.tuning(method).model_copy(update=own)
    return recipe.model_copy(update={"method": method, method: tuning})


@dataclass(slots=True)
class Trials:
    """The study in a file, and what each of its trials needs."""

    material: TrainingSet
    recipe: Recipe
    base: Path
    parts: Folds
    ways: tuple[Method, ...]
    work: Path
    study: optuna.Study
    on_progress: OnProgress

    def run(self) -> None:
        """Run the next trial, and keep in the study what came of it. Whatever `on_progress` raises comes through."""
        trial = self.study.ask()
        settings = proposed(trial, self.recipe, self.ways)
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
        self._tidy()

    @property
    def first(self) -> dict[str, Any]:
        """The settings that are tried first: the recipe's own."""
        return usual(self.recipe, self.ways[0])

    def complete(self) -> list[FrozenTrial]:
        """Return the trials with a score, the best first."""
        found = self.study.get_trials(states=(TrialState.COMPLETE,))
        return sorted(found, key=lambda trial: -(trial.value or 0.0))

    def ended(self) -> int:
        """Return how many trials came to a score or were pruned."""
        return len(self.study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED)))

    def candidate(self, settings: dict[str, Any]) -> Candidate:
        """Return the predictions of settings on all folds, from the disk where they were tried already."""
        return self._race(settings).run(settings["method"], len(self.parts))

    def _score(self, trial: Trial, settings: dict[str, Any]) -> float:
        race, score = self._race(settings), 0.0
        for fold in range(len(self.parts)):
            found = race.run(settings["method"], fold + 1)
            score = macro_f1(found.probabilities, found.targets[found.rows])
            trial.report(score, fold)
            if fold + 1 < len(self.parts) and trial.should_prune():
                raise optuna.TrialPruned
        return score

    def _race(self, settings: dict[str, Any]) -> CrossValidation:
        folder = self._folder(settings)
        folder.mkdir(parents=True, exist_ok=True)
        recipe = recipe_with(self.recipe, settings)
        return CrossValidation(self.material, recipe, self.base, self.parts, folder, self.on_progress)

    def _tidy(self) -> None:
        """Keep the vectors of the first and of the best settings only: they are large."""
        kept = [self.first, *(trial.user_attrs["settings"] for trial in self.complete()[:1])]
        for folder in set(self.work.glob("trial-*")) - {self._folder(settings) for settings in kept}:
            shutil.rmtree(folder, ignore_errors=True)

    def _folder(self, settings: dict[str, Any]) -> Path:
        return self.work / f"trial-{meta_hash(settings)}"


def opened(file: Path, name: str, seed: int, first: Sequence[dict[str, Any]]) -> optuna.Study:
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


def _contrast(tuning: Tuning) -> float:
    return CONTRAST if tuning.contrast is None else tuning.contrast


def _with(bounds: tuple[Any, Any], *values: Any) -> tuple[Any, Any]:
    return min(*bounds, *values), max(*bounds, *values)


def _short(value: Any) -> Any:
    """Figures that a person would write down."""
    return float(f"{value:.3g}") if isinstance(value, float) else value
