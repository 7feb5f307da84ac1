"""The web platform: a server for one page, one WebSocket and one channel."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING

import uvicorn
from pydantic import SecretStr

from bot.platforms.base import Accept
from bot.platforms.web.actions import FRAME_LIMIT
from bot.platforms.web.audience import Audience, Wire
from bot.platforms.web.channel import Channel
from bot.platforms.web.gate import Gate
from bot.platforms.web.routes import Site
from bot.platforms.web.sample import Player, sample_labels
from workers.contracts import BackchannelError, ChatRef, Person, Reply

if TYPE_CHECKING:
    from workers.store.views import Line, Overview

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""How often the overview is looked at while somebody has the page open."""


class WebPlatform:
    """A chat window in the browser. `history` and `overview` read the store and may block; they run in threads.

    `verbs` is the command table for completion: dicts of verb, arguments, help {en, zh} and admin.
    `before_sample`, if given, runs in a thread before the sample conversation plays: it makes sure that the
    labels of `sample.sample_labels()` exist and that the chat is enabled.
    Raises `BackchannelError` when other machines could reach the page and no password is set.
    """

    name = "web"

    def __init__(
        self,
        host: str,
        port: int,
        password: SecretStr | None,
        workspace: str = "local",
        chat_id: str = "general",
        *,
        history: Callable[[ChatRef], list[Line]],
        overview: Callable[[ChatRef], Overview],
        verbs: Sequence[Mapping[str, object]],
        before_sample: Callable[[], None] | None = None,
    ) -> None:
        self.host, self.port = host, port
        self.gate = Gate(host, password)
        self.chat = ChatRef(platform=self.name, workspace=workspace, chat_id=chat_id)
        self.audience = Audience()
        self.channel = Channel(self.chat, self.audience)
        self.player = Player(self.chat, self.channel.clock, self.channel.publish, self.audience.tell)
        self.verbs = [dict(verb) for verb in verbs]
        self.ready = asyncio.Event()
        self._history, self._overview, self._before_sample = history, overview, before_sample

    async def listen(self, accept: Accept) -> None:
        """Serve the page and hand every event to `accept`. Runs until it is cancelled.

        Raises `BackchannelError` when the address cannot be bound. With port 0, `port` holds the real one once
        `ready` is set.
        """
        sock = bind(self.host, self.port)
        self.port = sock.getsockname()[1]
        self.channel.accept = accept
        server = Server(config(Site(self).app()))
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        watching = asyncio.create_task(self._watch())
        self.ready.set()
        try:
            await asyncio.shield(serving)
        finally:
            watching.cancel()
            await self.player.stop()
            server.should_exit = True
            await asyncio.wait([serving, watching])

    async def send(self, reply: Reply, key: str, post_id: str | None) -> str | None:
        """Show a reply to every open page; see `Platform.send`. A page that opens later reads the store."""
        return self.channel.tell(reply, key, post_id)

    async def is_admin(self, chat: ChatRef, person: Person) -> bool:
        """Whoever can open the page, on this machine or by its password, administers."""
        return chat == self.chat

    async def snapshot(self) -> Wire:
        """All that a page needs when it loads."""
        lines = await asyncio.to_thread(self._history, self.chat)
        seen = await asyncio.to_thread(self._overview, self.chat)
        return {
            "kind": "hello",
            "channel": self.chat.chat_id,
            "now": self.channel.clock.now(),
            "lines": self.channel.lines(lines),
            "overview": seen.model_dump(mode="json"),
            "verbs": self.verbs,
            "sample": self.player.state(),
        }

    async def play_sample(self) -> None:
        """Start the sample conversation, its labels meaning what this installation's labels of that name mean."""
        if self._before_sample is not None:
            await asyncio.to_thread(self._before_sample)
        seen = await asyncio.to_thread(self._overview, self.chat)
        theirs = {label.name.casefold(): label.emoji for label in seen.labels}
        self.player.start({label.name: theirs.get(label.name.casefold(), label.emoji) for label in sample_labels()})

    async def _watch(self) -> None:
        """Push the overview when it has changed, and the lines when somebody's messages were forgotten."""
        last: Overview | None = None
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not len(self.audience):
                continue
            try:
                seen = await asyncio.to_thread(self._overview, self.chat)
                if last is not None and seen.messages < last.messages:
                    lines = await asyncio.to_thread(self._history, self.chat)
                    self.audience.tell({"kind": "lines", "lines": self.channel.lines(lines)})
            except Exception:
                log.exception("the overview could not be read; trying again")
                await asyncio.sleep(5 * LOOK_SECONDS)
                continue
            if seen != last:
                self.audience.tell({"kind": "overview", "overview": seen.model_dump(mode="json")})
            last = seen


class Server(uvicorn.Server):
    """uvicorn, whose signals belong to the process that runs us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Install no signal handlers."""
        yield


def config(app: object) -> uvicorn.Config:
    """How uvicorn runs inside the bot: quiet, without lifespan, and quick to stop."""
    return uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType]
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        log_config=None,
        ws_max_size=FRAME_LIMIT,
        timeout_graceful_shutdown=2,
    )


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `BackchannelError`: the port is in use, not allowed, or the address is not ours."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=512)  # pyright: ignore[reportArgumentType]
    except (OSError, OverflowError, UnicodeError) as error:
        raise BackchannelError(why_not(host, port, error)) from error


def why_not(host: str, port: int, error: Exception) -> str:
    """The sentence for an address that cannot be bound."""
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EADDRINUSE:
        return f"Port {port} is in use by another program: stop it, or choose another port with BACKCHANNEL_WEB__PORT."
    if code == errno.EACCES:
        return f"Port {port} needs more rights than we have: choose one above 1023 with BACKCHANNEL_WEB__PORT."
    if isinstance(error, OverflowError):
        return f"There is no port {port}: choose one from 1024 to 65535 with BACKCHANNEL_WEB__PORT."
    return f"The web page cannot listen on {host}: set BACKCHANNEL_WEB__HOST to an address of this machine."
