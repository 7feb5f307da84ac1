"""Named bases: backbones that went on learning from the chat's own texts, for later retraining to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from workers.store import jobs

PREFIX = "chat-"
MOST = 100


@dataclass(frozen=True, slots=True)
class Base:
    """What a pretraining job left: `folder` holds the backbone, `figures` what the job measured."""

    name: str
    folder: str
    figures: Mapping[str, Any]


def every(c: Connection) -> list[Base]:
    """All named bases, newest first."""
    done = jobs.latest_done(c, "pretrain", MOST)
    return [Base(f"{PREFIX}{job.id}", str(job.result["folder"]), job.result) for job in done if job.result]


def find(c: Connection, name: str) -> Base | None:
    """The base of this name."""
    return next((base for base in every(c) if base.name == name.lower()), None)
