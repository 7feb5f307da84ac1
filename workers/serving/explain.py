"""`explain`: why a message got its label, worked out by a process of its own beside the one that classifies.

It takes a second or two, and whoever asks waits behind nobody but others who ask: no message waits for it, and it
waits for no job. Looking into a backbone takes torch, which classifying does without: the process with it is started
when somebody asks, and ends when nobody has asked for a while.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Connection

from modeling.backbones import backbone as backbones
from modeling.backbones.backbone import Backbone
from modeling.classifier import bundle_files
from modeling.classifier.bundle import Bundle
from modeling.classifier.head import Head
from modeling.data.examples import Examples
from modeling.errors import ModelingError
from modeling.sentences.catalogue import Sentence
from modeling.text.cleaning import clean
from workers.core.events import EXPLAIN, ChatRef, Command
from workers.core.i18n import say
from workers.core.replies import Picture, Post, Reply, answer_to
from workers.handlers.claims import ClaimContext, drain
from workers.serving.served_model import ServedModel
from workers.store import chats, inbox, messages, outbox, predictions, training_set
from workers.store.database import Database
from workers.store.inbox import Claimed
from workers.store.labels import Label

if TYPE_CHECKING:
    from modeling.explanation.explain import Explanation

log = logging.getLogger(__name__)

NEAREST = 3
LEASE = 60.0
"""Seconds: on a machine that is busy training, looking into one message takes long."""
IDLE = 300.0
"""Seconds after the last question until the process with torch ends: it takes some hundred MB."""
LONGEST = 20_000
"""Characters of a message that are looked at, which is far more than any backbone reads."""

FOR, AGAINST = 4, 2
"""How many words are named."""
FAINT = 0.05
"""Of the strongest word's weight: what weighs less is not named."""
WORD, MESSAGE = 30, 80
"""Characters shown of a word, and of a labelled message."""


@dataclass(frozen=True, slots=True)
class Question:
    """A text, the head of the model in service with the labels' names, and where the backbone of its version is."""

    backbone: str
    as_saved: bool
    head: Head
    text: str
    near: Examples | None
    language: str


class Explainer:
    """Answers the waiting `explain` commands one after another whenever it is woken."""

    def __init__(self, context: ClaimContext, model: Callable[[], ServedModel]) -> None:
        # One at a time: the lease of a second would run while the first is explained.
        self._context = replace(context, most=1, lease=max(context.lease, LEASE))
        self._model = model
        self._woken = threading.Event()
        self._process: ProcessPoolExecutor | None = None
        threading.Thread(target=self._run, name="explain", daemon=True).start()

    def wake(self) -> None:
        """Say that something may wait."""
        self._woken.set()

    def _run(self) -> None:
        while True:
            if not self._woken.wait(IDLE if self._process else None):
                self._end_process()
                continue
            # Before the work: whoever comes while it goes on wakes it again.
            self._woken.clear()
            try:
                drain(self._context, EXPLAIN, self.answer)
            except Exception as error:
                log.error("Nothing can be explained just now: %s", type(error).__name__)

    def answer(self, claimed: Sequence[Claimed]) -> None:
        """Answer claimed commands, each in a transaction with its end in the inbox."""
        for item in claimed:
            if isinstance(item.event, Command):
                context = self._context
                reply = answer(context.database, self._model(), item.event, context.language, self._worked_out)
                with self._context.database.write() as c:
                    inbox.finish(c, [item])
                    outbox.add(c, [(f"{item.event.key}:0", reply)], time.time(), item.received_at)

    def _worked_out(self, question: Question) -> tuple[Explanation, bytes] | Sentence:
        # Started anew, not copied: a copy of a process with threads may find a lock that nobody opens any more.
        self._process = self._process or ProcessPoolExecutor(1, get_context("spawn"))
        try:
            return self._process.submit(work_out, question).result()
        except BrokenProcessPool:
            self._end_process()
            raise

    def _end_process(self) -> None:
        if self._process:
            self._process.shutdown(wait=False)
            self._process = None


def work_out(question: Question) -> tuple[Explanation, bytes] | Sentence:
    """The explanation and its picture, b"" where that cannot be drawn; or why there is no explanation."""
    from modeling.explanation.explain import explain
    from modeling.reporting.drawing import attempt
    from modeling.reporting.explanation_plot import png

    try:
        bundle = Bundle(loaded(question.backbone, question.as_saved), question.head)
        explained = explain(bundle, question.text, question.near)
    except ModelingError as error:
        return error.sentence
    drawn = attempt(lambda: png(explained, question.language))
    if isinstance(drawn, Sentence):
        return replace(explained, notes=(drawn, *explained.notes)), b""
    return explained, drawn


@lru_cache(maxsize=1)
def loaded(backbone: str, as_saved: bool) -> Backbone:
    """A backbone, kept for the next question. Raises ModelingError."""
    return backbones.load(backbone, as_saved=as_saved)


def answer(
    database: Database,
    model: ServedModel,
    command: Command,
    language: str,
    worked_out: Callable[[Question], tuple[Explanation, bytes] | Sentence] = work_out,
) -> Reply:
    """The explanation of the message that was replied to, or of the text that was typed, or why there is none."""
    with database.read() as c:
        chat = chats.get(c, command.chat)
        language = chat.language if chat else language
        here = command.private or (chat is not None and chat.enabled)
        refusal, text = text_asked_about(c, command) if here else ("not_here", "")
    if not refusal and not clean(text):
        refusal = "classify_empty"
    if not refusal and (model.head is None or len(model.labels) < 2):
        refusal = "classify_none"
    if refusal:
        return answer_to(command, say(language, refusal))
    text = text[:LONGEST]
    explained = worked_out(question(model, text, nearest(database, model, command.chat, text), language))
    if isinstance(explained, Sentence):
        return answer_to(command, explained.render(language))
    return in_words_and_picture(model, command, language, *explained)


