"""Choosing the backbone to begin with: installed ones compare by what a frozen head makes of the training messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from modeling.backbones import backbone as backbones
from modeling.backbones.backbone import Backbone, encode_with_progress
from modeling.backbones.token_lengths import token_lengths
from modeling.classifier import head
from modeling.classifier.head import Head
from modeling.classifier.out_of_scope import LANDMARKS
from modeling.data.train_test import Inputs
from modeling.events import TokenLengths
from modeling.progress import Reporter
from modeling.sentences.catalogue import Sentence, sentence
from modeling.training import adapters
from modeling.training.cross_validation import Candidate, TrainingSet, frozen_candidate, make_folds
from modeling.training.recipe import Method, Recipe

FEWEST = 20  # messages; fewer tell no backbone from another, and the first one is taken


@dataclass(frozen=True, slots=True)
class Base:
    """A backbone in the folder `folder` that was not tuned, the training messages as it reads them, and its own head.

    The backbone itself is let go of, for tuning another one needs the memory. `methods` are the recipe's that fit it,
    `tokens` those of the messages; `out_of_fold` is None where nothing was compared.
    """

    name: str
    folder: Path
    fingerprint: str
    is_transformer: bool
    methods: tuple[Method, ...]
    tokens: TokenLengths
    training_set: TrainingSet
    frozen: Head
    out_of_fold: Candidate | None = None

    def load(self) -> Backbone:
        """Load it again."""
        return backbones.load(str(self.folder))

    @property
    def macro_f1(self) -> float:
        """Macro-F1 out of fold."""
        return self.out_of_fold.summary()["macro_f1"] if self.out_of_fold else 0.0


def read_base(name: str, folder: Path, inputs: Inputs, recipe: Recipe, reporter: Reporter) -> Base:
    """Load a backbone, encode the training messages and fit the frozen head."""
    backbone = backbones.load(str(folder))
    reporter.stage("encoding", 0.08)
    train = inputs.train
    vectors = encode_with_progress(backbone, train.texts, reporter)
    descriptions = backbone.encode(inputs.descriptions)
    training_set = TrainingSet(train.texts, inputs.targets(train), inputs.descriptions, vectors, descriptions)
    reporter.stage("head", 0.12)
    frozen = head.fit(vectors, training_set.targets, inputs.labels, descriptions, landmarks=LANDMARKS, seed=recipe.seed)
    return Base(
        name,
        folder,
        backbone.fingerprint,
        adapters.is_transformer(backbone),
        adapters.fitting(recipe.candidates, backbone) or ("full",),
        token_lengths(backbone, train.texts),
        training_set,
        frozen,
    )


def best_base(bases: Sequence[Base], recipe: Recipe) -> tuple[Base, list[Base]]:
    """Return the base whose frozen head knows messages best that it did not learn from, and all with their figures.

    The first one wins where two are alike, and where there are too few messages to tell.
    """
    if len(bases) == 1 or len(bases[0].training_set.texts) < FEWEST:
        return bases[0], []
    folds = make_folds(bases[0].training_set, recipe)  # by the texts alone: the same for all
    compared = [replace(base, out_of_fold=frozen_candidate(base.training_set, folds, base.frozen.c)) for base in bases]
    return max(compared, key=lambda base: base.macro_f1), compared


def explain_base(best: Base, compared: Sequence[Base]) -> Sentence | None:
    """Return which base was taken and how the others did; None where nothing was compared."""
    if not compared:
        return None
    others = [f"{base.name} {base.macro_f1:.3f}" for base in compared if base is not best]
    return sentence("base_chosen", name=best.name, macro_f1=best.macro_f1, others=others)
