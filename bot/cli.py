"""`backchannel`: demo, up, bot, worker, beat, migrate, health, doctor, failed, replay."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import time
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from bot.settings import load as load_bot_settings
from bot.supervisor.stack import WORKER_ENV, WORKERS, beat_argv, process_specs, worker_argv
from workers.core import settings as worker_settings
from workers.core.errors import WRONG_SETTINGS, BackchannelError
from workers.core.settings import Settings
from workers.store import versions
from workers.store.database import Database, DatabaseAway

PRIVATE = 0o077
"""The umask of all processes: what people wrote is for this account alone."""
DATABASE_AWAY = 1
"""The exit status where the database could not be reached: the supervisor starts the process again."""

app = typer.Typer(
    help="Says what kind each chat message is, and learns from the emoji that people put on it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run a command; what went wrong is one sentence on standard error, never a stack trace."""
    os.umask(PRIVATE)
    if isinstance(sys.stdout, TextIOWrapper):
        # A letter that the terminal lacks is printed as its number, rather than ending the command.
        sys.stdout.reconfigure(errors="backslashreplace")  # pyright: ignore[reportUnknownMemberType]
    try:
        app()
    except BackchannelError as error:
        print(f"backchannel: {error}", file=sys.stderr)
        sys.exit(DATABASE_AWAY if isinstance(error, DatabaseAway) else WRONG_SETTINGS)


@app.command()
def demo() -> None:
    """Try everything in a browser on this machine: one channel, six labels, a conversation to play."""
    from bot.wiring.web import prepare_demo

    settings = worker_settings.load()
    prepare_demo(open_database(settings))
    start(settings, [["web"]], example=True)


@app.command()
def up(far_side: Annotated[Path | None, typer.Option(hidden=True)] = None) -> None:
    """Run the platforms whose settings are present, the workers and beat, and keep them running."""
    settings = worker_settings.load()
    open_database(settings)
    bots = [["replay", "--far-side", str(far_side)]] if far_side else platforms()
    start(settings, bots, stop_with_parent=far_side is not None)


def platforms() -> list[list[str]]:
    """The bots to run. Raises BackchannelError when there is none."""
    enabled = load_bot_settings().enabled
    if not enabled:
        raise BackchannelError(
            "No platform is set up: set BACKCHANNEL_SLACK__BOT_TOKEN, BACKCHANNEL_TELEGRAM__TOKEN or "
            "BACKCHANNEL_WEB__ENABLED=true. See .env.example."
        )
    return [[name] for name in enabled]


def open_database(settings: Settings) -> Database:
    """The database, created and brought up to date."""
    make_data_dir(settings)
    database = Database(settings.database_url)
    database.migrate()
    with database.write() as c:
        versions.ensure_base(c, settings.base_backbone, "", time.time(), chosen=bool(settings.backbone))
    return database


def make_data_dir(settings: Settings) -> None:
    """Make the data folder. Raises BackchannelError where that is not possible."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BackchannelError(
            f"The data folder {settings.data_dir} can't be made ({error.strerror}): "
            "set BACKCHANNEL_DATA_DIR to a folder that can be written."
        ) from error


def start(settings: Settings, bots: list[list[str]], *, example: bool = False, stop_with_parent: bool = False) -> None:
    """Supervise everything until Ctrl-C or, with `stop_with_parent`, until standard input ends."""
    from bot.supervisor.supervisor import Supervisor

    bot_settings = load_bot_settings()
    web = bot_settings.web

    def ready() -> None:
        if any(bot[0] == "web" for bot in bots):
            print(f"Backchannel is at http://{web.host}:{web.port}" + (" — open it in a browser." if example else ""))
        print(f"Data and logs are in {settings.data_dir}. Ctrl-C stops everything.", flush=True)

    supervisor = Supervisor(process_specs(settings, bot_settings, bots), settings.data_dir)
    supervisor.run(on_ready=ready, stop_with_parent=stop_with_parent)


@app.command()
def bot(
    platform: Annotated[str, typer.Argument(help="web, slack, telegram or replay")],
    far_side: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run one platform's bot process, without workers."""
    # Each command imports what it needs: no process loads the SDK of a platform that it does not run.
    from bot.platforms.replay import ReplayPlatform
    from bot.wiring.process import run_bot

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    bot_settings = load_bot_settings()
    settings = worker_settings.load()
    database = Database(settings.database_url)
    database.check()
    if platform == "replay" and far_side is not None:
        chats = ReplayPlatform(far_side)
    elif platform == "web":
        from bot.wiring.web import web_platform

        chats = web_platform(database, bot_settings.web)
    elif platform == "slack":
        from bot.wiring.slack import slack_platform

        chats = slack_platform(database, bot_settings.slack, bot_settings.is_operator)
    elif platform == "telegram":
        from bot.wiring.telegram import telegram_platform

        chats = telegram_platform(database, bot_settings.telegram)
    else:
        raise BackchannelError(f"There is no platform {platform!r}: choose web, slack or telegram.")
    asyncio.run(run_bot(chats, database, bot_settings.is_operator, settings.language))


