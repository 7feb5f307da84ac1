"""A tour of everything on one platform, as people there see it.

    python -m tests.e2e.tour --platform slack

Starts `backchannel up` as real processes that talk with a local far side of the platform: the bot is invited and
enabled, learns labels from emoji, is corrected, retrains with a progress message that moves, is stopped and started
again while people go on writing, and rolls back. Prints what a person would have seen; exit status 1 if something
that was expected did not happen.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from tests.e2e import leaks

T = TypeVar("T")
PLANS = (
    "Let us all have lunch in the park on Friday",
    "We could have lunch by the river this week",
    "Why not have lunch on the roof today",
    "Let us have breakfast outside on Monday",
)
FAULTS = (
    "The board crashes when I open it",
    "The app crashes when I drag a card",
    "Sync is broken, cards vanish",
    "Search fails with an error",
)
OVER = ("took over", "was not promoted", "is ready", "failed", "cancelled")


class Far(Protocol):
    """The far side of one platform, with the people Ada (an admin) and Bo in one chat, named as the doctor wants it.

    `bug` and `idea` are emoji that people there can put on a message, `opener` is who may switch the bot on, `off` is
    what somebody is told where it is off (nothing on some platforms), `refused` what Bo is told who may not.
    """

    platform: str
    chat: str
    bug: str
    idea: str
    opener: str
    off: str
    refused: str

    async def start(self) -> dict[str, str]: ...
    async def stop(self) -> None: ...
    async def invite(self) -> None: ...
    async def say(self, name: str, text: str) -> str: ...
    async def react(self, name: str, message_id: str, emoji: str) -> None: ...
    async def type(self, name: str, text: str) -> str: ...
    def posts(self) -> list[tuple[str, str]]: ...
    def emoji(self, message_id: str) -> str | None: ...


def slack() -> Far:
    from tests.e2e.tour_slack import SlackTour

    return SlackTour()


def telegram() -> Far:
    from tests.e2e.tour_telegram import TelegramTour

    return TelegramTour()


FARS: dict[str, Callable[[], Far]] = {"slack": slack, "telegram": telegram}


@dataclass
class Up:
    """`backchannel up`, which may be stopped and started again."""

    folder: Path
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self.folder / "terminal").open("ab")
        env = os.environ | self.env
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot", "up"], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )

    async def stop(self) -> None:
        """Ctrl-C."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            await asyncio.to_thread(self.process.wait, 30)


@dataclass
class Tour:
    """What people do, what they see, and what they had expected to see. `posts` that are for one person have an id
    that begins with "alone".
    """

    far: Far
    missed: list[str] = field(default_factory=list[str])
    doctor: str = ""

    async def expect(self, what: str, found: Callable[[], T], seconds: float = 60.0) -> T | None:
        """Wait for something and say whether it came."""
        deadline = time.monotonic() + seconds
        while not (value := found()) and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        print(f"   {'✓' if value else '✗'} {what}", flush=True)
        if not value:
            self.missed.append(what)
        return value or None

    async def say(self, name: str, text: str) -> str:
        print(f"{name}: {text}", flush=True)
        return await self.far.say(name, text)

    async def react(self, name: str, message_id: str, emoji: str) -> None:
        print(f"{name} puts {emoji} on it", flush=True)
        await self.far.react(name, message_id, emoji)

    async def type(self, name: str, text: str, answer: str, seconds: float = 60.0) -> str | None:
        """Type a command and wait for a new post that holds these words; its id."""
        print(f"{name}: /{text}", flush=True)
        before = {id for id, _ in self.far.posts()}
        if alone := await self.far.type(name, text):
            print(f"   (to {name} alone) {alone}", flush=True)
            return await self.expect(f"“{answer}” is said", lambda: alone if answer in alone else "")
        found = await self.expect(
            f"“{answer}” is said",
            lambda: next(((id, said) for id, said in self.far.posts() if id not in before and answer in said), None),
            seconds,
        )
        if found:
            bot = f"bot, to {name} alone" if found[0].startswith("alone") else "bot"
            print("\n".join(f"   {bot}: {line}" for line in found[1].splitlines()), flush=True)
        return found[0] if found else None

    async def counted(self, answer: str) -> None:
        """Ask for the figures until they are these: who asks at once may be answered before the last was counted."""
        for _ in range(20):
            post = await self.type("Bo", "stats", "labelled")
            if answer in dict(self.far.posts()).get(post or "", ""):
                return
        self.missed.append(f"“{answer}” is said")

    async def shows(self, message_id: str, emoji: str) -> None:
        await self.expect(f"the bot shows {emoji} on it", lambda: self.far.emoji(message_id) == emoji)


