"""A storm on one platform: duplicates, shuffling, cut connections, a broker that is down for a third of the time.

    python -m tests.benchmarks.storm --platform slack [--events 10000] [--rate 80] [--drops 200] [--seed 0]

The bot, the workers and the far side are real processes that speak the platform's protocol; the broker is the real
embedded Valkey, which is stopped and started again. Afterwards every ledger row, text and derived label is compared
with what people really did, and every event that was acknowledged is looked for in the inbox at once. Exit status 1
if anything is wrong. Times are printed and never judged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import text as sql

from bot.cli import open_database
from bot.settings import BotSettings
from bot.supervisor.child import RestartPolicy
from bot.supervisor.stack import process_specs
from bot.supervisor.supervisor import Supervisor
from tests import valkey
from tests.benchmarks.chaos import quiet
from tests.benchmarks.storm_truth import Act, Truth
from tests.workers.queries import enabled_chats
from workers.core.events import ChatRef
from workers.core.settings import Settings
from workers.queue import embedded_valkey
from workers.store import labels
from workers.store.database import Database

TWICE, LATE = 0.10, 0.05
UP, DOWN = 16.0, 8.0
"""Seconds for which the broker runs and does not, in turn."""


class Far(Protocol):
    """The far side of one platform."""

    platform: str
    chats: list[ChatRef]

    def truth(self, rng: random.Random) -> Truth: ...
    async def start(self) -> dict[str, str]: ...
    async def settle(self) -> None: ...
    def message_id(self) -> str: ...
    def prepare(self, act: Act) -> tuple[str, Any]: ...
    async def send(self, body: Any) -> float: ...
    def drop(self) -> bool: ...
    def connections(self) -> int: ...
    async def stop(self) -> None: ...


def slack() -> Far:
    from tests.benchmarks.storm_slack import SlackStorm

    return SlackStorm()


def telegram() -> Far:
    from tests.benchmarks.storm_telegram import TelegramStorm

    return TelegramStorm()


FARS: dict[str, Callable[[], Far]] = {"slack": slack, "telegram": telegram}


@dataclass
class Tally:
    """What was seen on the way."""

    sent: int = 0
    acknowledged: int = 0
    seconds: list[float] = field(default_factory=list[float])
    unstored: list[str] = field(default_factory=list[str])
    drops: int = 0
    down: float = 0.0


@dataclass
class Storm:
    """One storm over one far side."""

    far: Far
    database: Database
    rng: random.Random
    rate: float
    tally: Tally = field(default_factory=Tally)

    async def one(self, key: str, body: Any, after: float) -> None:
        """Deliver once; as soon as it is acknowledged it must be in the inbox."""
        await asyncio.sleep(after)
        self.tally.seconds.append(await self.far.send(body))
        self.tally.acknowledged += 1
        if not await asyncio.to_thread(self.stored, key):
            self.tally.unstored.append(key)

    def stored(self, key: str) -> bool:
        with self.database.read() as c:
            return c.execute(sql("select 1 from inbox where key = :key"), {"key": key}).first() is not None

    async def play(self, truth: Truth, events: int) -> None:
        """So many events at an even pace, a tenth of them twice and a twentieth late."""
        tasks: set[asyncio.Task[None]] = set()
        began, number = time.monotonic(), 0
        while self.tally.sent < events:
            chat = self.far.chats[number % len(self.far.chats)]
            for act in truth.acts(number, chat, self.far.message_id()):
                late = self.rng.uniform(0.2, 3.0) if self.rng.random() < LATE else 0.0
                again = [late + self.rng.uniform(0.0, 2.0)] if self.rng.random() < TWICE else []
                key, body = self.far.prepare(act)
                for after in (late, *again):
                    tasks.add(asyncio.create_task(self.one(key, body, after)))
                    self.tally.sent += 1
                await asyncio.sleep(max(0.0, began + self.tally.sent / self.rate - time.monotonic()))
            number += 1
        await asyncio.gather(*tasks)

    async def cut(self, drops: int, events: int) -> None:
        """Cut connections, as evenly over the events as it goes."""
        while self.tally.drops < drops:
            if self.tally.sent >= events * self.tally.drops / drops and self.far.drop():
                self.tally.drops += 1
            await asyncio.sleep(0.05)

    async def unplug(self, data: Path) -> None:
        """Take the broker down and bring it back, in turn."""
        while True:
            await asyncio.sleep(UP)
            await asyncio.to_thread(embedded_valkey.stop, data)
            began = time.monotonic()
            await asyncio.sleep(DOWN)
            await asyncio.to_thread(valkey.start, data)
            self.tally.down += time.monotonic() - began


async def ready(database: Database, far: Far) -> None:
    """Wait until the chats are enabled and the labels are there."""
    while True:
        with database.read() as c:
            enabled = enabled_chats(c)
            if enabled >= set(far.chats) and len(labels.living(c)) >= 3:
                return
        await asyncio.sleep(0.2)


async def run(arguments: argparse.Namespace, data: Path) -> int:
    far, rng = FARS[arguments.platform](), random.Random(arguments.seed)
    os.environ |= await far.start()
    settings, own = Settings(_env_file=None), BotSettings(_env_file=None)  # pyright: ignore[reportCallIssue]
    database = open_database(settings)
    valkey.start(data)
    stack = [child for child in process_specs(settings, own, [[far.platform]]) if child.name != "valkey"]
    storm, truth = Storm(far, database, rng, arguments.rate), far.truth(rng)
    supervisor = Supervisor(stack, data, say=lambda _: None, policy=RestartPolicy(first=0.3, longest=2.0, healthy=5.0))
    try:
        await asyncio.to_thread(supervisor.__enter__)  # in a thread: the far side has to answer meanwhile
        await far.settle()
        await asyncio.wait_for(ready(database, far), 120)
        began = time.monotonic()
        trouble = [asyncio.create_task(storm.unplug(data))]
        cutting = asyncio.create_task(storm.cut(arguments.drops, arguments.events))
        await storm.play(truth, arguments.events)
        await cutting
        took = time.monotonic() - began
        for task in trouble:
            task.cancel()
        await asyncio.gather(*trouble, return_exceptions=True)
        await asyncio.to_thread(valkey.start, data)
        print(f"played after {took:.0f} s; waiting for quiet", file=sys.stderr)
        await quiet(database)
    finally:
        await asyncio.to_thread(supervisor.__exit__, None, None, None)
        embedded_valkey.stop(data)
        await far.stop()
    return report(arguments, storm, truth, took)


def report(arguments: argparse.Namespace, storm: Storm, truth: Truth, took: float) -> int:
    """Print what came of it; 1 if anything is wrong."""
    tally, verdict = storm.tally, truth.compare(storm.database)
    ranked = sorted(tally.seconds)
    late = {f"p{share}": round(1000 * ranked[int(len(ranked) * share / 100)], 1) for share in (50, 95, 99)}
    summary = {
        "platform": arguments.platform,
        "delivered": tally.sent,
        "acknowledged": tally.acknowledged,
        "acknowledged_without_being_stored": len(tally.unstored),
        "acknowledgement_ms": late | {"max": round(1000 * ranked[-1], 1)},
        "connections": storm.far.connections(),
        "drops": tally.drops,
        "broker_down_share": round(tally.down / took, 2),
        "seconds": round(took),
        "ledger_rows": sum(truth.rows.values()),
    }
    print(json.dumps(summary | {name: len(found) for name, found in verdict.items()}, indent=2))
    for name, found in (verdict | {"not stored": tally.unstored}).items():
        for example in found[:5]:
            print(f"{name}: {example}", file=sys.stderr)
    return int(any(verdict.values()) or bool(tally.unstored) or tally.acknowledged != tally.sent)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--platform", choices=sorted(FARS), required=True)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=80.0, help="deliveries a second")
    parser.add_argument("--drops", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="backchannel-storm-") as folder:
        wanted = {
            "DATA_DIR": folder,
            "SWEEP_SECONDS": "2",
            "RETRAIN_AUTO": "false",
            "LEASE_SECONDS": "10",
            "WEB__ENABLED": "false",
        }
        os.environ |= {f"BACKCHANNEL_{name}": value for name, value in wanted.items()}
        return asyncio.run(run(arguments, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
