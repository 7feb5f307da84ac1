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
class Lessons:
    """What is learned from: texts [n], the teacher's probabilities [n, k] and vectors [n, d] for them, targets [n].

    A target is -1 where nobody labelled the text.
    """

    texts: Sequence[str]
    soft: Probabilities
    vectors: Vectors
    targets: Targets

    def of(self, rows: Rows) -> Lessons:
        """Some of the texts."""
        texts = [self.texts[int(row)] for row in rows]
        return Lessons(texts, self.soft[rows], self.vectors[rows], self.targets[rows])


class StudentModel(nn.Module):
    """A student with a linear classifier over its unit vectors, and a projection to the teacher's vectors."""

    def __init__(self, student: Backbone, lessons: Lessons) -> None:
        super().__init__()
        self.student = student
        self.encoder = student.model
        vectors = student.encode(lessons.texts)
        centred = vectors - vectors.mean(0)
        centroids = torch.from_numpy(np.ascontiguousarray(lessons.soft.T @ centred))
        weights = SCALE * nn.functional.normalize(centroids, dim=1)
        self.weights = nn.Parameter(weights)
        self.bias = nn.Parameter(-weights @ torch.from_numpy(vectors.mean(0)))
        self.projection = nn.Parameter(torch.zeros(vectors.shape[1], lessons.vectors.shape[1]))

    def forward(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Return scores [b, k] and the guess at the teacher's vectors [b, d]."""
        features = self.student.features(texts)
        with autocast(self.weights.device.type):  # of the encoder alone: scores of 16 are too coarse in bfloat16
            found = self.encoder(features)["sentence_embedding"]
        own = nn.functional.normalize(found.float(), dim=1)
        kept, added = (torch.from_numpy(each).to(own.device) for each in self.student.reading.beside(texts))
        vectors = torch.cat([own * kept, added], dim=1)
        return vectors @ self.weights.T + self.bias, vectors @ self.projection


def loss_of(
    scores: Tensor, guessed: Tensor, soft: Tensor, wanted: Tensor, targets: Tensor, pace: StudentHyperparameters
) -> Tensor:
    """Return the mean loss of a batch (Hinton et al. 2015; the cosine as of Sanh et al. 2019).

    Scores and `soft` probabilities [b, k], guessed and `wanted` vectors [b, d], targets [b] with -1 for no label. The
    divergence from the teacher is multiplied by T², so that its gradient weighs the same at any temperature. A text
    without a label follows the teacher alone.
    """
    degree = pace.temperature
    teacher = torch.log_softmax(soft.clamp(min=1e-6).log() / degree, dim=1)
    student = torch.log_softmax(scores / degree, dim=1)
    from_teacher = degree**2 * (teacher.exp() * (teacher - student)).sum(1)
    labelled = (targets >= 0).float()
    from_label = nn.functional.cross_entropy(scores, targets.clamp(min=0), reduction="none")
    share = pace.alpha + (1 - pace.alpha) * (1 - labelled)
    loss = share * from_teacher + (1 - share) * from_label
    if pace.hidden > 0:
        loss = loss + pace.hidden * (1 - nn.functional.cosine_similarity(guessed, wanted, dim=1))
    return loss.mean()


def train_student(
    student: Backbone, lessons: Lessons, pace: StudentHyperparameters, *, seed: int, work: Path, on_progress: OnProgress
) -> tuple[Backbone, Weights, Bias]:
    """Train the student in place; return it with its own classifier, weights float32 [k, d] and bias [k].

    Goes on from the checkpoint in `work`, which is removed at the end. Where memory runs out, batches are read in two
    halves from then on. Raises ModelingError if that is too much as well, and when the loss is no number.
    """
    torch.manual_seed(seed)
    pupil = StudentModel(student, lessons)
    student.model.train()
    optimisers = _optimisers(pupil, pace)
    steps = math.ceil(len(lessons.texts) / pace.batch * pace.epochs)
    saved, parts = time.monotonic(), 1
    batches = _batches(lessons, pace.batch, seed)
    first = _resume(pupil, optimisers, work)
    for step, rows in enumerate(batches):
        if step == steps:
            break
        if step < first:
            continue
        parts = _learnt(pupil, optimisers, lessons, rows, pace, step, parts)
        _move(optimisers, _share(step, steps))
        on_progress((step + 1) / steps)
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            _save(pupil, optimisers, step + 1, work)
            saved = time.monotonic()
    shutil.rmtree(work, ignore_errors=True)
    for module in student.model.modules():
        if isinstance(module, nn.EmbeddingBag):
            module.sparse = False
    taught = Backbone(student.model.requires_grad_(True), student.name, None, student.reading)
    return taught, pupil.weights.detach().cpu().numpy(), pupil.bias.detach().cpu().numpy()


def _learnt(
    pupil: StudentModel,
    optimisers: list[torch.optim.Optimizer],
    lessons: Lessons,
    rows: Rows,
    pace: StudentHyperparameters,
    step: int,
    parts: int,
) -> int:
    """Compute the gradient of a batch, read in so many parts, and return in how many the next one is to be read."""
    try:
        _gradient(pupil, optimisers, lessons, np.array_split(rows, parts), pace, step)
    except Exception as error:
        if not out_of_memory.ran_out(error):
            raise
        if parts == 2 or len(rows) < 2:
            raise ModelingError("too_little_memory_to_distill", batch=len(rows) // parts) from None
    else:
        return parts
    # Outside of the except clause, which would keep all tensors of the first attempt alive.
    out_of_memory.free()
    return _learnt(pupil, optimisers, lessons, rows, pace, step, 2)


def _gradient(
    pupil: StudentModel,
    optimisers: list[torch.optim.Optimizer],
    lessons: Lessons,
    portions: Sequence[Rows],
    pace: StudentHyperparameters,
    step: int,
) -> None:
    device, count = pupil.weights.device, sum(len(rows) for rows in portions)
    for each in optimisers:
        each.zero_grad()
    for rows in portions:
        batch = lessons.of(rows)
        scores, guessed = pupil(list(batch.texts))
        soft, wanted, targets = (
            torch.from_numpy(each).to(device) for each in (batch.soft, batch.vectors, batch.targets)
        )
        loss = loss_of(scores, guessed, soft, wanted, targets, pace)
        if not torch.isfinite(loss):
            raise ModelingError("distillation_loss_not_finite", step=step + 1)
        (loss * (len(rows) / count)).backward()
    dense = [value for value in pupil.parameters() if value.grad is not None and not value.grad.is_sparse]
    nn.utils.clip_grad_norm_(dense, LARGEST_GRADIENT)


def _move(optimisers: list[torch.optim.Optimizer], share: float) -> None:
    """Make a step, at a share of the full learning rates."""
    for each in optimisers:
        for group in each.param_groups:
            group["lr"] = group["full"] * share
        each.step()


def _share(step: int, steps: int) -> float:
    """The share of the learning rate: it rises for a while, then falls to zero."""
    rising = max(1, round(steps * WARM_UP))
    return (step + 1) / rising if step < rising else (steps - step) / max(1, steps - rising)


def _batches(lessons: Lessons, size: int, seed: int) -> Iterator[Rows]:
    """Rows of batches without end; equal lengths together, and the same ones for the same seed."""
    lengths = np.array([len(text) for text in lessons.texts])
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


def _optimisers(pupil: StudentModel, pace: StudentHyperparameters) -> list[torch.optim.Optimizer]:
    """One for tables of which a batch touches a few rows only, one for the rest; a transformer's tables stay."""
    tables: list[Tensor] = []
    for module in pupil.encoder.modules():
        if isinstance(module, nn.Embedding):
            module.requires_grad_(False)
        if isinstance(module, nn.EmbeddingBag):
            module.sparse = True
            tables.append(module.weight)
    known = {id(each) for each in [*tables, pupil.weights, pupil.bias, pupil.projection]}
    rest = [value for value in pupil.parameters() if value.requires_grad and id(value) not in known]
    groups: list[dict[str, Any]] = [
        {"params": rest, "lr": pace.learning_rate, "full": pace.learning_rate},
        {"params": [pupil.weights, pupil.bias, pupil.projection], "lr": CLASSIFIER_RATE, "full": CLASSIFIER_RATE},
    ]
    used = [each for each in groups if each["params"]]
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(used, weight_decay=0.0)]
    if tables:
        found.append(torch.optim.SparseAdam([{"params": tables, "full": pace.learning_rate}], lr=pace.learning_rate))
    return found


def _save(pupil: StudentModel, optimisers: list[torch.optim.Optimizer], step: int, work: Path) -> None:
    """Write a checkpoint under another name first: one that is there is whole."""
    draft = work / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    trained = {name: value for name, value in pupil.named_parameters() if value.requires_grad}
    save_file({name: value.detach().cpu().contiguous() for name, value in trained.items()}, draft / "model.safetensors")
    state = {"step": step, "random": torch.get_rng_state(), "optimisers": [each.state_dict() for each in optimisers]}
    torch.save(state, draft / "state.pt")
    shutil.rmtree(work / "checkpoint-old", ignore_errors=True)
    if (work / "checkpoint").is_dir():
        (work / "checkpoint").rename(work / "checkpoint-old")
    draft.rename(work / "checkpoint")


def _resume(pupil: StudentModel, optimisers: list[torch.optim.Optimizer], work: Path) -> int:
    """Load the checkpoint, if there is one, and return how many steps were made."""
    folder = next((each for each in (work / "checkpoint", work / "checkpoint-old") if each.is_dir()), None)
    if folder is None:
        return 0
    tensors = load_file(folder / "model.safetensors")
    with torch.no_grad():
        for name, value in pupil.named_parameters():
            if value.requires_grad:
                value.copy_(tensors[name])
    state = torch.load(folder / "state.pt", weights_only=True)
    for each, saved in zip(optimisers, state["optimisers"], strict=True):
        each.load_state_dict(saved)
    torch.set_rng_state(state["random"])
    return int(state["step"])
