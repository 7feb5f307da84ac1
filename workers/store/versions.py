"""Model versions: which exist, which one is active, and the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, insert, select, update

from workers.core.errors import BackchannelError
from workers.core.i18n import Bilingual, both
from workers.store.sql import AnyRow, advisory_lock
from workers.store.tables import promotions, versions

State = Literal["candidate", "active", "retired"]
# One backbone was called by its model's name as long as it was the only one, and so it stands in older databases.
ALIASES: dict[str, tuple[str, ...]] = dict.fromkeys(("light", "minilm"), ("light", "minilm"))


@dataclass(frozen=True, slots=True)
class Version:
    """An immutable bundle on disk, or method "base": a bare backbone without a folder.

    `reader` is what reads for it: "int8" or "fp32" by ONNX Runtime, else a stored sentence that says why torch does.
    It is None before a version served for the first time.
    """

    id: int
    state: State
    folder: str | None
    backbone: str
    fingerprint: str
    method: str
    metrics: Mapping[str, Any]
    parent: int | None
    created_at: float
    promoted_at: float | None
    note: Bilingual
    reader: str | None


def _version(row: AnyRow) -> Version:
    return Version(
        id=row.id,
        state=row.state,
        folder=row.folder,
        backbone=row.backbone,
        fingerprint=row.fingerprint,
        method=row.method,
        metrics=json.loads(row.metrics),
        parent=row.parent,
        created_at=row.created_at,
        promoted_at=row.promoted_at,
        note=Bilingual.read(row.note),
        reader=row.reader,
    )


def ensure_base(c: Connection, backbone: str, fingerprint: str, now: float, *, chosen: bool = True) -> Version:
    """The version that is the bare backbone, made and activated on a fresh installation.

    Another backbone than before (by name or fingerprint) gets a version of its own, which takes over only
    from another base: a version that somebody trained stays active. One that nobody has `chosen`, because an upgrade
    brought it, is only there to be promoted.
    """
    advisory_lock(c, "versions")
    same = (versions.c.method == "base") & versions.c.backbone.in_(ALIASES.get(backbone, (backbone,)))
    # A base is registered before it is loaded, while its fingerprint is unknown.
    if fingerprint:
        same &= versions.c.fingerprint.in_((fingerprint, ""))
    row = c.execute(select(versions).where(same).order_by(versions.c.id.desc()).limit(1)).first()
    base = _version(row) if row else add_candidate(c, None, backbone, fingerprint, "base", {}, None, None, now)
    before = _active(c)
    if base.state != "active" and (before is None or (chosen and before.method == "base")):
        return promote(c, base.id, now)
    return base


def write_reader(c: Connection, id: int, fingerprint: str, reader: str) -> None:
    """Write down what reads for a version, and the fingerprint of its vectors, both known once it is loaded."""
    c.execute(update(versions).where(versions.c.id == id).values(fingerprint=fingerprint, reader=reader))


def active(c: Connection) -> Version:
    """The version that classifies now. Raises BackchannelError before the first one exists."""
    version = _active(c)
    if version is None:
        raise BackchannelError(both("version_none"))
    return version


def _active(c: Connection) -> Version | None:
    row = c.execute(select(versions).where(versions.c.state == "active")).first()
    return None if row is None else _version(row)


def find(c: Connection, id: int) -> Version | None:
    """The version with this number."""
    row = c.execute(select(versions).where(versions.c.id == id)).first()
    return None if row is None else _version(row)


def every(c: Connection) -> list[Version]:
    """All versions, by number."""
    return [_version(row) for row in c.execute(select(versions).order_by(versions.c.id))]


def add_candidate(
    c: Connection,
    folder: str | None,
    backbone: str,
    fingerprint: str,
    method: str,
    metrics: Mapping[str, Any],
    parent: int | None,
    note: Bilingual | None,
    now: float,
) -> Version:
    """Register a bundle that may be promoted; the note says why it was, or was not."""
    values = {"folder": folder, "backbone": backbone, "fingerprint": fingerprint, "method": method, "parent": parent}
    statement = insert(versions).values(
        **values,
        metrics=json.dumps(metrics),
        note=note.model_dump_json() if note else "",
        created_at=now,
        state="candidate",
    )
    return _version(c.execute(statement.returning(versions)).one())


def promote(c: Connection, version_id: int, now: float) -> Version:
    """Make a version the active one and retire the one before. Raises BackchannelError if there is no such version."""
    advisory_lock(c, "versions")
    before = _active(c)
    # Not a step: a rollback would lead back to the same version.
    if before is not None and before.id == version_id:
        return before
    promoted = _activate(c, version_id, before, now)
    c.execute(
        insert(promotions).values(version=version_id, previous=before.id if before else None, at=now, undone=False)
    )
    return promoted


def rollback(c: Connection, now: float) -> Version | None:
    """Back to the version that was active before the current one, one step per call; None when there is none."""
    advisory_lock(c, "versions")
    step = _latest_step(c)
    if step is None or step.previous is None:
        return None
    c.execute(update(promotions).where(promotions.c.id == step.id).values(undone=True))
    return _activate(c, step.previous, _active(c), now)


def before(c: Connection) -> Version | None:
    """The version that a rollback would go back to."""
    step = _latest_step(c)
    return None if step is None or step.previous is None else find(c, step.previous)


def _latest_step(c: Connection) -> AnyRow | None:
    return c.execute(select(promotions).where(~promotions.c.undone).order_by(promotions.c.id.desc()).limit(1)).first()


def _activate(c: Connection, id: int, before: Version | None, now: float) -> Version:
    if before is not None:
        c.execute(update(versions).where(versions.c.id == before.id).values(state="retired"))
    statement = update(versions).where(versions.c.id == id).values(state="active", promoted_at=now)
    row = c.execute(statement.returning(versions)).first()
    if row is None:
        raise BackchannelError(both("version_unknown", version=id))
    return _version(row)