def text_asked_about(c: Connection, command: Command) -> tuple[str, str]:
    """The code of the sentence that says why there is nothing to explain, or "" and the text."""
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


def in_words_and_picture(
    model: ServedModel, command: Command, language: str, explained: Explanation, content: bytes
) -> Reply:
    """The explanation as a picture with the same in words under it; in words alone where there is no picture."""
    replied_to = None if command.arguments or command.reply_to is None else command.reply_to.message_id
    text, to = explanation_text(language, explained, model.labels), replied_to or command.thread
    if not content:
        return Post(chat=command.chat, text=text, reply_to=to, to=command.caller.id)
    alt, name, asker = say(language, "explained_alt", label=explained.label), "explained.png", command.caller.id
    return Picture(chat=command.chat, filename=name, content=content, alt=alt, text=text, reply_to=to, to=asker)


def question(model: ServedModel, text: str, near: Examples | None, language: str) -> Question:
    """What is asked about the model in service."""
    assert model.head is not None
    head = replace(model.head, labels=tuple(label.name for label in model.labels))
    saved = model.version.folder
    backbone = str(Path(saved) / bundle_files.BACKBONE) if saved else model.version.backbone
    return Question(backbone, saved is not None, head, text, near, language)


def nearest(database: Database, model: ServedModel, chat: ChatRef, text: str) -> Examples | None:
    """The labelled messages of this very chat that lie nearest: others' are not for everybody here to read."""
    names = {label.id: label.name for label in model.labels}
    with database.read() as c:
        labelled = {id: names[label] for id, label in training_set.labelled_in(c, chat) if label in names}
        vectors = predictions.vectors(c, model.backbone.fingerprint, list(labelled))
        texts = messages.texts(c, list(vectors))
    cleaned = clean(text)
    # Without the message itself and its copies.
    ids = [id for id in vectors if id in texts and clean(texts[id]) not in ("", cleaned)]
    if not ids:
        return None
    candidates = np.stack([np.frombuffer(vectors[id], np.float32) for id in ids])
    order = np.argsort(-(candidates @ model.backbone.encode([cleaned])[0]), kind="stable")[:NEAREST]
    chosen = [ids[int(index)] for index in order]
    return Examples(tuple(clean(texts[id]) for id in chosen), tuple(labelled[id] for id in chosen))


def explanation_text(language: str, explained: Explanation, labels: Sequence[Label]) -> str:
    """The explanation in words, a line each for the label, for what spoke for and against it, and for what is near."""
    display = {label.name: label.display for label in labels}
    ranked = sorted(word_weights(explained).items(), key=lambda pair: -abs(pair[1]))
    strong = [(word, weight) for word, weight in ranked if abs(weight) >= FAINT * abs(ranked[0][1])]
    supporting = [pair for pair in strong if pair[1] > 0][:FOR]
    opposing = [pair for pair in strong if pair[1] < 0][:AGAINST]
    lines = [verdict(language, explained, display.get(explained.label, explained.label))]
    lines += [say(language, "explained_for", words=listed(supporting))] if supporting else []
    lines += [say(language, "explained_against", words=listed(opposing))] if opposing else []
    attribution, other = explained.attribution, explained.runner_up.label
    total, difference = f"{attribution.weights.sum():+.1f}", f"{attribution.difference:+.1f}"
    lines.append(say(language, "explained_sum", sum=total, difference=difference, other=other))
    if explained.neighbours:
        near = (
            f"{display.get(message.label, message.label)} “{cut(message.text, MESSAGE)}”"
            for message in explained.neighbours
        )
        lines.append(say(language, "explained_near", messages="; ".join(near)))
    return "\n".join([*lines, *(note.render(language) for note in explained.notes)])


def verdict(language: str, explained: Explanation, label: str) -> str:
    """Label, probability, and whether that is enough."""
    code = "explained_said" if explained.spoken else "explained_silent"
    if explained.out_of_scope:
        code = "explained_out_of_scope"
    spoken = say(language, code, threshold=min(100, round(100 * explained.threshold)))
    runner_up = explained.runner_up
    return say(
        language,
        "explained",
        label=label,
        percent=round(100 * explained.probability),
        spoken=spoken,
        other=runner_up.label,
        other_percent=round(100 * runner_up.probability),
    )


def word_weights(explained: Explanation) -> dict[str, float]:
    """Each word with its weight; one that comes several times, once with all of it."""
    total: dict[str, float] = {}
    for word, weight in zip(explained.attribution.words, explained.attribution.weights.tolist(), strict=True):
        total[word.text] = total.get(word.text, 0.0) + weight
    return total


def listed(weighted: Sequence[tuple[str, float]]) -> str:
    """Words with their weights."""
    return ", ".join(f"“{cut(word, WORD)}” {weight:+.1f}" for word, weight in weighted)


def cut(text: str, most: int) -> str:
    """The beginning of a text."""
    return text if len(text) <= most else text[: most - 1] + "…"
