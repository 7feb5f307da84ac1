"""The peers of `learning`, as their own documentation uses them, on the same packaged MiniLM.

    python -m tests.benchmarks.learning_peers tf-idf|minilm|model2vec|setfit TRAIN TEST SEED

Prints a JSON line with accuracy and macro-F1. SetFit and Model2Vec come with `backchannel[bench]`.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline

from modeling.backbones import resolve
from modeling.data.examples import Examples, read

STEPS = 1000


def tf_idf(train: Examples, texts: Sequence[str], seed: int) -> Sequence[str]:
    """Words and pairs of words."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model: Any = make_pipeline(words, LogisticRegression(C=100, max_iter=2000, random_state=seed))
    return model.fit(train.texts, train.labels).predict(texts)


def minilm(train: Examples, texts: Sequence[str], seed: int) -> Sequence[str]:
    """Frozen vectors; C as LEARNING's peer has it: 100 for few examples, 10 for many."""
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(resolve.resolve("minilm")))
    vectors, others = (encoder.encode(list(each), show_progress_bar=False) for each in (train.texts, texts))
    strength = 100 if len(train) < 3000 else 10
    return LogisticRegression(C=strength, max_iter=2000, random_state=seed).fit(vectors, train.labels).predict(others)


def model2vec(train: Examples, texts: Sequence[str], seed: int) -> Sequence[str]:
    """Static vectors distilled from MiniLM, then its classifier; nothing but defaults."""
    from model2vec.distill import distill_from_model
    from model2vec.train import StaticModelForClassification
    from transformers import AutoModel, AutoTokenizer

    folder = str(resolve.resolve("minilm"))
    static = distill_from_model(AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder))
    model: Any = StaticModelForClassification.from_static_model(model=static)
    model.fit(list(train.texts), list(train.labels), random_seed=seed)
    return list(model.predict(list(texts)))


def setfit(train: Examples, texts: Sequence[str], seed: int) -> Sequence[str]:
    """Defaults, which read all pairs of messages once, but no more steps than the limit."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments
    from setfit.sampler import ContrastiveDataset

    pairs = len(ContrastiveDataset(list(train.texts), list(train.labels), multilabel=False))
    steps = min(STEPS, math.ceil(pairs / TrainingArguments().embedding_batch_size))
    model: Any = SetFitModel.from_pretrained(str(resolve.resolve("minilm")))
    data = Dataset.from_dict({"text": list(train.texts), "label": list(train.labels)})
    with tempfile.TemporaryDirectory() as folder:
        arguments: Any = TrainingArguments(
            output_dir=folder, max_steps=steps, seed=seed, save_strategy="no", report_to="none", show_progress_bar=False
        )
        Trainer(model=model, args=arguments, train_dataset=data).train()
    return [str(label) for label in model.predict(list(texts), show_progress_bar=False)]


PEERS: dict[str, Callable[[Examples, Sequence[str], int], Sequence[str]]] = {
    "tf-idf": tf_idf,
    "minilm": minilm,
    "model2vec": model2vec,
    "setfit": setfit,
}


def main() -> None:
    name, train, test, seed = sys.argv[1:]
    examples = read(Path(test))
    said = list(PEERS[name](read(Path(train)), examples.texts, int(seed)))
    accuracy, macro = accuracy_score(examples.labels, said), f1_score(examples.labels, said, average="macro")
    print(json.dumps({"accuracy": float(accuracy), "macro_f1": float(macro)}), flush=True)


if __name__ == "__main__":
    main()
