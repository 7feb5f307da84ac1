"""One training job from its lease to its end: data set, subprocess, progress, cancel, resume, promotion.

The program `python -m modeling train` does the work. This side holds the lease, so that one worker at a time
follows one job, and writes everything that counts in one last transaction. When a worker dies, its program
dies with it (it watches its standard input), the lease runs out, and the next worker starts the same program
on the same folder, where it goes on from its last checkpoint.
"""

from __future__ import annotations

import csv
import json
import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal

from modeling.text import is_held_out
from workers.contracts import BackchannelError, Choice, EditPost
from workers.outcome import is_same, outcome_text, percent_done
from workers.settings import Settings
from workers.store import chats, jobs, labels, messages, outbox, versions
from workers.store.database import Database
from workers.store.jobs import Job, LostLease
from workers.store.versions import Version
from workers.texts import say

log = logging.getLogger(__name__)

BEAT = 1.0
GRACE = 5.0

TellFlower = Callable[[dict[str, object]], None]


class JobFailed(BackchannelError):
    """The training program could not do it; the sentence says why."""


class Cancelled(Exception):
    """Somebody typed `cancel`."""


@dataclass(slots=True)
class Run:
    """What changes while a job runs."""

    job: Job
    language: str
    process: subprocess.Popen[str]
    lines: SimpleQueue[dict[str, Any] | None] = field(default_factory=SimpleQueue[dict[str, Any] | None])
    fraction: float = 0.0
    stage: str = "starting"
    shown: tuple[str, int] = ("", -1)
    edits: int = 0
    beaten: float = 0.0
    edited: float = 0.0


def run_job(database: Database, settings: Settings, worker: str, tell_flower: TellFlower) -> None:
    """Claim the job that waits and see it through; returns at once when none waits."""
    with database.write() as c:
        job = jobs.claim(c, worker, settings.job_lease_seconds, time.time())
    if job is None:
        return
    log.info("Job %d starts (try %d).", job.id, job.token)
    try:
        see_through(database, settings, job, tell_flower)
    except LostLease:
        log.warning("Job %d was taken over by another worker; this one stops.", job.id)


def see_through(database: Database, settings: Settings, job: Job, tell_flower: TellFlower) -> None:
    """Run the program and end the job, one way or another."""
    try:
        done = work(database, settings, job, tell_flower)
        promote_or_keep(database, job, done)
    except Cancelled:
        end(database, job, "cancelled", "")
    except LostLease:
        raise
    except OSError as error:
        where = f"{settings.versions_dir} can't be written ({error.strerror})"
        end(database, job, "failed", f"{where}: free some space there and type `retrain` again.")
    except BackchannelError as error:
        end(database, job, "failed", str(error))
    tidy(settings.versions_dir / f"job-{job.id}")


def tidy(folder: Path) -> None:
    """Keep a finished bundle, and nothing else: people's messages have no place beside it."""
    for path in (folder / "train.csv", folder / "heldout.csv"):
        with suppress(OSError):
            path.unlink()
    if not any(folder.glob("out/**/meta.json")):
        shutil.rmtree(folder, ignore_errors=True)


def work(database: Database, settings: Settings, job: Job, tell_flower: TellFlower) -> dict[str, Any]:
    """The program's last line, `{"event": "done", …}`. Raises JobFailed, Cancelled or LostLease."""
    folder = settings.versions_dir / f"job-{job.id}"
    with database.read() as c:
        chat = chats.get(c, job.request.chat)
        active = versions.active(c)
        rows = examples(c)
    write_data(folder, rows)
    run = Run(job, chat.language if chat else settings.language, start(folder, job, active))
    try:
        threading.Thread(target=read_lines, args=(run.process, run.lines), daemon=True).start()
        return follow(database, settings, run, tell_flower)
    finally:
        stop(run.process)


def examples(c: Any) -> list[tuple[str, str]]:
    """Every labelled message as (text, name of its label)."""
    names = {label.id: label.name for label in labels.living(c)}
    labelled = messages.labelled(c)
    texts = messages.texts(c, [message for message, _ in labelled])
    return [(texts[message], names[label]) for message, label in labelled if texts.get(message)]


def write_data(folder: Path, rows: Sequence[tuple[str, str]]) -> None:
    """Write `train.csv` and `heldout.csv` once: a resumed job goes on with the data that it began with.

    The text's hash decides what is held out, so it stays held out in every job to come. Raises JobFailed.
    """
    if (folder / "heldout.csv").exists():
        return
    held_out = [row for row in rows if is_held_out(row[0])]
    train = [row for row in rows if not is_held_out(row[0])]
    if not held_out or len({label for _, label in train}) < 2:
        raise JobFailed("There are too few labelled messages to train on some and test on others: label a few more.")
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "train.csv", train)
    write_csv(folder / "heldout.csv", held_out)


