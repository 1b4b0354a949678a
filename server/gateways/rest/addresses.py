"""Which addresses a webhook may have, and where it really is: no way into the network of ours.

Whoever registers a webhook has this server send requests for them. To an address that only this
server can reach (a database beside it, the metadata of a cloud) it sends none, unless its settings
say so. The address is looked up for each delivery and the connection made to what was checked, so
that a name cannot point elsewhere a moment later.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from anyio import getaddrinfo

from crdt_calendar.errors import InvalidValue

LONGEST = 2048
TRANSLATED = IPv6Network("64:ff9b::/96")  # RFC 6052
PORTS = {"http": 80, "https": 443}


class Addresses:
    """What is an address to send to; with `private`, any that there is."""

    def __init__(self, *, private: bool = False) -> None:
        self._is_allowed: Callable[[str], bool] = (lambda _: True) if private else _is_public

    def check(self, url: str) -> SplitResult:
        """The parts of the URL. Raises `InvalidValue` for one that can be nothing to us."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise InvalidValue("url: not a URL") from None
        if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url:
            raise InvalidValue(f"url: at most {LONGEST} printable characters of ASCII")
        if parts.scheme not in PORTS or not parts.hostname or port == 0:
            raise InvalidValue("url: write http:// or https:// and a host")
        if parts.username is not None or parts.fragment:
            raise InvalidValue("url: neither a user nor a fragment may be in it")
        return parts

    async def resolve(self, url: str) -> str:
        """An IP address of the URL's host. Raises `InvalidValue` when we may not, or cannot."""
        parts = self.check(url)
        found = await _look_up(parts.hostname or "", parts.port or PORTS[parts.scheme])
        if not found:
            raise InvalidValue(f"url: nobody knows the host {parts.hostname}")
        if not all(map(self._is_allowed, found)):
            raise InvalidValue(
                f"url: {parts.hostname} is in a private network; whoever runs the server can "
                "allow that, by webhooks_private"
            )
        return found[0]


async def _look_up(host: str, port: int) -> Sequence[str]:
    try:
        entries = await getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return [str(entry[4][0]) for entry in entries]


def _is_public(text: str) -> bool:
    address = ip_address(text.partition("%")[0])
    if address.version == 6 and (address in TRANSLATED or address.sixtofour or address.teredo):
        return False  # there is an IPv4 address in it, and somebody who translates
    return address.is_global and not address.is_multicast
