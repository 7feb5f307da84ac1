"""Verbs about model versions: models, promote, rollback."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from modeling.classifier.bundle_files import verify
from modeling.errors import ModelingError
from modeling.sentences.catalogue import Sentence
from workers.commands.context import Answer, Call, Plan, number_in
from workers.core.replies import Post
from workers.jobs.outcome_text import figure, share_or_dash
from workers.store import head_fits, jobs, predictions, training_set, versions
from workers.store.database import Stale
from workers.store.jobs import NamedBackbone
from workers.store.versions import Version


def models(call: Call) -> list[Post]:
    """All versions, then the named bases, a line each."""
    every = versions.every(call.c)
    lines = [version_line(call, version) for version in every]
    lines += [base_line(call, base) for base in reversed(jobs.named_backbones(call.c))]
    return [call.post("\n".join([*lines, *reading_line(call), *offer_line(call, every)]))]


def reading_line(call: Call) -> list[str]:
    """How far the active version has read the labelled messages, which it does before it serves."""
    active = versions.active(call.c)
    if not active.fingerprint or head_fits.latest(call.c, active.id):
        return []
    count = training_set.labelled_size(call.c)
    done = min(count, predictions.count_vectors(call.c, active.fingerprint))
    # As a share: how much is labelled in other chats is for nobody here to know.
    return [call.text("version_reading", version=active.id, percent=round(100 * done / max(1, count)))]


def offer_line(call: Call, every: Sequence[Version]) -> list[str]:
    """The bare backbone that an upgrade or a setting brought and that nobody has taken yet."""
    active, bases = versions.active(call.c), [version for version in every if version.method == "base"]
    if not bases or bases[-1].promoted_at is not None or bases[-1].backbone == active.backbone:
        return []
    return [call.text("base_offered", version=bases[-1].id, backbone=bases[-1].backbone, active=active.id)]


def version_line(call: Call, version: Version) -> str:
    """One version on one line; for a student with its speed and size."""
    measured = {name: share_or_dash(version.metrics.get(name)) for name in ("accuracy", "macro_f1")}
    scores = "· " + call.text("scores", **measured) if version.metrics else ""
    speed, size = (version.metrics.get(name) for name in ("messages_per_second", "megabytes"))
    if speed and size:
        scores += call.text("version_speed", speed=figure(speed), megabytes=figure(size))
    scores += reader(call, version)
    method = f"{version.method} {version.backbone}" if version.method == "base" else version.method
    return call.text("version_line", version=version.id, state=version.state, method=method, scores=scores)


def reader(call: Call, version: Version) -> str:
    """What reads for a version, and why that is torch; "" before it has served."""
    if version.reader is None:
        return ""
    if version.reader in ("int8", "fp32"):
        return call.text(f"reader_{version.reader}")
    reason = Sentence.model_validate_json(version.reader)
    return call.text("reader_torch", reason=reason.render(call.language))


def base_line(call: Call, base: NamedBackbone) -> str:
    """One named base on one line, with what it gained where that was measured."""
    gain = base.figures.get("gain")
    difference = f"{100 * (float(gain['after']) - float(gain['before'])):+.1f}" if gain else ""
    text = call.text("base_line_gain", difference=difference) if gain else ""
    return call.text("base_line", base=base.name, objective=base.figures.get("objective", "–"), gain=text)


def promote(call: Call) -> Answer:
    """Move the pointer to a version that is whole on disk."""
    wanted = call.rest.strip().lower().lstrip("v#")
    if not wanted:
        return call.usage()
    version = versions.find(call.c, number_in(wanted))
    if version is None:
        return call.say("version_unknown", version=call.rest.strip())
    if version.state == "active":
        return call.say("version_active", version=version.id)
    error = defect(call.language, version)
    if error:
        return call.say("version_broken", version=version.id, error=error)
    before = versions.active(call.c)
    # Another backbone has vectors of its own: those of the labelled messages are made before it serves.
    messages = 0 if version.backbone == before.backbone else training_set.labelled_size(call.c)

    def write(c: Connection) -> list[Post]:
        versions.promote(c, version.id, call.now)
        if messages:
            return call.tell_all("promoted_reads", version=version.id, messages=messages, before=before.id)
        return call.tell_all("promoted", version=version.id)

    return Plan(write)


def rollback(call: Call) -> Answer:
    """Back to the version that was active before, if it is whole on disk."""
    before = versions.before(call.c)
    if before is None:
        return call.say("rollback_none")
    error = defect(call.language, before)
    if error:
        return call.say("version_broken", version=before.id, error=error)

    def write(c: Connection) -> list[Post]:
        restored = versions.rollback(c, call.now)
        if restored is None or restored.id != before.id:
            raise Stale
        return call.tell_all("rolled_back", version=before.id)

    return Plan(write)


def defect(language: str, version: Version) -> str | None:
    """The sentence about a missing or altered file, or None when the bundle is whole."""
    try:
        if version.folder:
            verify(Path(version.folder))
    except ModelingError as error:
        return error.sentence.render(language)
    return None
