"""Learning from messages without labels, with backbones of two random layers."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding, Transformer
from transformers import AutoTokenizer, BertConfig, BertModel, LlamaConfig, LlamaModel, Trainer
from typer.testing import CliRunner

from modeling.backbones import resolve
from modeling.backbones.backbone import Backbone, load
from modeling.cli.app import app
from modeling.data.unlabelled import Pool, read_pool
from modeling.errors import ModelingError
from modeling.events import Pretrained
from modeling.pretraining import objectives, plan, probe
from modeling.pretraining.objectives import IGNORED, Objective
from modeling.pretraining.plan import PretrainingConfig
from modeling.pretraining.run import CURVE, PROVENANCE, pretrain
from modeling.progress import JsonLines, Reporter
from modeling.reporting import loss_plot
from tests.fakes.killed import killed_after_checkpoint
from tests.fakes.messages import messages, write_csv

WHO = ("the new intern", "our biggest customer", "somebody in finance", "a robot", "my manager", "the night shift")
WHAT = ("broke the build", "wants a refund", "asked about invoices", "found the missing keys", "shipped version nine")
WHEN = ("before breakfast", "during the stand-up", "on Friday evening", "twice last week")
TEXTS = tuple(f"{who} {what} {when}" for who in WHO for what in WHAT for when in WHEN)
SIZES = {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers with a prompt, its transformer in a folder of its own."""
    torch.manual_seed(7)
    model = BertModel(BertConfig(**SIZES, intermediate_size=64, max_position_embeddings=64))
    return saved(model, "cls", tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(7)
    model = LlamaModel(LlamaConfig(**SIZES, intermediate_size=64, max_position_embeddings=64, pad_token_id=0))
    return saved(model, "lasttoken", tmp_path_factory.mktemp("decoder"))


def saved(model: BertModel | LlamaModel, pooling: str, folder: Path) -> Path:
    model.save_pretrained(folder / "plain")
    tokenizer: Any = AutoTokenizer.from_pretrained(resolve.resolve(""))
    tokenizer.train_new_from_iterator(TEXTS, 300, show_progress=False).save_pretrained(folder / "plain")
    modules = [Transformer(str(folder / "plain"), max_seq_length=48), Pooling(32, pooling)]
    whole = SentenceTransformer(modules=modules, prompts={"sort": "sort: "}, default_prompt_name="sort")
    whole.save(str(folder / "whole"), create_model_card=False)
    return folder / "whole"


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    path = tmp_path_factory.mktemp("pool") / "texts.txt"
    path.write_text("\n".join(TEXTS), "utf-8")
    return read_pool(path)


def run(pool: Pool, base: Path, out: Path, objective: Objective, **more: Any) -> Pretrained:
    settings = replace(PretrainingConfig(objective, str(base), steps=12, batch=8, learning_rate=3e-3), **more)
    with Reporter(JsonLines()) as reporter:
        return pretrain(pool, None, settings, out, reporter)


@pytest.mark.parametrize(("objective", "family"), [("mlm", "encoder"), ("tsdae", "encoder"), ("clm", "decoder")])
def test_a_backbone_learns_and_is_saved_as_a_plain_folder_like_its_base(
    pool: Pool, tmp_path: Path, objective: Objective, family: str, request: pytest.FixtureRequest
) -> None:
    base = request.getfixturevalue(family)
    done = run(pool, base, tmp_path, objective)
    assert done.held_out_after < done.held_out_before - 0.1
    assert done.loss_last < done.loss_first
    assert done.steps == done.curve[-1][0] == 12
    before, after = load(str(base)), load(done.backbone)
    assert after.fingerprint == done.fingerprint != before.fingerprint
    assert np.abs(after.encode(["please save the file"]) - before.encode(["please save the file"])).max() > 1e-3
    assert after.model.prompts == before.model.prompts
    assert after.model.max_seq_length == before.model.max_seq_length
    assert after.model[1].get_config_dict() == before.model[1].get_config_dict()  # pyright: ignore[reportCallIssue]
    assert after.reading.fingerprint == before.reading.fingerprint
    origin = json.loads((tmp_path / "backbone" / PROVENANCE).read_text())
    assert (origin["base"], origin["objective"], origin["steps"]) == (str(base), objective, 12)
    assert origin["texts"] == {"hash": pool.hash, "messages": len(pool.texts)}
    assert (tmp_path / CURVE).read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(("objective", "family"), [("mlm", "encoder"), ("tsdae", "encoder"), ("clm", "decoder")])
def test_what_an_objective_adds_lies_where_the_backbone_is(
    objective: Objective, family: str, request: pytest.FixtureRequest
) -> None:
    base: Path = request.getfixturevalue(family)
    backbone = load(str(base))
    backbone.model.to("meta")  # a device that every machine has
    model = objectives.build(objective, backbone, base, seed=0)
    assert {value.device.type for value in (*model.parameters(), *model.buffers())} == {"meta"}


def test_a_curve_that_cannot_be_drawn_costs_the_run_nothing(
    pool: Pool, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise RuntimeError("the fonts are gone")

    monkeypatch.setattr(loss_plot, "png", fail)
    done = run(pool, encoder, tmp_path, "mlm", steps=2)
    assert "There is no picture (RuntimeError: the fonts are gone)" in " ".join(map(str, done.notes))
    assert done.curve[-1][0] == 2
    assert load(done.backbone).fingerprint == done.fingerprint


def test_a_run_that_was_cut_off_ends_with_the_weights_of_an_unbroken_one(
    pool: Pool, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(pool, encoder, tmp_path / "whole", "mlm", steps=6, checkpoint_seconds=0.0)

    class Cut(Exception):
        pass

    def cut_off(self: Reporter, share: float) -> None:
        if share > 0.6:
            raise Cut

    monkeypatch.setattr(Reporter, "step", cut_off)
    with pytest.raises(Cut):
        run(pool, encoder, tmp_path / "cut", "mlm", steps=6, checkpoint_seconds=0.0)
    assert not (tmp_path / "cut" / "backbone").exists()
    heard: list[float] = []
    monkeypatch.setattr(Reporter, "step", lambda self, share: heard.append(share))
    again = run(pool, encoder, tmp_path / "cut", "mlm", steps=6, checkpoint_seconds=0.0)
    assert min(heard) > 0.5
    assert again.fingerprint == whole.fingerprint
    assert again.curve == whole.curve


def test_the_command_goes_on_after_a_kill_and_finishes_once(encoder: Path, tmp_path: Path) -> None:
    texts, labelled = tmp_path / "texts.csv", tmp_path / "labelled.csv"
    write_csv(texts, [(text, "") for text in TEXTS])
    write_csv(labelled, messages(("please", "hey,")))
    words = [
        "pretrain",
        str(texts),
        "--out",
        str(tmp_path / "out"),
        "--base",
        str(encoder),
        "--labelled",
        str(labelled),
    ]
    words += ["--steps", "16", "--batch", "8", "--checkpoint-seconds", "0", "--progress", "json"]
    killed_after_checkpoint(words, "state.global_step >= 4")
    assert not (tmp_path / "out" / "done.json").exists()
    result = CliRunner().invoke(app, words)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    done = lines[-1]
    assert result.exit_code == 0
    assert done["event"] == "pretrained"
    assert done["objective"] == objectives.choose("auto", load(str(encoder)))
    assert {"texts", "steps", "held_out_before", "held_out_after", "notes", "seconds"} <= set(done)
    assert done["gain"]["folds"] == 5
    assert done["gain"]["low"] <= done["gain"]["after"] - done["gain"]["before"] <= done["gain"]["high"]
    assert any("under a frozen head" in note["text"] for note in done["notes"])
    assert json.loads(CliRunner().invoke(app, words).stdout.splitlines()[-1]) == done


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_loss_that_is_no_number_stops_with_a_sentence_and_keeps_the_checkpoint(
    pool: Pool, encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelingError, match=r"no longer a number at step \d+.*--learning-rate below"):
        run(pool, encoder, tmp_path, "mlm", learning_rate=1e30, checkpoint_seconds=0.0)
    assert not (tmp_path / "backbone").exists()
    assert list(tmp_path.glob("work/*/checkpoint-*/complete"))


def test_where_memory_runs_out_batches_are_halved_once_and_the_losses_stay_those_of_whole_batches(
    pool: Pool, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(pool, encoder, tmp_path / "whole", "mlm", steps=3)
    fits, step = 4, Trainer.training_step

    def limited(self: Trainer, model: Any, inputs: dict[str, Any], *more: Any) -> Any:
        if len(next(iter(inputs.values()))) > fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        return step(self, model, inputs, *more)

    monkeypatch.setattr(Trainer, "training_step", limited)
    halved = run(pool, encoder, tmp_path / "halved", "mlm", steps=3)
    assert halved.steps == 3
    assert halved.loss_first == pytest.approx(whole.loss_first, rel=0.2)
    fits = 2
    with pytest.raises(ModelingError, match=r"learn from 4 messages at once: set --batch 2"):
        run(pool, encoder, tmp_path / "never", "mlm", steps=3)


def test_hidden_tokens_are_words_and_the_same_ones_in_any_batch(encoder: Path) -> None:
    model = objectives.build("mlm", load(str(encoder)), encoder, 0)
    short, long = "ship it", "shall we move the whole stand-up to the afternoon of next Thursday"
    alone, beside = model.make_batch([short], [5], 1), model.make_batch([long, short], [4, 5], 1)
    width = alone["input_ids"].shape[1]
    for name in ("input_ids", "targets"):
        assert (alone[name][0] == beside[name][1, :width]).all()
    asked = beside["targets"] != IGNORED
    assert asked.any(1).all()
    assert not asked[beside["attention_mask"] == 0].any()
    special = torch.tensor(model.encoder.tokenizer.all_special_ids)
    assert not torch.isin(beside["targets"][asked], special).any()
    assert (model.make_batch([short], [6], 1)["input_ids"] != alone["input_ids"]).any()


def test_deletion_leaves_something_of_every_message_in_its_order(encoder: Path) -> None:
    model = objectives.build("tsdae", load(str(encoder)), encoder, 0)
    texts = ["ok", "one two three four five six seven eight nine ten", "👍👍"]
    for place in range(20):
        batch = model.make_batch(texts, [place, place + 100, place + 200], 1)
        for left, mask, whole in zip(batch["input_ids"], batch["attention_mask"], batch["targets"], strict=True):
            kept = left[mask.bool()].tolist()
            places = iter(whole.tolist())
            assert all(token in places for token in kept)  # a subsequence
            assert len(kept) >= 3  # what the tokeniser adds at both ends, and a token of the message


def test_next_tokens_are_asked_of_tokens_only(decoder: Path) -> None:
    model = objectives.build("clm", load(str(decoder)), decoder, 0)
    batch = model.make_batch(["ship it", "shall we move the stand-up"], [0, 1], 1)
    for ids, mask, targets in zip(batch["input_ids"], batch["attention_mask"], batch["targets"], strict=True):
        there = ids[mask.bool()]
        assert targets[targets != IGNORED].tolist() == there[1:].tolist()


def test_each_family_has_its_objectives(encoder: Path, decoder: Path, minilm: Backbone) -> None:
    assert objectives.choose("auto", load(str(decoder))) == "clm"
    assert objectives.choose("auto", load(str(encoder))) == "tsdae"
    with pytest.raises(ModelingError, match="reads in both directions: choose --objective tsdae or mlm"):
        objectives.choose("clm", load(str(encoder)))
    with pytest.raises(ModelingError, match="only reads what came before: choose --objective clm"):
        objectives.choose("tsdae", load(str(decoder)))
    table = StaticEmbedding(minilm.model.tokenizer.backend_tokenizer, embedding_dim=8)
    static: Any = SimpleNamespace(model=SentenceTransformer(modules=[table]), name="static")
    with pytest.raises(ModelingError, match="neither an encoder nor a decoder"):
        objectives.choose("auto", static)


def test_minutes_become_steps_once(pool: Pool, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_seconds_a_step", lambda *_: 1.0)
    done = run(pool, encoder, tmp_path, "mlm", steps=0, minutes=0.1)
    assert done.steps == 6


def test_texts_that_nearly_repeat_are_learnt_from_once_and_the_same_are_held_out(tmp_path: Path) -> None:
    first, second = tmp_path / "texts.txt", tmp_path / "texts.csv"
    first.write_text("\n".join([*TEXTS, *TEXTS, "", *(f"{text}!!" for text in TEXTS)]), "utf-8")
    write_csv(second, [(text, "") for text in TEXTS])
    one, other = read_pool(first), read_pool(second)
    assert (one.texts, one.held_out, one.hash) == (other.texts, other.held_out, other.hash)
    assert len(one.held_out) >= 10
    assert not set(one.texts) & set(one.held_out)
    assert any("were left out" in str(note) for note in one.notes)


def test_too_few_texts_are_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "few.txt"
    path.write_text("hello there\n" * 400, "utf-8")
    with pytest.raises(ModelingError, match="has 1 different texts: pretraining needs 50"):
        read_pool(path)
    path.write_bytes(b"\xff\xfe\x00 no text")
    with pytest.raises(ModelingError, match="not UTF-8"):
        read_pool(path)
    with pytest.raises(ModelingError, match="cannot be read"):
        read_pool(tmp_path / "missing.txt")


def test_a_text_of_fifty_thousand_words_is_cut(encoder: Path, tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(["deploy the page " * 20_000, *TEXTS]), "utf-8")
    pool = read_pool(path)
    assert run(pool, encoder, tmp_path / "out", "tsdae", steps=3).steps == 3
    longer = objectives.build("mlm", load(str(encoder)), encoder, 0).make_batch(["deploy the page " * 20_000], [0], 0)
    assert longer["input_ids"].shape[1] == 48


def test_the_same_backbone_gains_nothing(minilm: Backbone, tmp_path: Path) -> None:
    examples = probe.read_labelled(write_csv(tmp_path / "labelled.csv", messages(("please", "hey,"))))
    assert examples is not None
    found = probe.measure(examples, minilm, minilm, 0, lambda _: None)
    assert (found.low, found.high) == (0, 0)
    assert found.before == found.after > 0.5
    assert "no gain" in found.sentence.text
    assert probe.read_labelled(write_csv(tmp_path / "one.csv", [("a", "x"), ("b", "x")])) is None


def test_a_curve_has_few_points_that_keep_the_mean() -> None:
    losses = [float(step) for step in range(1000)]
    points = loss_plot.curve(losses)
    assert len(points) == loss_plot.POINTS
    assert points[-1][0] == 1000
    assert np.average(
        [loss for _, loss in points], weights=np.diff([0, *(step for step, _ in points)])
    ) == pytest.approx(499.5, abs=0.1)
    assert loss_plot.curve([2.0]) == [(1, 2.0)]
