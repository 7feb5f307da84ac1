"""Several workspaces by OAuth, on our real tables; one that revokes its token stops alone."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
from sqlalchemy import text

from bot.platforms.base import Refused
from bot.platforms.slack.platform import SlackPlatform
from bot.wiring.slack import InstalledWorkspaces
from tests.bot.platforms.slack.conftest import SCREENS, Inbox, running, settings
from tests.databases import migrated
from tests.fakes.slack import payloads
from tests.fakes.slack.people import FarPeople, SocketLine
from tests.fakes.slack.server import FarSlack, scopes
from tests.fakes.slack.shapes import Trouble
from tests.fakes.slack.web_api import Channel, Team
from workers.core.events import ChatRef
from workers.core.replies import Post
from workers.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with migrated(tmp_path) as database:
        yield database


@pytest.fixture
async def shared(far: FarSlack, inbox: Inbox, database: Database) -> AsyncIterator[SlackPlatform]:
    """A platform that workspaces install themselves."""
    oauth: dict[str, Any] = {"bot_token": None, "client_id": "1.2", "client_secret": "canary-client-secret"}
    book = InstalledWorkspaces(database)
    async with running(SlackPlatform(settings(far, **oauth), book, SCREENS, pause=0.0), inbox.accept) as platform:
        yield platform


async def install(far: FarSlack, platform: SlackPlatform, team: Team | None, code: str = "code-1") -> int:
    """Walk through the install page as a browser does."""
    if team:
        far.web.codes[code] = team
    base = f"http://127.0.0.1:{platform.port}/slack"
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        async with browser.get(f"{base}/install") as page:
            link = re.search(r'<a href="([^"]+)"', html.unescape(await page.text()))
            cookie = page.headers["Set-Cookie"].split(";")[0]
        assert link is not None
        state = re.search(r"state=([^&]+)", link[1])
        assert state is not None
        assert set(re.findall(r"scope=([^&]+)", unquote(link[1]))[0].split(",")) == scopes()
        query = f"code={code}&state={state[1]}"
        async with browser.get(f"{base}/oauth_redirect?{query}", headers={"Cookie": cookie}) as done:
            return done.status


def team(number: int) -> Team:
    return Team(f"T{number}", f"xoxb-{number}-canary", scopes(), f"Company {number}", f"UB{number}", f"BB{number}")


def post(number: int) -> Post:
    return Post(chat=ChatRef(platform="slack", workspace=f"T{number}", chat_id=f"C{number}"), text="hi")


@pytest.fixture
async def two(far: FarSlack, shared: SlackPlatform) -> SlackPlatform:
    """Two workspaces have installed it."""
    for number in (2, 3):
        assert await install(far, shared, team(number), f"code-{number}") == 200
        far.web.channels[f"C{number}"] = Channel(f"C{number}", {f"UB{number}"})
    return shared


async def test_each_workspace_is_spoken_to_with_its_own_token(far: FarSlack, two: SlackPlatform, inbox: Inbox):
    people = FarPeople(far, SocketLine(far))
    for number in (2, 3):
        assert await two.send(post(number), "k", None)
        said = payloads.event_callback(payloads.message("hi", channel=f"C{number}"), team=f"T{number}")
        await people.send("events_api", said)
    assert [event.ref.workspace for event in inbox.events if event.kind == "message"] == ["T2", "T3"]


async def test_what_a_workspace_says_is_known_by_its_own_ids(far: FarSlack, two: SlackPlatform, inbox: Inbox):
    people = FarPeople(far, SocketLine(far))
    own = payloads.message("my words", user="UB2", bot_id="BB2", channel="C2")
    await people.send("events_api", payloads.event_callback(own, team="T2"))
    assert inbox.events == []


@pytest.mark.parametrize("error", ["token_revoked", "account_inactive", "invalid_auth"])
async def test_a_revoked_token_stops_that_workspace_alone(
    far: FarSlack, two: SlackPlatform, database: Database, error: str
):
    far.web.teams["xoxb-2-canary"].gone = error
    for _ in range(2):
        with pytest.raises(Refused):
            await two.send(post(2), "k", None)
    assert await two.send(post(3), "k", None)
    revoked = {workspace.id: gone for workspace, gone in InstalledWorkspaces(database).every()}
    assert revoked == {"T2": True, "T3": False}


@pytest.mark.parametrize("error", ["token_revoked", "invalid_auth", "not_authed"])
async def test_one_method_that_is_refused_stops_no_workspace(
    far: FarSlack, two: SlackPlatform, database: Database, error: str
):
    far.web.fail("chat.postMessage", Trouble(error))
    with pytest.raises(Refused, match="although it takes its token"):
        await two.send(post(2), "k", None)
    assert await two.send(post(2), "k", None)
    assert [gone for _, gone in InstalledWorkspaces(database).every()] == [False, False]


@pytest.mark.parametrize("event", ["app_uninstalled", "tokens_revoked"])
async def test_a_workspace_that_says_goodbye_stops(
    far: FarSlack, two: SlackPlatform, inbox: Inbox, database: Database, event: str
):
    people = FarPeople(far, SocketLine(far))
    body = payloads.event_callback({"type": event, "tokens": {"oauth": [], "bot": ["UB2"]}}, team="T2")
    await people.send("events_api", body)
    assert [gone for _, gone in InstalledWorkspaces(database).every()] == [True, False]
    calls = len(far.web.calls)
    with pytest.raises(Refused, match="T2"):
        await two.send(post(2), "k", None)
    assert len(far.web.calls) == calls, "its token is not even tried"
    await people.send("events_api", payloads.event_callback(payloads.message("hi", channel="C2"), team="T2"))
    assert inbox.events == []


async def test_somebody_elses_user_token_stops_nothing(far: FarSlack, two: SlackPlatform, database: Database):
    people = FarPeople(far, SocketLine(far))
    body = payloads.event_callback({"type": "tokens_revoked", "tokens": {"oauth": ["U5"], "bot": []}}, team="T2")
    await people.send("events_api", body)
    assert [gone for _, gone in InstalledWorkspaces(database).every()] == [False, False]


async def test_a_workspace_that_installs_it_again_goes_on(far: FarSlack, two: SlackPlatform):
    far.web.teams["xoxb-2-canary"].gone = "token_revoked"
    with pytest.raises(Refused):
        await two.send(post(2), "k", None)
    anew = team(2)
    anew.token = "xoxb-2-canary-new"
    assert await install(far, two, anew, "code-9") == 200
    assert await two.send(post(2), "k", None)


async def test_an_install_that_did_not_begin_here_is_refused(far: FarSlack, shared: SlackPlatform, database: Database):
    far.web.codes["stolen"] = team(5)
    base = f"http://127.0.0.1:{shared.port}/slack/oauth_redirect"
    for cookie, state in (("", "guess"), ("slack-app-oauth-state=guess", "guess"), ("", "")):
        async with aiohttp.ClientSession() as browser:
            address = f"{base}?code=stolen&state={state}"
            async with browser.get(address, headers={"Cookie": cookie} if cookie else {}) as answer:
                assert answer.status in (400, 401)
    assert InstalledWorkspaces(database).every() == []


async def test_a_code_that_slack_does_not_know_installs_nothing(
    far: FarSlack, shared: SlackPlatform, database: Database
):
    assert await install(far, shared, None, "unknown") == 401
    with database.read() as c:
        assert c.execute(text("select count(*) from oauth_states")).scalar_one() == 0
    assert InstalledWorkspaces(database).every() == []


async def test_without_a_client_id_there_is_no_install_page(platform: SlackPlatform):
    address = f"http://127.0.0.1:{platform.port}/slack/install"
    async with aiohttp.ClientSession() as browser, browser.get(address) as answer:
        assert answer.status == 404


async def test_a_revoked_only_token_leaves_the_process_running(far: FarSlack, platform: SlackPlatform):
    far.team.gone = "token_revoked"
    mine = Post(chat=ChatRef(platform="slack", workspace="T1", chat_id="C1"), text="hi")
    for _ in range(2):
        with pytest.raises(Refused):
            await platform.send(mine, "k", None)
    assert platform.connected.is_set()
