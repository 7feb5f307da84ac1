"""Replay: two real ones, side by side, and what it says and counts when things go wrong."""

from __future__ import annotations

import asyncio
import csv
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from bot.platforms.replay import ReplayPlatform
from bot.replay import patience as patience_module
from bot.replay import runner
from bot.replay.instance import environment, running_instance
from bot.replay.observer import Observer, Outcome
from bot.replay.patience import OutOfPatience, Patience
from bot.replay.report import lost_and_doubled, seen, seen_in_time, trouble, unpredicted
from bot.replay.script import ADMIN, ANNOTATORS, Participants, Played, chat_ref, emoji_for, quoted, ref_of
from bot.replay.server import ReplayServer
from bot.supervisor.orphans import alive
from tests.databases import with_packaged_model
from tests.waiting import HANG, moment, soon, until
from workers.commands.label_names import name_emoji_description
from workers.core.errors import BackchannelError
from workers.core.events import Command, Event, Message, Reaction
from workers.core.replies import Post
from workers.handlers.dispatch import ledger_row
from workers.queue import embedded_valkey
from workers.store import head_fits, heartbeats, inbox, jobs, labels, ledger, outbox
from workers.store.database import Database
from workers.store.jobs import JobRequest

MAIN = chat_ref("main")
FORMS = {
    "🐛 bug": ("the {} crashes when I open it", "an error in the {}", "the {} is broken again", "the {} freezes"),
    "praise “yes” $5": ("I love the new {}", "the {} is wonderful", "great work on the {}", "thank you for the {}"),
    "question": ("how do I open the {}?", "where is the {}?", "who can explain the {}?", "what does the {} do?"),
}


