"""Waiting for a state: a row, a file, a process that is gone. Never for a time."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psutil

T = TypeVar("T")

HANG = 200.0
"""Seconds. It only ends a test that hangs: no machine is so busy that what comes takes so long."""
LOOK = 0.02
MOMENT = 0.2


def until(state: Callable[[], T], wanted: Callable[[T], object] = bool) -> T:
    """The first state that is as wanted; fails with the last one."""
    give_up = time.monotonic() + HANG
    while not wanted(value := state()):
        assert time.monotonic() < give_up, f"waited in vain, at last for {value!r}"
        time.sleep(LOOK)
    return value


async def soon(state: Callable[[], T | Awaitable[T]], wanted: Callable[[T], object] = bool) -> T:
    """The same without blocking the event loop; the state may have to be awaited."""
    give_up = time.monotonic() + HANG
    while True:
        value = state()
        value = await value if inspect.isawaitable(value) else value
        if wanted(value):
            return value
        assert time.monotonic() < give_up, f"waited in vain, at last for {value!r}"
        await asyncio.sleep(LOOK)


async def moment() -> None:
    """Time for what must not happen to happen. A busy machine makes such a test weaker, and never wrong."""
    await asyncio.sleep(MOMENT)


def is_gone(pid: int) -> bool:
    """Whether a process has ended, its parent's knowledge of that aside.

    The first thread may be a zombie while another still ends, and until then files are open and locks are held.
    """
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE and psutil.Process(pid).num_threads() == 1
    except psutil.NoSuchProcess:
        return True


def kill(pid: int) -> None:
    """`kill -9`, and wait until the process has ended."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: is_gone(pid))
