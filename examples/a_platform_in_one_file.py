"""A new platform in one file: a chat room over TCP that speaks one JSON object a line.

Start `backchannel up` in one terminal: it brings the workers, and the database that both share. Then start this file in
another one, as one more bot process, and talk to it:

    python examples/a_platform_in_one_file.py 8099
    nc 127.0.0.1 8099
    {"id": "1", "by": "Ana", "do": "say", "text": "/here"}

A client chooses an `id` that no other line has, and sends a line again until it is acknowledged. It may do:

    say (text, about)     edit (about, text)     delete (about)     react (about, emoji, added)     press (about, value)

where `about` is the id of a message or a post. What the bot says goes to everybody who is connected.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import logging
import sys
import time
from typing import Any

from bot import settings as bot_settings
from bot.platforms.base import Accept, Ailment, Later, Standing, well
from bot.wiring.process import run_bot
from workers.core import settings as worker_settings
from workers.core.emoji import neutral
from workers.core.errors import BackchannelError
from workers.core.events import EVENT, ChatRef, Event, Person
from workers.core.replies import Document, EditPost, Picture, Post, React, Reply
from workers.store.database import Database

log = logging.getLogger(__name__)

NAME = "lines"
CHAT = ChatRef(platform=NAME, workspace="local", chat_id="room")
BOT = "backchannel"  # what is said under this name is the bot's own and is not read
ADMIN = "root"
LONGEST = 1024 * 1024  # bytes of one line
_sequence = itertools.count()


def to_event(line: dict[str, Any]) -> Event:
    """Translate one line to an event. Raises KeyError or ValueError where the line is not in the form above."""
    event: dict[str, Any] = {"key": f"{NAME}:{line['id']}", "at": time.time(), "sequence": next(_sequence)}
    person = {"id": line["by"], "name": line["by"]}
    about = {**CHAT.model_dump(), "message_id": line["about"]} if line.get("about") else None
    match line["do"]:
        case "say" if line["text"].startswith("/"):
            event |= {"kind": "command", "chat": CHAT, "caller": person, "text": line["text"][1:], "reply_to": about}
        case "say":
            ref = {**CHAT.model_dump(), "message_id": line["id"]}
            event |= {"kind": "message", "ref": ref, "author": person, "text": line["text"]}
        case "edit":
            event |= {"kind": "edit", "ref": about, "text": line["text"]}
        case "delete":
            event |= {"kind": "delete", "ref": about}
        case "react":
            emoji = neutral(line["emoji"])  # one form of an emoji, without skin tones
            event |= {"kind": "reaction", "ref": about, "annotator": person, "emoji": emoji, "added": line["added"]}
        case "press":
            event |= {"kind": "button", "ref": about, "presser": person, "value": line["value"]}
        case unknown:
            raise ValueError(f"nothing that can be done is called {unknown!r}")
    return EVENT.validate_python(event)


def to_line(reply: Reply, key: str, handle: str | None) -> dict[str, Any]:
    """Translate a reply to a line. A post is named by the key of its reply, which is the same on every try."""
    match reply:
        case Post():
            buttons = [choice.model_dump() for choice in reply.choices]
            return {"show": "post", "id": key, "text": reply.text, "buttons": buttons, "under": reply.reply_to}
        case EditPost():
            buttons = [choice.model_dump() for choice in reply.choices]
            return {"show": "edit", "id": handle, "text": reply.text, "buttons": buttons}
        case React():
            return {"show": "emoji", "on": reply.ref.message_id, "emoji": reply.emoji, "label": reply.label}
        case Document() | Picture():
            content = reply.content.encode() if isinstance(reply.content, str) else reply.content
            encoded = base64.b64encode(content).decode()
            return {"show": "file", "id": key, "name": reply.filename, "base64": encoded, "text": reply.text}
        case _:
            raise ValueError(f"a {reply.kind} is not shown to people")


class LinesPlatform:
    """The room: it listens on a TCP port of this machine. Port 0 takes a free one, which `port` then names."""

    name = NAME

    def __init__(self, port: int) -> None:
        self.port = port
        self.ailment: Ailment = well
        self._connected: set[asyncio.StreamWriter] = set()

    async def listen(self, accept: Accept) -> None:
        """Serve clients until cancelled."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._connected.add(writer)
            try:
                while line := await reader.readline():
                    if answer := await self._take(line, accept):
                        writer.write(_encoded(answer))
            except (OSError, ValueError) as error:  # the client is gone, or its line is too long
                log.info("A connection ended (%s).", error)
            finally:
                self._connected.discard(writer)
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", self.port, limit=LONGEST)
        self.port = server.sockets[0].getsockname()[1]
        print(f"The room is open on port {self.port}", flush=True)
        async with server:
            await server.serve_forever()

    async def _take(self, line: bytes, accept: Accept) -> dict[str, Any] | None:
        """Commit what a line says, and only then acknowledge it. None: it could not be stored, and will come again."""
        try:
            content = json.loads(line)
            if content["by"] == BOT:
                return {"ack": content["id"], "stored": False}
            event = to_event(content)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            return {"error": f"This line cannot be understood ({error}): see the first lines of {__file__}."}
        try:
            return {"ack": content["id"], "stored": await accept(event)}
        except Exception:
            log.exception("An event cannot be stored.")
            return None

    async def send(self, reply: Reply, key: str, handle: str | None) -> str | None:
        """Show a reply to everybody who is connected. Raises Later while nobody is."""
        if not self._connected:
            raise Later(1.0, "Nobody is connected.")
        line = to_line(reply, key, handle)
        for writer in self._connected:
            writer.write(_encoded(line))
        return line.get("id")

    async def standing(self, chat: ChatRef, person: Person, verb: str) -> Standing:
        """Here the person called `root` is the only admin."""
        return Standing(admin=person.id == ADMIN)


def _encoded(line: dict[str, Any]) -> bytes:
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


def main() -> None:
    """Run the room on the port that is given, with the settings of every other process of Backchannel."""
    database = Database(worker_settings.load().database_url)
    database.check()
    platform = LinesPlatform(int(sys.argv[1]) if len(sys.argv) > 1 else 8099)
    asyncio.run(run_bot(platform, database, bot_settings.load().is_operator))


if __name__ == "__main__":
    try:
        main()
    except BackchannelError as error:
        sys.exit(str(error))
