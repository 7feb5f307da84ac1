"""What `backchannel doctor` asks Slack: tokens, scopes, the clock, and one reaction there and back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.doctor.findings import Finding
from bot.platforms.slack.errors import code_of, translated_errors
from bot.platforms.slack.scopes import APP_SCOPES, BOT_SCOPES
from bot.platforms.slack.workspaces import Workspace, Workspaces
from bot.settings import SlackSettings
from workers.core.errors import BackchannelError

SKEW = 60.0
"""Seconds by which our clock may differ from Slack's; at 300 it would take signed requests for replayed ones."""
TEST_EMOJI = "white_check_mark"
INSTALL = "Add it to the app as docker/slack-manifest.yaml has it, and install the app again."


async def examine(
    settings: SlackSettings, installations: Sequence[tuple[Workspace, bool]], chat: str | None
) -> list[Finding]:
    """Look at everything; what is wrong is a finding and never raised.

    `installations`: the workspaces that installed the bot, and whether each was revoked. `chat`: the id of a channel;
    a message is posted there, marked and deleted again.
    """
    findings = await _app_token(settings)
    tokens = [settings.bot_token] if settings.bot_token else []
    living: list[AsyncWebClient] = []
    for workspace, revoked in installations:
        if revoked:
            what = f"The workspace {workspace.name} ({workspace.id}) has removed the bot or revoked its token."
            findings.append(Finding(False, what, "Open /slack/install and install it there again."))
        else:
            tokens.append(workspace.token)
    if not tokens:
        where = "Open /slack/install" if settings.client_id else "Set BACKCHANNEL_SLACK__BOT_TOKEN"
        findings.append(Finding(False, "Slack: no workspace has the bot.", f"{where}."))
    for token in tokens:
        client = Workspaces(settings.api_url, None).client(token)
        about_token, valid = await _token(client)
        findings += about_token
        living += [client] if valid else []
    return findings + (await _chat(living, chat) if chat and living else [])


async def _app_token(settings: SlackSettings) -> list[Finding]:
    if settings.mode == "http":
        signed = settings.signing_secret is not None
        todo = "" if signed else "Set BACKCHANNEL_SLACK__SIGNING_SECRET to the one on the app's page."
        return [Finding(signed, "Slack: requests are checked by the signing secret.", todo)]
    if settings.app_token is None:
        return [Finding(False, "Slack: there is no app token.", "Set BACKCHANNEL_SLACK__APP_TOKEN (xapp-…).")]
    scope = ", ".join(APP_SCOPES)
    todo = f"Make an app-level token with the scope {scope} and set BACKCHANNEL_SLACK__APP_TOKEN."
    client = Workspaces(settings.api_url, None).client()
    try:
        with translated_errors():
            await client.apps_connections_open(app_token=settings.app_token.get_secret_value())
    except (OSError, BackchannelError) as error:
        return [Finding(False, f"Slack: Socket Mode can't be opened. {error}", todo)]
    return [Finding(True, "Slack: Socket Mode can be opened with the app token.")]


async def _token(client: AsyncWebClient) -> tuple[list[Finding], bool]:
    """One workspace: its token, its scopes, the clock."""
    asked = time.time()
    try:
        with translated_errors():
            answer: Any = await client.auth_test()
    except (OSError, BackchannelError) as error:
        todo = "Copy the bot token of the app's page once more, or look at the network."
        return [Finding(False, f"Slack: {error}", todo)], False
    headers: Mapping[str, str] = {name.lower(): value for name, value in answer.headers.items()}
    where = f"{answer['team']} ({answer['team_id']})"
    granted = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",")}
    missing = ", ".join(sorted(BOT_SCOPES - granted))
    return [
        Finding(True, f"Slack: the token of {where} is valid; the bot is {answer['user']} there."),
        Finding(not missing, f"Slack: {where} lacks the scopes {missing}.", INSTALL)
        if missing
        else Finding(True, f"Slack: {where} has granted all scopes."),
        # Half-way: the question and its answer took time.
        _clock(headers.get("date"), (asked + time.time()) / 2),
    ], True


def _clock(date: str | None, ours: float) -> Finding:
    try:
        skew = ours - parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Finding(True, "Slack: its answer carries no time to compare our clock with.")
    todo = "" if abs(skew) <= SKEW else "Set this machine's clock, by NTP best: requests five minutes off are refused."
    return Finding(abs(skew) <= SKEW, f"Slack: our clock differs from Slack's by {abs(skew):.0f} s.", todo)


async def _chat(clients: Sequence[AsyncWebClient], chat: str) -> list[Finding]:
    """Find the workspace that has the channel; then post, react, and take both away again."""
    why = ""
    for client in clients:
        try:
            answer: Any = await client.conversations_info(channel=chat)
        except SlackApiError as error:
            why = why or code_of(error)
            continue
        if answer["channel"].get("is_member") or answer["channel"].get("is_im"):
            return [Finding(True, f"Slack: the bot is in {chat}."), await _round_trip(client, chat)]
        why = "not_in_channel"
    if why == "missing_scope":
        return [Finding(False, f"Slack: {chat} can't be looked up, a scope is missing.", INSTALL)]
    return [Finding(False, f"Slack: the bot is not in {chat} ({why}).", "Type /invite @backchannel there.")]


async def _round_trip(client: AsyncWebClient, chat: str) -> Finding:
    posted: Any = None
    try:
        with translated_errors():
            posted = await client.chat_postMessage(channel=chat, text="…")
            reaction = {"channel": chat, "timestamp": posted["ts"], "name": TEST_EMOJI}
            await client.reactions_add(**reaction)
            await client.reactions_remove(**reaction)
    except (OSError, BackchannelError) as error:
        return Finding(False, f"Slack: a test reaction in {chat} failed. {error}", "Do what the sentence says.")
    finally:
        if posted is not None:
            with suppress(SlackApiError, OSError):  # the finding has said what is wrong
                await client.chat_delete(channel=chat, ts=posted["ts"])
    return Finding(True, f"Slack: a test reaction in {chat} went there and back.")
