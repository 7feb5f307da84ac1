from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from modeling.backbones import backbone as backbones
from modeling.backbones import resolve
from modeling.backbones.backbone import Backbone, load
from modeling.errors import ModelingError
from modeling.training import adapters, checkpoints, finetune, out_of_memory
from modeling.training.finetune import FineTuned
from modeling.training.losses import FineTuneModel
from modeling.training.recipe import FineTuneConfig, Method
from modeling.training.trainer import training_arguments
from modeling.types import Targets, Vectors
from tests.fakes import random_backbones
from tests.fakes.messages import KINDS, messages

QUICK = FineTuneConfig(learning_rate=3e-4, epochs=2.6, batch=8, checkpoint_seconds=0.0)


@dataclass(frozen=True)
class Task:
    """A backbone and messages to tune it with."""

    base: Path
    texts: list[str]
    targets: Targets
    centroids: Vectors

    def tune(
        self,
        work: Path,
        method: Method = "full",
        on_progress: Callable[[float], None] = lambda _: None,
        **more: Any,
    ) -> FineTuned:
        tuning = QUICK.model_copy(update=more)
        return finetune.fine_tune(
            self.base,
            self.texts,
            self.targets,
            self.centroids,
            method,
            tuning,
            seed=0,
            work=work,
            on_progress=on_progress,
        )


def task(base: Path) -> Task:
    labels = list(KINDS)
    rows = messages(("please", "hey,"))
    targets = np.array([labels.index(kind) for _, kind in rows])
    return Task(base, [text for text, _ in rows], targets, load(str(base)).encode(labels))


@pytest.fixture(scope="module")
def packaged() -> Task:
    return task(resolve.resolve(""))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return task(random_backbones.save("bert", tmp_path_factory.mktemp("bert")))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return task(random_backbones.save("llama", tmp_path_factory.mktemp("llama")))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return task(random_backbones.save("gpt2", tmp_path_factory.mktemp("gpt2")))


def weights(tuned: FineTuned) -> dict[str, torch.Tensor]:
    return dict(tuned.backbone.model.named_parameters())


def farthest(one: FineTuned, other: FineTuned) -> float:
    """The largest difference of a weight."""
    theirs = weights(other)
    return max(float((value - theirs[name]).detach().abs().max()) for name, value in weights(one).items())


def read(backbone: Backbone, texts: list[str]) -> Vectors:
    """Encode exactly, in 32 bits, as evaluation during training does."""
    backbone.model.eval()
    with torch.no_grad():
        found = backbone.model(backbone.features(texts))["sentence_embedding"].float()
    return torch.nn.functional.normalize(found, dim=1).numpy()


def spread(vectors: Vectors, targets: Targets) -> float:
    """How much nearer messages of one label lie than messages of two."""
    near, same = vectors @ vectors.T, targets[:, None] == targets[None, :]
    return float(near[same].mean() - near[~same].mean())


@pytest.mark.parametrize("method", ["lora", "full"])
def test_tuning_draws_labels_apart_and_saves_as_a_plain_folder(
    packaged: Task, minilm: Backbone, tmp_path: Path, method: Method
) -> None:
    tuned = packaged.tune(tmp_path / "work", method).backbone
    before, after = minilm.encode(packaged.texts), tuned.encode(packaged.texts)
    assert spread(after, packaged.targets) > spread(before, packaged.targets) + 0.02
    tuned.save(tmp_path / "saved")
    assert not any("lora" in path.name or "adapter" in path.name for path in (tmp_path / "saved").rglob("*"))
    again = load(str(tmp_path / "saved"))
    assert (again.encode(packaged.texts) * after).sum(1).min() > 0.999
    assert again.fingerprint != minilm.fingerprint
    assert again.reading.fingerprint == minilm.reading.fingerprint != ""
    assert again.model.max_seq_length == minilm.model.max_seq_length
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("name", "method"), [("bert", "qlora"), ("bert", "int8"), ("llama", "qlora"), ("gpt2", "lora"), ("gpt2", "qlora")]
)
def test_adapters_on_whole_8_bit_and_4_bit_weights_become_a_plain_folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, method: Method
) -> None:
    family: Task = request.getfixturevalue(name)
    said: list[Vectors] = []
    merge = adapters.merge

    def note(backbone: Backbone, method: Method) -> None:
        said.append(read(backbone, family.texts))
        merge(backbone, method)

    monkeypatch.setattr(adapters, "merge", note)
    tuned = family.tune(tmp_path / "work", method, learning_rate=1e-2)
    before, after = read(load(str(family.base)), family.texts), read(tuned.backbone, family.texts)
    assert (before * after).sum(1).mean() < 0.999  # something was learnt
    assert (said[0] * after).sum(1).min() > 0.99  # and merging keeps it, but for what 8 bits lose on the way
    tuned.backbone.save(tmp_path / "saved")
    assert "quantization" not in (tmp_path / "saved" / "config.json").read_text()
    again = load(str(tmp_path / "saved"))
    assert {value.dtype for value in again.model.parameters()} == {torch.float32}
    assert (read(again, family.texts) * after).sum(1).min() > 0.9999


def test_without_bitsandbytes_a_sentence_names_what_to_install(
    bert: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters, "find_spec", lambda _: None)
    with pytest.raises(ModelingError, match=r"backchannel\[gpu\]"):
        bert.tune(tmp_path, "qlora")


