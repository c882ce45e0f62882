"""Who may use the page: a request must come from the page itself, and know the token if there is one."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aassl_ros.errors import ConfigError

_SHORTEST_TOKEN = 8


def is_loopback(host: str) -> bool:
    """Return whether only this machine can connect to `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Access:
    """The rules for one server.

    Attributes:
        local: whether only this machine can connect.
        token: the secret that a request must know; empty: none is needed.
        names: names of this machine that the Host header may have, if it is not local. Addresses are always allowed.
    """

    local: bool
    token: str
    names: frozenset[str] = field(default_factory=frozenset)

    def refusal(self, host: str, origin: str | None, token: str) -> str:
        """Return why a request is refused; empty if it is allowed.

        The Host header stops a foreign name that was made to point at this machine (DNS rebinding). The Origin header
        stops pages of other servers: browsers send it with every request for a WebSocket.

        Args:
            host: the Host header.
            origin: the Origin header; None if there is none.
            token: what the request gives as token.
        """
        if not self._is_ours(host):
            return f"the name {host[:100]!r} is not one of this machine (parameter host_names)"
        if origin is not None and _authority(origin) != host.lower():
            return f"requests from {origin[:100]!r} are not allowed"
        if self.token and not hmac.compare_digest(_bytes(token), _bytes(self.token)):
            return "the token is missing or wrong: open the link that the page node printed"
        return ""

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if is_loopback(name):
            return True
        if self.local:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self.names
        return True  # nobody can make an address point elsewhere


def make_access(host: str, token: str, host_names: tuple[str, ...] = ()) -> Access:
    """Make the rules for a server that listens on `host`. If others can connect and no token is given, one is made.

    Raises ConfigError if the token is too short to keep anyone out.
    """
    if token and len(token) < _SHORTEST_TOKEN:
        raise ConfigError(f"page: the token has {len(token)} characters, expected at least {_SHORTEST_TOKEN}.")
    if is_loopback(host):
        return Access(True, token)
    own = socket.gethostname().lower()
    names = frozenset({own, f"{own}.local", host.lower(), *map(str.lower, host_names)})
    return Access(False, token or secrets.token_urlsafe(16), names)


def _authority(origin: str) -> str:
    try:
        found = urlsplit(origin)
    except ValueError:
        return ""
    return found.netloc.lower() if found.scheme in ("http", "https") else ""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
