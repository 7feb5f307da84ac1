"""The numbers of an installation, as dashboards show them; the talk of a chat is in history.py."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, select

from workers.core.events import ChatRef, Frozen
from workers.core.i18n import say
from workers.store import chats, counters, inbox, jobs, labels, training_set, versions
from workers.store.accuracy import FEW, WINDOW, AccuracyPoint, curve_of
from workers.store.labels import Label
from workers.store.ledger import living_labels
from workers.store.sql import AnySelect
from workers.store.tables import chats as chats_table
from workers.store.tables import ledger, message_labels, messages, predictions
from workers.store.tallies import DISPUTED, MESSAGES
from workers.store.training_set import usable

LATEST = 100
"""Coverage and precision look at so many predictions and votes, and cost the same however large the tables are.

Enough for a share to be true to five points; from some hundreds on Postgres prefers to read all of `message_labels`.
"""


class LabelView(Frozen):
    """A label, and how many messages it can be learned from."""

    id: int
    name: str
    description: str
    emoji: str
    count: int

    @property
    def display(self) -> str:
        """The label as people read it."""
        return Label(self.id, self.name, self.description, self.emoji).display


class VersionView(Frozen):
    """A model version, without its place on disk."""

    id: int
    state: str
    method: str
    metrics: dict[str, Any]
    created_at: float
    note: str


class JobView(Frozen):
    """A job; `fraction` of it (0 to 1) is done."""

    id: int
    kind: str
    state: str
    fraction: float
    stage: str
    error: str | None


class Overview(Frozen):
    """Mode and language are the chat's; labels, models and all numbers are the installation's, which learns as one.

    `coverage`: the share (0 to 1) of the latest messages on which the bot spoke; `precision`: how often people then
    agreed. None while fewer than FEW can be counted.
    `waiting` events came in a while ago and no worker has taken them yet; `failed` ones were given up.
    """

    enabled: bool
    mode: str
    language: str
    labels: list[LabelView]
    accuracy: list[AccuracyPoint]
    versions: list[VersionView]
    jobs: list[JobView]
    messages: int
    labelled: int
    disputed: int
    head_revision: int
    coverage: float | None = None
    precision: float | None = None
    waiting: int = 0
    failed: int = 0

    def spoken(self, language: str) -> str:
        """How often the bot speaks, and is right when it does, or that this is not known yet."""
        return spoken(language, self.coverage, self.precision)


def spoken(language: str, coverage: float | None, precision: float | None) -> str:
    """Both shares (0 to 1) as people read them, or that they are not known yet."""
    if coverage is None:
        return say(language, "coverage_unknown")
    if precision is None:
        return say(language, "coverage_alone", coverage=f"{coverage:.0%}")
    return say(language, "coverage", coverage=f"{coverage:.0%}", precision=f"{precision:.0%}")


def overview(c: Connection, chat: ChatRef) -> Overview:
    """How things stand, for somebody who looks from this chat."""
    settings = chats.get(c, chat) or chats.Chat(chat, False, "suggest", "en")
    counts, numbers = training_set.counts(c), counters.values(c, (MESSAGES, DISPUTED))
    return Overview(
        enabled=settings.enabled,
        mode=settings.mode,
        language=settings.language,
        labels=[LabelView(**asdict(label), count=counts.get(label.id, 0)) for label in labels.living(c)],
        accuracy=curve_of(c).points(c),
        versions=[_version(version, settings.language) for version in versions.every(c)],
        jobs=[_job(job, settings.language) for job in jobs.latest(c, 5)],
        messages=numbers[MESSAGES],
        labelled=sum(counts.values()),
        disputed=numbers[DISPUTED],
        head_revision=labels.revision(c),
        coverage=coverage(c),
        precision=precision(c),
        failed=inbox.failed(c),
    )


def _version(version: versions.Version, language: str) -> VersionView:
    return VersionView(
        id=version.id,
        state=version.state,
        method=version.method,
        metrics=dict(version.metrics),
        created_at=version.created_at,
        note=version.note.text(language),
    )


def _job(job: jobs.Job, language: str) -> JobView:
    error = job.error.text(language) if job.error else None
    return JobView(id=job.id, kind=job.kind, state=job.state, fraction=job.fraction, stage=job.stage, error=error)


def coverage(c: Connection, chat: ChatRef | None = None) -> float | None:
    """The share of the latest predictions, made before anybody labelled the message, that people were shown.

    Of one chat, or of all; those in which the bot is to be silent do not count. None where there are too few.
    """
    counted, shown = (c.execute(_COVERAGE_OF_CHAT, {"in_chat": chat.key}) if chat else c.execute(_COVERAGE)).one()
    return shown / counted if counted >= FEW else None


def _coverage(of_chat: bool) -> AnySelect:
    latest = select(predictions.c.message, predictions.c.shown, predictions.c.at)
    if of_chat:
        # Of its latest messages: the latest predictions would be looked for among those of all chats.
        newest = select(messages.c.id).where(messages.c.chat == bindparam("in_chat"))
        latest = latest.where(predictions.c.message.in_(newest.order_by(messages.c.at.desc()).limit(LATEST)))
    latest = latest.order_by(predictions.c.id.desc()).limit(LATEST).subquery()
    speaking = chats_table.c.enabled & (chats_table.c.mode == "suggest")
    return (
        select(func.count(), func.count(case((latest.c.shown, 1))))
        .join_from(latest, messages, messages.c.id == latest.c.message)
        .join(chats_table, chats_table.c.key == messages.c.chat)
        .outerjoin(message_labels, message_labels.c.ref == messages.c.ref)
        .where(speaking, message_labels.c.first_at.is_(None) | (latest.c.at <= message_labels.c.first_at))
    )


def precision(c: Connection, chat: ChatRef | None = None) -> float | None:
    """The share of labels that people were shown, and that they agreed with when they labelled the message themselves.

    Over the latest WINDOW such messages among those of the LATEST votes, of one chat or of all; None where there are
    too few.
    """
    rows = (c.execute(_PRECISION_OF_CHAT, {"in_chat": chat.key}) if chat else c.execute(_PRECISION)).all()
    living = living_labels(c)
    right = sum(predicted is not None and living.get(predicted) == label for label, predicted in rows)
    return right / len(rows) if len(rows) >= FEW else None


def _precision(of_chat: bool) -> AnySelect:
    votes = select(ledger.c.ref).order_by(ledger.c.id.desc()).limit(LATEST)
    votes = (votes.where(ledger.c.chat == bindparam("in_chat")) if of_chat else votes).subquery()
    before = (predictions.c.message == messages.c.id) & (predictions.c.at <= message_labels.c.first_at)
    shown = select(predictions.c.shown).where(before).order_by(predictions.c.id.desc()).limit(1).scalar_subquery()
    statement = usable(message_labels.c.label, message_labels.c.predicted).where(
        message_labels.c.ref.in_(select(votes.c.ref)), message_labels.c.foresaw, shown
    )
    return statement.order_by(message_labels.c.first_at.desc(), messages.c.id.desc()).limit(WINDOW)


# Made once: putting them together takes longer than SQLite needs to answer them.
_COVERAGE, _PRECISION = _coverage(of_chat=False), _precision(of_chat=False)
_COVERAGE_OF_CHAT, _PRECISION_OF_CHAT = _coverage(of_chat=True), _precision(of_chat=True)
