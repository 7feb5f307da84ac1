"""The loop of distillation: a student learns a teacher's softened probabilities, labels, and the teacher's vectors.

The losses are those of Hinton et al. (2015), with a cosine loss on the vectors as of Sanh et al. (2019).
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from modeling.backbones.backbone import Backbone, autocast
from modeling.distillation.config import StudentHyperparameters
from modeling.errors import ModelingError
from modeling.progress import OnProgress
from modeling.training.checkpoints import last_checkpoint
from modeling.training.out_of_memory import in_halves_if_needed
from modeling.training.trainer import SafeTrainer, training_arguments
from modeling.types import Bias, Probabilities, Rows, Targets, Vectors, Weights

CHECKPOINT_SECONDS = 20.0
SCALE = 16.0  # of the logits that the classifier starts with, as of a temperature of 1/16
CLASSIFIER_RATE = 1e-2


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
    """A student with a linear classifier over its unit vectors, and a projection to the teacher's vectors.

    The classifier starts at the centroids of the labels, by the teacher's probabilities.
    """

    _keys_to_ignore_on_save = None  # Trainer asks for it when it resumes from trained weights only
    accepts_loss_kwargs = False  # the loss is a mean over the batch: Trainer divides it where batches accumulate

    def __init__(self, student: Backbone, examples: DistillExamples, hyperparameters: StudentHyperparameters) -> None:
        super().__init__()
        self.student = student
        self.encoder = student.model
        self.hyperparameters = hyperparameters
        vectors = student.encode(examples.texts)
        centred = vectors - vectors.mean(0)
        centroids = torch.from_numpy(np.ascontiguousarray(examples.soft.T @ centred))
        weights = SCALE * nn.functional.normalize(centroids, dim=1)
        self.weights = nn.Parameter(weights)
        # The centroids were centred: the bias takes the same mean off every message.
        self.bias = nn.Parameter(-weights @ torch.from_numpy(vectors.mean(0)))
        self.projection = nn.Parameter(torch.zeros(vectors.shape[1], examples.vectors.shape[1]))

    def forward(self, texts: list[str], soft: Tensor, teacher_vectors: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return {"loss"} of a batch: the arguments are as for `distillation_loss`."""
        features = self.student.features(texts)
        with autocast(self.weights.device.type):  # of the encoder alone: logits of 16 are too coarse in bfloat16
            encoded = self.encoder(features)["sentence_embedding"]
        embeddings = nn.functional.normalize(encoded.float(), dim=1)
        kept, added = (torch.from_numpy(column).to(embeddings.device) for column in self.student.reading.beside(texts))
        vectors = torch.cat([embeddings * kept, added], dim=1)
        logits, guessed = vectors @ self.weights.T + self.bias, vectors @ self.projection
        return {"loss": distillation_loss(logits, guessed, soft, teacher_vectors, targets, self.hyperparameters)}


