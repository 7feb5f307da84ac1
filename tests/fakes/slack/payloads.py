"""Payloads as Slack documents them, field by field; what a test does not care about has a likely value."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

Payload = dict[str, Any]
_numbers = itertools.count(1)


def unique(prefix: str) -> str:
    """An id that was not given out before."""
    return f"{prefix}{next(_numbers):08d}"


def event_callback(event: Payload, team: str = "T1", **more: Any) -> Payload:
    """The outer payload of the Events API."""
    authorization = {"enterprise_id": None, "team_id": team, "user_id": "UBOT", "is_bot": True}
    return {
        "token": "XXYYZZ",
        "team_id": team,
        "context_team_id": team,
        "context_enterprise_id": None,
        "api_app_id": "A1",
        "event": event,
        "type": "event_callback",
        "event_id": unique("Ev"),
        "event_time": int(time.time()),
        "authorizations": [authorization | {"is_enterprise_install": False}],
        "is_ext_shared_channel": False,
        "event_context": "4-eyJldCI6",
        **more,
    }


KINDS = {"C": "channel", "G": "group", "D": "im", "M": "mpim"}


def message(text: str, user: str = "U2", channel: str = "C1", ts: str = "1700000000.000100", **more: Any) -> Payload:
    """https://docs.slack.dev/reference/events/message"""
    said = {"type": "message", "channel": channel, "user": user, "text": text, "ts": ts, "event_ts": ts}
    return {
        **said,
        "client_msg_id": "6c4d0a2f",
        "team": "T1",
        "channel_type": KINDS[channel[0]],
        "blocks": [{"type": "rich_text", "block_id": "b1", "elements": []}],
        **more,
    }


def bot_message(text: str, channel: str = "C1", ts: str = "1700000000.000200", **more: Any) -> Payload:
    """https://docs.slack.dev/reference/events/message/bot_message"""
    profile = {"id": "B7", "app_id": "A7", "name": "Alerts", "icons": {}, "deleted": False, "team_id": "T1"}
    said = {"type": "message", "subtype": "bot_message", "text": text, "ts": ts, "bot_id": "B7", "bot_profile": profile}
    return {**said, "channel": channel, "channel_type": KINDS[channel[0]], "event_ts": ts, **more}


def changed(before: str | None, after: str, ts: str = "1700000000.000100", **more: Any) -> Payload:
    """https://docs.slack.dev/reference/events/message/message_changed"""
    inner = {"type": "message", "user": "U2", "text": after, "ts": ts, "team": "T1"}
    edited = {"edited": {"user": "U2", "ts": "1700000050.000000"}}
    event: Payload = {"type": "message", "subtype": "message_changed", "hidden": True, "channel": "C1"}
    event |= {"ts": "1700000050.000300", "event_ts": "1700000050.000300", "channel_type": "channel"}
    event["message"] = inner | edited
    if before is not None:
        event["previous_message"] = inner | {"text": before}
    return event | more


def deleted(ts: str = "1700000000.000100", **more: Any) -> Payload:
    """https://docs.slack.dev/reference/events/message/message_deleted"""
    event = {"type": "message", "subtype": "message_deleted", "hidden": True, "channel": "C1", "deleted_ts": ts}
    before = {"type": "message", "user": "U2", "text": "gone", "ts": ts}
    stamp = {"ts": "1700000060.000400", "event_ts": "1700000060.000400", "channel_type": "channel"}
    return {**event, **stamp, "previous_message": before, **more}


def reaction(name: str, added: bool = True, user: str = "U2", ts: str = "1700000000.000100", **more: Any) -> Payload:
    """https://docs.slack.dev/reference/events/reaction_added"""
    event = {"type": "reaction_added" if added else "reaction_removed", "user": user, "reaction": name}
    item = {"type": "message", "channel": more.pop("channel", "C1"), "ts": ts}
    return {**event, "item": item, "item_user": "U1", "event_ts": more.pop("event_ts", "1700000070.000500"), **more}


def mention(text: str, user: str = "U1", channel: str = "C1", ts: str = "1700000000.000600", **more: Any) -> Payload:
    """https://docs.slack.dev/reference/events/app_mention"""
    said = {"type": "app_mention", "user": user, "text": text, "ts": ts, "channel": channel, "event_ts": ts}
    return {**said, "client_msg_id": "6c4d0a30", "team": "T1", **more}


