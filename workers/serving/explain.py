"""`explain`: why a message got its label, said by a thread of its own beside the one that classifies.

It takes a second or two, and whoever asks waits behind nobody but others who ask: no message waits for it, and it
waits for no job. What is explained is the model in service, with its own copy of the backbone, for looking into one
changes how it reads meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from sqlalchemy import Connection

from modeling.backbones import backbone as backbones
from modeling.backbones.backbone import Backbone
from modeling.classifier.bundle import Bundle
from modeling.classifier.head import Head
from modeling.data.examples import Examples
from modeling.errors import ModelingError
from modeling.text.cleaning import clean
from workers.core.events import EXPLAIN, ChatRef, Command
from workers.core.i18n import say
from workers.core.replies import Picture, Post, Reply
from workers.handlers.claims import ClaimContext, drain
from workers.serving.explanation_text import told
from workers.store import chats, inbox, messages, outbox, predictions, training_set
from workers.store.database import Database
from workers.store.inbox import Claimed
from workers.store.labels import Label
from workers.store.versions import Version

log = logging.getLogger(__name__)

NEAREST = 3
LEASE = 60.0
"""Seconds: on a machine that is busy training, looking into one message takes long."""
LONGEST = 20_000
"""Characters of a message that are looked at, which is far more than any backbone reads."""


class ServedModel(Protocol):
    """The model in service."""

    @property
    def backbone(self) -> Backbone: ...
    @property
    def version(self) -> Version: ...
    @property
    def head(self) -> Head | None: ...
    @property
    def labels(self) -> tuple[Label, ...]: ...


class Explainer:
    """Answers the waiting `explain` commands one after another whenever it is woken."""

    def __init__(self, context: ClaimContext, serving: Callable[[], ServedModel]) -> None:
        self._context = replace(context, most=1, lease=max(context.lease, LEASE))
        self._serving = serving
        self._woken = threading.Event()
        threading.Thread(target=self._run, name="explain", daemon=True).start()

    def wake(self) -> None:
        """Say that something may wait."""
        self._woken.set()

    def _run(self) -> None:
        while self._woken.wait():
            self._woken.clear()
            try:
                drain(self._context, EXPLAIN, self.answer)
            except Exception as error:
                log.error("Nothing can be explained just now: %s", type(error).__name__)

    def answer(self, claimed: Sequence[Claimed]) -> None:
        """Answer claimed commands, each in a transaction with its end in the inbox."""
        for one in claimed:
            if isinstance(one.event, Command):
                reply = answer(self._context.database, self._serving(), one.event, self._context.language)
                with self._context.database.write() as c:
                    inbox.finish(c, [one])
                    outbox.add(c, [(f"{one.event.key}:0", reply)], time.time(), one.received_at)


def answer(database: Database, serving: ServedModel, command: Command, language: str) -> Reply:
    """The explanation of the message that was replied to, or of the text that was typed, or why there is none."""
    with database.read() as c:
        chat = chats.get(c, command.chat)
        language = chat.language if chat else language
        here = command.private or (chat is not None and chat.enabled)
        refusal, text = asked_about(c, command) if here else ("not_here", "")
    if not refusal and not clean(text):
        refusal = "classify_empty"
    if not refusal and (serving.head is None or len(serving.labels) < 2):
        refusal = "classify_none"
    if refusal:
        return Post(chat=command.chat, text=say(language, refusal), reply_to=command.thread)
    try:
        return shown(database, serving, command, text[:LONGEST], language)
    except ModelingError as error:
        return Post(chat=command.chat, text=error.sentence.render(language), reply_to=command.thread)


def asked_about(c: Connection, command: Command) -> tuple[str, str]:
    """Why there is nothing to explain, as the name of a sentence, or the text."""
    if command.arguments:
        return "", command.arguments
    if command.reply_to is None:
        return "explain_needs_reply", ""
    stored = messages.find(c, command.reply_to)
    waiting = inbox.waiting_message(c, command.reply_to) if stored is None else None
    if stored is None and waiting is None:
        return "explain_unseen", ""
    if stored is not None and stored.deleted:
        return "explain_deleted", ""
    return "", (stored.text if stored else waiting.text if waiting else "") or ""


def shown(database: Database, serving: ServedModel, command: Command, text: str, language: str) -> Picture:
    """The explanation as a picture with the same in words under it. Raises ModelingError."""
    from modeling.explanation.explain import explain
    from modeling.reporting.explanation_plot import png

    bundle = in_service(serving)
    found = explain(bundle, text, nearest(database, serving, command.chat, text))
    said = told(language, found, serving.labels, foreign=found.foreign)
    about = None if command.arguments or command.reply_to is None else command.reply_to.message_id
    alt = say(language, "explained_alt", label=found.label)
    picture = Picture(chat=command.chat, filename="explained.png", content=png(found, language), alt=alt, text=said)
    return picture.model_copy(update={"reply_to": about or command.thread})


def in_service(serving: ServedModel) -> Bundle:
    """The model in service as a bundle with the labels' names, on a backbone of its own. Raises ModelingError."""
    assert serving.head is not None
    saved = serving.version.folder is not None
    own = backbones.load(str(serving.backbone.folder), as_saved=saved)
    return Bundle(own, replace(serving.head, labels=tuple(label.name for label in serving.labels)))


def nearest(database: Database, serving: ServedModel, chat: ChatRef, text: str) -> Examples | None:
    """The labelled messages of this very chat that lie nearest: others' are not for everybody here to read."""
    names = {label.id: label.name for label in serving.labels}
    with database.read() as c:
        labelled = {id: names[label] for id, label in training_set.labelled_in(c, chat) if label in names}
        vectors = predictions.vectors(c, serving.backbone.fingerprint, list(labelled))
        texts = messages.texts(c, list(vectors))
    wanted = clean(text)
    ids = [id for id in vectors if id in texts and clean(texts[id]) not in ("", wanted)]
    if not ids:
        return None
    known = np.stack([np.frombuffer(vectors[id], np.float32) for id in ids])
    order = np.argsort(-(known @ serving.backbone.encode([wanted])[0]), kind="stable")[:NEAREST]
    chosen = [ids[int(place)] for place in order]
    return Examples(tuple(clean(texts[id]) for id in chosen), tuple(labelled[id] for id in chosen))
