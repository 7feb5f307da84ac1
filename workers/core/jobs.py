"""Jobs as they are asked for."""

from __future__ import annotations

from typing import Literal

from workers.core.events import ChatRef, Frozen, Person

JobKind = Literal["train", "pretrain", "distil", "evaluate", "tune"]
Method = Literal["auto", "frozen", "lora", "full", "qlora", "int8"]


class JobRequest(Frozen):
    """A long piece of work, as it was asked for. `post` is the outbox key of the progress message.

    `method`, `epochs` and `recipe` (TOML, from a tuning) are of train, `student` of distil, `minutes` of pretrain and
    tune, `version` of evaluate. `backbone` is what train begins with: a name, or the folder of a named base; empty
    for that of the active version.
    """

    kind: JobKind = "train"
    chat: ChatRef
    requested_by: Person
    post: str
    method: Method = "auto"
    seed: int = 0
    backbone: str = ""
    epochs: float | None = None
    recipe: str = ""
    student: str = ""
    minutes: int | None = None
    version: int | None = None