def slash(text: str, command: str = "/backchannel", user: str = "U1", channel: str = "C1", **more: Any) -> Payload:
    """https://docs.slack.dev/interactivity/implementing-slash-commands"""
    return {
        "token": "XXYYZZ",
        "team_id": "T1",
        "team_domain": "acme",
        "channel_id": channel,
        "channel_name": "directmessage" if channel[0] == "D" else "general",
        "user_id": user,
        "user_name": f"name-{user.lower()}",
        "command": command,
        "text": text,
        "api_app_id": "A1",
        "is_enterprise_install": "false",
        "response_url": "https://hooks.slack.com/commands/T1/canary-response",
        "trigger_id": unique("133."),
        **more,
    }


def interactive(kind: str, user: str, **more: Any) -> Payload:
    """What all interactive payloads begin with."""
    who = {"id": user, "username": f"name-{user.lower()}", "name": f"name-{user.lower()}", "team_id": "T1"}
    outer = {"type": kind, "team": {"id": "T1", "domain": "acme"}, "user": who, "api_app_id": "A1", "token": "XXYYZZ"}
    return {**outer, "trigger_id": unique("144."), "enterprise": None, "is_enterprise_install": False, **more}


def action(value: str, action_id: str) -> Payload:
    """A button in an interactive payload."""
    text = {"type": "plain_text", "text": "x", "emoji": True}
    pressed = {"action_id": action_id, "block_id": "b1", "text": text, "value": value, "type": "button"}
    return {**pressed, "action_ts": f"{time.time():.6f}"}


def press(value: str, post: str, user: str = "U2", channel: str = "C1") -> Payload:
    """https://docs.slack.dev/reference/interaction-payloads/block_actions-payload, from a message"""
    container = {"type": "message", "message_ts": post, "channel_id": channel, "is_ephemeral": False}
    message = {"bot_id": "BBOT", "type": "message", "text": "?", "user": "UBOT", "ts": post}
    return interactive(
        "block_actions",
        user,
        container=container,
        channel={"id": channel, "name": "general"},
        message=message,
        state={"values": {}},
        response_url="https://hooks.slack.com/actions/T1/canary",
        actions=[action(value, "choice-0")],
    )


def press_home(verb: str, dm: str = "D1", user: str = "U1") -> Payload:
    """The same from an App Home, which has no channel."""
    view = {"id": "V9", "team_id": "T1", "type": "home", "private_metadata": dm, "callback_id": "", "hash": "1.x"}
    container = {"type": "view", "view_id": "V9"}
    actions = [action(verb, f"home-{verb}")]
    view |= {"app_installed_team_id": "T1"}
    return interactive("block_actions", user, container=container, view=view, actions=actions)


def home_opened(user: str = "U1", dm: str = "D1") -> Payload:
    """https://docs.slack.dev/reference/events/app_home_opened"""
    return {"type": "app_home_opened", "user": user, "channel": dm, "event_ts": "1700000080.000000", "tab": "home"}


def joined(user: str = "UBOT", channel: str = "C1", **more: Any) -> Payload:
    """https://docs.slack.dev/reference/events/member_joined_channel"""
    event = {"type": "member_joined_channel", "user": user, "channel": channel, "channel_type": "C", "team": "T1"}
    return {**event, "inviter": "U1", "event_ts": "1700000090.000700", **more}


def left(channel: str = "C1") -> Payload:
    """https://docs.slack.dev/reference/events/channel_left"""
    kind = "group_left" if channel[0] == "G" else "channel_left"
    return {"type": kind, "channel": channel, "actor_id": "U1", "event_ts": "1700000095.000800"}


def shortcut(message: Payload, user: str = "U1", channel: str = "C1") -> Payload:
    """https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload, on a message"""
    return interactive(
        "message_action",
        user,
        callback_id="label_this",
        action_ts=f"{time.time():.6f}",
        channel={"id": channel, "name": "general"},
        message_ts=message["ts"],
        message=message,
        response_url="https://hooks.slack.com/app/T1/canary",
    )


def submission(view: Payload, chosen: str | None, user: str = "U1") -> Payload:
    """https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload"""
    option = {"text": {"type": "plain_text", "text": "x", "emoji": True}, "value": chosen} if chosen else None
    values = {"label": {"label": {"type": "static_select", "selected_option": option}}}
    state = {"values": values}
    sent = {**view, "team_id": "T1", "state": state, "hash": "1.abc", "app_installed_team_id": "T1"}
    return interactive("view_submission", user, view=sent, response_urls=[])


def form(payload: Payload) -> dict[str, str]:
    """A payload as Slack posts it: slash commands are forms, interactive ones a form with one field of JSON."""
    return dict(payload) if "command" in payload else {"payload": json.dumps(payload)}
