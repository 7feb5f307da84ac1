"""What a distillation is asked for, and how each kind of student learns by default."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modeling import hashing
from modeling.backbones import build, resolve
from modeling.backbones.build import STATIC, is_built
from modeling.errors import ModelingError


@dataclass(frozen=True, slots=True)
class StudentHyperparameters:
    """How a student learns: its learning rate, how often it reads every text, how many at once.

    `alpha` is the weight of the teacher's loss where a label is known (the rest is the label's), `temperature` softens
    both sides, `hidden` is the weight of the cosine to the teacher's vector.
    """

    learning_rate: float
    epochs: float
    batch: int
    alpha: float = 0.6
    temperature: float = 2.0
    hidden: float = 0.5


# First guesses that did well; not searched.
HYPERPARAMETERS = {
    STATIC: StudentHyperparameters(learning_rate=1e-2, epochs=20, batch=128),
    "gru": StudentHyperparameters(learning_rate=2e-3, epochs=20, batch=64),
    "lstm": StudentHyperparameters(learning_rate=2e-3, epochs=20, batch=64),
}


TRANSFORMER = StudentHyperparameters(learning_rate=2e-4, epochs=5, batch=32)


def student_hyperparameters(name: str, alpha: float, temperature: float) -> StudentHyperparameters:
    """Return how a student of this name learns; at `alpha` 0 without its teacher.

    Raises ModelingError for weights that mean nothing.
    """
    if not 0 <= alpha <= 1:
        raise ModelingError("alpha_wrong", alpha=alpha)
    if not 0 < temperature <= 100:
        raise ModelingError("temperature_wrong", temperature=temperature)
    defaults = HYPERPARAMETERS[name] if is_built(name) else TRANSFORMER
    # Labels alone: then the teacher's vectors teach nothing either.
    return replace(defaults, alpha=alpha, temperature=temperature, hidden=defaults.hidden if alpha else 0.0)


@dataclass(frozen=True, slots=True)
class DistillConfig:
    """What is asked for: a student of this name ("static", "gru", "lstm", "light", a folder or a hub name).

    `alpha` and `temperature` are as in `StudentHyperparameters`; `hidden` is a width, `word_vectors` a file; `against`
    names the bundle or backbone to beat, "" for the teacher.
    """

    student: str
    alpha: float = 0.6
    temperature: float = 2.0
    hidden: int | None = None
    word_vectors: Path | None = None
    against: str = ""
    seed: int = 0

    @property
    def key(self) -> list[Any]:
        """What names a run, beside its data and its teacher."""
        built = build.is_built(self.student)
        base = build.FORMAT if built else resolve.fingerprint(resolve.resolve(self.student))
        file = hashing.file_hash(self.word_vectors) if self.word_vectors and self.word_vectors.is_file() else ""
        return [self.student, base, self.alpha, self.temperature, self.hidden, file, self.against, self.seed]
