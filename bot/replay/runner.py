"""Run a replay from its plan to its report: start a stack of its own, play, measure, stop."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.replay.dataset import Rows, read
from bot.replay.far_side import FarSide
from bot.replay.instance import folder, stage
from bot.replay.observer import PATIENCE, Watch
from bot.replay.report import label_to_head, lost_and_doubled, online_accuracy, save, test_rows
from bot.replay.scores import percentiles, scored
from bot.replay.script import AUTHORS, Player, chat, until
from workers.core.errors import BackchannelError
from workers.core.events import Message, MessageRef
from workers.store import jobs, versions
from workers.store.database import Database

MAIN, TEST = chat("main"), chat("test")


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for on the command line."""

    file: Path
    test: Path | None = None
    limit: int | None = None
    annotate: str = "all"
    budget: int = 100
    retrain_at: tuple[int, ...] = ()
    in_flight: int = 64
    rate: float | None = None
    data: Path | None = None
    seed: int = 0
    report: Path | None = None

    @property
    def share(self) -> float:
        """The share of messages that annotators react to. Raises BackchannelError for what is no share."""
        try:
            share = {"all": 1.0, "none": 0.0, "asked": 0.0}.get(self.annotate)
            share = float(self.annotate) if share is None else share
        except ValueError:
            share = -1.0
        if not 0.0 <= share <= 1.0:
            raise BackchannelError(f"--annotate {self.annotate} is neither all, none, asked nor a share from 0 to 1.")
        return share


@dataclass(slots=True)
class Played:
    """What a replay gathers while it plays. `seconds`: how long messages were written, without the training between."""

    seconds: float = 0.0
    tests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def drive(plan: Plan) -> str:
    """Carry out a plan and return its report as JSON. Raises BackchannelError with one sentence."""
    share = plan.share
    rows, test = read(plan.file), read(plan.test) if plan.test else []
    if plan.report:
        save(plan.report)
    try:
        with folder(plan.data) as data, stage(data) as backchannel:
            playing = play(
                plan, share, rows[: plan.limit], test, Database(backchannel.database_url), backchannel.socket
            )
            report = asyncio.run(backchannel.during(playing))
    except TimeoutError:
        raise BackchannelError(
            "The replay waited in vain for messages to be predicted: run it with --data and look into the logs there."
        ) from None
    return json.dumps(report, indent=2, ensure_ascii=False)


async def play(plan: Plan, share: float, rows: Rows, test: Rows, database: Database, socket: Path) -> dict[str, Any]:
    """Play all of it against the bot that connects to `socket`."""
    watch, far_side = Watch(database), FarSide()
    player = Player(far_side, watch, random.Random(plan.seed), far_side.deliver)
    far_side.on_reply = player.hear
    await far_side.start(socket)
    try:
        await until(lambda: far_side.connections > 0, "the bot to start")  # before that there may be no tables
        watching = asyncio.create_task(watch.run())
        await settle(player, [*rows, *test], bool(test))
        played = await everything(plan, share, rows, test, database, player)
        await watch.head_is_current()
        report = await asyncio.to_thread(make_report, plan, played, rows, database, player)
        watching.cancel()
        return report
    finally:
        await far_side.stop()


async def settle(player: Player, rows: Rows, tested: bool) -> None:
    """Enable the chats and bring the labels; wait until the model is loaded."""
    await player.settle_in(MAIN, "suggest")
    if tested:
        await player.settle_in(TEST, "shadow")
    await player.add_labels(MAIN, sorted({label for _, label in rows}))
    await player.watch.head_is_current()


async def everything(plan: Plan, share: float, rows: Rows, test: Rows, database: Database, player: Player) -> Played:
    """Messages with their annotation, retraining on the way, questions and the test at the end."""
    played, order = Played(), list(enumerate(rows))
    player.rng.shuffle(order)
    pending = order
    for stop in (*plan.retrain_at, None):
        began = time.monotonic()
        pending = await stream(plan, share, pending, player, stop)
        played.seconds += time.monotonic() - began
        if stop is not None:
            await score(played, test, player, "before retraining")
            await retrain(database, player)
    if plan.annotate == "asked":
        await player.answer_questions(MAIN, plan.budget)
    await score(played, test, player, "at the end")
    return played