def write_csv(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    """Write a text,label file under its name only once it is whole."""
    draft = path.with_suffix(".part")
    with draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows(rows)
    draft.replace(path)


def start(folder: Path, job: Job, active: Version) -> subprocess.Popen[str]:
    """Start the training program on the job's folder, compared with the version that is active now.

    It begins with the base backbone, never with a tuned one: all labels are learnt anew.
    """
    argv = [sys.executable, "-m", "modeling", "train", str(folder / "train.csv"), "--test", str(folder / "heldout.csv")]
    argv += ["--out", str(folder / "out"), "--method", job.request.method, "--seed", str(job.request.seed)]
    argv += ["--against", active.folder or active.backbone, "--backbone", active.backbone]
    argv += ["--progress", "json", "--stop-with-parent"]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def read_lines(process: subprocess.Popen[str], lines: SimpleQueue[dict[str, Any] | None]) -> None:
    """Pass on the program's JSON lines; None says that it ended."""
    assert process.stdout is not None
    for line in process.stdout:
        try:
            lines.put(json.loads(line))
        except json.JSONDecodeError:
            log.info("training: %s", line.rstrip())
    lines.put(None)


def follow(database: Database, settings: Settings, run: Run, tell_flower: TellFlower) -> dict[str, Any]:
    """Read progress, keep the lease, edit the progress message, look for a cancel."""
    while True:
        try:
            line = run.lines.get(timeout=0.25)
        except Empty:
            line = {}
        if line is None:
            raise JobFailed(last_words(run.process))
        if line.get("event") == "done":
            return line
        if line.get("event") == "error":
            raise JobFailed(str(line.get("message")))
        run.fraction = float(line.get("fraction", run.fraction))
        run.stage = str(line.get("stage", run.stage))
        beat(database, settings, run, tell_flower)


def last_words(process: subprocess.Popen[str]) -> str:
    """Why the program ended without a word, from its standard error."""
    status = process.wait()
    said = (process.stderr.read() if process.stderr else "").strip().splitlines()
    return f"The training program ended with status {status}: {said[-1] if said else 'it said nothing'}."


def beat(database: Database, settings: Settings, run: Run, tell_flower: TellFlower) -> None:
    """Once a second: renew the lease. Every few seconds: show progress. Raises Cancelled or LostLease."""
    now = time.time()
    if now - run.beaten < BEAT:
        return
    run.beaten = now
    with database.write() as c:
        if jobs.heartbeat(c, run.job, settings.job_lease_seconds, run.fraction, run.stage, now):
            raise Cancelled
        shown = (run.stage, round(100 * run.fraction))
        if shown != run.shown and now - run.edited >= settings.progress_seconds:
            run.shown, run.edited, run.edits = shown, now, run.edits + 1
            outbox.add(c, [(f"job:{run.job.id}:{run.job.token}:{run.edits}", progress_edit(run))], now)
    threading.Thread(
        target=quietly, args=(tell_flower, {"stage": run.stage, "fraction": run.fraction}), daemon=True
    ).start()


def quietly(tell_flower: TellFlower, state: dict[str, object]) -> None:
    """Nothing that people need lives in the result store, so a broker that is down does not matter."""
    try:
        tell_flower(state)
    except Exception as error:
        log.debug("The result store did not take the progress: %s", error)


def progress_edit(run: Run) -> EditPost:
    """The progress message as it should read now."""
    request = run.job.request
    text = percent_done(run.language, run.job.id, run.stage, run.fraction)
    cancel = Choice(text="取消" if run.language == "zh" else "Cancel", value=f"j:{run.job.id}")
    return EditPost(chat=request.chat, post=request.post, text=text, choices=(cancel,), progress=run.fraction)


def stop(process: subprocess.Popen[str]) -> None:
    """End the program: politely, then not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()


def promote_or_keep(database: Database, job: Job, done: dict[str, Any]) -> None:
    """The gate's word decides; version, pointer, job and message change in one transaction."""
    gate = done.get("gate") or {"promote": False, "reason": ""}
    now = time.time()
    with database.write() as c:
        before = versions.active(c)
        metrics = {name: done[name] for name in ("accuracy", "macro_f1", "ece", "seconds") if name in done}
        version = versions.add_candidate(
            c,
            folder=str(done["bundle"]),
            backbone=before.backbone,
            fingerprint=str(done.get("fingerprint", "")),
            method=str(done["method"]),
            metrics=metrics | {"against": done.get("against")},
            parent=before.id,
            note=str(gate["reason"]),
            now=now,
        )
        promoted = bool(gate["promote"]) and not is_same(before, done)
        if promoted:
            versions.promote(c, version.id, now)
        jobs.finish(c, job, "done", {"version": version.id, "promoted": promoted}, None, now)
        chat = chats.get(c, job.request.chat)
        text = outcome_text(chat.language if chat else "en", version, before, promoted, job, done)
        outbox.add(c, [(f"job:{job.id}:end", EditPost(chat=job.request.chat, post=job.request.post, text=text))], now)


def end(database: Database, job: Job, state: Literal["cancelled", "failed"], error: str) -> None:
    """End a job that brought no version, and say so where it was asked for."""
    log.info("Job %d %s. %s", job.id, state, error)
    now = time.time()
    with database.write() as c:
        jobs.finish(c, job, state, None, error or None, now)
        chat = chats.get(c, job.request.chat)
        text = say(chat.language if chat else "en", f"job_{state}", job=job.id, error=error)
        outbox.add(c, [(f"job:{job.id}:end", EditPost(chat=job.request.chat, post=job.request.post, text=text))], now)