def write(path: Path, *things: str, before: Iterable[tuple[str, str]] = ()) -> Path:
    """A text,label file with each sentence about each thing: 12 rows a thing."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows(before)
        writer.writerows(
            (form.format(thing), label) for (label, forms), thing in product(FORMS.items(), things) for form in forms
        )
    return path


# ── the real thing ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The reports of a replay in which everything is labelled and of one in which only questions are answered."""
    here = tmp_path_factory.mktemp("replays")
    train, test = write(here / "train.csv", "page", "report", "search"), write(here / "test.csv", "menu")
    meanings = here / "labels.json"
    meanings.write_text(
        json.dumps([{"name": "🐛 bug", "description": "Something is broken · 出错", "emoji": "👾"}]), "utf-8"
    )
    options = {"all": ("--annotate", "all", "--labels", meanings), "asked": ("--annotate", "asked", "--budget", "6")}

    def replayed(name: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "bot", "replay", train, "--test", test, "--report", here / f"{name}.json"]
        done = subprocess.run([*command, *options[name]], capture_output=True, text=True, timeout=HANG, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads((here / f"{name}.json").read_text()) == json.loads(done.stdout)
        return json.loads(done.stdout)

    with ThreadPoolExecutor(len(options)) as pool:
        return dict(zip(options, pool.map(replayed, options), strict=True))


def test_a_replay_reports_all_that_it_promises(reports: dict[str, dict[str, Any]]) -> None:
    for report in reports.values():
        assert {"seconds", "messages_per_s", "abstained", "online_accuracy"} <= set(report)
        assert set(report["latency_ms"]) == {"p50", "p95", "p99"}
        assert set(report["label_to_head_ms"]) == {"p50", "p95"}
        assert set(report["test"]) == {"accuracy", "macro_f1", "ece"}
        assert [(version["version"], version["state"]) for version in report["versions"]] == [(1, "active")]


def test_everything_that_is_said_in_a_replay_has_its_effect_once(reports: dict[str, dict[str, Any]]) -> None:
    for report in reports.values():
        assert (report["messages"], report["predicted"]) == (36, 36)
        assert (report["lost"], report["doubled"]) == (0, 0)
    assert reports["all"]["labels"] == 36
    assert reports["asked"]["labels"] == 6
    assert reports["all"]["test"]["accuracy"] >= 0.8


def test_a_replay_reports_what_people_saw(reports: dict[str, dict[str, Any]]) -> None:
    for report in reports.values():
        assert report["shown"] + report["abstained"] == 36
        assert [third["messages"] for third in report["thirds"]] == [12, 12, 12]
        assert sum(third["shown"] for third in report["thirds"]) == report["shown"]
        assert report["last_100"] == {name: report[name] for name in ("messages", "shown", "shown_right")} | {
            "accuracy": report["last_100"]["accuracy"]
        }
        assert report["after_60_labels"] == {"messages": 0, "shown": 0, "shown_right": None, "accuracy": None}


# ── what is counted and waited for ─────────────────────────────────────────────────────────────────


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with with_packaged_model(tmp_path) as database:
        yield database


@pytest.fixture
def player(database: Database) -> Participants:
    server = ReplayServer()
    return Participants(server, Observer(database), random.Random(0), server.deliver, emoji={"bug": "🐞"})


def reaction(number: int, key: str = "") -> Reaction:
    ref = ref_of(MAIN, str(number))
    return Reaction(key=key or f"r{number}", at=1.0, ref=ref, annotator=ANNOTATORS[0], emoji="🐞", added=True)


async def test_the_head_is_not_current_while_a_label_is_on_its_way(database: Database) -> None:
    with database.write() as c:
        head_fits.record(c, head_fits.HeadFit(1, labels.revision(c), 0, 0, 0.0))
        inbox.add(c, [reaction(1)], 0.0)
    waiting = asyncio.create_task(Observer(database).head_is_current())
    await moment()
    assert not waiting.done()
    with database.write() as c:
        claimed = inbox.claim(c, "labels", 9, 1e9, "worker", 1.0)
    await moment()
    assert not waiting.done()  # it is in somebody's hands, and not in the ledger
    with database.write() as c:
        inbox.finish(c, claimed)
    await asyncio.wait_for(waiting, HANG)


async def test_a_head_that_never_comes_is_said(database: Database) -> None:
    observer = Observer(database, Patience(0.1))
    with pytest.raises(OutOfPatience, match=r"for 0\.1 s while the replay waited for the model to learn the labels"):
        await observer.patience.see(observer.head_is_current())


async def test_patience_lasts_while_something_happens_and_what_it_waited_for_ends_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the clock's seconds, that is, which are not those of the test."""
    now, ended = [0.0], list[str]()
    monkeypatch.setattr(patience_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    patience = Patience(1.0)

    async def work(renew: bool) -> str:
        try:
            for number in range(12):
                now[0] += 0.2
                await asyncio.sleep(2.0 / patience_module.LOOKS)
                patience.watch("step", number if renew else 0)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return "all"

    assert await patience.see(work(renew=True)) == "all"
    with pytest.raises(OutOfPatience):
        await patience.see(work(renew=False))
    assert ended == ["cancelled"]


async def test_an_observer_that_breaks_ends_the_replay_at_once(player: Participants) -> None:
    async def broken() -> None:
        raise ValueError("no such column")

    patience = Patience(HANG, beside=(asyncio.create_task(broken()),))
    with pytest.raises(ValueError, match="no such column"):
        await asyncio.wait_for(patience.see(asyncio.sleep(HANG)), HANG)


@pytest.mark.parametrize(("rate", "seconds"), [(None, 5.0), (10.0, 5.0), (0.1, 20.0)])
def test_a_replay_is_patient_between_two_messages(rate: float | None, seconds: float) -> None:
    assert runner.Plan(file=Path("rows.csv"), timeout=5.0, rate=rate).patience.seconds == seconds


async def test_the_seconds_are_those_in_which_messages_are_written(
    database: Database, player: Participants, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    async def stream(*_: object) -> list[object]:
        now[0] += 1.0
        return []

    async def retrain(*_: object) -> None:
        now[0] += 100.0

    monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(runner, "stream", stream)
    monkeypatch.setattr(runner, "retrain", retrain)
    plan = runner.Plan(file=Path("rows.csv"), retrain_at=(1, 2))

    async def current(_: Observer) -> None:
        """There is no worker here whose head could be waited for."""

    monkeypatch.setattr(Observer, "head_is_current", current)
    played = await runner.play(plan, 1.0, [("it crashes", "bug")], [], database, player)
    assert (played.seconds, played.stopped) == (3.0, None)


@pytest.mark.parametrize("pause", [0.0, 0.001])
async def test_the_same_seed_labels_the_same_messages_however_fast_the_bot_is(
    player: Participants, monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    labelled: list[int] = []

    async def write_and_label(player: Participants, number: int, row: Played, label: str, react: bool) -> None:
        await asyncio.sleep(pause * (number % 3))
        if react:
            player.rng.choice(ANNOTATORS)
            labelled.append(number)

    monkeypatch.setattr(runner, "write_and_label", write_and_label)
    rows = [(number, ("it crashes", "bug")) for number in range(40)]
    await runner.stream(runner.Plan(file=Path("rows.csv"), in_flight=4), 0.37, rows, player, None)
    chance = random.Random(0)
    assert sorted(labelled) == [number for number in range(40) if chance.random() < 0.37]


def saw(player: Participants, *outcomes: tuple[str, bool], labels: int) -> None:
    """The bot predicted these (label, shown) for messages that were bugs, each written after so many labels."""
    for label, shown in outcomes:
        ref = str(len(player.accepted))
        player.truth[ref], player.accepted[ref], player.labels_before[ref] = "bug", 0.0, labels
        player.outcomes[ref] = Outcome(1, 0, label, 0.9, shown, guess=False)


def test_what_people_saw_is_counted_by_thirds_and_after_the_first_labels(player: Participants) -> None:
    right, wrong, silent_right, silent_wrong = ("bug", True), ("idea", True), ("bug", False), ("idea", False)
    saw(player, silent_wrong, silent_right, labels=59)
    saw(player, wrong, right, labels=60)
    saw(player, right, right, silent_wrong, labels=70)
    report = seen_in_time(player)
    assert report["thirds"] == [
        {"labels": 59, "messages": 2, "shown": 0, "shown_right": None, "accuracy": 0.5},
        {"labels": 60, "messages": 2, "shown": 2, "shown_right": 0.5, "accuracy": 0.5},
        {"labels": 70, "messages": 3, "shown": 2, "shown_right": 1.0, "accuracy": 0.6667},
    ]
    assert report["after_60_labels"] == {"messages": 5, "shown": 4, "shown_right": 0.75, "accuracy": 0.6}
    assert report["last_100"] == {"messages": 7, "shown": 4, "shown_right": 0.75, "accuracy": 0.5714}
    saw(player, *[right] * 99, silent_wrong, labels=80)
    assert seen_in_time(player)["last_100"]["accuracy"] == 0.99


def test_a_message_without_a_prediction_is_neither_right_nor_wrong(player: Participants) -> None:
    saw(player, ("bug", True), ("bug", True), labels=0)
    del player.outcomes["0"]
    assert seen(player, list(player.accepted)) == {"messages": 2, "shown": 1, "shown_right": 1.0, "accuracy": 1.0}
    assert seen_in_time(Participants(player.server, player.observer, player.rng, player.deliver))["thirds"] == []


def test_a_file_says_what_labels_mean(tmp_path: Path) -> None:
    file = tmp_path / "labels.json"
    file.write_text('[{"name": "a  bug", "description": "It is\\nbroken", "emoji": "👾"}]', "utf-8")
    assert runner.read_descriptions(file) == {"a bug": "It is broken"}
    file.write_text('{"bug": "It is broken"}', "utf-8")
    with pytest.raises(BackchannelError, match="a list of objects with name and description"):
        runner.read_descriptions(file)
    with pytest.raises(BackchannelError, match="labels: give a JSON file"):
        runner.read_descriptions(tmp_path / "none.json")


async def test_a_label_is_added_with_what_it_means(player: Participants, monkeypatch: pytest.MonkeyPatch) -> None:
    typed: list[str] = []

    async def run_command(_: Participants, chat: object, text: str) -> list[str]:
        typed.append(text)
        return [text]

    first, second = emoji_for(2)
    answers = iter([f"Added {first} bug.", f"Added {second} idea.", "There is no such name."])

    def text_of(*_: object) -> str:
        return next(answers)

    monkeypatch.setattr(Participants, "run_command", run_command)
    monkeypatch.setattr(Participants, "text_of", text_of)
    await player.add_labels(MAIN, ["bug", "idea"], {"bug": "It is broken"})
    assert typed == [f"labels add “bug” {first} It is broken", f"labels add “idea” {second}"]
    answers = iter([f"Added {first} another bug.", "You can't."])
    with pytest.raises(BackchannelError, match="The label 'bug' was not accepted: You can't"):
        await player.add_labels(MAIN, ["bug"])


@pytest.mark.parametrize(
    "name",
    ["bug", "🐛 bug", "bug 🐛 in the board", "say “hi” now", 'a 5" disk', "both “ and “", "《报告》", "O'Hara", "“x”"],
)
def test_a_name_is_typed_so_that_the_bot_reads_it_whole(name: str) -> None:
    assert name_emoji_description(f"{quoted(name)} 🐞 it is 💥 broken") == (name, "🐞", "it is 💥 broken")


def test_labels_that_are_missing_or_there_twice_are_counted(database: Database, player: Participants) -> None:
    player.given = [(ref_of(MAIN, str(number)).key, ANNOTATORS[0].id, "🐞") for number in (1, 2, 3)]
    with database.write() as c:
        ledger.append(c, [ledger_row(reaction(number)) for number in (1, 2)], 0.0)
    assert lost_and_doubled(database, player) == (1, 0)
    with database.write() as c:
        ledger.append(c, [ledger_row(reaction(number, f"again {number}")) for number in (2, 3)], 0.0)
    assert lost_and_doubled(database, player) == (0, 1)


@pytest.fixture
async def observed(player: Participants) -> AsyncIterator[Participants]:
    """The participants while the observer looks."""
    observing = asyncio.create_task(player.observer.run())
    yield player
    observing.cancel()
    await asyncio.wait([observing])


@pytest.mark.parametrize("stored", [True, False])
async def test_a_message_that_is_handled_without_a_prediction_is_lost_and_holds_nobody_up(
    database: Database, observed: Participants, stored: bool
) -> None:
    async def deliver(event: Event) -> bool:
        """Handles it at once, as the worker does where there are no words."""
        with database.write() as c:
            inbox.add(c, [event] if stored else [], 0.0)
            inbox.finish(c, inbox.claim(c, "classify", 9, 1e9, "worker", 1.0))
        return stored

    observed.deliver = deliver
    row = Played("rows.csv", 2, " \u200b")
    await asyncio.wait_for(runner.write_and_label(observed, 1, row, "bug", react=False), HANG)
    assert lost_and_doubled(database, observed) == (1, 0)
    assert unpredicted(observed) == [{"file": "rows.csv", "row": 2, "text": " \u200b"}]


async def test_a_worker_that_is_dead_ends_the_replay_and_its_rows_are_in_the_report(
    database: Database, observed: Participants
) -> None:
    async def deliver(event: Event) -> bool:
        with database.write() as c:
            inbox.add(c, [event], 0.0)
        observed.observer.patience.renew()
        return True

    observed.deliver, observed.observer.patience.seconds = deliver, 1.0
    rows = [(f"it crashes again {number}", "bug") for number in range(5)]
    plan, running = runner.Plan(file=Path("rows.csv"), in_flight=2), asyncio.all_tasks()
    measured = await asyncio.wait_for(runner.play(plan, 1.0, rows, [], database, observed), HANG)
    report = runner.make_report(plan, measured, rows, database, observed)
    assert report["stopped"] == trouble(report)
    assert "Nothing has happened for 1 s while the replay waited for messages to be predicted" in report["stopped"]
    assert (report["messages"], report["predicted"], report["lost"], report["unplayed"]) == (2, 0, 2, 3)
    assert {row["text"] for row in report["unpredicted"]} < {text for text, _ in rows}
    assert asyncio.all_tasks() == running, "nobody goes on writing"


WELL: dict[str, Any] = {"stopped": None, "unpredicted": [], "lost": 0, "doubled": 0, "left_out": 0}


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({}, "None"),
        ({"stopped": "Nothing has happened."}, "Nothing has happened."),
        (
            {"unpredicted": [{"file": "rows.csv", "row": 3, "text": ""}], "lost": 1},
            r"1 rows got no .* row 3 of rows\.csv",
        ),
        ({"left_out": 2}, "2 rows without text or label were left out"),
        ({"lost": 1}, "1 messages or labels were lost"),
        ({"doubled": 2}, "2 had more than one effect"),
    ],
)
def test_what_is_wrong_in_a_report_is_said(what: dict[str, Any], said: str) -> None:
    assert re.search(said, str(trouble({**WELL, **what})))


async def test_an_answer_of_several_posts_is_waited_for_whole(database: Database, player: Participants) -> None:
    posts = [Post(chat=MAIN, text=f"question {number}") for number in range(3)]

    async def deliver(event: Event) -> None:
        """Commits all posts at once and brings them one by one, as the bot does."""
        with database.write() as c:
            outbox.add(c, [(f"{event.key}:{place}", post) for place, post in enumerate(posts)], 0.0)
        for place, post in enumerate(posts):
            asyncio.get_running_loop().call_later(0.1 * place, player.on_reply, f"{event.key}:{place}", post, 0.0)

    player.deliver = deliver
    keys = await player.run_command(MAIN, "ask 3")
    assert [player.text_of(key) for key in keys] == ["question 0", "question 1", "question 2"]


async def test_an_event_that_cannot_be_stored_is_answered_all_the_same(tmp_path: Path) -> None:
    async def accept(event: Event) -> bool:
        if isinstance(event, Message):
            raise ValueError("This can't be stored.")
        return True

    server = ReplayServer()
    await server.start(tmp_path / "far.sock")
    listening = asyncio.create_task(ReplayPlatform(tmp_path / "far.sock").listen(accept))
    ref = ref_of(MAIN, "1")
    message = Message(key="m", at=1.0, ref=ref, author=ADMIN, text="it crashes")
    command = Command(key="c", at=1.0, chat=MAIN, caller=ADMIN, text="help", admin=True)
    async with asyncio.timeout(HANG):
        assert not await server.deliver(message)
        assert await server.deliver(command)
    listening.cancel()
    await asyncio.wait([listening])
    await server.stop()


# ── the Backchannel that it plays on ───────────────────────────────────────────────────────────────


def instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let the replay start this shell script where it would start a whole Backchannel."""
    program = tmp_path / "backchannel"
    # The file itself is read by modeling.
    program.write_text(f'#!/bin/sh\n[ "$2" = modeling ] && exec {sys.executable} "$@"\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'backchannel: The backbone ghost is not there.' >&2; exit 78", r"^The backbone ghost is not there\.$"),
        ("echo 'No module named bot' >&2; exit 1", "ended in the middle .* exit code 1: No module named bot$"),
        ("exit 3", "ended in the middle of the replay, with exit code 3: it said nothing$"),
    ],
)
def test_a_backchannel_that_ends_ends_the_replay_with_its_sentence(
    script: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(tmp_path, monkeypatch, script)
    with pytest.raises(BackchannelError, match=said):
        runner.run(runner.Plan(file=write(tmp_path / "rows.csv", "page")))


def test_a_replay_that_is_killed_leaves_nothing_running(tmp_path: Path) -> None:
    data = tmp_path / "data"
    argv = [sys.executable, "-m", "bot", "replay", str(write(tmp_path / "rows.csv", "page")), "--data", str(data)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as replay:
        started = psutil.Process(replay.pid)
        # Itself, the guard, Valkey, the platform, three workers and beat.
        family = until(lambda: started.children(recursive=True), lambda processes: len(processes) >= 8)
        until(lambda: embedded_valkey.running_pid(data))
        replay.kill()
    until(lambda: not any(map(alive, family)))
    assert embedded_valkey.running_pid(data) is None


@pytest.mark.parametrize("answers", ["nothing", "acknowledgements"])
def test_a_platform_that_never_answers_ends_the_replay(
    answers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = tmp_path / "deaf.py"
    deaf.write_text(DEAF)
    instead(tmp_path, monkeypatch, f"exec '{sys.executable}' '{deaf}' {answers} $5")
    waited = "an answer to `here`" if answers == "acknowledgements" else "(an answer|the bot to start)"
    with pytest.raises(BackchannelError, match=f"Nothing has happened for .* s while the replay waited for {waited}"):
        runner.run(runner.Plan(file=write(tmp_path / "rows.csv", "page"), timeout=2.0))


DEAF = """
import json, socket, sys
from workers.store.database import Database
Database("sqlite:///backchannel.sqlite3").migrate()
far = socket.socket(socket.AF_UNIX)
far.connect(sys.argv[2])
for line in far.makefile():
    if sys.argv[1] == "acknowledgements":
        far.sendall(json.dumps({"ack": json.loads(line)["number"], "stored": True}).encode() + b"\\n")
"""


@pytest.mark.parametrize("label", ["🐛", "none"])
def test_a_label_that_would_be_read_as_something_else_is_refused(
    label: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emoji alone would be read as whatever label has that emoji."""
    before = [("it crashes", label), ("it crashes again", label)]
    file = write(tmp_path / "rows.csv", "page", before=before)
    with pytest.raises(BackchannelError, match=rf"{label}"):
        runner.run(runner.Plan(file=file))


async def test_the_server_can_listen_however_long_the_data_folders_path_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(tmp_path, monkeypatch, "exec sleep 60")
    data = tmp_path / ("x" * 150)
    data.mkdir()
    with running_instance(data) as backchannel:
        server = ReplayServer()
        await server.start(backchannel.socket)
        listening = asyncio.create_task(ReplayPlatform(backchannel.socket).listen(lambda _: asyncio.sleep(0, True)))
        await soon(lambda: server.connections > 0)
        listening.cancel()
        await asyncio.wait([listening])
        await server.stop()
    assert backchannel.process.returncode is not None
    assert not backchannel.socket.exists()


def test_only_the_backbone_of_the_settings_around_reaches_the_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my-backbone").mkdir()
    monkeypatch.setenv("BACKCHANNEL_DATABASE__URL", "postgresql://localhost/the_real_one")
    monkeypatch.setenv("BACKCHANNEL_BACKBONE", "my-backbone")
    ours = {name: value for name, value in environment(tmp_path).items() if name.startswith("BACKCHANNEL_")}
    kept = {"BACKCHANNEL_DATA_DIR": str(tmp_path), "BACKCHANNEL_BACKBONE": str(tmp_path / "my-backbone")}
    assert ours == {**kept, "BACKCHANNEL_RETRAIN_AUTO": "false"}


def test_it_trains_by_itself_only_where_the_command_line_says_so(tmp_path: Path) -> None:
    for asked, variable in ((True, "true"), (False, "false")):
        assert environment(tmp_path, retrain_auto=asked)["BACKCHANNEL_RETRAIN_AUTO"] == variable


async def test_before_it_scores_it_waits_for_a_sweep_and_for_the_training_that_this_began(
    database: Database, player: Participants, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def current() -> None:
        """There is no worker here whose head could be waited for."""

    monkeypatch.setattr(player.observer, "head_is_current", current)
    with database.write() as c:
        heartbeats.beat(c, "sweep", "sweep", time.time())  # before the last label
    waiting = asyncio.create_task(runner.unasked_training(database, player))
    await moment()
    assert not waiting.done()
    with database.write() as c:
        job = jobs.add(c, JobRequest(chat=MAIN, requested_by=ANNOTATORS[0], post="p"), time.time())
        heartbeats.beat(c, "sweep", "sweep", time.time())
    await moment()
    assert not waiting.done()
    with database.write() as c:
        jobs.request_cancel(c, job.id, time.time())
    await asyncio.wait_for(waiting, HANG)
