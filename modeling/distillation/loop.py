"""The loop that teaches a student: softened probabilities, true labels where there are any, the teacher's vectors.

A plain loop, for a step of a tiny student takes a millisecond and `Trainer` alone would take longer. Checkpoints are
safetensors; the state of the optimisers and of the random generator is a .pt file that is read with `weights_only`.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from modeling.backbones.backbone import Backbone, autocast
from modeling.distillation.config import StudentHyperparameters
from modeling.errors import ModelingError
from modeling.training import out_of_memory
from modeling.types import Bias, Probabilities, Rows, Targets, Vectors, Weights

CHECKPOINT_SECONDS = 20.0
WARM_UP = 0.06  # of the steps
SCALE = 16.0  # of the scores that the classifier starts with, as of a temperature of 1/16
CLASSIFIER_RATE = 1e-2
LARGEST_GRADIENT = 1.0
BUCKETS = 20  # batches that are sorted by length together

OnProgress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class DistillExamples:
    """What is learned from: texts [n], the teacher's probabilities [n, k] and vectors [n, d] for them, targets [n].

    A target is -1 where nobody labelled the text.
    """

    texts: Sequence[str]
    soft: Probabilities
    vectors: Vectors
    targets: Targets

    def of(self, rows: Rows) -> DistillExamples:
        """Some of the texts."""
        texts = [self.texts[int(row)] for row in rows]
        return DistillExamples(texts, self.soft[rows], self.vectors[rows], self.targets[rows])


class StudentModel(nn.Module):
    """A student with a linear classifier over its unit vectors, and a projection to the teacher's vectors."""

    def __init__(self, student: Backbone, examples: DistillExamples) -> None:
        super().__init__()
        self.student = student
        self.encoder = student.model
        vectors = student.encode(examples.texts)
        centred = vectors - vectors.mean(0)
        centroids = torch.from_numpy(np.ascontiguousarray(examples.soft.T @ centred))
        weights = SCALE * nn.functional.normalize(centroids, dim=1)
        self.weights = nn.Parameter(weights)
        self.bias = nn.Parameter(-weights @ torch.from_numpy(vectors.mean(0)))
        self.projection = nn.Parameter(torch.zeros(vectors.shape[1], examples.vectors.shape[1]))

    def forward(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Return scores [b, k] and the guess at the teacher's vectors [b, d]."""
        features = self.student.features(texts)
        with autocast(self.weights.device.type):  # of the encoder alone: scores of 16 are too coarse in bfloat16
            found = self.encoder(features)["sentence_embedding"]
        own = nn.functional.normalize(found.float(), dim=1)
        kept, added = (torch.from_numpy(each).to(own.device) for each in self.student.reading.beside(texts))
        vectors = torch.cat([own * kept, added], dim=1)
        return vectors @ self.weights.T + self.bias, vectors @ self.projection


def distillation_loss(
    scores: Tensor,
    guessed: Tensor,
    soft: Tensor,
    wanted: Tensor,
    targets: Tensor,
    hyperparameters: StudentHyperparameters,
) -> Tensor:
    """Return the mean loss of a batch (Hinton et al. 2015; the cosine as of Sanh et al. 2019).

    Scores and `soft` probabilities [b, k], guessed and `wanted` vectors [b, d], targets [b] with -1 for no label. The
    divergence from the teacher is multiplied by T², so that its gradient weighs the same at any temperature. A text
    without a label follows the teacher alone.
    """
    degree = hyperparameters.temperature
    teacher = torch.log_softmax(soft.clamp(min=1e-6).log() / degree, dim=1)
    student = torch.log_softmax(scores / degree, dim=1)
    from_teacher = degree**2 * (teacher.exp() * (teacher - student)).sum(1)
    labelled = (targets >= 0).float()
    from_label = nn.functional.cross_entropy(scores, targets.clamp(min=0), reduction="none")
    share = hyperparameters.alpha + (1 - hyperparameters.alpha) * (1 - labelled)
    loss = share * from_teacher + (1 - share) * from_label
    if hyperparameters.hidden > 0:
        loss = loss + hyperparameters.hidden * (1 - nn.functional.cosine_similarity(guessed, wanted, dim=1))
    return loss.mean()


def train_student(
    student: Backbone,
    examples: DistillExamples,
    hyperparameters: StudentHyperparameters,
    *,
    seed: int,
    work: Path,
    on_progress: OnProgress,
) -> tuple[Backbone, Weights, Bias]:
    """Train the student in place; return it with its own classifier, weights float32 [k, d] and bias [k].

    Goes on from the checkpoint in `work`, which is removed at the end. Where memory runs out, batches are read in two
    halves from then on. Raises ModelingError if that is too much as well, and when the loss is no number.
    """
    torch.manual_seed(seed)
    model = StudentModel(student, examples)
    student.model.train()
    optimizers = _optimizers(model, hyperparameters)
    steps = math.ceil(len(examples.texts) / hyperparameters.batch * hyperparameters.epochs)
    saved, parts = time.monotonic(), 1
    batches = _batches(examples, hyperparameters.batch, seed)
    first = _resume(model, optimizers, work)
    for step, rows in enumerate(batches):
        if step == steps:
            break
        if step < first:
            continue
        parts = _learnt(model, optimizers, examples, rows, hyperparameters, step, parts)
        _move(optimizers, _share(step, steps))
        on_progress((step + 1) / steps)
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            _save(model, optimizers, step + 1, work)
            saved = time.monotonic()
    shutil.rmtree(work, ignore_errors=True)
    for module in student.model.modules():
        if isinstance(module, nn.EmbeddingBag):
            module.sparse = False
    taught = Backbone(student.model.requires_grad_(True), student.name, None, student.reading)
    return taught, model.weights.detach().cpu().numpy(), model.bias.detach().cpu().numpy()


def _learnt(
    model: StudentModel,
    optimizers: list[torch.optim.Optimizer],
    examples: DistillExamples,
    rows: Rows,
    hyperparameters: StudentHyperparameters,
    step: int,
    parts: int,
) -> int:
    """Compute the gradient of a batch, read in so many parts, and return in how many the next one is to be read."""
    try:
        _gradient(model, optimizers, examples, np.array_split(rows, parts), hyperparameters, step)
    except Exception as error:
        if not out_of_memory.is_out_of_memory(error):
            raise
        if parts == 2 or len(rows) < 2:
            raise ModelingError("too_little_memory_to_distill", batch=len(rows) // parts) from None
    else:
        return parts
    # Outside of the except clause, which would keep all tensors of the first attempt alive.
    out_of_memory.free()
    return _learnt(model, optimizers, examples, rows, hyperparameters, step, 2)


def _gradient(
    model: StudentModel,
    optimizers: list[torch.optim.Optimizer],
    examples: DistillExamples,
    portions: Sequence[Rows],
    hyperparameters: StudentHyperparameters,
    step: int,
) -> None:
    device, count = model.weights.device, sum(len(rows) for rows in portions)
    for each in optimizers:
        each.zero_grad()
    for rows in portions:
        batch = examples.of(rows)
        scores, guessed = model(list(batch.texts))
        soft, wanted, targets = (
            torch.from_numpy(each).to(device) for each in (batch.soft, batch.vectors, batch.targets)
        )
        loss = distillation_loss(scores, guessed, soft, wanted, targets, hyperparameters)
        if not torch.isfinite(loss):
            raise ModelingError("distillation_loss_not_finite", step=step + 1)
        (loss * (len(rows) / count)).backward()
    dense = [value for value in model.parameters() if value.grad is not None and not value.grad.is_sparse]
    nn.utils.clip_grad_norm_(dense, LARGEST_GRADIENT)


def _move(optimizers: list[torch.optim.Optimizer], share: float) -> None:
    """Make a step, at a share of the full learning rates."""
    for each in optimizers:
        for group in each.param_groups:
            group["lr"] = group["full"] * share
        each.step()


def _share(step: int, steps: int) -> float:
    """The share of the learning rate: it rises for a while, then falls to zero."""
    rising = max(1, round(steps * WARM_UP))
    return (step + 1) / rising if step < rising else (steps - step) / max(1, steps - rising)


def _batches(examples: DistillExamples, size: int, seed: int) -> Iterator[Rows]:
    """Rows of batches without end; equal lengths together, and the same ones for the same seed."""
    lengths = np.array([len(text) for text in examples.texts])
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(len(lengths))
        found: list[Rows] = []
        for start in range(0, len(order), size * BUCKETS):
            part = order[start : start + size * BUCKETS]
            part = part[np.argsort(-lengths[part], kind="stable")]
            found += [part[at : at + size] for at in range(0, len(part), size)]
        for place in rng.permutation(len(found)):
            yield found[int(place)]


def _optimizers(model: StudentModel, hyperparameters: StudentHyperparameters) -> list[torch.optim.Optimizer]:
    """One for tables of which a batch touches a few rows only, one for the rest; a transformer's tables stay."""
    tables: list[Tensor] = []
    for module in model.encoder.modules():
        if isinstance(module, nn.Embedding):
            module.requires_grad_(False)
        if isinstance(module, nn.EmbeddingBag):
            module.sparse = True
            tables.append(module.weight)
    known = {id(each) for each in [*tables, model.weights, model.bias, model.projection]}
    rest = [value for value in model.parameters() if value.requires_grad and id(value) not in known]
    groups: list[dict[str, Any]] = [
        {"params": rest, "lr": hyperparameters.learning_rate, "full": hyperparameters.learning_rate},
        {"params": [model.weights, model.bias, model.projection], "lr": CLASSIFIER_RATE, "full": CLASSIFIER_RATE},
    ]
    used = [each for each in groups if each["params"]]
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(used, weight_decay=0.0)]
    if tables:
        found.append(
            torch.optim.SparseAdam(
                [{"params": tables, "full": hyperparameters.learning_rate}], lr=hyperparameters.learning_rate
            )
        )
    return found


def _save(model: StudentModel, optimizers: list[torch.optim.Optimizer], step: int, work: Path) -> None:
    """Write a checkpoint under another name first: one that is there is whole."""
    draft = work / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    save_file({name: value.detach().cpu().contiguous() for name, value in trained.items()}, draft / "model.safetensors")
    state = {"step": step, "random": torch.get_rng_state(), "optimizers": [each.state_dict() for each in optimizers]}
    torch.save(state, draft / "state.pt")
    shutil.rmtree(work / "checkpoint-old", ignore_errors=True)
    if (work / "checkpoint").is_dir():
        (work / "checkpoint").rename(work / "checkpoint-old")
    draft.rename(work / "checkpoint")


def _resume(model: StudentModel, optimizers: list[torch.optim.Optimizer], work: Path) -> int:
    """Load the checkpoint, if there is one, and return how many steps were made."""
    folder = next((each for each in (work / "checkpoint", work / "checkpoint-old") if each.is_dir()), None)
    if folder is None:
        return 0
    tensors = load_file(folder / "model.safetensors")
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.requires_grad:
                value.copy_(tensors[name])
    state = torch.load(folder / "state.pt", weights_only=True)
    for each, saved in zip(optimizers, state["optimizers"], strict=True):
        each.load_state_dict(saved)
    torch.set_rng_state(state["random"])
    return int(state["step"])
