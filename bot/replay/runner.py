"""Run a replay from its plan to its report: start a stack of its own, play, measure, stop."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from bot.replay.instance import data_folder, running_instance
from bot.replay.observer import Observer
from bot.replay.patience import LONGEST, Patience
from bot.replay.report import (
    label_to_head,
    lost_and_doubled,
    online_accuracy,
    percentiles,
    save,
    scored,
    seen,
    seen_in_time,
    test_rows,
    unpredicted,
)
from bot.replay.rows import Reading, Rows, read
from bot.replay.script import Participants, Played, chat_ref, ref_of, until
from bot.replay.server import ReplayServer
from workers.core.errors import BackchannelError
from workers.core.events import MessageRef
from workers.store import heartbeats, jobs, versions
from workers.store.database import Database

MAIN, TEST = chat_ref("main"), chat_ref("test")


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for on the command line."""

    file: Path
    test: Path | None = None
    labels: Path | None = None
    limit: int | None = None
    annotate: str = "all"
    budget: int = 100
    retrain_at: tuple[int, ...] = ()
    retrain_auto: bool = False
    in_flight: int = 64
    rate: float | None = None
    data: Path | None = None
    seed: int = 0
    report: Path | None = None
    timeout: float = LONGEST

    @property
    def patience(self) -> Patience:
        """How long it waits while nothing happens: more than the pause between two messages."""
        return Patience(max(self.timeout, 2 / self.rate if self.rate else 0.0))

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
class Measurements:
    """What a replay measures while it runs.

    `seconds`: how long messages were written, without the training between. `stopped`: why it ended before its end.
    """

    seconds: float = 0.0
    tests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    stopped: str | None = None


def run(plan: Plan) -> dict[str, Any]:
    """Carry out a plan and return its report, to be written as JSON. Raises BackchannelError with one sentence."""
    share = plan.share
    files = [read(plan.file), *([read(plan.test, plan.file)] if plan.test else [])]
    rows, test = files[0].rows, files[1].rows if plan.test else []
    descriptions = read_descriptions(plan.labels) if plan.labels else {}
    if plan.report:
        save(plan.report)
    with data_folder(plan.data) as data, running_instance(data, plan.retrain_auto) as instance:
        database = Database(instance.database_url)
        script = run_script(plan, share, rows[: plan.limit], test, descriptions, database, instance.socket)
        return asyncio.run(instance.run(script)) | of_files(files)


def of_files(files: Sequence[Reading]) -> dict[str, Any]:
    """What the report says of the files themselves."""
    return {
        "left_out": sum(file.left_out for file in files),
        "notes": [f"{file.path}: {note['text']}" for file in files for note in file.notes],
    }


