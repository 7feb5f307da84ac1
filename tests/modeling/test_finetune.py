from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from modeling import finetune, sources
from modeling.backbone import Backbone, load
from modeling.logistic import Targets, Vectors
from modeling.recipe import Method, Tuning
from tests.modeling.samples import KINDS, messages

QUICK = Tuning(learning_rate=3e-4, epochs=0.1, fewest_steps=8, batch=8, checkpoint_seconds=0.0)


@pytest.fixture(scope="module")
def material(minilm: Backbone) -> tuple[list[str], Targets, Vectors]:
    labels = list(KINDS)
    rows = messages(("please", "hey,"))
    targets = np.array([labels.index(kind) for _, kind in rows])
    return [text for text, _ in rows], targets, minilm.encode([label.replace("_", " ") for label in labels])


def tune(material: tuple[list[str], Targets, Vectors], work: Path, method: Method = "full", **more: object) -> Backbone:
    texts, targets, centroids = material
    heard: list[float] = []
    on_progress = more.get("on_progress", heard.append)
    return finetune.tune(
        sources.resolve(""), texts, targets, centroids, method, QUICK, seed=0, work=work, on_progress=on_progress
    )


def spread(vectors: Vectors, targets: Targets) -> float:
    """How much nearer messages of one label lie than messages of two."""
    near, same = vectors @ vectors.T, targets[:, None] == targets[None, :]
    return float(near[same].mean() - near[~same].mean())


@pytest.mark.parametrize("method", ["lora", "full"])
def test_tuning_draws_labels_apart_and_saves_as_a_plain_folder(
    material: tuple[list[str], Targets, Vectors], minilm: Backbone, tmp_path: Path, method: Method
) -> None:
    texts, targets, _ = material
    tuned = tune(material, tmp_path / "work", method)
    before, after = minilm.encode(texts), tuned.encode(texts)
    assert spread(after, targets) > spread(before, targets) + 0.02
    tuned.save(tmp_path / "saved")
    assert not any("lora" in path.name or "adapter" in path.name for path in (tmp_path / "saved").rglob("*"))
    again = load(str(tmp_path / "saved"))
    assert (again.encode(texts) * after).sum(1).min() > 0.999
    assert again.fingerprint != minilm.fingerprint
    assert again.reading.fingerprint == minilm.reading.fingerprint != ""
    assert not (tmp_path / "work").exists()


def test_a_run_that_was_cut_off_goes_on_from_its_last_whole_checkpoint(
    material: tuple[list[str], Targets, Vectors], tmp_path: Path
) -> None:
    work = tmp_path / "work"

    def cut_off(share: float) -> None:
        if share > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(material, work, on_progress=cut_off)
    whole = Path(str(finetune.last_checkpoint(work)))
    assert not [
        path for path in whole.iterdir() if path.suffix in {".bin", ".pkl"} and path.name != "training_args.bin"
    ]
    torn = work / "checkpoint-999"  # a kill came while it was written
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"half")
    heard: list[float] = []
    tune(material, work, on_progress=heard.append)
    assert heard[0] > 0.5
    assert heard[-1] == 1.0


def test_the_contrast_is_small_when_labels_lie_apart() -> None:
    targets = torch.tensor([0, 0, 1, 1])
    apart = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [1, 0.1], [0, 1], [0.1, 1]]), dim=1)
    mixed = apart[[0, 2, 1, 3]]
    assert finetune.contrast(apart, targets, 0.1) < 0.2 < finetune.contrast(mixed, targets, 0.1)


def test_messages_alone_with_their_label_do_not_break_the_contrast() -> None:
    vectors = torch.nn.functional.normalize(torch.randn(3, 4), dim=1).requires_grad_()
    loss = finetune.contrast(vectors, torch.tensor([0, 1, 2]), 0.1)
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(vectors.grad).all() if vectors.grad is not None else True
