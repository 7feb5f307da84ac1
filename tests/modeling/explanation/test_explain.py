from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import InputModule
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer
from typer.testing import CliRunner

from modeling.backbones.backbone import Backbone
from modeling.classifier import bundle as bundles
from modeling.classifier import head
from modeling.classifier.bundle import Bundle
from modeling.cli.app import app
from modeling.data.examples import Examples
from modeling.errors import ModelingError
from modeling.explanation import attribution
from modeling.explanation.attribution import Attribution, attribute, without, words
from modeling.explanation.explain import explain
from modeling.reporting import explanation_plot, explanation_report
from modeling.text.chinese_dictionary import Glossary
from modeling.text.script_reading import Reading
from tests.fakes.dictionary import small_dictionary
from tests.fakes.messages import KINDS, messages, write_csv

CRASH = "Hello everybody, the page crashes when I open my settings 😀"


class Letters(InputModule):
    """A backbone of no family: how often a text has each letter."""

    def preprocess(self, inputs: Any, prompt: str | None = None, **_: Any) -> dict[str, torch.Tensor]:
        rows = [[text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in inputs]
        return {"counts": torch.tensor(rows, dtype=torch.float32)}

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**features, "sentence_embedding": features["counts"] + 0.1}

    def get_embedding_dimension(self) -> int:
        return 26

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, model_name_or_path: str, *_: Any, **__: Any) -> Letters:
        raise NotImplementedError

    @property
    def tokenizer(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return SimpleNamespace()


class Mean(StaticEmbedding):
    max_seq_length = 256  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]


def trained(backbone: Backbone) -> Bundle:
    rows, labels = messages(("please", "hey,")), list(KINDS)
    targets = np.array([labels.index(kind) for _, kind in rows])
    described = backbone.encode([label.replace("_", " ") for label in labels])
    return Bundle(backbone, head.fit(backbone.encode([text for text, _ in rows]), targets, labels, described))


def margin(bundle: Bundle, text: str, label: str, other: str) -> float:
    first, second = bundle.head.labels.index(label), bundle.head.labels.index(other)
    probabilities = bundle.classify([text])[0].astype(np.float64)
    return float(np.log(probabilities[first] / probabilities[second]))


def weighed(found: Attribution) -> dict[str, float]:
    return {word.text: float(weight) for word, weight in zip(found.words, found.weights, strict=True)}


@pytest.fixture(scope="module")
def bundle(minilm: Backbone) -> Bundle:
    return trained(minilm)


