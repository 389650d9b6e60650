"""Restricts where a channel may connect to when an admin chose its address.

An operator's own address (the environment, the command line) is the operator's business.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from core.errors import BadInput
from core.runtime.ip_addresses import address_of, is_public, is_within

#: Parts of a setting's name that say that it is a place, whatever its value looks like.
_PLACES = frozenset(
    {"url", "uri", "host", "hostname", "server", "endpoint", "address", "domain", "proxy", "base",
     "gateway", "ip", "port", "site"}
)  # fmt: skip
_SECRETS = ("token", "secret", "password", "passphrase", "key", "credential", "auth")
_HOST = re.compile(r"[^\s/\\@?#\x00-\x20\x7f]+")
RESOLVE_SECONDS = 5.0


class PrivateAddress(BadInput):
    """This address is not on the internet; the operator may allow it by PRIVATE_API_ADDRESSES."""


def is_place(name: str, value: object) -> bool:
    """Whether the setting says where to connect to."""
    if isinstance(value, str):
        if "://" in value:
            return True
        if "@" in value or not value.strip():
            return False  # the sender of mail, say
    elif not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return bool(set(name.lower().split("_")) & _PLACES)


def is_secret_name(name: str) -> bool:
    """Whether a setting of this name is most likely kept from others."""
    return any(word in name.lower() for word in _SECRETS)


def changed_places(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The places that are others than before, by name."""
    names = {
        n for n in (*before, *after) if is_place(n, before.get(n)) or is_place(n, after.get(n))
    }
    return sorted(n for n in names if before.get(n) != after.get(n))


class Egress:
    """The addresses that a restricted channel may connect to."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._allowed = tuple(ipaddress.ip_network(name, strict=False) for name in allowed)

    def allows(self, ip: str) -> bool:
        """Whether it may connect to this IP address."""
        address = address_of(ip)
        if address is None:
            return False
        return is_public(address) or is_within(address, self._allowed)

    async def require(self, places: Mapping[str, Any]) -> None:
        """Raises PrivateAddress for a place that leads elsewhere, BadInput for one that is none.

        What cannot be found by name now leads nowhere now; it is asked for again at each start,
        and each connection once more.
        """
        for name, value in places.items():
            if isinstance(value, str):
                await self._require(name, value)

    async def _require(self, name: str, value: str) -> None:
        for place in [value] if "://" in value else re.split(r"[,\s]+", value.strip()):
            host = _host_of(place.strip())
            if not host:
                raise BadInput(f"{name}: this names no host that one could connect to.")
            for ip in await _resolved(host):
                if not self.allows(ip):
                    reason = PrivateAddress().detail
                    raise PrivateAddress(f"{name}: {reason}")


class RestrictedLoop(asyncio.SelectorEventLoop):
    """A loop whose connections stay within reach, wherever a name or a redirect leads."""

    def __init__(self, reach: Egress) -> None:
        super().__init__()
        self._reach = reach

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """See asyncio; raises PermissionError for an address out of reach."""
        inner = sock.family in (socket.AF_INET, socket.AF_INET6)
        if not inner or not self._reach.allows(str(address[0])):
            raise PermissionError(errno.EACCES, PrivateAddress().detail)
        await super().sock_connect(sock, address)


def _host_of(place: str) -> str:
    """The host that a client would connect to, "" where clients might disagree."""
    try:
        parts = urlsplit(place if "://" in place else f"//{place}")
        host, written = parts.hostname or "", parts.netloc
        parts.port  # noqa: B018 - a port that is none is refused
    except ValueError:
        return ""
    if "@" in written or "\\" in place or not _HOST.fullmatch(host):
        return ""
    return host.rstrip(".")


async def _resolved(host: str) -> list[str]:
    if address_of(host) is not None:
        return [host]
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            # As a client would: this also reads 127.1, 0x7f.1 and 2130706433.
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return []
    return [str(info[4][0]) for info in found]
