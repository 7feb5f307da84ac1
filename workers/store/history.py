"""The talk of a chat as a screen shows it: people's messages, reactions to them, and the bot's posts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field
from sqlalchemy import Connection, func, select, text

from workers.core.events import ChatRef, Frozen, Person
from workers.core.replies import REPLY, Choice, Document, EditPost, Picture, Post, Reply
from workers.store.labels import Label, means
from workers.store.ledger import LedgerRow, ledger_of, standing
from workers.store.messages import former_texts
from workers.store.sql import AnyRow, chunks
from workers.store.tables import OUTBOX_EDITS, messages, outbox, predictions

BOT = Person(id="", name="Backchannel")

# In the very words of the partial index `ix_outbox_posts`, which is not used otherwise.
_POSTS = text("outbox.kind IN ('post', 'document', 'picture')")


class ReactionView(Frozen):
    """An emoji under a message and the ids of the people who put it there, the first one first."""

    emoji: str
    people: list[str]


class PredictionView(Frozen):
    """What the model says about a message; `label` is its name."""

    emoji: str
    label: str
    probability: float
    guess: bool
    shown: bool


class Line(Frozen):
    """One line of talk. `former` is what it said before its last edit.

    A file that the bot handed over has a `filename`, a picture `alt`, too; a deleted message has no text.
    """

    message_id: str
    author: Person
    bot: bool
    at: float
    text: str
    edited: bool = False
    former: str | None = None
    deleted: bool = False
    reply_to: str | None = None
    reactions: list[ReactionView] = Field(default_factory=list[ReactionView])
    prediction: PredictionView | None = None
    choices: list[Choice] = Field(default_factory=list[Choice])
    progress: float | None = None
    filename: str | None = None
    alt: str | None = None


def history(c: Connection, chat: ChatRef, limit: int = 200) -> list[Line]:
    """The last `limit` lines of a chat, oldest first. Posts count from when they were sent, with their latest edit."""
    written = select(messages).where(messages.c.chat == chat.key)
    rows = c.execute(written.order_by(messages.c.at.desc(), messages.c.id.desc()).limit(limit)).all()
    # As many again: people or the bot alone may fill the screen.
    posts = _posts(c, chat, limit)
    return sorted([*_lines(c, rows), *_bot_lines(c, posts)], key=lambda line: line.at)[-limit:]


def _lines(c: Connection, rows: Sequence[AnyRow]) -> list[Line]:
    ledger = ledger_of(c, [row.ref for row in rows])
    predicted = _predicted(c, [row.id for row in rows])
    former = {id: texts[-1].text for id, texts in former_texts(c, [row.id for row in rows]).items()}
    emoji = {id: label.emoji for id, label in means(c).items()}
    return [_line(row, ledger.get(row.ref, ()), predicted.get(row.id), emoji, former.get(row.id)) for row in rows]


def _line(
    row: AnyRow,
    ledger: Iterable[LedgerRow],
    prediction: PredictionView | None,
    emoji: Mapping[int, str],
    former: str | None,
) -> Line:
    return Line(
        message_id=row.message_id,
        author=Person(id=row.author_id, name=row.author_name),
        bot=False,
        at=row.at,
        text=row.text or "",
        edited=row.revision > 1,
        former=former,
        deleted=row.deleted,
        reply_to=row.reply_to,
        reactions=_reactions(ledger, emoji),
        prediction=prediction,
    )


def _reactions(rows: Iterable[LedgerRow], emoji: Mapping[int, str]) -> list[ReactionView]:
    """What stands; a label that was given by a command or an answer shows as its emoji, too."""
    people: dict[str, dict[str, None]] = {}
    for row in standing(rows):
        if visible := row.emoji or emoji.get(row.label or 0, ""):
            people.setdefault(visible, {})[row.annotator.id] = None
    return [ReactionView(emoji=visible, people=list(ids)) for visible, ids in people.items()]


def _predicted(c: Connection, ids: Sequence[int]) -> dict[int, PredictionView]:
    meanings = means(c)
    views: dict[int, PredictionView] = {}
    for piece in chunks(ids):
        # What was predicted for an older text says nothing about this one.
        current = (messages.c.id == predictions.c.message) & (messages.c.revision == predictions.c.revision)
        last = select(func.max(predictions.c.id)).join(messages, current).where(predictions.c.message.in_(piece))
        last = last.group_by(predictions.c.message)
        for row in c.execute(select(predictions).where(predictions.c.id.in_(last))):
            if row.label in meanings:
                views[row.message] = _prediction(row, meanings[row.label])
    return views


def _prediction(row: AnyRow, label: Label) -> PredictionView:
    sure = {"probability": row.probability, "guess": row.guess, "shown": row.shown}
    return PredictionView(emoji=label.emoji, label=label.name, **sure)


def _posts(c: Connection, chat: ChatRef, limit: int) -> Sequence[AnyRow]:
    kept = (outbox.c.state == "sent") & outbox.c.reply.is_not(None)
    statement = select(outbox).where(_POSTS, outbox.c.chat == chat.key, kept)
    return c.execute(statement.order_by(outbox.c.sent_at.desc(), outbox.c.id.desc()).limit(limit)).all()


def _bot_lines(c: Connection, rows: Sequence[AnyRow]) -> list[Line]:
    edits = _edits(c, [row.key for row in rows])
    return [_bot_line(row, REPLY.validate_json(row.reply), edits.get(row.key)) for row in rows]


def _edits(c: Connection, keys: Sequence[str]) -> dict[str, EditPost]:
    """The latest edit of each post that people have seen."""
    edits: dict[str, EditPost] = {}
    for piece in chunks(keys):
        sent = select(func.max(outbox.c.id)).where(OUTBOX_EDITS, outbox.c.subject.in_(piece), outbox.c.state == "sent")
        newest = outbox.c.id.in_(sent.group_by(outbox.c.subject))
        for row in c.execute(select(outbox.c.subject, outbox.c.reply).where(newest)):
            reply = REPLY.validate_json(row.reply)
            if isinstance(reply, EditPost):
                edits[row.subject] = reply
    return edits


def _bot_line(row: AnyRow, post: Reply, edit: EditPost | None) -> Line:
    latest = edit or post
    return Line(
        message_id=row.message_id or "",
        author=BOT,
        bot=True,
        at=row.sent_at,
        text=getattr(latest, "text", ""),
        edited=edit is not None,
        reply_to=post.reply_to if isinstance(post, Post | Document | Picture) else None,
        choices=list(latest.choices) if isinstance(latest, Post | EditPost) else [],
        progress=latest.progress if isinstance(latest, Post | EditPost) else None,
        filename=post.filename if isinstance(post, Document | Picture) else None,
        alt=post.alt if isinstance(post, Picture) else None,
    )