async def learn(tour: Tour) -> None:
    """Off, on, labels, messages, emoji, a correction."""
    await tour.far.invite()
    await tour.expect("the bot introduces itself", lambda: any("Backchannel" in said for _, said in tour.far.posts()))
    bug, idea = tour.far.bug, tour.far.idea
    if tour.far.off:
        await tour.type("Bo", "labels", tour.far.off)
    await tour.type("Bo", "here", tour.far.refused)
    await tour.type(tour.far.opener, "here", "Backchannel is on")
    await tour.type("Ada", f"labels add bug {bug} something is broken", f"Added {bug} bug")
    await tour.type("Ada", f"labels add idea {idea} somebody proposes something", f"Added {idea} idea")
    first = await tour.say("Bo", "The page crashes when I log in")
    await tour.expect("the bot puts an emoji on it", lambda: tour.far.emoji(first), 120)
    await tour.react("Ada", first, bug)
    lunch = await tour.say("Bo", "Let us have lunch outside today")
    await tour.expect("the bot puts an emoji on it", lambda: tour.far.emoji(lunch))
    await tour.react("Bo", lunch, idea)
    for text, emoji in [*((plan, idea) for plan in PLANS), *((fault, bug) for fault in FAULTS)]:
        await tour.react("Ada", await tour.say("Bo", text), emoji)
    await tour.counted("10 labelled")
    again = await tour.say("Bo", "Let us have lunch outside tomorrow")
    await tour.shows(again, idea)
    await tour.react("Ada", again, bug)  # a correction: here they mean it as a complaint
    await tour.counted("11 labelled")
    await tour.react("Bo", again, bug)
    await tour.shows(again, bug)  # two people say so
    answer = await tour.type("Ada", "classify The board crashes again", "bug")
    await tour.expect("nobody else has to read the answer", lambda: (answer or "").startswith("alone"), 1)
    await tour.type("Ada", "bots on", "(Asked for by")


async def examine(tour: Tour, env: dict[str, str]) -> None:
    """What `backchannel doctor` says of it all, with a test reaction in the chat."""
    print(f"$ backchannel doctor --chat {tour.far.chat}", flush=True)
    argv = (sys.executable, "-m", "bot", "doctor", "--chat", tour.far.chat)
    doctor = await asyncio.create_subprocess_exec(*argv, env=os.environ | env, stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(doctor.communicate(), 120)
    tour.doctor = said.decode()
    print("\n".join(f"   {line}" for line in tour.doctor.splitlines()), flush=True)
    await tour.expect("the doctor finds that all is well", lambda: doctor.returncode == 0, 1)


async def train(tour: Tour, up: Up) -> None:
    """A training job whose progress moves, with a restart in the middle of it, and the way back."""
    progress = await tour.type("Ada", "retrain lora", "Training is queued")
    said: list[str] = []

    def moves() -> bool:
        now = dict(tour.far.posts()).get(progress or "", "")
        if now and now not in said[-1:]:
            said.append(now)
            print(f"   bot (same message): {now.splitlines()[0]} {now.splitlines()[-1]}", flush=True)
        return len(said) > 2

    await tour.expect("the progress message moves", moves, 120)
    print("— everything is stopped; people go on writing —", flush=True)
    await up.stop()
    writing = asyncio.create_task(tour.say("Bo", "Drag and drop is broken, it crashes"))
    await asyncio.sleep(1)
    print("— and started again —", flush=True)
    up.start()
    missed = await asyncio.wait_for(writing, 60)
    await tour.shows(missed, tour.far.bug)
    await tour.expect("the job comes to its end", lambda: moves() and any(word in said[-1] for word in OVER), 240)
    if said and "took over" not in said[-1]:
        await tour.type("Ada", "promote 2", "Version 2")
    await tour.type("Ada", "rollback", "Back to version 1")
    await tour.type("Ada", "models", "Version 1 · active")


async def keep_quiet(tour: Tour, up: Up) -> None:
    """No secret stands in results, hints, files, posts or in what the doctor said."""
    broker = leaks.held(up.folder)
    places = broker | leaks.written(up.folder) | dict(tour.far.posts()) | {"doctor": tour.doctor}
    secrets = leaks.secrets(up.env)
    found = leaks.leaked(places, secrets)
    results = sum(name.startswith(leaks.RESULT) for name in broker)
    what = f"none of {len(secrets)} secrets is in {results} results, {len(places)} places in all {found or ''}"
    await tour.expect(what, lambda: secrets and results and not found, 1)


async def run(platform: str, folder: Path) -> int:
    far = FARS[platform]()
    env = {"DATA_DIR": str(folder), "WEB__ENABLED": "false", "PROGRESS_SECONDS": "1", "SWEEP_SECONDS": "2"}
    env["RETRAIN_AUTO"] = "false"  # the jobs that it counts are those that it asks for
    env |= {"LEASE_SECONDS": "5", "JOB_LEASE_SECONDS": "5"}
    up = Up(folder, {f"BACKCHANNEL_{name}": value for name, value in env.items()} | await far.start())
    tour = Tour(far)
    try:
        up.start()
        await learn(tour)
        await examine(tour, up.env)
        await train(tour, up)
        await keep_quiet(tour, up)
    finally:
        await up.stop()
        await far.stop()
        if tour.missed:
            print((folder / "terminal").read_text()[-3000:], file=sys.stderr)
    print(f"{len(tour.missed)} expectations were not met: {'; '.join(tour.missed) or 'all is well'}")
    return int(bool(tour.missed))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--platform", choices=sorted(FARS), required=True)
    arguments = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("BACKCHANNEL_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="backchannel-tour-") as folder:
        return asyncio.run(run(arguments.platform, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
