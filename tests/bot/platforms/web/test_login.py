"""Who may come in: origins, hosts, the password, and addresses that cannot be had."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from bot.platforms.web.login import CACHE_SIZE, Gate, LoginThrottle
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


async def test_guesses_that_come_at_once_wait_like_those_that_come_one_after_another() -> None:
    async with open_page(FarSide(), password="right") as platform, httpx.AsyncClient(timeout=60) as client:
        guesses = (client.post(url(platform, "/login"), data={"password": f"guess {n}"}) for n in range(100))
        statuses = [answer.status_code for answer in await asyncio.gather(*guesses)]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= 6  # a minute's worth, on however slow a machine


async def tried(platform: WebPlatform, address: str) -> int:
    """The status for a wrong password that a proxy on this machine says comes from that address."""
    async with httpx.AsyncClient() as client:
        forwarded = {"x-forwarded-for": address, "x-forwarded-proto": "https"}
        return (await client.post(url(platform, "/login"), data={"password": "guess"}, headers=forwarded)).status_code


async def test_only_a_proxy_that_is_named_is_believed_about_whom_it_asks_for() -> None:
    async with open_page(FarSide(), password="x") as platform:
        assert [await tried(platform, f"192.0.2.{number}") for number in (1, 2)] == [401, 429]
    async with open_page(FarSide(), password="x", trusted_proxies="127.0.0.1") as platform:
        assert [await tried(platform, f"192.0.2.{number}") for number in (1, 2, 1)] == [401, 401, 429]


async def test_behind_a_proxy_the_public_name_is_ours_and_the_cookie_goes_by_tls_alone() -> None:
    public = "https://chat.example.com"
    async with open_page(FarSide(), password="x", public_url=public) as platform, httpx.AsyncClient() as client:
        host = {"host": "chat.example.com"}
        answer = await client.post(url(platform, "/login"), data={"password": "x"}, headers=host)
        assert (answer.status_code, "Secure" in answer.headers["set-cookie"]) == (303, True)
        cookie = answer.headers["set-cookie"].partition(";")[0]
        assert await refused(platform, origin=public, host="chat.example.com", cookie=cookie) in (101, 400)
        assert (await client.get(url(platform), headers={"host": "other.example.com"})).status_code == 421


async def test_whoever_logs_out_has_to_give_the_password_again() -> None:
    async with open_page(FarSide(), password="x") as platform, httpx.AsyncClient() as client:
        await client.post(url(platform, "/login"), data={"password": "x"})
        page = await client.get(url(platform))
        assert 'action="/logout"' in page.text
        assert (
            await client.post(url(platform, "/logout"), headers={"origin": "http://evil.example"})
        ).status_code == 403
        ours = {"origin": f"http://127.0.0.1:{platform.port}"}
        assert (await client.post(url(platform, "/logout"), headers=ours)).headers["location"] == "/login"
        assert (await client.get(url(platform))).headers["location"] == "/login"
    async with open_page(FarSide()) as platform, httpx.AsyncClient() as client:
        assert 'action="/logout"' not in (await client.get(url(platform))).text


def test_a_cookie_outlives_a_restart_and_ends_with_the_password() -> None:
    ours, restarted, other = gate("127.0.0.1"), gate("127.0.0.1"), gate("127.0.0.1", "y")
    cookie = ours.session_cookie()
    assert ours.session_valid(cookie)
    assert restarted.session_valid(cookie)
    assert not other.session_valid(cookie)
    assert not ours.session_valid(cookie, max_age=-1)
    for forged in ("", ".", "x.y", "in", "in.99999999999.", cookie.replace(".", ".0")):
        assert not ours.session_valid(forged)


def waits(throttle: LoginThrottle, address: str, times: int) -> list[float]:
    """How long this address has to wait after each of so many wrong passwords, all at once."""
    seconds = []
    for _ in range(times):
        throttle.tried(address, 100.0)
        seconds.append(throttle.wait(address, 100.0))
    return seconds


def test_each_wrong_password_doubles_the_wait_up_to_a_minute_and_the_right_one_ends_it() -> None:
    throttle = LoginThrottle()
    assert throttle.wait("192.0.2.1", 100.0) == 0.0
    assert waits(throttle, "192.0.2.1", 9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [throttle.wait("192.0.2.1", now) for now in (130.0, 159.5, 160.0, 900.0)] == [30.0, 0.5, 0.0, 0.0]
    throttle.succeeded("192.0.2.1")
    assert throttle.wait("192.0.2.1", 100.0) == 0.0
    assert waits(throttle, "192.0.2.1", 2) == [1, 2]


def test_a_guesser_of_many_days_still_waits_a_minute() -> None:
    assert waits(LoginThrottle(), "192.0.2.1", 5000)[-1] == 60.0


NEIGHBOURS = [
    ("192.0.2.1", "192.0.2.2", False),
    ("192.0.2.1", "198.51.100.1", False),
    ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
    ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    ("::1", "127.0.0.1", False),
    ("testclient", "another", False),
]


@pytest.mark.parametrize(("guesser", "other", "together"), NEIGHBOURS)
def test_who_guesses_locks_out_its_own_network_alone(guesser: str, other: str, together: bool) -> None:
    throttle = LoginThrottle()
    waits(throttle, guesser, 3)
    assert (throttle.wait(other, 100.0) > 0) is together
    throttle.succeeded(other)
    assert (throttle.wait(guesser, 100.0) == 0) is together


def test_of_very_many_addresses_those_that_guessed_last_are_remembered() -> None:
    throttle = LoginThrottle()
    others = [f"10.1.{number // 256}.{number % 256}" for number in range(CACHE_SIZE)]
    for address in ("192.0.2.1", *others[:-1], "192.0.2.1"):
        throttle.tried(address, 100.0)
    throttle.tried(others[-1], 100.0)
    assert throttle.wait("192.0.2.1", 100.0) == 2.0
    assert throttle.wait(others[0], 100.0) == 0.0, "there was no more room for it"
    assert throttle.wait(others[1], 100.0) == 1.0


LOCAL = [("localhost", 200), ("LOCALHOST:8080", 200), ("[::1]:80", 200), ("example.org", 421), ("[::1", 421), ("", 421)]


@pytest.mark.parametrize(("name", "status"), LOCAL)
def test_on_this_machine_only_its_own_names_are_answered(name: str, status: int) -> None:
    assert gate("127.0.0.1").host_allowed(asked(name)) is (status == 200)


@pytest.mark.parametrize("name", ["chat.example.org", "chat.example.org:8443", "localhost", "203.0.113.7"])
def test_a_page_on_the_network_is_answered_under_every_name(name: str) -> None:
    assert gate("0.0.0.0").host_allowed(asked(name))


@pytest.mark.parametrize(
    ("origin", "host", "ours"),
    [
        ("http://localhost:80", "localhost:80", True),
        ("https://Chat.example.org", "chat.example.ORG", True),
        ("http://evil.example", "chat.example.org", False),
        ("", "chat.example.org", False),
        ("null", "chat.example.org", False),
        ("", "", False),
    ],
)
def test_only_our_own_page_may_ask(origin: str, host: str, ours: bool) -> None:
    assert gate("0.0.0.0").same_origin(asked(host, origin)) is ours


def test_the_password_is_compared_whatever_its_letters_and_no_password_is_never_right() -> None:
    locked, open_ = gate("0.0.0.0", "geheim 秘密"), gate("127.0.0.1", "")
    assert [locked.password_is(guess) for guess in ("geheim 秘密", "geheim", "", "\ud800")] == [
        True,
        False,
        False,
        False,
    ]
    assert not open_.locked
    assert not open_.password_is("")
    assert open_.admitted(asked("localhost"))
    assert not locked.admitted(asked("localhost"))


def gate(host: str, password: str = "x") -> Gate:
    return Gate(host, SecretStr(password))


def asked(host: str, origin: str = "") -> HTTPConnection:
    """A request with these two headers; an empty one is left out."""
    headers = [(name, value.encode()) for name, value in ((b"host", host), (b"origin", origin)) if value]
    return HTTPConnection({"type": "http", "headers": headers, "server": ("127.0.0.1", 80), "path": "/"})


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
