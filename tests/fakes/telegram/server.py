"""Telegram's Bot API on this machine: HTTP as it is documented, driven by the real SDK.

Updates are handed out by long polling or pushed to a webhook, again and again until they are confirmed.
https://core.telegram.org/bots/api#getting-updates
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import aiohttp
from aiohttp import web

from tests.fakes.telegram.methods import METHODS, ApiError
from tests.fakes.telegram.world import TOKEN, Json, World


class FarSide:
    """`trouble` is asked before each call: an ApiError is answered, "drop" closes the connection before the work,
    "cut" after it, "page 413" is a proxy's answer with this status. `calls` lists what the bot called: time, method,
    fields."""

    def __init__(self) -> None:
        self.world = World()
        self.token = TOKEN
        self.calls: list[tuple[float, str, Json]] = []
        self.trouble: Callable[[str, Json], ApiError | str | None] = lambda method, fields: None
        self.webhook: Json = {}
        self.resend = 0.05
        self.confirmed: dict[int, float] = {}
        self.handed: dict[int, float] = {}
        self.skew = 0.0
        self.url = ""
        self._poll: asyncio.Future[None] | None = None
        self._pushing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FarSide]:
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/bot{token}/{method}", self._answer)
        app.router.add_get("/", self._front)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            self._end_poll()
            await self._stop_pushing()
            await runner.cleanup()

    def called(self, method: str) -> list[Json]:
        """The fields of each call of a method."""
        return [fields for _, name, fields in self.calls if name == method]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        method, fields = request.match_info["method"], await self._fields(request)
        self.calls.append((time.monotonic(), method, fields))
        try:
            if request.match_info["token"] != self.token:
                raise ApiError(401, "Unauthorized")
            trouble = self.trouble(method, fields)
            if isinstance(trouble, ApiError):
                raise trouble
            if isinstance(trouble, str) and trouble.startswith("page "):
                return web.Response(status=int(trouble.removeprefix("page ")), text="<html>", content_type="text/html")
            if trouble == "drop":
                return self._hang_up(request)
            answer: Json = {"ok": True, "result": await self._call(method, fields)}
            if trouble == "cut":
                return self._hang_up(request)
            status = 200
        except ApiError as error:
            answer = {"ok": False, "error_code": error.code, "description": error.description}
            answer |= {"parameters": error.parameters} if error.parameters else {}
            status = error.code
        return web.json_response(answer, status=status, dumps=lambda data: json.dumps(data, default=lambda _: None))

    async def _front(self, request: web.Request) -> web.Response:
        """The page without a token: it leads elsewhere, and tells the time."""
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + self.skew))
        return web.Response(status=302, headers={"Location": "/elsewhere", "Date": date})

    @staticmethod
    def _hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    @staticmethod
    async def _fields(request: web.Request) -> Json:
        """The call's fields; an uploaded file stands, as (name, bytes), where the call attached it."""
        if not request.can_read_body:
            return dict(request.query)
        form = await request.post()
        files = {name: (v.filename, v.file.read()) for name, v in form.items() if isinstance(v, web.FileField)}
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        return {name: files.get(value.removeprefix("attach://"), value) for name, value in fields.items()}

    async def _call(self, method: str, fields: Json) -> object:
        if method == "getUpdates":
            return await self._get_updates(fields)
        if method == "setWebhook":
            return await self._set_webhook(fields)
        if method == "deleteWebhook":
            return await self._delete_webhook()
        if method == "getWebhookInfo":
            return self._webhook_info()
        if method not in METHODS:
            raise ApiError(404, "Not Found: method not found")
        return METHODS[method](self.world, fields)

    # ── updates, asked for ──────────────────────────────────────────────────────────────────────────

    async def _get_updates(self, fields: Json) -> list[Json]:
        if self.webhook:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook"
                " first",
            )
        self._end_poll()
        self._poll = mine = asyncio.get_running_loop().create_future()
        if "allowed_updates" in fields:
            self.world.allowed = set(json.loads(fields["allowed_updates"]))
        self._confirm(int(fields.get("offset", 0)))
        deadline = time.monotonic() + int(fields.get("timeout", 0))
        while not self.world.pending and time.monotonic() < deadline and not mine.done():
            self.world.news.clear()
            waiting = asyncio.ensure_future(self.world.news.wait())
            await asyncio.wait([waiting, mine], timeout=deadline - time.monotonic(), return_when="FIRST_COMPLETED")
            waiting.cancel()
        if mine.done():
            raise ApiError(
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
            )
        self._poll = None
        handed = self.world.pending[: int(fields.get("limit", 100))]
        for update in handed:
            self.handed.setdefault(update["update_id"], time.monotonic())
        return handed

    def _confirm(self, offset: int) -> None:
        for update in self.world.pending:
            if update["update_id"] < offset:
                self.confirmed.setdefault(update["update_id"], time.monotonic())
        self.world.pending = [update for update in self.world.pending if update["update_id"] >= offset]

    def _end_poll(self) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    # ── updates, pushed ─────────────────────────────────────────────────────────────────────────────

    async def _set_webhook(self, fields: Json) -> bool:
        await self._stop_pushing()
        self._end_poll()
        self.webhook = fields
        if "allowed_updates" in fields:
            self.world.allowed = set(json.loads(fields["allowed_updates"]))
        self._pushing = asyncio.create_task(self._push())
        return True

    async def _delete_webhook(self) -> bool:
        await self._stop_pushing()
        self.webhook = {}
        return True

    def _webhook_info(self) -> Json:
        known = {name: self.webhook[name] for name in ("last_error_date", "last_error_message") if name in self.webhook}
        allowed = {"allowed_updates": sorted(self.world.allowed)} if self.world.allowed else {}
        more = {"has_custom_certificate": False, "pending_update_count": len(self.world.pending)}
        return {"url": self.webhook.get("url", ""), **more, **known, **allowed}

    async def _stop_pushing(self) -> None:
        if self._pushing is not None:
            self._pushing.cancel()
            with suppress(asyncio.CancelledError):
                await self._pushing
            self._pushing = None

    async def _push(self) -> None:
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook.get("secret_token", "")}
        async with aiohttp.ClientSession(headers=headers) as session:
            while True:
                while not self.world.pending:
                    self.world.news.clear()
                    await self.world.news.wait()
                update = self.world.pending[0]
                self.handed.setdefault(update["update_id"], time.monotonic())
                if await self._pushed(session, update):
                    self.world.pending.remove(update)
                    self.confirmed.setdefault(update["update_id"], time.monotonic())
                else:
                    await asyncio.sleep(self.resend)

    async def _pushed(self, session: aiohttp.ClientSession, update: Json) -> bool:
        """Whether the webhook took it; if not, Telegram keeps the reason and tries again."""
        try:
            async with session.post(self.webhook["url"], json=update) as response:
                if response.status < 300:
                    return True
                why = f"Wrong response from the webhook: {response.status} {response.reason}"
        except aiohttp.ClientError:
            why = "Connection refused"
        self.webhook |= {"last_error_date": int(time.time()), "last_error_message": why}
        return False
