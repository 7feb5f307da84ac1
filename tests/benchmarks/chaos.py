"""Kill -9 bot, workers and broker while a chat is played, and compare the ledger with what was really said.

    python -m tests.benchmarks.chaos [--messages 5000] [--kills 60] [--seed 0] [--file FILE.csv]

A tenth of the events is delivered twice and one in twenty late, so that reactions and edits overtake their
messages. Annotators change their minds, authors edit and delete. At the end every ledger row, derived label,
text and prediction is compared with what the far side knows it said. Exit status 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text as sql

from bot.cli import open_database
from bot.platforms.web.sample import sample_lines
from bot.replay.observer import Observer
from bot.replay.rows import read_rows
from bot.replay.runner import MAIN
from bot.replay.script import ANNOTATORS, AUTHORS, Participants, ref_of
from bot.replay.server import ReplayServer
from bot.settings import BotSettings
from bot.supervisor.child import RestartPolicy
from bot.supervisor.stack import process_specs
from bot.supervisor.supervisor import Supervisor
from workers.core.events import Delete, Edit, Event, Message, MessageRef, Person, Reaction
from workers.core.settings import Settings
from workers.store import ledger
from workers.store.database import Database

VICTIMS = ("bot-replay", "worker-classify", "worker-labels", "valkey")
TWICE, LATE = 0.10, 0.05


@dataclass
class Said:
    """What was really said, by the platform's clock: the truth that the store is compared with."""

    texts: dict[str, str] = field(default_factory=dict[str, str])
    votes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    rows: set[tuple[str, str, str, str, bool]] = field(default_factory=set[tuple[str, str, str, str, bool]])
    deleted: set[str] = field(default_factory=set[str])


@dataclass
class Script:
    """Makes the events of one message, in the order in which they happened."""

    rng: random.Random
    emoji: dict[str, str]
    said: Said = field(default_factory=Said)
    clock: float = field(default_factory=time.time)

    def now(self) -> float:
        self.clock += 0.001
        return self.clock

    def events(self, number: int, text: str, label: str) -> list[Event]:
        ref = ref_of(MAIN, str(number))
        author = AUTHORS[number % len(AUTHORS)]
        self.said.texts[ref.key] = text
        events: list[Event] = [Message(key=f"{ref.key}/m", at=self.now(), ref=ref, author=author, text=text)]
        if self.rng.random() < 0.05:
            self.said.texts[ref.key] = text + " (edited)"
            events.append(Edit(key=f"{ref.key}/e", at=self.now(), ref=ref, text=text + " (edited)"))
        for annotator in self.rng.sample(ANNOTATORS, self.rng.choice((1, 1, 2, 3))):
            events += self.opinion(ref, annotator, label)
        if self.rng.random() < 0.01:
            self.said.deleted.add(ref.key)
            events.append(Delete(key=f"{ref.key}/d", at=self.now(), ref=ref))
        return events

    def opinion(self, ref: MessageRef, annotator: Person, label: str) -> list[Event]:
        """One annotator's word: mostly the label, at times another, at times withdrawn or changed."""
        wanted = label if self.rng.random() < 0.9 else self.rng.choice(sorted(self.emoji))
        acts: list[tuple[str, bool]] = [(wanted, True)]
        if self.rng.random() < 0.1:
            acts.append((wanted, False))
            if self.rng.random() < 0.5:
                acts.append((self.rng.choice(sorted(self.emoji)), True))
        made = [self.reaction(ref, annotator, name, added, place) for place, (name, added) in enumerate(acts)]
        standing = acts[-1][0] if acts[-1][1] else None
        if standing:
            self.said.votes.setdefault(ref.key, {})[annotator.id] = standing
        return made

    def reaction(self, ref: MessageRef, annotator: Person, label: str, added: bool, place: int) -> Event:
        key, emoji = f"{ref.key}/r/{annotator.id}/{place}", self.emoji[label]
        self.said.rows.add((key, ref.key, annotator.id, emoji, added))
        return Reaction(key=key, at=self.now(), ref=ref, annotator=annotator, emoji=emoji, added=added)

    def label_of(self, ref: str) -> str | None:
        """Majority over annotators; a tie is disputed, so no label."""
        ranked = Counter(self.said.votes.get(ref, {}).values()).most_common(2)
        return None if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]) else ranked[0][0]


