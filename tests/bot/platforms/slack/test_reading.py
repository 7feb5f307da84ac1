"""What people see of a message, whatever it is made of, in the order in which they see it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.platforms.slack import reading
from bot.platforms.slack.formatting import readable
from bot.platforms.slack.reading import text_of
from bot.platforms.unknown_kinds import UnknownKinds

Json = dict[str, Any]


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": True}


def section(text: str, *fields: Json) -> Json:
    return {"type": "section", "text": mrkdwn(text), **({"fields": list(fields)} if fields else {})}


def rich(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": list(elements)}


def line(*pieces: Json, kind: str = "rich_text_section") -> Json:
    return {"type": kind, "elements": list(pieces)}


def words(text: str, **style: bool) -> Json:
    return {"type": "text", "text": text, **({"style": style} if style else {})}


ALERT = section("*Queue stuck* on mail-2", mrkdwn("*Since*\n10:32"), plain("Waiting: 90"))
BLOCKS: list[tuple[str, list[Json], str]] = [
    ("a section and its fields", [ALERT], "Queue stuck on mail-2\nSince\n10:32\nWaiting: 90"),
    ("fields alone", [{"type": "section", "fields": [mrkdwn("CPU"), mrkdwn("98%")]}], "CPU\n98%"),
    ("a header", [{"type": "header", "text": plain("Incident 7 :fire:")}], "Incident 7 🔥"),
    (
        "a context with a picture in it",
        [{"type": "context", "elements": [{"type": "image", "image_url": "x", "alt_text": "logo"}, mrkdwn("eu-1")]}],
        "eu-1",
    ),
    ("Markdown", [{"type": "markdown", "text": "## Down\n- since <b>noon</b>"}], "## Down\n- since <b>noon</b>"),
    (
        "rich text with all its pieces",
        [
            rich(
                line(
                    words("Ask "),
                    {"type": "user", "user_id": "U2"},
                    words(" or "),
                    {"type": "usergroup", "usergroup_id": "S1"},
                    words(" in "),
                    {"type": "channel", "channel_id": "C1"},
                    words(" "),
                    {"type": "emoji", "name": "ladybug", "unicode": "1f41e"},
                    {"type": "emoji", "name": "hatching", "unicode": "1f423"},
                    {"type": "emoji", "name": "shipit"},
                    words(" "),
                    {"type": "link", "url": "https://x.org", "text": "the page"},
                    words(" "),
                    {"type": "link", "url": "https://y.org"},
                    words(" "),
                    {"type": "broadcast", "range": "here"},
                    words(" "),
                    {"type": "date", "timestamp": 1, "format": "{date}", "fallback": "1 May"},
                    words(" "),
                    {"type": "color", "value": "#fff"},
                )
            )
        ],
        "Ask @U2 or @S1 in #C1 🐞🐣:shipit: the page https://y.org @here 1 May #fff",
    ),
    (
        "lists, quotes and code",
        [
            rich(
                line(words("Steps\n")),
                {"type": "rich_text_list", "style": "ordered", "elements": [line(words("stop")), line(words("wait"))]},
                {"type": "rich_text_list", "style": "bullet", "elements": [line(words("start"))]},
                line(words("as they say"), kind="rich_text_quote"),
                line(words("rm *.o *.a"), kind="rich_text_preformatted"),
            )
        ],
        "Steps\n1. stop\n2. wait\n• start\nas they say\nrm *.o *.a",
    ),
    (
        "a table",
        [
            {
                "type": "table",
                "rows": [
                    [{"type": "raw_text", "text": "host"}, {"type": "raw_text", "text": "load"}],
                    [rich(line(words("web-3", bold=True))), {"type": "raw_number", "value": 9, "text": "9.0"}],
                ],
            }
        ],
        "host | load\nweb-3 | 9.0",
    ),
    (
        "a table of the newer kind",
        [{"type": "data_table", "caption": "Load", "rows": [{"cells": [{"type": "raw_text", "text": "web-3"}]}]}],
        "Load\nweb-3",
    ),
    (
        "pictures, videos and charts by their titles",
        [
            {"type": "image", "title": plain("Load"), "image_url": "x", "alt_text": "a line"},
            {"type": "video", "title": plain("How to"), "description": plain("In a minute"), "video_url": "x"},
            {"type": "data_visualization", "title": "Errors", "chart": {"type": "pie", "segments": []}},
        ],
        "Load\nHow to\nIn a minute\nErrors",
    ),
    (
        "cards and what holds them",
        [
            {
                "type": "carousel",
                "elements": [{"type": "card", "body": mrkdwn("_why_"), "title": mrkdwn("T1"), "subtitle": plain("s")}],
            },
            {"type": "container", "child_blocks": [section("inside")], "title": plain("Box")},
            {"type": "plan", "title": "Plan", "tasks": [{"type": "task_card", "title": "Look", "status": "pending"}]},
            {"type": "alert", "text": plain("Mind the gap"), "level": "warning"},
        ],
        "T1\ns\nwhy\nBox\ninside\nPlan\nLook\nMind the gap",
    ),
    (
        "no buttons and no lines",
        [
            {"type": "actions", "elements": [{"type": "button", "text": plain("Acknowledge")}]},
            {"type": "divider"},
            {**section("Please look"), "accessory": {"type": "button", "text": plain("Open")}},
            {"type": "context_actions", "elements": [{"type": "feedback_buttons"}]},
        ],
        "Please look",
    ),
]


@pytest.mark.parametrize(("what", "blocks", "text"), BLOCKS, ids=[what for what, _, _ in BLOCKS])
@pytest.mark.parametrize("where", ["in the message", "in an attachment"])
def test_blocks_are_read(what: str, blocks: list[Json], text: str, where: str) -> None:
    if where == "in the message":
        assert text_of({"text": "", "blocks": blocks}) == text
    else:
        assert text_of({"text": "", "attachments": [{"fallback": "[no preview available]", "blocks": blocks}]}) == text


def test_what_is_seen_is_read_from_top_to_bottom() -> None:
    """Where there are blocks nobody sees the text: it is for notifications, and old clients."""
    attachment = {
        "fallback": "all of it in short",
        "color": "danger",
        "author_name": "Grafana",
        "pretext": "*Firing*",
        "title": "DiskFull *7*",
        "title_link": "https://x.org",
        "text": "on <https://x.org|web-3>",
        "fields": [{"title": "Severity", "value": "_high_", "short": True}, {"title": "Team", "value": "core"}],
        "blocks": [section("more of it")],
        "footer": "v9",
        "ts": 1,
    }
    message = {"text": "A notification", "blocks": [section("first"), section("second")], "attachments": [attachment]}
    assert text_of(message) == ("first\nsecond\nFiring\nDiskFull *7*\non web-3\nSeverity\nhigh\nTeam\ncore\nmore of it")


SHOWN: list[tuple[Json, str]] = [
    ({"text": "see *this*", "blocks": [rich(line(words("see "), words("this", bold=True)))]}, "see *this*"),
    ({"text": "summary", "attachments": [{"text": "details"}, {"text": "more"}]}, "summary\ndetails\nmore"),
    ({"text": "down", "attachments": [{"text": "down"}]}, "down"),
    ({"text": "down", "blocks": [{"type": "divider"}]}, "down"),
    ({"text": "", "attachments": [{"text": "ok\nok", "blocks": [section("ok\nok")]}]}, "ok\nok"),
    ({"text": "", "attachments": [{"fallback": "only in short"}]}, "only in short"),
    ({"text": "", "attachments": [{"fallback": "[no preview available]"}]}, ""),
    ({"text": "table", "blocks": [rich(line(words("table"))), BLOCKS[7][1][0]]}, "table\nhost | load\nweb-3 | 9.0"),
]


@pytest.mark.parametrize(("message", "text"), SHOWN)
def test_nothing_is_read_twice_and_nothing_is_lost(message: Json, text: str) -> None:
    assert text_of(message) == text


PREVIEWS = [
    {"from_url": "https://x.org", "original_url": "https://x.org", "title": "X", "text": "unfurled"},
    {"app_unfurl_url": "https://x.org", "is_app_unfurl": True, "blocks": [section("unfurled")]},
    {"is_msg_unfurl": True, "from_url": "https://a.slack.com/archives/C1/p1", "text": "unfurled", "author_id": "U5"},
]


@pytest.mark.parametrize("preview", PREVIEWS)
def test_a_preview_of_a_link_is_not_what_somebody_wrote(preview: Json) -> None:
    assert text_of({"text": "look: <https://x.org>", "attachments": [preview]}) == "look: https://x.org"


def test_a_message_that_was_forwarded_is_read_with_what_was_said_about_it() -> None:
    quoted = {"ts": "1.0", "channel": "C2", "message": {"blocks": [rich(line(words("it broke")))]}}
    shared = {"is_share": True, "is_msg_unfurl": True, "from_url": "https://x", "message_blocks": [quoted]}
    assert text_of({"text": "again!", "attachments": [shared]}) == "again!\nit broke"
    assert text_of({"text": "", "attachments": [shared]}) == "it broke"
    assert text_of({"text": "", "attachments": [{**PREVIEWS[2], "text": "it broke"}]}) == "it broke"


MARKS = [
    ("*bold* _italic_ ~struck~", "bold italic struck"),
    ("*_both_*, (*in brackets*)", "both, (in brackets)"),
    ("*<https://x.org/_a_|the *page*>*", "the *page*"),
    ("snake_case_name and 2 * 3 * 4 and 5*6*7", "snake_case_name and 2 * 3 * 4 and 5*6*7"),
    ("rm *.o *.a, **kwargs, ~10 to ~20", "rm *.o *.a, **kwargs, ~10 to ~20"),
    ("`*kept*` ```\n_kept_ *kept*\n```", "`*kept*` ```\n_kept_ *kept*\n```"),
    ("*a\nb*", "*a\nb*"),
    ("*\ue000* :white_check_mark: *", "\ue000 ✅ *"),
    ("a\xa0&amp;&nbsp;b", "a & b"),
]


@pytest.mark.parametrize(("raw", "text"), MARKS)
def test_marks_of_formatting_in_blocks_are_not_read_and_what_somebody_typed_stays(raw: str, text: str) -> None:
    assert text_of({"text": "", "blocks": [section(raw)]}) == text
    assert text_of({"text": raw}) == readable(raw)


def test_of_what_is_unknown_the_words_are_read_and_it_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "unknown", counted := UnknownKinds("Slack"))
    hologram = {
        "type": "hologram",
        "block_id": "secret",
        "title": "Look",
        "content": [mrkdwn("*up* there")],
        "depth": 3,
    }
    new = line(
        words("and "), {"type": "pulse", "text": "there"}, {"type": "orb", "elements": [words("!")]}, {"type": 5}
    )
    assert (
        text_of({"text": "", "blocks": [hologram, section("known"), rich(new)]}) == "Look\nup there\nknown\nand there!"
    )
    assert dict(counted.counts) == {
        "block “hologram”": 1,
        "piece of rich text “pulse”": 1,
        "piece of rich text “orb”": 1,
        "piece of rich text “”": 1,
    }


def test_a_count_is_logged_now_and_then_and_never_grows_without_bound(caplog: pytest.LogCaptureFixture) -> None:
    counted = UnknownKinds("Slack")
    for _ in range(120):
        counted.count("block", "hologram")
    assert [record.getMessage().rpartition("(")[2] for record in caplog.records] == [
        "1 so far).",
        "10 so far).",
        "100 so far).",
    ]
    for number in range(1000):
        counted.count("block", f"{'x' * 100}{number}"[-50:])
    assert len(counted.counts) <= 201
    assert max(map(len, counted.counts)) < 60


def test_blocks_within_blocks_end_somewhere() -> None:
    block: Json = section("deep")
    for _ in range(5000):
        block = {"type": "container", "child_blocks": [block]}
    assert text_of({"text": "top", "blocks": [section("seen"), block]}) == "seen"


FILES: list[tuple[str, Json, str]] = [
    ("a canvas", {"mode": "quip", "filetype": "quip", "title": "Runbook for mail"}, "Runbook for mail"),
    ("a list", {"mode": "list", "filetype": "list", "title": "Open bugs"}, "Open bugs"),
    ("a post", {"mode": "space", "filetype": "space", "title": "Notes"}, "Notes"),
    ("a snippet", {"mode": "snippet", "filetype": "text", "title": "x.txt", "preview": "It broke"}, "It broke"),
    (
        "a mail",
        {"filetype": "email", "subject": "Help", "preview_plain_text": "It broke.", "to": []},
        "Help\nIt broke.",
    ),
    (
        "what was spoken",
        {"subtype": "slack_audio", "transcription": {"status": "complete", "preview": {"content": "It broke again"}}},
        "It broke again",
    ),
    ("a picture", {"mode": "hosted", "filetype": "png", "title": "image.png", "alt_txt": "a board"}, ""),
    ("one that is gone", {"id": "F1", "mode": "tombstone"}, ""),
]


@pytest.mark.parametrize(("what", "file", "text"), FILES, ids=[what for what, _, _ in FILES])
def test_of_files_is_read_what_stands_on_the_screen(what: str, file: Json, text: str) -> None:
    assert text_of({"text": "", "files": [file]}) == text
    assert text_of({"text": "See *this*", "files": [file]}) == "\n".join(filter(None, ["See *this*", text]))


def test_a_comment_on_a_file_is_what_was_said_about_it() -> None:
    comment = {"id": "Fc1", "user": "U2", "comment": "too *dark*"}
    message = {"subtype": "file_comment", "text": "<@U2> commented on <@U1>'s file: too *dark*", "comment": comment}
    assert text_of(message) == "too dark"
