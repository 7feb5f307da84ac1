"""The web platform wired to the store: what its page shows is read there."""

from __future__ import annotations

import time

from bot.platforms.web.platform import WebPlatform
from bot.settings import WebSettings
from bot.wiring.demo import prepare
from workers.core.command_table import VERBS
from workers.core.events import ChatRef
from workers.store import history as histories
from workers.store import inbox
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
        before_sample=lambda: prepare(database),
    )
