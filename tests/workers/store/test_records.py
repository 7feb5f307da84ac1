"""Chats, versions, jobs, questions, confirmations and the audit."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from tests.workers.queries import enabled_chats, last_audited
from tests.workers.store.samples import BOB, CHAT, EVE, command, ref, request, stored
from workers.core.errors import BackchannelError
from workers.core.events import ChatRef
from workers.core.i18n import Bilingual
from workers.store import chats, jobs, questions, tables, versions
from workers.store.database import Database

PROBLEM = Bilingual(en="Out of memory.", zh="内存不足。")
OTHER = ChatRef(platform="slack", workspace="t", chat_id="c")


def test_chats_are_off_until_somebody_enables_them(db: Database) -> None:
    with db.write() as c:
        assert chats.get(c, CHAT) is None
        assert chats.by_key(c, [CHAT.key, OTHER.key]) == chats.by_key(c, []) == {}
        chats.enable(c, CHAT, BOB, "zh", 0)
        assert chats.get(c, CHAT) == chats.Chat(CHAT, True, "suggest", "zh", enabled_by=BOB.id)
        assert set(chats.by_key(c, [CHAT.key, OTHER.key])) == {CHAT.key}
        chats.set_mode(c, CHAT, "shadow")
        chats.disable(c, CHAT, 1)
        assert not chats.by_key(c, [CHAT.key])[CHAT.key].enabled
        chats.enable(c, CHAT, BOB, "en", 2)
        chats.enable(c, OTHER, BOB, "en", 2)
        assert chats.by_key(c, [CHAT.key, OTHER.key]) == {
            OTHER.key: chats.Chat(OTHER, True, "suggest", "en", enabled_by=BOB.id),
            CHAT.key: chats.Chat(CHAT, True, "shadow", "en", enabled_by=BOB.id),
        }


def test_who_is_put_out_of_a_chat_is_out_of_its_topics_and_of_no_other_chat(db: Database) -> None:
    topic, near = (CHAT.model_copy(update={"chat_id": id}) for id in ("c:7", "c7"))
    with db.write() as c:
        for chat in (CHAT, topic, near):
            chats.enable(c, chat, BOB, "en", 0)
        chats.disable_all(c, CHAT, 1)
        assert list(enabled_chats(c)) == [near]


def test_a_fresh_installation_has_version_one(db: Database) -> None:
    with db.write() as c:
        with pytest.raises(BackchannelError, match="no model version"):
            versions.active(c)
        base = versions.ensure_base(c, "minilm", "f1", 0)
        assert (base.id, base.state, base.method, base.folder, base.metrics) == (1, "active", "base", None, {})
        assert versions.ensure_base(c, "minilm", "f1", 1) == versions.active(c) == base
        assert versions.rollback(c, 2) is None


def test_another_backbone_takes_over_from_a_base_and_not_from_what_was_trained(db: Database) -> None:
    with db.write() as c:
        versions.ensure_base(c, "minilm", "f1", 0)
        second = versions.ensure_base(c, "other", "f2", 1)
        assert versions.active(c) == second
        assert versions.ensure_base(c, "minilm", "f1", 2).id == versions.active(c).id == 1
        trained = versions.add_candidate(c, "/v", "minilm", "f3", "lora", {"accuracy": 0.9}, 1, None, 3)
        versions.promote(c, trained.id, 4)
        assert versions.ensure_base(c, "third", "f4", 5).state == "candidate"
        assert versions.active(c).id == trained.id


def test_a_backbone_that_an_upgrade_brought_waits_to_be_promoted(db: Database) -> None:
    with db.write() as c:
        first = versions.ensure_base(c, "minilm", "", 0)
        brought = versions.ensure_base(c, "multilingual", "", 1, chosen=False)
        assert (brought.state, versions.active(c).id) == ("candidate", first.id)
        assert versions.ensure_base(c, "multilingual", "", 2, chosen=False).id == brought.id
        versions.promote(c, brought.id, 3)
        assert versions.ensure_base(c, "multilingual", "", 4, chosen=False).state == "active"


def test_the_light_backbone_is_the_one_that_was_called_minilm(db: Database) -> None:
    with db.write() as c:
        first = versions.ensure_base(c, "minilm", "", 0)
        assert versions.ensure_base(c, "light", "", 1).id == first.id


def test_what_reads_for_a_version_is_what_it_was_loaded_with_last(db: Database) -> None:
    with db.write() as c:
        base = versions.ensure_base(c, "multilingual", "", 0)
        versions.write_reader(c, base.id, "f1", "{}")
        versions.write_reader(c, base.id, "f2", "int8")
        active = versions.active(c)
        assert (active.fingerprint, active.reader) == ("f2", "int8")


def test_promotion_and_rollback_move_one_pointer_back_and_forth(db: Database) -> None:
    with db.write() as c:
        first = versions.ensure_base(c, "minilm", "f", 0).id
        second, third = (
            versions.add_candidate(c, f"/{note}", "minilm", "f", "full", {"n": 1}, first, None, 1).id for note in "ab"
        )
        assert [version.state for version in versions.every(c)] == ["active", "candidate", "candidate"]
        versions.promote(c, second, 2)
        promoted = versions.promote(c, third, 3)
        assert versions.promote(c, third, 4) == promoted
        assert [version.state for version in versions.every(c)] == ["retired", "retired", "active"]
        assert [back.id if (back := versions.rollback(c, 5)) else None for _ in range(3)] == [second, first, None]
        assert versions.promote(c, third, 6).state == "active"
        back = versions.rollback(c, 7)
        assert back
        assert (back.id, versions.active(c).id) == (first, first)


def test_a_note_is_read_in_any_language_and_one_of_before_as_it_was_written(db: Database) -> None:
    with db.write() as c:
        old = versions.ensure_base(c, "minilm", "f", 0).id
        new = versions.add_candidate(c, "/v", "minilm", "f", "full", {}, old, PROBLEM, 1).id
        c.execute(update(tables.versions).where(tables.versions.c.id == old).values(note="Kept the active model."))
        notes = {version.id: version.note for version in versions.every(c)}
    assert [notes[new].text(language) for language in ("en", "zh")] == ["Out of memory.", "内存不足。"]
    assert [notes[old].text(language) for language in ("en", "zh")] == ["Kept the active model."] * 2


def test_promoting_what_is_not_there_changes_nothing(db: Database) -> None:
    with db.write() as c:
        versions.ensure_base(c, "minilm", "f", 0)
    with pytest.raises(BackchannelError, match="no version “9”"), db.write() as c:
        versions.promote(c, 9, 1)
    with db.read() as c:
        assert versions.active(c).id == 1
        assert versions.find(c, 9) is None


def test_a_job_goes_from_queued_to_done(db: Database) -> None:
    with db.write() as c:
        assert (jobs.running(c), jobs.expired(c, 0), jobs.claim(c, "w", 60, 0)) == (None, False, None)
        queued = jobs.add(c, request(), 1)
        assert (queued.state, queued.token, jobs.expired(c, 1)) == ("queued", 0, True)
        with pytest.raises(jobs.JobWaiting, match="not over yet"):
            jobs.add(c, request(), 1)
        job = jobs.claim(c, "w", 60, 2)
        assert job
        assert (job.id, job.token, job.state, job.started_at, job.request) == (queued.id, 1, "running", 2, request())
        assert jobs.claim(c, "other", 60, 3) is None
        assert jobs.heartbeat(c, job, 60, 0.5, "training", 4) is False
        running = jobs.running(c)
        assert running
        assert (running.fraction, running.stage) == (0.5, "training")
        jobs.finish(c, job, "done", {"version": 2}, None, 5)
        done = jobs.find(c, job.id)
        assert done
        assert (done.state, done.fraction, done.result, done.finished_at) == ("done", 1.0, {"version": 2}, 5)
        assert jobs.running(c) is None
        with pytest.raises(jobs.LostLease):
            jobs.finish(c, job, "failed", None, PROBLEM, 6)


def test_a_dead_workers_job_is_taken_over_and_only_the_second_may_finish(db: Database) -> None:
    with db.write() as c:
        jobs.add(c, request(), 0)
        slow = jobs.claim(c, "slow", 60, 0)
        assert slow
        jobs.heartbeat(c, slow, 60, 0.1, "training", 30)
        assert not jobs.expired(c, 89)
        assert jobs.expired(c, 90)
        quick = jobs.claim(c, "quick", 60, 90)
        assert quick
        assert (quick.id, quick.token, quick.started_at, quick.fraction) == (slow.id, 2, 0, 0.1)
        for late in (
            lambda: jobs.heartbeat(c, slow, 60, 0.9, "training", 91),
            lambda: jobs.finish(c, slow, "done", {}, None, 91),
        ):
            with pytest.raises(jobs.LostLease):
                late()
        jobs.finish(c, quick, "failed", None, PROBLEM, 92)
        assert [(job.state, job.error) for job in jobs.latest(c, 5)] == [("failed", PROBLEM)]


def test_cancel_is_seen_at_the_next_heartbeat(db: Database) -> None:
    with db.write() as c:
        assert jobs.request_cancel(c, 1, 0) is None
        queued = jobs.add(c, request(), 0)
        cancelled = jobs.request_cancel(c, queued.id, 1)
        assert cancelled
        assert cancelled.state == "cancelled"
        jobs.add(c, request(), 2)
        job = jobs.claim(c, "w", 60, 2)
        assert job
        asked = jobs.request_cancel(c, job.id, 3)
        assert asked
        assert (asked.state, asked.cancel) == ("running", True)
        assert jobs.heartbeat(c, job, 60, 0.2, "training", 4) is True
        jobs.finish(c, job, "cancelled", None, None, 5)
        assert [job.state for job in jobs.latest(c, 1)] == ["cancelled"]


def test_a_question_is_answered_once(db: Database) -> None:
    [stored_message] = stored(db, 1)
    with db.write() as c:
        id = questions.ask(c, ref(1), stored_message.id, "post", 0)
        assert questions.question(c, id) == questions.Question(id, ref(1), "post", "open")
        questions.close(c, id, "answered")
        closed = questions.question(c, id)
        assert closed
        assert closed.state == "answered"
        assert questions.question(c, 99) is None


def test_a_held_command_can_be_taken_once_and_for_ten_minutes(db: Database) -> None:
    wanted = command("rollback")
    with db.write() as c:
        first, second = questions.hold(c, wanted, 0), questions.hold(c, wanted, 10)
        assert questions.held(c, first, 599) == wanted
        assert questions.held(c, first, 599) is None
        assert questions.held(c, second, 610) is None
        assert questions.held(c, 99, 0) is None


def test_the_audit_keeps_who_did_what_and_what_came_of_it(db: Database) -> None:
    with db.write() as c:
        questions.write_audit(c, 1, BOB, CHAT, "retrain", "", "queued")
        questions.write_audit(c, 2, EVE, CHAT, "label add", "Bug\x00 🐛", "refused")
        latest, before = last_audited(c, 5)
        assert before[1:] == (1, BOB.id, BOB.name, *CHAT.model_dump().values(), "retrain", "", "queued")
        assert (latest.actor_id, latest.arguments) == (EVE.id, "Bug 🐛")