async def mischief(script: Script, deliver: Callable[[Event], Awaitable[object]], events: list[Event]) -> None:
    """Deliver one message's events: some twice, some late."""

    async def one(event: Event, after: float) -> None:
        await asyncio.sleep(after)
        await deliver(event)

    tasks: list[asyncio.Task[None]] = []
    for event in events:
        late = script.rng.uniform(0.2, 3.0) if script.rng.random() < LATE else 0.0
        tasks.append(asyncio.create_task(one(event, late)))
        if script.rng.random() < TWICE:
            tasks.append(asyncio.create_task(one(event, late + script.rng.uniform(0.0, 2.0))))
        if not late:
            await tasks[-1] if script.rng.random() < 0.5 else None
    await asyncio.gather(*tasks)


async def killer(supervisor: Supervisor, kills: int, progress: Callable[[], float], rng: random.Random) -> Counter[str]:
    """Spread so many kill -9's over the victims, as evenly over the run as it goes."""
    done: Counter[str] = Counter()
    order = [VICTIMS[number % len(VICTIMS)] for number in range(kills)]
    rng.shuffle(order)
    for number, victim in enumerate(order):
        while progress() < number / kills:
            await asyncio.sleep(0.05)
        pid = None
        while pid is None:
            await asyncio.sleep(0.3)
            pid = supervisor.pids().get(victim)
        os.kill(pid, signal.SIGKILL)
        done[victim] += 1
    return done


async def play(arguments: argparse.Namespace, data: Path, supervisor: Supervisor, database: Database) -> int:
    rng = random.Random(arguments.seed)
    rows = conversation(arguments.file, arguments.messages)
    watch, far_side = Observer(database), ReplayServer()
    player = Participants(far_side, watch, rng, far_side.deliver)
    far_side.on_reply = player.on_reply
    await far_side.start(data / "far.sock")
    watching = asyncio.create_task(watch.run())
    await player.enable(MAIN, "suggest")
    await player.add_labels(MAIN, sorted({label for _, label in rows}))
    await watch.head_is_current()
    script, played, began = Script(rng, player.emoji), 0, time.monotonic()
    killing = asyncio.create_task(killer(supervisor, arguments.kills, lambda: played / len(rows), rng))
    free = asyncio.Semaphore(128)

    async def one(number: int, text: str, label: str) -> None:
        nonlocal played
        async with free:
            events = script.events(number, text, label)
            assert isinstance(events[0], Message)
            await mischief(script, far_side.deliver, events)
            if not isinstance(events[-1], Delete):
                with suppress(TimeoutError):  # a message that was lost shows in the comparison
                    await asyncio.wait_for(watch.outcome(events[0].ref.key), 120)
            played += 1

    await asyncio.gather(*(one(number, *row) for number, row in enumerate(rows)))
    killed = await killing
    print(f"played after {time.monotonic() - began:.0f} s, killed {dict(killed)}; waiting for quiet", file=sys.stderr)
    await quiet(database)
    watching.cancel()
    await far_side.stop()
    verdict = compare(database, script, far_side)
    events = len(far_side.acknowledged)
    summary = {
        "messages": len(rows),
        "events": events,
        "kills": dict(killed),
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(summary | {name: len(found) for name, found in verdict.items()}, indent=2))
    for name, found in verdict.items():
        for example in found[:5]:
            print(f"{name}: {example}", file=sys.stderr)
    return int(any(verdict.values()))


