"""Who may come in: origins, hosts, the password, and addresses that cannot be had."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bot.platforms.web.platform import WebPlatform
from tests.fakes.web.browser import VERBS, FarSide, open_page
from tests.fakes.web.client import refused, url
from tests.waiting import soon
from workers.core.errors import BackchannelError


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", ""])
async def test_a_foreign_page_cannot_open_the_socket(origin: str) -> None:
    async with open_page(FarSide()) as platform:
        assert await refused(platform, origin=origin) == 403
        assert await refused(platform) == 101


async def test_a_foreign_page_cannot_start_the_sample() -> None:
    async with open_page(FarSide()) as platform, httpx.AsyncClient() as client:
        assert (
            await client.post(url(platform, "/sample"), headers={"origin": "http://evil.example"})
        ).status_code == 403
        assert (await client.post(url(platform, "/sample"))).status_code == 403


async def test_a_foreign_name_for_this_machine_is_refused() -> None:
    async with open_page(FarSide()) as platform, httpx.AsyncClient() as client:
        for path in ("/", "/healthz", "/page/main.js", "/sample"):
            answer = await client.get(url(platform, path), headers={"host": f"evil.example:{platform.port}"})
            assert answer.status_code == 421
        for host in (f"localhost:{platform.port}", "127.0.0.1", f"[::1]:{platform.port}"):
            assert (await client.get(url(platform), headers={"host": host})).status_code == 200
        # A second Host header: one HTTP parser lets it through to our gate, the other refuses it by itself.
        assert await refused(platform, origin="http://evil.example", host="evil.example") in (400, 403)


async def test_the_page_forbids_itself_everything_foreign() -> None:
    async with open_page(FarSide()) as platform, httpx.AsyncClient() as client:
        answer = await client.get(url(platform))
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        for path in ("/page/page.html", "/page.html", "/page/..%2fpage.html", "/page/", "/page/nothing.js", "/nothing"):
            assert (await client.get(url(platform, path))).status_code == 404
        assert (await client.get(url(platform, "/healthz"))).text == "ok"


async def test_browsers_ask_each_time_whether_a_file_of_the_page_is_still_the_same() -> None:
    async with open_page(FarSide(), password="x") as platform, httpx.AsyncClient() as client:
        script = await client.get(url(platform, "/page/main.js"))
        assert script.status_code == 200, "the login page loads its files before anybody has logged in"
        assert script.headers["content-type"].startswith("text/javascript")
        assert script.headers["cache-control"] == "no-cache"
        known = {"if-none-match": script.headers["etag"]}
        assert (await client.get(url(platform, "/page/main.js"), headers=known)).status_code == 304


async def test_with_a_password_nothing_opens_before_it_and_a_wrong_one_has_to_wait() -> None:
    async with open_page(FarSide(), password="geheim 秘密") as platform, httpx.AsyncClient() as client:
        assert (await client.get(url(platform))).headers["location"] == "/login"
        assert (await client.get(url(platform, "/sample"))).status_code == 401
        assert await refused(platform) == 403
        assert await refused(platform, cookie=f"backchannel_{platform.port}=9999999999.deadbeef") == 403
        login = url(platform, "/login")
        assert (await client.post(login, data={"password": "x" * 5000})).status_code == 400
        assert (await client.post(login, data={"password": "guess"})).status_code == 401
        assert (await client.post(login, data={"password": "geheim 秘密"})).status_code == 429
        answer = await soon(
            lambda: client.post(login, data={"password": "geheim 秘密"}), lambda answer: answer.status_code == 303
        )
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert (await client.get(url(platform))).status_code == 200
        assert await refused(platform, cookie=cookie.partition(";")[0]) == 101


def test_a_cookie_ends_and_another_process_does_not_take_it() -> None:
    def gate() -> Any:
        platform = WebPlatform("127.0.0.1", 0, SecretStr("x"), history=far.history, overview=far.overview, verbs=VERBS)
        return platform.gate

    far = FarSide()
    ours, other = gate(), gate()
    cookie = ours.session_cookie()
    assert ours.session_valid(cookie)
    assert not other.session_valid(cookie)
    assert not ours.session_valid(cookie, max_age=-1)
    for forged in ("", ".", "x.y", "in", "in.99999999999.", cookie.replace(".", ".0")):
        assert not ours.session_valid(forged)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "example.org"])
def test_an_open_address_without_a_password_is_refused_before_anything_is_bound(host: str) -> None:
    far = FarSide()
    for password in (None, SecretStr("")):
        with pytest.raises(BackchannelError, match="BACKCHANNEL_WEB__PASSWORD"):
            WebPlatform(host, 0, password, history=far.history, overview=far.overview, verbs=VERBS)


async def test_a_port_in_use_gets_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BackchannelError, match=rf"Port {port} is in use .*BACKCHANNEL_WEB__PORT"):
            async with open_page(FarSide(), port=port):
                pass


async def test_an_address_that_is_not_ours_gets_one_sentence() -> None:
    with pytest.raises(BackchannelError, match="BACKCHANNEL_WEB__HOST"):
        async with open_page(FarSide(), host="203.0.113.7", password="x"):
            pass