class LabelDescription(BaseModel):
    """One entry of the file that --labels names. An emoji in it is not read: the replay gives its own."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    description: str


DESCRIPTIONS = TypeAdapter(list[LabelDescription])


def read_descriptions(path: Path) -> dict[str, str]:
    """What each label of a JSON file means, by name. Raises BackchannelError when it is no list of labels."""
    try:
        labels = DESCRIPTIONS.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BackchannelError(
            f"{path} can't be read as labels: give a JSON file with a list of objects with name and description."
        ) from error
    return {" ".join(label.name.split()): " ".join(label.description.split()) for label in labels}


async def run_script(
    plan: Plan,
    share: float,
    rows: Rows,
    test: Rows,
    descriptions: Mapping[str, str],
    database: Database,
    socket: Path,
) -> dict[str, Any]:
    """Play all of it against the bot that connects to `socket`.

    Raises BackchannelError where that cannot even begin. What stops it later is in the report.
    """
    patience = plan.patience
    observer, server = Observer(database, patience), ReplayServer(patience=patience)
    participants = Participants(server, observer, random.Random(plan.seed), server.deliver)
    server.on_reply = participants.on_reply
    await server.start(socket)
    try:
        await patience.see(until(lambda: server.connections > 0))  # before that there may be no tables
        patience.beside = (asyncio.create_task(observer.run()),)
        await patience.see(set_up(participants, [*rows, *test], descriptions, bool(test)))
        measured = await play(plan, share, rows, test, database, participants)
        return await asyncio.to_thread(make_report, plan, measured, rows, database, participants)
    finally:
        for task in patience.beside:
            task.cancel()
        await server.stop()


async def set_up(participants: Participants, rows: Rows, descriptions: Mapping[str, str], tested: bool) -> None:
    """Enable the chats and bring the labels; wait until the model is loaded."""
    await participants.enable(MAIN, "suggest")
    if tested:
        await participants.enable(TEST, "shadow")
    await participants.add_labels(MAIN, sorted({label for _, label in rows}), descriptions)
    await participants.observer.head_is_current()


async def play(
    plan: Plan, share: float, rows: Rows, test: Rows, database: Database, participants: Participants
) -> Measurements:
    """Write all messages, and what is measured by then if something stops it."""
    measured = Measurements()
    try:
        writing = write_all(plan, share, rows, test, database, participants, measured)
        await participants.observer.patience.see(writing)
    except BackchannelError as error:
        measured.stopped = str(error)
    return measured


async def write_all(
    plan: Plan,
    share: float,
    rows: Rows,
    test: Rows,
    database: Database,
    participants: Participants,
    measured: Measurements,
) -> None:
    """Messages with their annotation, retraining on the way, questions and the test at the end."""
    order = list(enumerate(rows))
    participants.rng.shuffle(order)
    pending = order
    for stop in (*plan.retrain_at, None):
        began = time.monotonic()
        pending = await stream(plan, share, pending, participants, stop)
        measured.seconds += time.monotonic() - began
        if stop is not None:
            await score(plan, measured, test, participants, "before retraining")
            await retrain(database, participants)
    if plan.annotate == "asked":
        await participants.answer_questions(MAIN, plan.budget)
    if plan.retrain_auto:
        await unasked_training(database, participants)
    await score(plan, measured, test, participants, "at the end")
    await participants.observer.head_is_current()


async def stream(
    plan: Plan,
    share: float,
    pending: Sequence[tuple[int, tuple[str, str]]],
    participants: Participants,
    stop: int | None,
) -> Sequence[tuple[int, tuple[str, str]]]:
    """Write messages until `stop` labels were given; returns those that are left over."""
    free, tasks, began = asyncio.Semaphore(plan.in_flight), set[asyncio.Task[None]](), time.monotonic()
    annotated = len(participants.labelled_when)
    # Drawn before annotators draw from the same chance, in an order that depends on how fast the machine is.
    reacts = [participants.rng.random() < share for _ in pending]
    participants.observer.patience.waiting_for = "messages to be predicted"
    try:
        for index, (number, (text, label)) in enumerate(pending):
            if stop is not None and annotated >= stop:
                break
            await free.acquire()
            if plan.rate:
                await asyncio.sleep(max(0.0, began + index / plan.rate - time.monotonic()))
            annotated += reacts[index]
            row = Played(str(plan.file), number + 1, text)
            task = asyncio.create_task(write_and_label(participants, number, row, label, reacts[index]))
            task.add_done_callback(lambda _: free.release())
            tasks.add(task)
        else:
            index = len(pending)
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return pending[index:]


async def write_and_label(participants: Participants, number: int, row: Played, label: str, react: bool) -> None:
    """A message, what the bot makes of it, and what an annotator makes of that."""
    ref = ref_of(MAIN, str(number))
    await participants.write(ref, number, row, label)
    participants.counts(ref)
    await participants.outcome(ref)
    if react:
        await participants.react(ref)


async def retrain(database: Database, participants: Participants) -> None:
    """Type /retrain, wait for the job's end, and until the version that is active then serves."""
    (key,) = await participants.run_command(MAIN, "retrain")
    print(participants.text_of(key), file=sys.stderr)
    await no_job_runs(database, participants.observer.patience)
    await participants.observer.head_is_current()
    participants.observer.patience.waiting_for = "the job's last message"
    await until(lambda: "…" not in participants.text_of(key))
    await asyncio.sleep(1.0)
    print(participants.text_of(key), file=sys.stderr)