def conversation(file: Path | None, count: int) -> list[tuple[str, str]]:
    """So many (text, label) rows; the sample conversation over and over, unless there is a file."""
    rows = read_rows(file) if file else [(line.text, line.label) for line in sample_lines()]
    return [
        (f"{text} #{number // len(rows)}", label)
        for number, (text, label) in zip(range(count), rows * (count // len(rows) + 1), strict=False)
    ]


async def quiet(database: Database, patience: float = 300.0) -> None:
    """Wait until nothing waits in the inbox or the outbox."""
    statement = sql(
        "select (select count(*) from inbox where state in ('new', 'claimed')),"
        " (select count(*) from outbox where state in ('pending', 'claimed'))"
    )
    deadline, waiting = time.monotonic() + patience, ()
    while time.monotonic() < deadline:
        with database.read() as c:
            waiting = tuple(c.execute(statement).one())
        if waiting == (0, 0):
            return
        await asyncio.sleep(0.5)
    print(f"still waiting (inbox, outbox): {waiting}", file=sys.stderr)


def compare(database: Database, script: Script, far_side: ReplayServer) -> dict[str, list[str]]:
    """Everything that the store holds against everything that was said: lost, doubled and wrong."""
    said = script.said
    lost, doubled, wrong = list[str](), list[str](), list[str]()
    with database.read() as c:
        rows = [(r.key, r.ref.key, r.annotator.id, r.emoji, r.added) for r in ledger.ledger(c)]
        texts = dict(tuple(row) for row in c.execute(sql("select ref, text from messages")))
        predicted = Counter(
            tuple(row)
            for row in c.execute(sql("select m.ref, p.revision from predictions p join messages m on m.id = p.message"))
        )
        current = {row[0]: row[1] for row in c.execute(sql("select ref, revision from messages"))}
        derived = {
            row[0]: row[1]
            for row in c.execute(sql("select d.ref, l.name from message_labels d left join labels l on l.id = d.label"))
        }
        shown = [
            row[0]
            for row in c.execute(
                sql("select m.ref from predictions p join messages m on m.id = p.message where p.shown")
            )
        ]
        failed = c.execute(sql("select count(*) from inbox where state = 'failed'")).scalar_one()
    stored = Counter(rows)
    gone = {row for row in said.rows if row[1] in said.deleted}
    lost += [f"ledger row {row}" for row in said.rows - gone if row not in stored]
    wrong += [f"ledger row {row}" for row in stored if row not in said.rows]
    doubled += [f"ledger row {row}" for row, count in stored.items() if count > 1]
    for ref, text in said.texts.items():
        wanted = None if ref in said.deleted else text
        if ref not in texts:
            lost.append(f"message {ref}")
        elif texts[ref] != wanted:
            wrong.append(f"text of {ref}: {texts[ref]!r} instead of {wanted!r}")
        if wanted is None:
            continue
        if (ref, current.get(ref)) not in predicted:
            lost.append(f"prediction of {ref} at revision {current.get(ref)}")
        if derived.get(ref) != script.label_of(ref):
            wrong.append(f"label of {ref}: {derived.get(ref)} instead of {script.label_of(ref)}")
    doubled += [f"prediction {key}" for key, count in predicted.items() if count > 1]
    lost += [f"emoji on {ref}" for ref in shown if ref not in far_side.reactions]
    doubled += [f"emoji {ref}: {keys}" for ref, keys in far_side.reactions.items() if len(keys) != len(set(keys))]
    wrong += [f"{failed} events failed"] if failed else []
    return {"lost": lost, "doubled": doubled, "wrong": wrong}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--file", type=Path, default=None, help="a text,label file instead of the sample conversation")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="backchannel-chaos-") as folder:
        data = Path(folder)
        os.environ |= {"BACKCHANNEL_DATA_DIR": str(data), "BACKCHANNEL_SWEEP_SECONDS": "2"}
        os.environ |= {"BACKCHANNEL_LEASE_SECONDS": "10", "BACKCHANNEL_RETRAIN_AUTO": "false"}
        settings = Settings(_env_file=None)  # pyright: ignore[reportCallIssue]
        database = open_database(settings)
        stack = process_specs(settings, BotSettings(), [["replay", "--far-side", str(data / "far.sock")]])
        supervisor = Supervisor(
            stack, data, say=lambda _: None, policy=RestartPolicy(first=0.3, longest=2.0, healthy=5.0)
        )
        with supervisor:
            return asyncio.run(play(arguments, data, supervisor, database))


if __name__ == "__main__":
    sys.exit(main())
