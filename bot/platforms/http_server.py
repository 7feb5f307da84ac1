"""Serve HTTP inside a bot process: without access log, quick to stop, one sentence when an address can't be had."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncGenerator, Generator

import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bot.platforms.base import Ailment
from workers.core.errors import BackchannelError

FRAME_LIMIT = 2 * 1024 * 1024
"""Bytes in one WebSocket frame; more closes the socket."""


class Server(uvicorn.Server):
    """uvicorn, whose signals belong to the process that runs us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Install no signal handlers."""
        yield


@contextlib.asynccontextmanager
async def serving(app: object, sock: socket.socket, trusted_proxies: str = "") -> AsyncGenerator[asyncio.Task[None]]:
    """Serve an ASGI app on a socket until the block ends; the task ends early only if the server fails.

    `trusted_proxies` are addresses, with commas between, that are believed about whom they ask for.
    """
    server = Server(config(app, trusted_proxies))
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield task
    finally:
        server.should_exit = True
        await asyncio.wait([task])


def config(app: object, trusted_proxies: str) -> uvicorn.Config:
    """How uvicorn runs inside the bot: without access log and lifespan, and quick to stop."""
    return uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType]
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        # By itself uvicorn believes whatever comes from this machine.
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        # uvicorn's own configuration would print past the process's logging.
        log_config=None,
        ws_max_size=FRAME_LIMIT,
        # Seconds; without a limit one slow client would hold up the end of the process.
        timeout_graceful_shutdown=2,
    )


async def healthz(connected: bool, ailment: Ailment) -> Response:
    """For whoever watches over the process: 200, or 503 and what is wrong."""
    wrong = await ailment() if connected else "not connected"
    return PlainTextResponse(wrong or "ok", 503 if wrong else 200)


async def read_body(request: Request, limit: int) -> bytes | None:
    """The body of a request; None as soon as it is longer than `limit` bytes."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            return None
    return bytes(body)


def bind(host: str, port: int, group: str) -> socket.socket:
    """A listening socket; `group` names the settings that chose it, such as BACKCHANNEL_WEB.

    Raises `BackchannelError`: the port is in use, not allowed, or the address is not ours.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # An IPv6 address has four parts, of which it takes two. Bound here, because uvicorn would exit the process.
        return socket.create_server(address[:2], family=family, backlog=512)  # pyright: ignore[reportArgumentType]
    except (OSError, OverflowError, UnicodeError) as error:
        raise BackchannelError(bind_error(host, port, group, error)) from error


def bind_error(host: str, port: int, group: str, error: Exception) -> str:
    """The sentence for an address that cannot be bound."""
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EADDRINUSE:
        return f"Port {port} is in use by another program: stop it, or choose another port with {group}__PORT."
    if code == errno.EACCES:
        return f"Port {port} needs more rights than we have: choose one above 1023 with {group}__PORT."
    if isinstance(error, OverflowError):
        return f"There is no port {port}: choose one from 1024 to 65535 with {group}__PORT."
    return f"We cannot listen on {host}: set {group}__HOST to an address of this machine."
