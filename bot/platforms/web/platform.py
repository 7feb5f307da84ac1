"""The web platform: a server for one page, one WebSocket and one channel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bot.platforms.base import Accept, Ailment, Standing, well
from bot.platforms.http_server import bind, serving
from bot.platforms.web.channel import Channel
from bot.platforms.web.http import Site
from bot.platforms.web.login import Gate
from bot.platforms.web.sample import Player, sample_labels
from bot.platforms.web.subscribers import Subscribers, Wire
from workers.core.events import ChatRef, Person
from workers.core.replies import Reply

if TYPE_CHECKING:
    from workers.store.history import Line
    from workers.store.overview import Overview

log = logging.getLogger(__name__)

CHANNEL = ChatRef(platform="web", workspace="local", chat_id="general")
POLL_SECONDS = 0.5
"""How often the overview is looked at while somebody has the page open."""


class WebPlatform:
    """A chat window in the browser. `history` and `overview` read the store and may block; they run in threads.

    `verbs` is the command table for completion: dicts of verb, arguments, help {en, zh} and admin.
    `before_sample`, if given, runs in a thread before the sample conversation plays: it makes sure that the
    labels of `sample.sample_labels()` exist and that the chat is enabled.
    `public_url` is where people open a page behind a proxy, `trusted_proxies` whose word about them counts.
    Raises `BackchannelError` when other machines could reach the page and no password is set.
    """

    name = "web"

    def __init__(
        self,
        host: str,
        port: int,
        password: SecretStr | None,
        *,
        history: Callable[[ChatRef], list[Line]],
        overview: Callable[[ChatRef], Overview],
        verbs: Sequence[Mapping[str, object]],
        before_sample: Callable[[], None] | None = None,
        public_url: str = "",
        trusted_proxies: str = "",
    ) -> None:
        self.host, self.port = host, port
        self.ailment: Ailment = well
        self.gate = Gate(host, password, public_url)
        self.chat = CHANNEL
        self.subscribers = Subscribers()
        self.channel = Channel(self.chat, self.subscribers)
        self.player = Player(
            self.chat, self.channel.clock, self.channel.publish, self.subscribers.broadcast, self._sample_emoji
        )
        self.verbs = [dict(verb) for verb in verbs]
        self.ready = asyncio.Event()
        self._trusted_proxies = trusted_proxies
        self._history, self._overview, self._before_sample = history, overview, before_sample

    async def listen(self, accept: Accept) -> None:
        """Serve the page and hand every event to `accept`. Runs until it is cancelled.

        Raises `BackchannelError` when the address cannot be bound. With port 0, `port` holds the real one once
        `ready` is set.
        """
        sock = bind(self.host, self.port, "BACKCHANNEL_WEB")
        self.port = sock.getsockname()[1]
        self.channel.accept = accept
        site = Site(self.gate, self.subscribers, self.channel, self.player, self.snapshot, self.ailment)
        async with serving(site.app(), sock, self._trusted_proxies) as server:
            watching = asyncio.create_task(self._watch())
            self.ready.set()
            try:
                # Cancelled, `serving` still lets it end in order.
                await asyncio.shield(server)
            finally:
                watching.cancel()
                await self.player.stop()
                await asyncio.wait([watching])

    async def send(self, reply: Reply, key: str, handle: str | None) -> str | None:
        """Show a reply to every open page; see `Platform.send`. A page that opens later reads the store."""
        return self.channel.show_reply(reply, key, handle)

    async def standing(self, chat: ChatRef, person: Person, verb: str) -> Standing:
        """Whoever can open the page, on this machine or by its password, administers."""
        return Standing(chat == self.chat)

    async def snapshot(self) -> Wire:
        """All that a page needs when it loads."""
        lines = await asyncio.to_thread(self._history, self.chat)
        overview = await asyncio.to_thread(self._overview, self.chat)
        return {
            "kind": "hello",
            "channel": self.chat.chat_id,
            "now": self.channel.clock.now(),
            "lines": self.channel.lines(lines),
            "overview": overview.model_dump(mode="json"),
            "verbs": self.verbs,
            "sample": self.player.state(),
        }

    async def _sample_emoji(self) -> dict[str, str]:
        """What the sample's labels are marked with: this installation's emoji where it has a label of that name."""
        if self._before_sample is not None:
            await asyncio.to_thread(self._before_sample)
        overview = await asyncio.to_thread(self._overview, self.chat)
        ours = {label.name.casefold(): label.emoji for label in overview.labels}
        return {label.name: ours.get(label.name.casefold(), label.emoji) for label in sample_labels()}

    async def _watch(self) -> None:
        """Push the overview when it has changed, and the lines when somebody's messages were forgotten."""
        last: Overview | None = None
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if not len(self.subscribers):
                continue
            try:
                overview = await asyncio.to_thread(self._overview, self.chat)
                if last is not None and overview.messages < last.messages:
                    lines = await asyncio.to_thread(self._history, self.chat)
                    self.subscribers.broadcast({"kind": "lines", "lines": self.channel.lines(lines)})
            except Exception:
                log.exception("the overview could not be read; trying again")
                await asyncio.sleep(5 * POLL_SECONDS)
                continue
            if overview != last:
                self.subscribers.broadcast({"kind": "overview", "overview": overview.model_dump(mode="json")})
            last = overview