@pytest.fixture(scope="module")
def saved(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained") / "bundle"
    bundle.save(folder)
    return folder


@pytest.fixture(scope="module")
def static(minilm: Backbone) -> Backbone:
    tokenizer = Tokenizer.from_str(minilm.model.tokenizer.backend_tokenizer.to_str())
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    model = SentenceTransformer(modules=[Mean(tokenizer, embedding_dim=32)], device="cpu")
    return Backbone(model, "static", None, Reading())


def test_the_words_of_a_transformers_message_add_up_to_what_it_says_beyond_nothing(bundle: Bundle) -> None:
    found = explain(bundle, CRASH)
    assert found.label == "bug_report"
    assert found.attribution.way == "integrated_gradients"
    assert found.attribution.weights.sum() == pytest.approx(found.attribution.difference, rel=0.05)
    assert found.attribution.error < 0.05
    weights = {
        word.text: weight for word, weight in zip(found.attribution.words, found.attribution.weights, strict=True)
    }
    assert max(weights, key=lambda word: weights[word]) == "crashes"
    assert [found.text[word.start : word.end] for word in found.attribution.words] == [*CRASH.split()]


def test_the_words_of_a_static_backbone_add_up_exactly_to_the_margin_less_the_heads_bias(static: Backbone) -> None:
    bundle = trained(static)
    found = explain(bundle, CRASH.replace("😀", ""))
    label, other = (bundle.head.labels.index(name) for name in (found.label, found.runner_up.label))
    bias = float(bundle.head.bias[label] - bundle.head.bias[other]) / bundle.head.temperature
    assert found.attribution.way == "exact"
    assert found.attribution.error < 1e-6
    whole = margin(bundle, found.text, found.label, found.runner_up.label)
    assert found.attribution.weights.sum() == pytest.approx(whole - bias, abs=0.02)


def test_any_other_backbone_is_explained_by_leaving_words_out_and_its_error_is_stated() -> None:
    bundle = trained(Backbone(SentenceTransformer(modules=[Letters()], device="cpu"), "letters", None, Reading()))
    found = explain(bundle, CRASH)
    assert found.attribution.way == "occlusion"
    first = margin(bundle, found.text, found.label, found.runner_up.label)
    later = margin(bundle, " ".join(CRASH.split()[1:]), found.label, found.runner_up.label)
    assert found.attribution.weights[0] == pytest.approx(first - later, abs=1e-3)
    said = abs(float(found.attribution.weights.sum()) - found.attribution.difference)
    assert found.attribution.error == pytest.approx(said / max(abs(found.attribution.difference), attribution.LEAST))


def test_chinese_words_get_what_their_english_words_weigh(minilm: Backbone, tmp_path: Path) -> None:
    reading = Reading((), Glossary(small_dictionary(tmp_path)))
    backbone = Backbone(minilm.model, "minilm", None, reading)
    vectors = backbone.encode(["refund", "cat"])
    found = attribute(backbone, "沒有退款了 ok", vectors[0] - vectors[1])
    assert found.way == "integrated_gradients"
    weights = weighed(found)
    assert list(weights) == ["沒有", "退款", "了", "ok"]
    assert max(weights, key=lambda word: weights[word]) == "退款"
    assert weights["了"] == 0  # the dictionary says nothing for it


def test_a_message_in_a_script_that_is_only_spelled_is_occluded(bundle: Bundle) -> None:
    assert explain(bundle, "спасибо, thanks a lot").attribution.way == "occlusion"


@given(st.lists(st.sampled_from(["退款", "沒有", "了", "咪", "ok", " ", "🎉", "👍🏽", ", ", "-"]), max_size=12))
@settings(max_examples=60, deadline=None)
def test_words_are_placed_in_the_message_and_in_what_is_read(parts: list[str]) -> None:
    text = " ".join("".join(parts).split())
    reading = Reading((), Glossary(DICTIONARY))
    found, read = words(text, reading)
    assert read == reading.words(text)
    assert "".join(word.text for word in found) == text.replace(" ", "")
    assert all(text[word.start : word.end] == word.text for word in found)
    assert " ".join(read[slice(*word.read)] for word in found).split() == [
        part for word in found for part in reading.words(word.text).split()
    ]
    assert without(text, found, range(len(found))) == ""
    assert without(text, found, ()) == text


@pytest.fixture(scope="module", autouse=True)
def _dictionary(tmp_path_factory: pytest.TempPathFactory) -> None:
    global DICTIONARY
    DICTIONARY = small_dictionary(tmp_path_factory.mktemp("dictionary"))


def test_the_nearest_labelled_messages_come_first_and_the_threshold_decides_what_is_said(bundle: Bundle) -> None:
    labelled = Examples(("thanks a lot", "the app crashes on start", "see you at lunch"), ("t", "b", "m"))
    found = explain(bundle, "the app crashes", labelled)
    assert found.neighbours[0].label == "b"
    similar = [each.similarity for each in found.neighbours]
    assert similar == sorted(similar, reverse=True)
    assert found.spoken == (found.probability >= found.threshold)


def test_a_message_of_fifty_thousand_tokens_is_cut_and_that_is_said(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attribution, "STEPS", (2,))
    found = explain(bundle, "crash " * 50_000)
    assert len(found.text) <= 2000
    assert "its beginning and its end were read" in " ".join(map(str, found.notes))
    assert "beyond what the backbone reads" in " ".join(map(str, found.notes))
    assert found.attribution.weights[-1] == 0


def test_no_words_and_one_label_get_sentences(bundle: Bundle) -> None:
    with pytest.raises(ModelingError, match="without words"):
        explain(bundle, " \u200b\n")
    alone = head.guess(bundle.backbone.encode(["a bug"]), None, ["bug"])
    with pytest.raises(ModelingError, match='only the label "bug"'):
        explain(Bundle(bundle.backbone, alone), "it crashes")


def test_the_command_prints_the_event_and_draws_the_picture(saved: Path, tmp_path: Path) -> None:
    near = write_csv(tmp_path / "near.csv", messages(("please",)))
    picture = tmp_path / "p.png"
    words = ["explain", str(saved), "-", "--neighbours", str(near), "--picture", str(picture), "--language", "zh"]
    result = CliRunner().invoke(app, [*words, "--progress", "json"], input="the page crashes\nand how\n")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["event"] == "explained"
    assert found["text"] == "the page crashes and how"
    assert [word["text"] for word in found["words"]] == found["text"].split()
    assert found["neighbours"][0]["label"] == found["label"] == "bug_report"
    assert sum(word["weight"] for word in found["words"]) == pytest.approx(found["sum"], abs=0.01)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_terminal_shows_sentences_and_an_altered_bundle_gets_one(saved: Path, tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["explain", str(saved), "many thanks", "--progress", "rich"])
    assert shown.exit_code == 0, shown.output
    assert "many thanks" in shown.stdout
    assert "{" not in shown.stdout
    altered = shutil.copytree(saved, tmp_path / "altered")
    (altered / "head.safetensors").write_bytes(b"something else")
    refused = CliRunner().invoke(app, ["explain", str(altered), "many thanks", "--progress", "json"])
    assert refused.exit_code == 2
    assert "altered or damaged" in json.loads(refused.stdout.splitlines()[-1])["message"]


@pytest.mark.parametrize("progress", ["json", "rich"])
def test_where_no_picture_can_be_drawn_the_command_gives_the_words(saved: Path, tmp_path: Path, progress: str) -> None:
    words = ["explain", str(saved), "I paid $$ twice", "--picture", str(tmp_path / "no" / "p.png")]
    result = CliRunner().invoke(app, [*words, "--progress", progress])
    assert result.exit_code == 0, result.output
    assert "There is no picture" in result.stdout
    assert "I paid $$ twice" in result.stdout


def test_words_are_coloured_by_their_weight(bundle: Bundle) -> None:
    found = explain(bundle, CRASH)
    strongest = max(
        zip(found.attribution.words, found.attribution.weights, strict=True), key=lambda pair: abs(pair[1])
    )[0]
    spans = explanation_report.coloured(found).spans
    assert any((span.start, span.end) == (strongest.start, strongest.end) for span in spans)
    assert len(spans) < len(found.attribution.words)


def test_a_picture_holds_words_that_are_longer_than_a_line_and_that_no_font_has(bundle: Bundle) -> None:
    found = explain(bundle, f"{'crash' * 30} \U0001e900\U0001e901 ok")
    assert explanation_plot.png(found, "en").startswith(b"\x89PNG")
    placed = explanation_plot._placed(found, explanation_plot.fonts.find())  # pyright: ignore[reportPrivateUsage]
    pieces = list(placed)
    assert all(each.column + len(each.text) <= explanation_plot.COLUMNS for each in pieces)
    assert "[2]" in [each.text for each in pieces]


def test_bundles_on_disk_explain_as_those_in_memory(bundle: Bundle, saved: Path) -> None:
    ours, theirs = explain(bundle, CRASH), explain(bundles.load(saved), CRASH)
    assert ours.attribution.weights == pytest.approx(theirs.attribution.weights, abs=0.05)
