"""The far side's Socket Mode: tickets, envelopes, acknowledgements, and envelopes that are sent again."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.slack.shapes import Trouble


@dataclass
class Envelope:
    """Something for the app; `acked` is set, with what came along, once the app has said so."""

    body: dict[str, Any]
    acked: asyncio.Future[Any]
    sent: int = 0
    sent_at: float = 0.0


@dataclass
class FarSocket:
    """Sends each envelope to any one connection, again after `patience` seconds and after a lost connection."""

    app_token: str = "xapp-1-canary-socket"
    patience: float = 1.0
    most_tries: int = 1_000_000
    url: str = ""
    connections: list[web.WebSocketResponse] = field(default_factory=list)
    tickets: set[str] = field(default_factory=set)
    waiting: dict[str, Envelope] = field(default_factory=dict)
    refused: deque[str] = field(default_factory=deque)
    broken_links: int = 0
    """So many connections fail, though their ticket was good."""
    opened: int = 0
    dropped: int = 0
    rng: random.Random = field(default_factory=lambda: random.Random(0))

    def open(self, token: str) -> dict[str, Any]:
        """`apps.connections.open`: an address that is good for one connection."""
        if self.refused:
            raise Trouble(self.refused.popleft())
        if token != self.app_token:
            raise Trouble("invalid_auth")
        ticket = uuid.uuid4().hex
        self.tickets.add(ticket)
        return {"url": f"{self.url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id=A1"}

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """One connection, from hello to its end."""
        if request.query.get("ticket") not in self.tickets:
            return web.Response(status=404)
        self.tickets.discard(request.query["ticket"])
        if self.broken_links:
            self.broken_links -= 1
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.opened += 1
        debug = {"host": "applink-1", "build_number": 1, "approximate_connection_time": 18060}
        info = {"app_id": "A1"}
        hello = {"type": "hello", "num_connections": len(self.connections) + 1, "debug_info": debug}
        await socket.send_json(hello | {"connection_info": info})
        self.connections.append(socket)
        try:
            for number, envelope in list(self.waiting.items()):  # what a lost connection left
                await self.push(number, envelope)
            async for frame in socket:
                if frame.type == WSMsgType.TEXT:
                    self.take(frame.json())
        finally:
            if socket in self.connections:
                self.connections.remove(socket)
        return socket

    def take(self, frame: dict[str, Any]) -> None:
        """An acknowledgement, perhaps with a payload."""
        envelope = self.waiting.pop(frame["envelope_id"], None)
        if envelope and not envelope.acked.done():
            envelope.acked.set_result(frame.get("payload"))

    def deliver(self, kind: str, payload: dict[str, Any]) -> Envelope:
        """Send an envelope until it is acknowledged."""
        number = str(uuid.uuid4())
        accepts = kind != "events_api"
        body = {"envelope_id": number, "type": kind, "accepts_response_payload": accepts, "payload": payload}
        envelope = Envelope(body, asyncio.get_running_loop().create_future())
        self.waiting[number] = envelope
        task = asyncio.create_task(self._insist(number, envelope))
        envelope.acked.add_done_callback(lambda _: task.cancel())
        return envelope

    async def _insist(self, number: str, envelope: Envelope) -> None:
        while number in self.waiting and envelope.sent < self.most_tries:
            await self.push(number, envelope)
            await asyncio.sleep(self.patience)

    async def push(self, number: str, envelope: Envelope) -> None:
        """To any one connection; there may be none just now."""
        if not self.connections or number not in self.waiting:
            return
        again = {"retry_attempt": envelope.sent, "retry_reason": "timeout" if envelope.sent else ""}
        body = envelope.body | (again if envelope.body["type"] == "events_api" else {})
        envelope.sent += 1
        envelope.sent_at = time.monotonic()
        with contextlib.suppress(ConnectionError):
            await self.rng.choice(self.connections).send_json(body)

    async def ask_to_reconnect(self, reason: str = "refresh_requested") -> None:
        """Slack says so before it closes a connection."""
        for socket in list(self.connections):
            with contextlib.suppress(ConnectionError):
                await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}})

    def drop(self) -> None:
        """Cut a connection without a word."""
        for socket in self.connections[:1]:
            self.dropped += 1
            transport = socket._req.transport if socket._req else None
            if transport:
                transport.abort()