def distillation_loss(
    logits: Tensor,
    guessed: Tensor,
    soft: Tensor,
    teacher_vectors: Tensor,
    targets: Tensor,
    hyperparameters: StudentHyperparameters,
) -> Tensor:
    """Return the mean loss of a batch (Hinton et al. 2015; the cosine as of Sanh et al. 2019).

    Logits and `soft` probabilities [b, k], guessed and `teacher_vectors` [b, d], targets [b] with -1 for no label. The
    divergence from the teacher is multiplied by T², so that its gradient weighs the same at any temperature. A text
    without a label follows the teacher alone.
    """
    temperature = hyperparameters.temperature
    # Logarithms are logits but for a constant, so that a temperature can be put on them; zero has none.
    teacher = torch.log_softmax(soft.clamp(min=1e-6).log() / temperature, dim=1)
    student = torch.log_softmax(logits / temperature, dim=1)
    from_teacher = temperature**2 * (teacher.exp() * (teacher - student)).sum(1)
    labelled = (targets >= 0).float()
    # -1 is no column; these rows weigh nothing below.
    from_label = nn.functional.cross_entropy(logits, targets.clamp(min=0), reduction="none")
    share = hyperparameters.alpha + (1 - hyperparameters.alpha) * (1 - labelled)
    loss = share * from_teacher + (1 - share) * from_label
    if hyperparameters.hidden > 0:
        loss = loss + hyperparameters.hidden * (1 - nn.functional.cosine_similarity(guessed, teacher_vectors, dim=1))
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

    Goes on from the last checkpoint in `work`, which is removed at the end. Where memory runs out, batches are computed
    in two halves, once. Raises ModelingError if it runs out again, and when the loss is not finite.
    """
    torch.manual_seed(seed)
    model = StudentModel(student, examples, hyperparameters)
    batch = hyperparameters.batch

    def attempt(parts: int) -> None:
        _train(model, examples, seed, parts, work, on_progress)

    def too_little(parts: int) -> ModelingError:
        return ModelingError("too_little_memory_to_distill", batch=batch // parts)

    in_halves_if_needed(attempt, too_little, divisible=batch % 2 == 0, model=model)
    shutil.rmtree(work, ignore_errors=True)
    for module in student.model.modules():
        if isinstance(module, nn.EmbeddingBag):
            # AdamW, with which it may be fine-tuned later, takes no sparse gradients.
            module.sparse = False
    trained = Backbone(student.model.requires_grad_(True), student.name, None, student.reading)
    return trained, model.weights.detach().cpu().numpy(), model.bias.detach().cpu().numpy()


def _train(
    model: StudentModel, examples: DistillExamples, seed: int, parts: int, work: Path, on_progress: OnProgress
) -> None:
    """Train with batches that are computed in so many parts."""
    torch.manual_seed(seed)
    hyperparameters, dataset = model.hyperparameters, _ExamplesDataset(examples)
    trainer = _Trainer(
        model=model,
        args=training_arguments(
            work,
            steps=math.ceil(len(examples.texts) / hyperparameters.batch * hyperparameters.epochs),
            batch=hyperparameters.batch // parts,
            learning_rate=hyperparameters.learning_rate,
            seed=seed,
            device=model.encoder.device.type,
            gradient_accumulation_steps=parts,
        ),
        train_dataset=dataset,
        data_collator=dataset.collate,
        optimizers=(_optimizer(model, hyperparameters), None),
    )
    trainer.run(last_checkpoint(work), on_progress, CHECKPOINT_SECONDS)


class _Trainer(SafeTrainer):
    def non_finite(self, step: int) -> ModelingError:
        return ModelingError("distillation_loss_not_finite", step=step)


class _ExamplesDataset(Dataset[int]):
    """Rows of the examples; `lengths` in characters."""

    def __init__(self, examples: DistillExamples) -> None:
        self._examples = examples
        self.lengths = [len(text) for text in examples.texts]

    def __len__(self) -> int:
        return len(self._examples.texts)

    def __getitem__(self, row: int) -> int:
        return row

    def collate(self, rows: list[int]) -> dict[str, Any]:
        """Return what `StudentModel.forward` takes."""
        batch = self._examples.of(np.array(rows))
        arrays = {"soft": batch.soft, "teacher_vectors": batch.vectors, "targets": batch.targets}
        return {"texts": list(batch.texts), **{name: torch.from_numpy(array) for name, array in arrays.items()}}


def _optimizer(model: StudentModel, hyperparameters: StudentHyperparameters) -> torch.optim.Optimizer:
    """AdamW, and SparseAdam for tables of which a batch touches few rows; a transformer's tables are not trained."""
    tables: list[Tensor] = []
    for module in model.encoder.modules():
        if isinstance(module, nn.Embedding):
            module.requires_grad_(False)
        if isinstance(module, nn.EmbeddingBag):
            module.sparse = True
            tables.append(module.weight)
    classifier = [model.weights, model.bias, model.projection]
    apart = {id(value) for value in [*tables, *classifier]}
    rest = [value for value in model.parameters() if value.requires_grad and id(value) not in apart]
    groups: list[dict[str, Any]] = [{"params": rest}, {"params": classifier, "lr": CLASSIFIER_RATE}]
    used = [group for group in groups if group["params"]]
    dense = torch.optim.AdamW(used, lr=hyperparameters.learning_rate, weight_decay=0.0)
    if not tables:
        return dense
    return _OptimizerPair(dense, torch.optim.SparseAdam(tables, lr=hyperparameters.learning_rate))


class _OptimizerPair(torch.optim.Optimizer):
    """Two optimizers that look like one to Trainer and to its schedule."""

    def __init__(self, *optimizers: torch.optim.Optimizer) -> None:
        self._optimizers = optimizers
        super().__init__([group for optimizer in optimizers for group in optimizer.param_groups], {})
        self._share_groups()

    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for optimizer in self._optimizers:
            optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        return {"optimizers": [optimizer.state_dict() for optimizer in self._optimizers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for optimizer, state in zip(self._optimizers, state_dict["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self._share_groups()

    def _share_groups(self) -> None:
        """A learning rate that the schedule sets here is set there."""
        self.param_groups = [group for optimizer in self._optimizers for group in optimizer.param_groups]
