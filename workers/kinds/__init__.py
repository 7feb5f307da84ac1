"""What each kind of job is given, which programs it runs, and what comes of it: a table, read by `workers.training`."""

from __future__ import annotations

from workers.contracts import JobKind
from workers.kinds.evaluating import EVALUATED
from workers.kinds.kind import Command as Command
from workers.kinds.kind import Ending as Ending
from workers.kinds.kind import Kind as Kind
from workers.kinds.kind import Line as Line
from workers.kinds.kind import Order as Order
from workers.kinds.kind import order as order
from workers.kinds.pretraining import PRETRAINED
from workers.kinds.tuning import TUNED
from workers.kinds.versioned import DISTILLED, TRAINED

KINDS: dict[JobKind, Kind] = {
    "train": TRAINED,
    "distil": DISTILLED,
    "evaluate": EVALUATED,
    "pretrain": PRETRAINED,
    "tune": TUNED,
}