@app.command()
def worker(name: Annotated[str, typer.Argument(help=", ".join(WORKERS))]) -> None:
    """Run one worker process in the foreground."""
    if name not in WORKERS:
        raise BackchannelError(f"There is no worker {name!r}: choose one of {', '.join(WORKERS)}.")
    Database(worker_settings.load().database_url).check()  # once Celery runs, its errors are not ours
    argv = worker_argv(name)
    # In the place of this process, so that whoever started it watches, and signals, Celery itself.
    os.execve(argv[0], argv, os.environ | WORKER_ENV)


@app.command()
def beat() -> None:
    """Run the clock that has left-over work looked for. One is enough; more of them do no harm."""
    settings = worker_settings.load()
    # Beat keeps its schedule there, on a machine that may have nothing else of ours.
    make_data_dir(settings)
    Database(settings.database_url).check()
    argv = beat_argv(settings.data_dir)
    os.execve(argv[0], argv, os.environ)


@app.command()
def migrate() -> None:
    """Create the tables or bring them up to date, and end: once, before the processes of a new release start."""
    print(f"The tables in {open_database(worker_settings.load()).location} are up to date.")


@app.command()
def health(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Such as bot-slack, worker-classify, beat; all that `up` runs if left out"),
    ] = None,
    here: Annotated[bool, typer.Option("--here", help="Only what runs on this machine or in this container")] = False,
) -> None:
    """Say whether processes live; the exit status is 0 if all do, else 1."""
    from bot.doctor.health import examine, expected

    try:
        bot_settings = load_bot_settings()
        database = Database(worker_settings.load().database_url)
        findings = examine(
            names or expected(bot_settings), bot_settings, database, socket.gethostname() if here else ""
        )
    except BackchannelError as error:
        print(f"backchannel: {error}", file=sys.stderr)
        # Not by `main`, whose status for wrong settings is another: here it says whether the processes live.
        sys.exit(1)
    for finding in findings:
        print(f"{finding.what} {finding.todo}".strip())
    sys.exit(not all(finding.ok for finding in findings))


@app.command()
def doctor(
    chat: Annotated[
        str | None, typer.Option(help="Try what the bot may do in platform:chat_id or platform:workspace/chat_id")
    ] = None,
) -> None:
    """Look whether everything is as it should be; the exit status is 0 if it is, else 1."""
    from rich.console import Console

    from bot.doctor.doctor import doctor

    sys.exit(not doctor(chat, Console()))


@app.command()
def failed(
    action: Annotated[str, typer.Argument(help="list, retry or drop")],
    numbers: Annotated[
        list[str] | None, typer.Argument(help="Such as in12 or out7; --all for all of them, 100 are listed")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Retry or drop all that failed")] = False,
) -> None:
    """Show the events and replies that were given up, try them again, or drop them."""
    from bot.doctor.failed import run

    for line in run(Database(worker_settings.load().database_url), action, numbers or [], everything):
        print(line)


@app.command()
def replay(
    file: Annotated[
        Path,
        typer.Argument(
            help="A file with the columns text and label: .csv, .tsv, .json, .jsonl, .parquet, or an export"
        ),
    ],
    test: Annotated[Path | None, typer.Option(help="Score the result on this file, which nobody labels")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="What the labels mean: a JSON list of objects with name and description")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Play only the first N rows", min=1)] = None,
    annotate: Annotated[str, typer.Option(help="all, none, asked, or a share such as 0.3")] = "all",
    budget: Annotated[int, typer.Option(help="With --annotate asked: how many answers to give", min=1)] = 100,
    retrain_at: Annotated[list[int] | None, typer.Option(help="Type /retrain after N labels; may be repeated")] = None,
    retrain_auto: Annotated[
        bool, typer.Option(help="Let it train by itself when the labels have doubled, and wait for that at the end")
    ] = False,
    in_flight: Annotated[int, typer.Option(help="Messages that wait for their prediction at a time", min=1)] = 64,
    rate: Annotated[
        float | None, typer.Option(help="Messages per second; as fast as it goes if left out", min=0.001)
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder; a temporary one if left out")] = None,
    seed: Annotated[int, typer.Option(help="Decides the order, the authors and the annotators")] = 0,
    report: Annotated[Path | None, typer.Option(help="Write the JSON report here as well")] = None,
    timeout: Annotated[float, typer.Option(help="Give up when nothing has happened for so many seconds", min=1)] = 600,
) -> None:
    """Play a labelled file through the real pipeline, as authors and annotators, and report how it went.

    The exit status is 1 where the report has rows without a prediction, or says why it was stopped.
    """
    from bot.replay.report import save, trouble
    from bot.replay.runner import Plan, run

    plan = Plan(
        file=file,
        test=test,
        labels=labels,
        limit=limit,
        annotate=annotate,
        budget=budget,
        retrain_at=tuple(sorted(retrain_at or ())),
        retrain_auto=retrain_auto,
        in_flight=in_flight,
        rate=rate,
        data=data,
        seed=seed,
        report=report,
        timeout=timeout,
    )
    began = time.monotonic()
    measured = run(plan)
    # A name of a file that is no UTF-8 is printed, and saved, with JSON's escapes.
    text = json.dumps(measured, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    print(text, flush=True)
    if report:
        save(report, text + "\n")
    print(f"{time.monotonic() - began:.0f} s in all", file=sys.stderr)
    if wrong := trouble(measured):
        print(f"backchannel: {wrong}", file=sys.stderr)
        sys.exit(1)
