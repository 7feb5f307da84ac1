"""Forgetting a person leaves nothing that they wrote, in no table and not in the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, LargeBinary, select

from tests.workers.queries import last_audited, last_prediction, unsent
from tests.workers.store.samples import (
    BOB,
    CHAT,
    UMA,
    act,
    choose,
    command,
    edit,
    guess,
    key,
    message,
    post,
    reaction,
    ref,
    request,
)
from workers.core.errors import BackchannelError
from workers.core.events import CLASSIFY, LABELS, ChatRef, Message, Person
from workers.core.replies import CheckAdmin, Choice, Document, EditPost, React
from workers.store import (
    chats,
    erasure,
    history,
    inbox,
    jobs,
    labels,
    ledger,
    messages,
    outbox,
    predictions,
    questions,
    tables,
    training_set,
)
from workers.store.database import Database
from workers.store.tables import audit, metadata
from workers.store.traces import Quotes, names_pattern

SECRET = "the launch code is zyxwvut"
PERSON = Person(id="person-to-forget", name="Sömeone Özel")
ELSEWHERE = ChatRef(platform="slack", workspace="other", chat_id="c")
SAME_PLATFORM = ChatRef(platform="web", workspace="w2", chat_id="c")


def everything(db: Database) -> str:
    """All that all tables hold, as one text."""
    with db.read() as c:
        return "\n".join(
            repr(part if not isinstance(column.type, LargeBinary) else bytes(part).decode("latin-1"))
            for table in metadata.sorted_tables
            for row in c.execute(select(table))
            for column, part in zip(table.columns, row, strict=True)
        )


@pytest.fixture
def talk(db: Database) -> Database:
    """A chat in which one person wrote, was quoted, reacted and asked for things, between others."""
    with db.write() as c:
        bug = labels.add(c, "Bug", "", "🐛", 0)
        mine = messages.record(c, [message(number, f"{SECRET} {number}", PERSON) for number in range(30)])
        others = messages.record(c, [message(number, f"Somebody's words {number}", UMA) for number in range(30, 60)])
        messages.edit(c, edit(3, f"{SECRET}, edited"))
        for item in (*mine, *others):
            predictions.record_vectors(c, "b", [(item.id, 1, b"vector")])
            predictions.record_predictions(c, [guess(item.id, bug.id)])
        ledger.append(c, [act(1, "🐛", BOB), act(2, "🐛", PERSON), act(30, "🐛", PERSON), act(31, "🐛", BOB)], 0)
        ledger.append(c, [choose(30, bug.id, PERSON), choose(31, None, PERSON)], 0)
        questions.ask(c, ref(5), mine[5].id, "question", 0)
        chats.enable(c, CHAT, PERSON, "en", 0)
        questions.hold(c, command(f"forget {SECRET}", PERSON), 0)
        questions.write_audit(c, 0, PERSON, CHAT, "label", SECRET, "done")
        jobs.add(c, request().model_copy(update={"requested_by": PERSON}), 0)
        fill_queues(c)
    return db


def fill_queues(c: Connection) -> None:
    inbox.add(c, [message(7, SECRET, PERSON), edit(8, SECRET), reaction(9, PERSON), command(SECRET, PERSON)], 0)
    inbox.add(c, [message(32, "Kept for later")], 0)
    replies = [
        ("quote", post(f"You said:  {SECRET}\n1 — what is it?")),
        ("question", post("What is this?")),
        ("question edited", EditPost(chat=CHAT, post="question", text="Never mind: the launch…")),
        ("file", Document(chat=CHAT, filename="a.csv", content=f"text,label\n{SECRET} 4,Bug")),
        ("reaction", React(ref=ref(6), emoji="🐛")),
        ("answer", post("Indeed", reply_to="6")),
        ("admin", CheckAdmin(event=command(SECRET, PERSON))),
        ("kept", post("Something else")),
    ]
    outbox.add(c, replies, 0)


def test_no_table_keeps_a_word_or_the_name(talk: Database) -> None:
    assert SECRET in everything(talk)
    with talk.write() as c:
        assert erasure.forget(c, PERSON.id, "web", "w") == 30
    left = everything(talk)
    for trace in ("zyxwvut", "launch", PERSON.id, PERSON.name):
        assert trace not in left


@pytest.mark.parametrize("done", range(6))
def test_erasing_that_was_killed_between_its_parts_is_begun_again_and_leaves_nothing(
    talk: Database, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    monkeypatch.setattr(erasure, "PIECE", 10)
    with talk.read() as c:
        parts = erasure.parts(erasure.find(c, PERSON.id, "web", "w"))
    assert len(parts) > 6
    for part in parts[: done * len(parts) // 5]:
        with talk.write() as c:
            part(c)
    with talk.read() as c:
        begun = erasure.find(c, PERSON.id, "web", "w")
    for part in erasure.parts(begun):
        with talk.write() as c:
            part(c)
    with talk.write() as c:
        erasure.forget(c, PERSON.id, "web", "w", begun)
    left = everything(talk)
    for trace in ("zyxwvut", "launch", PERSON.id, PERSON.name):
        assert trace not in left
    with talk.read() as c:
        assert [row.annotator for row in ledger.ledger(c)] == [BOB]


def test_what_came_in_since_it_was_found_goes_in_the_end(talk: Database) -> None:
    with talk.read() as c:
        begun = erasure.find(c, PERSON.id, "web", "w")
    with talk.write() as c:
        messages.record(c, [message(70, f"{SECRET}, said late", PERSON)])
        ledger.append(c, [act(40, "🐛", PERSON)], 0)
        inbox.add(c, [message(71, SECRET, PERSON)], 0)
        outbox.add(c, [("late quote", post(f"You said: {SECRET} 2")), ("late name", post(f"By {PERSON.name}"))], 0)
        questions.write_audit(c, 0, BOB, CHAT, "forget", f"@{PERSON.name}", "refused")
        questions.hold(c, command("labels remove bug", PERSON), 0)
    for part in erasure.parts(begun):
        with talk.write() as c:
            part(c)
    with talk.write() as c:
        assert erasure.forget(c, PERSON.id, "web", "w", begun) == 31
    left = everything(talk)
    for trace in ("zyxwvut", "launch", PERSON.id, PERSON.name):
        assert trace not in left


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # Postgres cleans its pages by itself, later
def test_the_file_itself_keeps_nothing(talk: Database, url: str) -> None:
    with talk.write() as c:
        erasure.forget(c, PERSON.id, "web", "w")
    talk.scrub()
    path = Path(url.removeprefix("sqlite:///"))
    for file in path.parent.iterdir():
        assert b"zyxwvut" not in file.read_bytes(), file
        assert PERSON.id.encode() not in file.read_bytes(), file
    assert b"Somebody's words 30" in path.read_bytes()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # only SQLite is scrubbed
def test_a_reader_that_stays_is_named_as_the_reason(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.store.database.BUSY_MS", 200)
    db = Database(url)
    with db.read() as reader:
        messages.find(reader, ref(1))
        with db.write() as c:
            messages.record(c, [message(1)])
        with pytest.raises(BackchannelError, match="kept reading"):
            db.scrub()
    db.scrub()
    db.dispose()


def test_others_keep_what_is_theirs(talk: Database) -> None:
    with talk.write() as c:
        erasure.forget(c, PERSON.id, "web", "w")
        bug = labels.living(c)[0].id
        kept = messages.find(c, ref(31))
        assert kept
        assert training_set.labelled(c) == [(kept.id, bug)]
        assert [len(predictions.vectors(c, "b", [kept.id])), last_prediction(c, kept.id) is not None] == [
            1,
            True,
        ]
        assert [row.annotator for row in ledger.ledger(c)] == [BOB]
        assert [item.event.kind for item in inbox.claim(c, CLASSIFY, 9, 30, "w", 1)] == ["message"]
        assert inbox.claim(c, LABELS, 9, 30, "w", 1) == []
        assert [item.key for item in outbox.claim(c, "web", 9, 30, "w", 1)] == ["kept"]


def test_late_events_bring_nothing_back(talk: Database) -> None:
    with talk.write() as c:
        erasure.forget(c, PERSON.id, "web", "w")
        messages.record(c, [message(1, SECRET, PERSON)])
        assert messages.edit(c, edit(2, SECRET)) is None
    assert "zyxwvut" not in everything(talk)


def test_a_worker_with_a_forgotten_event_in_its_hands_loses_it(db: Database) -> None:
    with db.write() as c:
        messages.record(c, [message(1, SECRET, PERSON)])
        inbox.add(c, [message(2, SECRET, PERSON)], 0)
        claimed = inbox.claim(c, CLASSIFY, 9, 30, "w", 1)
    with db.write() as c:
        erasure.forget(c, PERSON.id, "web", "w")

    def finish() -> None:
        with db.write() as c:
            messages.record(c, [item.event for item in claimed if isinstance(item.event, Message)])
            inbox.finish(c, claimed)

    with pytest.raises(inbox.LostClaim):
        finish()
    assert "zyxwvut" not in everything(db)


def test_other_workspaces_and_people_are_left_alone(db: Database) -> None:
    with db.write() as c:
        there = ref(1, ELSEWHERE)
        messages.record(c, [Message(key=key(), at=1, ref=there, author=PERSON, text="Elsewhere")])
        messages.record(c, [message(1, "Short", PERSON), message(2, "Uma's")])
        outbox.add(c, [("p", post("Short and sweet"))], 0)
        assert erasure.forget(c, PERSON.id, "web", "w") == 1
        assert erasure.forget(c, PERSON.id, "web", "w") == 0
        assert erasure.forget(c, "nobody", "web", "w") == 0
        assert [messages.find(c, where).text for where in (there, ref(2))] == ["Elsewhere", "Uma's"]  # type: ignore[union-attr]
        assert unsent(c) == 1


def test_what_they_did_in_another_workspace_keeps_their_name(db: Database) -> None:
    """The same id is somebody else's there, or the same person's, who was not asked about that place."""
    with db.write() as c:
        for chat, kind in ((CHAT, "train"), (ELSEWHERE, "distil"), (SAME_PLATFORM, "evaluate")):
            chats.enable(c, chat, PERSON, "en", 0)
            questions.write_audit(c, 0, PERSON, chat, "label", "words", "done")
            jobs.add(c, request().model_copy(update={"chat": chat, "kind": kind, "requested_by": PERSON}), 0)
        erasure.forget(c, PERSON.id, "web", "w")
        actors = dict(c.execute(select(audit.c.workspace, audit.c.actor_id)).all())
        words = dict(c.execute(select(audit.c.workspace, audit.c.arguments)).all())
        enabled = dict(c.execute(select(tables.chats.c.workspace, tables.chats.c.enabled_by)).all())
        asked = {job.request.chat.workspace: job.request.requested_by for job in jobs.latest(c, 9)}
    assert actors == enabled == {"w": "", "other": PERSON.id, "w2": PERSON.id}
    assert words == {"w": "", "other": "words", "w2": "words"}
    assert asked == {"w": Person(id=""), "other": PERSON, "w2": PERSON}


def test_what_others_did_here_keeps_their_name(talk: Database) -> None:
    with talk.write() as c:
        chats.enable(c, ELSEWHERE, BOB, "en", 0)
        questions.write_audit(c, 0, BOB, CHAT, "label", "Bug", "done")
        jobs.add(c, request().model_copy(update={"kind": "distil"}), 0)
        erasure.forget(c, PERSON.id, "web", "w")
        bobs = select(audit.c.actor_name, audit.c.arguments).where(audit.c.actor_id == BOB.id)
        assert c.execute(bobs).all() == [(BOB.name, "Bug")]
        assert [job.request.requested_by for job in jobs.latest(c, 9)] == [BOB, Person(id="")]


def test_the_revision_moves_so_that_heads_are_fitted_again(talk: Database) -> None:
    with talk.write() as c:
        before = labels.revision(c)
        erasure.forget(c, PERSON.id, "web", "w")
        assert labels.revision(c) > before


def test_what_was_said_about_somebody_who_only_labelled_goes_too(db: Database) -> None:
    yes = (Choice(text="Yes", value="y:1"),)
    replies = [
        ("question", post("What is this, by Uma?", choices=yes)),
        ("sure", post(f"Forget {PERSON.name.upper()}?")),
        ("by id", post(f"({PERSON.id})")),
        ("another", post("Özelia and Bob")),
    ]
    with db.write() as c:
        messages.record(c, [message(1)])
        ledger.append(c, [act(1, "🐛", PERSON), act(1, "🐛", Person(id=PERSON.id, name="张三"))], 0)
        questions.write_audit(c, 0, BOB, CHAT, "forget", f"@{PERSON.name}", "refused")
        questions.write_audit(c, 0, BOB, CHAT, "labels add", "Bug", "done")
        questions.hold(c, command(f"forget @{PERSON.name}"), 0)
        outbox.add(c, replies, 0)
        for item in outbox.claim(c, "web", 9, 30, "bot", 1):
            outbox.sent(c, item, item.key, 2)
        outbox.add(c, [("answered", EditPost(chat=CHAT, post="question", text="“…”：张三认为是 Bug"))], 3)
        for item in outbox.claim(c, "web", 9, 30, "bot", 4):
            outbox.sent(c, item, None, 5)
        assert erasure.forget(c, PERSON.id, "web", "w") == 0
        questions.write_audit(c, 0, BOB, CHAT, "forget", f"@{PERSON.name}", "done")
        assert [line.text for line in history.history(c, CHAT)] == ["Hello there", "Özelia and Bob"]
        assert [entry.arguments for entry in last_audited(c, 9)] == ["", "Bug", ""]
    left = everything(db)
    for trace in (PERSON.id, PERSON.name, "张三"):
        assert trace.casefold() not in left.casefold()


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("Al", "says al.", True),
        ("Al", "All of it", False),
        ("@Al", "ask @al", True),
        ("Ann  Lee", "ann lee’s", True),
        ("王", "由王标注", True),
        ("12", "job 12", False),
        ("123456", "by 123456", True),
        ("", "anything", False),
        ("a.b", "axb", False),
    ],
)
def test_a_name_is_found_as_a_word(name: str, text: str, named: bool) -> None:
    assert bool(names_pattern([name]).search(text)) is named


@given(st.lists(st.text("ab ", max_size=60), max_size=6), st.text("ab ", max_size=90))
def test_quotes_are_found_wherever_they_stand(texts: list[str], post_text: str) -> None:
    quotes = [text[:40].strip() for text in texts]
    assert Quotes(texts).any_in(post_text) == any(quote in post_text for quote in quotes if len(quote) >= 8)