async def stream(
    plan: Plan, share: float, pending: Sequence[tuple[int, tuple[str, str]]], player: Player, stop: int | None
) -> Sequence[tuple[int, tuple[str, str]]]:
    """Write messages until `stop` labels were given; returns those that are left over."""
    free, tasks, began = asyncio.Semaphore(plan.in_flight), set[asyncio.Task[None]](), time.monotonic()
    annotated = len(player.labelled_when)
    for place, (number, (text, label)) in enumerate(pending):
        if stop is not None and annotated >= stop:
            break
        await free.acquire()
        if plan.rate:
            await asyncio.sleep(max(0.0, began + place / plan.rate - time.monotonic()))
        react = player.rng.random() < share
        annotated += react
        task = asyncio.create_task(one(player, number, text, label, react))
        task.add_done_callback(lambda _: free.release())
        tasks.add(task)
    else:
        place = len(pending)
    await asyncio.gather(*tasks)
    return pending[place:]


async def one(player: Player, number: int, text: str, label: str, react: bool) -> None:
    """A message, what the bot makes of it, and what an annotator makes of that."""
    ref = await player.write(MAIN, number, text, label)
    with suppress(TimeoutError):  # what never comes is in the report, as lost
        async with asyncio.timeout(PATIENCE):
            await player.outcome(ref)
    if react:
        await player.react(ref)


async def retrain(database: Database, player: Player) -> None:
    """Type /retrain, wait for the job's end, and until the version that is active then serves."""
    (key,) = await player.type(MAIN, "retrain")
    print(player.said(key), file=sys.stderr)

    def ended() -> bool:
        with database.read() as c:
            return jobs.running(c) is None

    while not await asyncio.to_thread(ended):
        await asyncio.sleep(0.5)
    await player.watch.head_is_current()
    await until(lambda: "…" not in player.said(key), "the job's last word")
    await asyncio.sleep(1.0)
    print(player.said(key), file=sys.stderr)


async def score(played: Played, test: Rows, player: Player, when: str) -> None:
    """Send the test file through the pipeline in shadow, and score what was predicted."""
    if not test:
        return
    await player.watch.head_is_current()
    serial = len(played.tests)
    free = asyncio.Semaphore(256)

    async def ask(number: int, text: str, label: str) -> MessageRef:
        async with free:
            ref = MessageRef(**TEST.model_dump(), message_id=f"{serial}-{number}")
            player.truth[ref.key] = label
            event = Message(key=f"{ref.key}/written", at=time.time(), ref=ref, author=AUTHORS[0], text=text)
            await player.far_side.deliver(event)
            async with asyncio.timeout(PATIENCE):
                await player.watch.outcome(ref.key)
            return ref

    refs = await asyncio.gather(*(ask(number, text, label) for number, (text, label) in enumerate(test)))
    rows = test_rows(player, refs)
    version = (await player.watch.outcome(refs[-1].key)).version
    played.tests.append({"when": when, "version": version, "labels": len(player.labelled_when), **scored(rows)})
    print(json.dumps(played.tests[-1]), file=sys.stderr)


def make_report(plan: Plan, played: Played, rows: Rows, database: Database, player: Player) -> dict[str, Any]:
    """Everything that was measured, as it is printed."""
    lost, doubled = lost_and_doubled(database, player)
    latencies = [
        1000 * (player.reacted_at[ref] - at) for ref, at in player.accepted.items() if ref in player.reacted_at
    ]
    with database.read() as c:
        every = [
            {"version": v.id, "state": v.state, "method": v.method, "metrics": v.metrics, "note": v.note.en}
            for v in versions.every(c)
        ]
    abstained = sum(not outcome.shown for outcome in player.outcomes.values())
    return {
        "file": str(plan.file),
        "messages": len(player.accepted),
        "labels": len(player.labelled_when),
        "predicted": len(player.outcomes),
        "abstained": abstained,
        "lost": lost,
        "doubled": doubled,
        "seconds": round(played.seconds, 2),
        "messages_per_s": round(len(player.accepted) / max(played.seconds, 1e-9), 1),
        "latency_ms": percentiles(latencies, 50, 95, 99),
        "label_to_head_ms": percentiles(label_to_head(database, player), 50, 95),
        "online_accuracy": online_accuracy(player),
        "test": {name: value for name, value in played.tests[-1].items() if name in ("accuracy", "macro_f1", "ece")}
        if played.tests
        else None,
        "tests": played.tests,
        "versions": every,
    }
