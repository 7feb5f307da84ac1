"""What people see of a message, whatever it consists of, in the order in which they see it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.platforms.telegram import updates
from bot.platforms.telegram.events import BotAccount, Context, events
from bot.platforms.unknown_kinds import UnknownKinds
from tests.fakes.telegram.world import ANA, BO, BOT, GROUP, Json, World
from workers.core.events import Command, Edit, Event, Message

ME = BotAccount(BOT["id"], BOT["username"])


def read(update: Json | None) -> list[Event]:
    known = updates.read(update)
    return [] if known is None else events(known, Context(ME, 99.5))


def text_of(chat: int = GROUP, **content: Any) -> str:
    """The text of a message that consists of this."""
    far = World(allowed=set(updates.ASKED_FOR))
    far.private(ANA)
    far.say(ANA, content.pop("text", None), chat, **content)
    found = read(far.last)
    assert all(isinstance(event, Message) for event in found)
    return found[0].text if found and isinstance(found[0], Message) else ""


def bold(*text: Any) -> Json:
    return {"type": "bold", "text": list(text)}


POLL = {
    "id": "1",
    "question": "Which day?",
    "description": "For the party",
    "options": [{"persistent_id": "a", "text": "Friday", "voter_count": 0}, {"persistent_id": "b", "text": "Monday"}],
    "explanation": "Only for who has voted",
    "total_voter_count": 0,
}
CONTENT: list[tuple[str, Json, str]] = [
    ("a poll", {"poll": POLL}, "Which day?\nFor the party\nFriday\nMonday"),
    (
        "a checklist",
        {
            "checklist": {
                "title": "Before we ship",
                "tasks": [{"id": 1, "text": "test it"}, {"id": 2, "text": "tag it"}],
            }
        },
        "Before we ship\ntest it\ntag it",
    ),
    (
        "a venue",
        {"venue": {"location": {}, "title": "Café Ada", "address": "Main St 1"}, "location": {}},
        "Café Ada\nMain St 1",
    ),
    ("a voice message", {"voice": {"file_id": "f", "duration": 3}, "caption": "it broke"}, "it broke"),
    ("an answer to a story", {"text": "so nice", "reply_to_story": {"chat": {"id": 1}, "id": 2}}, "so nice"),
    (
        "a game",
        {"game": {"title": "2048", "description": "Add", "photo": [], "text": "Score: 7"}},
        "2048\nAdd\nScore: 7",
    ),
    ("an invoice", {"invoice": {"title": "Ticket", "description": "For one", "currency": "EUR"}}, "Ticket\nFor one"),
    ("a giveaway", {"giveaway": {"chats": [], "winner_count": 1, "prize_description": "A mug"}}, "A mug"),
    ("paid media", {"paid_media": {"star_count": 1, "paid_media": []}, "caption": "for fans"}, "for fans"),
    ("a contact", {"contact": {"phone_number": "+49 1", "first_name": "Eve"}}, ""),
    ("a place", {"location": {"latitude": 1.0, "longitude": 2.0}}, ""),
    ("a sticker", {"sticker": {"emoji": "👍", "type": "regular"}}, ""),
    ("a dice", {"dice": {"emoji": "🎲", "value": 3}}, ""),
    ("a story", {"story": {"chat": {"id": 1}, "id": 2}}, ""),
    ("a document", {"document": {"file_id": "f", "file_name": "report.pdf"}}, ""),
]


@pytest.mark.parametrize(("what", "content", "text"), CONTENT, ids=[what for what, _, _ in CONTENT])
def test_what_is_text_in_a_message_is_read(what: str, content: Json, text: str) -> None:
    assert text_of(**content) == text


def test_words_that_are_quoted_from_elsewhere_come_first_and_those_from_here_are_read_where_they_are() -> None:
    quote = {"text": "it broke", "position": 0, "is_manual": True}
    elsewhere = {"origin": {"type": "hidden_user", "sender_user_name": "Eve", "date": 1}, "chat": {"id": -7}}
    assert text_of(text="here, too", quote=quote, external_reply=elsewhere) == "it broke\nhere, too"
    assert text_of(text="here, too", quote=quote) == "here, too"


RICH: list[tuple[Json, str]] = [
    ({"type": "heading", "text": "Down", "size": 1}, "Down"),
    (
        {
            "type": "paragraph",
            "text": ["It ", bold("broke", {"type": "url", "text": " here", "url": "https://x"}), "."],
        },
        "It broke here.",
    ),
    (
        {"type": "list", "items": [{"label": "1.", "blocks": [{"type": "paragraph", "text": "stop"}]}, {"label": "•"}]},
        "1. stop\n•",
    ),
    (
        {"type": "table", "caption": "Load", "cells": [[{"text": "web-3"}, {"text": bold("9")}], [{"align": "left"}]]},
        "Load\nweb-3 | 9",
    ),
    ({"type": "blockquote", "blocks": [{"type": "paragraph", "text": "no"}], "credit": "Bo"}, "no\nBo"),
    ({"type": "details", "summary": "More", "blocks": [{"type": "pre", "text": "trace"}]}, "More\ntrace"),
    ({"type": "photo", "photo": [], "caption": {"text": "the board", "credit": "Ana"}}, "the board\nAna"),
    ({"type": "mathematical_expression", "expression": "a^2"}, "a^2"),
    (
        {
            "type": "paragraph",
            "text": [{"type": "custom_emoji", "custom_emoji_id": "5", "alternative_text": "🐞"}, " bug"],
        },
        "🐞 bug",
    ),
    ({"type": "paragraph", "text": ["ok", {"type": "button", "button": {"text": "Press"}}]}, "ok"),
    ({"type": "buttons", "buttons": [{"text": "Press"}]}, ""),
    ({"type": "hologram", "text": "look", "depth": 3}, "look"),
]


@pytest.mark.parametrize(("block", "text"), RICH)
def test_a_rich_message_is_read_from_top_to_bottom(block: Json, text: str) -> None:
    after = {"type": "footer", "text": "end"}
    assert text_of(rich_message={"blocks": [block, {"type": "divider"}, after]}) == "\n".join(
        filter(None, [text, "end"])
    )


def test_blocks_that_are_unknown_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "unknown", counted := UnknownKinds("Telegram"))
    text_of(rich_message={"blocks": [{"type": "hologram"}]})
    assert counted.counts == {"a block “hologram”": 1}


def test_blocks_within_blocks_end_somewhere() -> None:
    block: Json = {"type": "paragraph", "text": "deep"}
    inline: Any = "deep"
    for _ in range(500):
        block, inline = {"type": "blockquote", "blocks": [block]}, [inline]
    seen = {"type": "paragraph", "text": "seen"}
    assert text_of(rich_message={"blocks": [seen, block, {"type": "paragraph", "text": inline}]}) == "seen"


def test_a_task_that_comes_into_a_checklist_is_an_edit_and_a_checklist_is_taken_along_by_a_verb() -> None:
    far = World(allowed=set(updates.ASKED_FOR))
    checklist: Json = {"title": "Ship", "tasks": [{"id": 1, "text": "test it"}]}
    message = far.say(BO, None, checklist=checklist)
    far.say(ANA, "/label todo", to=message["message_id"])
    about, command = read(far.last)
    assert isinstance(about, Message)
    assert isinstance(command, Command)
    assert about.text == "Ship\ntest it"
    checklist["tasks"].append({"id": 2, "text": "tag it"})
    far.update("edited_message", {**message, "edit_date": message["date"] + 1})
    [edit] = read(far.last)
    assert isinstance(edit, Edit)
    assert edit.text == "Ship\ntest it\ntag it"
    far.update("edited_message", {**message, "checklist": "of another age", "edit_date": message["date"] + 2})
    assert read(far.last) == [], "what can't be read takes nothing away"


def test_a_verb_is_typed_and_stands_in_no_poll_and_no_quote() -> None:
    assert text_of(poll={**POLL, "question": "/retrain now?"}).startswith("/retrain now?")
    assert text_of(ANA["id"], poll=POLL) == ""