def test_large_backbones_come_out_in_half_the_bits(bert: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapters, "LARGE", 1000)
    monkeypatch.setattr(backbones, "WHOLE", 0)  # small ones are read whole again
    tuned = bert.tune(tmp_path / "work", "lora").backbone
    tuned.save(tmp_path / "saved")
    again = load(str(tmp_path / "saved"))
    assert {value.dtype for value in again.model.parameters()} == {torch.bfloat16}
    assert (again.encode(bert.texts) * tuned.encode(bert.texts)).sum(1).min() > 0.999


def test_two_runs_give_equal_weights(bert: Task, tmp_path: Path) -> None:
    assert farthest(bert.tune(tmp_path / "one"), bert.tune(tmp_path / "two")) == 0


def test_a_run_that_was_cut_off_goes_on_from_its_last_whole_checkpoint_as_if_it_never_stopped(
    bert: Task, tmp_path: Path
) -> None:
    work = tmp_path / "work"

    def cut_off(share: float) -> None:
        if share > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bert.tune(work, on_progress=cut_off)
    whole = Path(str(checkpoints.last_checkpoint(work)))
    assert not [
        path for path in whole.iterdir() if path.suffix in {".bin", ".pkl"} and path.name != "training_args.bin"
    ]
    torn = work / "checkpoint-999"  # a kill came while it was written
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"half")
    heard: list[float] = []
    resumed = bert.tune(work, on_progress=heard.append)
    assert heard[0] > 0.5
    assert heard[-1] == 1.0
    assert farthest(resumed, bert.tune(tmp_path / "other")) == 0


def test_accumulated_batches_and_recomputed_activations_give_the_same_weights(llama: Task, tmp_path: Path) -> None:
    plain = llama.tune(tmp_path / "one", contrast=0.0)
    accumulated = llama.tune(tmp_path / "two", contrast=0.0, batch=4, accumulation=2)
    recomputed = llama.tune(tmp_path / "three", contrast=0.0, gradient_checkpointing=True)
    assert accumulated.facts["steps"] == plain.facts["steps"]
    assert farthest(plain, accumulated) < 1e-4
    assert farthest(plain, recomputed) < 1e-5


def test_a_loss_that_is_no_number_stops_and_the_last_good_checkpoint_stays(bert: Task, tmp_path: Path) -> None:
    with pytest.raises(ModelingError, match=r"at step 3 of 8 .*checkpoint-1\).* learning_rate below 1e\+30"):
        bert.tune(tmp_path, learning_rate=1e30)
    kept = str(checkpoints.last_checkpoint(tmp_path))
    assert kept == str(tmp_path / "checkpoint-1")
    assert all(torch.isfinite(value).all() for value in load_file(Path(kept) / "model.safetensors").values())


def test_where_memory_runs_out_the_batch_is_halved_once(
    bert: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits, forward = 4, FineTuneModel.forward

    def limited(self: FineTuneModel, labels: torch.Tensor, **more: Any) -> Any:
        if len(labels) > fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        return forward(self, labels, **more)

    monkeypatch.setattr(FineTuneModel, "forward", limited)
    facts = bert.tune(tmp_path).facts
    assert (facts["batch"], facts["accumulation"], facts["steps"]) == (4, 2, 8)
    assert facts["memory_ran_out"] is True
    fits = 2
    with pytest.raises(ModelingError, match=r"batches of 4: set batch = 2, accumulation = 4 .* under \[full\]"):
        bert.tune(tmp_path)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9."), True),
        (RuntimeError("not enough memory: you tried to allocate 9 bytes"), True),
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ModelingError("out_of_memory"), False),
    ],
)
def test_running_out_of_memory_is_recognised(error: Exception, expected: bool) -> None:
    assert out_of_memory.is_out_of_memory(error) is expected


def test_one_process_takes_one_of_several_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    arguments = training_arguments(tmp_path, steps=1, batch=8, learning_rate=1e-3, seed=0, device="cuda")
    assert (arguments.n_gpu, arguments.train_batch_size) == (1, 8)


def test_tuning_stops_early_where_nothing_can_be_learnt(bert: Task, tmp_path: Path) -> None:
    by_chance = Task(bert.base, bert.texts, np.arange(len(bert.texts)) % 3, bert.centroids)
    facts = by_chance.tune(tmp_path, epochs=30, learning_rate=3e-3, validation=0.25, patience=1).facts
    assert facts["held_back"] == 6
    assert facts["best_step"] < facts["steps"] < facts["planned_steps"]


@pytest.mark.parametrize(
    ("count", "more", "held_back"),
    [
        (999, {"epochs": 9}, 0),
        (1000, {"epochs": 9}, 100),
        (1000, {"epochs": 3}, 0),
        (40, {"validation": 0.1}, 4),
        (15, {"validation": 0.1}, 0),
    ],
)
def test_messages_are_held_back_only_of_many_and_in_long_runs(count: int, more: Any, held_back: int) -> None:
    rows, back = finetune._split_validation(np.arange(count) % 2, QUICK.model_copy(update=more), 0)  # pyright: ignore[reportPrivateUsage]
    assert len(back) == held_back
    assert sorted([*rows, *back]) == list(range(count))
