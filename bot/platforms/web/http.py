"""The routes: the page and its files, the socket, the login, the sample and the health check."""

from __future__ import annotations

import asyncio
import logging
import mimetypes
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.resources import files

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.platforms.base import Ailment
from bot.platforms.http_server import healthz
from bot.platforms.web.channel import Channel
from bot.platforms.web.events import PageError, read_action
from bot.platforms.web.login import HEADERS, SESSION_SECONDS, Gate, cookie_name
from bot.platforms.web.sample import Player
from bot.platforms.web.subscribers import Subscriber, Subscribers, Wire
from workers.core.errors import BackchannelError

log = logging.getLogger(__name__)

FORM_LIMIT = 4096
"""Bytes in the password of a login form."""
WRONG = "That is not the password; try again. · 密码不对，请再试一次。"
WAIT = "Wait {seconds} s before the next try. · 请等 {seconds} 秒后再试。"

LOGOUT = '<form method="post" action="/logout"><button class="quiet" data-word="logout"></button></form>'

mimetypes.add_type("text/javascript", ".js")  # browsers run no module of another type, and a system may know another


class Site:
    """The HTTP side of the platform. `snapshot` gives all that a page needs when it loads."""

    def __init__(
        self,
        gate: Gate,
        subscribers: Subscribers,
        channel: Channel,
        player: Player,
        snapshot: Callable[[], Awaitable[Wire]],
        ailment: Ailment,
    ) -> None:
        self._gate, self._subscribers, self._channel, self._player = gate, subscribers, channel, player
        self._snapshot, self._ailment = snapshot, ailment
        folder = files("bot.platforms.web")
        self._html = {name: folder.joinpath(f"{name}.html").read_text("utf-8") for name in ("page", "login")}

    def app(self) -> ASGIApp:
        """The whole site behind the Host check, with its headers on every answer."""
        # The files hold nothing secret, and the login page needs some of them before anybody has logged in.
        static = StaticFiles(packages=[("bot.platforms.web", "page")])
        routes = [
            Route("/", self.index),
            Mount("/page", static),
            Route("/healthz", self.healthz),
            Route("/login", self.login, methods=["GET", "POST"]),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/sample", self.sample, methods=["GET", "POST", "DELETE"]),
            WebSocketRoute("/ws", self.socket),
        ]
        return Front(Starlette(routes=routes), self._gate)

    async def index(self, request: Request) -> Response:
        """The page, or the way to the login."""
        if not self._gate.admitted(request):
            return RedirectResponse("/login", status_code=303)
        page = self._html["page"]
        return HTMLResponse(page.replace("<!--logout-->", LOGOUT) if self._gate.locked else page)

    async def healthz(self, request: Request) -> Response:
        """For whoever watches over the process."""
        return await healthz(True, self._ailment)

    async def login(self, request: Request) -> Response:
        """Ask for the password, and give a cookie for it; after a wrong one the next try has to wait."""
        if not self._gate.locked or (request.method == "GET" and self._gate.admitted(request)):
            return RedirectResponse("/", status_code=303)
        if request.method == "GET":
            return self._login_page()
        form = await request.form(max_files=0, max_fields=4, max_part_size=FORM_LIMIT)
        address, now = (request.client.host if request.client else ""), time.monotonic()
        # Nothing is awaited from here on, and each try is counted before it is looked at: those that come at once
        # wait like those that come one after another.
        wait = self._gate.throttle.wait(address, now)
        if wait > 0:
            return self._login_page(429, WAIT.format(seconds=int(wait) + 1))
        self._gate.throttle.tried(address, now)
        if not self._gate.password_is(str(form.get("password", ""))):
            return self._login_page(401, WRONG)
        self._gate.throttle.succeeded(address)
        return self._admit(request)

    async def logout(self, request: Request) -> Response:
        """Let this browser forget that it was admitted."""
        if not self._gate.same_origin(request):
            return PlainTextResponse("Only the page itself may do this.", status_code=403)
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(cookie_name(request), httponly=True, samesite="strict", secure=self._gate.secure(request))
        return answer

    async def sample(self, request: Request) -> Response:
        """Start (POST) or stop (DELETE) the sample conversation, or ask how far it is (GET)."""
        if not self._gate.admitted(request):
            return PlainTextResponse("Log in first.", status_code=401)
        if request.method != "GET" and not self._gate.same_origin(request):
            return PlainTextResponse("Only the page itself may do this.", status_code=403)
        try:
            if request.method == "POST":
                await self._player.start()
            elif request.method == "DELETE":
                await self._player.stop()
        except BackchannelError as error:
            return JSONResponse({"why": str(error)}, status_code=409)
        return JSONResponse(self._player.state())

    async def socket(self, socket: WebSocket) -> None:
        """One open page: it is sent everything, and what it does is acknowledged once it is stored."""
        # Any website can open a socket to this machine, and where no password is asked only the Origin gives it away.
        if not self._gate.same_origin(socket) or not self._gate.admitted(socket):
            await socket.close(4403)
            return
        await socket.accept()
        subscriber = self._subscribers.add()
        sending = asyncio.create_task(self._send(socket, subscriber))
        try:
            await self._receive(socket, subscriber)
        finally:
            self._subscribers.remove(subscriber)
            sending.cancel()

    async def _send(self, socket: WebSocket, subscriber: Subscriber) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            # The page subscribed before the store is read, so it misses nothing; what it gets twice does no harm.
            try:
                await socket.send_json(await self._snapshot())
            except Exception as error:
                log.exception("the channel could not be read")
                why = str(error) if isinstance(error, BackchannelError) else ""
                await socket.send_json({"kind": "notice", "why": why})
                await socket.close(1013)  # the page comes back by itself
                return
            while (text := await subscriber.queue.get()) is not None:
                await socket.send_text(text)
            await socket.close(1013)

    async def _receive(self, socket: WebSocket, subscriber: Subscriber) -> None:
        with suppress(WebSocketDisconnect):
            while True:
                await self._answer(await socket.receive_text(), subscriber)

    async def _answer(self, frame: str, subscriber: Subscriber) -> None:
        action_id = ""
        try:
            action = read_action(frame)
            action_id = action.id
            subscriber.send(await self._channel.perform(action, subscriber))
        except PageError as error:
            subscriber.send({"kind": "refused", "id": error.action, "code": error.code, "why": str(error)})
        except Exception as error:
            log.exception("an event could not be stored")
            why = str(error) if isinstance(error, BackchannelError) else ""
            subscriber.send({"kind": "later", "id": action_id, "why": why})

    def _admit(self, request: Request) -> Response:
        answer = RedirectResponse("/", status_code=303)
        name, value, secure = cookie_name(request), self._gate.session_cookie(), self._gate.secure(request)
        answer.set_cookie(name, value, SESSION_SECONDS, httponly=True, samesite="strict", secure=secure)
        return answer

    def _login_page(self, status: int = 200, note: str = "") -> Response:
        return HTMLResponse(self._html["login"].replace("<!--note-->", note), status)


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