async def unasked_training(database: Database, participants: Participants) -> None:
    """Wait for a sweep, which looks whether it is time to train, for the training, and for the version it brings."""
    await participants.observer.head_is_current()
    labelled_by, patience = time.time(), participants.observer.patience
    patience.waiting_for = "a sweep, which looks whether it is time to train"

    def swept() -> bool:
        with database.read() as c:
            return heartbeats.alive(c, "sweep", labelled_by)

    while not await asyncio.to_thread(swept):
        await asyncio.sleep(0.5)
    await no_job_runs(database, patience)
    await participants.observer.head_is_current()


async def no_job_runs(database: Database, patience: Patience) -> None:
    """Wait until no job is queued or running."""
    patience.waiting_for = "the training"

    def ended() -> bool:
        with database.read() as c:
            job = jobs.running(c)
        patience.watch("job", job and (job.id, job.token, job.stage, job.fraction))
        return job is None

    while not await asyncio.to_thread(ended):
        await asyncio.sleep(0.5)


async def score(plan: Plan, measured: Measurements, test: Rows, participants: Participants, when: str) -> None:
    """Send the test file through the pipeline in shadow, and score what was predicted."""
    if not test:
        return
    await participants.observer.head_is_current()
    serial = len(measured.tests)
    free = asyncio.Semaphore(256)
    participants.observer.patience.waiting_for = "the messages of the test to be predicted"

    async def ask(number: int, text: str, label: str) -> MessageRef:
        async with free:
            ref = ref_of(TEST, f"{serial}-{number}")
            await participants.write(ref, 0, Played(str(plan.test), number + 1, text), label)
            await participants.observer.outcome(ref.key)
            return ref

    asked = await asyncio.gather(*(ask(number, text, label) for number, (text, label) in enumerate(test)))
    refs = [ref for ref in asked if participants.observer.all(ref.key)]
    if not refs:
        raise BackchannelError(f"No row of {plan.test} got a prediction: give messages with words in them.")
    version = participants.observer.all(refs[-1].key)[0].version
    figures = scored(test_rows(participants, refs))
    measured.tests.append({"when": when, "version": version, "labels": len(participants.labelled_when), **figures})
    print(json.dumps(measured.tests[-1]), file=sys.stderr)


def make_report(
    plan: Plan, measured: Measurements, rows: Rows, database: Database, participants: Participants
) -> dict[str, Any]:
    """Everything that was measured, as it is printed."""
    lost, doubled = lost_and_doubled(database, participants)
    latencies = [
        1000 * (participants.reacted_at[ref] - at)
        for ref, at in participants.accepted.items()
        if ref in participants.reacted_at
    ]
    with database.read() as c:
        all_versions = [
            {"version": v.id, "state": v.state, "method": v.method, "metrics": v.metrics, "note": v.note.en}
            for v in versions.every(c)
        ]
    everything = seen(participants, list(participants.accepted))
    return {
        "file": str(plan.file),
        "messages": len(participants.accepted),
        "labels": len(participants.labelled_when),
        "predicted": len(participants.outcomes),
        "abstained": len(participants.outcomes) - everything["shown"],
        "shown": everything["shown"],
        "shown_right": everything["shown_right"],
        "lost": lost,
        "doubled": doubled,
        "unpredicted": unpredicted(participants),
        "unplayed": len(rows) - len(participants.accepted),
        "stopped": measured.stopped,
        "seconds": round(measured.seconds, 2),
        "messages_per_s": round(len(participants.accepted) / max(measured.seconds, 1e-9), 1),
        "latency_ms": percentiles(latencies, 50, 95, 99),
        "label_to_head_ms": percentiles(label_to_head(database, participants), 50, 95),
        "online_accuracy": online_accuracy(participants),
        **seen_in_time(participants),
        "test": {name: value for name, value in measured.tests[-1].items() if name in ("accuracy", "macro_f1", "ece")}
        if measured.tests
        else None,
        "tests": measured.tests,
        "versions": all_versions,
    }
