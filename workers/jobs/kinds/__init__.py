"""What each kind of job is given, which programs it runs, and what comes of it: a table."""

from __future__ import annotations

from workers.core.jobs import JobKind
from workers.jobs.kinds.context import Kind
from workers.jobs.kinds.evaluate import EVALUATED
from workers.jobs.kinds.pretrain import PRETRAINED
from workers.jobs.kinds.train_and_distill import DISTILLED, TRAINED
from workers.jobs.kinds.tune import TUNED

KINDS: dict[JobKind, Kind] = {
    "train": TRAINED,
    "distil": DISTILLED,
    "evaluate": EVALUATED,
    "pretrain": PRETRAINED,
    "tune": TUNED,
}
