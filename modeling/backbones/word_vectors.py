"""Words and their vectors: a tokeniser for words in any script, skip-gram on a chat's own text, vectors from a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from modeling.errors import ModelingError

PADDING, UNKNOWN = "[PAD]", "[UNK]"  # rows 0 and 1 of every table
MOST = 30_000  # words from the texts
MOST_FROM_FILE = 50_000  # words of a file, which has the most frequent first
WINDOW, NEGATIVE = 5, 10
TRAINED_ON = 1_500_000  # words that skip-gram passes over, at least two and at most thirty times the same ones


@dataclass(frozen=True, slots=True)
class Words:
    """A tokeniser and a table float32 [v, w]: row 0 is padding, row 1 stands for every word that it does not know."""

    tokenizer: Tokenizer
    table: NDArray[np.float32]


def learn(texts: Sequence[str], width: int, seed: int) -> Words:
    """Train word vectors on texts by skip-gram with negative sampling (Mikolov et al. 2013); deterministic by seed."""
    from gensim.models import Word2Vec

    sentences = _words_of(texts)
    counts = Counter(word for words in sentences for word in words)
    least = 2 if len(texts) > 200 else 1  # a word seen once has no vector worth the name, unless most are
    vocabulary = [word for word, count in counts.most_common(MOST) if count >= least]
    rounds = int(np.clip(TRAINED_ON // max(1, counts.total()), 2, 30))
    model = Word2Vec(
        sentences,
        vector_size=width,
        window=WINDOW,
        negative=NEGATIVE,
        sg=1,
        min_count=1,  # rare words are context for others, too; the vocabulary above leaves them out of the table
        epochs=rounds,
        seed=seed,
        workers=1,  # with more threads the vectors would depend on their timing
    )
    return _table(vocabulary, np.stack([model.wv[word] for word in vocabulary]) if vocabulary else np.zeros((0, width)))


def read(path: Path, texts: Sequence[str]) -> Words:
    """Read word vectors from a text file of word2vec (first line: count and width) or GloVe (no such line).

    Kept are the first words and all that the texts have. Raises ModelingError that names the line that is wrong.
    """
    wanted = {word for words in _words_of(texts) for word in words}
    vectors: dict[str, NDArray[np.float32]] = {}
    width = 0
    try:
        with path.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                parts = line.rstrip().split(" ")
                if number == 1 and len(parts) == 2:
                    continue
                width = width or len(parts) - 1
                word = parts[0].lower()
                if len(parts) != width + 1 or width < 2:
                    raise ModelingError("word_vectors_wrong_width", line=number, path=path, width=width)
                if word not in vectors and (len(vectors) < MOST_FROM_FILE or word in wanted):
                    vectors[word] = _numbers(parts[1:], number, path)
    except UnicodeDecodeError:
        raise ModelingError("word_vectors_not_text", path=path) from None
    except OSError as error:
        raise ModelingError("file_not_read", path=path, reason=error.strerror or str(error)) from None
    if not vectors:
        raise ModelingError("word_vectors_none", path=path)
    return _table(list(vectors), np.stack(list(vectors.values())))


def _numbers(parts: list[str], number: int, path: Path) -> NDArray[np.float32]:
    try:
        numbers = np.array(parts, np.float32)
    except ValueError:
        numbers = np.array([np.nan], np.float32)
    if not np.isfinite(numbers).all():
        raise ModelingError("word_vectors_not_numbers", line=number, path=path)
    return numbers


def _words_of(texts: Sequence[str]) -> list[list[str]]:
    """Split texts into words in small letters; each Han character and each mark is a word of its own."""
    splitter, normal = BertPreTokenizer(), BertNormalizer(lowercase=True, strip_accents=False)
    return [[word for word, _ in splitter.pre_tokenize_str(normal.normalize_str(text))] for text in texts]


def _table(vocabulary: list[str], vectors: NDArray[np.floating]) -> Words:
    """Scale vectors to a mean length of one; the unknown word is the mean of the rarest known ones."""
    vectors = vectors.astype(np.float32)
    vectors /= max(float(np.linalg.norm(vectors, axis=1).mean()) if len(vectors) else 1.0, 1e-6)
    unknown = vectors[-(len(vectors) // 4 + 1) :].mean(0) if len(vectors) else np.zeros(vectors.shape[1], np.float32)
    names = {PADDING: 0, UNKNOWN: 1}
    for word in vocabulary:
        names.setdefault(word, len(names))
    tokenizer = Tokenizer(WordLevel(names, unk_token=UNKNOWN))
    tokenizer.normalizer = BertNormalizer(lowercase=True, strip_accents=False)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return Words(tokenizer, np.concatenate([np.zeros_like(unknown)[None], unknown[None], vectors]))
