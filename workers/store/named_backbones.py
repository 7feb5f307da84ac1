"""Named backbones, which people call bases: what pretraining jobs left, for later retraining to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from workers.store import jobs

PREFIX = "chat-"
MOST = 100


@dataclass(frozen=True, slots=True)
class NamedBackbone:
    """What a pretraining job left: `folder` holds the backbone, `figures` what the job measured."""

    name: str
    folder: str
    figures: Mapping[str, Any]


def every(c: Connection) -> list[NamedBackbone]:
    """All named backbones, newest first."""
    done = jobs.latest_done(c, "pretrain", MOST)
    return [NamedBackbone(f"{PREFIX}{job.id}", str(job.result["folder"]), job.result) for job in done if job.result]


def find(c: Connection, name: str) -> NamedBackbone | None:
    """The backbone of this name."""
    return next((backbone for backbone in every(c) if backbone.name == name.lower()), None)
