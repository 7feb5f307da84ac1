"""`backchannel doctor` on Slack: green where all is well, and red with what to do for each thing that is broken."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from bot.doctor.findings import Finding
from bot.platforms.slack.doctor import examine
from bot.platforms.slack.workspaces import Workspace
from tests.bot.platforms.slack.conftest import settings
from tests.fakes.slack.server import FarSlack, scopes
from tests.fakes.slack.shapes import Trouble
from tests.fakes.slack.web_api import Channel, Team


def red(findings: list[Finding]) -> list[Finding]:
    for finding in findings:
        assert "canary" not in f"{finding}"
        assert finding.ok != bool(finding.todo)
    return [finding for finding in findings if not finding.ok]


async def test_all_is_green_and_the_channel_is_as_it_was(far: FarSlack):
    findings = await examine(settings(far), [], "C1")
    assert red(findings) == []
    assert len(findings) == 6
    assert far.web.channels["C1"].messages == {}


async def broken_token(far: FarSlack) -> dict[str, Any]:
    far.team.gone = "token_revoked"
    return {}


async def broken_scope(far: FarSlack) -> dict[str, Any]:
    far.team.scopes.discard("files:write")
    return {}


async def broken_app_token(far: FarSlack) -> dict[str, Any]:
    return {"app_token": "xapp-wrong-canary"}


async def broken_clock(far: FarSlack) -> dict[str, Any]:
    far.web.clock_skew = -400
    return {}


async def broken_membership(far: FarSlack) -> dict[str, Any]:
    far.web.channels["C1"].members.clear()
    return {}


async def broken_reaction(far: FarSlack) -> dict[str, Any]:
    far.web.fail("reactions.add", Trouble("too_many_reactions"))
    return {}


async def broken_network(far: FarSlack) -> dict[str, Any]:
    far.web.fail("auth.test", Trouble("", 503))
    return {}


async def no_workspace(far: FarSlack) -> dict[str, Any]:
    return {"bot_token": None, "client_id": "1.2", "client_secret": "canary"}


BROKEN = [
    (broken_token, "token_revoked"),
    (broken_scope, "lacks the scopes files:write"),
    (broken_app_token, "Socket Mode can't be opened"),
    (broken_clock, "differs from Slack's by 40"),
    (broken_membership, "not in C1"),
    (broken_reaction, "test reaction in C1 failed"),
    (broken_network, "503"),
    (no_workspace, "no workspace has the bot"),
]


@pytest.mark.parametrize(("breaks", "said"), BROKEN, ids=[row[1] for row in BROKEN])
async def test_what_is_broken_is_red_and_says_what_to_do(breaks: Any, said: str, far: FarSlack):
    more = await breaks(far)
    (finding,) = red(await examine(settings(far, **more), [], "C1"))
    assert said in finding.what
    assert far.web.channels["C1"].messages == {}


@pytest.mark.parametrize("missing", sorted(scopes() - {"channels:read", "chat:write", "reactions:write"}))
async def test_each_missing_scope_is_named(missing: str, far: FarSlack):
    far.team.scopes.discard(missing)
    (finding,) = red(await examine(settings(far), [], None))
    assert missing in finding.what


async def test_each_installed_workspace_is_looked_at(far: FarSlack):
    good = far.install(Team("T2", "xoxb-2-canary", scopes(), "Zoo"))
    far.web.channels["C2"] = Channel("C2", {good.bot})
    gone = Workspace("T3", "Old Company", "UBOT", "BBOT", SecretStr("xoxb-3-canary"))
    here = Workspace("T2", "Zoo", good.bot, good.bot_id, SecretStr(good.token))
    findings = await examine(settings(far), [(here, False), (gone, True)], None)
    (finding,) = red(findings)
    assert "Old Company" in finding.what
    assert any("Zoo (T2)" in finding.what for finding in findings if finding.ok)


async def test_over_http_the_signing_secret_is_asked_for_and_no_socket(far: FarSlack):
    findings = await examine(settings(far, "http", app_token=None), [], None)
    assert red(findings) == []
    assert far.socket.tickets == set()
