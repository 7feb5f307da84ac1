"""Backbones built from texts instead of loaded: gru and lstm over word vectors, static out of a transformer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from modeling.atomic_files import written_atomically
from modeling.backbones import backbone as backbones
from modeling.backbones import resolve
from modeling.backbones import word_vectors as vectors_of_words
from modeling.backbones.backbone import Backbone
from modeling.text.script_reading import Reading

STATIC = "static"
LARGEST_SOURCE = 150_000_000  # parameters; reading every token alone with more would take too long
WIDTH = 128  # of word vectors
HIDDEN = 128  # of a GRU or LSTM in each direction
FORMAT = 2  # of how they are built; another one makes another order of a run


def is_built(name: str) -> bool:
    """Say whether a name means a backbone that has to be built from texts; a folder of that name comes first."""
    return name in resolve.BUILT and not Path(name).is_dir()


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

    Labels' names belong to the texts, for they are read too. `source` is the transformer that static embeddings are
    made out of, by default the packaged one; `hidden` is the width of static vectors or of a cell; `word_vectors` a
    file of word2vec or GloVe, else trained on the texts.
    """
    if (folder / "modules.json").is_file():
        return folder
    from sentence_transformers import SentenceTransformer

    if name == STATIC:
        from modeling.backbones import static

        source = source or backbones.load("")
        module, reading = static.out_of(source, texts, hidden or static.WIDTH, on_progress), source.reading
    else:
        from modeling.backbones import recurrent

        words = (
            vectors_of_words.read(word_vectors, texts) if word_vectors else vectors_of_words.learn(texts, WIDTH, seed)
        )
        module = recurrent.over(words, "gru" if name == "gru" else "lstm", hidden or HIDDEN, seed)
        reading = Reading()
    with written_atomically(folder) as draft:
        Backbone(SentenceTransformer(modules=[module]), name, None, reading).save(draft)
    return folder


def source_of_static(backbone: Backbone) -> Backbone:
    """Return the transformer that static embeddings are made out of: a teacher's own, which knows what it teaches.

    The packaged one where the teacher's is too large, or no transformer with a fast tokeniser.
    """
    fits = hasattr(backbone.model.tokenizer, "backend_tokenizer") and backbone.parameters <= LARGEST_SOURCE
    return backbone if fits else backbones.load("")
