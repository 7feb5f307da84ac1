"""Several processes that train one backbone together, as `accelerate launch` starts them.

The first process, the main one, runs the whole program: it reads, decides, encodes, writes and prints. The others only
take part in fine-tuning: they wait for a task, train with the first one, and wait for the next. So no two of them can
decide differently. What they send each other is JSON through gloo, beside what Trainer uses.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import Any

TIMEOUT = timedelta(days=7)  # the first process may measure or wait as long as it likes


def process_count() -> int:
    """How many processes there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Say whether this is the first process, or the only one."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def main_process() -> Generator[None]:
    """Call the others together, and let them go at the end.

    After an error they are not told, for they may be in the middle of a step: the launcher ends them when this
    process has ended.
    """
    if process_count() > 1:
        _group()
    yield
    send_task(None)
    leave()


def prepare_follower() -> None:
    """Make this process, one that follows, end at once when it is told to, whatever it waits for."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _group()


def send_task(task: dict[str, Any] | None) -> None:
    """Give the others an order; None lets them go."""
    if process_count() > 1:
        _broadcast(json.dumps(task).encode())


def receive_task() -> dict[str, Any] | None:
    """Wait for an order of the first process; None is the end."""
    task: dict[str, Any] | None = json.loads(_broadcast(b""))
    return task


def main_decision(decision: bool) -> bool:
    """Return what the first process decided."""
    if process_count() == 1:
        return decision
    return _broadcast(b"1" if decision else b"0") == b"1"


def barrier() -> None:
    """Go on when all have come here."""
    if process_count() > 1:
        import torch.distributed as dist

        dist.barrier(group=_group())


def leave() -> None:
    """Part once all have come here: one that just ends takes the connections of those that still listen."""
    if process_count() > 1:
        import torch.distributed as dist

        barrier()
        dist.destroy_process_group()


def _broadcast(content: bytes) -> bytes:
    """Return the bytes that the first process gave."""
    import torch
    import torch.distributed as dist

    group, size = _group(), torch.tensor([len(content)])
    dist.broadcast(size, 0, group=group)
    content = content if is_main_process() else bytes(int(size))
    buffer = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    dist.broadcast(buffer, 0, group=group)
    return bytes(buffer.numpy())


@lru_cache(maxsize=1)
def _group() -> Any:
    """Join the others, once: accelerate chooses how Trainer talks, gloo carries what is told."""
    import torch
    import torch.distributed as dist
    from accelerate import PartialState
    from accelerate.utils import parse_flag_from_env

    PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.cuda.is_available())
    return dist.new_group(backend="gloo", timeout=TIMEOUT)
