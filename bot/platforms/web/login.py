"""Who may come in: Host and Origin checks, the password, its cookie, and what a page may load."""

from __future__ import annotations

import hmac
import ipaddress
from hashlib import scrypt, sha256
from urllib.parse import urlsplit

from cachetools import LRUCache
from itsdangerous import BadSignature, TimestampSigner
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from bot.settings import is_loopback
from workers.core.errors import BackchannelError

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SESSION_SECONDS = 30 * 24 * 3600
CACHE_SIZE = 10_000
SALT = b"backchannel web session"

# Nothing from elsewhere is loaded or run; `data:` is how pictures come over the socket.
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}


class Gate:
    """The checks that stand before every page, socket and button."""

    def __init__(self, host: str, password: SecretStr | None, public_url: str = "") -> None:
        self.loopback = is_loopback(host)
        self._public = urlsplit(public_url)
        self._password = password if password and password.get_secret_value() else None
        if not self.loopback and self._password is None:
            raise BackchannelError(
                f"The web page would be open to the network on {host or 'every address'}: "
                "set BACKCHANNEL_WEB__PASSWORD, or keep BACKCHANNEL_WEB__HOST at 127.0.0.1."
            )
        # Of the password: sessions outlive a restart, and a new password ends all of them. Slow, because whoever has a
        # cookie could try passwords on it.
        key = (
            scrypt(self._password.get_secret_value().encode(), salt=SALT, n=2**14, r=8, p=1) if self._password else SALT
        )
        self._key, self._signer = key, TimestampSigner(key, salt="session", digest_method=sha256)
        self.throttle = LoginThrottle()

    @property
    def locked(self) -> bool:
        """Whether a password is asked for."""
        return self._password is not None

    def host_allowed(self, connection: HTTPConnection) -> bool:
        """On loopback only local names and the public one: others that resolve to 127.0.0.1 are DNS rebinding."""
        name = hostname(connection.headers.get("host", ""))
        return not self.loopback or name in LOCAL_NAMES or (bool(name) and name == self._public.hostname)

    def same_origin(self, connection: HTTPConnection) -> bool:
        """Whether it was our own page that asked. Browsers always send Origin here; no Origin, no entry."""
        origin, host = connection.headers.get("origin", ""), connection.headers.get("host", "")
        return bool(host) and urlsplit(origin).netloc.lower() in (
            host.lower(),
            self._public.netloc.lower() or host.lower(),
        )

    def secure(self, connection: HTTPConnection) -> bool:
        """Whether browsers reach us by TLS, and so send the cookie by nothing else."""
        return connection.url.scheme == "https" or self._public.scheme == "https"

    def admitted(self, connection: HTTPConnection) -> bool:
        """Whether no password is needed, or this browser has given it."""
        return not self.locked or self.session_valid(connection.cookies.get(cookie_name(connection), ""))

    def password_is(self, guess: str) -> bool:
        """Compare in constant time, whatever the lengths."""
        password = self._password.get_secret_value() if self._password else ""
        digests = [hmac.digest(self._key, text.encode("utf-8", "replace"), "sha256") for text in (password, guess)]
        return self.locked and hmac.compare_digest(*digests)

    def session_cookie(self) -> str:
        """The value of a signed cookie, accepted for `SESSION_SECONDS` for as long as the password is the same."""
        return self._signer.sign("in").decode()

    def session_valid(self, cookie: str, max_age: int = SESSION_SECONDS) -> bool:
        """Whether we signed it, at most `max_age` seconds ago."""
        try:
            return self._signer.unsign(cookie, max_age=max_age) == b"in"
        except BadSignature:
            return False


class LoginThrottle:
    """Each wrong password makes its address wait longer, up to a minute, before the next try is looked at."""

    def __init__(self) -> None:
        # Bounded: whoever has many addresses must not fill the memory.
        self._failures: LRUCache[str, tuple[int, float]] = LRUCache(CACHE_SIZE)

    def wait(self, address: str, now: float) -> float:
        """Seconds until this address may try again; 0.0 if it may now."""
        return max(0.0, self._failures.get(network(address), (0, 0.0))[1] - now)

    def tried(self, address: str, now: float) -> None:
        """Count a try, before it is known whether it is right: 1, 2, 4 … 60 seconds of waiting."""
        count = self._failures.get(network(address), (0, 0.0))[0] + 1
        # 2 ** 6 is more than a minute already; a guesser of many days must not make it a huge number.
        self._failures[network(address)] = (count, now + min(60.0, 2.0 ** min(count - 1, 6)))

    def succeeded(self, address: str) -> None:
        """Forget what this address got wrong."""
        self._failures.pop(network(address), None)


def hostname(header: str) -> str:
    """The name in a Host header, without its port and brackets; "" if there is none."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


def network(address: str) -> str:
    """One address of IPv4, or the /64 that one IPv6 customer owns."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((int(parsed), 64), strict=False))


def cookie_name(connection: HTTPConnection) -> str:
    """Cookies are shared between the ports of a host, so the port is in the name."""
    return f"backchannel_{connection.url.port or 0}"
