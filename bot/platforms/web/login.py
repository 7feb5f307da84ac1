"""Who may come in: Host and Origin checks, the password, its cookie, and what a page may load."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.requests import HTTPConnection

from workers.core.errors import BackchannelError

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SESSION_SECONDS = 30 * 24 * 3600
REMEMBERED_ADDRESSES = 10_000

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}


def is_loopback(host: str) -> bool:
    """Whether an address that we bind can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Gate:
    """The checks that stand before every page, socket and button."""

    def __init__(self, host: str, password: SecretStr | None) -> None:
        self.loopback = is_loopback(host)
        self._password = password if password and password.get_secret_value() else None
        if not self.loopback and self._password is None:
            raise BackchannelError(
                f"The web page would be open to the network on {host or 'every address'}: "
                "set BACKCHANNEL_WEB__PASSWORD, or keep BACKCHANNEL_WEB__HOST at 127.0.0.1."
            )
        self._key = secrets.token_bytes(32)
        self.patience = Patience()

    @property
    def locked(self) -> bool:
        """Whether a password is asked for."""
        return self._password is not None

    def host_allowed(self, connection: HTTPConnection) -> bool:
        """On loopback only local names: a foreign name that resolves to 127.0.0.1 is DNS rebinding."""
        return not self.loopback or hostname(connection.headers.get("host", "")) in LOCAL_NAMES

    def same_origin(self, connection: HTTPConnection) -> bool:
        """Whether it was our own page that asked. Browsers always send Origin here; no Origin, no entry."""
        origin, host = connection.headers.get("origin", ""), connection.headers.get("host", "")
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()

    def admitted(self, connection: HTTPConnection) -> bool:
        """Whether no password is needed, or this browser has given it."""
        return not self.locked or self._genuine(connection.cookies.get(cookie_name(connection), ""))

    def password_is(self, guess: str) -> bool:
        """Compare in constant time, whatever the lengths."""
        known = self._password.get_secret_value() if self._password else ""
        mine, theirs = (hmac.digest(self._key, text.encode("utf-8", "replace"), "sha256") for text in (known, guess))
        return self.locked and hmac.compare_digest(mine, theirs)

    def pass_for(self, seconds: float = SESSION_SECONDS) -> str:
        """A cookie's value that this process, and no other, accepts for `seconds`."""
        until = str(int(time.time() + seconds))
        return f"{until}.{self._sign(until)}"

    def _sign(self, until: str) -> str:
        return hmac.new(self._key, b"pass:" + until.encode(), hashlib.sha256).hexdigest()

    def _genuine(self, value: str) -> bool:
        until, _, signature = value.partition(".")
        if not hmac.compare_digest(self._sign(until).encode(), signature.encode("utf-8", "replace")):
            return False
        return int(until) > time.time()


class Patience:
    """Each wrong password makes its address wait longer, up to a minute, before the next try is looked at."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, address: str, now: float) -> float:
        """Seconds until this address may try again; 0.0 if it may now."""
        return max(0.0, self._failures.get(neighbourhood(address), (0, 0.0))[1] - now)

    def failed(self, address: str, now: float) -> None:
        """Remember a wrong password: 1, 2, 4 … 60 seconds of waiting."""
        place = neighbourhood(address)
        count = self._failures.get(place, (0, 0.0))[0] + 1
        self._failures[place] = (count, now + min(60.0, 2.0 ** min(count - 1, 6)))
        self._failures.move_to_end(place)
        while len(self._failures) > REMEMBERED_ADDRESSES:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget what this address got wrong."""
        self._failures.pop(neighbourhood(address), None)


def hostname(header: str) -> str:
    """The name in a Host header, without its port and brackets; "" if there is none."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


def neighbourhood(address: str) -> str:
    """One address of IPv4, or the /64 that one IPv6 customer owns."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((int(parsed), 64), strict=False))


def cookie_name(connection: HTTPConnection) -> str:
    """Cookies are shared between the ports of a host, so the port is in the name."""
    return f"backchannel_{connection.url.port or 0}"
