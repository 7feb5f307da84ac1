"""The routes: the page and its files, the socket, the login, the sample and the health check."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from importlib.resources import files
from typing import Protocol
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.platforms.web.audience import Audience, Seat, Wire
from bot.platforms.web.channel import Channel
from bot.platforms.web.events import PageError, read_action
from bot.platforms.web.login import HEADERS, SESSION_SECONDS, Gate, cookie_name
from bot.platforms.web.sample import Player
from workers.core.errors import BackchannelError

log = logging.getLogger(__name__)

TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
LOGIN_LIMIT = 4096
WRONG = "That is not the password; try again. · 密码不对，请再试一次。"
WAIT = "Wait {seconds} s before the next try. · 请等 {seconds} 秒后再试。"


def page_files() -> dict[str, tuple[bytes, str]]:
    """Name → content and type of every file of the page, read once."""
    folder = files("bot.platforms.web").joinpath("page")
    found = [(entry.name, entry) for entry in folder.iterdir() if entry.name.rpartition(".")[2] in TYPES]
    return {name: (entry.read_bytes(), TYPES[name.rpartition(".")[2]]) for name, entry in found}


class Served(Protocol):
    """What the site shows and does: the platform, as far as HTTP looks at it."""

    gate: Gate
    audience: Audience
    channel: Channel
    player: Player

    async def snapshot(self) -> Wire:
        """All that a page needs when it loads."""
        ...

    async def play_sample(self) -> None:
        """Start the sample conversation. Raises BackchannelError where it cannot."""
        ...


class Site:
    """The HTTP side of the platform."""

    def __init__(self, platform: Served) -> None:
        self.platform, self.gate, self.files = platform, platform.gate, page_files()

    def app(self) -> ASGIApp:
        """The whole site behind the Host check, with its headers on every answer."""
        routes = [
            Route("/", self.index),
            Route("/page/{name}", self.file),
            Route("/healthz", self.healthz),
            Route("/login", self.login, methods=["GET", "POST"]),
            Route("/sample", self.sample, methods=["GET", "POST", "DELETE"]),
            WebSocketRoute("/ws", self.socket),
        ]
        return Front(Starlette(routes=routes), self.gate)

    async def index(self, request: Request) -> Response:
        """The page, or the way to the login."""
        if not self.gate.admitted(request):
            return RedirectResponse("/login", status_code=303)
        return self._page("page.html")

    async def file(self, request: Request) -> Response:
        """A stylesheet or a module. They hold nothing secret, and the login page needs its own."""
        name = request.path_params["name"]
        if name not in self.files or name.endswith(".html"):
            return PlainTextResponse("There is no such file.", status_code=404)
        return self._page(name)

    async def healthz(self, request: Request) -> Response:
        """For whoever watches over the process."""
        return PlainTextResponse("ok")

    async def login(self, request: Request) -> Response:
        """Ask for the password, and give a cookie for it; a wrong one has to wait."""
        if not self.gate.locked or (request.method == "GET" and self.gate.admitted(request)):
            return RedirectResponse("/", status_code=303)
        if request.method == "GET":
            return self._page("login.html")
        address, now = (request.client.host if request.client else ""), time.monotonic()
        wait = self.gate.patience.wait(address, now)
        if wait > 0:
            return self._page("login.html", 429, WAIT.format(seconds=int(wait) + 1))
        if not self.gate.password_is(await password_in(request)):
            self.gate.patience.failed(address, now)
            return self._page("login.html", 401, WRONG)
        self.gate.patience.succeeded(address)
        return self._admit(request)

    async def sample(self, request: Request) -> Response:
        """Start (POST) or stop (DELETE) the sample conversation, or ask how far it is (GET)."""
        if not self.gate.admitted(request):
            return PlainTextResponse("Log in first.", status_code=401)
        if request.method != "GET" and not self.gate.same_origin(request):
            return PlainTextResponse("Only the page itself may do this.", status_code=403)
        try:
            if request.method == "POST":
                await self.platform.play_sample()
            elif request.method == "DELETE":
                await self.platform.player.stop()
        except BackchannelError as error:
            return JSONResponse({"why": str(error)}, status_code=409)
        return JSONResponse(self.platform.player.state())

    async def socket(self, socket: WebSocket) -> None:
        """One open page: it hears everything, and what it does is acknowledged once it is stored."""
        if not self.gate.same_origin(socket) or not self.gate.admitted(socket):
            await socket.close(4403)
            return
        await socket.accept()
        seat = self.platform.audience.join()
        speaking = asyncio.create_task(self._speak(socket, seat))
        try:
            await self._hear(socket, seat)
        finally:
            self.platform.audience.leave(seat)
            speaking.cancel()

    async def _speak(self, socket: WebSocket, seat: Seat) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            # the seat was taken before the store was read, so nothing falls between; the page takes doubles calmly
            try:
                await socket.send_json(await self.platform.snapshot())
            except Exception as error:
                log.exception("the channel could not be read")
                why = str(error) if isinstance(error, BackchannelError) else ""
                await socket.send_json({"kind": "notice", "why": why})
                await socket.close(1013)  # the page comes back by itself
                return
            while (text := await seat.waiting.get()) is not None:
                await socket.send_text(text)
            await socket.close(1013)

    async def _hear(self, socket: WebSocket, seat: Seat) -> None:
        with suppress(WebSocketDisconnect):
            while True:
                await self._answer(await socket.receive_text(), seat)

    async def _answer(self, frame: str, seat: Seat) -> None:
        action_id = ""
        try:
            action = read_action(frame)
            action_id = action.id
            seat.tell(await self.platform.channel.take(action))
        except PageError as error:
            seat.tell({"kind": "refused", "id": error.action, "code": error.code, "why": str(error)})
        except Exception as error:
            log.exception("an event could not be stored")
            why = str(error) if isinstance(error, BackchannelError) else ""
            seat.tell({"kind": "later", "id": action_id, "why": why})

    def _admit(self, request: Request) -> Response:
        answer = RedirectResponse("/", status_code=303)
        secure = request.url.scheme == "https"
        name, value = cookie_name(request), self.gate.pass_for()
        answer.set_cookie(name, value, SESSION_SECONDS, httponly=True, samesite="strict", secure=secure)
        return answer

    def _page(self, name: str, status: int = 200, note: str = "") -> Response:
        content, kind = self.files[name]
        return Response(content.replace(b"<!--note-->", note.encode()), status, media_type=kind)


async def password_in(request: Request) -> str:
    """The password of a login form; "" if there is none or the form is absurdly long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LOGIN_LIMIT:
            return ""
    return parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]


class Front:
    """Before everything: the Host check, and the security headers on every answer."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        if not self._gate.host_allowed(HTTPConnection(scope)):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 4403})
                return
            refusal = PlainTextResponse("Open this page as http://127.0.0.1 or http://localhost.", status_code=421)
            await refusal(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        await self._app(scope, receive, dressed)
