"""The client's address, behind trusted proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from aiohttp import web

from core.runtime.ip_addresses import IpAddress, address_of, is_within
from core.web.http.problems import Problem

PASSED_ON = ("X-Forwarded-For", "Forwarded", "X-Real-IP")
"""What a web server in front of us tells its client by."""


class ClientAddress:
    """Resolves the client's address; only trusted proxies may name one."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        #: who last passed somebody on and is no proxy of ours; one in our own network, if any
        self.unbelieved = ""
        self._is_near = False
        self._proxies = tuple(
            ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies
        )

    def of(self, request: web.Request) -> str:
        """The nearest hop that is no proxy of ours; "" when there is none to name.

        A proxy may add its hop to the line it found, or in a line of its own: all lines are one
        list. Raises Problem 400 where a proxy of ours names as its client what is no address:
        believed, each such word would be a visitor with limits of their own.
        """
        remote = address_in(request.remote or "")
        if remote is None:
            return request.remote or ""
        if not self._is_proxy(remote):
            if any(name in request.headers for name in PASSED_ON):
                self._note(remote)
            return str(remote)
        lines = request.headers.getall("X-Forwarded-For", ())
        hops = [hop.strip(" \t") for hop in ",".join(lines).split(",")]
        for hop in reversed(hops):
            if not hop:
                continue
            found = address_in(hop)
            if found is None:
                raise Problem(400, "X-Forwarded-For names what is no address.")
            if not self._is_proxy(found):
                return str(found)
        return str(remote)

    def _note(self, remote: IpAddress) -> None:
        # Anybody may send such a header; only from a private address it is surely a web server.
        is_near = remote.is_private or remote.is_loopback
        if is_near or not self._is_near:
            self.unbelieved, self._is_near = str(remote), is_near

    def _is_proxy(self, address: IpAddress) -> bool:
        return is_within(address, self._proxies)


def address_in(word: str) -> IpAddress | None:
    """The IP address in a word, with a port or without; None where there is none."""
    plain, port = word, ""
    if word.startswith("["):
        plain, closed, port = word[1:].partition("]")
        if not closed:
            return None
    elif word.count(":") == 1:
        plain, _, number = word.partition(":")
        port = f":{number}"
    digits = port[1:]
    if port and not (port[0] == ":" and len(digits) <= 5 and digits.isascii() and digits.isdigit()):
        return None
    return address_of(plain)
