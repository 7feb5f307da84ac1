"""Canary secrets in every setting: in no log, error, reply or repr, whatever goes wrong."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.platforms.slack.platform import SlackPlatform
from bot.platforms.slack.redact import redacted
from bot.wiring.slack import InstalledWorkspaces
from tests.bot.platforms.slack.conftest import SCREENS, SECRET, Inbox, running, settings
from tests.fakes.slack.people import FarPeople, HttpLine, SocketLine, signed
from tests.fakes.slack.server import FarSlack
from tests.fakes.slack.shapes import Trouble
from tests.fakes.slack.web_api import Channel
from tests.waiting import soon
from workers.core.errors import BackchannelError
from workers.core.events import ChatRef, Person
from workers.core.replies import Document, Post
from workers.store.database import Database

HERE = ChatRef(platform="slack", workspace="T1", chat_id="C1")
TROUBLES = [
    Trouble("token_revoked_canary"),
    Trouble("internal_error"),
    Trouble("", 503),
    Trouble("ratelimited", 429, {"Retry-After": "1"}),
]


async def everything_goes_wrong(far: FarSlack, platform: SlackPlatform, people: FarPeople, inbox: Inbox) -> list[str]:
    """Errors of all kinds; their texts."""
    said: list[str] = []
    for method in ("chat.postMessage", "files.getUploadURLExternal", "users.info"):
        for trouble in TROUBLES:
            far.web.fail(method, trouble)
            try:
                if method == "users.info":
                    await platform.standing(HERE, Person(id="U1"), "retrain")
                elif method == "chat.postMessage":
                    await platform.send(Post(chat=HERE, text="x"), "k", None)
                else:
                    await platform.send(Document(chat=HERE, filename="a", content="b"), "k", None)
            except (BackchannelError, OSError) as error:
                said += [str(error), repr(error), repr(error.__cause__)]
    far.web.channels["C7"] = Channel("C7")
    await people.slash("labels", channel="C7")
    inbox.away, before = True, inbox.tries
    saying = asyncio.create_task(people.say("U2", "The board crashes"))
    await soon(lambda: inbox.tries > before + 1)
    inbox.away = False
    await saying
    return said


async def test_in_socket_mode_no_secret_gets_out(
    far: FarSlack, inbox: Inbox, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    far.socket.patience = 0.4
    far.socket.refused.extend(["internal_error", "fatal_error_canary"])
    own = settings(far)
    async with running(SlackPlatform(own, None, SCREENS, pause=0.0), inbox.accept) as platform:
        said = await everything_goes_wrong(far, platform, FarPeople(far, SocketLine(far)), inbox)
        far.socket.broken_links = 1  # the SDK's complaint about it holds the ticket
        far.socket.drop()
        await soon(lambda: far.socket.opened > 1)
    looked_at = [*said, repr(own), str(own), own.model_dump_json(), *outputs(caplog, capsys)]
    assert [text for text in looked_at if leaks(text)] == []


async def test_over_http_and_by_oauth_no_secret_gets_out(
    far: FarSlack, inbox: Inbox, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    database = Database(f"sqlite:///{tmp_path}/db.sqlite3")
    database.migrate()
    oauth: dict[str, Any] = {"client_id": "1.2", "client_secret": "canary-client-secret"}
    own = settings(far, "http", **oauth)
    platform = SlackPlatform(own, InstalledWorkspaces(database), SCREENS, pause=0.0)
    async with running(platform, inbox.accept):
        base = f"http://127.0.0.1:{platform.port}/slack"
        people = FarPeople(far, HttpLine(f"{base}/events", SECRET))
        said = await everything_goes_wrong(far, platform, people, inbox)
        async with aiohttp.ClientSession() as browser:
            body = '{"token": "canary", "event": "canary"}'
            for headers in ({}, signed(body, "guess-canary")):
                async with browser.post(f"{base}/events", data=body, headers=headers) as answer:
                    said.append(await answer.text())
            far.web.fail("oauth.v2.access", Trouble("internal_error_x"))
            async with browser.get(f"{base}/install") as page:
                state = page.headers["Set-Cookie"].split("=")[1].split(";")[0]
            address = f"{base}/oauth_redirect?code=canary-code&state={state}"
            cookie = {"Cookie": f"slack-app-oauth-state={state}"}
            async with browser.get(address, headers=cookie) as answer:
                said.append(await answer.text())
    database.dispose()
    looked_at = [*said, repr(own), str(own), own.model_dump_json(), *outputs(caplog, capsys)]
    assert [text for text in looked_at if leaks(text)] == []


def outputs(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> list[str]:
    formatter = logging.Formatter("%(name)s %(message)s")
    printed = capsys.readouterr()
    ours = [record for record in caplog.records if not record.name.startswith(("aiohttp", "asyncio"))]
    return [formatter.format(record) for record in ours] + [printed.out, printed.err]


def leaks(text: str) -> bool:
    """Whether one of the secrets that the tests made up stands in it. (Error codes made up here hold the word, too.)"""
    bare = text.replace("token_revoked_canary", "").replace("fatal_error_canary", "")
    return "canary" in bare or "ticket=" in bare.replace("ticket=…", "")


MASKED = [
    ("xoxb-12-34-abc refused", "… refused"),
    ("wss://x/link/?ticket=abc123&app_id=A", "wss://x/link/?ticket=…&app_id=A"),
    ("result with code: abc.def - error", "result with code: … - error"),
    ("(signature: v0=0123456789abcdef0123)", "(signature: …)"),
    ("see https://hooks.slack.com/commands/T1/2/x now", "see … now"),
    ("xapp-1-A0-99-ffff", "…"),
    ("no secret here", "no secret here"),
]


@pytest.mark.parametrize(("text", "wanted"), MASKED)
def test_what_looks_like_a_secret_is_masked(text: str, wanted: str) -> None:
    assert redacted(text) == wanted


def test_a_workspace_shows_no_token() -> None:
    from pydantic import SecretStr

    from bot.platforms.slack.workspaces import Workspace

    assert "canary" not in repr(Workspace("T1", "Acme", "U", "B", SecretStr("xoxb-canary")))
