"""Backbones that are built from texts: GRU, LSTM and static embeddings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modeling.backbones import backbone as backbones
from modeling.backbones import build, resolve, word_vectors
from modeling.backbones.backbone import Backbone
from modeling.backbones.token_lengths import token_lengths
from modeling.data.train_test import read_inputs
from modeling.errors import ModelingError
from modeling.progress import JsonLines, Reporter
from modeling.training import adapters
from modeling.training import recipe as recipes
from modeling.training.recipe import FineTuneConfig, Recipe
from modeling.training.train import train
from tests.fakes import tiny
from tests.fakes.messages import messages

CHINESE = ["请问怎么退款", "退款还没有到", "明天三点开会", "开会改到下午"]
TEXTS = [text for text, _ in messages()] + CHINESE
STRANGE = ["", "zzz qqq", "谢谢", "thanks", "thanks a lot for your help " * 3000]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return backbones.load(str(tiny.bert(tmp_path_factory.mktemp("tiny"))))


@pytest.fixture(scope="module", params=["static", "gru", "lstm"])
def built(request: pytest.FixtureRequest, source: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    name = str(request.param)
    folder = tmp_path_factory.mktemp(name) / "base"
    return backbones.load(str(build.build(name, TEXTS, folder, source=source, hidden=16)))


def test_vectors_have_length_one_alone_and_in_a_batch(built: Backbone) -> None:
    texts = [*TEXTS[:20], *STRANGE[1:]]
    vectors = built.encode(texts)
    assert vectors.shape == (len(texts), built.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    alone = np.concatenate([built.encode([text]) for text in texts])
    assert np.abs(vectors - alone).max() < 1e-4
    assert np.isfinite(built.encode([""])).all()


def test_it_is_saved_loaded_and_served_as_it_was(built: Backbone, tmp_path: Path) -> None:
    built.save(tmp_path / "again")
    again = backbones.load(str(tmp_path / "again"), as_saved=True)
    resolve.check(str(tmp_path / "again"))
    assert again.fingerprint == built.fingerprint
    assert np.allclose(again.for_reading().encode(TEXTS[:9]), built.encode(TEXTS[:9]), atol=1e-5)
    assert not [path for path in (tmp_path / "again").rglob("*") if path.suffix in {".bin", ".pt", ".pkl"}]


def test_lengths_are_counted_before_anything_is_cut(built: Backbone) -> None:
    lengths = token_lengths(built, STRANGE[1:])
    assert lengths.most >= 18_000
    assert lengths.limit < 1000
    assert lengths.cut == 0.25


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_a_recurrent_backbone_tells_chinese_texts_apart_and_follows_its_seed(name: str, tmp_path: Path) -> None:
    one, same, other = (
        backbones.load(str(build.build(name, TEXTS, tmp_path / place, seed=seed, hidden=16)))
        for place, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    vectors = one.encode(CHINESE)
    assert np.array_equal(vectors, same.encode(CHINESE))
    assert not np.array_equal(vectors, other.encode(CHINESE))
    assert np.linalg.matrix_rank(vectors) == len(CHINESE)


def test_static_vectors_are_the_mean_of_token_vectors(source: Backbone, tmp_path: Path) -> None:
    static = backbones.load(str(build.build("static", TEXTS, tmp_path / "s", source=source, hidden=16)))
    tokens = static.model.tokenizer.encode(TEXTS[0], add_special_tokens=False).ids
    table: Any = static.model[0]
    mean: Any = table.embedding.weight[tokens].mean(0).detach().numpy()
    assert np.allclose(static.encode([TEXTS[0]])[0, :16], mean / np.linalg.norm(mean), atol=1e-5)


@pytest.mark.parametrize("header", ["", "3 2\n"])
def test_word_vectors_are_read_with_and_without_a_first_line(header: str, tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text(f"{header}the 1 0\nPage 0 2\n谢 3 3\n", "utf-8")
    found = word_vectors.read(file, TEXTS)
    assert found.table.shape == (5, 2)
    known = found.tokenizer.encode("The page 谢").ids
    assert known == [2, 3, 4]
    assert np.allclose(found.table[2:] / found.table[2, 0], [[1, 0], [0, 2], [3, 3]])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"the 1 0\npage 1\n", "Line 2"),
        (b"the 1 0\npage 1 x\n", "Line 2"),
        (b"the 1 nan\n", "Line 1"),
        (b"", "no word vectors"),
        (b"5 300\n", "no word vectors"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_wrong_file_of_word_vectors_gets_a_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    file.write_bytes(content)
    with pytest.raises(ModelingError, match=sentence):
        word_vectors.read(file, TEXTS)
    with pytest.raises(ModelingError, match="check the path"):
        word_vectors.read(tmp_path / "nowhere.txt", TEXTS)


@pytest.mark.parametrize("kind", ["modeling.recurrent.Other", "modeling.os.system", "evil.Reader"])
def test_a_folder_that_names_other_classes_is_refused(kind: str, tmp_path: Path) -> None:
    folder = build.build("gru", TEXTS, tmp_path / "gru", hidden=16)
    entries = json.loads((folder / "modules.json").read_text("utf-8"))
    entries[0]["type"] = kind
    (folder / "modules.json").write_text(json.dumps(entries), "utf-8")
    with pytest.raises(ModelingError, match="backbone"):
        backbones.load(str(folder))


@pytest.mark.parametrize("name", ["static", "gru", "lstm"])
def test_a_family_without_texts_gets_a_sentence(name: str) -> None:
    with pytest.raises(ModelingError, match="own texts"):
        backbones.load(name)


def test_a_recurrent_backbone_is_trained_without_a_teacher(files: tuple[Path, Path], tmp_path: Path) -> None:
    brisk = FineTuneConfig(learning_rate=5e-3, epochs=6, batch=32)
    recipe = Recipe(method="full", backbone="gru", folds=2, full=brisk)
    with Reporter(JsonLines()) as reporter:
        done = train(read_inputs(*files), recipe, tmp_path / "out", "", reporter)
    assert done.method == "full"
    assert done.accuracy > 0.9
    fits = adapters.fitting(("full", "lora", "qlora"), backbones.load(f"{done.bundle}/backbone"))
    assert fits == ("full",)  # so that auto does not race what cannot run
    with pytest.raises(ModelingError, match="--method full"):
        recipes.for_built_backbone(Recipe(method="lora", backbone="gru"))
