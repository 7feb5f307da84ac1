"""The web platform wired to the store: what its page shows is read there, and what a demo needs is put there."""

from __future__ import annotations

import time

from bot.platforms.web.platform import CHANNEL, WebPlatform
from bot.platforms.web.sample import sample_labels
from bot.settings import WebSettings
from workers.core.command_table import VERBS
from workers.core.events import ChatRef, Person
from workers.store import chats, inbox, labels
from workers.store import history as histories
from workers.store import overview as overviews
from workers.store.database import Database
from workers.store.history import Line
from workers.store.overview import Overview

WAITING_SECONDS = 2.0
"""Seconds after which the page says that an event still waits: its worker is starting, or gone."""


def web_platform(database: Database, web: WebSettings) -> WebPlatform:
    """The page's server. Raises BackchannelError where other machines could reach it without a password."""

    def history(chat: ChatRef) -> list[Line]:
        with database.read() as c:
            return histories.history(c, chat)

    def overview(chat: ChatRef) -> Overview:
        with database.read() as c:
            waiting = sum(inbox.waiting(c, time.time() - WAITING_SECONDS).values())
            return overviews.overview(c, chat).model_copy(update={"waiting": waiting})

    verbs = [
        {"verb": verb.name, "arguments": verb.arguments, "help": {"en": verb.en, "zh": verb.zh}, "admin": verb.admin}
        for verb in VERBS.values()
    ]
    return WebPlatform(
        web.host,
        web.port,
        web.password,
        history=history,
        overview=overview,
        verbs=verbs,
        before_sample=lambda: prepare_demo(database),
        public_url=web.public_url,
        trusted_proxies=web.trusted_proxies,
    )


def prepare_demo(database: Database) -> None:
    """Enable the web channel if it never was, and bring the sample's labels where there are none at all."""
    now = time.time()
    with database.write() as c:
        if chats.get(c, CHANNEL) is None:
            chats.enable(c, CHANNEL, Person(id="demo", name="demo"), "en", now)
        if not labels.living(c):
            for label in sample_labels():
                labels.add(c, label.name, label.description, label.emoji, now)
