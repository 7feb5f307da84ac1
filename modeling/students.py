"""Backbones built from texts instead of loaded: gru and lstm over word vectors, static out of a transformer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from modeling import backbone as backbones
from modeling import sources, words
from modeling.backbone import Backbone
from modeling.errors import ModelingError
from modeling.imitation import Pace
from modeling.reading import Reading
from modeling.recipe import Recipe, Tuning

STATIC = "static"
LARGEST_SOURCE = 150_000_000  # parameters; reading every token alone with more would take too long
WIDTH = 128  # of word vectors
HIDDEN = 128  # of a GRU or LSTM in each direction
FORMAT = 1  # of how they are built; another one makes another order of a run

# First guesses that did well; not searched.
PACES = {
    STATIC: Pace(learning_rate=1e-2, epochs=20, batch=128),
    "gru": Pace(learning_rate=2e-3, epochs=20, batch=64),
    "lstm": Pace(learning_rate=2e-3, epochs=20, batch=64),
}
TRANSFORMER = Pace(learning_rate=2e-4, epochs=5, batch=32)
TUNING = {
    STATIC: Tuning(learning_rate=1e-2, epochs=20, batch=128, most_steps=3000),
    "gru": Tuning(learning_rate=2e-3, epochs=20, batch=64, most_steps=4000),
    "lstm": Tuning(learning_rate=2e-3, epochs=20, batch=64, most_steps=4000),
}


def is_built(name: str) -> bool:
    """Say whether a name means a backbone that has to be built from texts; a folder of that name comes first."""
    return name in sources.BUILT and not Path(name).is_dir()


def build(
    name: str,
    texts: Sequence[str],
    folder: Path,
    *,
    seed: int = 0,
    source: Backbone | None = None,
    hidden: int | None = None,
    word_vectors: Path | None = None,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Path:
    """Build "static", "gru" or "lstm" from texts into `folder`, if it is not there yet, and return the folder.

    `source` is the transformer that static embeddings are made out of, by default the packaged one; `hidden` is the
    width of static vectors or of a cell; `word_vectors` a file of word2vec or GloVe, else trained on the texts.
    """
    if (folder / "modules.json").is_file():
        return folder
    from sentence_transformers import SentenceTransformer

    if name == STATIC:
        from modeling import static

        source = source or backbones.load("")
        module, help_there = static.out_of(source, texts, hidden or static.WIDTH, on_progress), source.reading
    else:
        from modeling import recurrent

        known = words.read(word_vectors, texts) if word_vectors else words.learn(texts, WIDTH, seed)
        module = recurrent.over(known, "gru" if name == "gru" else "lstm", hidden or HIDDEN, seed)
        help_there = Reading()
    draft = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    Backbone(SentenceTransformer(modules=[module]), name, None, help_there).save(draft)
    draft.replace(folder)
    return folder


def source_of_static(backbone: Backbone) -> Backbone:
    """Return the transformer that static embeddings are made out of: a teacher's own, which knows what it teaches.

    The packaged one where the teacher's is too large, or no transformer with a fast tokeniser.
    """
    fits = hasattr(backbone.model.tokenizer, "backend_tokenizer") and parameters(backbone) <= LARGEST_SOURCE
    return backbone if fits else backbones.load("")


def parameters(backbone: Backbone) -> int:
    """Count the numbers that a backbone is made of."""
    return sum(value.numel() for value in backbone.model.parameters())


def settled(recipe: Recipe) -> Recipe:
    """Return the recipe with what suits a backbone that is built, where it says nothing else.

    Raises ModelingError for methods that need a transformer.
    """
    if not is_built(recipe.backbone):
        return recipe
    if recipe.method not in ("auto", "frozen", "full"):
        raise ModelingError(f"The method {recipe.method} needs a transformer: use --method full for {recipe.backbone}.")
    if "full" in recipe.model_fields_set:
        return recipe
    return recipe.model_copy(update={"full": TUNING[recipe.backbone]})


def pace(name: str, alpha: float, temperature: float) -> Pace:
    """Return how a student of this name learns; at `alpha` 0 without its teacher.

    Raises ModelingError for weights that mean nothing.
    """
    if not 0 <= alpha <= 1:
        raise ModelingError(f"--alpha is {alpha}, but a weight between 0 and 1 is needed: try 0.6.")
    if not 0 < temperature <= 100:
        raise ModelingError(f"--temperature is {temperature}, but it has to be above 0 and at most 100: try 2.")
    usual = PACES[name] if is_built(name) else TRANSFORMER
    # Labels alone: then the teacher's vectors teach nothing either.
    return replace(usual, alpha=alpha, temperature=temperature, hidden=usual.hidden if alpha else 0.0)
